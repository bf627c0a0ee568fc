# SPDX-License-Identifier: Apache-2.0
"""The checker of certificates (R19–R22): what the daemon says of its own before it starts and at a reload, and what cradlectl pki
check says of files, of live listeners and of the fleet's configuration. Certificates are made with openssl."""
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import CRADLED, TIMEOUT
from pki_folder import Pki
from test_reload import reload


class Maker:
    """Keys and certificates by name in a folder: make("leaf", issuer="intermediate", …)."""

    SERVER = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n"
    CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)

    def run(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)

    def make(self, name, subject, extensions, issuer=None, days=90, options=()):
        stem = self.folder / name
        (self.folder / f"{name}.ext").write_text(extensions)
        self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout",
                 f"{stem}.key", "-out", f"{stem}.csr")
        signer = ["-CA", f"{self.folder}/{issuer}.pem", "-CAkey", f"{self.folder}/{issuer}.key"] if issuer else ["-signkey", f"{stem}.key"]
        self.run("x509", "-req", "-in", f"{stem}.csr", *signer, "-days", days, "-extfile", f"{stem}.ext", "-set_serial",
                 int.from_bytes(name.encode(), "big"), *options, "-out", f"{stem}.pem")
        return stem.with_suffix(".pem")

    def chain(self, name, *parts, between=""):
        """A file of these certificates in this order."""
        path = self.folder / f"{name}.chain"
        path.write_text(between.join((self.folder / f"{part}.pem").read_text() for part in parts))
        return path

    def key(self, name):
        return self.folder / f"{name}.key"


@pytest.fixture(scope="module")
def maker(folder):
    maker = Maker(folder / "certificates")
    maker.make("root", "/CN=Root", Maker.CA, days=3650)
    maker.make("middle", "/CN=Middle", Maker.CA, "root", days=1000)
    maker.make("leaf", "/CN=localhost", Maker.SERVER, "middle")
    maker.make("other", "/CN=localhost", Maker.SERVER, "middle")
    maker.make("soon", "/CN=localhost", Maker.SERVER, "middle", days=10)
    maker.make("expired", "/CN=localhost", Maker.SERVER, "middle", days=-1)
    maker.make("client", "/CN=localhost", Maker.SERVER.replace("serverAuth", "clientAuth"), "middle")
    maker.make("weak", "/CN=localhost", Maker.SERVER, "middle", options=["-sha1"])
    maker.make("self", "/CN=localhost", Maker.SERVER)
    maker.make("stranger", "/CN=Stranger", Maker.CA, days=3650)
    return maker


@pytest.fixture(scope="module")
def stopped(new_site):
    """A site whose daemon does not run."""
    site = new_site("findings")
    site.stop()
    return site


def cradled(site, command, **settings):
    values = {"https_listen": "127.0.0.1:0", "ftps_listen": "127.0.0.1:0", **settings}
    overrides = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    return subprocess.run([CRADLED, command, "--config", site.folder / "site/cradled.conf", *overrides], capture_output=True, text=True,
                          timeout=TIMEOUT)


def words(text):
    """The findings that were printed: {word: severity}."""
    return {word: severity for severity, word in re.findall(r"^(info|warning|fatal) +([a-z-]+)  ", text, re.M)}


def test_a_demo_site_has_nothing_to_hide(stopped):
    run = cradled(stopped, "check")
    assert run.returncode == 0 and set(words(run.stdout).values()) == {"info"}, run.stdout
    assert run.stdout.endswith("can be used\n")


REFUSALS = [
    ("leaf-not-first", ("root", "middle", "leaf"), "leaf", "put the own certificate first"),
    ("chain-order", ("leaf", "root", "middle"), "leaf", "order the file"),
    ("issuer-missing", ("leaf",), "leaf", "append it"),
    ("issuer-missing", ("leaf", "root"), "leaf", "append it"),
    ("key-mismatch", ("leaf", "middle", "root"), "other", "give the key"),
    ("expired", ("expired", "middle", "root"), "expired", "renew it"),
    ("wrong-usage", ("client", "middle", "root"), "client", "serverAuth"),
    ("weak-signature", ("weak", "middle", "root"), "weak", "SHA-256"),
    ("no-certificate", (), "leaf", "in PEM"),
]


@pytest.mark.parametrize("word, parts, key, remedy", REFUSALS)
def test_the_daemon_refuses_to_start_and_says_what_to_do(stopped, maker, word, parts, key, remedy):
    pair = {"certificate": maker.chain("start", *parts), "certificate_key": maker.key(key)}
    run = cradled(stopped, "serve", **pair)
    assert run.returncode == 1 and run.stdout == ""
    assert f"certificate.finding severity=fatal finding={word} " in run.stderr
    failed = run.stderr.splitlines()[-1]
    assert failed.startswith("cradled: ") and remedy in failed
    run = cradled(stopped, "check", **pair)
    assert run.returncode == 1 and words(run.stdout)[word] == "fatal" and remedy in run.stdout
    # The second pair is looked at as well.
    run = cradled(stopped, "serve", certificate2=pair["certificate"], certificate2_key=pair["certificate_key"])
    assert run.returncode == 1 and remedy in run.stderr


@pytest.mark.parametrize("word, severity, parts, between", [
    ("root-missing", "warning", ("leaf", "middle"), ""),
    ("expires-soon", "warning", ("soon", "middle", "root"), ""), ("blank-lines", "warning", ("leaf", "middle", "root"), "\n"),
    ("text-between-pem", "warning", ("leaf", "middle", "root"), "issuer=x\n"), ("self-signed", "info", ("self",), "")])
def test_the_daemon_starts_with_less_and_says_it(stopped, maker, word, severity, parts, between):
    pair = {"certificate": maker.chain("less", *parts, between=between), "certificate_key": maker.key(parts[0])}
    run = cradled(stopped, "check", **pair)
    assert run.returncode == 0 and words(run.stdout)[word] == severity
    before = len(stopped.log_text())
    stopped.start(**pair)
    log = stopped.log_text()[before:]
    assert f"severity={severity} finding={word} " in log
    assert f"{'info certificate.note' if severity == 'info' else 'warning certificate.finding'} severity={severity} finding={word} " in log
    assert stopped.stop() == 0


def test_an_expired_ca_of_handsets_stops_nobody(stopped, maker):
    old = maker.make("old", "/CN=Old factory", Maker.CA, days=-1)
    run = cradled(stopped, "check", ca_handset=old)
    assert run.returncode == 0 and words(run.stdout)["expired"] == "warning"


def test_a_reload_keeps_what_it_has(new_site, maker):
    site = new_site("findings-reload", watch_interval="0")
    site.stop()
    chain, key = maker.folder / "live.pem", maker.folder / "live.key"
    chain.write_text(maker.chain("live", "leaf", "middle", "root").read_text())
    key.write_text(maker.key("leaf").read_text())
    key.chmod(0o600)
    site.ca = str(maker.folder / "root.pem")
    site.start(certificate=chain, certificate_key=key)
    chain.write_text(maker.chain("live", "expired", "middle", "root").read_text())
    key.write_text(maker.key("expired").read_text())
    before = len(site.log_text())
    assert "renew it" in reload(site, "failed")
    assert "severity=fatal finding=expired " in site.log_text()[before:]
    assert site.http("GET", "/healthz").status == 200  # with the certificate that it had


# --- cradlectl pki check ------------------------------------------------------------------------------------------


def ctl(site, *arguments):
    return site.ctl("pki", "check", *arguments, check=False, server=False)


def test_files_and_the_exit_status(stopped, maker):
    good = maker.chain("good", "leaf", "middle", "root")
    run = ctl(stopped, good, "--key", maker.key("leaf"), "--name", "localhost", "--name", "127.0.0.1", "--ca", maker.folder / "root.pem")
    assert run.returncode == 0 and "fatal" not in words(run.stdout).values(), run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].startswith("0 fatal, 0 warnings, ")
    run = ctl(stopped, maker.chain("soon", "soon", "middle", "root"))
    assert run.returncode == 3 and words(run.stdout)["expires-soon"] == "warning"
    assert ctl(stopped, maker.chain("soon", "soon", "middle", "root"), "--soon", "5").returncode == 0
    run = ctl(stopped, good, "--name", "other.test")
    assert run.returncode == 1 and words(run.stdout)["name-mismatch"] == "fatal"
    run = ctl(stopped, good, "--key", maker.key("other"))
    assert run.returncode == 1 and "key-mismatch" in words(run.stdout)
    run = ctl(stopped, good, "--ca", maker.folder / "stranger.pem")
    assert run.returncode == 1 and "root-untrusted" in words(run.stdout)
    # One bad file among several is enough.
    assert ctl(stopped, good, maker.chain("bad", "expired", "middle", "root")).returncode == 1


def test_wrong_use(stopped, maker):
    good = maker.chain("good", "leaf", "middle", "root")
    for arguments in ([], [good, good, "--key", good], ["--fleet"], [good, "--role", "king"], [good, "--live", "http://localhost"],
                      [good, "--role", "ca", "--key", good], [good, "--soon", "x"]):
        run = ctl(stopped, *arguments)
        assert run.returncode == 2 and run.stderr.startswith("cradlectl: ") and run.stdout == "", arguments


def test_json(stopped, maker):
    run = ctl(stopped, maker.chain("bad", "expired", "middle", "root"), "--json")
    answer = json.loads(run.stdout)
    assert run.returncode == 1 and answer["worst"] == "fatal"
    finding = next(f for f in answer["findings"] if f["id"] == "expired")
    assert set(finding) == {"id", "severity", "source", "certificate", "subject", "meaning", "text", "remedy"}
    assert finding["severity"] == "fatal" and finding["certificate"] == 1 and finding["subject"] == "CN=localhost"


def test_roles(stopped, maker, site):
    cert = site.env["CRADLE_HANDSET1_CERT"]
    assert ctl(stopped, cert, "--role", "handset", "--key", site.env["CRADLE_HANDSET1_KEY"], "--ca", site.ca).returncode == 0
    assert "cn-not-mac" in words(ctl(stopped, maker.folder / "client.pem", "--role", "handset").stdout)
    assert "wrong-usage" in words(ctl(stopped, maker.folder / "leaf.pem", "--role", "administrator").stdout)
    run = ctl(stopped, maker.folder / "root.pem", "--role", "ca")
    assert run.returncode == 0 and words(run.stdout) == {"crl-missing": "info"}
    assert ctl(stopped, maker.folder / "leaf.pem", "--role", "ca").returncode == 1


def slot(path, parameter, certificate):
    """A configuration file with that certificate (a path, or a text) in a slot."""
    text = certificate.read_text() if isinstance(certificate, pathlib.Path) else certificate
    path.write_text(f'<?xml version="1.0"?>\n<handsetConfig><device device.set="1" {parameter}.set="1" {parameter}="'
                    + text.replace("\n", "&#10;") + '"/></handsetConfig>\n')
    return path


def test_a_configuration_file(stopped, maker):
    path = maker.folder / "slots.cfg"
    assert ctl(stopped, slot(path, "device.sec.TLS.customCaCert1", maker.folder / "root.pem")).returncode == 0
    assert "slot-empty" in words(ctl(stopped, slot(path, "sec.TLS.customCaCert.3", "to be done")).stdout)
    assert "slot-kind" in words(ctl(stopped, slot(path, "device.sec.TLS.profileSelection.dot1x", "ApplicationProfile1")).stdout)


@pytest.mark.parametrize("scheme", ["https", "ftps"])
def test_a_live_listener(new_site, maker, scheme):
    site = new_site(f"live-{scheme}")
    site.stop()
    site.start(certificate=maker.chain("shown", "leaf", "middle"), certificate_key=maker.key("leaf"))
    url = site.url if scheme == "https" else site.ftps_url
    run = ctl(site, "--live", url)
    assert run.returncode == 3 and words(run.stdout) == {"root-missing": "warning"}, run.stdout + run.stderr
    assert re.search(r"^127\.0\.0\.1 port \d+: TLS1\.3, ", run.stdout) and "sent 2: CN=Middle" in run.stdout
    # With the CAs that a handset holds; what those lack says nothing of the chain that was sent.
    assert ctl(site, "--live", url, "--ca", maker.folder / "stranger.pem").returncode == 1
    answer = json.loads(ctl(site, "--live", url, "--json", "--name", "other.test").stdout)
    assert answer["live"]["protocol"] == "TLS1.3" and [c["subject"] for c in answer["live"]["sent"]] == ["CN=localhost", "CN=Middle"]
    assert "name-mismatch" in {f["id"] for f in answer["findings"]}


def test_a_server_that_sends_disorder(stopped, maker):
    """OpenSSL sends what its file has."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(maker.chain("disorder", "leaf", "root", "middle"), maker.key("leaf"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            connection, _ = server.accept()
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        run = ctl(stopped, "--live", f"https://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(TIMEOUT)
    assert run.returncode == 1 and words(run.stdout) == {"chain-order": "fatal", "root-included": "info"}, run.stdout


def test_what_cradlectl_makes_has_no_fault(stopped, folder):
    """Chain, key, bundles, CRLs and a fragment of cradlectl pki: nothing above a note."""
    pki = Pki(folder / "own pki")
    pki("issue", "server", "cradle.test", "--also", "localhost", "--also", "127.0.0.1")
    pki("issue", "handset", "00907a0a0b0c")
    pki("issue", "handset", "00907a0a0b0d", "--format", "fragment", "--slot", "platform:1", "--use", "wifi")
    server = pki.file("server", "cradle.test")
    run = ctl(stopped, server, "--key", pki.file("server", "cradle.test", ".key"), "--name", "cradle.test", "--ca", pki.ca("root"),
              "--crl", pki.ca("root", "-crl.pem"))
    assert run.returncode == 0, run.stdout
    run = ctl(stopped, pki.file("handset", "00907a0a0b0c"), "--role", "handset", "--ca", pki.ca("handset"), "--crl", pki.ca("handset", "-crl.pem"))
    assert run.returncode == 0, run.stdout
    run = ctl(stopped, pki.file("handset", "00907a0a0b0d", ".cfg"))
    assert run.returncode == 3 and {w for w, s in words(run.stdout).items() if s != "info"} == {"key-delivered"}, run.stdout
    run = cradled(stopped, "check", certificate=server, certificate_key=pki.file("server", "cradle.test", ".key"),
                  ca_handset=pki.ca("handset"), crl_handset=pki.ca("handset", "-crl.pem"))
    assert run.returncode == 0 and set(words(run.stdout).values()) == {"info"}, run.stdout
    pki("revoke", "handset", "00907a0a0b0c")
    run = ctl(stopped, pki.file("handset", "00907a0a0b0c"), "--role", "handset", "--ca", pki.ca("handset"), "--crl", pki.ca("handset", "-crl.pem"))
    assert run.returncode == 1 and words(run.stdout)["revoked"] == "fatal"
    # A CRL of another's CA proves nothing, and the daemon takes none such.
    run = cradled(stopped, "serve", ca_handset=pki.ca("handset"), crl_handset=pki.ca("operator", "-crl.pem"))
    assert run.returncode == 1 and "finding=crl-foreign" in run.stderr and "its CA" in run.stderr.splitlines()[-1]


def test_nobody_there_and_no_tls(stopped):
    run = ctl(stopped, "--live", "https://127.0.0.1:1")
    assert run.returncode == 1 and "cannot connect" in run.stderr
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"220 hello\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        run = ctl(stopped, "--live", f"ftps://127.0.0.1:{server.getsockname()[1]}")
        thread.join(TIMEOUT)
    assert run.returncode == 1 and "TLS handshake" in run.stderr


# --- the fleet ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fleet(new_site, maker):
    """Three handsets: the first holds the new root, the second the former one, the third none."""
    site = new_site("fleet")
    for mac, ca in zip(site.macs, ("root", "stranger")):
        path = slot(maker.folder / "own.cfg", "device.sec.TLS.customCaCert1", maker.folder / f"{ca}.pem")
        assert site.http("PUT", f"/{mac}-certificates.cfg", site.admin, path.read_bytes()).status == 201
    return site


def test_who_would_refuse_a_new_chain(fleet, maker):
    chain = maker.chain("next", "leaf", "middle", "root")
    run = fleet.ctl("pki", "check", chain, "--fleet", check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    refusing = [line for line in run.stdout.splitlines() if "would refuse the server" in line]
    assert len(refusing) == 1 and refusing[0].startswith(fleet.macs[1]) and "CN=Stranger" in refusing[0]
    assert run.stdout.splitlines()[-1] == ("3 handsets: 1 would accept the chain, 1 would refuse it, 0 may; 1 have no CA configured")
    answer = json.loads(fleet.ctl("pki", "check", chain, "--fleet", "--json", check=False).stdout)["fleet"]
    assert [one["mac"] for one in answer["refusing"]] == [fleet.macs[1]]
    assert answer["refusing"][0]["file"] == f"/{fleet.macs[1]}-certificates.cfg" and not answer["refusing"][0]["shared"]
    # A key among the certificates stays here.
    with_key = maker.folder / "with-key.chain"
    with_key.write_text(chain.read_text() + maker.key("leaf").read_text())
    assert fleet.ctl("pki", "check", with_key, "--fleet", check=False).returncode == 1


def test_the_api_of_it(fleet, maker):
    chain = maker.chain("next", "leaf", "middle", "root").read_text()
    first = fleet.api("POST", "/check/chain", {"chain": chain, "limit": 2}).json
    assert first["handsets"] == 2 and first["next"] is not None
    rest = fleet.api("POST", "/check/chain", {"chain": chain, "limit": 2, "after": first["next"]}).json
    assert rest["handsets"] == 1 and rest["next"] is None
    for body in ({}, {"chain": "x"}, {"chain": 1}, {"chain": chain, "limit": 0}, {"chain": chain, "limit": "2"}, {"chain": chain, "after": "x"},
                 {"chain": chain, "more": 1}):
        assert fleet.api("POST", "/check/chain", body).status == 400, body
    assert fleet.api("POST", "/check/chain", {"chain": chain}, fleet.operator).status == 403
    assert fleet.api("POST", "/check/chain", {"chain": chain}, fleet.handsets[0]).status == 403


def test_an_encrypted_file_is_opaque(fleet, maker):
    name = f"/{fleet.macs[2]}-secret.cfg"
    assert fleet.http("PUT", name, fleet.admin, b"Digest=0123;KeyDesc=a\n\x00\x01").status == 201
    answer = fleet.api("POST", "/check/chain", {"chain": maker.chain("next", "leaf", "middle", "root").read_text()}).json
    assert answer["without_ca"] == 1 and answer["opaque"] == 1
    assert fleet.http("DELETE", name, fleet.admin).status == 204
