# SPDX-License-Identifier: Apache-2.0
"""kill -9: at random operations of mixed work, and at each operation of what changes the state folder as a whole."""
import contextlib
import gzip
import os
import subprocess

import pytest

import world
from conftest import CRADLED, SOURCE, TIMEOUT, folder, new_site  # noqa: F401  fixtures
from test_upgrade import EXPECT, FIXTURE, all_is_there

ROUNDS = 1000 if world.LONG else 50
SAMPLES = 4  # of the moments of each command; make fault takes all
PASSWORD = "a long enough password"


def test_at_random_moments_of_mixed_work(new_site):  # noqa: F811
    site = new_site("mixed", log_rotate="256K", max_log="64M", log_quota="4G", file_versions="0", seal_rate="1G")
    site.stop()
    control, random = world.Control(site.folder), world.seed("kills")
    work = world.Work(site, random)
    with world.hurt(site, control):
        for number in range(ROUNDS):
            site.start()
            # Most fall into the work; some into what a start does first.
            wrong = work.judge()
            assert wrong == [], f"after {number} kills"
            work.settle()
            control.arm(random.randint(1, 300), world.STATE, world.KILL)
            with work:
                site.process.wait(4 * TIMEOUT)
            assert site.process.returncode == -9
            control.disarm()
    site.process = None
    assert world.sound(world.state_of(site)) == []
    site.start()
    assert work.judge() == [] and site.stop() == 0
    verify = cradled(site, "verify")
    assert verify.returncode == 0 and " 0 of them damaged" in verify.stdout, verify.stdout + verify.stderr
    print(f"{ROUNDS} kills, {sum(work.done(thing) for thing in work.things)} steps acknowledged, none lost")


# --- each operation of a command --------------------------------------------------------------------------------


def cradled(site, command, *arguments, control=None, **options):
    environment = dict(os.environ, **control.environment(world.state_of(site))) if control else None
    return subprocess.run([CRADLED, command, "--config", site.folder / "site/cradled.conf", *map(str, arguments)], capture_output=True, text=True,
                          timeout=2 * TIMEOUT, env=environment, **options)


class Init:
    """From nothing; repeated until it says that all is done."""

    def __init__(self, site):
        self.site = site
        site.stop()
        self.folder = {}
        (site.folder / "password").write_text(PASSWORD + "\n")

    def run(self, control):
        key = self.site.folder / "audit.key"
        key.unlink(missing_ok=True)
        return cradled(self.site, "init", "--admin", "first", "--password-file", self.site.folder / "password", "--audit-key-file", key, control=control).returncode

    def check(self):
        again = self.run(None)
        assert again == 0 or "has an administrator already" in cradled(self.site, "init", "--admin", "first", "--password-file",
                                                                        self.site.folder / "password").stderr
        self.site.start()
        assert self.site.http("GET", "/api/v1/accounts", ("first", PASSWORD)).status == 200


class Upgrade:
    """The start that brings a catalog of schema 1 up to date."""

    def __init__(self, site):
        self.site = site
        site.stop()
        self.folder = {"catalog.db": gzip.decompress((FIXTURE / "catalog.db.gz").read_bytes()), "master.key": (FIXTURE / "master.key").read_bytes()}
        site.admin, site.operator, site.handsets = tuple(EXPECT["administrator"]), tuple(EXPECT["operator"]), [tuple(EXPECT["handset"])]

    def run(self, control):
        with world.hurt(self.site, control):
            try:
                self.site.start()
            except RuntimeError:
                return self.site.process.wait(TIMEOUT)
            with contextlib.suppress(*world.GONE):
                self.site.http("GET", "/site.cfg", self.site.admin)
            return self.site.stop()

    def check(self):
        self.site.start()
        all_is_there(self.site)


class Online:
    """A request that changes much, to a daemon that serves; the contents must be there afterwards, whatever became of it."""
    BODY = b"<config/>" * 9000

    def __init__(self, site, request):
        self.site, self.request = site, request
        for number in range(4):
            assert site.http("PUT", f"/kept{number}.ld", site.admin, self.BODY + b"%d" % number).status == 201
        site.stop()
        self.folder = {path.name: path.read_bytes() for path in world.state_of(site).iterdir()}

    def run(self, control):
        left, kinds, action = control.left, control.kinds, control.action
        control.disarm()
        with world.hurt(self.site, control):
            self.site.start()
        control.set(seen=0, hurt=0)
        if action:
            control.arm(left, kinds, action)
        with contextlib.suppress(*world.GONE):
            self.request(self.site)
        return self.site.stop()

    def check(self):
        self.site.start()
        for number in range(4):
            assert self.site.http("GET", f"/kept{number}.ld", self.site.admin).body == self.BODY + b"%d" % number
        assert self.site.http("PUT", "/after.cfg", self.site.admin, b"<after/>").status == 201
        verify = self.site.ctl("verify", "--wait", check=False)
        assert verify.returncode == 0, verify.stdout + verify.stderr


def rotate(site):
    assert site.api("POST", "/seal/rotate").status == 202
    while (status := site.api("GET", "/seal").json)["running"] or status["scrubbing"]:
        pass


def rewrap(site):
    assert site.api("POST", "/seal/rewrap", {}).status == 200


def backup(site):
    assert site.http("GET", "/api/v1/backup", site.admin).status == 200


class Restore:
    """A backup of then over the catalog of now: one of the two afterwards, whole."""

    def __init__(self, site):
        self.site, self.file = site, site.folder / "then.backup"
        assert site.http("PUT", "/which.cfg", site.admin, b"<then/>").status == 201
        site.ctl("backup", self.file)
        assert site.http("PUT", "/which.cfg", site.admin, b"<now/>").status == 204
        site.stop()
        self.folder = {path.name: path.read_bytes() for path in world.state_of(site).iterdir()}

    def run(self, control):
        return cradled(self.site, "restore", "--from", self.file, control=control).returncode

    def check(self):
        self.site.start()
        assert self.site.http("GET", "/which.cfg", self.site.admin).body in (b"<then/>", b"<now/>")
        self.site.stop()
        again = self.run(None)
        assert again == 0
        self.site.start()
        assert self.site.http("GET", "/which.cfg", self.site.admin).body == b"<then/>"
        assert not list(world.state_of(self.site).glob("*.tmp*"))


COMMANDS = {"init": Init, "upgrade": Upgrade, "rotate": lambda site: Online(site, rotate), "rewrap": lambda site: Online(site, rewrap),
            "backup": lambda site: Online(site, backup), "restore": Restore}


@pytest.mark.parametrize("name", COMMANDS)
def test_at_each_operation(new_site, name):  # noqa: F811
    site = new_site(f"each-{name}", seal_rate="1G")
    command = COMMANDS[name](site)
    control, random = world.Control(site.folder), world.seed(name)
    world.lay(world.state_of(site), command.folder)
    control.count(world.STATE)
    control.set(action=0)
    assert command.run(control) == 0
    count = control.seen
    assert count > 10
    moments = range(1, count + 1) if world.LONG else sorted(random.sample(range(1, count + 1), SAMPLES))
    killed = 0
    for moment in moments:
        world.lay(world.state_of(site), command.folder)
        control.arm(moment, world.STATE, world.KILL)
        status = command.run(control)
        # The count differs a little from run to run: threads meet in other groups.
        killed += status == -9
        control.disarm()
        control.set(action=0)
        command.check()
        site.stop()
    assert killed >= len(moments) / 2
    print(f"{name}: killed at {killed} of {count} operations, each time repaired by the next start")
