# SPDX-License-Identifier: Apache-2.0
"""R27: handsets' certificates against a real FreeRADIUS, EAP-TLS by a real supplicant (eapol_test)."""
import shutil
import socket
import subprocess
import threading

import pytest

from conftest import TIMEOUT
from pki_folder import Pki

FREERADIUS = shutil.which("freeradius", path="/usr/sbin:/usr/bin:/sbin:/bin")
EAPOL_TEST = shutil.which("eapol_test")
SECRET = "a shared secret of the test"
GOOD, REVOKED, RENEWED = "00907a0a0001", "00907a0a0002", "00907a0a0003"

SETTINGS = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
raddbdir = {folder}
pidfile = {folder}/radiusd.pid
log {{
    destination = stdout
}}
thread pool {{
    start_servers = 1
}}
modules {{
    eap {{
        default_eap_type = tls
        tls-config tls-common {{
            certificate_file = {pki}/server/radius.test.pem
            private_key_file = {pki}/server/radius.test.key
            ca_file = {radius}/ca.pem
            check_crl = yes
            check_cert_cn = %{{User-Name}}
            check_cert_issuer = "/CN=Test site handset CA"
            tls_min_version = "1.2"
            tls_max_version = "1.2"
        }}
        tls {{
            tls = tls-common
        }}
    }}
}}
client loopback {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        eap
    }}
    authenticate {{
        eap
    }}
}}
"""


class Radius:
    """The daemon, with a configuration of its own."""

    def __init__(self, folder, pki):
        self.folder, self.pki = folder, pki
        folder.mkdir()
        self.log = []
        # The port is free when it is chosen, and may be taken when it is bound: then another one.
        for _ in range(10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            (folder / "radiusd.conf").write_text(SETTINGS.format(folder=folder, pki=pki.pki, radius=pki.folder / "radius",
                                                                 secret=SECRET, port=self.port))
            self.process = subprocess.Popen([FREERADIUS, "-X", "-d", folder, "-n", "radiusd"], stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT, text=True, errors="replace")
            self.over = False
            self.news = threading.Condition()
            self.reader = threading.Thread(target=self.read)
            self.reader.start()
            if self.says("Ready to process requests"):
                return
            self.process.wait(TIMEOUT)
            if "Address already in use" not in "".join(self.log):
                break
        raise RuntimeError("FreeRADIUS did not start: " + "".join(self.log)[-3000:])

    def read(self):
        """All that it says, to the end: with nobody to listen it would stand still."""
        for line in self.process.stdout:
            with self.news:
                self.log.append(line)
                self.news.notify_all()
        with self.news:
            self.over = True
            self.news.notify_all()

    def says(self, words):
        """Has it said this since the log was cleared, or does it yet?"""
        with self.news:
            self.news.wait_for(lambda: self.over or any(words in line for line in self.log), TIMEOUT)
            return any(words in line for line in self.log)

    def stop(self):
        self.process.terminate()
        self.process.wait(TIMEOUT)
        self.reader.join(TIMEOUT)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def pki(folder):
    made = Pki(folder / "ours")
    made("issue", "server", "radius.test")
    made("issue", "handset", GOOD, REVOKED, RENEWED)
    made("issue", "administrator", "admin", "--offline")
    shutil.copy(made.file("handset", RENEWED), folder / "old.pem")
    shutil.copy(made.file("handset", RENEWED, ".key"), folder / "old.key")
    made("renew", "handset", RENEWED)
    made("revoke", "handset", REVOKED, "--reason", "key-compromise")
    made("trust-bundle")
    return made


@pytest.fixture(scope="module")
def other(folder):
    """Another PKI whose CAs have the same names: only their keys tell them apart."""
    made = Pki(folder / "theirs")
    made("issue", "handset", GOOD)
    return made


@pytest.fixture(scope="module")
def radius(folder, pki):
    assert FREERADIUS and EAPOL_TEST, "Debian's freeradius and eapoltest are needed"
    daemon = Radius(folder / "radius", pki)
    yield daemon
    daemon.stop()


@pytest.fixture
def log_in(radius, pki, tmp_path):
    """Plays a handset that joins the Wi-Fi with this certificate: did it get in?"""
    def attempt(certificate, key, identity):
        supplicant = tmp_path / "supplicant.conf"
        supplicant.write_text(f'network={{\n    key_mgmt=WPA-EAP\n    eap=TLS\n    identity="{identity}"\n    ca_cert="{pki.ca("root")}"\n'
                              f'    client_cert="{certificate}"\n    private_key="{key}"\n}}\n')
        run = subprocess.run([EAPOL_TEST, "-c", supplicant, "-a", "127.0.0.1", "-p", str(radius.port), "-s", SECRET, "-r", "0", "-t", "30"],
                             capture_output=True, text=True, errors="replace", timeout=TIMEOUT)
        verdict = run.stdout.splitlines()[-1]
        assert verdict in ("SUCCESS", "FAILURE"), run.stdout[-2000:]
        assert (run.returncode == 0) == (verdict == "SUCCESS")
        # An answer came, whichever: silence would look like a refusal.
        assert "RADIUS message: code=2 (Access-Accept)" in run.stdout or "RADIUS message: code=3 (Access-Reject)" in run.stdout
        return verdict == "SUCCESS"
    with radius.news:
        radius.log.clear()
    return attempt


def test_a_handset_gets_in(log_in, pki):
    assert log_in(pki.file("handset", GOOD), pki.file("handset", GOOD, ".key"), GOOD)


def test_a_renewed_one_gets_in_and_so_does_the_old_certificate(log_in, pki, folder):
    assert log_in(pki.file("handset", RENEWED), pki.file("handset", RENEWED, ".key"), RENEWED)
    assert log_in(folder / "old.pem", folder / "old.key", RENEWED)


def test_a_revoked_one_does_not(log_in, pki, radius):
    assert not log_in(pki.file("handset", REVOKED), pki.file("handset", REVOKED, ".key"), REVOKED)
    assert radius.says("certificate revoked")


def test_one_of_another_ca_does_not(log_in, other, radius):
    assert not log_in(other.file("handset", GOOD), other.file("handset", GOOD, ".key"), GOOD)
    assert radius.says("unable to get local issuer certificate")


def test_another_identity_than_its_name_does_not(log_in, pki, radius):
    assert not log_in(pki.file("handset", GOOD), pki.file("handset", GOOD, ".key"), RENEWED)
    assert radius.says(f"Certificate CN ({GOOD}) does not match")


def test_an_administrator_is_no_handset(log_in, pki, radius):
    """The same root signed its CA, but that CA's list of revocations is not in the bundle."""
    assert not log_in(pki.file("administrator", "admin"), pki.file("administrator", "admin", ".key"), "admin")
    assert radius.says("unable to get certificate CRL")


def test_identities_are_those_that_hold(pki):
    assert (pki.folder / "radius/identities").read_text().splitlines() == [GOOD, RENEWED]
