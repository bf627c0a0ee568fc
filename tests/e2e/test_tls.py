# SPDX-License-Identifier: Apache-2.0
"""What the TLS layer itself must do, with real clients: two certificates, OCSP staples, keys in a token."""
import concurrent.futures
import datetime
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from conftest import TIMEOUT, Site
from test_identity import Authority

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"


class Servers(Authority):
    """A CA for servers: RSA, so that its OCSP responses can be given other dates and signed again."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir()
        super().__init__(folder, "servers", folder / "servers.pem", folder / "servers.key")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=servers", "-days", "300",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
                 "-keyout", self.key, "-out", self.cert)
        self.serial = 0x100

    def server(self, name, kind, usage="digitalSignature", more=""):
        """(chain, key, leaf) of a server's certificate; kind: ec or rsa."""
        self.serial += 1
        chain, key, csr, ext, leaf = (self.folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext", "leaf"))
        new = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["rsa:2048"]
        self.run("req", "-new", "-newkey", *new, "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", csr)
        ext.write_text(f"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage={usage}\n{more}")
        self.run("x509", "-req", "-in", csr, "-CA", self.cert, "-CAkey", self.key, "-days", "90", "-extfile", ext, "-out", leaf,
                 "-set_serial", str(self.serial))
        chain.write_text(leaf.read_text() + self.cert.read_text())
        return chain, key, leaf

    def staple(self, leaf, out, status="V", hours=None):
        """An OCSP response about `leaf`; status V or R; hours: it holds from a day before until so long from now."""
        serial = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", leaf], check=True, capture_output=True, text=True).stdout
        index = self.folder / "index"
        index.write_text(f"{status}\t360101000000Z\t{'260101000000Z' if status == 'R' else ''}\t{serial.strip().split('=')[1]}\tunknown\t/CN=localhost\n")
        self.run("ocsp", "-issuer", self.cert, "-cert", leaf, "-no_nonce", "-reqout", self.folder / "req.der")
        self.run("ocsp", "-index", index, "-rsigner", self.cert, "-rkey", self.key, "-CA", self.cert, "-reqin", self.folder / "req.der",
                 "-respout", out, "-ndays", "1", "-resp_no_certs")
        if hours is not None:
            self.redate(out, hours)
        return out

    def redate(self, out, hours):
        der = bytearray(out.read_bytes())
        now = datetime.datetime.utcnow()
        times = [m.start() for m in re.finditer(rb"20\d{12}Z", der)]
        for at, hour in zip(times[-2:], (-24, hours)):  # thisUpdate, nextUpdate
            der[at:at + 15] = (now + datetime.timedelta(hours=hour)).strftime("%Y%m%d%H%M%SZ").encode()
        tbs = der.index(bytes.fromhex("06092b0601050507300101")) + 11  # id-pkix-ocsp-basic; behind it OCTET STRING, SEQUENCE, tbs
        for _ in range(2):
            tbs += 2 + (der[tbs + 1] & 0x7f if der[tbs + 1] & 0x80 else 0)
        length = 2 + der[tbs + 1] if not der[tbs + 1] & 0x80 else None
        if length is None:
            n = der[tbs + 1] & 0x7f
            length = 2 + n + int.from_bytes(der[tbs + 2:tbs + 2 + n], "big")
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=bytes(der[tbs:tbs + length]),
                                   check=True, capture_output=True).stdout
        der[-len(signature):] = signature
        out.write_bytes(der)


@pytest.fixture(scope="module")
def servers(folder):
    return Servers(folder / "servers")


@pytest.fixture(scope="module")
def pair(servers):
    """The same server with an RSA and an ECDSA certificate."""
    return servers.server("rsa", "rsa"), servers.server("ec", "ec")


def s_client(port, *arguments):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *map(str, arguments)], input=b"", capture_output=True,
                          timeout=TIMEOUT).stdout.decode(errors="replace")


def ports(site):
    return site.https_port, site.ftps_port


@pytest.mark.parametrize("order", ["rsa-first", "ec-first"])
def test_two_certificates_each_client_gets_the_one_it_can_use(new_site, servers, pair, order):
    (rsa, rsa_key, _), (ec, ec_key, _) = pair if order == "rsa-first" else pair[::-1]
    site = new_site(f"two-{order}", certificate=rsa, certificate_key=rsa_key, certificate2=ec, certificate2_key=ec_key)
    able = {  # what the client can do, what it must get
        ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"): "RSA",
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"): "ECDSA",
        ("-tls1_2",): "ECDSA",
        ("-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256:rsa_pkcs1_sha256"): "RSA",
        ("-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"): "ECDSA",
        ("-tls1_3",): "ECDSA",
    }
    for port in ports(site):
        for arguments, want in able.items():
            out = s_client(port, *arguments, "-CAfile", servers.cert)
            assert "Verify return code: 0" in out, arguments
            got = re.search(r"^Peer signature type: (\S+)", out, re.M)[1]
            assert got.startswith(want), (port, arguments, got)


def test_staples_are_served_by_both_front_ends(new_site, servers, pair, folder):
    (rsa, rsa_key, rsa_leaf), (ec, ec_key, ec_leaf) = pair
    site = new_site("staples", certificate=rsa, certificate_key=rsa_key, certificate2=ec, certificate2_key=ec_key,
                    ocsp_staple=servers.staple(rsa_leaf, folder / "rsa.ocsp"), ocsp_staple2=servers.staple(ec_leaf, folder / "ec.ocsp", hours=5))
    assert "ocsp_staple" not in site.log_text()
    for port in ports(site):
        for arguments in (["-tls1_2"], ["-tls1_3"], ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], ["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"]):
            out = s_client(port, "-status", "-CAfile", servers.cert, *arguments)
            assert "OCSP Response Status: successful (0x0)" in out and "Cert Status: good" in out, arguments
        # Who does not ask gets none; GnuTLS verifies what it asked for.
        assert "OCSP" not in s_client(port, "-tls1_3")
        run = subprocess.run(["gnutls-cli", "-p", str(port), f"--x509cafile={servers.cert}", "--ocsp", "--no-ocsp", "127.0.0.1"], input=b"",
                             capture_output=True, timeout=TIMEOUT)
        assert b"The certificate is trusted" in run.stdout
    site.stop()


@pytest.mark.parametrize("kind, words", [("stale", "is stale"), ("other", "is about another certificate"), ("revoked", "REVOKED"),
                                         ("forged", "is not signed by"), ("garbage", "is no OCSP response"), ("missing", "cannot read")])
def test_a_staple_that_is_wrong_is_told_and_not_served(new_site, servers, pair, folder, kind, words):
    chain, key, leaf = pair[1]
    file = folder / f"{kind}.ocsp"
    if kind == "stale":
        servers.staple(leaf, file, hours=-1)
    elif kind == "revoked":
        servers.staple(leaf, file, "R")
    elif kind == "other":
        servers.staple(pair[0][2], file)
    elif kind == "forged":
        der = bytearray(servers.staple(leaf, file).read_bytes())
        der[-1] ^= 1
        file.write_bytes(der)
    elif kind == "garbage":
        file.write_text("no DER")
    site = new_site(f"staple-{kind}", certificate=chain, certificate_key=key, ocsp_staple=file, watch_interval=0)
    assert re.search(rf'settings\.warning setting=ocsp_staple text=.*{words}', site.log_text())
    for port in ports(site):
        assert "OCSP response: no response sent" in s_client(port, "-status", "-CAfile", servers.cert)
    # A good one takes effect at a reload.
    servers.staple(leaf, file)
    begin = site.log_size()
    site.process.send_signal(signal.SIGHUP)
    site.await_log(r"reload\.done", begin)
    for port in ports(site):
        assert "OCSP Response Status: successful" in s_client(port, "-status", "-CAfile", servers.cert)


@pytest.fixture(scope="module")
def token(folder, pair):
    """A SoftHSM token of this test's own that holds both keys. Gives URIs without a PIN."""
    (folder / "token").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'token'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "cradle test", "--pin", "471147", "--so-pin", "081508"], check=True,
                   capture_output=True, timeout=TIMEOUT)
    uris = []
    for number, (_, key, _) in enumerate(pair, 1):
        subprocess.run(["softhsm2-util", "--import", key, "--token", "cradle test", "--label", f"server{number}", "--id", f"0{number}", "--pin", "471147"],
                       check=True, capture_output=True, timeout=TIMEOUT)
        uris.append(f"pkcs11:token=cradle%20test;object=server{number};type=private")
    (folder / "pin").write_text("471147\n")
    (folder / "bare-pin").write_text("471147")
    (folder / "wrong-pin").write_text("999999\n")
    yield uris
    del os.environ["SOFTHSM2_CONF"]


def shake(port, context):
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), TIMEOUT), server_hostname="localhost") as tls:
        return tls.version()


RSA_SCHEMES = [("-tls1_2", f"{kind}+SHA{bits}") for kind in ("RSA", "RSA-PSS") for bits in (256, 384, 512)] + [
    ("-tls1_3", f"rsa_pss_rsae_sha{bits}") for bits in (256, 384, 512)]


def test_an_rsa_key_in_a_file_signs_every_scheme_also_across_reloads(new_site, servers, folder):
    paths = [folder / "signing.pem", folder / "signing.key"]

    def use(chain, key, leaf):
        """Into their place in one step each, the key last: a pair that does not match is refused, and asked for again."""
        for source, target in zip((chain, key), paths):
            new = target.with_suffix(".new")
            shutil.copy(source, new)
            new.chmod(0o600)
            new.rename(target)
        return subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", leaf], check=True, capture_output=True, text=True).stdout.strip()

    use(*servers.server("signing-one", "rsa"))
    site = new_site("signing", watch_interval=0, certificate=paths[0], certificate_key=paths[1])
    site.ca = servers.cert
    for port in ports(site):
        for version, sigalgs in RSA_SCHEMES:
            out = s_client(port, version, "-sigalgs", sigalgs, "-CAfile", servers.cert)
            kind = "RSA-PSS" if "PSS" in sigalgs.upper() else "RSA"
            assert "Verify return code: 0" in out and f"Peer signature type: {kind}\n" in out and f"Peer signing digest: SHA{sigalgs[-3:]}" in out, out
    context = site.context()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for n in range(3):
            serial = use(*servers.server(f"signing-{n}", "rsa"))
            begin = site.log_size()
            shakes = [pool.submit(shake, port, context) for port in ports(site) * 20]
            site.process.send_signal(signal.SIGHUP)
            site.await_log(r"reload\.done", begin)
            assert {done.result() for done in shakes} == {"TLSv1.3"}
            for port in ports(site):
                shown = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=s_client(port), check=True, capture_output=True, text=True).stdout
                assert shown.strip() == serial


@pytest.mark.parametrize("how", ["pin-source", "pin-source-path", "pin-value", "pin-file", "p11-kit"])
def test_keys_in_a_token(new_site, servers, pair, token, folder, how):
    uris = list(token)
    settings = {"pkcs11_module": SOFTHSM}
    if how == "pin-source":
        uris = [f"{uri}?pin-source=file:{folder / 'bare-pin'}" for uri in uris]
    elif how == "pin-source-path":
        uris = [f"{uri}?pin-source={folder / 'bare-pin'}" for uri in uris]
    elif how == "pin-value":
        uris = [f"{uri}?pin-value=471147" for uri in uris]
    else:
        settings["pkcs11_pin_file"] = folder / "pin"
    if how == "p11-kit":
        del settings["pkcs11_module"]  # Debian's softhsm2 tells p11-kit of itself
    site = new_site(f"token-{how}", watch_interval=0, certificate=pair[0][0], certificate_key=uris[0], certificate2=pair[1][0],
                    certificate2_key=uris[1], **settings)
    site.ca = servers.cert
    for port in ports(site):
        for version, sigalgs in (("-tls1_2", "RSA-PSS+SHA256:RSA+SHA256"), ("-tls1_2", "ECDSA+SHA256"), ("-tls1_3", "rsa_pss_rsae_sha256"),
                                 ("-tls1_3", "ecdsa_secp256r1_sha256")):
            out = s_client(port, version, "-sigalgs", sigalgs, "-CAfile", servers.cert)
            assert "Verify return code: 0" in out and ("RSA" in sigalgs.upper()) == ("Peer signature type: RSA" in out)
    # Many threads sign at once, also across reloads.
    context = site.context()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            begin = site.log_size()
            site.process.send_signal(signal.SIGHUP)
            shakes = [pool.submit(shake, port, context) for port in ports(site) * 20]
            site.await_log(r"reload\.done", begin)
            assert {done.result() for done in shakes} == {"TLSv1.3"}
    assert "471147" not in site.log_text()


@pytest.mark.parametrize("uri, pin_file, words", [
    ("{0}?pin-value=999999", "", "does not take the PIN"), ("{0}", "", "does not take the PIN"), ("{0}", "wrong-pin", "does not take the PIN"),
    ("pkcs11:token=cradle%20test;object=nothing;type=private?pin-value=471147", "", "there is no private key"),
    ("{1}?pin-value=471147", "", "does not belong to the first certificate")])
def test_a_token_that_does_not_give_the_key_is_told_without_its_pin(folder, pair, token, uri, pin_file, words):
    site = Site(folder / f"no-key-{abs(hash((uri, pin_file)))}")
    with pytest.raises(RuntimeError, match=words) as failed:
        site.start(certificate=pair[0][0], certificate_key=uri.format(*token), pkcs11_module=SOFTHSM, pkcs11_pin_file=folder / pin_file if pin_file else "")
    for secret in ("471147", "999999"):
        assert secret not in str(failed.value) and secret not in site.log_text()
    site.process.stdout.close()
    # The token's count of wrong PINs is not used up by one start.
    assert subprocess.run(["softhsm2-util", "--show-slots"], capture_output=True, timeout=TIMEOUT).returncode == 0


def test_a_module_that_is_none_is_told(folder, pair, token):
    site = Site(folder / "no-module")
    with pytest.raises(RuntimeError, match="cannot be loaded"):
        site.start(certificate=pair[0][0], certificate_key=token[0], pkcs11_module="/nonexistent.so")
    site.process.stdout.close()


def resumed(site, context, count=20):
    """How many of `count` HTTPS connections resumed the session of the one before them."""
    session, hits = None, 0
    for number in range(count + 1):
        raw = socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as tls:
            tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b" 200 " in b"".join(iter(lambda: tls.recv(4096), b""))
            hits += tls.session_reused if number else 0
            session = tls.session
    return hits


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("certificate", [False, True])
def test_https_sessions_resume(site, tls, certificate):
    cert = (site.env["CRADLE_HANDSET1_CERT"], site.env["CRADLE_HANDSET1_KEY"]) if certificate else ()
    assert resumed(site, site.context(tls, *cert)) == 20


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_ftps_data_connections_resume(site, tls):
    """Each of 20 transfers resumes the control connection's session."""
    ftp = site.ftp(site.handsets[0], context=site.context(tls))
    hits = 0
    for _ in range(20):
        with ftp.transfercmd("RETR site.cfg") as conn:
            assert b"".join(iter(lambda: conn.recv(4096), b""))
            hits += conn.session_reused
            conn.unwrap()
        ftp.voidresp()
    ftp.quit()
    assert hits == 20


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_ticket_keys_are_renewed(new_site, tls):
    site = new_site(f"tickets-{tls}", ticket_lifetime="1s", watch_interval=0)
    context = site.context(tls)
    for _ in range(2):
        begin = site.log_size()
        raw = socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT)
        with context.wrap_socket(raw, server_hostname="localhost") as first:
            first.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            b"".join(iter(lambda: first.recv(4096), b""))
            session = first.session
        site.await_log(r"tls\.tickets protocol=https", begin)
        # Now the ticket is worth nothing, and that is no error.
        raw = socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as second:
            assert not second.session_reused
            second.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b" 200 " in second.recv(4096)


def test_a_staple_whose_time_is_over_is_not_served_any_more(new_site, servers, pair, folder):
    """While the daemon runs on: nobody need restart it at the right second."""
    chain, key, leaf = pair[1]
    site = new_site("staple-over", certificate=chain, certificate_key=key, ocsp_staple=servers.staple(leaf, folder / "over.ocsp", hours=4 / 3600),
                    watch_interval=0)
    assert "ocsp_staple" not in site.log_text()
    end = time.monotonic() + TIMEOUT
    for port in ports(site):
        assert port == site.ftps_port or "OCSP Response Status: successful" in s_client(port, "-status", "-CAfile", servers.cert)
        while "OCSP response: no response sent" not in s_client(port, "-status", "-CAfile", servers.cert):
            assert time.monotonic() < end
