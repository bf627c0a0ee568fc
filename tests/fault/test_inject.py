# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, broken, or takes half of a write, at each operation of a round of work; and one that is full for real.

What fails is refused with words that are no absence, what was there before stays as it was, reads go on, and the next round works."""
import contextlib
import errno
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

import world
from conftest import CRADLED, folder, new_site  # noqa: F401  fixtures

SAMPLES = 6  # of each kind; make fault takes every operation
GOOD = {200, 201, 204, 226}
# 404 and 550 would make a handset fall back to another configuration: never.
REFUSED = {421, 426, 451, 452, 503, 507}

FAULTS = {
    "full": (world.WRITE | world.TRUNCATE | world.MAKE, world.FAIL, errno.ENOSPC),
    "quota": (world.WRITE | world.TRUNCATE | world.MAKE, world.FAIL, errno.EDQUOT),
    "broken": (world.WRITE | world.TRUNCATE | world.MAKE | world.NAME, world.FAIL, errno.EIO),
    "short": (world.WRITE, world.SHORT, errno.ENOSPC),
    "unsynced": (world.SYNC, world.FAIL, errno.EIO),
    "unreadable": (world.READ, world.FAIL, errno.EIO),
}


def has_a_sanitizer():
    return b"__asan_init" in CRADLED.read_bytes() or b"__tsan_init" in CRADLED.read_bytes()


GROWTH_KB = 400_000 if has_a_sanitizer() else 40_000  # a sanitizer keeps what was freed for a while


def descriptors(site):
    return len(os.listdir(f"/proc/{site.process.pid}/fd"))


def resident_kb(site):
    return int(next(line for line in pathlib.Path(f"/proc/{site.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])


@contextlib.contextmanager
def answered():
    """A reply or the end of the connection: nobody waits for what never comes."""
    try:
        yield
    except TimeoutError as error:
        raise AssertionError("neither a reply nor an end") from error


class Round:
    """The same work each time: a handset's boot over both protocols, and a step for each of the things."""

    def __init__(self, site, work):
        self.site, self.work = site, work

    def read(self, name, user):
        with answered():
            status = self.site.http("GET", name, user).status
        self.work.answers[status] += 1
        return status

    def go(self, random):
        self.read("/site.cfg", self.site.handsets[0])
        self.read(f"/{self.site.macs[0]}.cfg", self.site.handsets[0])
        for thing in self.work.things:
            with contextlib.suppress(*world.GONE), answered():  # the session may be ended
                self.work.step(thing, random)
        self.read("/api/v1/handsets", self.site.admin)


def give_own_files(site):
    for mac in site.macs:
        assert site.http("PUT", f"/@handset/{mac}/{mac}.cfg", site.admin, b"<own/>").status in (201, 204)


@pytest.fixture(scope="module")
def hurting(new_site):  # noqa: F811
    site = new_site("inject", log_rotate="256K", max_log="64M", log_quota="4G", file_versions="0", cache="0")
    give_own_files(site)
    site.stop()
    control = world.Control(site.folder)
    with world.hurt(site, control):
        site.start()
    work = world.Work(site, world.seed("inject"), upkeep=False)
    return site, control, work


@pytest.mark.parametrize("name", FAULTS)
def test_each_operation(hurting, name):
    site, control, work = hurting
    kinds, action, error = FAULTS[name]
    random, round_ = world.seed(name), Round(site, work)
    round_.go(random)
    control.count(kinds)
    round_.go(random)
    count = control.seen
    assert count > 5
    work.answers.clear()
    before = descriptors(site), resident_kb(site)
    hurt, refused = 0, 0
    for moment in range(1, count + 1) if world.LONG else sorted(random.choices(range(1, count + 1), k=SAMPLES)):
        control.arm(moment, kinds, action, error)
        round_.go(random)
        control.disarm()
        hurt += control.hurt
        assert site.process.poll() is None, site.log_text()[-2000:]
        assert set(work.answers) <= GOOD | REFUSED, dict(work.answers)
        assert work.judge() == [], f"{name} at operation {moment}"
        work.settle()
    refused = sum(number for status, number in work.answers.items() if status in REFUSED)
    assert hurt > 0 and descriptors(site) <= before[0] + 4 and resident_kb(site) < before[1] + GROWTH_KB
    # A start from what is left.
    assert site.stop() == 0 and world.sound(world.state_of(site)) == []
    with world.hurt(site, control):
        site.start()
    assert work.judge() == []
    print(f"{name}: {hurt} operations of {count} kinds hurt, {refused} answers refused ({dict(work.answers)})")


def test_a_disk_that_stays_full_and_then_is_not(hurting):
    site, control, work = hurting
    random, round_ = world.seed("full for long"), Round(site, work)
    round_.go(random)
    control.arm(1, world.WRITE | world.MAKE, world.FAIL, errno.ENOSPC, times=-1)
    for _ in range(5):
        work.answers.clear()
        round_.go(random)
        assert set(work.answers) <= GOOD | REFUSED and not set(work.answers) & {201, 204, 226}, dict(work.answers)
        # Reads go on.
        assert site.http("GET", "/site.cfg", site.handsets[0]).status == 200
        assert work.judge() == []
    control.disarm()
    work.answers.clear()
    round_.go(random)
    assert set(work.answers) <= GOOD, dict(work.answers)
    assert work.judge() == []


@pytest.mark.parametrize("name", ["catalog.db", "catalog.db-wal", "."])
def test_files_that_are_moved_away(hurting, name):
    """The catalog, its log, or the state folder itself: nothing is acknowledged that a start would not find."""
    site, control, work = hurting
    random, round_ = world.seed(f"away {name}"), Round(site, work)
    round_.go(random)
    file = (world.state_of(site) / name).resolve()
    away = file.with_name(file.name + ".away")
    file.rename(away)
    work.answers.clear()
    round_.go(random)
    assert set(work.answers) <= GOOD | REFUSED and not set(work.answers) & {201, 204, 226}, dict(work.answers)
    assert site.http("GET", "/site.cfg", site.handsets[0]).status == 200
    away.rename(file)
    work.answers.clear()
    round_.go(random)
    assert set(work.answers) <= GOOD, dict(work.answers)
    site.kill()
    with world.hurt(site, control):
        site.start()
    assert work.judge() == []


@pytest.mark.skipif(has_a_sanitizer(), reason="a sanitizer has its own allocator")
def test_memory_that_runs_out(new_site):  # noqa: F811
    """At an allocation of a round of work: an error, or the end of the process and a start; never a crash, never a loss."""
    site = new_site("memory", log_quota="4G", max_log="64M", file_versions="0", cache="0")
    give_own_files(site)
    site.stop()
    memory, random = world.Memory(site.folder), world.seed("memory")
    with world.hurt(site, memory):
        site.start()
        work = world.Work(site, random, upkeep=False)
        round_ = Round(site, work)
        round_.go(random)
        memory.arm(0)
        round_.go(random)
        count, hurt, ended = memory.seen, 0, []
        for _ in range(600 if world.LONG else 30):
            memory.arm(random.randint(1, count))
            with contextlib.suppress(*world.GONE):
                round_.go(random)
            hurt += memory.hurt
            memory.arm(0)
            status = world.status(site)
            if status is not None:
                assert status != -signal.SIGSEGV, site.log_text()[-2000:]
                ended.append(signal.Signals(-status).name if status < 0 else status)
                site.start()
            assert work.judge() == []
            work.settle()
    assert hurt > 10 and not set(work.answers) & {404, 550}, dict(work.answers)
    print(f"{hurt} of some {count} allocations failed, {len(ended)} of them ended the process: {sorted(set(map(str, ended)))} ({dict(work.answers)})")


def can_mount():
    return shutil.which("unshare") and subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no user namespaces here, in which a small file system could be mounted")
def test_a_small_disk_for_real(new_site):  # noqa: F811
    """The state folder on a file system of 48 MB, of which the reserve is half, in a mount namespace of the daemon's own."""
    site = new_site("small", log_quota="4G", max_log="64M", file_versions="0", disk_reserve="24M")
    site.stop()
    state, kept = world.state_of(site), site.folder / "kept"
    shutil.copytree(state, kept)
    script = site.folder / "small-disk"
    script.write_text(f"#!/bin/sh\nset -e\nmount -t tmpfs -o size=48m,mode=0700 none {state}\ncp -p {kept}/* {state}/\nexec \"$@\"\n")
    script.chmod(0o755)
    before = os.environ.get("CRADLE_WRAP")
    os.environ["CRADLE_WRAP"] = f"unshare -Urm {script}"
    try:
        site.start()
    finally:
        os.environ.pop("CRADLE_WRAP")
        if before is not None:
            os.environ["CRADLE_WRAP"] = before
    stored = {}
    while (status := site.http("PUT", f"/fill{len(stored)}.ld", site.admin, os.urandom(500_000)).status) == 201:
        stored[f"/fill{len(stored)}.ld"] = status
    assert status == 507 and len(stored) > 4
    ftp = site.ftp(site.handsets[0])
    reply = world.Work.append(ftp, "APPE", world.Thing(f"{site.macs[0]}-a.log", True), world.Step(os.urandom(400_000)))
    assert reply.startswith("452"), reply
    assert site.http("GET", "/site.cfg", site.handsets[0]).status == 200
    assert site.http("GET", f"/@log/{site.macs[0]}/{site.macs[0]}-a.log", site.operator).status == 404
    for name in stored:
        assert site.http("DELETE", name, site.admin).status == 204
    reply = world.Work.append(ftp, "APPE", world.Thing(f"{site.macs[0]}-a.log", True), world.Step(b"a line\n"))
    assert reply.startswith("226"), reply
    ftp.close()
    assert site.http("GET", f"/@log/{site.macs[0]}/{site.macs[0]}-a.log", site.operator).body == b"a line\n"
