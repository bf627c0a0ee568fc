# SPDX-License-Identifier: Apache-2.0
"""The checker of certificates (R19–R22): what the daemon says of its own before it starts and at a reload, and what cradlectl pki
check says of files, of live listeners and of the fleet's configuration. Certificates are made with openssl."""
import pathlib
import re
import subprocess

import pytest

from conftest import CRADLED, TIMEOUT
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
    ("chain-order", "warning", ("leaf", "root", "middle"), ""), ("root-missing", "warning", ("leaf", "middle"), ""),
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
