# SPDX-License-Identifier: Apache-2.0
"""Revoked certificates: always a refusal, whatever else is shown, over both protocols and on both versions of TLS."""
import http.client
import pathlib
import signal
import socket
import ssl

import pytest

from authority import Authority
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
    with pytest.raises(RuntimeError, match="not signed by a CA of its bundle: add that CA"):
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
