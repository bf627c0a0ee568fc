# SPDX-License-Identifier: Apache-2.0
"""cradlectl handset, account, certificate and refusals: what an administrator does with people and things, on the command line."""
import json
import socket
import ssl

import pytest

from authority import Authority, fingerprint
from conftest import TIMEOUT


@pytest.fixture(scope="module")
def site(new_site, folder):
    site = new_site("ctl-fleet")
    site.cas = Authority(folder / "handsets", "handsets", site.ca, site.folder / "site/ca.key")
    return site


def test_handsets(site):
    mac = "00907a0c0001"
    added = json.loads(site.ctl("handset", "add", "00:90:7A:0C:00:01", "--label", "Ward 7, dęsk", "--require-binding", "yes", "--json").stdout)
    assert added["mac"] == mac and added["label"] == "Ward 7, dęsk" and added["require_binding"] is True
    assert site.ctl("handset", "add", mac, check=False).returncode == 1
    listed = site.ctl("handset", "list").stdout
    assert listed.splitlines()[0].startswith("MAC ") and "Ward 7, dęsk" in listed and all(known in listed for known in site.macs)
    assert len(json.loads(site.ctl("handset", "list", "--json").stdout)) == 4
    pin = "ab" * 32
    changed = json.loads(site.ctl("handset", "change", mac, "--enabled", "no", "--accept-expired", "yes", "--legacy", "yes", "--pin", pin, "--json").stdout)
    assert (changed["enabled"], changed["accept_expired"], changed["legacy"], changed["pinned"]) == (False, True, True, pin)
    assert changed["label"] == "Ward 7, dęsk"
    assert "pinned: -" in site.ctl("handset", "change", mac, "--pin", "none").stdout
    assert f"mac: {mac}" in site.ctl("handset", "show", mac.upper()).stdout
    assert site.ctl("handset", "remove", mac).stdout == ""
    assert site.ctl("handset", "show", mac, check=False).returncode == 1


@pytest.mark.parametrize("wrong", [
    ["handset", "show"], ["handset", "show", "12"], ["handset", "change", "00907a0c0001"], ["handset", "change", "00907a0c0001", "--enabled", "maybe"],
    ["handset", "change", "00907a0c0001", "--pin", "12"], ["handset", "lost", "nobody"], ["account", "add", "x"], ["account", "add"],
    ["account", "password", "x", "--no-password", "--hash-file", "/dev/null"], ["certificate", "revoke"], ["certificate", "revoke", "12"],
    ["refusals", "x"],
])
def test_wrong_use(site, wrong):
    run = site.ctl(*wrong, check=False)
    assert run.returncode in (1, 2) and run.stderr and run.stdout == ""


def test_accounts(site):
    secret = site.folder / "new-password"
    secret.write_text("correct horse battery\n")
    secret.chmod(0o600)
    made = json.loads(site.ctl("account", "add", "nightshift", "--role", "operator", "--json").stdout)
    assert site.http("GET", "/@log/", ("nightshift", made["password"])).status == 200
    site.ctl("account", "password", "nightshift", "--new-password-file", secret)
    user = ("nightshift", "correct horse battery")
    assert site.http("GET", "/@log/", user).status == 200
    run = site.ctl("account", "password", "nightshift", "--new-password-file", "-", input="another horse here\n")
    assert "another" not in run.stdout + run.stderr
    user = ("nightshift", "another horse here")
    assert site.http("GET", "/@log/", user).status == 200
    assert "nightshift" in site.ctl("account", "list").stdout
    site.ctl("account", "disable", "nightshift")
    assert site.http("GET", "/@log/", user).status == 401
    site.ctl("account", "enable", "nightshift")
    assert site.http("GET", "/@log/", user).status == 200
    site.ctl("account", "password", "nightshift", "--no-password")
    assert site.http("GET", "/@log/", user).status == 401
    site.ctl("account", "remove", "nightshift")
    assert "nightshift" not in site.ctl("account", "list").stdout
    own = json.loads(site.ctl("account", "add", "spare", "--role", "handset", "--mac", site.macs[2], "--json").stdout)
    assert own["mac"] == site.macs[2] and own["password"]


def test_certificates(site):
    cert = site.cas.issue("seen", f"/CN={site.macs[0]}")
    mark = fingerprint(cert[0])
    context = site.context(None, *cert)
    assert site.http("GET", "/site.cfg", context=context).status == 200
    site.ctl("handset", "change", site.macs[2], "--label", "a commit")
    listed = site.ctl("certificate", "list", "--name", site.macs[0]).stdout
    assert mark in listed and site.macs[0] in listed
    revoked = json.loads(site.ctl("certificate", "revoke", mark.upper(), "--reason", "test: sold", "--json").stdout)
    assert revoked["reason"] == "test: sold" and revoked["revoked"]
    assert site.http("GET", "/site.cfg", context=context).status == 401
    rows = {row["fingerprint"]: row for row in json.loads(site.ctl("certificate", "list", "--json").stdout)}
    assert rows[mark]["revoked"]


def test_refusals(site, folder):
    strangers = Authority(folder / "strangers", "strangers")
    context = ssl.create_default_context(cafile=strangers.cert)
    raw = socket.create_connection(("127.0.0.1", site.ftps_port), TIMEOUT)
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname="localhost")
    raw.close()
    for _ in range(200):
        site.api("PATCH", f"/handsets/{site.macs[2]}", {"label": "a commit"})
        text = site.ctl("refusals").stdout
        if "ftps" in text:
            break
    assert "unknown CA: the client does not hold our root" in text
    assert site.ctl("refusals", "--forget").stdout == ""
    assert json.loads(site.ctl("refusals", "--json").stdout) == []


def test_a_lost_handset(site):
    mac, other = site.macs[1], site.macs[2]
    psk = "psk-ieR9ohv6-marker"
    for name in (f"/{mac}-ext.cfg", f"/{other}-ext.cfg"):
        assert site.http("PUT", name, site.admin, f"<c device.wifi.psk.key='{psk}'/>".encode()).status in (200, 201, 204)
    site.http("PUT", "/keys.cfg", site.admin, b"<c device.prov.password='shared-by-all'/>")
    site.http("PUT", "/closed.cfg", site.admin, b"Crypt=1;Digest=00;\nxx")
    run = site.ctl("handset", "lost", mac)
    assert psk not in run.stdout + run.stderr
    assert f"{mac} is denied: 1 of its accounts" in run.stdout
    assert f"cradlectl pki revoke handset {mac} --pki DIR" in run.stdout
    row = next(line for line in run.stdout.splitlines() if line.startswith("device.wifi.psk.key"))
    assert "Wi-Fi pre-shared key" in row and f"/{mac}-ext.cfg" in row and other in row
    assert "every handset" in next(line for line in run.stdout.splitlines() if line.startswith("device.prov.password"))
    assert "/closed.cfg is encrypted" in run.stdout
    value = json.loads(site.ctl("handset", "lost", mac, "--json").stdout)
    assert value["handset"]["lost"] and value["secrets"]
    assert site.http("GET", "/site.cfg", site.handsets[1]).status == 401
    assert "lost: -" in site.ctl("handset", "found", mac).stdout
    assert site.ctl("handset", "found", mac, check=False).returncode == 1


def test_a_lost_handset_and_its_pki(site):
    """The certificate is revoked in the PKI folder too, by the same command."""
    mac = site.macs[0]
    secret = site.folder / "passphrase"
    secret.write_text("a passphrase of some words\n")
    secret.chmod(0o600)
    pki = site.folder / "pki"
    words = ["--pki", pki, "--passphrase-file", secret]
    site.ctl("pki", "init", *words, "--root-passphrase-file", secret, "--name", "Test", "--key-kind", "p256", "--root-key-kind", "p256")
    site.ctl("pki", "issue", "handset", mac, *words)
    before = {path: path.read_bytes() for path in pki.rglob("*crl.pem")}
    assert before
    run = site.ctl("handset", "lost", mac, *words)
    assert f"{mac}: 1 certificate is revoked (key-compromise)" in run.stdout
    changed = [path.name for path in before if before[path] != path.read_bytes()]
    assert len(changed) == 1 and "handset" in changed[0]
    # Said again: nothing is left to revoke, which is no fault.
    assert "no certificate of it that is not revoked" in site.ctl("handset", "lost", mac, *words).stdout
    assert json.loads(site.ctl("handset", "lost", mac, *words, "--json").stdout)["pki_revoked"] == 0
    # Denied on the server even when the folder cannot be opened, which is said.
    site.ctl("handset", "found", mac)
    wrong = site.ctl("handset", "lost", mac, "--pki", site.folder / "nowhere", "--passphrase-file", secret, check=False)
    assert wrong.returncode != 0 and f"{mac} is denied" in wrong.stdout
    assert json.loads(site.ctl("handset", "show", mac, "--json").stdout)["lost"]
