# SPDX-License-Identifier: Apache-2.0
"""The HTTPS front end against hostile and unusual requests (RFC 9110, 9112), and handsets' boots over HTTPS."""
import base64
import http.client
import os
import re
import socket
import ssl

import pytest

from conftest import TIMEOUT


def word(user):
    return base64.b64encode(":".join(user).encode()).decode()


def ask(site, request, context=None):
    """Sends raw bytes on a connection of their own; gives the status of the first answer and whether the server closed."""
    tls = site.raw_tls(site.https_port, context)
    try:
        tls.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            part = tls.recv(4096)
            if not part:
                break
            data += part
        status = int(data.split()[1]) if data.startswith(b"HTTP/") else None
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        while length and len(body) < int(length[1]) and (part := tls.recv(4096)):
            body += part
        tls.settimeout(0.5)
        try:
            closed = tls.recv(1) == b""
        except TimeoutError:
            closed = False
        except OSError:
            closed = True
        return status, closed
    finally:
        tls.close()


def head(site, first, *lines):
    auth = f"Authorization: Basic {word(site.handsets[0])}"
    return "\r\n".join([first, "Host: localhost", auth, *lines, "", ""]).encode("latin-1")


BODY = "0123456789"


@pytest.mark.parametrize("end, then, status", [("close", "GET / HTTP/1.1", 200), ("keep-alive", "GET nowhere HTTP/1.1", 400)])
def test_an_answer_comes_whole_though_its_connection_ends_with_requests_unread(site, end, then, status):
    """Closing with something unread would make TCP throw away what the client has not taken yet (RFC 9112, 9.6)."""
    body = os.urandom(400_000)
    site.http("PUT", "/big.ld", site.admin, body)
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(TIMEOUT)
    raw.connect(("127.0.0.1", site.https_port))
    tls = site.context().wrap_socket(raw, server_hostname="localhost")
    begin = site.log_size()
    tls.sendall(head(site, "GET /big.ld HTTP/1.1", f"Connection: {end}") + 1000 * head(site, then))
    site.await_log(rf"https\.request .*status={status}", begin)
    got = b""
    while part := tls.recv(16384):
        got += part
    assert got.partition(b"\r\n\r\n")[2].startswith(body)
    tls.close()


@pytest.mark.parametrize("lines, body", [
    (["Content-Length: 10", "Content-Length: 10"], BODY),
    (["Content-Length: 10", "Content-Length: 11"], BODY),
    (["Content-Length: 10", "Transfer-Encoding: chunked"], "a\r\n0123456789\r\n0\r\n\r\n"),
    (["Content-Length : 10"], BODY),
    (["Transfer-Encoding : chunked"], "0\r\n\r\n"),
    (["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"),
    (["Transfer-Encoding: identity"], ""),
    (["Transfer-Encoding: xchunked"], "0\r\n\r\n"),
    (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], "0\r\n\r\n"),
    (["X-Folded: a", " b"], ""),
    (["Spaced Name: a"], ""),
    ([": empty"], ""),
    (["Host: second"], ""),
    (["Content-Length: -1"], ""),
    (["Content-Length: 10x"], BODY),
    (["Content-Length: 99999999999999999999999"], BODY),
])
def test_requests_that_smuggle_are_rejected_and_closed(site, lines, body):
    request = head(site, f"PUT /{site.macs[0]}-smuggle.log HTTP/1.1", *lines) + body.encode()
    status, closed = ask(site, request)
    assert status in (400, 413, 501) and closed
    assert site.http("GET", f"/{site.macs[0]}-smuggle.log", site.handsets[0]).status == 404


@pytest.mark.parametrize("target", ["/%00", "/site.cfg%00.x", "/%2e%2e%2fsite.cfg", "/x/../site.cfg", "/x/%2e%2e/site.cfg", "/x%2fsite.cfg",
                                    "/x%5csite.cfg", "/%zz", "/%", "/site.cfg%2", "/a%0ab", "/..", "/%2e", "site.cfg", "/site.cfg?a=\x7f", "/site.cfg?a=\x01b"])
def test_targets_that_are_not_paths(site, target):
    status, _ = ask(site, head(site, f"GET {target} HTTP/1.1"))
    assert status == 400


def test_collapsing_is_not_refusing(site):
    assert ask(site, head(site, "GET //site.cfg HTTP/1.1"))[0] == 200
    assert ask(site, head(site, "GET /./site.cfg HTTP/1.1"))[0] == 200


def test_host_is_needed(site):
    auth = f"Authorization: Basic {word(site.handsets[0])}\r\n"
    status, closed = ask(site, f"GET /site.cfg HTTP/1.1\r\n{auth}\r\n".encode())
    assert status == 400 and closed
    assert ask(site, f"GET /site.cfg HTTP/1.0\r\n{auth}\r\n".encode())[0] == 200


@pytest.mark.parametrize("method, want", [("get", (400, 501)), ("BREW", (405, 501)), ("TRACE", (405, 501)), ("CONNECT", (400, 405, 501)),
                                          ("POST", (405,)), ("OPTIONS", (200, 204, 405))])
def test_methods(site, method, want):
    assert ask(site, head(site, f"{method} /site.cfg HTTP/1.1", "Content-Length: 0"))[0] in want


def test_405_tells_what_is_allowed(site):
    reply = site.http("POST", "/site.cfg", site.admin, b"")
    assert reply.status == 405 and {"GET", "HEAD", "PUT", "DELETE"} <= set(re.split(r"[, ]+", reply.headers["Allow"]))


def test_no_credentials_changes_nothing_and_is_asked_at_once(site):
    name = f"/{site.macs[0]}-noauth.log"
    reply = site.http("PUT", name, None, b"")
    assert reply.status == 401 and reply.headers["WWW-Authenticate"].startswith("Basic ")
    assert site.http("GET", name, site.handsets[0]).status == 404


def test_100_continue_comes_at_once(site):
    tls = site.raw_tls(site.https_port)
    tls.sendall(head(site, f"PUT /{site.macs[0]}-expect.log HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"))
    assert tls.recv(200).startswith(b"HTTP/1.1 100 ")
    tls.sendall(b"12345")
    assert tls.recv(200).startswith(b"HTTP/1.1 201 ")
    tls.close()
    # Without credentials the final status comes instead of 100.
    tls = site.raw_tls(site.https_port)
    tls.sendall(b"PUT /x-app.log HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert tls.recv(200).startswith(b"HTTP/1.1 401 ")
    tls.close()


def test_content_range_in_put_is_refused(site):
    reply = site.http("PUT", f"/{site.macs[0]}-range.log", site.handsets[0], b"x", {"Content-Range": "bytes 0-0/1"})
    assert reply.status == 400


@pytest.mark.parametrize("name", ["/{b}.cfg", "/{b}-ext.cfg", "/x/{b}-ext.cfg", "/{B}-ext.cfg", "/{b}/x", "//{b}-ext.cfg", "/%30{b1}-ext.cfg",
                                  "/@handset/{b}/{b}-ext.cfg", "/@log/{b}/", "/@handset/", "/@log/{a}/{a}-boot.log", "/{b}-boot.log", "/{b}-ext.cfg;x"])
def test_foreign_and_absent_are_the_same_answer(site, name):
    mac = site.macs[1]
    name = name.format(a=site.macs[0], b=mac, B=mac.upper(), b1=mac[1:])
    absent = site.http("GET", "/absent.cfg", site.handsets[0])
    foreign = site.http("GET", name, site.handsets[0])
    assert absent.status == 404 and (foreign.status, foreign.body) == (absent.status, absent.body)
    strip = lambda h: sorted((k, v) for k, v in h.items() if k != "Date")  # noqa: E731
    assert strip(foreign.headers) == strip(absent.headers)


@pytest.mark.parametrize("name", ["/{b}-app.log", "/{b}-phone.cfg", "/site.cfg", "/{a}-ext.cfg", "/{a}.cfg", "/new.log", "/{a}-x@1.log",
                                  "/@log/{a}/{a}-app.log", "/@handset/{a}/x.cfg"])
def test_handsets_write_only_their_own_names(site, name):
    assert site.http("PUT", name.format(a=site.macs[0], b=site.macs[1]), site.handsets[0], b"x").status == 403


@pytest.mark.parametrize("method, path, want", [
    ("GET", "/site.cfg", 403), ("PUT", "/x.cfg", 403), ("GET", "/api/v1/accounts", 403), ("GET", "/@log/", 200), ("GET", "/@handset/", 403),
    ("DELETE", "/site.cfg", 403),
])
def test_operators_read_logs_only(site, method, path, want):
    assert site.http(method, path, site.operator, b"" if method == "PUT" else None).status == want


def test_api_is_for_administrators(site):
    for who in (site.handsets[0], site.operator):
        assert site.http("GET", "/api/v1/handsets", who).status in (403, 404)
    assert site.http("GET", "/api/v1/handsets").status == 401
    assert site.http("GET", "/api/v1/nothing", site.admin).status == 404
    assert site.http("GET", "/healthz").status == 200


def test_api_handsets_and_accounts(site):
    mac = "00907a112233"
    made = site.api("POST", "/handsets", {"mac": "00:90:7A:11:22:33", "label": "Ward 3"})
    assert made.status == 201 and made.headers["Location"] == f"/api/v1/handsets/{mac}" and made.json["mac"] == mac
    assert site.api("POST", "/handsets", {"mac": mac}).status == 409
    account = site.api("POST", "/accounts", {"name": mac, "role": "handset", "mac": mac})
    assert account.status == 201 and re.fullmatch("[a-z2-7]{26}", account.json["password"])
    who = (mac, account.json["password"])
    assert "password" not in site.api("GET", f"/accounts/{mac}").json
    assert site.http("GET", "/site.cfg", who).status == 200
    # A change takes hold at once, although the credential was verified a moment ago.
    assert site.api("PATCH", f"/accounts/{mac}", {"enabled": False}).status == 200
    assert site.http("GET", "/site.cfg", who).status == 401
    assert site.api("PATCH", f"/accounts/{mac}", {"enabled": True}).status == 200
    assert site.http("GET", "/site.cfg", who).status == 200
    chosen = site.api("POST", f"/accounts/{mac}/password", {"password": "correct horse"})
    assert chosen.status == 200 and not chosen.json.get("password")
    assert site.http("GET", "/site.cfg", who).status == 401
    assert site.http("GET", "/site.cfg", (mac, "correct horse")).status == 200
    hashed = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
    assert site.api("POST", f"/accounts/{mac}/password", {"hash": hashed}).status == 200
    assert site.http("GET", "/site.cfg", (mac, "correct horse")).status == 401
    assert site.api("PATCH", f"/handsets/{mac}", {"label": "Ward 4"}).json["label"] == "Ward 4"
    assert mac in [h["mac"] for h in site.api("GET", "/handsets").json["handsets"]]
    assert site.api("DELETE", f"/handsets/{mac}").status == 204
    assert site.api("GET", f"/accounts/{mac}").status == 404
    assert site.api("GET", f"/handsets/{mac}").status == 404


@pytest.mark.parametrize("path, value, want", [
    ("/handsets", {"mac": "nonsense"}, 400), ("/handsets", {}, 400), ("/handsets", {"mac": "000000000000"}, 400),
    ("/handsets", {"mac": "00907a445566", "bogus": 1}, 400),
    ("/accounts", {"name": "PlcmSpIp", "role": "handset"}, 400), ("/accounts", {"name": "plcmspip", "role": "operator"}, 400),
    ("/accounts", {"name": "x", "role": "king"}, 400), ("/accounts", {"name": "a/b", "role": "operator"}, 400),
    ("/accounts", {"name": "00907affffff", "role": "operator"}, 400), ("/accounts", {"name": "h", "role": "handset", "mac": "00907affffff"}, 422),
    ("/accounts", {"name": "op2", "role": "operator", "password": "short"}, 400), ("/accounts", [], 400), ("/accounts", 7, 400),
])
def test_api_says_what_is_wrong(site, path, value, want):
    reply = site.api("POST", path, value)
    assert reply.status == want and reply.json["detail"] and reply.json["status"] == want


@pytest.mark.parametrize("body", [b"{", b"[" * 60000, b'{"name": "a\\u0000b", "role": "operator"}', b"\xff\xfe", b""],
                         ids=["open", "deep", "nul", "encoding", "empty"])
def test_json_that_is_none(site, body):
    assert site.http("POST", "/api/v1/accounts", site.admin, body, {"Content-Type": "application/json"}).status == 400


def test_a_large_json_body_is_413(site):
    assert site.http("POST", "/api/v1/accounts", site.admin, b" " * 300_000, {"Content-Type": "application/json"}).status == 413


def test_the_last_administrator_stays(site):
    assert site.api("DELETE", f"/accounts/{site.admin[0]}").status == 409
    assert site.api("PATCH", f"/accounts/{site.admin[0]}", {"enabled": False}).status == 409


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("keep", [True, False])
def test_the_traced_boots(site, tls, keep):
    mac, who = site.macs[2], site.handsets[2]
    steps = [("PUT", f"/{mac}-boot.log", (201, 204)), ("GET", f"/{mac}.cfg", (404,)), ("GET", "/000000000000.cfg", (200,)), ("GET", f"/{mac}-ext.cfg", (200,)),
             ("GET", "/site.cfg", (200,)), ("GET", "/x.x.sip.ld", (404,)), ("GET", f"/{mac}-phone.cfg", (404,)), ("GET", f"/{mac}-web.cfg", (404,)),
             ("GET", "/000000000000-license.cfg", (404,)), ("GET", f"/{mac}-license.cfg", (404,)), ("GET", f"/{mac}-calls.xml", (404,)),
             ("GET", f"/{mac}-directory.xml", (404,)), ("GET", "/000000000000-directory.xml", (200,)), ("HEAD", f"/{mac}-app.log", (200, 404)),
             ("PUT", f"/{mac}-app.log", (201, 204))]
    connection = None
    agent = f"FileTransport PolycomVVX-VVX_500-UA/5.9.0.9373 (SN:{mac}) Type/Application"
    for method, path, want in steps:
        if connection is None:
            connection = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=site.context(tls), timeout=60)
        body = b"0|boot|4|00|x\n" * (3 if tls == "1.2" else 4) if method == "PUT" else None
        connection.request(method, path, body, {"Authorization": "Basic " + word(who), "User-Agent": agent})
        response = connection.getresponse()
        response.read()
        assert response.status in want, (method, path)
        if not keep:
            connection.close()
            connection = None
    known = site.api("GET", f"/handsets/{mac}")
    assert known.status == 200


def test_user_agent_is_kept_as_the_handsets_state(site):
    mac, who = site.macs[1], site.handsets[1]
    agent = f"FileTransport Spectralink-8440-UA/4.0.1.1234 (SN:{mac}) Type/Application"
    site.http("GET", "/site.cfg", who, None, {"User-Agent": agent})
    site.api("PATCH", f"/handsets/{mac}", {"label": "forces the next commit"})
    known = site.api("GET", f"/handsets/{mac}").json
    assert known["user_agent"] == agent and known["firmware"] == "4.0.1.1234" and "8440" in known["model"]


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_sessions_resume_across_connections(site, tls):
    context = site.context(tls)
    session = None
    for n in range(4):
        raw = socket.create_connection(("127.0.0.1", site.https_port), 60)
        sock = context.wrap_socket(raw, server_hostname="localhost", session=session)
        assert sock.session_reused == (n > 0)
        sock.sendall(head(site, "GET /site.cfg HTTP/1.1", "Connection: close"))
        while sock.recv(65536):
            pass
        session = sock.session
        sock.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(site, version):
    context = site.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with pytest.raises((ssl.SSLError, OSError)):
        site.raw_tls(site.https_port, context)


def test_alpn(site):
    assert site.raw_tls(site.https_port, alpn=["http/1.1"]).selected_alpn_protocol() == "http/1.1"
    with pytest.raises((ssl.SSLError, OSError)):
        tls = site.raw_tls(site.https_port, site.context("1.2"), alpn=["ftp"])
        tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert tls.recv(1)


def test_plain_http_gets_no_answer(site):
    raw = socket.create_connection(("127.0.0.1", site.https_port), 60)
    raw.sendall(b"GET /site.cfg HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        assert not re.search(rb"HTTP/|[ -~]{5}", raw.recv(4096))
    except OSError:
        pass
    raw.close()


def cpu(site):
    fields = open(f"/proc/{site.process.pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def hello(site):
    """A client's first flight, whole."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        site.context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def test_stalled_and_dripping_clients_are_closed_and_cost_nothing(new_site):
    site = new_site("slow", handshake_timeout="1s", header_timeout="1s", data_timeout="1s", idle_timeout_https="1s", min_rate="100000")
    auth = word(site.handsets[0])
    half_hello = socket.create_connection(("127.0.0.1", site.https_port), 60)
    half_hello.sendall(bytes.fromhex("16030100") + b"\xc8\x01\x00\x00\xc4\x03\x03" + bytes(30))
    half_shaken = socket.create_connection(("127.0.0.1", site.https_port), 60)
    half_shaken.sendall(hello(site))
    header = site.raw_tls(site.https_port)
    header.sendall(b"GET / HTTP/1.1\r\nHo")
    body = site.raw_tls(site.https_port)
    body.sendall(f"PUT /{site.macs[0]}-slow.log HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {auth}\r\n"
                 "Content-Length: 1000000\r\n\r\n0123".encode())
    idle = site.raw_tls(site.https_port)
    before = cpu(site)
    for connection in (half_hello, half_shaken, header, body, idle):
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass
        connection.close()
    assert cpu(site) - before < 0.7
    assert site.http("GET", f"/{site.macs[0]}-slow.log", site.handsets[0]).status == 404


def test_refusals_look_alike_and_answers_are_never_cached_words(site):
    user = site.handsets[0][0]
    replies = [site.http("GET", "/site.cfg", who) for who in
               [(user, "wrong"), ("nobody", "wrong"), (user, ""), ("x" * 500, "y"), ("a\x00b", "c"), (user, "p" * 9000)]]
    assert {r.status for r in replies} <= {401, 431}
    assert len({r.body for r in replies if r.status == 401}) == 1


def test_names_in_the_log_are_escaped(site):
    site.http("GET", "/x%1b%5b31m", site.handsets[0])
    site.http("GET", "/site.cfg", ("evil\x1b[31m\r\nerror forged", "x"))
    assert "\x1b" not in site.log_text() and "\nerror forged" not in site.log_text()


def test_management_listener(new_site):
    site = new_site("management", management_listen="127.0.0.1:0", management_ftps_listen="127.0.0.1:0")
    handsets, management = site.ports["https"]
    get = lambda port, who, path: site.http("GET", path, who, port=port).status  # noqa: E731
    assert get(handsets, site.handsets[0], "/site.cfg") == 200 and get(handsets, site.admin, "/site.cfg") == 401
    assert get(handsets, site.operator, "/@log/") in (401, 404) and get(handsets, site.admin, "/api/v1/accounts") in (401, 404)
    assert get(handsets, site.handsets[0], "/@log/") == 404 and get(handsets, site.handsets[0], "/api/v1/accounts") == 404
    assert get(management, site.admin, "/site.cfg") == 200 and get(management, site.handsets[0], "/site.cfg") == 401
    assert get(management, site.operator, "/@log/") == 200
    import ftplib
    with pytest.raises(ftplib.error_perm, match="^530"):
        site.ftp(site.admin, port=site.ports["ftps"][0])
    assert site.ftp(site.admin, port=site.ports["ftps"][1]).quit().startswith("221")
