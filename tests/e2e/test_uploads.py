# SPDX-License-Identifier: Apache-2.0
"""Uploads that are cut, given up, too large or never begin: nothing of them stays, and what was there before is untouched."""
import ftplib
import os
import select
import socket
import sqlite3
import struct

import pytest

from conftest import TIMEOUT
from test_ftps import code
from test_https import word

LARGE = os.urandom(400_000)
BROKEN = (OSError, EOFError, ftplib.error_temp, ftplib.error_perm)


def whole(site, name, mac=None):
    return site.http("GET", f"/@log/{mac or site.macs[0]}/{name}?all=1", site.operator)


def ask(site, sql, *values):
    connection = sqlite3.connect(site.folder / "site/state/catalog.db", timeout=TIMEOUT)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())


def wait_for(predicate):
    """Until something that the server does by itself has happened; without a sleep of a guessed length."""
    for _ in range(10000):
        if predicate():
            return
        select.select([], [], [], 0.005)
    raise AssertionError("it never happened")


def staged(site):
    return ask(site, "SELECT count(*) FROM content WHERE staged = 1")[0][0]


@pytest.mark.parametrize("verb, name", [("STOR", "{a}-app.log"), ("APPE", "{a}-app.log"), ("STOR", "{a}-phone.cfg"), ("PUT", "{a}-app.log"), ("PUT", "{a}-web.cfg"),
                                        ("CHUNKED", "{a}-boot.log")])
@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("size", [10, len(LARGE)])
def test_a_cut_upload_changes_nothing(site, verb, name, how, size):
    name = name.format(a=site.macs[0])
    user = site.handsets[0]
    assert site.http("PUT", f"/{name}", user, b"<old/>\n").status in (201, 204)
    before = site.http("GET", f"/{name}", user)
    if verb in ("STOR", "APPE"):
        ftp = site.ftp(user)
        ftp.voidcmd("TYPE I")
        conn = ftp.transfercmd(f"{verb} {name}")
        conn.sendall(LARGE[:size])
        reset(conn) if how == "rst" else os.close(conn.detach())
        with pytest.raises(ftplib.error_temp, match="^4(26|51)"):
            ftp.voidresp()
        ftp.quit()
    else:
        tls = site.raw_tls(site.https_port)
        framing = "Transfer-Encoding: chunked" if verb == "CHUNKED" else f"Content-Length: {size + 1}"
        tls.sendall(f"PUT /{name} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {word(user)}\r\n{framing}\r\n\r\n".encode())
        tls.sendall(b"%x\r\n%s\r\n" % (size, LARGE[:size]) if verb == "CHUNKED" else LARGE[:size])
        reset(tls) if how == "rst" else os.close(tls.detach())
    after = site.http("GET", f"/{name}", user)
    assert after.body == b"<old/>\n" and after.headers["ETag"] == before.headers["ETag"]
    wait_for(lambda: staged(site) == 0)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_unclean_ends_are_taken_only_where_the_setting_says_so(new_site, tls):
    site = new_site(f"unclean{tls}", log_keep_min="0")
    site.stop()
    site.start(unclean_close=f"00907b, {site.macs[0].upper()}")
    assert "settings.warning" in site.log_text()

    def store(n, how, data=b"line\n"):
        log = f"{site.macs[n]}-app.log"
        ftp = site.ftp(site.handsets[n], site.context(tls))
        ftp.voidcmd("TYPE I")
        conn = ftp.transfercmd(f"APPE {log}")
        conn.sendall(data)
        reset(conn) if how == "rst" else os.close(conn.detach())
        reply = ftp.getmultiline()[:3]
        ftp.quit()
        return reply, whole(site, log, site.macs[n]).status

    assert store(0, "rst")[0] in ("426", "451")
    assert "unclean-accepted" not in site.log_text()
    assert store(0, "fin") == ("226", 200)
    assert site.log_text().count("ftps.unclean-accepted") == 1
    assert store(0, "rst")[0] in ("426", "451") and whole(site, f"{site.macs[0]}-app.log").body == b"line\n"
    assert store(0, "fin", LARGE) == ("226", 200) and whole(site, f"{site.macs[0]}-app.log").body == b"line\n" + LARGE
    assert store(1, "fin") == ("426", 404)


def test_two_large_appends_that_overlap_are_both_whole(site):
    name = f"{site.macs[1]}-overlap.log"
    data = [bytes([65 + n]) * 300_000 for n in range(2)]
    ftps = [site.ftp(site.handsets[1]) for _ in data]
    conns = []
    for ftp in ftps:
        ftp.voidcmd("TYPE I")
        conns.append(ftp.transfercmd(f"APPE {name}"))
    for at in range(0, 300_000, 50_000):
        for conn, bytes_ in zip(conns, data):
            conn.sendall(bytes_[at:at + 50_000])
    for conn in conns:
        conn.unwrap()
        conn.close()
    for ftp in ftps:
        assert ftp.voidresp().startswith("226")
        ftp.quit()
    assert whole(site, name, site.macs[1]).body in (data[0] + data[1], data[1] + data[0])


@pytest.fixture(scope="module")
def impatient(new_site):
    return new_site("impatient", data_timeout="500ms")


@pytest.mark.parametrize("how", ["close", "reset", "clear", "garbage", "nothing"])
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_a_data_connection_that_fails_creates_nothing(impatient, verb, how):
    site = impatient
    name = f"{site.macs[0]}-{verb}-{how}.log"
    ftp = site.ftp(site.handsets[0])
    host, port = ftp.makepasv()
    raw = None
    if how != "nothing":
        raw = socket.create_connection((host, port), TIMEOUT)
    ftp.putcmd(f"{verb} {name}")
    assert ftp.getresp().startswith("150")
    if how == "close":
        raw.close()
    elif how == "reset":
        reset(raw)
    elif how in ("clear", "garbage"):
        raw.sendall(b"a line in the clear\n" if how == "clear" else os.urandom(5000))
    with pytest.raises(ftplib.error_temp, match="^4(25|26)"):
        ftp.voidresp()
    assert code(ftp, f"SIZE {name}").startswith("550")
    assert ftp.put(verb, name, b"well\n").startswith("226") and ftp.size(name) == 5
    ftp.quit()
    if raw:
        raw.close()


@pytest.mark.parametrize("line", ["RANG 0 10", "REST -1", "REST 1 2", "REST 99999999999999999999", "REST", "REST 0x10"])
def test_odd_offsets_are_refused_and_change_nothing(site, line):
    name = f"{site.macs[0]}-offset.log"
    site.http("PUT", f"/{name}", site.handsets[0], b"0123456789")
    ftp = site.ftp(site.handsets[0])
    assert code(ftp, line).startswith("5")
    assert ftp.put("APPE", name, b"more").startswith("226")
    assert ftp.get(name) == b"0123456789more"
    ftp.quit()


@pytest.mark.parametrize("verb", ["STOR", "APPE"])
@pytest.mark.parametrize("offset", ["5", "10", "11", "999999999999999999"])
def test_an_upload_begins_at_zero(site, verb, offset):
    name = f"{site.macs[0]}-begin.log"
    site.http("PUT", f"/{name}", site.handsets[0], b"0123456789")
    ftp = site.ftp(site.handsets[0])
    ftp.makepasv()
    assert code(ftp, f"REST {offset}").startswith("350")
    assert code(ftp, f"{verb} {name}")[:3] in ("501", "554")
    assert ftp.get(name) == b"0123456789"
    assert ftp.get(name, rest=9) == b"9" and ftp.get(name, rest=10) == b""
    assert ftp.get(name) == b"0123456789"  # an offset is used once
    ftp.quit()


def test_sizes_are_judged_before_the_body_and_to_the_byte(new_site):
    site = new_site("sizes", max_log="8K", max_override="4K", max_file="64K", log_quota="64K", log_rotate="8K")
    log, phone = f"{site.macs[0]}-app.log", f"{site.macs[0]}-phone.cfg"
    ftp = site.ftp(site.handsets[0])
    for verb, name, limit in (("APPE", log, 8192), ("STOR", log, 8192), ("STOR", phone, 4096)):
        ftp.makepasv()
        assert code(ftp, f"ALLO {limit + 1}").startswith("200")
        assert code(ftp, f"{verb} {name}").startswith("552")
        code(ftp, f"ALLO {limit}")
        assert ftp.put(verb, name, b"x" * limit).startswith("226")
        with pytest.raises(BROKEN):
            ftp.put(verb, name, b"x" * (limit + 1))
            ftp.voidresp()
        ftp.close()
        ftp = site.ftp(site.handsets[0])
        assert ftp.size(name) == limit
    # 413 without waiting for a body that the client announced and, with no Expect, may have begun to send.
    for name, user, limit in ((log, site.handsets[0], 8192), (phone, site.handsets[0], 4096), ("x.ld", site.admin, 65536)):
        tls = site.raw_tls(site.https_port)
        tls.sendall(f"PUT /{name} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {word(user)}\r\nContent-Length: {limit * 1000}\r\n\r\n".encode())
        assert tls.recv(100).startswith(b"HTTP/1.1 413 ")
        tls.close()
        assert site.http("PUT", f"/{name}", user, b"y" * limit).status in (201, 204)
        assert site.http("PUT", f"/{name}", user, b"y" * (limit + 1)).status == 413
        assert site.http("PUT", f"/{name}", user, iter([b"y" * limit, b"z"])).status == 413
        assert site.http("HEAD", f"/{name}", user).headers["Content-Length"] == str(limit)
    ftp.close()


def test_the_quota_holds_to_the_byte(new_site):
    site = new_site("exact", log_quota="64K", log_rotate="64K", max_log="64K")
    log, other = f"{site.macs[0]}-app.log", f"{site.macs[0]}-boot.log"
    ftp = site.ftp(site.handsets[0])
    assert ftp.put("APPE", log, b"x" * 60000).startswith("226")
    with pytest.raises(ftplib.error_temp, match="^452"):
        ftp.put("APPE", other, b"y" * 5537)
    assert code(ftp, f"SIZE {other}").startswith("550")
    assert ftp.put("APPE", other, b"y" * 5536).startswith("226")
    with pytest.raises(ftplib.error_temp, match="^452"):
        ftp.put("APPE", other, b"z")
    assert ftp.size(log) == 60000 and ftp.size(other) == 5536
    # Another handset has a quota of its own, and files are not logs.
    assert site.http("PUT", f"/{site.macs[1]}-app.log", site.handsets[1], b"x" * 60000).status == 201
    assert site.http("PUT", f"/{site.macs[0]}-phone.cfg", site.handsets[0], b"x").status == 201
    assert site.http("PUT", f"/{log}", site.handsets[0], b"x" * 60000).status == 204  # its own bytes again
    ftp.quit()


@pytest.mark.parametrize("keep", [0, 3])
def test_former_versions_are_limited_and_tell_who_and_when(new_site, keep):
    site = new_site(f"versions{keep}", file_versions=str(keep))
    mac = site.macs[0]
    for path, user, url in ((f"/{mac}-phone.cfg", site.handsets[0], f"/@handset/{mac}/{mac}-phone.cfg"), ("/new.cfg", site.admin, "/new.cfg")):
        for n in range(6):
            assert site.http("PUT", path, user, f"<v{n}/>".encode()).status == (204 if n else 201)
        listed = site.api("GET", f"/versions?path={url}")
        if listed.status == 200:
            versions = listed.json["versions"]
            assert len(versions) == keep
        kept = ask(site, "SELECT version, author, replaced_by, replaced, modified FROM former_file WHERE path = ? ORDER BY version", path)
        assert [row[0] for row in kept] == list(range(6 - keep, 6))
        assert all(row[1] and row[2] and row[3] >= row[4] > 0 for row in kept)
        for row in kept:
            assert site.http("GET", f"{url}?version={row[0]}", site.admin).body == f"<v{row[0] - 1}/>".encode()
    # What is no version any more leaves no bytes behind.
    assert ask(site, "SELECT count(*) FROM chunk WHERE content NOT IN (SELECT id FROM content)") == [(0,)]
    assert ask(site, "SELECT count(*) FROM content WHERE id NOT IN (SELECT content FROM file UNION SELECT content FROM former_file)") == [(0,)]


@pytest.mark.parametrize("how", ["ABOR", "control fin", "control rst"])
@pytest.mark.parametrize("size", [10, len(LARGE)])
def test_an_upload_that_is_given_up_changes_nothing(site, how, size):
    name = f"{site.macs[2]}-given-up.log"
    site.http("PUT", f"/{name}", site.handsets[2], b"before\n")
    ftp = site.ftp(site.handsets[2])
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd(f"APPE {name}")
    conn.sendall(LARGE[:size])
    if how == "ABOR":
        ftp.sock.sendall(b"\xff\xf4\xff\xf2ABOR\r\n")
        assert ftp.getmultiline().startswith("426") and ftp.getmultiline().startswith("226")
        assert ftp.voidcmd("NOOP")
        ftp.quit()
    else:
        reset(ftp.sock) if how == "control rst" else os.close(ftp.sock.detach())
        ftp.file.close()
        ftp.sock = ftp.file = None
        try:
            while conn.recv(4096):
                pass
        except OSError:
            pass
    conn.close()
    wait_for(lambda: staged(site) == 0)
    assert site.http("GET", f"/{name}", site.handsets[2]).body == b"before\n"
