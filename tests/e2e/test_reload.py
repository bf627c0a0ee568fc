# SPDX-License-Identifier: Apache-2.0
"""Settings, certificates and bundles are read again while the daemon serves: by SIGHUP and when they change. What is open goes on,
what is new uses what is new, and a reload that fails changes nothing."""
import base64
import ftplib
import http.client
import os
import pathlib
import shutil
import signal
import socket
import ssl

import pytest

from conftest import TIMEOUT
from test_identity import Authority


def server_certificate(site, folder, name="localhost", key="ec"):
    """A new chain and key for the server, of the demo's own CA."""
    ca = Authority(folder, "servers", site.ca, site.folder / "site/ca.key")
    cert, own, csr, ext = (folder / n for n in ("new.pem", "new.key", "new.csr", "new.ext"))
    kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["rsa:2048"]
    ca.run("req", "-new", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", own, "-out", csr)
    ext.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n")
    ca.run("x509", "-req", "-in", csr, "-CA", ca.cert, "-CAkey", ca.key, "-days", "5", "-extfile", ext, "-out", cert)
    cert.write_text(cert.read_text() + pathlib.Path(site.ca).read_text())
    return cert, own


def shown(site, port):
    """The server's leaf in a full handshake."""
    with site.raw_tls(port) as tls:
        return tls.getpeercert(binary_form=True)


def leaf(pem):
    text = pathlib.Path(pem).read_text()
    return ssl.PEM_cert_to_DER_cert(text[:text.index("-----END CERTIFICATE-----") + 26])


def reload(site, event="done"):
    """Asks for a reload and waits until it has ended."""
    begin = site.log_size()
    site.process.send_signal(signal.SIGHUP)
    return site.await_log(r"reload\.(done|failed)", begin, want=f"reload.{event}")


def ask(site, context, session=None):
    """One request, read to its end (OpenSSL takes no session from a connection that was cut). Gives session, status, was it resumed."""
    raw = socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT)
    with context.wrap_socket(raw, server_hostname="localhost", session=session) as tls:
        tls.sendall(b"GET /site.cfg HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        reply = b"".join(iter(lambda: tls.recv(4096), b""))
        return tls.session, int(reply.split()[1]), tls.session_reused


class Kept:
    """A kept-alive HTTPS connection."""

    def __init__(self, site, context):
        self.connection = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=context, timeout=TIMEOUT)

    def get(self, path, user=None):
        headers = {"Authorization": "Basic " + base64.b64encode(":".join(user).encode()).decode()} if user else {}
        self.connection.request("GET", path, headers=headers)
        reply = self.connection.getresponse()
        reply.read()
        return reply.status

    @property
    def socket(self):
        return self.connection.sock


def test_a_new_certificate_and_nobody_is_disturbed(new_site, folder):
    site = new_site("new-certificate", watch_interval=0)
    own = site.folder / "site"
    old = leaf(own / "server.pem")
    kept, ftp = Kept(site, site.context()), site.ftp(site.handsets[0])
    assert kept.get("/site.cfg", site.handsets[0]) == 200 and ftp.get("site.cfg")
    before = kept.socket
    conn = ftp.transfercmd(f"APPE {site.macs[0]}-app.log")
    conn.sendall(b"begun before, ")

    cert, key = server_certificate(site, folder / "new-certificate-ca")
    shutil.copy(cert, own / "server.pem")
    shutil.copy(key, own / "server.key")
    reload(site)

    for port in (site.https_port, site.ftps_port):
        assert shown(site, port) == leaf(cert) != old
    # What was open goes on, data connections included.
    assert kept.get("/site.cfg", site.handsets[0]) == 200 and kept.socket is before
    conn.sendall(b"ended behind\n")
    conn.unwrap()
    conn.close()
    assert ftp.voidresp().startswith("226") and ftp.get("site.cfg")
    assert site.http("GET", f"/@log/{site.macs[0]}/{site.macs[0]}-app.log", site.operator).body == b"begun before, ended behind\n"
    ftp.quit()


def broken_key(own):
    (own / "server.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def missing_chain(own):
    (own / "server.pem").unlink()


def broken_setting(own):
    with open(own / "cradled.conf", "a") as conf:
        conf.write("auth_handset = nothing\n")


def broken_bundle(own):
    with open(own / "cradled.conf", "a") as conf:
        conf.write("ca_operator = ca.pem\n")  # one CA in two bundles


@pytest.mark.parametrize("damage, words", [(broken_key, "server.key"), (missing_chain, "server.pem"),
                                           (broken_setting, "auth_handset"), (broken_bundle, "a CA gives one role only")],
                         ids=lambda x: getattr(x, "__name__", ""))
def test_a_failed_reload_changes_nothing(new_site, damage, words):
    site = new_site(f"failed-{damage.__name__}", watch_interval=0)
    own = site.folder / "site"
    old = leaf(own / "server.pem")
    kept = Kept(site, site.context())
    assert kept.get("/site.cfg", site.handsets[0]) == 200
    # A good change beside the bad one must not come through alone.
    with open(own / "cradled.conf", "a") as conf:
        conf.write("max_log = 8K\n")
    damage(own)
    assert words in reload(site, "failed")
    for port in (site.https_port, site.ftps_port):
        assert shown(site, port) == old
    assert kept.get("/site.cfg", site.handsets[0]) == 200
    assert site.http("PUT", f"/{site.macs[0]}-app.log", site.handsets[0], b"x" * 9000).status in (201, 204)
    assert site.http("GET", "/api/v1/handsets", site.admin).status == 200


def test_settings_change_and_those_that_cannot_are_named(new_site):
    site = new_site("settings", watch_interval=0)
    log = f"/{site.macs[0]}-app.log"
    assert site.http("PUT", log, site.handsets[0], b"x" * 9000).status == 201
    with open(site.folder / "site/cradled.conf", "a") as conf:
        conf.write("max_log = 8K\nworkers = 7\nauth_handset = certificate\n")
    text = (site.folder / "site/cradled.conf").read_text()
    (site.folder / "site/cradled.conf").write_text(text.replace("state = state", "state = elsewhere"))
    begin = site.log_size()
    reload(site)
    assert site.http("PUT", log, site.handsets[0], b"x" * 9000).status == 403  # auth_handset
    cert = site.context(None, site.env["CRADLE_HANDSET1_CERT"], site.env["CRADLE_HANDSET1_KEY"])
    assert site.http("PUT", log, None, b"x" * 9000, context=cert).status == 413
    said = site.log_text()[begin:]
    for name in ("state", "workers", "master_key"):
        assert f"settings.warning setting={name} " in said
    assert "setting=max_log" not in said
    # What cannot change did not: the state is where it was.
    assert site.http("GET", "/site.cfg", None, context=cert).status == 200


def test_changed_files_are_noticed(new_site, folder):
    site = new_site("noticed", watch_interval="50ms")
    own = site.folder / "site"
    cert, key = server_certificate(site, folder / "noticed-ca")
    begin = site.log_size()
    # Whatever the looks in between see, only what has settled is read: no half of a pair.
    os.replace(cert, own / "server.pem")
    os.replace(key, own / "server.key")
    site.await_log(r"reload\.done cause=change", begin)
    assert shown(site, site.https_port) == leaf(own / "server.pem")
    # A bad file is told once, not at every look, and its repair is noticed even where only the new settings name it.
    begin = site.log_size()
    with open(own / "cradled.conf", "a") as conf:
        conf.write("ca_operator = operators.pem\n")
    site.await_log(r"reload\.failed cause=change.*operators\.pem", begin)
    operators = Authority(folder / "operators", "operators")
    shutil.copy(operators.cert, own / "operators.pem")
    site.await_log(r"reload\.done cause=change", begin)
    assert site.log_text()[begin:].count("reload.failed") == 1
    # A setting, with an editor's way of writing a file.
    begin = site.log_size()
    text = (own / "cradled.conf").read_text()
    (own / "cradled.conf~").write_text(text + "max_log = 8K\n")
    os.replace(own / "cradled.conf~", own / "cradled.conf")
    site.await_log(r"reload\.done cause=change", begin)
    assert site.http("PUT", f"/{site.macs[0]}-app.log", site.handsets[0], b"x" * 9000).status == 413


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_trust_that_is_withdrawn_takes_hold_at_once(new_site, folder, tls):
    """On kept-alive connections, on resumed sessions, on FTPS sessions that are logged in; nobody else notices."""
    site = new_site(f"trust-{tls}", watch_interval=0)
    own = site.folder / "site"
    context = site.context(tls, site.env["CRADLE_HANDSET1_CERT"], site.env["CRADLE_HANDSET1_KEY"])
    kept, bystander = Kept(site, context), Kept(site, site.context(tls))
    assert kept.get("/site.cfg") == 200 and bystander.get("/site.cfg", site.handsets[1]) == 200
    session, status, _ = ask(site, context)
    assert status == 200
    certified, plain = site.ftp(context=context), site.ftp(site.handsets[1])
    assert certified.sendcmd("USER x").startswith("232") and certified.get("site.cfg")

    others = Authority(folder / f"others-{tls}", "others")
    shutil.copy(others.cert, own / "others.pem")
    text = (own / "cradled.conf").read_text().replace("ca_handset = ca.pem", "ca_handset = others.pem")
    (own / "cradled.conf").write_text(text)
    begin = site.log_size()
    reload(site)

    assert kept.get("/site.cfg") == 401
    assert bystander.get("/site.cfg", site.handsets[1]) == 200
    # The session still resumes, and proves nothing any more.
    assert ask(site, context, session)[1:] == (401, True)
    site.await_log(r"ftps\.distrusted client=127\.0\.0\.1", begin)
    with pytest.raises((ftplib.error_temp, EOFError, OSError)) as ended:
        certified.get("site.cfg")
    assert ended.type is not ftplib.error_temp or str(ended.value).startswith("421")
    assert plain.get("site.cfg")
    # And back again.
    (own / "cradled.conf").write_text(text.replace("others.pem", "ca.pem"))
    reload(site)
    assert kept.get("/site.cfg") == 200


def test_reloads_under_load(new_site):
    """A hundred reloads while clients come and go: none of them is refused."""
    site = new_site("load", watch_interval=0)
    kept, ftp = Kept(site, site.context()), site.ftp(site.handsets[0])
    for _ in range(100):
        begin = site.log_size()
        site.process.send_signal(signal.SIGHUP)
        assert kept.get("/site.cfg", site.handsets[1]) == 200
        assert ftp.get("site.cfg")
        assert site.http("GET", "/site.cfg", site.handsets[1]).status == 200
        site.await_log(r"reload\.done cause=signal", begin)
    assert "reload.failed" not in site.log_text()
