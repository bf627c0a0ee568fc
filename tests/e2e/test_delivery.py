# SPDX-License-Identifier: Apache-2.0
"""R20: a handset's own key, delivered through its configuration: under a data key of its own, without versions, never shared,
readable by its handset alone, and destroyed at the first verified handshake with that certificate."""
import ftplib
import os
import pathlib
import sqlite3

import pytest

from authority import Authority
from conftest import TIMEOUT


def ask(site, sql, *values):
    connection = sqlite3.connect(site.folder / "site/state/catalog.db", timeout=TIMEOUT)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def on_disk(site):
    return b"".join(p.read_bytes() for p in sorted((site.folder / "site/state").rglob("*")) if p.is_file())


def scrubbed(site):
    """Waits until what was destroyed has left the write-ahead log."""
    while site.api("GET", "/seal").json["scrubbing"]:
        pass


@pytest.fixture(scope="module")
def site(new_site, folder):
    site = new_site("delivery")
    site.cas = Authority(folder / "handsets", "handsets", site.ca, site.folder / "site/ca.key")
    return site


def fragment(cert, escaped=True):
    """A configuration file with a certificate and its key in it."""
    texts = [pathlib.Path(part).read_text().strip() for part in cert]
    if escaped:
        texts = [t.replace("\n", "&#10;") for t in texts]
    return f'<?xml version="1.0"?>\n<handsetConfig c="{texts[0]}" k="{texts[1]}"/>\n'.encode()


@pytest.mark.parametrize("number, escaped, protocol", [(0, True, "https"), (1, False, "ftps")])
def test_from_storing_to_the_end(site, number, escaped, protocol):
    mac, user = site.macs[number], site.handsets[number]
    cert = site.cas.issue(f"own{number}", f"/CN={mac}")
    body = fragment(cert, escaped)
    path = f"/@handset/{mac}/{mac}-key.cfg"
    assert site.http("PUT", path, site.admin, b"<handsetConfig before='1'/>").status == 201
    if protocol == "https":
        assert site.http("PUT", path, site.admin, body).status == 204
    else:
        ftp = site.ftp(site.admin)
        assert ftp.put("STOR", path, body).startswith("226")
        ftp.close()
    kind, key = ask(site, "SELECT kind, key FROM content WHERE id = (SELECT content FROM file WHERE path = ?)", f"/{mac}-key.cfg")[0]
    assert kind == 2
    wrapped = ask(site, "SELECT wrapped FROM key WHERE id = ? AND purpose = 'own'", key)[0][0]
    assert wrapped in on_disk(site) and b"PRIVATE KEY" not in on_disk(site)
    # Its handset alone reads it, not who stored it.
    assert site.http("GET", f"/{mac}-key.cfg", user).body == body
    assert site.http("GET", f"/{mac}-key.cfg", user).body == body
    refused = site.http("GET", path, site.admin)
    assert refused.status == 403 and b"PRIVATE" not in refused.body and "private key" in refused.json["detail"]
    ftp = site.ftp(site.admin)
    with pytest.raises(ftplib.error_perm, match="550"):
        ftp.get(path)
    ftp.close()
    assert site.http("HEAD", path, site.admin).status == 200
    assert site.http("GET", f"/{mac}-key.cfg", site.handsets[2]).status == 404
    # A rotation and a new master key do not touch it; a restart neither.
    assert site.api("POST", "/seal/rotate").status == 202 and site.api("POST", "/seal/rewrap").status == 200
    wrapped = ask(site, "SELECT wrapped FROM key WHERE id = ?", key)[0][0]
    site.stop()
    site.start()
    assert site.http("GET", f"/{mac}-key.cfg", user).body == body
    # The password is no proof; the certificate is.
    assert ask(site, "SELECT count(*) FROM key WHERE id = ?", key) == [(1,)]
    if protocol == "https":
        assert site.http("GET", "/site.cfg", context=site.context(None, *cert)).status == 200
    else:
        ftp = site.ftp(context=site.context(None, *cert))
        ftp.login(mac, "whatever")
        ftp.close()
    while ask(site, "SELECT count(*) FROM key WHERE id = ?", key) != [(0,)]:
        pass
    scrubbed(site)
    assert wrapped not in on_disk(site), "the key is still on the disk"
    assert site.http("GET", f"/{mac}-key.cfg", user).body == b"<handsetConfig/>\n"
    assert site.http("GET", path, site.admin).body == b"<handsetConfig/>\n"
    assert f"key.destroyed handset={mac}" in site.log_text()
    # The versions before and after are there, the one that bore the key is none.
    versions = site.api("GET", f"/versions?path={path}").json["versions"]
    assert [v["size"] for v in versions] == [len(b"<handsetConfig before='1'/>")]
    assert ask(site, "SELECT count(*) FROM content WHERE kind = 2") == [(0,)]
    events = [r["event"] for r in site.api("GET", "/audit?limit=1000").json["records"] if "event" in r]
    assert "key.destroyed" in events


def test_replacing_and_removing_destroys(site):
    mac = site.macs[2]
    body = fragment(site.cas.issue("other", f"/CN={mac}"))
    path = f"/@handset/{mac}/{mac}-key.cfg"
    for end in ("replace", "same", "remove"):
        assert site.http("PUT", path, site.admin, body).status in (201, 204)
        key = ask(site, "SELECT id, wrapped FROM key WHERE purpose = 'own'")
        assert len(key) == 1, end
        if end == "replace":
            assert site.http("PUT", path, site.admin, b"<a/>").status == 204
        elif end == "same":
            assert site.http("PUT", path, site.admin, body).status == 204
            assert ask(site, "SELECT id FROM key WHERE purpose = 'own'") != [key[0][:1]]
        else:
            assert site.http("DELETE", path, site.admin).status == 204
        assert ask(site, "SELECT count(*) FROM key WHERE id = ?", key[0][0]) == [(0,)]
        scrubbed(site)
        assert key[0][1] not in on_disk(site)
    assert ask(site, "SELECT count(*) FROM key WHERE purpose = 'own'") == [(0,)]
    assert ask(site, "SELECT count(*) FROM delivery") == [(0,)]


def test_equal_ones_are_not_shared(site):
    body = fragment(site.cas.issue("shared", f"/CN={site.macs[2]}"))
    paths = [f"/@handset/{mac}/shared-key.cfg" for mac in site.macs]
    for path in paths:
        assert site.http("PUT", path, site.admin, body).status == 201
    assert ask(site, "SELECT count(DISTINCT content), count(*) FROM file WHERE path = '/shared-key.cfg'") == [(3, 3)]
    assert ask(site, "SELECT count(*) FROM key WHERE purpose = 'own'") == [(3,)]
    for path in paths:
        assert site.http("DELETE", path, site.admin).status == 204


@pytest.mark.parametrize("query", ["", "?unchecked=1"])
def test_what_is_refused(site, query):
    mac = site.macs[2]
    body = fragment(site.cas.issue("refused", f"/CN={mac}"))
    shared = site.http("PUT", f"/shared.cfg{query}", site.admin, body)
    assert shared.status == 422 and "handset's" in shared.json["detail"]
    assert site.http("PUT", f"/key.pem{query}", site.admin, b"-----BEGIN RSA PRIVATE KEY-----\nMII\n").status == 422
    large = site.http("PUT", f"/@handset/{mac}/large.cfg{query}", site.admin, body.replace(b"<handsetConfig", b"<handsetConfig x='" + b"y" * 70_000 + b"'"))
    assert large.status == 422
    after = site.http("PUT", f"/@handset/{mac}/large.cfg{query}", site.admin, body.replace(b"/>", b"></handsetConfig>" + b" " * 70_000))
    assert after.status == 422
    two = site.http("PUT", f"/@handset/{mac}/two.cfg{query}", site.admin, body.replace(b"/>", b">-----BEGIN PRIVATE KEY-----</handsetConfig>"))
    assert two.status == 422 and "more than one" in two.json["detail"]
    for name in ("shared.cfg", "key.pem", f"@handset/{mac}/large.cfg", f"@handset/{mac}/two.cfg"):
        assert site.http("GET", f"/{name}", site.admin).status == 404
    assert b"PRIVATE KEY" not in on_disk(site)


def test_a_key_without_its_certificate_stays_until_it_is_replaced(site):
    mac = site.macs[2]
    cert = site.cas.issue("alone", f"/CN={mac}")
    path = f"/@handset/{mac}/alone.pem"
    body = pathlib.Path(cert[1]).read_bytes()
    assert site.http("PUT", path, site.admin, body).status == 201
    assert site.http("GET", "/site.cfg", context=site.context(None, *cert)).status == 200
    assert site.http("GET", "/alone.pem", site.handsets[2]).body == body
    assert site.http("DELETE", path, site.admin).status == 204
    assert site.http("GET", "/alone.pem", site.handsets[2]).status == 404
