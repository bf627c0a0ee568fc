# SPDX-License-Identifier: Apache-2.0
"""Sealed at rest: rotation of data keys under load and under kills, and nothing of what is stored to be seen on the disk."""
import os
import re
import sqlite3
import subprocess
import threading

import pytest

from conftest import BUILD, TIMEOUT

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


def catalog(site):
    return site.folder / "site/state/catalog.db"


def ask(site, sql, *values):
    connection = sqlite3.connect(catalog(site), timeout=TIMEOUT)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def on_disk(site):
    """Every byte of every file under the state folder but the master key."""
    return b"".join(p.read_bytes() for p in sorted((site.folder / "site/state").rglob("*")) if p.is_file() and p.name != "master.key")


def ctl(site, *arguments, check=True):
    env = dict(os.environ, HOME=str(site.folder), CRADLE_URL=site.url.replace("127.0.0.1", "localhost"), CRADLE_CA=site.ca,
               CRADLE_ADMIN_USER=site.admin[0], CRADLE_ADMIN_PASSWORD=site.admin[1])
    return subprocess.run([BUILD / "cradlectl", *arguments], env=env, capture_output=True, text=True, timeout=2 * TIMEOUT, check=check)


def settled(site):
    """Waits until re-sealing has nothing left to do; the command itself polls."""
    while True:
        status = site.api("GET", "/seal").json
        if not status["running"] and not status["scrubbing"]:
            return status


def chunk_keys(site):
    return [k["id"] for k in site.api("GET", "/seal").json["keys"] if k["purpose"] == "chunk"]


def test_rotation_by_command(new_site):
    site = new_site("command", seal_rate="1G")
    body = os.urandom(2_000_000)
    assert site.http("PUT", "/big.ld", site.admin, body).status == 201
    wrapped = ask(site, "SELECT wrapped FROM key WHERE purpose = 'chunk'")[0][0]
    assert wrapped in on_disk(site)
    before = chunk_keys(site)
    run = ctl(site, "seal", "rotate", "--wait")
    assert "seals from now on" in run.stdout
    assert len(chunk_keys(site)) == 1 and chunk_keys(site) != before
    assert wrapped not in on_disk(site), "the old key is still on the disk"
    assert site.http("GET", "/big.ld", site.admin).body == body
    table = ctl(site, "seal", "status").stdout
    assert re.search(r"chunk +\S+ +(yes|true)", table) and "digest" in table and "password" in table
    assert "seal.retired" in site.log_text()
    site.stop()
    site.start()
    assert site.http("GET", "/big.ld", site.admin).body == body


def test_only_administrators(site):
    for user in (site.operator, site.handsets[0]):
        for method, path in (("GET", "/seal"), ("POST", "/seal/rotate"), ("POST", "/seal/rewrap")):
            assert site.api(method, path, user=user).status == 403
    assert site.http("POST", "/api/v1/seal/rotate").status == 401


@pytest.fixture(scope="module")
def token(folder):
    """A SoftHSM token of this test's own with an RSA key that may decrypt."""
    (folder / "token").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'token'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    key = folder / "master-rsa.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key], check=True, capture_output=True,
                   timeout=TIMEOUT)
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "cradle master", "--pin", "471147", "--so-pin", "081508"], check=True,
                   capture_output=True, timeout=TIMEOUT)
    subprocess.run(["softhsm2-util", "--import", key, "--token", "cradle master", "--label", "master", "--id", "01", "--pin", "471147"], check=True,
                   capture_output=True, timeout=TIMEOUT)
    (folder / "pin").write_text("471147\n")
    (folder / "pin").chmod(0o600)
    yield "pkcs11:token=cradle%20master;object=master;type=private"
    del os.environ["SOFTHSM2_CONF"]


def test_the_master_key_moves_into_a_token(new_site, token, folder):
    settings = {"pkcs11_module": SOFTHSM, "pkcs11_pin_file": folder / "pin"}
    site = new_site("token", master_key_next=token, **settings)
    state = site.folder / "site/state"
    body = os.urandom(100_000)
    assert site.http("PUT", "/a.ld", site.admin, body).status == 201
    run = ctl(site, "seal", "rewrap")
    assert "make that master_key" in run.stdout
    assert (state / "master.envelope").stat().st_mode & 0o777 == 0o600
    assert site.http("GET", "/a.ld", site.admin).body == body
    site.kill()
    site.start()  # either opens
    assert site.http("GET", "/a.ld", site.admin).body == body
    site.stop()
    (state / "master.key").unlink()
    site.start(master_key=token, master_key_next="")
    assert site.http("GET", "/a.ld", site.admin).body == body
    envelope = (state / "master.envelope").read_bytes()
    assert ctl(site, "seal", "rewrap").returncode == 0
    assert (state / "master.envelope").read_bytes() != envelope and not (state / "master.envelope.next").exists()
    site.stop()
    os.environ["SOFTHSM2_CONF"] += ".none"
    try:
        with pytest.raises(RuntimeError) as error:
            site.start()
        assert "token" in str(error.value)
    finally:
        os.environ["SOFTHSM2_CONF"] = os.environ["SOFTHSM2_CONF"].removesuffix(".none")
    site.start()
    assert site.http("GET", "/a.ld", site.admin).body == body


def test_a_new_state_with_its_master_key_in_a_token(token, folder):
    config = folder / "token-init.conf"
    config.write_text(f"state = {folder / 'token-state'}\nmaster_key = {token}?pin-value=471147\npkcs11_module = {SOFTHSM}\n")
    (folder / "first").write_text("a good password\n")
    run = subprocess.run([BUILD / "cradled", "init", "--config", config, "--administrator", "anna", "--password-file", folder / "first",
                          "--audit-key-file", folder / "audit.key"], capture_output=True, text=True, timeout=TIMEOUT)
    assert run.returncode == 0, run.stderr
    assert "471147" not in run.stdout + run.stderr and "object=master" in run.stdout
    assert sorted(p.name for p in (folder / "token-state").iterdir()) == ["catalog.db", "master.envelope"]


def test_kills_while_the_master_key_changes_lose_nothing(new_site):
    site = new_site("rewrap-kill")
    body = os.urandom(100_000)
    assert site.http("PUT", "/a.ld", site.admin, body).status == 201
    key = site.folder / "site/state/master.key"
    changed = set()
    for i in range(12):
        before = key.read_bytes()
        thread = threading.Thread(target=lambda: ctl(site, "seal", "rewrap", check=False))
        thread.start()
        for _ in range(3 * i):  # another moment each time
            if key.read_bytes() != before:
                break
            site.http("GET", "/healthz")
        assert site.kill() == -9
        thread.join()
        site.start()
        assert site.http("GET", "/a.ld", site.admin).body == body
        assert not (site.folder / "site/state/master.key.next").exists()
        changed.add(key.read_bytes())
    assert len(changed) > 1


class Load(threading.Thread):
    """One handset that appends and replaces over one protocol, and reads what it must find, until told to end."""

    def __init__(self, site, number, alive):
        super().__init__()
        self.site, self.number, self.alive = site, number, alive
        self.user, self.mac = site.handsets[number % 3], site.macs[number % 3]
        self.sent = []
        self.wrong = []
        self.file = f"/{self.mac}-{('phone', 'web')[number // 3]}.cfg"

    def round(self, i):
        line = f"{self.number} {i} ".encode() + os.urandom(40).hex().encode() + b"\n"
        body = b"<x>" + os.urandom(30_000 * (i % 4) + 10).hex().encode() + b"</x>"
        if self.number < 3:
            ftp = self.site.ftp(self.user)
            ftp.put("APPE", f"{self.mac}-app.log", line)
            ftp.put("STOR", self.file[1:], body)
            got, big = ftp.get(self.file[1:]), ftp.get("big.ld")
            ftp.close()
        else:
            assert self.site.http("PUT", self.file, self.user, body).status in (201, 204)
            got = self.site.http("GET", self.file, self.user).body
            big = self.site.http("GET", "/big.ld", self.user).body
            line = b""
        if got != body or big != self.site.big:
            self.wrong.append((i, len(got), len(body), len(big)))
        self.sent.append(line)

    def run(self):
        i = 0
        try:
            while self.alive.is_set() or i < 3:
                self.round(i)
                i += 1
        except BaseException as error:  # the main thread judges it
            self.wrong.append(repr(error))


def test_rotation_under_load_disturbs_nobody(new_site):
    site = new_site("load", seal_rate="20M", cache="0", log_quota="1G")
    site.big = os.urandom(1_500_000)
    assert site.http("PUT", "/big.ld", site.admin, site.big).status == 201
    alive = threading.Event()
    alive.set()
    loads = [Load(site, n, alive) for n in range(6)]
    [w.start() for w in loads]
    keys = set(chunk_keys(site))
    for _ in range(4):
        assert site.api("POST", "/seal/rotate").status == 202
        keys |= set(chunk_keys(site))
    alive.clear()
    [w.join() for w in loads]
    assert not [w.wrong for w in loads if w.wrong]
    assert settled(site)["damaged"] == 0
    assert chunk_keys(site) == [max(keys)]
    for w in loads[:3]:
        kept = site.http("GET", f"/@log/{w.mac}/{w.mac}-app.log?all=1", site.operator).body
        assert kept == b"".join(w.sent)
    assert ask(site, "SELECT count(DISTINCT substr(sealed, 1, 5)) FROM chunk") == [(1,)]


def test_kills_during_rotation_lose_nothing(new_site):
    site = new_site("kill", seal_rate="400K", cache="0")
    mac = site.macs[0]
    big = os.urandom(700_000)
    files = {f"/f{i}.bin": os.urandom(5000 + i) for i in range(60)}
    assert site.http("PUT", "/big.ld", site.admin, big).status == 201
    for name, body in files.items():
        assert site.http("PUT", name, site.admin, body).status == 201
    log = b""
    for i in range(20):
        part = os.urandom(300).hex().encode() + b"\n"
        ftp = site.ftp(site.handsets[0])
        assert ftp.put("APPE", f"{mac}-app.log", part).startswith("226")
        ftp.close()
        log += part
    seen = set()
    for _ in range(8):
        if not site.api("GET", "/seal").json["running"]:
            assert site.api("POST", "/seal/rotate").status == 202
        # Two requests' time of work, then an end without warning.
        seen.add(site.api("GET", "/seal").json["done"])
        site.http("GET", "/big.ld", site.admin)
        assert site.kill() == -9
        site.start()
        assert site.http("GET", "/big.ld", site.admin).body == big
        assert site.http("GET", f"/@log/{mac}/{mac}-app.log?all=1", site.operator).body == log
    assert all(site.http("GET", name, site.admin).body == body for name, body in files.items())
    site.stop()
    site.start(seal_rate="1G")
    assert settled(site)["damaged"] == 0
    assert len(chunk_keys(site)) == 1
    assert all(site.http("GET", name, site.admin).body == body for name, body in files.items())
    assert site.http("GET", "/big.ld", site.admin).body == big


def test_nothing_that_was_stored_can_be_seen_on_the_disk(new_site):
    site = new_site("strings", seal_rate="1G")
    mac = site.macs[0]
    marks = {}

    def mark(what):
        marks[what] = os.urandom(12).hex()
        return marks[what].encode()

    site.http("PUT", "/site-x.cfg", site.admin, b'<a secret="' + mark("file") + b'"/>')
    site.http("PUT", "/site-x.cfg", site.admin, b'<a secret="' + mark("next version") + b'"/>')
    site.http("PUT", f"/@handset/{mac}/{mac}-x.cfg", site.admin, b'<a psk="' + mark("psk") + b'"/>')
    site.http("PUT", f"/{mac}-app.log", site.handsets[0], mark("log") * 20)
    site.http("PUT", f"/{mac}-phone.cfg", site.handsets[0], b'<a o="' + mark("override") + b'"/>')
    site.http("PUT", "/large.ld", site.admin, mark("large") * 20_000)
    made = site.api("POST", "/accounts", {"name": "carla", "role": "operator"}).json["password"]
    marks["made password"] = made
    chosen = mark("chosen password").decode()
    assert site.api("POST", "/accounts/carla/password", {"password": chosen}).status == 200
    site.api("POST", "/seal/rotate")
    settled(site)
    marks["admin password"] = site.admin[1]
    marks["handset password"] = site.handsets[0][1]
    master = (site.folder / "site/state/master.key").read_text().strip()
    site.ctl("backup", site.folder / "strings.backup")
    backup = (site.folder / "strings.backup").read_bytes()
    assert b"SQLite format 3" not in backup
    for stopped in (False, True):
        if stopped:
            site.stop()
        disk = on_disk(site) + backup
        assert b"SQLite format 3" in disk
        assert not [what for what, text in marks.items() if text.encode() in disk]
        assert master.encode() not in disk and bytes.fromhex(master) not in disk
    assert not [what for what, text in marks.items() if text in site.log_text()]
    site.start()


def test_equal_files_are_stored_once_and_heal(new_site):
    site = new_site("equal", cache="0")
    body = b"<same>" + os.urandom(40_000).hex().encode() + b"</same>"
    for mac in site.macs:
        assert site.http("PUT", f"/@handset/{mac}/same.cfg", site.admin, body).status == 201
    assert ask(site, "SELECT count(DISTINCT content), count(*) FROM file WHERE path = '/same.cfg'") == [(1, 3)]
    content = ask(site, "SELECT content FROM file WHERE path = '/same.cfg'")[0][0]
    connection = sqlite3.connect(catalog(site), timeout=TIMEOUT)
    with connection:
        connection.execute("UPDATE chunk SET sealed = zeroblob(length(sealed)) WHERE content = ? AND number = 0", (content,))
    connection.close()
    assert site.http("GET", "/same.cfg", site.handsets[1]).status == 503
    assert site.http("PUT", f"/@handset/{site.macs[0]}/same.cfg", site.admin, body).status == 204
    for user in site.handsets:
        assert site.http("GET", "/same.cfg", user).body == body


@pytest.mark.parametrize("change", ["kind = 2", "size = size + 1", "digest = zeroblob(32)", "mac = zeroblob(32)"])
def test_a_changed_row_is_damage_and_never_absence(new_site, change):
    site = new_site("row-" + change.split()[0], cache="0")
    body = b"<row>" + os.urandom(30).hex().encode() + b"</row>"
    assert site.http("PUT", "/row.cfg", site.admin, body).status == 201
    content = ask(site, "SELECT content FROM file WHERE path = '/row.cfg'")[0][0]
    connection = sqlite3.connect(catalog(site), timeout=TIMEOUT)
    with connection:
        connection.execute(f"UPDATE content SET {change} WHERE id = ?", (content,))
    connection.close()
    assert site.http("GET", "/row.cfg", site.handsets[0]).status == 503
    assert content.hex() in site.log_text()
    assert site.http("PUT", "/row.cfg", site.admin, body).status in (201, 204)
    assert site.http("GET", "/row.cfg", site.handsets[0]).body == body
