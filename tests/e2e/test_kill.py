# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of many appends, replacements and uploads: every acknowledged byte is there once, and no other."""
import http.client
import os
import re
import threading

import pytest

WRITERS = 6
ROUNDS = 3


def line(writer, n, size):
    head = f"{writer:02d}|{n:06d}|".encode()
    return head + b"." * (size - len(head) - 1) + b"\n"


class Writer(threading.Thread):
    """Appends until the server dies; knows what was acknowledged and what was under way."""

    def __init__(self, site, number, first, alive):
        super().__init__()
        self.site, self.number, self.alive = site, number, alive
        self.log = f"{site.macs[number % 3]}-w{number}.log"
        self.next = first
        self.acknowledged = []
        self.started = threading.Event()

    def run(self):
        try:
            ftp = self.site.ftp(self.site.handsets[self.number % 3])
            while self.alive.is_set():
                # One in five is larger than a chunk, so that staging is under way as well.
                data = line(self.number, self.next, 70000 if self.next % 5 == 4 else 700)
                self.next += 1
                if ftp.put("APPE", self.log, data).startswith("226"):
                    self.acknowledged.append(data)
                if len(self.acknowledged) >= 5:
                    self.started.set()
        except (OSError, EOFError):
            pass
        finally:
            self.started.set()


def test_every_acknowledged_byte_survives_once(new_site):
    site = new_site("kill", log_rotate="64K", max_log="1M")
    acknowledged = {n: [] for n in range(WRITERS)}
    first = {n: 0 for n in range(WRITERS)}
    for _ in range(ROUNDS):
        alive = threading.Event()
        alive.set()
        writers = [Writer(site, n, first[n], alive) for n in range(WRITERS)]
        [w.start() for w in writers]
        [w.started.wait() for w in writers]
        assert site.kill() == -9
        alive.clear()
        [w.join() for w in writers]
        site.start()
        for w in writers:
            acknowledged[w.number] += w.acknowledged
            first[w.number] = w.next
            mac = site.macs[w.number % 3]
            reply = site.http("GET", f"/@log/{mac}/{w.log}?all=1", site.operator)
            assert reply.status == 200
            kept = re.findall(rb"[^\n]*\n", reply.body)
            assert b"".join(kept) == reply.body, "a torn line"
            # Kept = acknowledged, plus at most the one that was committed when its reply was lost, whole and in order.
            assert [k for k in kept if k in set(acknowledged[w.number])] == acknowledged[w.number]
            extra = [k for k in kept if k not in set(acknowledged[w.number])]
            assert len(extra) <= 1
            acknowledged[w.number] = kept
    assert sum(len(v) for v in acknowledged.values()) >= WRITERS * ROUNDS * 5


class Replacer(threading.Thread):
    """Replaces one log, over HTTPS or FTPS, by small and large bodies of its own until the server dies."""

    def __init__(self, site, number, first, alive):
        super().__init__()
        self.site, self.number, self.alive = site, number, alive
        self.user = site.handsets[number % 3]
        self.log = f"{site.macs[number % 3]}-r{number}.log"
        self.next = first
        self.acknowledged = []
        self.started = threading.Event()

    def replace(self, data):
        if self.number % 2:
            return self.site.http("PUT", f"/{self.log}", self.user, data).status in (201, 204)
        ftp = self.site.ftp(self.user)
        try:
            return ftp.put("STOR", self.log, data).startswith("226")
        finally:
            ftp.close()

    def run(self):
        try:
            while self.alive.is_set():
                # From one chunk to several: the larger ones lie in staging when the end comes.
                data = line(self.number, self.next, (500, 65536, 65537, 400_000)[self.next % 4])
                self.next += 1
                if self.replace(data):
                    self.acknowledged.append(data)
                if len(self.acknowledged) >= 5:
                    self.started.set()
        except (OSError, EOFError, http.client.HTTPException):
            pass
        finally:
            self.started.set()


def test_every_acknowledged_replacement_survives_once(new_site):
    site = new_site("replace", max_log="1M", log_quota="1G")
    acknowledged = {n: [] for n in range(WRITERS)}
    first = {n: 0 for n in range(WRITERS)}
    for _ in range(ROUNDS):
        alive = threading.Event()
        alive.set()
        writers = [Replacer(site, n, first[n], alive) for n in range(WRITERS)]
        [w.start() for w in writers]
        [w.started.wait() for w in writers]
        assert site.kill() == -9
        alive.clear()
        [w.join() for w in writers]
        site.start()
        for w in writers:
            before, said = acknowledged[w.number], w.acknowledged
            first[w.number] = w.next
            mac = site.macs[w.number % 3]
            listed = [g for g in site.api("GET", f"/handsets/{mac}/logs").json["generations"] if g["path"].lstrip("/") == w.log]
            body = site.http("GET", f"/@log/{mac}/{w.log}?all=1", site.operator).body
            kept = re.findall(rb"[^\n]*\n", body)
            assert b"".join(kept) == body and [len(k) for k in kept] == [g["size"] for g in sorted(listed, key=lambda g: g["generation"])]
            # At most one more than was acknowledged: committed, and its reply lost.
            assert kept[:len(before) + len(said)] == before + said and len(kept) <= len(before) + len(said) + 1
            acknowledged[w.number] = kept
    assert sum(len(v) for v in acknowledged.values()) >= WRITERS * ROUNDS * 5


def test_an_upload_cut_by_a_crash_leaves_no_trace(new_site):
    site = new_site("staging")
    body = os.urandom(3_000_000)
    tls = site.raw_tls(site.https_port)
    import base64
    word = base64.b64encode(":".join(site.admin).encode()).decode()
    tls.sendall(f"PUT /big.ld HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {word}\r\n"
                f"Content-Length: {len(body) * 2}\r\n\r\n".encode() + body)
    site.kill()
    tls.close()
    site.start()
    assert site.http("GET", "/big.ld", site.admin).status == 404
    assert site.http("PUT", "/big.ld", site.admin, body).status == 201
    assert site.http("GET", "/big.ld", site.admin).body == body


@pytest.mark.parametrize("number", [15, 2])
def test_it_stops_cleanly_while_uploads_are_under_way(new_site, number):
    import signal
    site = new_site(f"stop{number}")
    ftp = site.ftp(site.handsets[0])
    ftp.put("APPE", f"{site.macs[0]}-app.log", b"kept\n")
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd(f"APPE {site.macs[0]}-app.log")
    conn.sendall(b"under way" * 1000)
    assert site.stop(signal.Signals(number)) == 0
    conn.close()
    ftp.close()
    site.start()
    assert site.http("GET", f"/{site.macs[0]}-app.log", site.handsets[0]).body == b"kept\n"
