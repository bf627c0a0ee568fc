# SPDX-License-Identifier: Apache-2.0
"""Revoked certificates: always a refusal, whatever else is shown, over both protocols and on both versions of TLS."""
import base64
import http.client
import pathlib
import signal
import socket
import ssl

import pytest

from authority import Authority, fingerprint
from conftest import TIMEOUT, Site


@pytest.fixture(scope="module")
def site(new_site, folder):
    """The site's CA is the handsets' too; `revoked` is listed, `good` is not."""
    site = new_site("revoked")
    site.cas = Authority(folder / "handsets", "handsets", site.ca, site.folder / "site/ca.key")
    site.good = site.cas.issue("good", f"/CN={site.macs[0]}")
    site.revoked = site.cas.issue("revoked", f"/CN={site.macs[0]}")
    site.stop()
    return site.start(crl_handset=site.cas.crl("list", site.revoked[0]))


def https(site, cert, user=None, tls=None):
    return site.http("GET", "/site.cfg", user, context=site.context(tls, *cert)).status


def ftps(site, cert, user, password, tls=None):
    """(reply to USER, reply to PASS after it)"""
    ftp = site.ftp(context=site.context(tls, *cert))
    try:
        ftp.putcmd(f"USER {user}")
        first = ftp.getmultiline()[:3]
        ftp.putcmd(f"PASS {password}")
        return first, ftp.getmultiline()[:3]
    finally:
        ftp.close()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_listed_certificate_is_refused_even_with_the_right_password(site, tls):
    user = site.handsets[0]
    assert https(site, site.good, tls=tls) == 200
    assert https(site, site.revoked, tls=tls) == 401
    assert https(site, site.revoked, user, tls) == 401
    assert https(site, site.revoked, site.admin, tls) == 401
    assert ftps(site, site.good, *user, tls) == ("232", "230")
    assert ftps(site, site.revoked, *user, tls) == ("530", "503")
    assert "login.revoked" in site.log_text()
    assert site.http("GET", "/site.cfg", user).status == 200


def test_where_only_passwords_count_it_is_not_asked_for(new_site, folder, site):
    """A listener that no role needs a certificate on asks for none, so that there is none to be revoked."""
    other = new_site("passwords", auth_handset="password", auth_administrator="password", auth_operator="password")
    assert other.http("GET", "/site.cfg", other.handsets[0], context=other.context(None, *site.revoked)).status == 200


def test_a_crl_of_nobody_stops_the_start(site, folder):
    strangers = Authority(folder / "strangers", "strangers")
    cert = strangers.issue("x", "/CN=x")
    made = Site(folder / "foreign-crl")
    with pytest.raises(RuntimeError, match="foreign.crl: a CRL is not signed by any CA of the bundle"):
        made.start(crl_handset=strangers.crl("foreign", cert[0]))


def reload(site):
    """Reads everything anew, and comes back when it is done."""
    with open(site.folder / "daemon.log", "rb") as log:
        log.seek(0, 2)
        site.process.send_signal(signal.SIGHUP)
        text = b""
        while b"reload." not in text:
            text += log.read()
    assert b"reload.done" in text, text[-2000:]


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_new_crl_ends_what_is_under_way(new_site, folder, tls):
    """The list comes while a handset is connected, idle and in the middle of transfers: it ends, whether its certificate let it
    in or stood beside a password; the TLS session that it keeps is worth nothing."""
    site = new_site(f"reload{tls}", watch_interval="0")
    cas = Authority(folder / f"reload-cas{tls}", "handsets", site.ca, site.folder / "site/ca.key")
    cert, kept = (cas.issue(name, f"/CN={site.macs[0]}") for name in ("bad", "kept"))
    crl = pathlib.Path(cas.crl("list"))
    site.stop()
    site.start(crl_handset=crl)
    big = b"x" * (64 << 20)
    assert site.http("PUT", "/big.bin", site.admin, big).status in (200, 201, 204)
    context = site.context(tls, *cert)
    idle = site.ftp(context=context)
    assert idle.sendcmd(f"USER {site.macs[0]}")[:3] == "232"
    busy = site.ftp(site.handsets[0], site.context(tls, *cert))
    busy.voidcmd("TYPE I")
    data = busy.transfercmd("RETR big.bin")
    assert data.recv(1000)
    other = site.ftp(context=site.context(tls, *kept))
    assert other.sendcmd(f"USER {site.macs[0]}")[:3] == "232"
    https = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=context, timeout=TIMEOUT)
    https.request("GET", "/big.bin")
    response = https.getresponse()
    assert response.status == 200 and response.read(1000)
    session = response.fp.raw._sock.session

    crl.write_text(pathlib.Path(cas.crl("list2", cert[0])).read_text())
    reload(site)
    assert idle.file.readline()[:3] == "421"
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        response.read()
    got = 1000
    try:
        while more := data.recv(1 << 20):
            got += len(more)
    except (ConnectionError, ssl.SSLError):
        pass
    assert got < len(big)
    other.voidcmd("NOOP")
    for connection in (idle, busy, other, data, https):
        connection.close()
    # The session of before the list, resumed: the certificate is looked at anew.
    raw = socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT)
    with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as again:
        again.sendall(b"GET /site.cfg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert again.recv(1000).startswith(b"HTTP/1.1 401")
        assert again.session_reused
    assert site.http("GET", "/site.cfg", context=site.context(tls, *kept)).status == 200


def kept_alive(site, context):
    """A connection that has answered once, and the TLS session that it can be resumed by."""
    https = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=context, timeout=TIMEOUT)
    https.request("GET", "/site.cfg")
    response = https.getresponse()
    assert response.status == 200
    response.read()
    return https, https.sock.session


def resumed(site, context, session):
    """The status of a request on a resumed session."""
    raw = socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT)
    with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as again:
        assert again.session_reused
        again.sendall(b"GET /site.cfg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return int(again.recv(1000).split()[1])


def knock_again(site, context, session, mac):
    """The reply to USER on a new control connection that offers the TLS session of an old one."""
    raw = socket.create_connection(("127.0.0.1", site.ftps_port), TIMEOUT)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as again, again.makefile("rw", newline="") as lines:
        assert lines.readline()[:3] == "220"
        lines.write(f"USER {mac}\r\n")
        lines.flush()
        return lines.readline()[:3]


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_the_catalog_revokes_at_once(site, tls):
    """Without a CRL: whoever is connected is cut off, a resumable session is refused, and so is the right password beside it."""
    mac, user = site.macs[1], site.handsets[1]
    cert = site.cas.issue(f"catalog{tls}", f"/CN={mac}")
    mark = fingerprint(cert[0])
    context = site.context(tls, *cert)
    https, session = kept_alive(site, context)
    assert resumed(site, context, session) == 200
    https.close()
    https, session = kept_alive(site, context)
    ftp = site.ftp(context=context)
    assert ftp.sendcmd(f"USER {mac}")[:3] == "232"
    ftp.voidcmd("TYPE I")
    data = ftp.transfercmd("NLST")
    kept = ftp.sock.session
    # Somebody else's certificate for the same handset is another thing.
    other = site.cas.issue(f"other{tls}", f"/CN={mac}")
    bystander = site.ftp(context=site.context(tls, *other))
    assert bystander.sendcmd(f"USER {mac}")[:3] == "232"

    reply = site.api("POST", f"/certificates/{mark.upper()}/revoke", {"reason": "sold with the handset"})
    assert reply.status == 200 and reply.json["revoked"] and reply.json["reason"] == "sold with the handset"
    while (line := ftp.file.readline()) and line[:3] != "421":
        assert line[:3] in ("150", "226")
    assert line[:3] == "421"
    assert https.sock.recv(1) == b""
    assert resumed(site, context, session) == 401
    assert site.http("GET", "/site.cfg", user, context=context).status == 401
    assert ftps(site, cert, *user, tls) == ("530", "503")
    assert knock_again(site, context, kept, mac) == "530"
    bystander.voidcmd("NOOP")
    assert https_ok(site, other, tls)
    assert site.http("GET", "/site.cfg", user).status == 200
    for connection in (ftp, data, https, bystander):
        connection.close()
    listed = site.api("GET", f"/certificates?name={mac}").json["certificates"]
    assert {row["fingerprint"]: bool(row["revoked"]) for row in listed if row["fingerprint"] in (mark, fingerprint(other[0]))} == \
        {mark: True, fingerprint(other[0]): False}
    row = next(row for row in listed if row["fingerprint"] == mark)
    assert row["role"] == "handset" and row["name"] == mac and row["issuer"] and row["not_after"] and row["first_seen"]


def https_ok(site, cert, tls):
    return https(site, cert, tls=tls) == 200


def test_revoking_what_was_never_seen(site):
    cert = site.cas.issue("unseen", f"/CN={site.macs[2]}")
    assert site.api("POST", "/certificates/12/revoke", {}).status == 400
    assert site.api("POST", f"/certificates/{fingerprint(cert[0])}/revoke", {}, site.operator).status == 403
    assert https(site, cert) == 200
    cert = site.cas.issue("unseen2", f"/CN={site.macs[2]}")
    assert site.api("POST", f"/certificates/{fingerprint(cert[0])}/revoke", {}).status == 200
    assert https(site, cert) == 401
    assert https(site, cert, site.handsets[2]) == 401


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_an_expired_certificate_where_that_is_accepted(site, tls):
    mac = site.macs[1]
    cert = site.cas.issue(f"expired{tls}", f"/CN={mac}", start="20200101000000Z", end="20210101000000Z")
    stranger = Authority(site.folder / f"strangers{tls}", "strangers")
    foreign = stranger.issue("foreign", f"/CN={mac}", start="20200101000000Z", end="20210101000000Z")
    assert https(site, cert, tls=tls) == 401
    assert site.api("PATCH", f"/handsets/{mac}", {"accept_expired": True}).json["accept_expired"] is True
    assert https(site, cert, tls=tls) == 200
    assert ftps(site, cert, mac, "x", tls) == ("232", "230")
    assert https(site, foreign, tls=tls) == 401
    ftp = site.ftp(context=site.context(tls, *cert))
    assert ftp.sendcmd(f"USER {mac}")[:3] == "232"
    site.api("PATCH", f"/handsets/{mac}", {"accept_expired": False})
    assert ftp.file.readline()[:3] == "421"
    ftp.close()
    assert https(site, cert, tls=tls) == 401
    assert f"login.exception protocol=https address=127.0.0.1 handset={mac} fingerprint={fingerprint(cert[0])}" in site.log_text()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_pinned_certificate(site, tls):
    mac = site.macs[2]
    cert, other = (site.cas.self_signed(f"{name}{tls}", f"/CN={mac}") for name in ("own", "other-own"))
    elsewhere = site.cas.self_signed(f"elsewhere{tls}", f"/CN={site.macs[1]}")
    assert https(site, cert, tls=tls) == 401
    assert site.api("PATCH", f"/handsets/{mac}", {"pinned": fingerprint(cert[0])}).json["pinned"] == fingerprint(cert[0])
    assert https(site, cert, tls=tls) == 200
    assert ftps(site, cert, mac, "x", tls) == ("232", "230")
    assert https(site, other, tls=tls) == 401
    # Pinned for one handset, it is nothing for the other whose MAC it bears.
    site.api("PATCH", f"/handsets/{mac}", {"pinned": fingerprint(elsewhere[0])})
    assert https(site, elsewhere, tls=tls) == 401
    assert https(site, cert, tls=tls) == 401
    assert site.api("PATCH", f"/handsets/{mac}", {"pinned": None}).json["pinned"] is None
    assert site.api("PATCH", f"/handsets/{mac}", {"pinned": "12"}).status == 400


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_another_handsets_name_on_a_resumed_session(site, tls):
    """A resumed session carries its certificate along: a user name or a right password of another handset is refused beside it."""
    cert = site.cas.issue(f"mine{tls}", f"/CN={site.macs[0]}")
    context = site.context(tls, *cert)
    first, session = kept_alive(site, context)
    first.close()
    for user in (site.handsets[1], (site.macs[1], "whatever")):
        raw = socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT)
        with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as again:
            assert again.session_reused
            secret = base64.b64encode(":".join(user).encode()).decode()
            again.sendall(f"GET /site.cfg HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {secret}\r\nConnection: close\r\n\r\n".encode())
            assert int(again.recv(1000).split()[1]) == 401
        # TLS 1.3 tickets are good for once, as clients see it.
        first, session = kept_alive(site, context)
        first.close()


def test_a_failed_reload_keeps_no_revocation_out(new_site, folder):
    """A slip elsewhere, here in the settings, stops the rest of the change, not the list; and other CAs are part of that rest."""
    site = new_site("slip", watch_interval="0")
    cas = Authority(folder / "slip-cas", "handsets", site.ca, site.folder / "site/ca.key")
    strangers = Authority(folder / "slip-strangers", "strangers")
    cert, later = (cas.issue(name, f"/CN={site.macs[0]}") for name in ("bad", "later"))
    stranger = strangers.issue("stranger", f"/CN={site.macs[0]}")
    bundle, crl = folder / "slip-bundle.pem", pathlib.Path(cas.crl("list"))
    bundle.write_text(pathlib.Path(cas.cert).read_text())
    site.stop()
    site.start(ca_handset=bundle, crl_handset=crl)
    session = site.ftp(context=site.context(None, *cert))
    assert session.sendcmd(f"USER {site.macs[0]}")[:3] == "232"
    config = site.folder / "site/cradled.conf"
    config.write_text(config.read_text() + "auth_handset = nothing\n")
    crl.write_text(pathlib.Path(cas.crl("list2", cert[0])).read_text())
    begin = site.log_size()
    site.process.send_signal(signal.SIGHUP)
    site.await_log(r"reload\.revocations", begin)
    assert session.file.readline()[:3] == "421"
    session.close()
    assert site.http("GET", "/site.cfg", context=site.context(None, *cert)).status == 401
    assert site.http("GET", "/site.cfg", context=site.context(None, *later)).status == 200
    # Another CA in the same failed reload: it does not come in, and the list that came with it waits too.
    bundle.write_text(bundle.read_text() + pathlib.Path(strangers.cert).read_text())
    reload_failed = site.log_size()
    site.process.send_signal(signal.SIGHUP)
    site.await_log(r"reload\.failed", reload_failed, want="reload.failed")
    assert site.http("GET", "/site.cfg", context=site.context(None, *stranger)).status == 401
    assert site.http("GET", "/site.cfg", context=site.context(None, *cert)).status == 401
