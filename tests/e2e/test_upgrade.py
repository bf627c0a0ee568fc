# SPDX-License-Identifier: Apache-2.0
"""A catalog of schema 1 with data in it (tests/fixtures/schema-1, made by the program of that time) is brought up to date at the
start: nothing is lost, rows get their MAC once, and what was damaged before is damaged afterwards."""
import gzip
import hashlib
import json
import signal
import sqlite3
import subprocess

import pytest

from conftest import CRADLED, SOURCE, TIMEOUT, Site

FIXTURE = SOURCE / "tests/fixtures/schema-1"
EXPECT = json.loads((FIXTURE / "expect.json").read_text())


@pytest.fixture
def old(folder, request):
    """A site with the old catalog in the place of its own, not started."""
    site = Site(folder / request.node.name.replace("[", "-").replace("]", ""))
    state = site.folder / "site/state"
    for path in state.iterdir():
        path.unlink()
    (state / "catalog.db").write_bytes(gzip.decompress((FIXTURE / "catalog.db.gz").read_bytes()))
    (state / "master.key").write_bytes((FIXTURE / "master.key").read_bytes())
    (state / "master.key").chmod(0o600)
    (state / "catalog.db").chmod(0o600)
    site.admin, site.operator, site.handsets = tuple(EXPECT["administrator"]), tuple(EXPECT["operator"]), [tuple(EXPECT["handset"])]
    yield site
    if site.process:
        assert site.stop() == 0


def ask(site, sql, *values):
    connection = sqlite3.connect(site.folder / "site/state/catalog.db", timeout=TIMEOUT)
    try:
        with connection:
            return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def all_is_there(site):
    for path, text in EXPECT["files"].items():
        assert site.http("GET", path, site.admin).body == text.encode("latin-1"), path
    assert hashlib.sha256(site.http("GET", "/big.ld", site.handsets[0]).body).hexdigest() == EXPECT["big_sha256"]
    for name, text in EXPECT["logs"].items():
        assert site.http("GET", f"/@log/{EXPECT['mac']}/{name}?all=1", site.operator).body == text.encode()
    versions = site.api("GET", "/versions?path=/site.cfg").json["versions"]
    texts = [site.http("GET", f"/site.cfg?version={v['version']}", site.admin).body.decode() for v in versions]
    assert texts[:len(EXPECT["versions"])] == EXPECT["versions"]


def test_nothing_is_lost(old):
    assert ask(old, "PRAGMA user_version") == [(1,)]
    contents = ask(old, "SELECT count(*) FROM content")[0][0]
    old.start()
    assert f"db.adopted contents={contents} damaged=0" in old.log_text()
    all_is_there(old)
    assert ask(old, "SELECT count(*) FROM content WHERE mac IS NULL OR length(mac) <> 32") == [(0,)]
    assert ask(old, "SELECT count(*) FROM log_segment JOIN content ON content.id = log_segment.content WHERE kind <> 0") == [(0,)]
    assert ask(old, "SELECT count(*) FROM file JOIN content ON content.id = file.content WHERE kind <> 1") == [(0,)]
    # What is stored again is stored once from now on, and a rotation takes everything along.
    same = EXPECT["files"]["/same1.cfg"].encode()
    assert old.http("PUT", "/same1.cfg", old.admin, same).status == 204
    assert old.http("PUT", "/same3.cfg", old.admin, same).status == 201
    assert old.api("POST", "/seal/rotate").status == 202
    while old.api("GET", "/seal").json["running"]:
        pass
    old.stop()
    old.start()
    assert old.log_text().count("db.adopted") == 1
    all_is_there(old)


def test_a_kill_between_two_batches_loses_nothing(old):
    old.start()
    assert old.stop(signal.SIGKILL) == -9
    # As an end in the middle leaves it: the schema is new, and only some rows have their MAC.
    left = ask(old, "UPDATE content SET mac = NULL WHERE id > x'80' RETURNING 1")
    assert left
    old.start()
    assert f"db.adopted contents={len(left)} damaged=0" in old.log_text()
    all_is_there(old)


def test_what_was_damaged_is_not_vouched_for(old):
    content = ask(old, "SELECT content FROM file WHERE path = '/same1.cfg'")[0][0]
    ask(old, "UPDATE content SET digest = (SELECT digest FROM content WHERE size > 1000) WHERE id = ?", content)
    old.start()
    assert "damaged=1" in old.log_text()
    assert old.http("GET", "/same1.cfg", old.admin).status == 503
    assert old.http("GET", "/same2.cfg", old.admin).status == 200
    assert old.http("PUT", "/same1.cfg", old.admin, b"<same/>").status == 204
    all_is_there(old)


def test_a_refused_restore_changes_nothing(old):
    catalog = old.folder / "site/state/catalog.db"
    before, file = catalog.read_bytes(), old.folder / "new.backup"

    def restore():
        return subprocess.run([CRADLED, "restore", "--config", old.folder / "site/cradled.conf", "--from", file],
                              capture_output=True, text=True, timeout=TIMEOUT)

    old.start()
    old.ctl("backup", file)
    old.stop()
    catalog.write_bytes(before)
    run = restore()
    assert run.returncode != 0 and "from an older program (schema 1): start cradled once" in run.stderr
    assert catalog.read_bytes() == before and not list(catalog.parent.glob("catalog.db?*"))
    # As it says.
    old.start()
    old.stop()
    run = restore()
    assert run.returncode == 0, run.stderr
    old.start()
    all_is_there(old)
