# SPDX-License-Identifier: Apache-2.0
"""What strangers' scanners say of the listeners that everybody reaches: nothing above "low".

Both servers run with an RSA and an ECDSA certificate of a CA that publishes CRLs, so that what is found is the server's. testssl.sh runs its
sections protocols, standard ciphers, forward secrecy, server preference, server defaults and vulnerabilities on both ports, side by side;
left out are its slow ones that ask the same again: each cipher by itself (-E, -e), RC4 (-4, it is among the standard ciphers) and the
simulation of clients (-c); and HTTP headers on the FTPS port."""
import json
import re
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import TIMEOUT
from test_tls import Servers

SECTIONS = ["-p", "-s", "-f", "-P", "-S", "-U"]


@pytest.fixture(scope="module")
def site(new_site, folder):
    servers = Servers(folder / "scanned")
    more = "crlDistributionPoints=URI:http://ca.invalid/servers.crl\n"
    rsa, rsa_key, _ = servers.server("rsa", "rsa", more=more)
    ec, ec_key, _ = servers.server("ec", "ec", more=more)
    site = new_site("scanned", certificate=rsa, certificate_key=rsa_key, certificate2=ec, certificate2_key=ec_key, watch_interval=0)
    site.ca = str(servers.cert)
    return site


@pytest.mark.parametrize("protocol", ["https", "ftps"])
def test_sslscan(site, protocol):
    port = getattr(site, f"{protocol}_port")
    run = subprocess.run(["sslscan", "--no-colour", "--show-sigs", "--xml=-", f"localhost:{port}"], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    found = xml.etree.ElementTree.fromstring(run.stdout[run.stdout.index("<?xml"):]).find("ssltest")
    enabled = {(p.get("type"), p.get("version")) for p in found.iter("protocol") if p.get("enabled") == "1"}
    assert enabled == {("tls", "1.2"), ("tls", "1.3")}
    ciphers = {(c.get("sslversion"), c.get("cipher")) for c in found.iter("cipher")}
    assert ciphers == {("TLSv1.3", "TLS_AES_128_GCM_SHA256"), ("TLSv1.3", "TLS_AES_256_GCM_SHA384"), ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256")} | {
        ("TLSv1.2", f"ECDHE-{sign}-{cipher}") for sign in ("RSA", "ECDSA") for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}
    preferred = {c.get("sslversion"): c.get("cipher") for c in found.iter("cipher") if c.get("status") == "preferred"}
    assert preferred == {"TLSv1.3": "TLS_AES_128_GCM_SHA256", "TLSv1.2": "ECDHE-ECDSA-AES128-GCM-SHA256"}
    assert {g.get("name") for g in found.iter("group")} == {"x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)", "secp521r1 (NIST P-521)"}
    assert found.find("renegotiation").get("supported") == "0"
    assert {h.get("vulnerable") for h in found.iter("heartbleed")} == {"0"}


def test_testssl(site, folder):
    runs = {}
    for protocol in ("https", "ftps"):
        target = ("https://" if protocol == "https" else "") + f"localhost:{getattr(site, f'{protocol}_port')}"
        sections = SECTIONS + (["-h"] if protocol == "https" else [])
        out = folder / f"{protocol}.json"
        runs[protocol] = out, subprocess.Popen(
            ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1", "--nodns", "none", "--add-ca", site.ca,
             "--jsonfile", out, *sections, target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for protocol, (out, run) in runs.items():
        said = run.communicate(timeout=4 * TIMEOUT)[0]
        findings = json.loads(out.read_text())
        by_id = {}
        for finding in findings:
            by_id.setdefault(finding["id"], []).append(finding)
        # It did its work: all sections are there.
        for name in ("TLS1_3", "cipherlist_NULL", "PFS", "cipher_order", "cert_trust", "heartbleed", "BEAST", "LUCKY13"):
            assert any(one.startswith(name) for one in by_id), (protocol, name, said[-500:])
        # Renegotiation it judges by the exit status of s_client, which is 0 when the server closes in good order, as this one does, and
        # only now and then by the word "closed" as well: sslscan, which looks at what happens, is asked instead (above).
        above = [f for f in findings if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and f["id"] != "secure_client_renego"]
        assert not above, (protocol, above)
        # A check that it could not make is no finding; these are about its own openssl, which reads no TLS 1.3 ticket, and may have no engine.
        assert {f["id"] for f in findings if f["severity"] == "WARN"} <= {"sessionresumption_ticket", "engine_problem"}, protocol
        assert [f["finding"] for f in by_id["TLS1"]] == [f["finding"] for f in by_id["TLS1_1"]] == ["not offered"]


def test_gnutls_cli_and_s_client_agree_with_alpn(site):
    """Both front ends with both clients: trusted, resumed where asked, and only the protocol that is spoken there."""
    for port, alpn, other in ((site.https_port, "http/1.1", "ftp"), (site.ftps_port, "ftp", "http/1.1")):
        run = subprocess.run(["gnutls-cli", "-p", str(port), f"--x509cafile={site.ca}", f"--alpn={alpn}", "--verify-hostname=localhost", "127.0.0.1"],
                             input="", capture_output=True, text=True, timeout=TIMEOUT)
        assert "The certificate is trusted" in run.stdout and re.search(rf"Application protocol: {alpn}", run.stdout)
        refused = subprocess.run(["gnutls-cli", "-p", str(port), f"--x509cafile={site.ca}", f"--alpn={other}", "127.0.0.1"], input="",
                                 capture_output=True, text=True, timeout=TIMEOUT)
        assert refused.returncode != 0 and "trusted" not in refused.stdout
        for offer, works in ((alpn, True), (other, False), (None, True)):
            arguments = ["-alpn", offer] if offer else []
            run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", site.ca, *arguments], input="", capture_output=True,
                                 text=True, timeout=TIMEOUT)
            assert (run.returncode == 0) == ("BEGIN CERTIFICATE" in run.stdout and "Verify return code: 0" in run.stdout) == works
