# SPDX-License-Identifier: Apache-2.0
"""The implicit FTPS listener: commands, data channels, hostile input (RFC 959, 2228, 3659, 4217)."""
import ftplib
import os
import re
import socket
import ssl

import pytest


@pytest.fixture
def ftp(site):
    ftp = site.ftp(site.handsets[0])
    yield ftp
    ftp.close()


def code(ftp, line):
    """The reply to one command line, whatever it is."""
    ftp.putcmd(line)
    return ftp.getmultiline()


class Bare:
    """A control connection that sends what it is told, byte for byte."""

    def __init__(self, site, context=None, alpn=None):
        self.tls = site.raw_tls(site.ftps_port, context, alpn)
        self.file = self.tls.makefile("rb")

    def say(self, data):
        self.tls.sendall(data)

    def reply(self):
        line = self.file.readline()
        if line[3:4] == b"-":
            while not re.match(line[:3] + b" ", last := self.file.readline()):
                assert last
        return line

    def closed(self):
        """Everything that still comes before the end."""
        rest = b""
        try:
            while part := self.file.read(4096):
                rest += part
        except (OSError, ssl.SSLError):
            pass
        return rest


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("reuse", [True, False])
def test_a_boot_without_prot(site, tls, reuse):
    mac = site.macs[0]
    ftp = site.ftp(site.handsets[0], site.context(tls), reuse)
    assert ftp.voidcmd("TYPE I").startswith("200")
    assert ftp.sendcmd("CWD /").startswith("250")
    for name, there in [(f"{mac}.cfg", False), ("000000000000.cfg", True), (f"{mac}-ext.cfg", True), ("site.cfg", True),
                        ("sip.ld", True), (f"{mac}-license.cfg", False)]:
        if there:
            assert ftp.size(name) == len(ftp.get(name))
        else:
            with pytest.raises(ftplib.error_perm, match="^550"):
                ftp.get(name)
    assert ftp.put("APPE", f"{mac}-boot.log", b"0|boot|4|00|up\n").startswith("226")
    assert ftp.quit().startswith("221")


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_twenty_transfers_on_one_connection_with_curl(site, tls):
    urls = [f"{site.ftps_url}/site.cfg"] * 20
    run = site.curl("-v", f"--tlsv{tls}", "--tls-max", tls, *urls, user=site.handsets[0])
    assert run.stdout.count(b"<handsetConfig>") == 20
    assert run.stderr.count(b"USER ") == 1


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_strict_binding_with_curl_and_lftp(new_site, tls):
    site = new_site(f"strict{tls}", data_binding="require")
    urls = [f"{site.ftps_url}/site.cfg"] * 20
    run = site.curl(f"--tlsv{tls}", "--tls-max", tls, *urls, user=site.handsets[0])
    assert run.stdout.count(b"<handsetConfig>") == 20
    gets = "; ".join(["cat site.cfg"] * 20)
    assert site.lftp(gets, site.handsets[0]).stdout.count(b"<handsetConfig>") == 20
    ftp = site.ftp(site.handsets[0], site.context(tls), reuse=False)
    with pytest.raises((ftplib.error_temp, ssl.SSLError, OSError, EOFError)):
        ftp.get("site.cfg")
    ftp.close()


def test_once_resumed_always_resumed(site):
    """A neighbour behind the same address cannot take a later transfer (the ratchet of `prefer`)."""
    ftp = site.ftp(site.handsets[0], site.context("1.2"))
    ftp.get("site.cfg")
    ftp.reuse = False
    with pytest.raises((ftplib.error_temp, ssl.SSLError, OSError, EOFError)):
        ftp.get("site.cfg")
    ftp.close()


def test_another_sessions_ticket_does_not_bind(new_site):
    site = new_site("foreign", data_binding="require")
    context = site.context("1.2")
    one, two = site.ftp(site.handsets[0], context), site.ftp(site.handsets[1], context)
    conn, _ = ftplib.FTP.ntransfercmd(two, "RETR site.cfg")
    with pytest.raises((OSError, ssl.SSLError, ftplib.error_temp)):
        tls = context.wrap_socket(conn, server_hostname="localhost", session=one.sock.session)
        assert not tls.recv(10)
        two.voidresp()
    one.close()
    two.close()


def test_data_channel_is_never_clear(site, ftp):
    conn, _ = ftplib.FTP.ntransfercmd(ftp, "RETR site.cfg")
    conn.sendall(b"hello in the clear\r\n" * 10)
    conn.settimeout(60)
    got = b""
    try:
        while part := conn.recv(4096):
            got += part
    except OSError:
        pass
    assert b"handsetConfig" not in got
    with pytest.raises(ftplib.error_temp, match="^4(25|26)"):
        ftp.voidresp()
    assert ftp.get("site.cfg")


def test_reply_150_comes_before_the_data_handshake(site, ftp):
    host, port = ftp.makepasv()
    raw = socket.create_connection((host, port), 60)
    ftp.putcmd("RETR site.cfg")
    assert ftp.getresp().startswith("150")
    tls = ftp.context.wrap_socket(raw, server_hostname="localhost")
    while tls.recv(4096):
        pass
    tls.close()
    assert ftp.voidresp().startswith("226")


@pytest.mark.parametrize("line, want", [
    ("PROT C", "5"), ("CCC", "5"), ("AUTH TLS", "5"), ("MODE Z", "504"), ("MODE B", "504"), ("MODE S", "200"),
    ("STRU F", "200"), ("STRU R", "504"), ("TYPE A", "200"), ("TYPE I", "200"), ("TYPE L 8", "200"), ("TYPE E", "504"),
    ("PBSZ 0", "200"), ("PROT P", "200"), ("PORT 127,0,0,1,4,1", "50"), ("EPRT |1|127.0.0.1|1025|", "5"),
    ("SITE UTIME x", "50"), ("NOOP", "200"), ("SYST", "215"), ("PWD", "257"), ("XPWD", "257"), ("CDUP", "550"),
    ("CWD ..", "550"), ("CWD /a/../..", "550"), ("CWD /any/folder", "250"), ("CWD //a/./b", "250"),
    ("SIZE site.cfg", "213"), ("SIZE nothing.cfg", "550"), ("MDTM site.cfg", "213 20"), ("MLST site.cfg", "250"),
    ("ALLO 100", "20"), ("REST 0", "350"), ("REST x", "501"), ("OPTS UTF8 ON", "200"), ("OPTS NONSENSE", "501"),
    ("HELP", "214"), ("HELP RETR", "214"), ("STAT", "211"), ("MKD new", "257"), ("RMD new", "250"), ("RNFR site.cfg", "5"),
    ("SMNT /", "50"), ("STOU", "5"), ("REIN", "5"), ("ACCT x", "50"), ("FOO", "500"), ("DELE site.cfg", "550"), ("EPSV 2", "522"),
    ("EPSV ALL", "200"), ("FEAT", "211"), ("ABOR", "22"), ("USER", "50"), ("SIZE", "501"), ("STOR site.cfg", "5"), ("RETR site.cfg", "4"),
])
def test_every_command_has_its_reply(ftp, line, want):
    assert code(ftp, line).startswith(want)
    assert code(ftp, "NOOP").startswith("200")


def test_features_are_told_as_they_are(ftp):
    lines = code(ftp, "FEAT").upper()
    for feature in ("SIZE", "MDTM", "REST STREAM", "MLST", "EPSV", "PBSZ", "PROT", "UTF8"):
        assert f" {feature}" in lines
    assert "AUTH TLS" not in lines


def test_before_login_nothing_but_login(site):
    ftp = site.ftp()
    for line in ("RETR site.cfg", "LIST", "PASV", "SIZE site.cfg", "CWD /", "APPE x.log"):
        assert code(ftp, line).startswith("530")
    assert code(ftp, "PASS x").startswith("503")
    assert code(ftp, "FEAT").startswith("211")
    assert code(ftp, "QUIT").startswith("221")


@pytest.mark.parametrize("name", ["{b}.cfg", "{b}-ext.cfg", "x/{b}-ext.cfg", "{B}-ext.cfg", "/{b}/x.cfg", "./{b}-ext.cfg", "//{b}-ext.cfg",
                                  "x/../{b}-ext.cfg", "@handset/{b}/{b}-ext.cfg", "@log/{b}/{b}-app.log", "absent.cfg"])
def test_foreign_and_absent_cannot_be_told_apart(site, ftp, name):
    name = name.format(b=site.macs[1], B=site.macs[1].upper())
    absent = code(ftp, "SIZE absent-too.cfg")
    assert code(ftp, f"SIZE {name}") == absent
    assert code(ftp, f"MDTM {name}") == absent
    ftp.makepasv()
    assert code(ftp, f"RETR {name}") == absent


@pytest.mark.parametrize("name", ["{b}-app.log", "{b}-phone.cfg", "site.cfg", "{a}-ext.cfg", "{a}.cfg", "new.log", "{a}-x@1.log", "{b}/{a}-app.log",
                                  "@log/{a}/{a}-app.log", "{a}app.log", "000000000000-phone.cfg"])
@pytest.mark.parametrize("verb", ["STOR", "APPE"])
def test_writes_outside_of_its_own_names_are_refused(site, ftp, verb, name):
    ftp.makepasv()
    assert code(ftp, f"{verb} {name.format(a=site.macs[0], b=site.macs[1])}").startswith("550")


def test_cwd_into_a_foreign_folder_is_refused_by_shape(site, ftp):
    assert code(ftp, f"CWD {site.macs[1]}").startswith("550")
    assert code(ftp, "CWD 00907affffff").startswith("550")
    assert code(ftp, f"CWD {site.macs[0]}").startswith("250")


def test_nothing_is_created_when_the_data_connection_never_comes(new_site):
    site = new_site("nodata", data_timeout="300ms")
    ftp = site.ftp(site.handsets[0])
    ftp.makepasv()
    ftp.putcmd(f"APPE {site.macs[0]}-app.log")
    assert ftp.getresp()[:3] in ("150", "425")
    with pytest.raises((ftplib.error_temp, ftplib.error_perm)):
        ftp.voidresp() if ftp.lastresp == "150" else ftp.size(f"{site.macs[0]}-app.log")
    assert code(ftp, f"SIZE {site.macs[0]}-app.log").startswith("550")
    ftp.quit()


def test_someone_else_on_the_passive_port(site, ftp):
    """A stranger from another address gets nothing, and the owner still completes."""
    host, port = ftp.makepasv()
    try:
        stranger = socket.create_connection((host, port), 60, source_address=("127.0.0.2", 0))
    except OSError:
        pytest.skip("no second loopback address here")
    ftp.putcmd("RETR site.cfg")
    assert ftp.getresp().startswith("150")
    try:
        assert stranger.recv(10) == b""
    except ConnectionError:
        pass
    raw = socket.create_connection((host, port), 60)
    tls = ftp.context.wrap_socket(raw, server_hostname="localhost")
    got = b""
    while part := tls.recv(4096):
        got += part
    assert b"handsetConfig" in got and ftp.voidresp().startswith("226")


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /x HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
@pytest.mark.parametrize("logged_in", [False, True])
def test_http_on_the_ftps_port_is_closed(site, first, logged_in):
    bare = Bare(site)
    assert bare.reply().startswith(b"220")
    if logged_in:
        user, password = site.handsets[0]
        bare.say(f"USER {user}\r\nPASS {password}\r\n".encode())
        assert bare.reply().startswith(b"331") and bare.reply().startswith(b"230")
    bare.say(first)
    rest = bare.closed()
    assert rest.count(b"\r\n") <= 1


def test_plain_text_on_the_port_gets_no_byte_in_the_clear(site):
    raw = socket.create_connection(("127.0.0.1", site.ftps_port), 60)
    raw.sendall(b"USER anonymous\r\nPASS x\r\n")
    got = b""
    try:
        while part := raw.recv(4096):
            got += part
    except OSError:
        pass
    assert not re.search(rb"[ -~]{4}", got)  # at most a TLS alert


def test_alpn(site):
    context = site.context()
    assert Bare(site, context, ["ftp"]).tls.selected_alpn_protocol() == "ftp"
    with pytest.raises((ssl.SSLError, OSError)):
        bare = Bare(site, site.context("1.2"), ["http/1.1"])
        assert bare.reply()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(site, version):
    context = site.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with pytest.raises((ssl.SSLError, OSError)):
        site.raw_tls(site.ftps_port, context)


def test_pipelined_and_split_lines(site):
    bare = Bare(site)
    bare.reply()
    user, password = site.handsets[0]
    bare.say(f"USER {user}\r\nPASS {password}\r\nTYPE I\r\nPWD\r\nNOOP\r\n".encode())
    assert [bare.reply()[:3] for _ in range(5)] == [b"331", b"230", b"200", b"257", b"200"]
    for byte in b"SYST\r\n":
        bare.say(bytes([byte]))
    assert bare.reply().startswith(b"215")
    bare.say(b"\xff\xf4\xff\xf2ABOR\r\n")
    assert bare.reply()[:2] == b"22"
    bare.say(b"NOOP\n")
    assert bare.reply().startswith(b"200")


@pytest.mark.parametrize("junk", [b"A" * (1 << 20), b"NOOP\x00\r\n" * 60, b"\r\n" * 200, bytes(range(256)) * 300, b"USER \xff\xff\xff\xfe\r\n" * 60],
                         ids=["long", "nul", "empty", "bytes", "iac"])
def test_junk_ends_the_session_not_the_server(site, junk):
    bare = Bare(site)
    bare.reply()
    try:
        bare.say(junk + b"\r\n")
        for _ in range(60):
            bare.say(b"JUNK\r\n")
    except OSError:
        pass
    bare.closed()
    assert site.ftp(site.handsets[0]).quit().startswith("221")


def test_fifty_unknown_commands_end_it_but_refused_ones_do_not(site, ftp):
    for _ in range(80):
        assert code(ftp, "SITE UTIME 20260101000000 x").startswith("50")
    answers = []
    try:
        for _ in range(60):
            answers.append(code(ftp, "BOGUS")[:3])
    except (EOFError, OSError):
        pass
    assert answers[0] == "500" and answers[-1] == "421" and len(answers) <= 51


def test_five_failed_logins_end_the_connection(site):
    ftp = site.ftp()
    answers = []
    try:
        for _ in range(10):
            assert code(ftp, f"USER {site.handsets[0][0]}").startswith("331")
            answers.append(code(ftp, "PASS wrong-password")[:3])
    except (EOFError, OSError):
        pass
    assert answers[:4] == ["530"] * 4 and len(answers) == 5 and answers[-1] in ("530", "421")


def test_refusals_look_alike(site):
    def words(user, password):
        ftp = site.ftp()
        try:
            return code(ftp, f"USER {user}"), code(ftp, f"PASS {password}")
        finally:
            ftp.close()

    right = site.handsets[0][0]
    assert words(right, "wrong-password") == words("nobody", "wrong-password") == words("x" * 300, "y" * 10000) == words(right, "a b")


def test_a_firmware_header_is_read_and_the_rest_dropped(site):
    site.http("PUT", "/big.ld", site.admin, os.urandom(20_000_000))
    ftp = site.ftp(site.handsets[0])
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd("RETR big.ld")
    conn.recv(1000)
    os.close(conn.detach())
    assert ftp.getmultiline()[:3] in ("426", "226")
    assert ftp.get("site.cfg")
    ftp.quit()
    assert " error " not in site.log_text()


def test_abor_ends_a_transfer(site):
    site.http("PUT", "/abor.ld", site.admin, os.urandom(20_000_000))
    ftp = site.ftp(site.handsets[0])
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd("RETR abor.ld")
    conn.recv(1000)
    ftp.putcmd("ABOR")
    first = ftp.getmultiline()
    assert first[:3] in ("426", "226")
    if first.startswith("426"):
        assert ftp.getmultiline().startswith("226")
    os.close(conn.detach())
    assert ftp.get("site.cfg")
    ftp.quit()


def test_two_hundred_sessions_at_once(site):
    ftps = [site.ftp(site.handsets[n % 3]) for n in range(200)]
    for n, ftp in enumerate(ftps):
        assert ftp.size(f"{site.macs[n % 3]}-ext.cfg") > 0
    threads = len(os.listdir(f"/proc/{site.process.pid}/task"))
    assert threads < 60
    for ftp in ftps:
        ftp.close()


def test_type_a_changes_nothing(site, ftp):
    data = b"line\nline\r\nlast"
    ftp.voidcmd("TYPE A")
    conn = ftp.transfercmd(f"STOR {site.macs[0]}-phone.cfg")
    conn.sendall(data)
    conn.unwrap()
    assert ftp.voidresp().startswith("226")
    ftp.voidcmd("TYPE A")
    assert code(ftp, f"SIZE {site.macs[0]}-phone.cfg") == f"213 {len(data)}"
    assert site.http("GET", f"/{site.macs[0]}-phone.cfg", site.handsets[0]).body == data


def test_rest_beyond_the_end(site, ftp):
    ftp.voidcmd("TYPE I")
    with pytest.raises(ftplib.error_perm, match="^55[04]"):
        ftp.get("site.cfg", rest=10_000_000)
    assert ftp.get("site.cfg")


def test_idle_sessions_and_slow_logins_are_closed(new_site):
    site = new_site("idle", idle_timeout_ftps="300ms", header_timeout="300ms", handshake_timeout="300ms")
    ftp = site.ftp(site.handsets[0])
    assert ftp.getmultiline().startswith("421")
    waiting = site.ftp()
    assert waiting.getmultiline().startswith("421")
    raw = socket.create_connection(("127.0.0.1", site.ftps_port), 60)
    assert raw.recv(10) == b""
    ftp.close(), waiting.close(), raw.close()
