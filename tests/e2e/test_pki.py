# SPDX-License-Identifier: Apache-2.0
"""cradlectl pki with the real OpenSSL as the judge: what is made verifies where it should and nowhere else."""
import json
import os
import pty
import re
import shutil
import signal
import stat
import subprocess
import termios
import xml.etree.ElementTree
import zlib

import pytest

from conftest import CTL, TIMEOUT
from pki_folder import ROLES, Pki, openssl

MAC = "00907a0a0b0c"


@pytest.fixture(scope="module")
def pki(folder):
    made = Pki(folder / "pki of the test")
    made("issue", "server", "Cradle.test", "--also", "localhost", "--also", "127.0.0.1", "--also", "::1")
    made("issue", "handset", "00:90:7A:0A:0B:0C")
    made("issue", "administrator", "admin", "--offline")
    made("issue", "operator", "night.shift", "--offline")
    return made


NAMES = {"server": "cradle.test", "handset": MAC, "administrator": "admin", "operator": "night.shift"}


def text(file, *what):
    return openssl("x509", "-in", file, "-noout", *(what or ("-text",))).stdout


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# --- init ---------------------------------------------------------------------------------------------------------


def test_what_init_leaves(pki):
    assert mode(pki.pki) == 0o700 and mode(pki.pki / "root") == 0o700
    keys = sorted(pki.pki.rglob("*.key"))
    assert len(keys) == 1 + 4 + 4 and {mode(key) for key in keys} == {0o600}
    for key in [pki.pki / "root/root.key", *(pki.ca(role, ".key") for role in ROLES)]:
        assert key.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    parameters = openssl("asn1parse", "-in", pki.pki / "root/root.key").stdout
    assert "PBES2" in parameters and "aes-256-cbc" in parameters and "hmacWithSHA256" in parameters
    assert openssl("pkey", "-in", pki.pki / "root/root.key", "-passin", f"file:{pki.root_phrase}", "-noout").returncode == 0
    assert openssl("pkey", "-in", pki.pki / "root/root.key", "-passin", f"file:{pki.phrase}", "-noout", check=False).returncode != 0
    for role in ROLES:
        ca = text(pki.ca(role))
        assert "CA:TRUE, pathlen:0" in ca and "Certificate Sign, CRL Sign" in ca
        assert ("TLS Web Server Authentication" in ca) == (role == "server")
        assert ("TLS Web Client Authentication" in ca) == (role != "server")
    assert "CA:TRUE, pathlen:1" in text(pki.ca("root"))


def test_init_overwrites_nothing_and_asks_for_long_passphrases(pki, tmp_path):
    before = {path: path.read_bytes() for path in pki.pki.rglob("*") if path.is_file()}
    again = pki("init", "--name", "Another", root=True, check=False)
    assert again.returncode == 1 and "there is a PKI" in again.stderr
    assert before == {path: path.read_bytes() for path in pki.pki.rglob("*") if path.is_file()}
    (tmp_path / "short").write_text("short\n")
    refused = pki("init", "--pki", tmp_path / "new", "--name", "x", "--root-passphrase-file", tmp_path / "short", check=False)
    assert refused.returncode == 2 and "too short" in refused.stderr and not list((tmp_path / "new").rglob("*.pem"))
    unnamed = pki("init", "--pki", tmp_path / "new", check=False, root=True)
    assert unnamed.returncode == 2 and "--name" in unnamed.stderr


def test_defaults_are_rsa_and_the_root_can_be_elsewhere(tmp_path, pki):
    made = pki("init", "--pki", tmp_path / "big", "--root", tmp_path / "stick", "--name", "Big", "--days", 30, "--no-passphrase", root=True,
               phrase=False)
    assert str(tmp_path / "stick/root.key") in made.stdout
    assert (tmp_path / "stick/root.key").exists() and not (tmp_path / "big/root").exists()
    assert "(4096 bit)" in text(tmp_path / "big/ca/root.pem") and "(3072 bit)" in text(tmp_path / "big/ca/server.pem")
    assert (tmp_path / "big/ca/handset.key").read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    # Nothing outlives its issuer: what is asked for is refused, a default is cut.
    late = pki("issue", "handset", MAC, "--pki", tmp_path / "big", "--days", 31, phrase=False, check=False)
    assert late.returncode == 2 and "31 days are too many" in late.stderr
    pki("issue", "handset", MAC, "--pki", tmp_path / "big", phrase=False)
    ends = [text(file, "-enddate") for file in (tmp_path / "big/ca/handset.pem", tmp_path / f"big/handset/{MAC}.pem")]
    assert ends[0] == ends[1] and "(2048 bit)" in text(tmp_path / f"big/handset/{MAC}.pem")


def test_a_passphrase_is_typed_without_echo(pki, tmp_path):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(pki.folder)
        os.execv(CTL, [str(CTL), "pki", "issue", "handset", "00907a0a0bff", "--key-kind", "p256"])
    seen = b""
    try:
        while b"handset.key: " not in seen:
            seen += os.read(terminal, 1000)
        os.write(terminal, pki.phrase.read_bytes())
        while True:
            piece = os.read(terminal, 1000)
            if not piece:
                break
            seen += piece
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert b"intermediates' words" not in seen and b"the certificate of 00907a0a0bff" in seen
    nobody = pki("issue", "handset", "00907a0a0bfe", phrase=False, check=False, start_new_session=True, stdin=subprocess.DEVNULL)
    assert nobody.returncode == 2 and "no terminal" in nobody.stderr


def test_control_c_leaves_the_terminal_as_it_was(pki):
    ours, theirs = pty.openpty()
    line = f"cd '{pki.folder}' && exec setsid --ctty '{CTL}' pki crl handset"
    asking = subprocess.Popen(["sh", "-c", line], stdin=theirs, stdout=theirs, stderr=theirs)
    try:
        before, seen = termios.tcgetattr(theirs), b""
        while b"handset.key: " not in seen:
            seen += os.read(ours, 1000)
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        os.write(ours, b"half a passphr\x03")
        assert asking.wait(TIMEOUT) == -signal.SIGINT
        assert termios.tcgetattr(theirs) == before and b"half" not in seen
    finally:
        asking.kill()
        asking.wait()
        os.close(ours)
        os.close(theirs)


# --- certificates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_each_verifies_for_its_purpose_only(pki, role):
    right, wrong = ("sslserver", "sslclient") if role == "server" else ("sslclient", "sslserver")
    good = pki.verify(role, NAMES[role], "-purpose", right)
    assert good.returncode == 0, good.stderr
    assert "purpose" in pki.verify(role, NAMES[role], "-purpose", wrong).stderr
    shown = text(pki.file(role, NAMES[role]))
    assert re.search(r"Subject: CN ?= ?" + re.escape(NAMES[role]) + "$", shown, re.M)
    assert "CA:FALSE" in shown and "sha256" in shown.lower()
    serial = text(pki.file(role, NAMES[role]), "-serial").strip().split("=")[1]
    assert 30 <= len(serial) <= 32 and int(serial, 16) < 1 << 127
    key = openssl("pkey", "-in", pki.file(role, NAMES[role], ".key"), "-pubout").stdout
    assert key == text(pki.file(role, NAMES[role]), "-pubkey")


def test_a_servers_names_and_chain(pki):
    shown = text(pki.file("server", "cradle.test"), "-ext", "subjectAltName")
    assert "DNS:cradle.test, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" in shown
    assert pki.file("server", "cradle.test").read_text().endswith(pki.ca("server").read_text() + pki.ca("root").read_text())
    assert pki.file("handset", MAC).read_text().endswith(pki.ca("handset").read_text())
    pki("issue", "server", "short.test", "--without-root", "--key-kind", "p256")
    assert pki.file("server", "short.test").read_text().count("BEGIN") == 2


def test_a_handsets_ca_makes_no_server(pki, tmp_path):
    """Even who holds its key cannot: the constraint is in the CA's own certificate."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "k", "-subj", "/CN=cradle.test",
            "-out", tmp_path / "r")
    (tmp_path / "e").write_text("extendedKeyUsage=serverAuth\nsubjectAltName=DNS:cradle.test\n")
    openssl("x509", "-req", "-in", tmp_path / "r", "-CA", pki.ca("handset"), "-CAkey", pki.ca("handset", ".key"), "-passin",
            f"file:{pki.phrase}", "-extfile", tmp_path / "e", "-out", tmp_path / "c", "-days", "9")
    verdict = openssl("verify", "-purpose", "sslserver", "-CAfile", pki.ca("root"), "-untrusted", pki.ca("handset"), tmp_path / "c",
                      check=False)
    assert verdict.returncode != 0 and "purpose" in verdict.stderr


@pytest.mark.parametrize("arguments, words", [
    (("handset", "00907a0a0b0"), "12 hex digits"), (("handset", "000000000000"), "12 hex digits"), (("server", "a b"), "host name"),
    (("server", "-x.test"), "no option"), (("server", "x..test"), "host name"), (("administrator", "a/b", "--offline"), "letters"),
    (("administrator", MAC, "--offline"), "a handset's name"), (("root", "x"), "pki init"), (("intermediate", "x"), "--role"), (("handset", MAC, "--role", "server"), "for intermediates"),
    (("ward", "x"), "no profile"), (("handset", MAC, "--key-kind", "rsa1024"), "no kind of key"), (("handset", MAC, "--days", "0"), "from 1"),
    (("handset",), "--csv"), (("server", "x.test", "--also", "y z"), "neither a host name nor an address"),
    (("server", "x.test", "--format", "fragment", "--slot", "platform:1"), "handsets only"),
    (("handset", MAC, "--format", "der"), "no format"), (("handset", MAC, "--slot", "platform:1"), "belong together"),
    (("handset", MAC, "--format", "fragment", "--slot", "platform:3"), "no slot"),
    (("handset", MAC, "--format", "fragment", "--slot", "platform:1", "--use", "sip"), "cannot use a platform slot"),
    (("handset", MAC, "--format", "fragment", "--slot", "application:6", "--use", "wifi"), "cannot use an application slot"),
])
def test_wrong_use_is_said_and_makes_nothing(pki, arguments, words):
    before = pki.index()
    refused = pki("issue", *arguments, check=False)
    assert refused.returncode == 2 and words in refused.stderr, refused.stderr
    assert pki.index() == before


def test_what_is_there_stays(pki):
    before = {path: path.read_bytes() for path in pki.pki.rglob("*") if path.is_file()}
    again = pki("issue", "handset", MAC)
    assert "has a certificate already" in again.stderr
    (pki.pki / "handset/00907a0a0bbb.key").write_text("somebody's")
    refused = pki("issue", "handset", "00907a0a0bbb", check=False)
    assert refused.returncode == 1 and "--force" in refused.stderr
    (pki.pki / "handset/00907a0a0bbb.key").unlink()
    assert before == {path: path.read_bytes() for path in pki.pki.rglob("*") if path.is_file()}
    pki("issue", "handset", MAC, "--force")
    assert pki.file("handset", MAC).read_bytes() != before[pki.file("handset", MAC)]


def test_the_account_must_exist(pki, site):
    def issue(name, profile="administrator", check=False):
        return site.ctl("pki", "issue", profile, name, "--pki", pki.pki, "--passphrase-file", pki.phrase, "--force", check=check)
    assert "the certificate of admin" in issue("admin", check=True).stdout
    assert issue("nobody").returncode == 1
    wrong = issue("operator")
    assert wrong.returncode == 2 and "is operator's, not administrator's" in wrong.stderr
    assert "the certificate of operator" in issue("operator", "operator", check=True).stdout
    alone = pki("issue", "administrator", "x", check=False)
    assert alone.returncode == 2 and "--offline" in alone.stderr


def test_the_daemon_takes_roles_from_the_intermediates(pki, new_site):
    """The bundle of a role is its intermediate alone: no CA vouches in two of them, though one root signed all."""
    served = new_site("roles", certificate=pki.file("server", "cradle.test"), certificate_key=pki.file("server", "cradle.test", ".key"),
                      ca_handset=pki.ca("handset"), ca_administrator=pki.ca("administrator"), ca_operator=pki.ca("operator"))
    served.ca = pki.ca("root")
    name = served.macs[0]
    pki("issue", "handset", name, "--key-kind", "p256")

    def status(role, who, path):
        return served.http("GET", path, context=served.context(cert=pki.file(role, who), key=pki.file(role, who, ".key"))).status
    assert status("administrator", "admin", "/api/v1/handsets") == 200
    assert status("handset", name, f"/{name}-ext.cfg") == 200
    assert status("handset", name, "/api/v1/handsets") == 403
    assert status("handset", name, f"/{served.macs[1]}-ext.cfg") == 404
    with served.ftp(context=served.context(cert=pki.file("handset", name), key=pki.file("handset", name, ".key"))) as ftp:
        ftp.sendcmd(f"USER {name}")
        assert name.encode() in ftp.get(f"{name}-ext.cfg")


@pytest.mark.parametrize("role", ROLES)
def test_the_checker_finds_nothing_wrong(pki, role):
    """What one half of the command makes, the other half has nothing to say against."""
    more = ["--name", "cradle.test", "--name", "127.0.0.1"] if role == "server" else ["--ca", pki.ca(role), "--crl", pki.ca(role, "-crl.pem")]
    checked = pki("check", pki.file(role, NAMES[role]), "--key", pki.file(role, NAMES[role], ".key"), "--role", role, *more, check=False)
    assert checked.returncode == 0 and "0 fatal, 0 warnings" in checked.stdout, checked.stdout + checked.stderr


# --- forms --------------------------------------------------------------------------------------------------------


def test_pkcs12(pki, tmp_path):
    (tmp_path / "p").write_text("a passphrase for p12\n")
    pki("issue", "handset", "00907a0a0c01", "--format", "p12", "--p12-passphrase-file", tmp_path / "p", "--key-kind", "p256")
    assert not pki.file("handset", "00907a0a0c01", ".key").exists()
    file = pki.file("handset", "00907a0a0c01", ".p12")
    assert mode(file) == 0o600
    info = openssl("pkcs12", "-in", file, "-passin", f"file:{tmp_path / 'p'}", "-info", "-nodes")
    assert "MAC: sha256" in info.stderr and "AES-256-CBC" in info.stderr and info.stdout.count("BEGIN CERTIFICATE") == 3
    key = openssl("pkey", "-pubout", input=info.stdout).stdout
    assert key == text(pki.file("handset", "00907a0a0c01"), "-pubkey")
    assert openssl("pkcs12", "-in", file, "-passin", "pass:wrong", "-noout", check=False).returncode != 0


@pytest.mark.parametrize("slot, use, names, chosen", [
    ("platform:2", "wifi", {"device.sec.TLS.customCaCert2": "ca", "device.sec.TLS.customDeviceCert2.publicCert": "own",
                            "device.sec.TLS.customDeviceCert2.privateKey": "key"},
     {"device.set": "1", "device.sec.TLS.customCaCert2.set": "1", "device.sec.TLS.customDeviceCert2.set": "1",
      "device.sec.TLS.profileSelection.dot1x": "PlatformProfile2", "device.sec.TLS.profileSelection.dot1x.set": "1"}),
    ("application:3", "sip", {"sec.TLS.customCaCert.3": "ca", "sec.TLS.customDeviceCert.3": "own", "sec.TLS.customDeviceKey.3": "key"},
     {"sec.TLS.profileSelection.SIP": "ApplicationProfile3", "sec.TLS.profile.3.deviceCert": "Application3"}),
])
def test_fragments(pki, slot, use, names, chosen):
    mac = "00907a0a0d0" + slot[-1]
    pki("issue", "handset", mac, "--format", "fragment", "--slot", slot, "--use", use)
    file = pki.file("handset", mac, ".cfg")
    assert mode(file) == 0o600 and not pki.file("handset", mac, ".key").exists()
    root = xml.etree.ElementTree.parse(file).getroot()
    assert root.tag == "handsetConfig" and len(root) == 1
    values = root[0].attrib
    own = pki.file("handset", mac).read_text()
    pems = {"ca": pki.ca("root").read_text(), "own": own[:own.index("-----END") + 26]}
    for name, what in names.items():
        if what == "key":
            assert values[name].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
            assert openssl("pkey", "-pubout", input=values[name]).stdout == text(pki.file("handset", mac), "-pubkey")
        else:
            assert values[name] == pems[what]
    assert chosen.items() <= values.items()


# --- requests -----------------------------------------------------------------------------------------------------


def test_request_and_sign(pki, tmp_path):
    made = pki("request", "www.test", "--also", "10.1.2.3", "--also", "*.www.test", "--out", tmp_path)
    csr = tmp_path / "www.test.csr"
    assert str(csr) in made.stdout and mode(tmp_path / "www.test.key") == 0o600
    shown = openssl("req", "-in", csr, "-verify", "-noout", "-text")
    assert "verify OK" in shown.stderr + shown.stdout
    assert "DNS:www.test, IP Address:10.1.2.3, DNS:*.www.test" in shown.stdout
    refused = pki("request", "www.test", "--out", tmp_path, check=False)
    assert refused.returncode == 1 and "--force" in refused.stderr
    signed = pki("sign", "server", "www.test", csr, "--request-names")
    assert "10.1.2.3, which is given" in signed.stderr
    assert pki.verify("server", "www.test", "-purpose", "sslserver", "-verify_hostname", "x.www.test").returncode == 0
    assert not pki.file("server", "www.test", ".key").exists()


def foreign(tmp_path, key, subject="/CN=admin/O=Somebody", san="DNS:evil.test,email:a@b.test"):
    openssl("req", "-new", "-newkey", *key, "-nodes", "-keyout", tmp_path / "k", "-subj", subject, "-addext", f"subjectAltName={san}",
            "-out", tmp_path / "r")
    return tmp_path / "r"


def test_a_request_does_not_choose_its_subject(pki, tmp_path):
    csr = foreign(tmp_path, ("ec", "-pkeyopt", "ec_paramgen_curve:P-384"))
    signed = pki("sign", "handset", "00907a0a0e01", csr)
    assert 'for "admin"' in signed.stderr and "alternative names" in signed.stderr
    shown = text(pki.file("handset", "00907a0a0e01"))
    assert "evil" not in shown and "Somebody" not in shown and "admin" not in shown and "CN = 00907a0a0e01" in shown
    served = pki("sign", "server", "good.test", csr, "--also", "other.test")
    assert "DNS:good.test, DNS:other.test" in text(pki.file("server", "good.test"), "-ext", "subjectAltName")
    asked = pki("sign", "server", "asked.test", csr)
    assert "evil.test, which is left out" in asked.stderr and "1 names of other kinds" in asked.stderr
    assert "evil" not in text(pki.file("server", "asked.test"))
    assert served.returncode == 0


@pytest.mark.parametrize("key, words", [
    (("rsa:1024",), "RSA, 1024 bits"), (("rsa:5120",), "RSA, 5120 bits"), (("ed25519",), "cannot be certified"),
    (("ec", "-pkeyopt", "ec_paramgen_curve:P-521"), "SECP521R1"),
], ids=["1024", "5120", "ed25519", "p521"])
def test_unfit_keys_are_refused(pki, tmp_path, key, words):
    refused = pki("sign", "handset", "00907a0a0e02", foreign(tmp_path, key), check=False)
    assert refused.returncode == 1 and words in refused.stderr


def test_a_request_that_was_changed_is_refused(pki, tmp_path):
    csr = foreign(tmp_path, ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"))
    der = bytearray(subprocess.run(["openssl", "req", "-in", csr, "-outform", "DER"], capture_output=True, check=True).stdout)
    at = der.index(b"Somebody")
    der[at:at + 8] = b"Everyone"
    (tmp_path / "der").write_bytes(der)
    refused = pki("sign", "handset", "00907a0a0e03", tmp_path / "der", check=False)
    assert refused.returncode == 1 and "does not hold that key" in refused.stderr


def test_an_intermediate_of_another_site(pki, tmp_path):
    csr = foreign(tmp_path, ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"))
    assert "--role" in pki("sign", "intermediate", "Branch handset CA", csr, root=True, check=False).stderr
    pki("sign", "intermediate", "Branch handset CA", csr, "--role", "handset", root=True)
    shown = text(pki.ca("Branch handset CA"))
    assert "pathlen:0" in shown and "TLS Web Client Authentication" in shown and "CN = Branch handset CA" in shown
    assert openssl("verify", "-CAfile", pki.ca("root"), pki.ca("Branch handset CA")).returncode == 0


def test_several_results_are_one_json_array(pki):
    made = json.loads(pki("issue", "handset", "00907a0a0e10", "00907a0a0e11", "--key-kind", "p256", "--json").stdout)
    assert [row["name"] for row in made] == ["00907a0a0e10", "00907a0a0e11"] and set(made[0]) == {"name", "file", "serial", "end"}
    assert json.loads(pki("renew", "server", "--expiring", "0", "--json").stdout) == []


def test_a_copied_intermediate_is_replaced(folder):
    """One role starts anew under the same root; the others do not notice."""
    pki = Pki(folder / "replaced")
    pki("issue", "handset", MAC, "--key-kind", "p256")
    pki("issue", "operator", "night.shift", "--offline")
    old = pki.ca("handset").read_text()
    pki("revoke", "intermediate", "Test site handset CA", "--reason", "ca-compromise", root=True)
    refused = pki("issue", "intermediate", "Test site handset CA 2", "--role", "handset", root=True, check=False)
    assert refused.returncode == 1 and "--force" in refused.stderr and pki.ca("handset").read_text() == old
    pki("issue", "intermediate", "Test site handset CA 2", "--role", "handset", "--key-kind", "p256", "--force", root=True)
    pki("crl", "handset")
    assert pki.ca("handset", ".key").read_text().startswith("-----BEGIN ENCRYPTED") and mode(pki.ca("handset", ".key")) == 0o600
    assert pki.verify("handset", MAC).returncode != 0
    pki("issue", "handset", MAC, "--key-kind", "p256", "--force")
    lists = pki.folder / "lists.pem"
    lists.write_text(pki.ca("handset", "-crl.pem").read_text() + pki.ca("root", "-crl.pem").read_text())
    assert pki.verify("handset", MAC, "-crl_check_all", "-CRLfile", lists).returncode == 0
    assert pki.verify("operator", "night.shift").returncode == 0
    (pki.folder / "old.pem").write_text(old)
    verdict = openssl("verify", "-crl_check", "-CRLfile", lists, "-CAfile", pki.ca("root"), pki.folder / "old.pem", check=False)
    assert "certificate revoked" in verdict.stderr


# --- lists --------------------------------------------------------------------------------------------------------


def test_a_list_of_handsets(pki, tmp_path):
    macs = [f"02907a10{n:04x}" for n in range(40)]
    rows = "\r\n".join(f'"{mac.upper()}","Ward ""{n}"", room 1"' for n, mac in enumerate(macs))
    (tmp_path / "l.csv").write_bytes(b"\xef\xbb\xbfMAC,Label\r\n# a remark\r\n\r\n" + rows.encode())
    made = pki("issue", "handset", "--csv", tmp_path / "l.csv", "--key-kind", "p256")
    assert "40 certificates made, 0 were there" in made.stdout
    assert openssl("verify", "-CAfile", pki.ca("root"), "-untrusted", pki.ca("handset"), *(pki.file("handset", mac) for mac in macs)).returncode == 0
    again = json.loads(pki("issue", "handset", "--csv", tmp_path / "l.csv", "--key-kind", "p256", "--json").stdout)
    assert again == {"made": 0, "there": 40}


def test_each_wrong_line_is_named_before_anything_is_made(pki, tmp_path):
    (tmp_path / "l.csv").write_text("mac\n02907a200001\nnonsense\n02907a200002,\"open\n02907a200003\n\"x\n02907a200001\n000000000000,x\n")
    before = pki.index()
    refused = pki("issue", "handset", "--csv", tmp_path / "l.csv", check=False)
    assert refused.returncode == 2 and pki.index() == before
    assert [line.split(":")[0] for line in refused.stderr.splitlines() if line.startswith("line")] == ["line 3", "line 4", "line 8", "line 7"]
    assert "4 lines are wrong, so nothing was made" in refused.stderr


def test_an_interrupted_list_is_finished(pki, tmp_path):
    macs = [f"02907a30{n:04x}" for n in range(60)]
    (tmp_path / "l.csv").write_text("\n".join(macs))
    command = [CTL, "pki", "issue", "handset", "--csv", tmp_path / "l.csv", "--passphrase-file", pki.phrase, "--key-kind", "p384"]
    terminal, other = pty.openpty()
    with subprocess.Popen(command, cwd=pki.folder, stdout=subprocess.DEVNULL, stderr=other) as cut:
        os.close(other)
        seen = b""
        while not re.search(rb"\b1\d/60", seen):  # the progress bar
            seen += os.read(terminal, 1000)
        cut.send_signal(signal.SIGKILL)
    os.close(terminal)
    there = [mac for mac in macs if pki.file("handset", mac).exists()]
    assert 10 <= len(there) < 60
    kept = {mac: pki.file("handset", mac).read_bytes() for mac in there}
    done = pki("issue", "handset", "--csv", tmp_path / "l.csv", "--key-kind", "p384")
    assert f"{60 - len(there)} certificates made, {len(there)} were there" in done.stdout
    assert kept == {mac: pki.file("handset", mac).read_bytes() for mac in there}
    serials = {line[1] for line in pki.index()}
    for mac in macs:
        assert text(pki.file("handset", mac), "-serial").strip().split("=")[1].lower() in serials
        assert openssl("pkey", "-in", pki.file("handset", mac, ".key"), "-pubout").stdout == text(pki.file("handset", mac), "-pubkey")
    for path in pki.pki.rglob(".*.??????"):  # what the kill left of a file is hidden, and nobody else's to read
        assert path.stat().st_mode & 0o77 == 0


def test_two_at_once_do_not_mix(pki):
    """The second one is told; what holds the lock is a process that we stopped."""
    import fcntl
    with open(pki.pki / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = pki("issue", "handset", "00907a0a0f01", check=False)
        assert refused.returncode == 1 and "another cradlectl" in refused.stderr
        assert pki("show").returncode == 0  # reading goes on


# --- renew, revoke, crl -------------------------------------------------------------------------------------------


def test_renewal(pki, tmp_path):
    pki("issue", "server", "renew.test", "--also", "10.0.0.1", "--days", "10")
    old, key = pki.file("server", "renew.test").read_bytes(), pki.file("server", "renew.test", ".key").read_bytes()
    serial = text(pki.file("server", "renew.test"), "-serial").strip().split("=")[1].lower()[:8]
    assert "nothing ends within" in pki("renew", "server", "--expiring", 5).stderr
    pki("renew", "server", "--expiring", 30)
    assert pki.file("server", f"renew.test.{serial}").read_bytes() == old
    assert pki.file("server", f"renew.test.{serial}", ".key").read_bytes() == key
    assert pki.file("server", "renew.test", ".key").read_bytes() != key
    assert pki.verify("server", "renew.test", "-purpose", "sslserver", "-verify_ip", "10.0.0.1", "-attime",
                      str(int(pki.folder.stat().st_mtime) + 86400 * 400)).returncode == 0
    now = pki.file("server", "renew.test", ".key").read_bytes()
    pki("renew", "server", "renew.test", "--keep-key")
    assert pki.file("server", "renew.test", ".key").read_bytes() == now
    assert openssl("pkey", "-in", pki.file("server", "renew.test", ".key"), "-pubout").stdout == text(pki.file("server", "renew.test"), "-pubkey")
    absent = pki("renew", "server", "absent.test", check=False)
    assert absent.returncode == 1 and "absent.test" in absent.stderr


def test_a_renewed_intermediate_goes_on_vouching(pki):
    before = text(pki.ca("operator"), "-pubkey")
    pki("renew", "intermediate", "Test site operator CA", root=True)
    assert text(pki.ca("operator"), "-pubkey") == before and "TLS Web Client Authentication" in text(pki.ca("operator"))
    assert pki.verify("operator", "night.shift", "-purpose", "sslclient").returncode == 0


def crl(pki, role):
    verified = openssl("crl", "-in", pki.ca(role, "-crl.pem"), "-CAfile", pki.ca("root" if role == "root" else role), "-verify", "-noout",
                       "-text")
    assert "verify OK" in verified.stderr
    return verified.stdout


def number(shown):
    return int(re.search(r"X509v3 CRL Number: \s*(\d+)", shown)[1])


@pytest.mark.parametrize("reason, words", [
    (None, None), ("key-compromise", "Key Compromise"), ("superseded", "Superseded"), ("privilege-withdrawn", "Privilege Withdrawn"),
    ("cessation-of-operation", "Cessation Of Operation"), ("affiliation-changed", "Affiliation Changed"), ("ca-compromise", "CA Compromise"),
])
def test_revocation(pki, tmp_path, reason, words):
    name = f"00907a0b{zlib.crc32((reason or '').encode()) & 0xffff:04x}"
    pki("issue", "handset", name, "--key-kind", "p256")
    before = number(crl(pki, "handset"))
    shutil.copy(pki.ca("handset", "-crl.pem"), tmp_path / "former")
    check = ("-crl_check", "-CRLfile", pki.ca("handset", "-crl.pem"))
    assert pki.verify("handset", name, *check).returncode == 0
    done = pki("revoke", "handset", name.upper(), *(("--reason", reason) if reason else ()))
    assert "1 certificate is revoked" in done.stdout
    shown = crl(pki, "handset")
    assert number(shown) > before and words in shown if words else "Unspecified" not in shown
    serial = text(pki.file("handset", name), "-serial").strip().split("=")[1]
    assert re.search(rf"Serial Number: 0*{serial}\b", shown)
    pki("crl", "handset")
    # The number grows even within one second, and the revocation stays.
    assert number(crl(pki, "handset")) > number(shown)
    assert "certificate revoked" in pki.verify("handset", name, *check).stderr
    # An attempt that ended before its list was written: the next one writes it.
    shutil.copy(tmp_path / "former", pki.ca("handset", "-crl.pem"))
    assert pki.verify("handset", name, *check).returncode == 0
    again = pki("revoke", "handset", name, check=False)
    assert again.returncode == 1 and "revoked already" in again.stderr
    assert "certificate revoked" in pki.verify("handset", name, *check).stderr
    assert pki("renew", "handset", name, check=False).returncode == 1
    line = [line for line in pki.index() if line[7] == name][0]
    assert line[0] == "revoked" and line[5] == (reason or "unspecified")


def test_revocation_by_serial_and_of_an_intermediate(pki, tmp_path):
    serial = [line for line in pki.index() if line[7] == "Test site operator CA"][0][1]
    pki("revoke", "--serial", serial, "--reason", "superseded", root=True, phrase=False)
    assert re.search(rf"Serial Number: 0*{serial.upper()}", crl(pki, "root"))
    root = [line for line in pki.index() if line[2] == "root"][0][1]
    refused = pki("revoke", "--serial", root, root=True, check=False)
    assert refused.returncode == 2 and "root cannot be revoked" in refused.stderr
    assert pki("revoke", "--serial", "00", check=False).returncode == 1


def test_a_name_does_not_write_on_the_terminal(pki, tmp_path):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 3, "-utf8", "-subj", "/CN=a\x1b[2J\n\u202eb",
            "-keyout", tmp_path / "evil.key", "-out", tmp_path / "evil.pem")
    for run in (pki("chain", tmp_path / "evil.pem", check=False), pki("show", tmp_path / "evil.pem", check=False),
                pki("check", tmp_path / "evil.pem", check=False), pki("chain", tmp_path / "no\x1b[2Jwhere", check=False)):
        said = run.stdout + run.stderr
        assert said.strip() and "\x1b" not in said and "\u202e" not in said


def test_lists_hold_as_long_as_asked(pki):
    pki("crl", "--days", 7)
    for role in ROLES:
        shown = crl(pki, role)
        assert "Next Update" in shown
    pki("crl", "root", "--days", 400, root=True)
    assert openssl("crl", "-in", pki.ca("root", "-crl.pem"), "-noout", "-nextupdate").stdout
    wrong = pki("crl", "intermediate", check=False)
    assert wrong.returncode == 2 and "root" in wrong.stderr


# --- chain, show, trust-bundle ------------------------------------------------------------------------------------


def test_chain(pki, tmp_path):
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(text(pki.file("server", "cradle.test"), "-text") + openssl("x509", "-in", pki.file("server", "cradle.test")).stdout)
    mixed = [pki.ca("root"), pki.ca("handset"), leaf, pki.ca("server")]
    made = pki("chain", *mixed, "--out", tmp_path / "chain.pem")
    assert "does not belong" in made.stderr and "handset CA" in made.stderr
    assert (tmp_path / "chain.pem").read_text() == pki.file("server", "cradle.test").read_text()
    assert pki("chain", *mixed, "--out", tmp_path / "chain.pem", check=False).returncode == 1  # it is there
    short = pki("chain", *mixed, "--without-root")
    assert short.stdout.count("BEGIN") == 2 and short.stdout + pki.ca("root").read_text() == (tmp_path / "chain.pem").read_text()
    missing = pki("chain", leaf, pki.ca("root"), "--out", tmp_path / "none.pem", check=False)
    assert missing.returncode == 1 and "missing: the certificate of CN=Test site server CA" in missing.stderr
    assert not (tmp_path / "none.pem").exists()
    two = pki("chain", pki.file("server", "cradle.test"), pki.file("handset", MAC), check=False)
    assert two.returncode == 2 and "2 certificates could be the first" in two.stderr
    assert "no PEM certificate" in pki("chain", pki.file("server", "cradle.test", ".key"), check=False).stderr


def test_show_tells_and_keeps_keys_to_itself(pki, tmp_path):
    (tmp_path / "p").write_text("a passphrase for p12\n")
    pki("issue", "handset", "00907a0a0c02", "--format", "p12", "--format", "pem", "--p12-passphrase-file", tmp_path / "p")
    pki("request", "show.test", "--out", tmp_path, "--also", "10.9.8.7")
    der = subprocess.run(["openssl", "x509", "-in", pki.ca("root"), "-outform", "DER"], capture_output=True, check=True).stdout
    (tmp_path / "root.der").write_bytes(der)
    key = pki.file("handset", "00907a0a0c02", ".key")
    shown = pki("show", pki.file("handset", "00907a0a0c02", ".p12"), key, pki.ca("server", ".key"), tmp_path / "show.test.csr",
                pki.ca("handset", "-crl.pem"), tmp_path / "root.der", pki.file("server", "cradle.test"), "--p12-passphrase-file", tmp_path / "p")
    for words in ("PKCS #12", "Private key (not shown)", "RSA, 2048 bits", "yes, with a passphrase", "Certificate request", "10.9.8.7",
                  "who asks holds the key", "List of revocations", "CN=Test site handset CA", "itself (self-signed)", "DER", "days left",
                  "servers (serverAuth)"):
        assert words in shown.stdout, words
    assert "BEGIN" not in shown.stdout
    for line in key.read_text().splitlines()[1:-1]:
        assert line not in shown.stdout
    assert pki("show", pki.phrase, check=False).returncode == 2
    listed = json.loads(pki("show", "--json").stdout)
    assert {"state", "profile", "name", "serial", "end", "file", "revoked", "reason"} == set(listed[0])
    assert len(listed) == len(pki.index())


def test_trust_bundle(pki):
    pki("trust-bundle", "--out", "bundle")
    assert pki("trust-bundle", "--out", "bundle", check=False).returncode == 1
    pki("trust-bundle", "--out", "bundle", "--force")
    bundle = (pki.folder / "bundle/ca.pem").read_text()
    assert bundle == "".join(path.read_text() for path in (pki.ca("root"), pki.ca("handset"), pki.ca("root", "-crl.pem"), pki.ca("handset", "-crl.pem")))
    assert MAC in (pki.folder / "bundle/identities").read_text().split()


def test_a_full_list_of_names_outlives_a_renewal(pki):
    names = [f"n{i}.many.test" for i in range(64)]
    pki("issue", "server", "many.test", "--key-kind", "p256", *(word for name in names for word in ("--also", name)))
    pki("renew", "server", "many.test")
    shown = text(pki.file("server", "many.test"), "-ext", "subjectAltName")
    assert set(re.findall(r"DNS:([^,\s]+)", shown)) == {"many.test", *names}


def test_a_torn_line_of_the_index_is_mended_and_a_wrong_one_named(pki):
    index = pki.pki / "index"
    good = index.read_bytes()
    index.write_bytes(good + b"valid\t12ab")  # what a crash leaves
    pki("issue", "handset", "00907a0a0f02", "--key-kind", "p256")
    assert index.read_bytes().startswith(good) and b"12ab" not in index.read_bytes()[len(good):][:20]
    index.write_bytes(good + b"nonsense\n")
    refused = pki("show", check=False)
    assert refused.returncode == 1 and f"line {good.count(10) + 1}" in refused.stderr
    index.write_bytes(good)
