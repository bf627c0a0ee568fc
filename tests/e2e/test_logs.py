# SPDX-License-Identifier: Apache-2.0
"""Logs (R12–R15): append, replace, generations, rotation, quota, resends, over both protocols."""
import ftplib
import os
import threading

import pytest


@pytest.fixture(scope="module")
def site(new_site):
    return new_site("logs", log_rotate="8K", log_quota="96K", max_log="64K", log_keep_min="0")


@pytest.fixture
def name(site, request):
    """A log of handset 1 that no other test uses."""
    return f"{site.macs[0]}-{request.node.name.replace('[', '-').replace(']', '')}.log"


def segment(n, size=200):
    line = f"{n:06d}|app|4|00|".encode()
    return (line + b"x" * (size - len(line) - 1) + b"\n")


def read(site, path, who=None):
    return site.http("GET", path, who or site.operator)


def whole(site, name, mac=None):
    return read(site, f"/@log/{mac or site.macs[0]}/{name}?all=1").body


def names(site, folder):
    return {e["name"]: e for e in read(site, folder).json["entries"]}


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_append_adds_to_the_newest_generation(site, name, tls):
    ftp = site.ftp(site.handsets[0], site.context(tls))
    for n in range(3):
        assert ftp.put("APPE", name, segment(n)).startswith("226")
        assert ftp.size(name) == 200 * (n + 1)
    assert ftp.get(name) == b"".join(segment(n) for n in range(3))
    ftp.quit()
    reply = read(site, f"/@log/{site.macs[0]}/{name}")
    assert reply.status == 200 and reply.body == b"".join(segment(n) for n in range(3))


def test_put_and_stor_start_new_generations_and_keep_the_old(site, name):
    assert site.http("PUT", f"/{name}", site.handsets[0], b"first\n").status == 201
    assert site.http("PUT", f"/{name}", site.handsets[0], b"second\n").status == 204
    ftp = site.ftp(site.handsets[0])
    assert ftp.put("STOR", name, b"third\n").startswith("226")
    assert ftp.put("APPE", name, b"more\n").startswith("226")
    ftp.quit()
    folder = f"/@log/{site.macs[0]}"
    assert read(site, f"{folder}/{name}@1").body == b"first\n"
    assert read(site, f"{folder}/{name}@2").body == b"second\n"
    assert read(site, f"{folder}/{name}").body == b"third\nmore\n"
    assert whole(site, name) == b"first\nsecond\nthird\nmore\n"
    listed = names(site, folder + "/")
    assert listed[name]["size"] == 11 and listed[name + "@1"]["size"] == 6 and listed[name + "@2"]["size"] == 7
    assert name + "@3" not in listed
    head = site.http("HEAD", f"/{name}", site.handsets[0])
    assert head.status == 200 and head.headers["Content-Length"] == "11"


def test_server_rotates_before_the_handset_sees_its_own_limit(site, name):
    ftp = site.ftp(site.handsets[0])
    sent = [segment(n, 3000) for n in range(5)]
    for data in sent:
        assert ftp.put("APPE", name, data).startswith("226")
        assert ftp.size(name) <= 8192
    ftp.quit()
    assert whole(site, name) == b"".join(sent)
    listed = names(site, f"/@log/{site.macs[0]}/")
    assert listed[name + "@1"]["size"] == 6000 and listed[name + "@2"]["size"] == 6000 and listed[name]["size"] == 3000


def test_dele_ends_the_generation_and_destroys_nothing(site, name):
    ftp = site.ftp(site.handsets[0])
    ftp.put("APPE", name, b"kept\n")
    assert ftp.delete(name).startswith("250")
    with pytest.raises(ftplib.error_perm, match="^550"):
        ftp.size(name)
    with pytest.raises(ftplib.error_perm, match="^550"):
        ftp.delete(name)
    ftp.put("APPE", name, b"again\n")
    assert ftp.size(name) == 6
    ftp.quit()
    assert read(site, f"/@log/{site.macs[0]}/{name}@1").body == b"kept\n"
    assert whole(site, name) == b"kept\nagain\n"


def test_logs_go_into_folders_that_need_not_exist(site, name):
    ftp = site.ftp(site.handsets[0])
    assert ftp.cwd("logs").startswith("250") and ftp.cwd("ward3").startswith("250")
    assert ftp.put("APPE", name, b"deep\n").startswith("226")
    ftp.quit()
    assert read(site, f"/@log/{site.macs[0]}/logs/ward3/{name}").body == b"deep\n"
    assert names(site, f"/@log/{site.macs[0]}/")["logs"]["type"] == "folder"
    assert name in names(site, f"/@log/{site.macs[0]}/logs/ward3/")


@pytest.mark.parametrize("offset, code", [("0", "226"), ("1", "5"), ("999999999999", "5")])
def test_rest_before_append(site, name, offset, code):
    ftp = site.ftp(site.handsets[0])
    ftp.put("APPE", name, b"base\n")
    try:
        ftp.sendcmd(f"REST {offset}")
        reply = ftp.put("APPE", name, b"tail\n")
    except ftplib.error_perm as refused:
        reply = str(refused)
    assert reply.startswith(code)
    ftp.quit()
    assert whole(site, name) == (b"base\ntail\n" if code == "226" else b"base\n")


def test_two_appends_at_once_are_both_whole(site, name):
    data = [bytes([65 + n]) * 3500 for n in range(2)]
    errors = []

    def append(n):
        try:
            ftp = site.ftp(site.handsets[0])
            for _ in range(4):
                ftp.put("APPE", name, data[n])
            ftp.quit()
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)

    threads = [threading.Thread(target=append, args=(n,)) for n in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors
    joined = whole(site, name)
    assert sorted(joined[i:i + 3500] for i in range(0, len(joined), 3500)) == sorted(data * 4)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_cut_upload_leaves_nothing(site, name, how, tls):
    ftp = site.ftp(site.handsets[0], site.context(tls))
    ftp.put("APPE", name, b"before\n")
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd(f"APPE {name}")
    conn.sendall(b"torn" * 1000)
    if how == "rst":
        import socket
        import struct
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(conn.detach())
    with pytest.raises(ftplib.error_temp, match="^4(26|51)"):
        ftp.voidresp()
    assert ftp.put("APPE", name, b"after\n").startswith("226")
    ftp.quit()
    assert whole(site, name) == b"before\nafter\n"


def drop(ftp):
    """The client vanishes without a word after the reply."""
    os.close(ftp.sock.detach())
    ftp.file.close()
    ftp.sock = ftp.file = None


def repeats(site, name):
    return sum(g["repeats"] for g in site.api("GET", f"/handsets/{site.macs[0]}/logs").json["generations"]
               if g["path"].lstrip("/") == name)


def wait_gone(site):
    """Until the server has noticed that every FTPS session before this one ended: a session's end is logged."""
    import re
    import select
    for _ in range(2000):
        text = site.log_text()
        if len(re.findall(r"ftps\.open", text)) == len(re.findall(r"ftps\.close", text)):
            return
        select.select([], [], [], 0.005)
    raise AssertionError("sessions stay open")


def test_a_resend_after_a_lost_reply_is_recognised(site, name):
    ftp = site.ftp(site.handsets[0])
    ftp.put("APPE", name, b"one\n")
    ftp.put("APPE", name, b"two\n")
    drop(ftp)
    wait_gone(site)
    again = site.ftp(site.handsets[0])
    assert again.put("APPE", name, b"two\n").startswith("226")
    assert again.size(name) == 8
    # This client heard the reply and went on: the same bytes are now a new segment.
    assert again.put("APPE", name, b"two\n").startswith("226")
    assert again.size(name) == 12
    again.quit()
    assert whole(site, name) == b"one\ntwo\ntwo\n"
    assert repeats(site, name) == 1


def test_equal_bytes_on_a_healthy_connection_are_stored_again(site, name):
    ftp = site.ftp(site.handsets[0])
    ftp.put("APPE", name, b"same\n")
    ftp.put("APPE", name, b"same\n")
    ftp.voidcmd("NOOP")
    ftp.close()
    other = site.ftp(site.handsets[0])
    other.put("APPE", name, b"same\n")
    other.quit()
    assert whole(site, name) == b"same\n" * 3
    assert repeats(site, name) == 0


def test_a_resend_is_recognised_after_a_crash(site, name):
    ftp = site.ftp(site.handsets[0])
    ftp.put("APPE", name, b"unheard\n")
    site.kill()
    ftp.close()
    site.start()
    again = site.ftp(site.handsets[0])
    assert again.put("APPE", name, b"unheard\n").startswith("226")
    assert again.size(name) == 8
    again.quit()
    assert whole(site, name) == b"unheard\n"


@pytest.mark.parametrize("how", ["https", "ftps"])
def test_replacing_with_the_same_bytes_is_idempotent(site, name, how):
    def replace(data):
        if how == "https":
            assert site.http("PUT", f"/{name}", site.handsets[0], data).status in (201, 204)
        else:
            ftp = site.ftp(site.handsets[0])
            assert ftp.put("STOR", name, data).startswith("226")
            ftp.quit()

    replace(b"boot\n")
    replace(b"boot\n")
    assert whole(site, name) == b"boot\n" and repeats(site, name) == 1
    replace(b"other\n")
    replace(b"boot\n")
    assert whole(site, name) == b"boot\nother\nboot\n"


def test_quota_drops_the_oldest_closed_generations(new_site):
    site = new_site("quota", log_rotate="8K", log_quota="64K", log_keep_min="0", max_log="64K")
    log = f"{site.macs[0]}-app.log"
    sent = [segment(n, 6000) for n in range(20)]
    ftp = site.ftp(site.handsets[0])
    for data in sent:
        assert ftp.put("APPE", log, data).startswith("226")
    ftp.quit()
    assert whole(site, log) == b"".join(sent[-10:])


def test_what_is_young_is_not_flushed_out_by_junk(new_site):
    site = new_site("young", log_rotate="8K", log_quota="64K", max_log="64K")
    log = f"{site.macs[0]}-app.log"
    ftp = site.ftp(site.handsets[0])
    accepted = []
    refused = None
    for n in range(20):
        data = segment(n, 6000)
        try:
            ftp.put("APPE", log, data)
            accepted.append(data)
        except ftplib.error_temp as error:
            refused = str(error)
            break
    assert refused and refused.startswith("452") and len(accepted) == 10
    assert whole(site, log) == b"".join(accepted)
    # Reading goes on, and HTTPS says the same in its own words.
    assert site.http("PUT", f"/{log}", site.handsets[0], b"y" * 6000).status == 507
    assert ftp.size(log) > 0
    ftp.quit()


def test_size_limits_are_told_before_the_body(site, name):
    tls = site.raw_tls(site.https_port)
    import base64
    word = base64.b64encode(":".join(site.handsets[0]).encode()).decode()
    tls.sendall(f"PUT /{name} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {word}\r\n"
                f"Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n".encode())
    assert tls.recv(200).startswith(b"HTTP/1.1 413 ")
    tls.close()
    ftp = site.ftp(site.handsets[0])
    with pytest.raises((ftplib.error_perm, ftplib.error_temp, OSError)) as told:
        ftp.put("APPE", name, b"z" * 70000)
    if not isinstance(told.value, (ftplib.error_perm, ftplib.error_temp)):
        with pytest.raises(ftplib.error_perm, match="^552"):
            ftp.voidresp()
    else:
        assert str(told.value).startswith("552")
    ftp.close()
    assert read(site, f"/@log/{site.macs[0]}/{name}").status == 404


def test_lftp_mirrors_every_generation(site, tmp_path):
    mac, who = site.macs[1], site.handsets[1]
    for n in range(3):
        site.http("PUT", f"/logs/{mac}-app.log", who, f"generation {n}\n".encode())
    site.http("PUT", f"/{mac}-boot.log", who, b"boot\n")
    site.lftp(f"mirror @log/{mac} {tmp_path}/got", site.operator)
    got = {str(p.relative_to(tmp_path / "got")): p.read_bytes() for p in (tmp_path / "got").rglob("*") if p.is_file()}
    assert got == {f"logs/{mac}-app.log@1": b"generation 0\n", f"logs/{mac}-app.log@2": b"generation 1\n",
                   f"logs/{mac}-app.log": b"generation 2\n", f"{mac}-boot.log": b"boot\n"}


def test_conditions_hold_for_logs_too(site, name):
    who = site.handsets[0]
    put = site.http("PUT", "/" + name, who, b"one", {"If-None-Match": "*"})
    assert put.status == 201 and site.http("GET", "/" + name, who).headers["ETag"] == put.headers["ETag"]
    for given in ({"If-None-Match": "*"}, {"If-None-Match": put.headers["ETag"]}, {"If-Match": '"other"'}):
        assert site.http("PUT", "/" + name, who, b"two", given).status == 412
        assert site.http("DELETE", "/" + name, who, None, given).status == 412
    again = site.http("PUT", "/" + name, who, b"two", {"If-Match": put.headers["ETag"]})
    assert again.status == 204 and again.headers["ETag"] != put.headers["ETag"]
    assert site.http("GET", "/" + name, who, None, {"If-None-Match": again.headers["ETag"]}).status == 304


@pytest.mark.parametrize("inner", ["-web.cfg", "-inner.log"])
@pytest.mark.parametrize("outer", ["-outer.log", "-phone.cfg"])
def test_a_folder_is_never_called_like_what_handsets_write(site, outer, inner):
    """Or a mirror would have to make a file and a folder of one name, and would miss one of them."""
    mac, who = site.macs[2], site.handsets[2]
    path = f"/x/{mac.upper()}{outer}/y/{mac}{inner}"
    assert site.http("PUT", path, who, b"<a/>").status == 403
    ftp = site.ftp(who)
    with pytest.raises(ftplib.error_perm, match="^550"):
        ftp.put("STOR", path, b"<a/>")
    ftp.quit()
    assert site.http("PUT", path, site.admin, b"<a/>").status == 400


def test_nobody_but_the_handset_writes_its_logs(site, name):
    assert site.http("PUT", f"/{name}", site.admin, b"forged").status == 403
    assert site.http("PUT", f"/@log/{site.macs[0]}/{name}", site.admin, b"forged").status == 403
    assert site.http("DELETE", f"/@log/{site.macs[0]}/{name}", site.admin).status == 403
    assert site.http("PUT", f"/{name}", site.operator, b"forged").status == 403
    assert site.http("PUT", f"/{name}", site.handsets[1], b"forged").status == 403
    assert read(site, f"/@log/{site.macs[0]}/{name}").status == 404
