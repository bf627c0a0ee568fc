# SPDX-License-Identifier: Apache-2.0
"""Restoring: whole or not at all, on the same machine or a fresh one, and nobody gets back in by it."""
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest
from conftest import CRADLED, TIMEOUT

HEADER = 129
FRAME = 65536 + 33


def state(site):
    return site.folder / "site/state"


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def cradled(site, command, *arguments, check=True):
    run = subprocess.run([CRADLED, command, "--config", site.folder / "site/cradled.conf", *map(str, arguments)],
                         capture_output=True, text=True, timeout=2 * TIMEOUT)
    assert not check or run.returncode == 0, run.stdout + run.stderr
    return run


def backup(site, name):
    file = site.folder / name
    site.ctl("backup", file)
    return file


def restored(site, file, *arguments):
    site.stop()
    run = cradled(site, "restore", "--from", file, *arguments)
    site.start()
    return run.stdout


def sealing_key(site):
    """The number of the key that seals; former ones may be gone already."""
    return next(key["id"] for key in json.loads(site.ctl("seal", "status", "--json").stdout)["keys"] if key["purpose"] == "chunk" and key["current"])


def test_under_load_then_on_a_fresh_machine(new_site):
    site = new_site("load")
    stored, done, begun = {}, threading.Event(), [threading.Event(), threading.Event()]

    def load_https():
        for n in range(10_000):
            if done.is_set():
                return
            body = os.urandom(50_000)
            assert site.http("PUT", f"/https{n}.ld", site.admin, body).status == 201
            stored[f"/https{n}.ld"] = body
            begun[0].set()

    def load_ftps():
        with site.ftp(site.admin) as ftp:
            for n in range(10_000):
                if done.is_set():
                    return
                body = os.urandom(50_000)
                ftp.put("STOR", f"/ftps{n}.ld", body)
                stored[f"/ftps{n}.ld"] = body
                begun[1].set()

    threads = [threading.Thread(target=load_https), threading.Thread(target=load_ftps)]
    for thread in threads:
        thread.start()
    assert all(event.wait(TIMEOUT) for event in begun)
    before = dict(stored)
    key_before = sealing_key(site)
    file = backup(site, "load.backup")
    done.set()
    for thread in threads:
        thread.join(TIMEOUT)
    site.stop()
    # Nothing that was stored, nor a password, can be read in any file.
    secrets = list(before.values())[:4] + [site.admin[1].encode(), site.operator[1].encode(), site.handsets[0][1].encode()]
    for path in [file, *state(site).iterdir()]:
        data = path.read_bytes()
        assert not any(secret[:200] in data for secret in secrets), path
    # The settings and a copy of the master key are all that is left of the machine.
    key = (state(site) / "master.key").read_bytes()
    shutil.rmtree(state(site))
    state(site).mkdir(mode=0o700)
    (state(site) / "master.key").write_bytes(key)
    (state(site) / "master.key").chmod(0o600)
    said = cradled(site, "restore", "--from", file).stdout
    assert "There was no catalog before" in said and sorted(contents(state(site))) == ["catalog.db", "master.key"]
    assert cradled(site, "verify").stdout.endswith(" 0 of them damaged.\n")
    site.start()
    for name, body in before.items():
        assert site.http("GET", name, site.admin).body == body
    # A new data key seals from now on.
    assert sealing_key(site) > key_before


def test_nobody_gets_back_in(new_site):
    site = new_site("denied")
    site.ctl("account", "add", "temp", "--role", "operator")
    certificate, password = "ab" * 32, "a new password, long enough"
    file = backup(site, "denied.backup")
    (site.folder / "password").write_text(password + "\n")
    (site.folder / "password").chmod(0o600)
    site.ctl("account", "password", site.operator[0], "--new-password-file", site.folder / "password")
    assert site.http("GET", "/", (site.operator[0], password)).status != 401
    assert site.api("PATCH", f"/handsets/{site.macs[0]}", {"enabled": False}).status == 200
    assert site.api("DELETE", "/accounts/temp").status == 204
    site.ctl("certificate", "revoke", certificate)
    site.ctl("handset", "lost", site.macs[1])
    site.ctl("account", "add", "later", "--role", "operator")
    said = restored(site, file)
    for line in (f"account {site.operator[0]} had another password", f"handset {site.macs[0]} was disabled since",
                 "account temp was removed", f"certificate {certificate} was revoked", f"handset {site.macs[1]} was disabled since",
                 "account later was made since"):
        assert line in said, said
    accounts = {a["name"]: a for a in json.loads(site.ctl("account", "list", "--json").stdout)}
    assert not accounts["temp"]["enabled"] and "later" not in accounts
    assert site.http("GET", "/", site.handsets[0]).status in (401, 403)
    assert site.http("GET", "/", site.handsets[1]).status in (401, 403)
    # As it says: the former password.
    assert site.http("GET", "/", site.operator).status != 401 and site.http("GET", "/", (site.operator[0], password)).status == 401
    assert certificate in site.ctl("certificate", "list", "--json").stdout
    trail = site.ctl("audit", "list", "--json").stdout
    assert "handset.lost" in trail and "backup.restored" in trail
    kept = list(state(site).glob("catalog.db.before-restore-*"))
    assert len(kept) == 1 and f"kept as {kept[0]}" in said and kept[0].stat().st_nlink == 1


@pytest.fixture(scope="module")
def stopped(new_site):
    site = new_site("stopped")
    assert site.http("PUT", "/big.ld", site.admin, os.urandom(400_000)).status == 201
    file = backup(site, "good.backup")
    run = cradled(site, "restore", "--from", file, check=False)
    assert run.returncode == 1 and "stop that one first" in run.stderr
    site.stop()
    return site, file


def refused(site, file, word=""):
    before = contents(state(site))
    run = cradled(site, "restore", "--from", file, check=False)
    assert run.returncode == 1 and word in run.stderr, run.stdout + run.stderr
    assert contents(state(site)) == before


def test_hostile_archives_change_nothing(stopped):
    site, file = stopped
    data = file.read_bytes()
    bad = site.folder / "bad.backup"
    for size in (0, 7, 8, HEADER - 1, HEADER, HEADER + 1, HEADER + FRAME - 1, HEADER + FRAME, len(data) - 41, len(data) - 1):
        bad.write_bytes(data[:size])
        refused(site, bad)
    for at in (0, 8, 9, 11, 15, 30, 40, 60, 70, 100, HEADER, HEADER + 1, HEADER + 4, HEADER + 8, HEADER + 99, HEADER + FRAME, len(data) - 1):
        bad.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        refused(site, bad)
    one, two = data[HEADER:HEADER + FRAME], data[HEADER + FRAME:HEADER + 2 * FRAME]
    bad.write_bytes(data[:HEADER] + two + one + data[HEADER + 2 * FRAME:])
    refused(site, bad)
    bad.write_bytes(data + b"more")
    refused(site, bad)
    refused(site, site.folder / "absent.backup", "absent.backup")


def test_another_master_key_or_catalog_is_told(stopped, new_site):
    site, file = stopped
    other = new_site("other")
    foreign = backup(other, "foreign.backup")
    refused(site, foreign, "another master key")
    other.stop()
    # The key of that time opens it; but the catalog that is there is not the one that was backed up.
    before = contents(state(site))
    run = cradled(site, "restore", "--from", foreign, "--set", f"master_key_next={state(other) / 'master.key'}", check=False)
    assert run.returncode == 1 and "another catalog" in run.stderr
    assert contents(state(site)) == before


def test_verify_without_a_daemon(stopped):
    site, file = stopped
    before = contents(state(site))
    said = cradled(site, "verify", "--from", file).stdout
    assert said.startswith("Backup ") and " 0 of them damaged." in said and contents(state(site)) == before
    assert " 0 of them damaged." in cradled(site, "verify").stdout
    bad = site.folder / "cut.backup"
    bad.write_bytes(file.read_bytes()[:-50])
    assert cradled(site, "verify", "--from", bad, check=False).returncode == 1
    assert cradled(site, "restore", check=False).returncode == 2


def test_a_kill_leaves_one_catalog_or_the_other(new_site):
    site = new_site("killed")
    site.http("PUT", "/mark.cfg", site.admin, b"<before/>")
    file = backup(site, "killed.backup")
    site.http("PUT", "/mark.cfg", site.admin, b"<after/>")
    site.stop()
    keep = site.folder / "keep"
    shutil.copytree(state(site), keep)
    command = [CRADLED, "restore", "--config", site.folder / "site/cradled.conf", "--from", file]
    seen = set()
    for n in range(24):
        shutil.rmtree(state(site))
        shutil.copytree(keep, state(site))
        # Killed by a timer of the system's own, a little later each time.
        run = subprocess.run(["timeout", "-s", "KILL", f"{0.004 * (n + 1):.3f}", *command], capture_output=True, timeout=TIMEOUT)
        seen.add(run.returncode)
        site.start()
        assert site.http("GET", "/mark.cfg", site.admin).body in (b"<before/>", b"<after/>")
        assert site.stop() == 0
        assert not [p for p in state(site).iterdir() if ".tmp" in p.name]
        kept = list(state(site).glob("catalog.db.before-restore-*"))
        assert all(p.stat().st_nlink == 1 for p in kept)
        assert " 0 of them damaged." in cradled(site, "verify").stdout
    assert -signal.SIGKILL in seen or 137 in seen
    shutil.rmtree(state(site))
    shutil.copytree(keep, state(site))
    cradled(site, "restore", "--from", file)
    site.start()
    assert re.fullmatch(b"<before/>", site.http("GET", "/mark.cfg", site.admin).body)


def tamper(site, *statements):
    with contextlib.closing(sqlite3.connect(state(site) / "catalog.db")) as catalog:
        for statement in statements:
            catalog.execute(statement)
        catalog.commit()


@pytest.mark.parametrize("statement", [
    "CREATE TABLE more (a)", "CREATE VIEW more AS SELECT 1", "CREATE INDEX more ON handset (label)",
    "CREATE TRIGGER more AFTER INSERT ON handset BEGIN DELETE FROM account; END"])
def test_what_no_catalog_has_is_refused_though_well_sealed(new_site, statement):
    site = new_site("more-" + statement.split()[1].lower())
    site.stop()
    good = (state(site) / "catalog.db").read_bytes()
    tamper(site, statement)
    site.start()
    file = backup(site, "more.backup")
    site.stop()
    (state(site) / "catalog.db").write_bytes(good)
    refused(site, file, "something else than a catalog")


def test_what_was_damaged_before_the_backup_is_restored_only_when_asked(new_site):
    site = new_site("damaged")
    assert site.http("PUT", "/sound.ld", site.admin, b"sound" * 99).status == 201
    assert site.http("PUT", "/hurt.ld", site.admin, b"hurt" * 99).status == 201
    site.stop()
    tamper(site, "UPDATE chunk SET sealed = zeroblob(length(sealed)) WHERE content = (SELECT content FROM file WHERE path = '/hurt.ld')")
    site.start()
    file = backup(site, "damaged.backup")
    site.stop()
    refused(site, file, "damaged already")
    run = cradled(site, "verify", "--from", file, check=False)
    assert run.returncode == 1 and "damaged: /hurt.ld" in run.stdout and "1 of them damaged" in run.stdout
    cradled(site, "restore", "--from", file, "--with-damage")
    site.start()
    assert site.http("GET", "/sound.ld", site.admin).body == b"sound" * 99


def test_a_private_key_does_not_come_back(new_site):
    site = new_site("bearer")
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], check=True,
                         capture_output=True, timeout=TIMEOUT).stdout
    assert site.http("PUT", f"/@handset/{site.macs[0]}/own.pem", site.admin, key).status == 201
    assert site.http("PUT", "/else.cfg", site.admin, b"<else/>").status == 201
    file = backup(site, "bearer.backup")
    restored(site, file)
    assert site.http("GET", "/own.pem", site.handsets[0]).status == 404
    assert site.http("GET", "/else.cfg", site.admin).body == b"<else/>"
    site.stop()
    with contextlib.closing(sqlite3.connect(state(site) / "catalog.db")) as catalog:
        assert catalog.execute("SELECT (SELECT count(*) FROM content WHERE kind = 2), (SELECT count(*) FROM delivery), "
                               "(SELECT count(*) FROM key WHERE purpose = 'own')").fetchone() == (0, 0, 0)


def test_what_was_made_anew_is_not_what_it_was(new_site):
    """An account and a handset of the same name, made after the backup's were removed; and a password that went with a loss."""
    site = new_site("anew")
    file = backup(site, "anew.backup")
    site.ctl("account", "remove", site.operator[0])
    site.ctl("account", "add", site.operator[0], "--role", "operator")
    site.ctl("handset", "remove", site.macs[1])
    site.ctl("handset", "add", site.macs[1])
    site.ctl("handset", "lost", site.macs[0])
    said = restored(site, file)
    assert f"account {site.operator[0]} was removed, or made anew" in said and f"handset {site.macs[1]} was removed, or made anew" in said
    assert site.http("GET", "/@log/", site.operator).status == 401
    assert not json.loads(site.ctl("handset", "show", site.macs[1], "--json").stdout)["enabled"]
    site.ctl("handset", "found", site.macs[0])
    assert site.http("GET", "/site.cfg", site.handsets[0]).status == 401


def test_withdrawn_exceptions_stay_withdrawn(new_site):
    """What a handset was allowed when the backup was made, and is not any more."""
    site = new_site("withdrawn")
    pin = "cd" * 32
    allowed = {"accept_expired": True, "legacy": True, "pinned": pin}
    for mac in site.macs[:2]:
        assert site.api("PATCH", f"/handsets/{mac}", allowed).status == 200
    file = backup(site, "withdrawn.backup")
    assert site.api("PATCH", f"/handsets/{site.macs[0]}", {"accept_expired": False, "legacy": False, "pinned": ""}).status == 200
    said = restored(site, file)
    shown = [json.loads(site.ctl("handset", "show", mac, "--json").stdout) for mac in site.macs[:2]]
    assert not shown[0]["accept_expired"] and not shown[0]["legacy"] and not shown[0]["pinned"], said
    # The other one was not touched since.
    assert shown[1]["accept_expired"] and shown[1]["legacy"] and shown[1]["pinned"] == pin
    assert site.macs[0] in said and site.macs[1] not in said


def test_a_result_that_nobody_could_administer_is_refused(new_site):
    site = new_site("nobody")
    file = backup(site, "nobody.backup")
    # Another one took over since, and the backup's only one is disabled.
    made = json.loads(site.ctl("account", "add", "heir", "--role", "administrator", "--json").stdout)
    heir = ("heir", made["password"])
    assert site.api("PATCH", f"/accounts/{site.admin[0]}", {"enabled": False}, user=heir).status == 200
    site.stop()
    refused(site, file, "all administrators of this backup have been disabled or removed since")
    site.start()
    assert site.http("GET", "/api/v1/accounts", heir).status == 200
