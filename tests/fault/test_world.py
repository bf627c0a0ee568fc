# SPDX-License-Identifier: Apache-2.0
"""Everything around the daemon that may go wrong while it serves: connections that are cut at any byte, clients by the thousand that say
nothing, descriptors that run out, a clock that jumps, certificates that change under load."""
import contextlib
import errno
import ftplib
import http.client
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import world
from conftest import TIMEOUT, ImplicitFTP, folder, new_site  # noqa: F401  fixtures

# Connections to each front end; both together stay below max_handshakes_per_address.
CROWD = 1900 if world.LONG else 600
CUTS = 24  # of each kind; make fault takes every byte


@pytest.fixture(scope="module")
def site(new_site):  # noqa: F811
    return new_site("world", log_rotate="256K", max_log="64M", log_quota="4G", file_versions="0")


# --- cut connections --------------------------------------------------------------------------------------------


class Cutter:
    """Passes one connection on to `port`, and cuts it after so many bytes that came from the client (upwards) or the server: with a
    reset on both sides, or by an end that looks orderly to TCP."""

    def __init__(self, port, limit, upwards, reset):
        self.port, self.limit, self.upwards, self.reset = port, limit, upwards, reset
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.passed = 0
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    @property
    def address(self):
        return self.listener.getsockname()[1]

    def serve(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        self.listener.close()
        near.settimeout(TIMEOUT)
        ways = [threading.Thread(target=self.carry, args=(near, far, True)), threading.Thread(target=self.carry, args=(far, near, False))]
        for way in ways:
            way.start()
        for way in ways:
            way.join()
        near.close()
        far.close()

    def carry(self, source, target, upwards):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if upwards == self.upwards and self.limit is not None:
                    data = data[:self.limit - self.passed]
                target.sendall(data)
                if upwards == self.upwards:
                    self.passed += len(data)
                    if self.passed == self.limit:
                        self.cut(source, target)
                        return
            target.shutdown(socket.SHUT_WR)

    def cut(self, *sockets):
        for one in sockets:
            if self.reset:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR if not self.reset else socket.SHUT_RD)
            one.close()

    def end(self):
        self.thread.join()


class CutFTP(ImplicitFTP):
    """Its data connections go through a cutter."""
    cutter = None

    def makepasv(self):
        host, port = super().makepasv()
        self.cutter = Cutter(port, *self.cuts)
        return host, self.cutter.address


def ftps(site, thing, step, cuts):
    user = next(h for h, mac in zip(site.handsets, site.macs) if thing.name.startswith(mac))
    ftp = CutFTP(site.context())
    ftp.cuts = cuts
    try:
        ftp.connect("127.0.0.1", site.ftps_port)
        ftplib.FTP.login(ftp, *user)
        step.begun = time.monotonic_ns()
        reply = world.Work.append(ftp, "APPE", thing, step)
        step.end(reply.startswith("226"))
    except world.GONE:
        # Only the data connection was cut: the reply must say what became of it.
        reply = ftp.voidresp_any()
        step.end(reply.startswith("226"))
    finally:
        ftp.close()
        if ftp.cutter:
            ftp.cutter.end()
            return ftp.cutter.passed
    return 0


def voidresp_any(self):
    try:
        return self.getmultiline()
    except EOFError:
        return "426"


CutFTP.voidresp_any = voidresp_any


def https(site, thing, step, cuts):
    user = next(h for h, mac in zip(site.handsets, site.macs) if thing.name.startswith(mac))
    cutter = Cutter(site.https_port, *cuts)
    try:
        status = site.http("PUT", f"/{thing.name}", user, step.data, port=cutter.address).status
        step.end(status in (201, 204))
    except world.GONE:
        pass  # it may have happened, or not
    finally:
        cutter.end()
    return cutter.passed


@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("upwards", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("protocol", [ftps, https])
def test_a_connection_that_is_cut_at_any_byte(site, protocol, upwards, reset):
    thing = world.Thing(f"{site.macs[0]}-cut-{protocol.__name__}-{upwards:d}{reset:d}.log", True)
    work = world.Work(site, world.seed(thing.name.split("-", 1)[1]), things=0)
    work.things = [thing]

    def once(limit):
        step = world.Step(work.body(thing, 900))
        thing.steps.append(step)
        return protocol(site, thing, step, (limit, upwards, reset))

    whole = once(None)
    assert whole > 60 and work.judge() == [] and thing.steps[0].acknowledged
    limits = range(1, whole + 1) if world.LONG else sorted({*work.random.sample(range(1, whole), CUTS), whole - 1, whole})
    for limit in limits:
        once(limit)
    assert work.judge() == []
    refused = sum(step.acknowledged is None for step in thing.steps)
    assert refused > 0 or not upwards
    print(f"{thing.name}: cut at {len(limits)} bytes of {whole}, {refused} not acknowledged")


# --- crowds -----------------------------------------------------------------------------------------------------


def descriptors(site):
    return len(os.listdir(f"/proc/{site.process.pid}/fd"))


def await_descriptors(site, most):
    deadline = time.monotonic() + TIMEOUT
    while descriptors(site) > most:
        assert time.monotonic() < deadline, f"{descriptors(site)} descriptors are open, {most} were before"
        os.sched_yield()


def test_a_crowd_that_says_nothing(new_site):  # noqa: F811
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    crowd = min(CROWD, (hard - 200) // 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * crowd + 200), hard))
    site = new_site("crowd", handshake_timeout="2s", header_timeout="2s", data_timeout="2s", idle_timeout_https="2s")
    before = descriptors(site)
    silent = []
    try:
        for port in (site.https_port, site.ftps_port):
            silent += [socket.create_connection(("127.0.0.1", port), TIMEOUT) for _ in range(crowd)]
        # Others are served meanwhile, over both protocols.
        for _ in range(3):
            assert site.http("GET", "/site.cfg", site.handsets[0]).status == 200
            with site.ftp(site.handsets[1]) as ftp:
                assert ftp.put("APPE", f"{site.macs[1]}-crowd.log", b"line\n").startswith("226")
        # Each is let go of when its time is over.
        for one in silent:
            one.settimeout(TIMEOUT)
            with contextlib.suppress(ConnectionResetError):
                while one.recv(4096):
                    pass
    finally:
        for one in silent:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await_descriptors(site, before + 8)
    assert site.http("GET", f"/{site.macs[1]}-crowd.log", site.handsets[1]).body == b"line\n" * 3


def test_descriptors_run_out(site):
    """The limit is where the daemon is now: whoever is connected is served, others wait or are sent away, and nothing is lost."""
    work = world.Work(site, world.seed("descriptors"), upkeep=False)
    with work:
        work.await_steps(2)
    before = resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE)
    base = descriptors(site)
    for spare in (0, 1, 2, 3, 5, 8):
        held = []
        resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE, (base + spare, before[1]))
        try:
            for port in (site.ftps_port, site.https_port) * 6:
                held.append(socket.create_connection(("127.0.0.1", port), TIMEOUT))
        finally:
            resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE, before)
            for one in held:
                one.close()
        with work:
            work.await_steps(1)
        assert work.judge() == []
    await_descriptors(site, base + 8)


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS], ids=["EMFILE", "ENFILE", "ENOBUFS"])
def test_each_socket_that_cannot_be_had(new_site, error):  # noqa: F811
    site = new_site(f"sockets-{error}", file_versions="0", log_quota="4G", max_log="64M")
    site.stop()
    control, random = world.Control(site.folder), world.seed(f"sockets {error}")
    with world.hurt(site, control):
        site.start()
    work = world.Work(site, random, upkeep=False)
    hurt = 0
    for moment in range(1, 40 if world.LONG else 13):
        control.arm(moment, world.SOCKET, world.FAIL, error)
        for thing in work.things:
            with contextlib.suppress(*world.GONE):
                work.step(thing, random)
        control.disarm()
        hurt += control.hurt
        assert site.process.poll() is None
        assert work.judge() == []
        work.settle()
    assert hurt > 3


# --- the clock --------------------------------------------------------------------------------------------------


HOUR, DAY, YEAR = 3_600_000, 86_400_000, 365 * 86_400_000


def test_a_clock_that_jumps(new_site):  # noqa: F811
    """Deadlines do not depend on the wall clock, and what is stored keeps its order, whatever the clock says of when."""
    site = new_site("clock", file_versions="0", log_rotate="64K", log_quota="4G", max_log="64M", log_keep_min="1h")
    site.stop()
    control = world.Control(site.folder)
    with world.hurt(site, control):
        site.start()
    work = world.Work(site, world.seed("clock"))
    for jump in (0, HOUR, -HOUR, 40 * DAY, -40 * DAY, 2 * YEAR, -20 * YEAR, 15 * YEAR, 0):
        with work:
            work.await_steps(1)
            control.set(wall=jump)
            work.await_steps(2)
        assert work.judge() == [], f"after a jump to {jump / DAY:.1f} days"
    assert site.ctl("verify", "--wait").returncode == 0
    assert set(work.answers) <= {200, 201, 204, 226}, dict(work.answers)


# --- reloads ----------------------------------------------------------------------------------------------------


def test_reloads_and_new_certificates_under_load(new_site):  # noqa: F811
    site = new_site("reload", file_versions="0", log_quota="4G", max_log="64M", watch_interval=0)
    own = site.folder / "site"
    work, reloads = world.Work(site, world.seed("reload")), 40 if world.LONG else 8
    failures = []
    step = work.step

    def watched(thing, random):
        try:
            step(thing, random)
        except world.GONE as error:
            failures.append(f"{thing.name}: {error!r}")

    work.step = watched
    with work:
        for number in range(reloads):
            begin = site.log_size()
            # The same key under a certificate made anew would do as well; a file that is touched is read again all the same.
            shutil.copy(own / "server.pem", own / "server.new")
            (own / "server.new").rename(own / "server.pem")
            site.process.send_signal(signal.SIGHUP)
            site.await_log(r"reload\.done", begin)
            work.await_steps(1)
    assert failures == [] and set(work.answers) <= {200, 201, 204, 226}, (failures, dict(work.answers))
    assert work.judge() == []
    print(f"{reloads} reloads during {sum(len(thing.steps) for thing in work.things)} steps, none refused or broken")


# --- the log ----------------------------------------------------------------------------------------------------


def test_whoever_reads_the_log_stops(new_site, monkeypatch):  # noqa: F811
    """What is read by a program that hangs, a journal for instance, fills its pipe: nobody may have to wait for that."""
    site = new_site("mute")
    site.stop()
    pipe = site.folder / "log.pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv("CRADLE_WRAP", f"sh -c 'exec \"$@\" 2>{pipe}' sh")
    begin = site.log_size()
    with open(site.folder / "daemon.log", "ab") as log, subprocess.Popen(["cat", pipe], stdout=log) as reader:
        try:
            site.start(log_level="debug")
            port = int(re.search(r"port=(\d+)", site.await_log("daemon.ready protocol=https", begin))[1])
            reader.send_signal(signal.SIGSTOP)
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=site.context(), timeout=TIMEOUT)
            for _ in range(1000):  # each leaves some 150 bytes of log; the pipe holds 64 kB
                connection.request("GET", "/healthz")
                assert connection.getresponse().read()
            begin = site.log_size()
            reader.send_signal(signal.SIGCONT)
            site.await_log("https.request", begin)  # there is room again
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            lost = int(re.search(r"lines=(\d+)", site.await_log("events.lost", begin))[1])
            written = len(re.findall("https.request", site.log_text()))
            assert lost > 0 and lost + written >= 1000
            connection.close()
        finally:
            reader.send_signal(signal.SIGCONT)
            site.stop()
