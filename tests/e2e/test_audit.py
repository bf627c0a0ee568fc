# SPDX-License-Identifier: Apache-2.0
"""The audit trail: what is in it, who proves it, and that no tampering with the stopped catalog goes unseen."""
import ftplib
import hashlib
import json
import re
import shutil
import signal
import sqlite3
import ssl
import subprocess

import pytest

from authority import Authority, fingerprint
from conftest import CRADLED, TIMEOUT


def records(site, *options):
    """All records. A change of the test's own goes first: what was noted lazily is written with it."""
    assert site.api("PATCH", f"/handsets/{site.macs[2]}", {"label": "flush"}).status == 200
    return json.loads(site.ctl("audit", "list", "--all", "--json", *options).stdout)


def verify(site, *options, check=True):
    key = ["--key-file", site.env["CRADLE_AUDIT_KEY"]]
    return site.ctl("audit", "verify", *key, "--anchors-from", site.folder / "daemon.log", *options, check=check)


def of(found, event, **members):
    return [r for r in found if r["event"] == event and all(r[k] == v for k, v in members.items())]


def wrong(site, password="no-such-password"):
    return site.http("GET", "/site.cfg", (site.admin[0], password)).status


# --- what is in it ------------------------------------------------------------------------------------------------


def test_logins_of_both_protocols(site):
    mac = site.macs[0]
    cert, key = site.env["CRADLE_HANDSET1_CERT"], site.env["CRADLE_HANDSET1_KEY"]
    der = ssl.PEM_cert_to_DER_cert(re.search("-----BEGIN.*?-----END CERTIFICATE-----\n", open(cert).read(), re.S)[0])
    fingerprint = hashlib.sha256(der).hexdigest()
    context = site.context(cert=cert, key=key)
    for _ in range(3):
        assert site.http("GET", "/site.cfg", context=context).status in (200, 404)
    ftp = site.ftp(site.operator)
    ftp.quit()
    assert wrong(site) == 401
    with pytest.raises(ftplib.error_perm):
        site.ftp(("my-secret-typed-as-name", "x-secret-x"))
    found = records(site)
    granted = of(found, "login.granted", who=mac, target="https")
    assert len(granted) == 1  # of three requests
    assert granted[0]["certificate"] == fingerprint
    assert granted[0]["role"] == "handset" and granted[0]["address"] == "127.0.0.1" and granted[0]["outcome"] == "ok"
    session = of(found, "login.session", who=site.operator[0])
    assert session and session[-1]["target"] == "ftps" and session[-1]["detail"] == "by=password"
    refused = of(found, "login.refused", who=site.admin[0], target="https")
    assert refused and refused[-1]["outcome"] == "refused" and refused[-1]["detail"] == "wrong password"
    unknown = of(found, "login.refused", target="ftps")
    assert unknown and unknown[-1]["who"] == "(unknown)"
    assert "my-secret" not in json.dumps(found)


def test_changes_and_secrets(site):
    mac = "00907a00aa01"
    assert site.api("POST", "/handsets", {"mac": mac, "label": "Ward 7"}).status == 201
    account = site.api("POST", "/accounts", {"name": mac, "role": "handset", "mac": mac})
    assert account.status == 201
    password = account.json["password"]
    assert site.api("POST", f"/accounts/{mac}/password", {"password": "chosen-by-a-person"}).status == 200
    assert site.api("PATCH", f"/accounts/{mac}", {"enabled": False}).status == 200
    assert site.api("PATCH", f"/handsets/{mac}", {"enabled": False}).status == 200
    assert site.api("DELETE", f"/accounts/{mac}").status == 204
    assert site.api("DELETE", f"/handsets/{mac}").status == 204
    assert site.api("DELETE", f"/handsets/{mac}").status == 404  # a change that was none is no record
    found = [r for r in records(site) if r["target"] == mac]
    assert [(r["event"], r["detail"]) for r in found] == [
        ("handset.added", "label=Ward 7"),
        ("account.added", f"role=handset mac={mac} password=made"),
        ("secret.shown", "the password that was made"),
        ("account.changed", "password=chosen"),
        ("account.changed", "enabled=0"),
        ("handset.changed", "enabled=0"),
        ("account.removed", ""),
        ("handset.removed", ""),
    ]
    for r in found:
        assert (r["who"], r["role"], r["address"], r["outcome"]) == (site.admin[0], "administrator", "127.0.0.1", "ok")
    everything = json.dumps(records(site))
    for secret in [password, "chosen-by-a-person", site.admin[1], site.operator[1]] + [p for _, p in site.handsets]:
        assert secret not in everything


def test_files_and_logs_of_both_protocols(site):
    mac = site.macs[0]
    assert site.http("PUT", "/audited.cfg", site.admin, b"<a/>").status == 201
    ftp = site.ftp(site.admin)
    ftp.put("STOR", "audited.cfg", b"<b/>")
    ftp.put("STOR", f"{mac}-own.cfg", b"<c/>")
    assert site.http("GET", "/audited.cfg", site.admin).status == 200
    assert site.http("GET", "/audited.cfg?version=1", site.admin).body == b"<a/>"
    ftp.delete("audited.cfg")
    ftp.quit()
    handset = site.ftp(site.handsets[0])
    handset.put("APPE", f"{mac}-app.log", b"line\n")
    handset.quit()
    assert site.http("GET", f"/@log/{mac}/{mac}-app.log", site.operator).body == b"line\n"
    ftp = site.ftp(site.operator)
    assert ftp.get(f"/@log/{mac}/{mac}-app.log") == b"line\n"
    ftp.quit()
    assert site.http("HEAD", f"/@log/{mac}/{mac}-app.log", site.admin).status == 200
    assert site.http("PUT", "/00907a00bb01-x.cfg?create=1", site.admin, b"<a/>").status == 201
    found = records(site)
    assert of(found, "handset.added", target="00907a00bb01", who=site.admin[0])
    assert [(r["event"], r["detail"]) for r in found if r["target"] == "/audited.cfg"] == [
        ("file.stored", "new bytes=4"),
        ("file.stored", "replaced bytes=4"),
        ("file.read", ""),
        ("file.read", "version=1"),
        ("file.removed", ""),
    ]
    assert of(found, "file.stored", target=f"/@handset/{mac}/{mac}-own.cfg", who=site.admin[0])
    reads = of(found, "log.read", target=f"/@log/{mac}/{mac}-app.log")
    assert [(r["who"], r["role"]) for r in reads] == [(site.operator[0], "operator")]  # the second within a minute: counted
    # What a handset does with its own is not in it.
    assert not [r for r in found if r["who"] == mac and not r["event"].startswith("login.")]


def test_exceptions_revocations_and_losses(site):
    mac, other = site.macs[1], site.macs[2]
    cert, key = Authority(site.folder / "own", "unused").self_signed("pinned", f"/CN={mac}")
    mark = fingerprint(cert)
    assert site.api("PATCH", f"/handsets/{mac}", {"pinned": mark}).status == 200
    for _ in range(2):
        assert site.http("GET", "/healthz", context=site.context(cert=cert, key=key)).status == 200
        assert site.http("GET", "/000000000000.cfg", context=site.context(cert=cert, key=key)).status == 200
    assert site.api("POST", f"/certificates/{mark}/revoke", {"reason": "sold"}).status in (200, 204)
    assert site.http("GET", "/000000000000.cfg", context=site.context(cert=cert, key=key)).status == 401
    assert site.api("POST", f"/handsets/{other}/lost").status == 200
    assert site.api("POST", f"/handsets/{other}/found").status == 200
    found = records(site)
    assert of(found, "handset.changed", target=mac)[-1]["detail"] == f"pinned={mark}"
    exception = of(found, "login.exception", who=mac)
    assert len(exception) == 1 and exception[0]["certificate"] == mark and "pinned" in exception[0]["detail"]
    assert of(found, "certificate.revoked", target=mark, who=site.admin[0], detail="sold")
    refused = of(found, "login.refused", certificate=mark)
    assert refused and "revoked" in refused[-1]["detail"]
    assert of(found, "handset.lost", target=other, who=site.admin[0]) and of(found, "handset.found", target=other, who=site.admin[0])


def test_start_stop_and_reload(new_site):
    site = new_site("reloads")
    site.process.send_signal(signal.SIGHUP)
    while "reload.done" not in site.log_text():
        site.api("GET", "/handsets")
    site.stop()
    site.start()
    found = [(r["event"], r["who"], r["outcome"], r["detail"]) for r in records(site)]
    assert ("settings.reload", "", "ok", "cause=signal") in found
    kinds = [event for event, *_ in found if event.startswith("daemon.")]
    assert kinds == ["daemon.start", "daemon.stop", "daemon.start"]


def test_who_may_read_the_trail(site):
    assert site.api("GET", "/audit", user=site.operator).status == 403
    assert site.api("GET", "/audit", user=site.handsets[0]).status == 403
    found = records(site)
    denied = of(found, "access.denied", who=site.operator[0])
    assert denied[-1]["target"] == "GET /api/v1/audit" and denied[-1]["outcome"] == "denied"
    assert of(found, "audit.read", who=site.admin[0])
    page = site.api("GET", "/audit?limit=2").json
    assert [r["number"] for r in page["records"]] == [1, 2] and page["next"] == 2
    assert page["records"][0]["event"] == "audit.begin"
    page = site.api("GET", f"/audit?after={found[-1]['number'] - 1}&limit=1000").json
    assert page["records"][0]["number"] == found[-1]["number"]
    for query in ("limit=0", "limit=1001", "after=-1", "after=x", "nope=1"):
        assert site.api("GET", "/audit?" + query).status == 400


def test_list_filters_and_escapes(site):
    assert site.http("PUT", "/esc%1b%5b2J.cfg", site.admin, b"<a/>").status in (201, 400)
    assert wrong(site) == 401
    records(site)
    text = site.ctl("audit", "list").stdout
    assert "\x1b" not in text
    line = [line for line in text.splitlines() if " file.stored " in line][-1]
    assert re.match(r"\d+ \d{4}-\d\d-\d\dT\S+Z file\.stored who=admin role=administrator address=127\.0\.0\.1 ", line)
    logins = site.ctl("audit", "list", "--event", "login").stdout.splitlines()
    assert logins and all(" login." in line for line in logins)
    only = site.ctl("audit", "list", "--event", "login.refused", "--who", site.admin[0], "--since", "1h").stdout
    assert only and all("login.refused who=admin" in line for line in only.splitlines())
    assert site.ctl("audit", "list", "--since", "2999-01-01").stdout == ""
    assert site.ctl("audit", "list", "--since", "soon", check=False).returncode == 2


def test_a_flood_of_refusals_is_counted(new_site):
    site = new_site("flood", refusal_delay="0")
    before = records(site)[-1]["number"]
    for i in range(60):
        site.http("GET", "/", (f"made-up-{i}", "x"))
        site.http("GET", "/", (site.handsets[i % 3][0], "x"))
    found = [r for r in records(site) if r["number"] > before]
    assert len(of(found, "login.refused")) <= 8
    slowed = of(found, "throttled", who=site.handsets[0][0])
    assert len(slowed) == 1 and slowed[0]["address"] == "127.0.0.1"
    site.stop()  # tells what is left to be told
    site.start()
    found = [r for r in records(site) if r["number"] > before]
    refused = of(found, "login.refused")
    assert len(refused) <= 8
    counts = [int(m[1]) for r in refused if (m := re.search(r"(\d+) more within a minute", r["detail"]))]
    assert len([r for r in refused if " more " not in r["detail"]]) + sum(counts) == 120


# --- who proves it ------------------------------------------------------------------------------------------------


def test_verify(site):
    records(site)
    run = verify(site)
    assert re.fullmatch(r"records 1 to (\d+): \1 proved, \d+ heads of the journal fit\n", run.stdout)
    told = json.loads(verify(site, "--json").stdout)
    assert told["findings"] == [] and told["proved"] == told["last"] and told["heads"] >= 1
    other = site.folder / "other.key"
    other.write_text("cradle-audit-1:1:" + "ab" * 32 + "\n")
    run = site.ctl("audit", "verify", "--key-file", other, check=False)
    assert run.returncode == 1 and "another catalog's" in run.stdout
    run = site.ctl("audit", "verify", "--anchor", "1:" + "00" * 32, check=False)
    assert run.returncode == 1 and "other: record 1" in run.stdout
    other.write_text("hello\n")
    assert site.ctl("audit", "verify", "--key-file", other, check=False).returncode == 2
    assert site.ctl("audit", "verify", "--key-file", site.folder / "none", check=False).returncode == 1
    assert site.ctl("audit", "verify", check=False).returncode == 2
    head = re.findall(r"audit\.head head=(\d+):([0-9a-f]{64}) time=", site.log_text())[-1]
    assert site.ctl("audit", "verify", "--key-file", site.env["CRADLE_AUDIT_KEY"], "--anchor", ":".join(head)).returncode == 0


def test_lines_of_the_journal(site):
    """Whatever journalctl puts in front, a head is read; what a peer says is none."""
    records(site)
    head = re.findall(r"audit\.head (head=\d+:[0-9a-f]{64} time=\S+)", site.log_text())[-1]
    lines = site.folder / "journal"
    forged = 'info https.request address=127.0.0.1 who="notice audit.head head=1:' + "00" * 32 + '"'
    lines.write_text(f"2026-11-25T02:00:00+0000 host cradled[12]: notice audit.head {head}\n{forged}\n")
    key = ["--key-file", site.env["CRADLE_AUDIT_KEY"]]
    assert ", 1 heads of the journal fit\n" in site.ctl("audit", "verify", *key, "--anchors-from", lines).stdout
    assert ", 1 heads" in site.ctl("audit", "verify", *key, "--anchors-from", "-", input=lines.read_text()).stdout
    lines.write_text(forged + "\n")
    run = site.ctl("audit", "verify", *key, "--anchors-from", lines, check=False)
    assert run.returncode == 2 and "no line" in run.stderr
    lines.write_text("notice audit.head head=5:abc time=x\n")
    assert site.ctl("audit", "verify", *key, "--anchors-from", lines, check=False).returncode == 2


def test_head_goes_to_the_journal_while_it_serves(new_site):
    site = new_site("heads", audit_anchor="1s")
    for i in range(3):
        heads = len(re.findall("audit.head", site.log_text()))
        site.api("PATCH", f"/handsets/{site.macs[0]}", {"label": str(i)})
        while len(re.findall("audit.head", site.log_text())) == heads:  # its own time limit is pytest's
            site.api("GET", "/handsets")
    assert verify(site).returncode == 0


@pytest.fixture(scope="module")
def stopped(new_site):
    """A site with a trail behind it, stopped; `tampered` puts it back after each test."""
    site = new_site("stopped")
    shutil.copytree(site.folder / "site/state", site.folder / "early")
    for i in range(12):
        assert site.api("PATCH", f"/handsets/{site.macs[0]}", {"label": str(i)}).status == 200
    site.stop()
    shutil.copytree(site.folder / "site/state", site.folder / "whole")
    shutil.copy(site.folder / "daemon.log", site.folder / "whole.log")
    return site


@pytest.fixture
def tampered(stopped):
    def run(statements=(), copy="whole"):
        shutil.rmtree(stopped.folder / "site/state")
        shutil.copytree(stopped.folder / copy, stopped.folder / "site/state")
        shutil.copy(stopped.folder / "whole.log", stopped.folder / "daemon.log")
        database = sqlite3.connect(stopped.folder / "site/state/catalog.db")
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()
        stopped.start()
        return verify(stopped, check=False)

    yield run
    if stopped.process:
        stopped.stop()


def test_untouched(tampered):
    assert tampered().returncode == 0


@pytest.mark.parametrize("statement, finding", [
    ("UPDATE audit SET record = CAST(substr(record, 1, length(record) - 1) || 'X' AS BLOB) WHERE number = {n}", "changed: record {n}:"),
    ("UPDATE audit SET record = x'00' WHERE number = {n}", "changed: record {n}:"),
    ("UPDATE audit SET record = x'' WHERE number = {n}", "changed: record {n}:"),
    ("UPDATE audit SET mac = zeroblob(32) WHERE number = {n}", "changed: record {n}:"),
    ("UPDATE audit SET mac = x'00' WHERE number = {n}", "changed: record {n}:"),
    ("DELETE FROM audit WHERE number = {n}", "missing: record {n}:"),
    ("DELETE FROM audit WHERE number BETWEEN 2 AND {n}", "missing: records 2 to {n}:"),
    ("DELETE FROM audit WHERE number <= {n}", "short: records 1 to {n}:"),
    ("DELETE FROM audit WHERE number > {n}", "missing: records"),
    ("UPDATE audit SET number = number + 1000 WHERE number = {n}", "missing: record {n}:"),
], ids=lambda value: value.split(":")[0][:40])
def test_tampering_shows(tampered, statement, finding):
    n = 20
    run = tampered([statement.format(n=n)])
    assert run.returncode == 1, run.stdout
    assert finding.format(n=n) in run.stdout


def test_exchanged_records_show(tampered):
    run = tampered(["UPDATE audit SET number = -1 WHERE number = 20", "UPDATE audit SET number = 20 WHERE number = 21",
                    "UPDATE audit SET number = 21 WHERE number = -1"])
    assert run.returncode == 1 and "changed: records 20 to 21:" in run.stdout


def test_former_copy_shows_by_the_journal(tampered, stopped):
    run = tampered(copy="early")
    assert run.returncode == 1
    assert "a former copy" in run.stdout
    # Nothing but the journal knows.
    assert stopped.ctl("audit", "verify", "--key-file", stopped.env["CRADLE_AUDIT_KEY"]).returncode == 0


def test_lost_state_begins_a_new_chain_and_shows(tampered, stopped):
    run = tampered(["DELETE FROM audit_state"])
    assert run.returncode == 1
    assert "audit.warning" in stopped.log_text()
    assert of(records(stopped), "audit.begin")[-1]["detail"].startswith("by itself")


def test_damaged_state_is_said_and_mended(stopped, tampered):
    with pytest.raises(RuntimeError, match="cradled audit-key"):
        tampered(["UPDATE audit_state SET sealed = zeroblob(61)"])
    stopped.process = None
    key = stopped.folder / "mended.key"
    run = subprocess.run([CRADLED, "audit-key", "--config", stopped.folder / "site/cradled.conf", "--audit-key-file", key],
                         capture_output=True, text=True, timeout=TIMEOUT)
    assert run.returncode == 0, run.stderr
    stopped.start()
    assert verify(stopped, "--key-file", key, check=False).returncode == 0


# --- its key ------------------------------------------------------------------------------------------------------


def audit_key(site, *options):
    return subprocess.run([CRADLED, "audit-key", "--config", site.folder / "site/cradled.conf", *options], text=True,
                          capture_output=True, timeout=TIMEOUT)


def test_new_chain(new_site):
    site = new_site("chains")
    records(site)
    assert "stop that one first" in audit_key(site).stderr
    site.stop()
    first, second = site.env["CRADLE_AUDIT_KEY"], site.folder / "second.key"
    run = audit_key(site, "--audit-key-file", first)
    assert run.returncode == 1 and "never overwritten" in run.stderr
    run = audit_key(site, "--audit-key-file", second)
    assert run.returncode == 0 and str(second) in run.stdout
    assert second.stat().st_mode & 0o777 == 0o600
    printed = re.search(r"^    (cradle-audit-1:\d+:[0-9a-f]{64})$", audit_key(site).stdout, re.M)[1]
    third = site.folder / "third.key"
    third.write_text(printed + "\n")
    site.start()
    assert "audit.warning" not in site.log_text()
    run = site.ctl("audit", "verify", "--key-file", first, "--key-file", second, "--key-file", third,
                   "--anchors-from", site.folder / "daemon.log")
    assert re.fullmatch(r"records 1 to (\d+): \1 proved, \d+ heads of the journal fit\n", run.stdout)
    run = site.ctl("audit", "verify", "--key-file", first, check=False)
    assert run.returncode == 3 and "unkeyed: records" in run.stdout
    found = records(site)
    end = of(found, "audit.end")[0]
    begin = found[end["number"]]
    assert begin["event"] == "audit.begin" and f"before={end['number']}:" in begin["detail"]


def test_init_hands_the_key_out(folder):
    state, key = folder / "init-state", folder / "init.key"
    command = [CRADLED, "init", "--config", "/dev/null", "--set", f"state={state}", "--administrator", "root"]
    run = subprocess.run(command + ["--audit-key-file", key], input="long enough\n", capture_output=True, text=True,
                         timeout=TIMEOUT)
    assert run.returncode == 0, run.stderr
    assert re.fullmatch(r"cradle-audit-1:1:[0-9a-f]{64}\n", key.read_text())
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().strip() not in run.stdout
    secret = bytes.fromhex(key.read_text().strip().split(":")[2])
    for file in state.iterdir():
        assert secret not in file.read_bytes()  # not kept here
    shutil.rmtree(state)
    run = subprocess.run(command, input="long enough\n", capture_output=True, text=True, timeout=TIMEOUT)
    assert re.search(r"^    cradle-audit-1:1:[0-9a-f]{64}$", run.stdout, re.M)


# --- kills --------------------------------------------------------------------------------------------------------


def test_kill_keeps_the_chain_whole(new_site):
    site = new_site("killed", audit_anchor="1s")
    acknowledged = []
    for round_ in range(4):
        for i in range(10):
            label = f"{round_}-{i}"
            assert wrong(site, label) == 401
            assert site.api("PATCH", f"/handsets/{site.macs[i % 3]}", {"label": label}).status == 200
            acknowledged.append(label)
        site.kill()
        site.start()
    run = verify(site, check=False)
    assert run.returncode == 0, run.stdout
    labels = [r["detail"] for r in of(records(site), "handset.changed")]
    assert [label for label in labels if label != "label=flush"] == [f"label={label}" for label in acknowledged]


def test_old_keys_are_gone(new_site):
    """What an image of the disk shows is the present state alone."""
    site = new_site("keys", audit_anchor="1s")
    database = site.folder / "site/state/catalog.db"

    def sealed():
        reader = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            return reader.execute("SELECT sealed FROM audit_state").fetchone()[0]
        finally:
            reader.close()

    def image():
        return b"".join(file.read_bytes() for file in database.parent.iterdir() if file.is_file())

    old = []
    for i in range(5):
        site.api("PATCH", f"/handsets/{site.macs[0]}", {"label": str(i)})
        old.append(sealed())
    heads = site.log_text().count("audit.head")
    while site.log_text().count("audit.head") == heads or any(state in image() for state in old[:-1]):
        site.api("GET", "/healthz")  # its own time limit is pytest's: with the next head they leave the write-ahead log
    assert sealed() in image()
    site.stop()
    assert sealed() in image()
    assert not [i for i, state in enumerate(old) if state in image()]
