# SPDX-License-Identifier: Apache-2.0
"""Errors that must not look like absence: a full disk, damaged or missing contents, a locked or vanished catalog, missing keys.
A handset that is told 404 or 550 falls back to 000000000000.cfg and loses its registration."""
import ftplib
import os
import pathlib
import resource
import shutil
import sqlite3
import subprocess

import pytest

from conftest import CRADLED, TIMEOUT

FALLBACK = "000000000000.cfg"


def catalog(site):
    return site.folder / "site/state/catalog.db"


def change(site, sql, *values):
    """Changes the catalog behind the daemon's back."""
    connection = sqlite3.connect(catalog(site), timeout=TIMEOUT)
    with connection:
        changed = connection.execute(sql, values).rowcount
    connection.close()
    return changed


def ask(site, sql, *values):
    connection = sqlite3.connect(catalog(site), timeout=TIMEOUT)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def status(site, name, who=0, method="GET"):
    return site.http(method, f"/{name}", site.handsets[who])


def retr(site, name, who=0):
    """The code of the reply that ends a RETR."""
    ftp = site.ftp(site.handsets[who])
    try:
        ftp.get(name)
        return "226"
    except (ftplib.error_temp, ftplib.error_perm) as error:
        return str(error)[:3]
    finally:
        ftp.close()


def stored(site, verb, name, data, who=0):
    ftp = site.ftp(site.handsets[who])
    try:
        return ftp.put(verb, name, data)[:3]
    except (ftplib.error_temp, ftplib.error_perm) as error:
        return str(error)[:3]
    finally:
        ftp.close()


DAMAGES = {
    "flipped": lambda sealed, twin: sealed[:-1] + bytes([sealed[-1] ^ 1]),
    "missing": lambda sealed, twin: None,
    "short": lambda sealed, twin: sealed[:-1],
    "empty": lambda sealed, twin: b"",
    "key": lambda sealed, twin: sealed[:1] + b"\xff\xff" + sealed[3:],
    "swapped": lambda sealed, twin: twin,  # another content's chunk, of the same length
}


def chunk_of(site, layer, path):
    return ask(site, "SELECT content, sealed FROM chunk WHERE content = (SELECT content FROM file WHERE layer = ? AND path = ?)", layer, path)[0]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("first", ["https", "ftps"])
def test_a_damaged_file_is_never_absent_and_keeps_its_handset_from_falling_back(new_site, damage, first):
    site = new_site(f"damage-{damage}-{first}")
    mac = site.macs[0]
    # Of one size with the handset's own, so that a swapped chunk differs in nothing but its place.
    own = site.http("GET", f"/@handset/{mac}/{mac}-ext.cfg", site.admin).body
    twin = own.replace(b"\n", b" ", 1)
    assert twin != own and len(twin) == len(own)  # equal bytes would be stored once
    assert site.http("PUT", "/twin.cfg", site.admin, twin).status == 201
    site.stop()
    path = ask(site, "SELECT path FROM file WHERE layer = ?", mac)[0][0]
    content, sealed = chunk_of(site, mac, path)
    damaged = DAMAGES[damage](sealed, chunk_of(site, "", "/twin.cfg")[1])
    assert damaged != sealed
    if damaged is None:
        assert change(site, "DELETE FROM chunk WHERE content = ?", content) == 1
    else:
        assert change(site, "UPDATE chunk SET sealed = ? WHERE content = ?", damaged, content) == 1
    site.start()
    assert status(site, FALLBACK).status == 200
    if first == "https":
        reply = status(site, f"{mac}-ext.cfg")
        assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0
    else:
        assert retr(site, f"{mac}-ext.cfg") == "451"
    # From then on the fall-back is withheld from this handset, over both protocols, and from no other.
    reply = status(site, FALLBACK)
    assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0
    assert status(site, FALLBACK, method="HEAD").status == 503
    assert retr(site, FALLBACK) == "451"
    assert status(site, f"{mac}-ext.cfg").status == 503 and retr(site, f"{mac}-ext.cfg") == "451"
    assert status(site, FALLBACK, 1).status == 200 and retr(site, FALLBACK, 1) == "226"
    assert status(site, "site.cfg").status == 200
    assert "content.damaged" in site.log_text()
    # An administrator is told, and puts it right.
    assert site.http("GET", f"/@handset/{mac}{path}", site.admin).status == 503
    assert site.http("PUT", f"/@handset/{mac}{path}", site.admin, own).status == 204
    assert status(site, f"{mac}-ext.cfg").body == own


def test_a_large_file_that_breaks_in_the_middle_never_looks_whole(new_site):
    site = new_site("large")
    data = os.urandom(3_000_000)
    assert site.http("PUT", "/big.ld", site.admin, data).status == 201
    site.stop()
    assert change(site, "UPDATE chunk SET sealed = randomblob(length(sealed)) WHERE number = 30") == 1
    site.start()
    run = site.curl("-o", site.folder / "big", f"{site.url}/big.ld", user=site.handsets[0], check=False)
    assert run.returncode != 0 and (site.folder / "big").read_bytes() == data[:30 * 65536]
    assert retr(site, "big.ld") == "451"
    # Ranges that do not touch the damage are served.
    assert site.http("GET", "/big.ld", site.handsets[0], headers={"Range": "bytes=0-9"}).body == data[:10]


def test_a_damaged_segment_is_an_error_and_the_log_goes_on(new_site):
    site = new_site("segment")
    log = f"{site.macs[0]}-app.log"
    assert stored(site, "APPE", log, b"first\n") == "226"
    site.stop()
    assert change(site, "UPDATE chunk SET sealed = randomblob(length(sealed)) WHERE content = (SELECT content FROM log_segment)") == 1
    site.start()
    assert site.http("GET", f"/@log/{site.macs[0]}/{log}", site.operator).status == 503
    assert status(site, log).status == 503 and retr(site, log) == "451"
    assert status(site, log, method="HEAD").headers["Content-Length"] == "6"
    assert stored(site, "APPE", log, b"second\n") == "226" and stored(site, "STOR", log, b"third\n") == "226"
    assert status(site, log).body == b"third\n"


def test_a_torn_catalog_is_not_an_empty_one(new_site):
    """The file's own pages are damaged while it is served: no answer claims absence."""
    site = new_site("torn")
    for n in range(200):
        assert site.http("PUT", f"/pad{n}.ld", site.admin, os.urandom(3000)).status == 201
    site.stop()
    page = 8192
    size = os.path.getsize(catalog(site))
    site.start(cache="0")
    with open(catalog(site), "r+b") as file:
        for at in range(page, size - page, page):  # all but the first page
            file.seek(at)
            file.write(os.urandom(page))
    seen = [(name, site.http("GET", f"/{name}", user).status) for name in ("site.cfg", FALLBACK, f"{site.macs[0]}-ext.cfg", "sip.ld", "pad7.ld")
            for user in (site.handsets[0], site.admin)]
    # What SQLite still holds in memory is right; the rest is not known to be absent.
    assert {status for _, status in seen} <= {200, 503} and (503 in [status for _, status in seen])
    assert site.kill() == -9


def lock(site):
    connection = sqlite3.connect(catalog(site), timeout=0, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def test_a_locked_catalog_says_come_back(new_site):
    """Another process holds the write lock for longer than we wait: writes are told to come back, reads go on."""
    site = new_site("locked")
    log = f"{site.macs[0]}-app.log"
    assert stored(site, "APPE", log, b"before\n") == "226"
    held = lock(site)
    assert stored(site, "APPE", log, b"during\n") == "451"
    reply = site.http("PUT", f"/{log}", site.handsets[0], b"during\n")
    assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0
    assert status(site, f"{site.macs[0]}-ext.cfg").status == 200 and retr(site, "site.cfg") == "226"
    held.execute("ROLLBACK")
    held.close()
    assert stored(site, "APPE", log, b"after\n") == "226"
    assert status(site, log).body == b"before\nafter\n"


def test_a_catalog_that_vanished_is_no_empty_one(new_site):
    """Its file is removed under the daemon: what it still has open is served, and nothing claims absence."""
    site = new_site("vanished", workers="1")
    moved = catalog(site).rename(site.folder / "elsewhere.db")
    for name in ("site.cfg", FALLBACK, f"{site.macs[0]}-ext.cfg", "sip.ld"):
        assert status(site, name).status in (200, 503) and retr(site, name) in ("226", "451")
    assert site.kill() == -9
    moved.rename(catalog(site))
    site.start()
    assert status(site, "site.cfg").status == 200


def limit_files(site, size):
    resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize("more", [0, 200_000])
def test_a_full_disk_changes_nothing_and_reading_goes_on(new_site, more):
    """No file may grow (RLIMIT_FSIZE stands for the full disk): at once, or in the middle of a large upload."""
    site = new_site(f"full{more}")
    mac = site.macs[0]
    log = f"{mac}-app.log"
    old = os.urandom(300_000)
    assert stored(site, "APPE", log, b"before\n") == "226"
    assert site.http("PUT", f"/{mac}-phone.cfg", site.handsets[0], b"<old/>").status == 201
    assert site.http("PUT", "/sip.ld", site.admin, old).status == 204
    biggest = max(os.path.getsize(p) for p in (site.folder / "site/state").iterdir())
    limit_files(site, biggest + more if more else 0)
    big = os.urandom(2_000_000)
    assert stored(site, "APPE", log, big) == "452" and stored(site, "STOR", log, big) == "452"
    assert site.http("PUT", f"/{log}", site.handsets[0], big).status == 507
    assert site.http("PUT", "/sip.ld", site.admin, big).status == 507
    if not more:
        assert stored(site, "APPE", log, b"during\n") == "452"
        assert site.http("PUT", f"/{mac}-phone.cfg", site.handsets[0], b"<new/>").status == 507
        assert site.api("POST", "/handsets", {"mac": "00907a112233"}).status == 507
        assert site.http("DELETE", "/site.cfg", site.admin).status == 507
    # Reads, and logins that nobody remembers, go on.
    assert status(site, log).body == b"before\n" and status(site, f"{mac}-phone.cfg").body == b"<old/>"
    assert status(site, "sip.ld", 1).body == old and retr(site, "sip.ld", 2) == "226"
    assert status(site, "site.cfg").status == 200 and status(site, f"{mac}.cfg").status == 404
    limit_files(site, resource.RLIM_INFINITY)
    assert stored(site, "APPE", log, b"after\n") == "226"
    assert status(site, log).body == b"before\nafter\n"
    assert site.http("PUT", "/sip.ld", site.admin, big).status == 204
    assert status(site, "sip.ld").body == big
    # What could not be removed for lack of room goes at the next start.
    site.stop()
    site.start()
    assert ask(site, "SELECT count(*) FROM content WHERE staged = 1") == [(0,)]
    assert status(site, "sip.ld").body == big


def test_what_a_crash_left_in_staging_is_removed_at_start(new_site):
    site = new_site("staged")
    ftp = site.ftp(site.handsets[0])
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd(f"STOR {site.macs[0]}-app.log")
    conn.sendall(os.urandom(1_000_000))
    while not ask(site, "SELECT 1 FROM chunk JOIN content ON id = content WHERE staged = 1"):
        pass
    site.kill()
    conn.close()
    ftp.close()
    before = ask(site, "SELECT count(*) FROM chunk WHERE content IN (SELECT id FROM content WHERE staged = 1)")[0][0]
    assert before > 0
    site.start()
    assert "db.cleaned contents=1" in site.log_text()
    assert ask(site, "SELECT count(*) FROM content WHERE staged = 1") == [(0,)]
    assert ask(site, "SELECT count(*) FROM chunk WHERE content NOT IN (SELECT id FROM content)") == [(0,)]
    assert status(site, f"{site.macs[0]}-app.log").status == 404


def serve(site, **settings):
    """A start that must fail; gives what it said."""
    command = [CRADLED, "serve", "--config", site.folder / "site/cradled.conf", "--set", "https_listen=127.0.0.1:0", "--set", "ftps_listen=127.0.0.1:0"]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    run = subprocess.run(command, capture_output=True, timeout=TIMEOUT)
    assert run.returncode > 0 and run.stdout == b""
    return run.stderr.decode()


def master_key(site):
    found = [p for p in (site.folder / "site").rglob("*") if "master" in p.name]
    assert len(found) == 1
    return found[0]


def test_a_master_key_that_is_missing_wrong_or_no_key_is_told_in_clear_words(new_site, folder):
    site, other = new_site("keys"), new_site("keys-other")
    site.stop()
    key = master_key(site)
    good = key.read_bytes()
    key.unlink()
    words = serve(site)
    assert "daemon.failed" in words and str(key) in words and not key.exists()
    shutil.copy(master_key(other), key)
    words = serve(site)
    assert "daemon.failed" in words and "master key" in words
    for bad in (b"", good[:-5], b"nonsense\n", good + good):
        key.write_bytes(bad)
        key.chmod(0o600)
        words = serve(site)
        assert "daemon.failed" in words and str(key) in words
        assert good.strip().decode(errors="replace") not in words
    key.write_bytes(good)
    key.chmod(0o600)
    site.start()
    assert status(site, "site.cfg").status == 200


def test_a_data_key_that_is_gone_or_damaged_stops_the_start(new_site):
    site = new_site("datakeys")
    site.stop()
    copy = pathlib.Path(f"{catalog(site)}.copy")
    shutil.copy(catalog(site), copy)
    for sql in ("DELETE FROM key WHERE purpose = 'chunk'", "DELETE FROM key", "UPDATE key SET wrapped = randomblob(length(wrapped))",
                "UPDATE key SET wrapped = x''"):
        change(site, sql)
        assert "daemon.failed" in serve(site), sql
        shutil.copy(copy, catalog(site))
    copy.unlink()


def test_a_catalog_that_is_newer_missing_or_none_stops_the_start(new_site):
    site = new_site("schema")
    site.stop()
    path = catalog(site)
    version = ask(site, "PRAGMA user_version")[0][0]
    change(site, f"PRAGMA user_version = {version + 1}")
    assert "newer" in serve(site)
    change(site, f"PRAGMA user_version = {version}")
    good = path.read_bytes()
    path.write_bytes(b"no catalog " * 1000)
    assert "daemon.failed" in serve(site)
    path.unlink()
    words = serve(site)
    assert "cradled init" in words and not path.exists()
    path.write_bytes(good)
    site.start()
    assert status(site, "site.cfg").status == 200


LOG_DAMAGES = {
    "flipped": "UPDATE chunk SET sealed = zeroblob(length(sealed)) WHERE content = ?",
    "missing": "DELETE FROM chunk WHERE content = ?",
    "row": "UPDATE content SET mac = zeroblob(32) WHERE id = ?",
    "gone": "DELETE FROM content WHERE id = ?",
}


@pytest.mark.parametrize("damage", LOG_DAMAGES)
def test_what_is_left_of_a_damaged_log(new_site, damage):
    site = new_site(f"rescue-{damage}", max_log="1M", log_rotate="1M", cache="0")
    mac, log = site.macs[0], f"{site.macs[0]}-app.log"
    parts = [b"first\n", b"second, without an end", b"x" * 150_000 + b"\n", b"fourth\n"]
    for part in parts:
        assert stored(site, "APPE", log, part) == "226"
    whole = site.http("GET", f"/@log/{mac}/{log}?rescue=1", site.operator)
    assert whole.status == 200 and whole.body == b"".join(parts) and "ETag" not in whole.headers
    content = ask(site, "SELECT content FROM log_segment WHERE path = ? AND segment = 3", f"/{log}")[0][0]
    assert change(site, LOG_DAMAGES[damage], content) >= 1
    assert site.http("GET", f"/@log/{mac}/{log}", site.operator).status == 503
    for query in ("?rescue=1", "?rescue=1&all=1"):
        rest = site.http("GET", f"/@log/{mac}/{log}{query}", site.operator)
        assert rest.status == 200
        lines = rest.body.split(b"\n")
        assert lines[:2] == [b"first", b"second, without an end"] and lines[3:] == [b"fourth", b""]
        assert lines[2].startswith(b"*** segment 3 of generation 1, received 20") and lines[2].endswith(b"is damaged and left out ***")
    assert site.http("GET", f"/@log/{mac}/{log}?rescue=1", site.operator, headers={"Range": "bytes=0-5"}).body == b"first\n"
    assert int(site.http("HEAD", f"/@log/{mac}/{log}?rescue=1", site.operator).headers["Content-Length"]) == len(rest.body)
    assert site.http("GET", "/site.cfg?rescue=1", site.admin).status == 400
    # A handset's own parameters mean nothing: it gets the error.
    assert site.http("GET", f"/{log}?rescue=1", site.handsets[0]).status == 503
