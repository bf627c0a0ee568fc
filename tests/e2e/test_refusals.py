# SPDX-License-Identifier: Apache-2.0
"""Malformed requests, floods and wrong credentials: what is refused, how alike, and how soon; and what answers give away."""
import concurrent.futures
import re
import socket
import sqlite3
import statistics
import subprocess
import time

import pytest

from conftest import TIMEOUT
from test_ftps import Bare, code
from test_https import word
from test_identity import Authority
from test_uploads import wait_for


@pytest.mark.parametrize("request_", [
    b"GET /site.cfg HTTP/1.1\nHost: x\n\n", b"GET /site.cfg HTTP/1.1\r\nHost: x\nAuthorization: y\r\n\r\n", b"GET /site.cfg HTTP/1.1\r\nHost: x\r\nA: b\n\r\n",
    b"GET /site\x00.cfg HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /site.cfg\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /site.cfg HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    b"GET /site.cfg HTTP/1.1\r\nHost : x\r\n\r\n", b"GET /site.cfg HTTP/1.1\r\n: x\r\nHost: x\r\n\r\n", b"GET /site.cfg HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    b"PUT /x HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde", b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nabcde",
    b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"GET  /site.cfg HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /site.cfg  HTTP/1.1\r\nHost: x\r\n\r\n", b"gET /site.cfg HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%2e%2e%2fx HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%2E%2E/x HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: x\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n", b"PUT /x HTTP/1.1\r\nHost: x\r\nX: 1\r\n\tContent-Length: 5\r\n\r\nabcde",
])
def test_what_is_malformed_is_rejected_and_what_follows_it_is_not_served(site, request_):
    """A second request behind it on the connection must never be answered: they would not agree where it begins."""
    auth = f"Authorization: Basic {word(site.handsets[0])}\r\n".encode()
    tls = site.raw_tls(site.https_port)
    data = b""
    try:
        tls.sendall(request_ + b"GET /site.cfg HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n")
        while part := tls.recv(65536):
            data += part
    except OSError:
        pass
    tls.close()
    # libmicrohttpd sends the head of its own refusals twice: what counts is that there is no other answer.
    assert set(re.findall(rb"HTTP/1\.\d (\d\d\d) ", data)) <= {b"400", b"501"} and b"handsetConfig" not in data


def test_answers_of_stored_contents_run_in_no_browser(site):
    site.http("PUT", "/evil.html", site.admin, b"<script>1</script>")
    site.http("PUT", f"/{site.macs[0]}-evil.log", site.handsets[0], b"<script>1</script>")
    for path, user in (("/evil.html", site.admin), (f"/@log/{site.macs[0]}/{site.macs[0]}-evil.log", site.operator), ("/", site.admin), ("/absent", site.admin),
                       ("/api/v1/handsets", site.admin), ("/api/v1/nothing", site.admin), ("/site.cfg", None), ("/site.cfg", ("x", "y"))):
        reply = site.http("GET", path, user)
        assert reply.headers["X-Content-Type-Options"] == "nosniff", path
        kind = reply.headers["Content-Type"].partition(";")[0]
        assert kind in ("application/octet-stream", "text/plain", "application/json", "application/problem+json"), path
        if reply.status == 200 and not path.startswith("/api") and path != "/":
            assert reply.headers["Content-Disposition"].startswith("attachment")
        if reply.status >= 400:
            assert not re.search(rb"\d\d:\d\d|request.id", reply.body, re.I)


def test_when_the_limit_of_connections_is_hit_nothing_is_said_in_the_clear(new_site):
    site = new_site("connections", max_connections="2")
    held = [site.raw_tls(site.https_port) for _ in range(2)]
    assert refused_in_silence(site.https_port)
    held[0].close()

    def again():
        try:
            return site.http("GET", "/site.cfg", site.handsets[0]).status == 200
        except (OSError, EOFError):
            return False
    wait_for(again)
    held[1].close()


def refused_in_silence(port):
    raw = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    raw.settimeout(1)
    try:
        return raw.recv(4096) == b""
    except (ConnectionError, TimeoutError):  # it may also wait for room
        return True
    finally:
        raw.close()


def timed(site, user, password):
    begun = time.perf_counter()
    assert site.http("GET", "/site.cfg", (user, password)).status == 401
    return time.perf_counter() - begun


def test_refusals_take_the_same_time_without_any_delay(new_site):
    """The dummy hash: unknown, wrong, disabled and without a password cost the same."""
    site = new_site("time", refusal_delay="0", log_level="info")
    for name in ("chosen", "disabled"):
        assert site.api("POST", "/accounts", {"name": name, "role": "operator", "password": "a good long one"}).status == 201
    site.api("PATCH", "/accounts/disabled", {"enabled": False})
    users = ["chosen", "disabled", "nobody", site.handsets[0][0], "x" * 300]
    times = {user: [] for user in users}
    for _ in range(15):
        for user in users:
            times[user].append(timed(site, user, "wrong-password"))
    medians = [statistics.median(t) for t in times.values()]
    assert max(medians) < 1.6 * min(medians), dict(zip(users, medians))


def test_refusals_wait_and_a_challenge_does_not(new_site):
    site = new_site("delay", refusal_delay="1500ms", throttle_accounts="0")
    begun = time.perf_counter()
    assert site.http("GET", "/site.cfg").status == 401
    assert time.perf_counter() - begun < 1.0
    assert timed(site, "nobody", "x") >= 1.4 and timed(site, site.handsets[1][0], "x") >= 1.4
    # The wait holds no worker: many refusals take one delay altogether, and others are served meanwhile.
    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        refusals = [pool.submit(timed, site, f"nobody{n}", "x") for n in range(24)]
        assert site.http("GET", "/site.cfg", site.handsets[0]).status == 200
        assert time.perf_counter() - begun < 1.4
        assert all(r.result() >= 1.4 for r in refusals)
    ftp = site.ftp()
    begun = time.perf_counter()
    assert code(ftp, "USER nobody").startswith("331") and code(ftp, "PASS x").startswith("530")
    assert time.perf_counter() - begun >= 1.4
    ftp.close()


def test_a_full_hash_queue_says_come_back_and_never_refuses(new_site):
    site = new_site("queue", hash_workers="1", hash_queue="1", refusal_delay="0", credential_memory="0")
    assert site.api("POST", "/accounts", {"name": "chosen", "role": "operator", "password": "a good long one"}).status == 201

    def https(_):
        reply = site.http("GET", "/@log/", ("chosen", "a good long one"))
        assert reply.status != 503 or reply.headers["Retry-After"]
        return str(reply.status)

    def ftps(_):
        ftp = site.ftp()
        try:
            code(ftp, "USER chosen")
            return code(ftp, "PASS a good long one")[:3]
        finally:
            ftp.close()

    for ask_, right, busy in ((https, "200", "503"), (ftps, "230", "421")):
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            seen = list(pool.map(ask_, range(80)))
        assert set(seen) == {right, busy}, set(seen)
    # Secrets that the server made need no place in that queue.
    assert site.http("GET", "/site.cfg", site.handsets[0]).status == 200


@pytest.mark.parametrize("password", ["", "x" * 10000, "a\x00b", "\xff\xfe"])
def test_passwords_that_nobody_has(site, password):
    user = site.handsets[0][0]
    assert site.http("GET", "/site.cfg", (user, password)).status in (401, 431)
    bare = Bare(site)
    bare.reply()
    bare.say(f"USER {user}\r\n".encode())
    assert bare.reply().startswith(b"331")
    bare.say(b"PASS " + password.encode("latin-1") + b"\r\n")
    assert bare.reply().startswith(b"530")
    bare.tls.close()


def test_a_right_password_with_more_behind_it_is_wrong(site):
    user, password = site.handsets[0]
    for wrong in (password + "\x00", password + " ", password[:-1], password.upper(), password + "x" * 2000):
        assert site.http("GET", "/site.cfg", (user, wrong)).status == 401
    for name in (user + "\x00", user + "\x00x", " " + user):
        assert site.http("GET", "/site.cfg", (name, password)).status == 401
    bare = Bare(site)
    bare.reply()
    bare.say(f"USER {user}\r\nPASS {password}\x00\r\n".encode())
    assert bare.reply().startswith(b"331") and bare.reply().startswith(b"530")
    bare.tls.close()


def test_an_account_without_a_password_lets_nobody_in(site):
    connection = sqlite3.connect(site.folder / "site/state/catalog.db")
    assert site.api("POST", "/accounts", {"name": "hollow", "role": "operator", "password": "a good long one"}).status == 201
    with connection:
        connection.execute("UPDATE account SET stored = '' WHERE name = 'hollow'")
    connection.close()
    for password in ("", "a good long one", "*", "x"):
        assert site.http("GET", "/@log/", ("hollow", password)).status == 401


@pytest.fixture(scope="module")
def cas(site, folder):
    return Authority(folder / "hostile-ca", "handsets", site.ca, site.folder / "site/ca.key")


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_disabled_handset_is_refused_on_a_resumed_session_and_a_kept_connection(site, cas, tls):
    """The ticket keeps the certificate: the catalog is asked at each request. What was open is cut off at once."""
    mac = site.macs[1]
    cert = cas.issue(f"resumed{tls}", f"/CN={mac}")
    context = site.context(tls, *cert)
    request = b"GET /site.cfg HTTP/1.1\r\nHost: x\r\n\r\n"

    def ask_on(sock):
        sock.sendall(request)
        data = sock.recv(65536)
        status, _, rest = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", status.lower())[1])
        while len(rest) < length:
            rest += sock.recv(65536)
        return int(data.split()[1])

    def connect(session=None):
        return context.wrap_socket(socket.create_connection(("127.0.0.1", site.https_port), TIMEOUT), server_hostname="localhost", session=session)

    def is_cut(sock):
        try:
            sock.sendall(request)
            return sock.recv(100) == b""
        except OSError:
            return True

    kept = connect()
    assert ask_on(kept) == 200
    again = connect(kept.session)
    assert again.session_reused and ask_on(again) == 200
    assert site.api("PATCH", f"/handsets/{mac}", {"enabled": False}).status == 200
    try:
        assert is_cut(kept)
        resumed = connect(again.session)
        assert resumed.session_reused and ask_on(resumed) == 401
        resumed.close()
        full = connect()
        assert ask_on(full) == 401
        full.close()
    finally:
        assert site.api("PATCH", f"/handsets/{mac}", {"enabled": True}).status == 200
    assert ask_on(connect(again.session)) == 200
    kept.close(), again.close()


def test_self_signed_and_nul_in_the_name(site, folder, cas):
    """A certificate that signs itself, and one whose CN is `MAC, NUL, more`, identify nobody; the password decides."""
    mac = site.macs[1]
    for name, subject in (("self", f"/CN={mac}"), ("nul", None)):
        cert, key = folder / f"{name}.pem", folder / f"{name}.key"
        if subject:
            Authority.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-days", "5", "-keyout", key, "-out", cert)
        else:
            # The CN's bytes are changed in the certificate's body, which is then signed by the handsets' CA again.
            issued, issued_key = cas.issue("nulbase", f"/CN={mac}Qmore")
            if not sign_with_nul(cas, issued, f"{mac}Qmore".encode(), f"{mac}\0more".encode(), cert):
                continue
            key.write_bytes(open(issued_key, "rb").read())
        context = site.context(None, str(cert), str(key))
        assert site.http("GET", "/site.cfg", context=context).status == 401
        assert site.http("GET", "/site.cfg", site.handsets[1], context=context).status == 200
        ftp = site.ftp(context=context)
        assert code(ftp, f"USER {mac}").startswith("331")
        ftp.close()


def sign_with_nul(cas, issued, before, after, out):
    """Replaces bytes of a certificate's TBS part and signs that anew with the CA's key (P-256 or RSA, SHA-256)."""
    der = subprocess.run(["openssl", "x509", "-in", issued, "-outform", "DER"], check=True, capture_output=True).stdout

    def element(data, at):
        length, start = data[at + 1], at + 2
        if length & 0x80:
            n = length & 0x7f
            length, start = int.from_bytes(data[start:start + n], "big"), start + n
        return start, start + length

    inner, _ = element(der, 0)
    _, tbs_end = element(der, inner)
    tbs = der[inner:tbs_end]
    assert tbs.count(before) == 1
    tbs = tbs.replace(before, after)
    _, algorithm_end = element(der, tbs_end)
    algorithm = der[tbs_end:algorithm_end]
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(cas.key)], input=tbs, check=True, capture_output=True).stdout
    bits = b"\0" + signature

    def wrap(tag, data):
        n = len(data)
        size = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82]) + n.to_bytes(2, "big")
        return bytes([tag]) + size + data

    made = wrap(0x30, tbs + algorithm + wrap(3, bits))
    subprocess.run(["openssl", "x509", "-inform", "DER", "-out", str(out)], input=made, check=True, capture_output=True)
    return True


def test_a_user_gets_331_whoever_it_is_and_232_only_by_certificate(site, cas):
    for name in (site.handsets[0][0], "nobody", site.admin[0], "PlcmSpIp", "x" * 300, "00907affffff"):
        ftp = site.ftp()
        assert code(ftp, f"USER {name}") == "331 Password, please"
        ftp.close()


def test_enumeration_learns_nothing_from_size_or_answer(site):
    """Unknown, foreign and forbidden: the same bytes, for reading and for writing."""
    mac = site.macs[1]
    reads = {site.http("GET", f"/{name}", site.handsets[0]).body for name in ("00907affffff.cfg", f"{mac}.cfg", f"{mac}-ext.cfg", f"@handset/{mac}/{mac}-ext.cfg", "absent")}
    assert len(reads) == 1
    writes = {(r.status, r.body) for r in (site.http("PUT", f"/{name}", site.handsets[0], b"x") for name in ("00907affffff-app.log", f"{mac}-app.log", f"{mac}-phone.cfg"))}
    assert len(writes) == 1
    ftp = site.ftp(site.handsets[0])
    assert len({code(ftp, f"SIZE {name}") for name in ("00907affffff.cfg", f"{mac}-ext.cfg", f"{mac.upper()}-ext.cfg", f"/x/../{mac}-ext.cfg", "absent")}) == 1
    assert len({code(ftp, f"{verb} {name}") for verb in ("CWD", "MKD") for name in ("00907affffff", mac, f"a/{mac}/b")}) == 1
    for name in (f"{mac}-ext.cfg", "00907affffff-ext.cfg"):
        ftp.makepasv()
        assert code(ftp, f"LIST {name}")[:3] in ("550", "150")
        ftp.close()
        ftp = site.ftp(site.handsets[0])
    ftp.close()


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_boot_with_each_kind_of_server_certificate(new_site, folder, kind, tls):
    """The one certificate of the server is RSA or ECDSA: both listeners, both versions, uploads and downloads."""
    site = new_site(f"chain-{kind}-{tls}")
    site.stop()
    own = folder / f"chain-{kind}-{tls}-ca"
    ca = Authority(own, "servers", site.ca, site.folder / "site/ca.key")
    cert, key, csr, ext = (own / n for n in ("s.pem", "s.key", "s.csr", "s.ext"))
    new = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    Authority.run("req", "-new", "-newkey", *new, "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", csr)
    ext.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature,keyEncipherment\n")
    Authority.run("x509", "-req", "-in", csr, "-CA", ca.cert, "-CAkey", ca.key, "-days", "5", "-extfile", ext, "-out", cert, "-set_serial", "4712")
    cert.write_text(cert.read_text() + open(site.ca).read())
    site.start(certificate=cert, certificate_key=key, data_binding="require")
    log = f"{site.macs[0]}-app.log"
    ftp = site.ftp(site.handsets[0], site.context(tls))
    assert ftp.get("site.cfg") and ftp.put("APPE", log, b"one\n").startswith("226") and ftp.size(log) == 4
    ftp.quit()
    assert site.http("GET", f"/{log}", site.handsets[0], context=site.context(tls)).body == b"one\n"
    for port in (site.https_port, site.ftps_port):
        with site.raw_tls(port, site.context(tls)) as sock:
            der = sock.getpeercert(True)
            text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-text"], input=der, capture_output=True, check=True).stdout
            assert (b"rsaEncryption" in text) == (kind == "rsa")
