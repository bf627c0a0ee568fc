# SPDX-License-Identifier: Apache-2.0
"""What the fault tests share: the other end of preload.c, work that knows what was acknowledged and when, the judge of what is left
of it, and the making of power cuts.

A power cut is made, not suffered: kill -9 never loses what the kernel has taken. The journal of preload.c tells which bytes the daemon
wrote and what it synced, in their order. Of what was not synced at the chosen moment any part may be on the disk: each write is kept,
dropped or torn at random, and of the changes of names that no sync of the folder followed, some first ones are kept."""
import collections
import contextlib
import ftplib
import http.client
import mmap
import os
import pathlib
import random
import re
import shutil
import ssl
import sqlite3
import struct
import subprocess
import threading
import time

from conftest import BUILD, TIMEOUT

PRELOAD, STARVE = BUILD / "tests/fault/preload.so", BUILD / "tests/fault/starve.so"
LONG = int(os.environ.get("CRADLE_FAULT_LONG", "0"))  # make fault: how many times longer
WRITE, SYNC, MAKE, TRUNCATE, NAME, READ, SOCKET = 1, 2, 4, 8, 16, 32, 64
STATE = WRITE | SYNC | MAKE | TRUNCATE | NAME
FAIL, SHORT, KILL = 1, 2, 3
SECTOR = 512


def seed(name):
    """The same each time, unless CRADLE_FAULT_SEED says otherwise; printed, so that a failure can be repeated."""
    value = os.environ.get("CRADLE_FAULT_SEED", "1")
    print(f"{name}: CRADLE_FAULT_SEED={value}")
    return random.Random(f"{name} {value}")


class Control:
    """struct control of preload.c."""
    FIELDS = {"left": 0, "seen": 8, "hurt": 16, "wall": 24, "times": 32}
    SMALL = {"kinds": 40, "action": 44, "error": 48}

    def __init__(self, folder, name="control"):
        self.file = pathlib.Path(folder) / name
        self.file.write_bytes(bytes(56))
        with open(self.file, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 56)

    def __getattr__(self, name):
        if name in Control.FIELDS:
            return struct.unpack_from("<q", self.map, Control.FIELDS[name])[0]
        if name in Control.SMALL:
            return struct.unpack_from("<i", self.map, Control.SMALL[name])[0]
        raise AttributeError(name)

    def set(self, **values):
        for name, value in values.items():
            if name in Control.FIELDS:
                struct.pack_into("<q", self.map, Control.FIELDS[name], value)
            else:
                struct.pack_into("<i", self.map, Control.SMALL[name], value)

    def count(self, kinds):
        self.set(left=0, kinds=kinds, seen=0, hurt=0)

    def arm(self, n, kinds, action, error=0, times=1):
        """The n-th operation of these kinds from now on, and `times` - 1 that follow it (-1: all)."""
        self.set(left=0)
        self.set(kinds=kinds, action=action, error=error, times=times, seen=0, hurt=0)
        self.set(left=n)

    def disarm(self):
        self.set(left=0)

    def environment(self, state, journal=None):
        values = {"LD_PRELOAD": PRELOAD, "CRADLE_FAULT_FOLDER": state, "CRADLE_FAULT_CONTROL": self.file,
                  "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        if journal:
            values["CRADLE_FAULT_JOURNAL"] = journal
        return {name: str(value) for name, value in values.items()}


class Memory:
    """struct control of starve.c."""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "memory"
        self.file.write_bytes(bytes(24))
        with open(self.file, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 24)

    def environment(self, *_):
        return {"LD_PRELOAD": str(STARVE), "CRADLE_FAULT_MEMORY": str(self.file)}

    def arm(self, n):
        self.map[:] = struct.pack("<qqq", n, 0, 0)

    @property
    def seen(self):
        return struct.unpack("<qqq", self.map)[1]

    @property
    def hurt(self):
        return struct.unpack("<qqq", self.map)[2]


def state_of(site):
    return site.folder / "site/state"


@contextlib.contextmanager
def hurt(site, control, journal=None):
    """Starts of the daemon inside of this are under the control."""
    before = os.environ.get("CRADLE_WRAP")
    words = [f"{name}={value}" for name, value in control.environment(state_of(site), journal).items()]
    os.environ["CRADLE_WRAP"] = " ".join(["env", *words])
    try:
        yield
    finally:
        os.environ.pop("CRADLE_WRAP")
        if before is not None:
            os.environ["CRADLE_WRAP"] = before


# --- work -----------------------------------------------------------------------------------------------------


class Step:
    """One operation: begun, and perhaps acknowledged or refused. Times are of CLOCK_MONOTONIC, in ns, as the journal's."""

    def __init__(self, data):
        self.data = data
        self.begun = time.monotonic_ns()
        self.acknowledged = self.refused = None

    def end(self, ok):
        setattr(self, "acknowledged" if ok else "refused", time.monotonic_ns())


class Thing:
    """One log or file and all that was done to it, one step after the other."""

    def __init__(self, name, is_log):
        self.name, self.is_log, self.steps = name, is_log, []


GONE = (OSError, EOFError, http.client.HTTPException, ssl.SSLError)


def status(site):
    """The status with which the daemon has ended or is just ending; None while it serves."""
    while True:
        try:
            assert site.http("GET", "/healthz").status == 200
            return None
        except GONE:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return site.process.wait(0.2)


class Work:
    """Mixed work on a site, one thread a thing: appends over FTPS, replacements of logs over both protocols, files that an administrator
    stores, replaces and removes, rotations of the data key, backups."""

    def __init__(self, site, random, things=6, upkeep=True):
        self.site, self.things, self.number = site, [], 0
        self.stopping = threading.Event()
        self.random, self.upkeep = random, upkeep
        self.answers = collections.Counter()
        for n in range(things):
            mac = site.macs[n % 3]
            self.things.append(Thing(f"{mac}-work{n}.log" if n % 3 < 2 else f"work{n}.ld", n % 3 < 2))

    def body(self, thing, size):
        self.number += 1
        head = f"{thing.name}|{self.number:06d}|".encode()
        return head + bytes(self.random.choices(b"abcdefghijklmnopqrstuvwxyz", k=64)) * (max(0, size - len(head) - 1) // 64) + b"\n"

    def step(self, thing, random):
        """Does one, over a connection of its own unless the append's is there. Raises one of GONE when no answer came."""
        size = random.choice((60, 700, 5000, 70_000, 140_000))
        if not thing.is_log:
            if thing.steps and random.random() < 0.2:
                step = Step(None)
                thing.steps.append(step)
                status = self.site.http("DELETE", f"/{thing.name}", self.site.admin).status
                self.answers[200 if status == 404 else status] += 1  # it is gone already
                step.end(status in (204, 404))
                return
            step = Step(self.body(thing, size))
            thing.steps.append(step)
            status = self.site.http("PUT", f"/{thing.name}", self.site.admin, step.data).status
            self.answers[status] += 1
            step.end(status in (201, 204))
            return
        user = next(h for h, mac in zip(self.site.handsets, self.site.macs) if thing.name.startswith(mac))
        step = Step(self.body(thing, size))
        if random.random() < 0.25:
            thing.steps.append(step)
            status = self.site.http("PUT", f"/{thing.name}", user, step.data).status
            self.answers[status] += 1
            step.end(status in (201, 204))
            return
        try:
            ftp = self.site.ftp(user)
        except ftplib.error_temp as refusal:
            self.answers[int(str(refusal)[:3])] += 1
            return
        try:
            step.begun = time.monotonic_ns()
            thing.steps.append(step)
            reply = self.append(ftp, random.choice(("APPE", "APPE", "STOR")), thing, step)
            self.answers[int(reply[:3])] += 1
            step.end(reply.startswith("226"))
        finally:
            ftp.close()

    @staticmethod
    def append(ftp, verb, thing, step):
        """The reply, also a refusal's; raises what GONE names when there is none."""
        try:
            return ftp.put(verb, thing.name, step.data)
        except (ftplib.error_temp, ftplib.error_perm) as refusal:
            return str(refusal)

    def loop(self, thing, random):
        while not self.stopping.is_set():
            try:
                self.step(thing, random)
            except GONE:
                if self.site.process.poll() is not None:
                    return

    def keep_up(self, random):
        while not self.stopping.wait(0.02 + random.random() / 20):
            with contextlib.suppress(*GONE):
                self.site.api("POST", "/seal/rotate")
                self.site.http("GET", "/api/v1/backup", self.site.admin)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.loop, args=(thing, random.Random(f"{self.random.random()}"))) for thing in self.things]
        if self.upkeep:
            self.threads.append(threading.Thread(target=self.keep_up, args=(random.Random(f"{self.random.random()}"),)))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.stopping.clear()

    def await_steps(self, count):
        """Until every thing has so many more acknowledged steps, or the daemon is gone."""
        aim = {thing.name: self.done(thing) + count for thing in self.things}
        deadline = time.monotonic() + 4 * TIMEOUT
        while any(self.done(thing) < aim[thing.name] for thing in self.things) and self.site.process.poll() is None:
            assert time.monotonic() < deadline, f"no progress: {dict(self.answers)}"
            self.stopping.wait(0.002)

    @staticmethod
    def done(thing):
        return sum(step.acknowledged is not None for step in thing.steps)

    # --- judging ---

    def judge(self, site=None, at=None):
        """What is there must be what was acknowledged before `at` (ns; None: now), and of what had no answer by then all or nothing.
        Gives what is wrong, in words, and forgets what turned out not to have happened."""
        site = site or self.site
        at = at or time.monotonic_ns()
        return [words for thing in self.things if (words := self.judge_one(site, thing, at))]

    def judge_one(self, site, thing, at):
        steps = [s for s in thing.steps if s.begun <= at and (s.refused is None or s.refused > at)]
        must = [s.acknowledged is not None and s.acknowledged <= at for s in steps]
        if thing.is_log:
            mac = thing.name.split("-")[0]
            reply = site.http("GET", f"/@log/{mac}/{thing.name}?all=1", site.operator)
            if reply.status not in (200, 404):
                return f"{thing.name}: status {reply.status}"
            kept = re.findall(rb"[^\n]*\n", reply.body) if reply.status == 200 else []
            if reply.status == 200 and b"".join(kept) != reply.body:
                return f"{thing.name}: a torn end"
            there = iter(kept)
            have = next(there, None)
            for step, needed in zip(steps, must):
                if have == step.data:
                    have = next(there, None)
                elif needed:
                    return f"{thing.name}: lost {step.data[:40]}, acknowledged {(at - step.acknowledged) / 1e6:.1f} ms before; {len(kept)} kept"
            return f"{thing.name}: {have[:40]} is there, which was not stored, or twice" if have is not None else None
        reply = site.http("GET", f"/{thing.name}", site.admin)
        if reply.status not in (200, 404):
            return f"{thing.name}: status {reply.status}"
        have = reply.body if reply.status == 200 else None
        last = max((n for n, needed in enumerate(must) if needed), default=-1)
        possible = [steps[last].data if last >= 0 else None] + [s.data for s in steps[last + 1:]]
        return None if have in possible else f"{thing.name}: {(have or b'nothing')[:40]} instead of {(possible[0] or b'nothing')[:40]}"

    def settle(self):
        """After a judgement that found nothing wrong: a step without an answer has happened or not, and that is what counts from now on."""
        for thing in self.things:
            open_steps = [s for s in thing.steps if s.acknowledged is None and s.refused is None]
            if not open_steps:
                continue
            if thing.is_log:
                reply = self.site.http("GET", f"/@log/{thing.name.split('-')[0]}/{thing.name}?all=1", self.site.operator)
                for step in open_steps:
                    step.end(reply.status == 200 and step.data in reply.body)
            else:
                reply = self.site.http("GET", f"/{thing.name}", self.site.admin)
                for step in open_steps:
                    step.end((reply.body if reply.status == 200 else None) == step.data)


def sound(state):
    """The database's own judgement of itself, of a stopped daemon's catalog."""
    connection = sqlite3.connect(f"file:{state}/catalog.db?mode=ro", uri=True)
    try:
        return [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    except sqlite3.DatabaseError as error:  # too damaged to be judged
        return [str(error)]
    finally:
        connection.close()


# --- power cuts -------------------------------------------------------------------------------------------------


Record = collections.namedtuple("Record", "time inode offset type name other data")
HEADER = struct.Struct("<qQqIIII")


class Journal:
    """What preload.c wrote down, after a copy of the state folder as it was when the daemon started."""

    def __init__(self, file, before):
        self.before, self.records = before, []
        data = pathlib.Path(file).read_bytes()
        at = 0
        while at + HEADER.size <= len(data):
            when, inode, offset, kind, length, name, other = HEADER.unpack_from(data, at)
            at += HEADER.size
            end = at + name + other + length
            if end > len(data):
                break
            self.records.append(Record(when, inode, offset, chr(kind), data[at:at + name].decode(), data[at + name:at + name + other].decode(),
                                       data[at + name + other:end]))
            at = end

    @staticmethod
    def snapshot(state):
        """name -> (inode, bytes), without what is made anew after a crash."""
        return {path.name: (path.stat().st_ino, path.read_bytes()) for path in state.iterdir() if path.is_file() and not path.name.endswith("-shm")}

    def cut(self, count, random, lying=False):
        """name -> bytes, as the disk may have them when the power fails after the first `count` records. lying: a disk that says it has
        synced and has not."""
        durable = {inode: bytearray(data) for inode, data in self.before.values()}
        names = {name: inode for name, (inode, _) in self.before.items()}
        pending, changes = collections.defaultdict(list), []
        for record in self.records[:count]:
            if record.type in "wt":
                pending[record.inode].append(record)
            elif record.type in "crlu":
                changes.append(record)
            elif lying:
                continue
            elif record.type == "d":
                for change in changes:
                    rename(names, change)
                changes = []
            else:
                for late in pending.pop(record.inode, []):
                    apply(durable, late, late.data)
        for late in pending.values():
            # A disk that is slow keeps nothing, one that is quick nearly all: both extremes matter as much as the middle.
            chance = random.choice((0.0, 0.1, 0.5, 0.9, 1.0))
            for record in late:
                if random.random() < chance:
                    apply(durable, record, torn(record.data, random) if random.random() < 0.2 else record.data)
        for change in changes[:random.randint(0, len(changes))]:
            rename(names, change)
        return {name: bytes(durable.get(inode, b"")) for name, inode in names.items()}


def torn(data, random):
    """Some sectors of it: pairs of an offset and bytes."""
    return [(at, data[at:at + SECTOR]) for at in range(0, len(data), SECTOR) if random.random() < 0.5]


def apply(durable, record, data):
    content = durable.setdefault(record.inode, bytearray())
    if record.type == "t":
        del content[record.offset:]
        content.extend(bytes(record.offset - len(content)))
        return
    for at, piece in data if isinstance(data, list) else [(0, data)]:
        begin = record.offset + at
        if begin > len(content):
            content.extend(bytes(begin - len(content)))
        content[begin:begin + len(piece)] = piece


def rename(names, record):
    name, other = pathlib.Path(record.name).name, pathlib.Path(record.other).name if record.other else None
    if record.type == "c":
        names[name] = record.inode
    elif record.type == "u":
        names.pop(name, None)
    elif record.type == "l":
        names[other] = record.inode
    elif names.pop(name, None) is not None:
        names[other] = record.inode


def lay(state, files):
    """Makes the state folder hold just these files."""
    for path in state.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, data in files.items():
        (state / name).write_bytes(data)
        (state / name).chmod(0o600)
