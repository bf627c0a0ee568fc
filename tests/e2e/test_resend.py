# SPDX-License-Identifier: Apache-2.0
"""Resends after a lost reply (R13), in each of their conditions: gone without a word, the same bytes, the same log, in time.
In every other case equal bytes are stored again. And what replaces a log by its own bytes is idempotent."""
import os
import re
import select
import socket
import sqlite3
import struct

import pytest

LARGE = os.urandom(150_000)  # three chunks: staged before the commit


@pytest.fixture(scope="module")
def site(new_site):
    return new_site("resend", max_log="1M", log_rotate="512K")


@pytest.fixture
def name(site, request):
    return f"{site.macs[0]}-{re.sub('[^a-z0-9]', '-', request.node.name.lower())}.log"


def whole(site, name, mac=None):
    return site.http("GET", f"/@log/{mac or site.macs[0]}/{name}?all=1", site.operator).body


def generations(site, name):
    return [g for g in site.api("GET", f"/handsets/{site.macs[0]}/logs").json["generations"] if g["path"].lstrip("/") == name]


def repeats(site, name):
    return sum(g["repeats"] for g in generations(site, name))


def wait_gone(site):
    """Until the server has noticed that every FTPS session so far has ended."""
    for _ in range(10000):
        text = site.log_text().rpartition("daemon.start")[2]
        if text.count("ftps.open") == text.count("ftps.close"):
            return
        select.select([], [], [], 0.005)
    raise AssertionError("sessions stay open")


def drop(ftp, how="fin"):
    """The client vanishes without a word."""
    if how == "rst":
        ftp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "notify":
        try:
            ftp.sock.unwrap()
        except OSError:
            pass
    os.close(ftp.sock.detach())
    ftp.file.close()
    ftp.sock = ftp.file = None


def append(site, name, data, end="quit", verb="APPE", who=0, tls=None):
    """One session that stores data and ends as `end` says."""
    ftp = site.ftp(site.handsets[who], site.context(tls))
    assert ftp.put(verb, name, data).startswith("226")
    if end == "quit":
        ftp.quit()
    elif end in ("noop", "bad"):
        ftp.putcmd("NOOP" if end == "noop" else "NONSENSE")
        ftp.getresp() if end == "noop" else ftp.getline()
        drop(ftp)
    else:
        drop(ftp, end)
    wait_gone(site)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("end, resend", [("fin", True), ("rst", True), ("notify", True), ("quit", False), ("noop", False), ("bad", False)])
@pytest.mark.parametrize("data", [b"small\n", LARGE], ids=["small", "large"])
def test_only_who_left_without_a_word_may_have_missed_the_reply(site, name, end, resend, data, tls):
    append(site, name, b"before\n")
    append(site, name, data, end, tls=tls)
    append(site, name, data, tls=tls)
    assert whole(site, name) == b"before\n" + data * (1 if resend else 2)
    assert repeats(site, name) == int(resend)
    assert site.http("HEAD", f"/{name}", site.handsets[0]).headers["Content-Length"] == str(7 + len(data) * (1 if resend else 2))
    append(site, name, data)  # the last one heard its reply
    assert whole(site, name) == b"before\n" + data * (2 if resend else 3)


def test_a_resend_whose_reply_is_lost_as_well(site, name):
    append(site, name, b"again\n", "fin")
    for _ in range(3):
        append(site, name, b"again\n", "fin")
    assert whole(site, name) == b"again\n" and repeats(site, name) == 3
    segments = site.api("GET", f"/handsets/{site.macs[0]}/logs/segments?path=/{name}&generation=1")
    if segments.status == 200:
        listed = segments.json["segments"]
        assert [s["repeat"] for s in listed] == [False, True, True, True] and all(s["received"] for s in listed)
    append(site, name, b"new\n")
    append(site, name, b"again\n")
    assert whole(site, name) == b"again\nnew\nagain\n"


@pytest.mark.parametrize("other", [b"same lengtH\n", b"same length", b"same length\n\n", b""])
def test_other_bytes_are_no_resend(site, name, other):
    append(site, name, b"same length\n", "fin")
    append(site, name, other)
    assert whole(site, name) == b"same length\n" + other and repeats(site, name) == 0


def test_only_the_newest_segment_can_be_resent(site, name):
    append(site, name, b"one\n", "fin")
    append(site, name, b"two\n", "fin")
    append(site, name, b"one\n", "fin")
    assert whole(site, name) == b"one\ntwo\none\n" and repeats(site, name) == 0


def test_another_log_and_another_handset_are_no_resend(site, name):
    append(site, name, b"bytes\n", "fin")
    other = name.replace(".log", "-2.log")
    append(site, other, b"bytes\n")
    append(site, f"folder/{name}", b"bytes\n")
    theirs = name.replace(site.macs[0], site.macs[1])
    append(site, theirs, b"bytes\n", who=1)
    assert whole(site, other) == whole(site, f"folder/{name}") == whole(site, theirs, site.macs[1]) == b"bytes\n"
    append(site, name, b"bytes\n")
    assert whole(site, name) == b"bytes\n" and repeats(site, name) == 1


def test_while_the_sender_is_there_it_is_no_resend(site, name):
    ftp = site.ftp(site.handsets[0])
    ftp.put("APPE", name, b"tick\n")
    other = site.ftp(site.handsets[0])
    other.put("APPE", name, b"tick\n")
    drop(ftp)
    drop(other)
    wait_gone(site)
    assert whole(site, name) == b"tick\ntick\n" and repeats(site, name) == 0


def test_what_was_sent_ahead_of_the_reply_is_no_word_after_it(site, name):
    ftp = site.ftp(site.handsets[0])
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd(f"APPE {name}")
    ftp.putcmd("NOOP")  # waits for the transfer's end
    conn.sendall(b"ahead\n")
    conn.unwrap()
    conn.close()
    assert ftp.getresp().startswith("226") and ftp.getresp().startswith("200")
    drop(ftp)
    wait_gone(site)
    append(site, name, b"ahead\n")
    assert whole(site, name) == b"ahead\n" and repeats(site, name) == 1


def test_after_dele_it_is_no_resend(site, name):
    append(site, name, b"kept\n", "fin")
    ftp = site.ftp(site.handsets[0])
    ftp.delete(name)
    ftp.quit()
    wait_gone(site)
    append(site, name, b"kept\n")
    assert whole(site, name) == b"kept\nkept\n"


def test_a_resend_over_the_rotations_edge(site, name):
    """The segment began a generation of its own; its resend finds it there."""
    append(site, name, os.urandom(500_000))
    append(site, name, LARGE, "fin")
    append(site, name, LARGE, "fin")
    assert [g["size"] for g in generations(site, name)] in ([500_000, len(LARGE)], [len(LARGE), 500_000])
    assert repeats(site, name) == 1


def test_an_append_after_a_put_is_no_resend(site, name):
    """HTTPS has no session whose silence would say something."""
    assert site.http("PUT", f"/{name}", site.handsets[0], b"put\n").status == 201
    append(site, name, b"put\n")
    assert whole(site, name) == b"put\nput\n"


def change(site, sql, *values):
    connection = sqlite3.connect(site.folder / "site/state/catalog.db")
    with connection:
        assert connection.execute(sql, values).rowcount > 0
    connection.close()


@pytest.mark.parametrize("age, resend", [(9, True), (11, False), (-9, True), (-11, False)])
@pytest.mark.parametrize("verb", ["APPE", "STOR"])
def test_the_window(site, name, verb, age, resend):
    """Ten minutes, on a wall clock that may have been set either way."""
    append(site, name, b"bytes\n", "fin", verb)
    assert site.stop() == 0
    change(site, "UPDATE log_segment SET received = received - ? WHERE path = ?", age * 60000, f"/{name}")
    change(site, "UPDATE log_generation SET modified = modified - ? WHERE path = ?", age * 60000, f"/{name}")
    site.start()
    append(site, name, b"bytes\n", verb=verb)
    assert whole(site, name) == b"bytes\n" * (1 if resend else 2)
    assert len(generations(site, name)) == (2 if verb == "STOR" and not resend else 1)


def test_without_a_window_nothing_is_a_resend(new_site):
    site = new_site("window0", resend_window="0")
    log = f"{site.macs[0]}-app.log"
    append(site, log, b"x\n", "fin")
    append(site, log, b"x\n", "fin")
    append(site, log, b"y\n", verb="STOR")
    append(site, log, b"y\n", verb="STOR")
    assert whole(site, log) == b"x\nx\ny\ny\n"


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("said", [False, True])
def test_whether_the_reply_was_seen_survives(new_site, end, said):
    """Kept with the segment, and written with the next commit."""
    site = new_site(f"survives-{end}-{said}")
    log = f"{site.macs[0]}-app.log"
    ftp = site.ftp(site.handsets[0])
    assert ftp.put("APPE", log, b"bytes\n").startswith("226")
    if said:
        ftp.voidcmd("NOOP")
        assert site.api("POST", "/handsets", {"mac": "00907a112233"}).status == 201  # the next commit
    assert getattr(site, end)() == (-9 if end == "kill" else 0)
    ftp.close()
    site.start()
    append(site, log, b"bytes\n")
    assert whole(site, log) == b"bytes\n" * (2 if said else 1)


def test_a_resend_costs_no_bytes_and_is_never_refused(new_site):
    site = new_site("fullquota", log_quota="64K", log_rotate="8K", max_log="64K")
    log = f"{site.macs[0]}-app.log"
    ftp = site.ftp(site.handsets[0])
    for n in range(15):
        ftp.put("APPE", log, bytes([65 + n]) * 4000)
    ftp.put("APPE", log, b"!" * 4500)
    drop(ftp)
    wait_gone(site)
    ftp = site.ftp(site.handsets[0])
    assert ftp.put("APPE", log, b"!" * 4500).startswith("226")
    with pytest.raises(Exception, match="^452"):
        ftp.put("APPE", log, b"?" * 4500)
    ftp.quit()
    assert len(whole(site, log)) == 64500


@pytest.mark.parametrize("how", ["PUT", "STOR"])
@pytest.mark.parametrize("data", [b"boot\n", b"", LARGE], ids=["small", "empty", "large"])
def test_replacing_several_segments_by_their_own_bytes_is_idempotent(site, name, how, data):
    parts = [data[:len(data) // 3], data[len(data) // 3:len(data) // 2], data[len(data) // 2:]]
    for part in parts:
        append(site, name, part)

    def replace(data):
        if how == "PUT":
            reply = site.http("PUT", f"/{name}", site.handsets[0], data)
            assert reply.status in (201, 204)
            return reply.headers["ETag"]
        return append(site, name, data, verb="STOR")

    head = site.http("HEAD", f"/{name}", site.handsets[0]).headers
    tag = replace(data)
    assert len(generations(site, name)) == 1 and repeats(site, name) == 1 and whole(site, name) == data
    if how == "PUT":
        assert tag == head["ETag"]
    replace(data + b"x")
    assert len(generations(site, name)) == 2 and whole(site, name) == data + data + b"x"
    # Replacing ended what could have been resent.
    append(site, name, b"x")
    assert whole(site, name) == data + data + b"xx"


def test_an_append_after_an_idempotent_replacement_is_no_resend(site, name):
    append(site, name, b"one\n", "fin")
    append(site, name, b"one\n", verb="STOR")
    append(site, name, b"one\n")
    assert whole(site, name) == b"one\none\n"


def test_who_does_not_wait_for_the_reply_and_sends_again_is_stored_once(site, name):
    """The control connection ends while the segment is being committed, or just before: stored, or not; never twice."""
    sent = []
    for n in range(20):
        data = b"%06d\n" % n * (1 if n % 2 else 20000)
        sent.append(data)
        ftp = site.ftp(site.handsets[0])
        ftp.voidcmd("TYPE I")
        conn = ftp.transfercmd(f"APPE {name}")
        conn.sendall(data)
        try:
            conn.unwrap()
        except OSError:
            pass
        drop(ftp, "rst" if n % 3 else "fin")
        conn.close()
        wait_gone(site)
        append(site, name, data)
    assert whole(site, name) == b"".join(sent)


def test_head_and_size_tell_the_newest_generation(new_site):
    site = new_site("rotated", log_rotate="4K")
    log, user = f"{site.macs[0]}-app.log", site.handsets[0]
    for n in range(1, 6):
        append(site, log, bytes([64 + n]) * 3000)
        ftp = site.ftp(user)
        assert ftp.size(log) == 3000 and ftp.get(log) == bytes([64 + n]) * 3000
        ftp.quit()
        assert site.http("HEAD", f"/{log}", user).headers["Content-Length"] == "3000"
    append(site, log, b"x" * 1096)
    assert site.http("HEAD", f"/{log}", user).headers["Content-Length"] == "4096"  # to the byte
    append(site, log, b"y")
    assert site.http("HEAD", f"/{log}", user).headers["Content-Length"] == "1"
    append(site, log, b"z" * 9000)  # one larger than log_rotate is whole, in a generation of its own
    append(site, log, b"")
    append(site, log, b"!")
    sizes = sorted((g["generation"], g["size"]) for g in generations(site, log))
    assert [size for _, size in sizes] == [3000] * 4 + [4096, 1, 9000, 1]
