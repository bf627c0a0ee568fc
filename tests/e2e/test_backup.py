# SPDX-License-Identifier: Apache-2.0
"""Backups: whole, online, sealed; one file that nobody reads without the master key."""
import base64
import json
import os
import resource
import stat

HEADER = 129


def state(site):
    return site.folder / "site/state"


def leftovers(site):
    return [p.name for p in state(site).iterdir() if ".tmp" in p.name]


def backup(site, name="one.backup", check=True, *options):
    return site.ctl("backup", site.folder / name, *options, check=check)


def test_one_sealed_file(site):
    said = json.loads(site.ctl("backup", site.folder / "first.backup", "--json").stdout)
    file = site.folder / "first.backup"
    data = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert said["bytes"] == len(data) and data.startswith(b"CRADLEBK\x01\x00")
    assert data[20:36].hex() == said["id"] and data[36:52].hex() == said["catalog"]
    assert not (site.folder / "first.backup.part").exists() and not leftovers(site)
    # Two of one catalog differ in everything but what says whose they are.
    again = json.loads(site.ctl("backup", site.folder / "again.backup", "--json").stdout)
    assert again["catalog"] == said["catalog"] and again["master_key"] == said["master_key"] and again["id"] != said["id"]
    assert (site.folder / "again.backup").read_bytes()[HEADER:] != data[HEADER:]
    assert "backup by=admin" in site.log_text()


def test_nothing_is_overwritten_unless_asked(site):
    file = site.folder / "kept.backup"
    file.write_bytes(b"mine")
    run = backup(site, "kept.backup", False)
    assert run.returncode == 1 and "--force" in run.stderr and file.read_bytes() == b"mine"
    backup(site, "kept.backup", True, "--force")
    assert file.read_bytes().startswith(b"CRADLEBK")


def test_only_administrators(site):
    for who in (site.operator, site.handsets[0]):
        assert site.http("GET", "/api/v1/backup", who).status == 403
    assert site.http("GET", "/api/v1/backup").status == 401
    run = site.ctl("backup", site.folder / "operator.backup", user=site.operator, check=False)
    assert run.returncode == 1 and not list(site.folder.glob("operator.backup*"))
    head = site.http("HEAD", "/api/v1/backup", site.admin)
    assert head.status == 200 and head.headers["Cache-Control"] == "no-store" and not leftovers(site)


def test_one_at_a_time_and_a_client_that_goes_away_leaves_nothing(new_site):
    site = new_site("slow")
    for n in range(8):
        assert site.http("PUT", f"/big{n}.ld", site.admin, os.urandom(4_000_000)).status == 201
    login = base64.b64encode(":".join(site.admin).encode()).decode()
    with site.raw_tls(site.https_port) as slow:
        slow.sendall(f"GET /api/v1/backup HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n\r\n".encode())
        assert slow.recv(20).startswith(b"HTTP/1.1 200")
        # It is under way and not taken off our hands: the copy has no name by now, and nobody else gets one.
        assert not leftovers(site)
        reply = site.http("GET", "/api/v1/backup", site.admin)
        assert reply.status == 503 and "another backup" in reply.json["detail"]
        run = backup(site, "second.backup", False)
        assert run.returncode == 1 and "another backup" in run.stderr and not list(site.folder.glob("second.backup*"))
        # The site is served meanwhile.
        assert site.http("PUT", "/meanwhile.cfg", site.admin, b"<a/>").status == 201
    for _ in range(1000):
        run = backup(site, "third.backup", False)
        if run.returncode == 0:
            break
    assert run.returncode == 0, run.stderr


def test_a_full_disk_leaves_nothing_and_the_site_goes_on(new_site):
    site = new_site("full")
    assert site.http("PUT", "/big.ld", site.admin, os.urandom(4_000_000)).status == 201
    limits = resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    reply = site.http("GET", "/api/v1/backup", site.admin)
    assert reply.status == 507 and not leftovers(site)
    resource.prlimit(site.process.pid, resource.RLIMIT_FSIZE, limits)
    assert site.http("GET", "/big.ld", site.admin).status == 200
    backup(site)


def test_an_exchanged_file_of_the_master_key_spoils_no_backup(new_site):
    """It is sealed under the key that opens the catalog, whatever somebody put into the file meanwhile."""
    site = new_site("exchanged")
    key = state(site) / "master.key"
    right = key.read_bytes()
    before = json.loads(backup(site, "before.backup", True, "--json").stdout)
    key.write_bytes(b"0" * 64 + b"\n")
    after = json.loads(backup(site, "after.backup", True, "--json").stdout)
    assert after["master_key"] == before["master_key"] and after["id"] != before["id"]
    key.write_bytes(right)
    # A new master key seals the backups from then on.
    assert site.ctl("seal", "rewrap").returncode == 0
    assert json.loads(backup(site, "later.backup", True, "--json").stdout)["master_key"] != before["master_key"]
    assert not leftovers(site)
