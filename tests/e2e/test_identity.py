# SPDX-License-Identifier: Apache-2.0
"""Who is who (R6, R7): certificates and passwords in every combination, over both protocols. Certificates are made with openssl."""
import ftplib
import pathlib
import re
import ssl
import subprocess

import pytest

from authority import Authority
from conftest import Site


@pytest.fixture(scope="module")
def site(new_site, folder):
    admins = Authority(folder / "admins", "administrators")
    site = new_site("identity", ca_administrator=admins.cert)
    site.admins = admins
    site.cas = Authority(folder / "handsets", "handsets", site.ca, site.folder / "site/ca.key")
    site.strangers = Authority(folder / "strangers", "strangers")
    return site


def https(site, cert=None, user=None, path="/site.cfg", tls=None):
    context = site.context(tls, *(cert or ()))
    return site.http("GET", path, user, context=context).status


def ftps(site, cert=None, user=None, password=None, tls=None):
    """(reply to USER, reply to PASS or None)"""
    ftp = site.ftp(context=site.context(tls, *(cert or ())))
    try:
        ftp.putcmd(f"USER {user}")
        first = ftp.getmultiline()[:3]
        second = None
        if password is not None:
            ftp.putcmd(f"PASS {password}")
            second = ftp.getmultiline()[:3]
        return first, second
    finally:
        ftp.close()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("spelling", [str.lower, str.upper, lambda m: ":".join(m[i:i + 2] for i in range(0, 12, 2)),
                                      lambda m: "-".join(m[i:i + 2] for i in range(0, 12, 2)).upper()])
def test_a_certificate_alone_identifies(site, tls, spelling):
    mac = site.macs[1]
    cert = site.cas.issue(f"good{abs(hash(spelling(mac)))}", f"/CN={spelling(mac)}")
    assert https(site, cert, path=f"/{mac}-ext.cfg", tls=tls) == 200
    assert https(site, cert, path=f"/{site.macs[0]}-ext.cfg", tls=tls) == 404
    for name in ("PlcmSpIp", mac, mac.upper(), "anything", site.handsets[1][0]):
        assert ftps(site, cert, name, "whatever", tls) == ("232", "230")


def test_the_demos_own_certificate(site):
    cert = (site.env["CRADLE_HANDSET1_CERT"], site.env["CRADLE_HANDSET1_KEY"])
    assert https(site, cert, path=f"/{site.macs[0]}-ext.cfg") == 200


def test_data_channel_with_and_without_the_certificate(site):
    mac = site.macs[1]
    cert = site.cas.issue("data", f"/CN={mac}")
    ftp = site.ftp(context=site.context(None, *cert))
    assert ftp.sendcmd("USER x").startswith("232")
    assert ftp.get(f"{mac}-ext.cfg")
    ftp.close()
    # Another handset's certificate on the data channel takes nothing.
    other = site.context(None, *site.cas.issue("other", f"/CN={site.macs[2]}"))
    ftp = site.ftp(context=site.context(None, *cert))
    ftp.sendcmd("USER x")
    conn, _ = ftplib.FTP.ntransfercmd(ftp, f"RETR {mac}-ext.cfg")
    with pytest.raises((OSError, ssl.SSLError, ftplib.error_temp)):
        tls = other.wrap_socket(conn, server_hostname="localhost")
        assert not tls.recv(10)
        ftp.voidresp()
    ftp.close()


def bad_certificates(site):
    mac = site.macs[1]
    return {
        "expired": site.cas.issue("expired", f"/CN={mac}", start="20200101000000Z", end="20210101000000Z"),
        "future": site.cas.issue("future", f"/CN={mac}", start="20900101000000Z", end="20910101000000Z"),
        "usage": site.cas.issue("usage", f"/CN={mac}", usage="serverAuth"),
        "stranger": site.strangers.issue("stranger", f"/CN={mac}"),
        "two": site.cas.issue("two", f"/CN={mac}/CN={site.macs[2]}"),
        "unregistered": site.cas.issue("unregistered", "/CN=00907affffff"),
        "name": site.cas.issue("name", "/CN=ward three"),
        "administrator": site.cas.issue("administrator", f"/CN={site.admin[0]}"),
    }


@pytest.mark.parametrize("kind", ["expired", "future", "usage", "stranger", "two", "unregistered", "name", "administrator"])
def test_a_certificate_that_does_not_hold_counts_as_absent(site, kind):
    cert = bad_certificates(site)[kind]
    mac = site.macs[1]
    assert https(site, cert) == 401
    if kind == "unregistered":
        # It does hold: it is the certificate of another handset, which nobody registered.
        assert https(site, cert, site.handsets[1]) == 401
        return
    assert https(site, cert, site.handsets[1], f"/{mac}-ext.cfg") == 200
    assert ftps(site, cert, site.handsets[1][0], site.handsets[1][1]) == ("331", "230")
    assert ftps(site, cert, "x", "y") == ("331", "530")
    assert "login.certificate" in site.log_text()


def test_a_name_of_a_macs_shape_must_be_the_certificates(site):
    cert = site.cas.issue("shape", f"/CN={site.macs[1]}")
    for name in (site.macs[2], site.macs[2].upper(), "00907affffff"):
        assert https(site, cert, (name, "x")) == 401
        first, second = ftps(site, cert, name, "x")
        assert "530" in (first, second) and "230" not in (first, second)


def test_a_right_password_of_another_account_is_refused(site):
    cert = site.cas.issue("conflict", f"/CN={site.macs[1]}")
    assert https(site, cert, site.admin) == 401
    assert ftps(site, cert, *site.admin)[1] == "530"
    assert https(site, cert, (site.admin[0], "wrong")) == 200


def test_an_administrators_certificate(site):
    cert = site.admins.issue("admin", f"/CN={site.admin[0]}")
    assert https(site, cert, path="/api/v1/accounts") == 200
    assert ftps(site, cert, site.admin[0])[0] == "232"
    # The administrators' CA makes no handset, and no operator.
    assert https(site, site.admins.issue("fake", f"/CN={site.macs[1]}")) == 401
    assert https(site, site.admins.issue("op", f"/CN={site.operator[0]}"), path="/@log/") == 401


@pytest.mark.parametrize("factors, nothing, password, certificate, both", [
    ("password", 401, 200, 401, 200), ("certificate", 401, 403, 200, 200), ("either", 401, 200, 200, 200), ("both", 401, 403, 401, 200)])
def test_what_the_settings_demand(new_site, folder, factors, nothing, password, certificate, both):
    site = new_site(f"factors-{factors}", auth_handset=factors)
    cas = Authority(folder / f"f-{factors}", "handsets", site.ca, site.folder / "site/ca.key")
    cert = cas.issue("c", f"/CN={site.macs[1]}")
    who = site.handsets[1]
    assert https(site) == nothing
    assert https(site, None, who) == password
    assert https(site, cert) in (certificate, 403 if factors == "both" else certificate)
    assert https(site, cert, who) == both
    assert https(site, None, (who[0], "wrong")) == 401
    assert ftps(site, None, *who)[1] == ("230" if password == 200 else "530")
    assert ftps(site, cert, *who)[1] == ("230" if both == 200 else "530")
    assert ftps(site, cert, "x")[0] == ("232" if certificate == 200 else "331")
    # Administrators go on by their own rule.
    assert https(site, None, site.admin, "/api/v1/accounts") == 200


def test_one_ca_for_two_roles_is_refused_at_start(new_site, folder):
    ca = new_site("two-roles").ca
    with pytest.raises(RuntimeError, match="did not start"):
        Site(folder / "two-roles-2").start(ca_administrator=ca, ca_operator=ca)


def test_a_removed_handset_is_out_at_once(new_site, folder):
    site = new_site("removed")
    cas = Authority(folder / "removed-ca", "handsets", site.ca, site.folder / "site/ca.key")
    cert = cas.issue("c", f"/CN={site.macs[1]}")
    assert https(site, cert) == 200
    assert site.api("PATCH", f"/handsets/{site.macs[1]}", {"enabled": False}).status == 200
    assert https(site, cert) == 401 and https(site, None, site.handsets[1]) == 401
    assert site.api("PATCH", f"/handsets/{site.macs[1]}", {"enabled": True}).status == 200
    assert https(site, cert) == 200 and https(site, None, site.handsets[1]) == 200


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_two_server_certificates_are_chosen_by_what_the_client_can_do(new_site, folder, kind):
    import socket
    cas_folder = folder / f"server-{kind}"
    site = new_site(f"server-{kind}")
    site.stop()
    ca = Authority(cas_folder, "servers", site.ca, site.folder / "site/ca.key")
    first = (site.folder / "site/server.pem").read_text()
    # The second chain is of the other type than the demo's own.
    own_is_rsa = subprocess.run(["openssl", "x509", "-noout", "-text"], input=first.encode(), capture_output=True, check=True).stdout.find(b"rsaEncryption") > 0
    new = ["rsa:2048"] if not own_is_rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    cert, key, csr, ext = (cas_folder / n for n in ("s.pem", "s.key", "s.csr", "s.ext"))
    Authority.run("req", "-new", "-newkey", *new, "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", csr)
    ext.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature,keyEncipherment\n")
    Authority.run("x509", "-req", "-in", csr, "-CA", ca.cert, "-CAkey", ca.key, "-days", "5", "-extfile", ext, "-out", cert, "-set_serial", "4711")
    cert.write_text(cert.read_text() + pathlib.Path(site.ca).read_text())
    site.start(certificate2=cert, certificate2_key=key)
    for port in (site.https_port, site.ftps_port):
        context = site.context("1.2")
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256" if kind == "ec" else "ECDHE-RSA-AES128-GCM-SHA256")
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 60), server_hostname="localhost") as tls:
            assert tls.version() == "TLSv1.2"


def test_passwords_that_people_choose_and_secrets_made_here(site):
    for name, value in (("chosen", {"password": "a good long one"}), ("made", {})):
        reply = site.api("POST", "/accounts", {"name": name, "role": "operator", **value})
        assert reply.status == 201
        password = value.get("password") or reply.json["password"]
        for _ in range(3):
            assert site.http("GET", "/@log/", (name, password)).status == 200
        assert site.http("GET", "/@log/", (name, password + "x")).status == 401


def test_the_chain_goes_out_whole(site):
    for port in (site.https_port, site.ftps_port):
        run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-showcerts", "-CAfile", site.ca], input=b"",
                             capture_output=True, timeout=60)
        assert run.stdout.count(b"BEGIN CERTIFICATE") == 2 and b"Verify return code: 0" in run.stdout
        run = subprocess.run(["gnutls-cli", "-p", str(port), f"--x509cafile={site.ca}", "127.0.0.1"], input=b"", capture_output=True, timeout=60)
        assert b"The certificate is trusted" in run.stdout


def test_secrets_are_nowhere_in_clear(site):
    """Contents and credentials are sealed or hashed in the database and its WAL, and never logged."""
    marker = b"<handsetConfig secret='5ecr3t-marker-of-this-test'/>"
    site.http("PUT", "/marker.cfg", site.admin, marker)
    site.http("PUT", f"/{site.macs[0]}-marker.log", site.handsets[0], b"another-marker-of-this-test\n" * 3000)
    secrets = [b"5ecr3t-marker-of-this-test", b"another-marker-of-this-test", site.admin[1].encode(), site.handsets[0][1].encode()]
    for path in [*(site.folder / "site/state").iterdir(), site.folder / "daemon.log"]:
        data = path.read_bytes()
        assert not [s for s in secrets if s in data], path


def test_a_handsets_ca_makes_no_administrator(site):
    """The bundle that verified the chain gives the role; the name is only looked up in it."""
    for name, path in ((site.admin[0], "/api/v1/accounts"), (site.operator[0], "/@log/")):
        cert = site.cas.issue(f"no-{name}", f"/CN={name}")
        assert https(site, cert, path=path) == 401
        assert ftps(site, cert, name)[0] == "331"


def test_no_core_is_dumped(site):
    """A core would hold the master key."""
    limits = pathlib.Path(f"/proc/{site.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
