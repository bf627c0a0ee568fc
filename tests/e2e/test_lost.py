# SPDX-License-Identifier: Apache-2.0
"""A handset is lost: one request denies it everything, cuts it off, and says which secrets must be changed and where."""
import http.client
import ssl

import pytest

from authority import Authority, fingerprint
from conftest import TIMEOUT


@pytest.fixture(scope="module")
def site(new_site, folder):
    site = new_site("lost")
    site.cas = Authority(folder / "handsets", "handsets", site.ca, site.folder / "site/ca.key")
    return site


def status(site, cert, user=None):
    return site.http("GET", "/site.cfg", user, context=site.context(None, *cert)).status


def test_every_factor_is_denied_at_once(site):
    mac, user = site.macs[0], site.handsets[0]
    cert, unseen = (site.cas.issue(name, f"/CN={mac}") for name in ("seen", "unseen"))
    assert site.http("PUT", "/big.bin", site.admin, b"x" * (64 << 20)).status in (200, 201, 204)
    assert status(site, cert) == 200
    by_password, by_certificate = site.ftp(user), site.ftp(context=site.context(None, *cert))
    assert by_certificate.sendcmd(f"USER {mac}")[:3] == "232"
    by_certificate.voidcmd("TYPE I")
    data = by_certificate.transfercmd("RETR big.bin")
    assert data.recv(1000)
    https = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=site.context(None, *cert), timeout=TIMEOUT)
    https.request("GET", "/big.bin")
    response = https.getresponse()
    assert response.status == 200 and response.read(1000)

    reply = site.api("POST", f"/handsets/{mac.upper()}/lost")
    assert reply.status == 200
    value = reply.json
    assert value["handset"]["lost"] and value["handset"]["enabled"] is False and value["fault"] is None
    assert value["accounts_denied"] == 1 and value["certificates_revoked"] >= 1
    assert by_password.file.readline()[:3] == "421"
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        response.read()
    got = 1000
    try:
        while more := data.recv(1 << 20):
            got += len(more)
    except (ConnectionError, ssl.SSLError):
        pass
    assert got < 64 << 20
    for connection in (by_password, by_certificate, data, https):
        connection.close()
    # Its password, the certificate that was seen, and one that never was; not even beside somebody's right password.
    assert site.http("GET", "/site.cfg", user).status == 401
    for shown in (cert, unseen):
        assert status(site, shown) == 401
        assert status(site, shown, site.handsets[1]) == 401
    assert site.api("PATCH", f"/handsets/{mac}", {"enabled": True}).status == 409
    assert site.http("GET", "/site.cfg", site.handsets[1]).status == 200
    listed = {row["fingerprint"]: row for row in site.api("GET", f"/certificates?name={mac}").json["certificates"]}
    assert listed[fingerprint(cert[0])]["revoked"] and listed[fingerprint(cert[0])]["reason"] == "its handset was lost"

    assert site.api("POST", f"/handsets/{mac}/found").json["lost"] is None
    assert site.api("POST", f"/handsets/{mac}/found").status == 409
    assert site.http("GET", "/site.cfg", user).status == 401
    assert status(site, cert) == 401
    assert status(site, unseen) == 200
    made = site.api("POST", f"/accounts/{user[0]}/password", {})
    assert site.http("GET", "/site.cfg", (user[0], made.json["password"])).status == 200


def test_its_secrets_are_told_by_name_only(site):
    lost, holder = site.macs[1], site.macs[2]
    psk, sip, admin = "psk-Quai6ohX-marker", "sip-Ohw9ieb2-marker", "adm-eeY0xaed-marker"
    put = lambda path, text: site.http("PUT", path, site.admin, text.encode())
    assert put(f"/{lost}-ext.cfg", f"<c device.wifi.psk.key='{psk}' reg.1.auth.password='{sip}'/>").status in (200, 201, 204)
    assert put(f"/{holder}-ext.cfg", f"<c device.wifi.psk.key='{psk}' reg.1.auth.password='another'/>").status in (200, 201, 204)
    assert put("/keys.cfg", f"<c device.auth.localAdminPassword='{admin}'/>").status in (200, 201, 204)
    assert put(f"/{lost}-hidden.cfg", "Crypt=1;KeyDesc=ward;Digest=00;\nopaque").status in (200, 201, 204)
    reply = site.api("POST", f"/handsets/{lost}/lost")
    assert reply.status == 200
    for secret in (psk, sip, admin):
        assert secret.encode() not in reply.body
        assert secret not in site.log_text()
    rows = {(row["parameter"], row["file"]): row for row in reply.json["secrets"]}
    row = rows["device.wifi.psk.key", f"/{lost}-ext.cfg"]
    assert row["holders"] == 1 and row["others"] == [holder] and row["shared"] is False
    assert rows["reg.1.auth.password", f"/{lost}-ext.cfg"]["others"] == []
    assert rows["device.auth.localAdminPassword", "/keys.cfg"]["shared"] is True
    assert {"file": f"/{lost}-hidden.cfg", "shared": False, "why": "encrypted"} in reply.json["closed"]


def test_who_may_and_what_is_there(site):
    mac = site.macs[2]
    assert site.api("POST", f"/handsets/{mac}/lost", user=site.operator).status == 403
    assert site.api("POST", f"/handsets/{mac}/lost", user=site.handsets[2]).status == 403
    assert site.api("POST", "/handsets/00907affffff/lost").status == 404
    assert site.api("POST", "/handsets/nonsense/lost").status == 404
    assert site.http("GET", "/site.cfg", site.handsets[2]).status == 200
