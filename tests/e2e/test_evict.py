# SPDX-License-Identifier: Apache-2.0
"""A handset or an account that is disabled, changed or removed is cut off at once: idle sessions, running transfers, and
connections that are kept alive, over both protocols."""
import base64
import ftplib
import http.client
import ssl

import pytest

from conftest import TIMEOUT


@pytest.fixture(autouse=True)
def afresh(site):
    """The handset 1 as it was, after each test."""
    yield
    site.api("PATCH", f"/handsets/{site.macs[0]}", {"enabled": True})
    site.api("PATCH", f"/accounts/{site.handsets[0][0]}", {"enabled": True})


def goes(ftp):
    """The session ends without a command of ours; gives the last reply, if there was one."""
    try:
        line = ftp.file.readline()
        assert ftp.file.readline() == ""
        return line[:3]
    except (ConnectionError, ssl.SSLError):
        return ""
    finally:
        ftp.close()


def basic(user):
    return {"Authorization": "Basic " + base64.b64encode(":".join(user).encode()).decode()}


def kept_alive(site, user):
    """An HTTPS connection that has answered once and waits."""
    connection = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=site.context(), timeout=TIMEOUT)
    connection.request("GET", "/site.cfg", headers=basic(user))
    response = connection.getresponse()
    assert response.status == 200
    response.read()
    return connection


CHANGES = {
    "handset disabled": lambda site: site.api("PATCH", f"/handsets/{site.macs[0]}", {"enabled": False}),
    "account disabled": lambda site: site.api("PATCH", f"/accounts/{site.handsets[0][0]}", {"enabled": False}),
}


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("change", CHANGES)
def test_idle_sessions_end(site, change, tls):
    ftp = site.ftp(site.handsets[0], site.context(tls))
    other = site.ftp(site.handsets[1], site.context(tls))
    https = kept_alive(site, site.handsets[0])
    assert CHANGES[change](site).status == 200
    assert goes(ftp) == "421"
    assert https.sock.recv(1) == b""
    https.close()
    other.voidcmd("NOOP")
    other.close()
    assert site.http("GET", "/site.cfg", site.handsets[0]).status == 401
    with pytest.raises(ftplib.error_perm):
        site.ftp(site.handsets[0])


def test_running_transfers_end(site):
    big = b"x" * (64 << 20)
    assert site.http("PUT", "/big.bin", site.admin, big).status in (200, 201, 204)
    down = site.ftp(site.handsets[0])
    down.voidcmd("TYPE I")
    data = down.transfercmd("RETR big.bin")
    assert data.recv(1000)
    up = site.ftp(site.handsets[0])
    up.voidcmd("TYPE I")
    sink = up.transfercmd(f"APPE {site.macs[0]}-app.log")
    sink.sendall(b"half a line")
    https = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=site.context(), timeout=TIMEOUT)
    https.request("GET", "/big.bin", headers=basic(site.handsets[0]))
    response = https.getresponse()
    assert response.status == 200 and response.read(1000)

    assert site.api("PATCH", f"/handsets/{site.macs[0]}", {"enabled": False}).status == 200
    for ftp in (down, up):
        assert goes(ftp) in ("421", "")
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        response.read()
    got = 1000
    try:
        while more := data.recv(1 << 20):
            got += len(more)
    except (ConnectionError, ssl.SSLError):
        pass
    assert got < len(big)
    try:
        with pytest.raises((ConnectionError, ssl.SSLError)):
            while True:
                sink.sendall(b"y" * 65536)
    finally:
        data.close()
        sink.close()
        https.close()
    assert site.http("GET", f"/@log/{site.macs[0]}/{site.macs[0]}-app.log", site.admin).status == 404


def test_an_administrator_changes_his_own_password(site):
    """The answer comes through a connection of the very account; his FTPS session, which proved the old one, ends."""
    made = site.api("POST", "/accounts", {"name": "second", "role": "administrator"})
    assert made.status == 201
    me = ("second", made.json["password"])
    ftp = site.ftp(me)
    changed = site.api("POST", "/accounts/second/password", {}, me)
    assert changed.status == 200 and changed.json["password"] != me[1]
    assert goes(ftp) == "421"
    assert site.http("GET", "/site.cfg", me).status == 401
    assert site.api("DELETE", "/accounts/second", user=("second", changed.json["password"])).status == 204
