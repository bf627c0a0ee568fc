# SPDX-License-Identifier: Apache-2.0
"""Verifying what is stored: everything sound is called sound, whatever is damaged is found and named, while it is served."""
import json
import os
import sqlite3
import threading

from conftest import TIMEOUT


def catalog(site):
    return site.folder / "site/state/catalog.db"


def change(site, sql, *values):
    connection = sqlite3.connect(catalog(site), timeout=TIMEOUT)
    with connection:
        changed = connection.execute(sql, values).rowcount
    connection.close()
    return changed


def fill(site):
    """A large file, a shared and an own one with a former version, a log of two generations; gives their places."""
    mac = site.macs[0]
    assert site.http("PUT", "/big.ld", site.admin, os.urandom(3_000_000)).status == 201
    for text in (b"<a/>", b"<b/>"):
        assert site.http("PUT", "/shared.cfg", site.admin, text).status in (201, 204)
        assert site.http("PUT", f"/{mac}-own.cfg", site.admin, text.replace(b"/", b" c='1'/")).status in (201, 204)
    with site.ftp(site.handsets[0]) as ftp:
        ftp.put("APPE", f"{mac}-app.log", b"first\n")
        ftp.put("APPE", f"{mac}-app.log", b"second\n")
        ftp.put("STOR", f"{mac}-app.log", b"third\n")


def verify(site, *options):
    run = site.ctl("verify", "--wait", "--json", *options, check=False)
    return run.returncode, json.loads(run.stdout)


def test_all_is_well(new_site):
    site = new_site("well")
    fill(site)
    before = site.ctl("verify", "--status", "--json").stdout
    assert json.loads(before)["state"] == "idle"
    status, answer = verify(site)
    assert status == 0 and answer["state"] == "done" and answer["damaged"] == 0 and answer["damage"] == []
    assert answer["contents_done"] == answer["contents"] > 8 and answer["bytes_done"] == answer["bytes"] > 3_000_000
    assert "verify.end" in site.log_text() and "damaged=0" in site.log_text()
    run = site.ctl("verify", "--status")
    assert run.returncode == 0 and "state: done" in run.stdout


CONTENT_OF = {
    "/shared.cfg": ("file", "layer = '' AND path = '/shared.cfg'"),
    "/shared.cfg (version 1)": ("former_file", "layer = '' AND path = '/shared.cfg' AND version = 1"),
    "/big.ld": ("file", "path = '/big.ld'"),
}


def test_each_damage_is_found_and_named(new_site):
    site = new_site("damaged")
    fill(site)
    mac = site.macs[0]
    site.stop()
    wanted = set()
    for place, (table, where) in CONTENT_OF.items():
        number = 40 if place == "/big.ld" else 0
        flipped = "substr(sealed, 1, length(sealed) - 1) || x'00'" if "version" not in place else "randomblob(length(sealed))"
        assert change(site, f"UPDATE chunk SET sealed = CAST({flipped} AS BLOB) WHERE number = {number} AND content = "
                            f"(SELECT content FROM {table} WHERE {where})") == 1
        wanted.add(place)
    # A chunk that is missing, a content that is missing, two chunks that changed places, a digest that tells of something else.
    assert change(site, "DELETE FROM chunk WHERE content = (SELECT content FROM log_segment WHERE generation = 1 AND segment = 2)") == 1
    wanted.add(f"/@log/{mac}/{mac}-app.log@1")
    assert change(site, "DELETE FROM content WHERE id = (SELECT content FROM log_segment WHERE generation = 2)") == 1
    wanted.add(f"/@log/{mac}/{mac}-app.log@2")
    assert change(site, f"UPDATE content SET digest = randomblob(32) WHERE id = (SELECT content FROM file WHERE path = '/{mac}-own.cfg')") == 1
    wanted.add(f"/@handset/{mac}/{mac}-own.cfg")
    site.start()
    status, answer = verify(site)
    assert status == 1 and answer["state"] == "done"
    assert {d["place"] for d in answer["damage"]} == wanted
    assert answer["damaged"] == len(wanted) and all(d["why"] and len(d["content"]) == 32 for d in answer["damage"])
    log = site.log_text()
    for place in wanted:
        assert f'place="{place}"' in log or f"place={place}" in log
    # As a table, for people.
    run = site.ctl("verify", "--wait", check=False)
    assert run.returncode == 1 and all(place in run.stdout for place in wanted)
    # What is mended is sound.
    assert site.http("PUT", "/big.ld", site.admin, b"x" * 100).status == 204
    status, answer = verify(site)
    assert "/big.ld" not in {d["place"] for d in answer["damage"]}


def test_a_row_with_an_improper_id_is_damage_and_ends_nothing(new_site):
    site = new_site("improper")
    fill(site)
    site.stop()
    # As an upgrade from a former schema finds them: without the MAC that it makes.
    for improper in (b"", b"short", bytes(16) + b"long"):
        assert change(site, "INSERT INTO content (id, staged, size, digest, created, kind, chunks, key) "
                            "SELECT ?, 0, size, digest, created, kind, chunks, key FROM content LIMIT 1", improper) == 1
    assert change(site, "DELETE FROM chunk WHERE content = (SELECT content FROM file WHERE path = '/big.ld') AND number = 1") == 1
    site.start()
    status, answer = verify(site)
    assert status == 1 and answer["state"] == "done" and answer["damaged"] == 4
    assert {d["place"] for d in answer["damage"]} == {"", "/big.ld"}
    assert sorted(d["content"] for d in answer["damage"] if d["place"] == "") == ["", "", b"short".hex()]


def test_what_changes_meanwhile_is_no_damage(new_site):
    site = new_site("busy", file_versions="0")
    for n in range(40):
        assert site.http("PUT", f"/f{n}.ld", site.admin, os.urandom(300_000)).status == 201
    stop = threading.Event()

    def churn(which):
        while not stop.is_set():
            for n in range(which, 40, 4):
                site.http("PUT", f"/f{n}.ld", site.admin, os.urandom(200_000))

    threads = [threading.Thread(target=churn, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            status, answer = verify(site)
            assert status == 0 and answer["damaged"] == 0, answer
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_only_one_and_only_administrators(new_site):
    site = new_site("one")
    for n in range(20):
        assert site.http("PUT", f"/f{n}.ld", site.admin, os.urandom(3_000_000)).status == 201
    assert site.api("POST", "/verify", user=site.operator).status == 403
    assert site.api("GET", "/verify", user=site.operator).status == 403
    # The first one may end before the second is asked for, on a bad day.
    for _ in range(20):
        first, second = site.api("POST", "/verify"), site.api("POST", "/verify")
        if first.status == 202 and second.status == 409:
            break
    assert first.status == 202 and first.json["state"] == "running" and second.status == 409
    # A stop does not wait for it.
    assert site.stop() == 0
    site.start()
    assert site.api("GET", "/verify").json["state"] == "idle"
