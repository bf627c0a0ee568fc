# SPDX-License-Identifier: Apache-2.0
"""FTPS against rude, slow and curious clients: whose a data channel is, odd commands, limits, deadlines."""
import contextlib
import calendar
import ftplib
import os
import re
import resource
import select
import socket
import time

import pytest

from conftest import TIMEOUT
from test_ftps import Bare, code
from test_https import head
from test_uploads import BROKEN, ask, wait_for


@pytest.fixture(scope="module")
def strict(new_site):
    return new_site("strict", data_binding="require")


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("verb", ["-T", "-aT"])
def test_twenty_uploads_with_curl_where_resumption_is_required(strict, tls, verb):
    site = strict
    name = f"{site.macs[0]}-curl{tls}{verb.replace('-', '')}.log"
    data = site.folder / "line"
    data.write_bytes(b"a line\n")
    arguments = []
    for _ in range(20):
        arguments += ["-T", data, f"{site.ftps_url}/{name}"]
    arguments += [f"{site.ftps_url}/site.cfg"] * 10
    run = site.curl(*(["-a"] if verb == "-aT" else []), "-v", f"--tlsv{tls}", "--tls-max", tls, *arguments, user=site.handsets[0])
    assert run.stderr.count(b"USER ") == 1 and run.stderr.count(b"226 ") == 30
    assert site.http("GET", f"/{name}", site.handsets[0]).body == b"a line\n" * (20 if verb == "-aT" else 1)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_twenty_transfers_with_lftp_where_resumption_is_required(strict, tls):
    site = strict
    name = f"{site.macs[1]}-lftp{tls}.log"
    (site.folder / name).write_bytes(b"by lftp\n")
    script = f"set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS{tls}; " + "; ".join(["cat site.cfg", f"put {name}", "cls -l", "get site.cfg -o got"] * 5)
    script = "set xfer:clobber true; " + script
    assert site.lftp(script, site.handsets[1]).stdout.count(b"<handsetConfig>") == 5


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_twenty_transfers_with_python_where_resumption_is_required(strict, tls):
    site = strict
    ftp = site.ftp(site.handsets[2], site.context(tls))
    name = f"{site.macs[2]}-python{tls}.log"
    for n in range(10):
        assert ftp.put("APPE", name, b"%d\n" % n).startswith("226")
        assert ftp.get("site.cfg")
    assert ftp.quit().startswith("221")
    assert ask(site, "SELECT size FROM log_generation WHERE path = ?", f"/{name}") == [(20,)]


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_binding_can_be_required_of_one_handset(new_site, tls):
    site = new_site(f"one{tls}")
    assert site.api("PATCH", f"/handsets/{site.macs[0]}", {"require_binding": True}).status == 200
    for n, refused in ((0, True), (1, False)):
        ftp = site.ftp(site.handsets[n], site.context(tls), reuse=False)
        if refused:
            with pytest.raises(BROKEN):
                ftp.get("site.cfg")
        else:
            assert ftp.get("site.cfg")
        ftp.close()
    ftp = site.ftp(site.handsets[0], site.context(tls))
    assert ftp.get("site.cfg")
    ftp.close()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("verb", ["RETR", "APPE"])
def test_a_neighbour_behind_the_same_address_takes_nothing(site, tls, verb):
    """The ratchet: he comes first to the port, and the owner's transfer fails cleanly."""
    name = f"{site.macs[0]}-neighbour.log"
    ftp = site.ftp(site.handsets[0], site.context(tls))
    assert ftp.get("site.cfg")
    ftp.voidcmd("TYPE I")
    host, port = ftp.makepasv()
    raw = socket.create_connection((host, port), TIMEOUT)
    ftp.putcmd(f"{verb} {'site.cfg' if verb == 'RETR' else name}")
    assert ftp.getresp().startswith("150")
    got = b""
    try:
        stranger = site.context(tls).wrap_socket(raw, server_hostname="localhost")
        if verb == "APPE":
            stranger.sendall(b"forged\n")
            stranger.unwrap()
        got = stranger.recv(4096)
    except OSError:
        pass
    assert got == b""
    with pytest.raises(ftplib.error_temp, match="^425"):
        ftp.voidresp()
    assert "ftps.data-refused" in site.log_text()
    assert code(ftp, f"SIZE {name}").startswith("550")
    assert ftp.get("site.cfg")
    ftp.quit()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_neighbour_resumes_no_session_of_his_own(strict, tls):
    """He is refused, but on TLS 1.2 not before he was given a ticket: that ticket must not open the next port."""
    ftp = strict.ftp(strict.handsets[0], strict.context(tls))
    ftp.voidcmd("TYPE I")
    context, session = strict.context(tls), None
    for _ in range(3):
        raw = socket.create_connection(ftp.makepasv(), TIMEOUT)
        assert code(ftp, "RETR site.cfg").startswith("150")
        got = b""
        try:
            neighbour = context.wrap_socket(raw, server_hostname="localhost", session=session)
            session = neighbour.session
            got = neighbour.recv(4096)
        except OSError:
            pass
        raw.close()
        assert got == b""
        assert ftp.getline().startswith("425")
    assert session is not None or tls == "1.3"
    assert ftp.get("site.cfg")
    ftp.quit()


def test_address_binding_asks_for_nothing_more(new_site):
    site = new_site("address", data_binding="address")
    ftp = site.ftp(site.handsets[0])
    assert ftp.get("site.cfg")
    ftp.reuse = False
    assert ftp.get("site.cfg")
    ftp.quit()


def test_when_the_limit_of_sessions_is_hit_nothing_is_said_in_the_clear(new_site):
    site = new_site("limit", max_sessions="3", max_connections="3")
    ftps = [site.ftp(site.handsets[0]) for _ in range(3)]
    for _ in range(3):
        raw = socket.create_connection(("127.0.0.1", site.ftps_port), TIMEOUT)
        raw.sendall(b"USER x\r\n")
        got = b""
        try:
            while part := raw.recv(4096):
                got += part
        except OSError:
            pass
        assert not re.search(rb"[ -~]{4}", got)
        raw.close()
    with pytest.raises((OSError, EOFError, ftplib.Error)):
        site.ftp(site.handsets[0])
    assert "overload" in site.log_text()
    assert all(ftp.voidcmd("NOOP") for ftp in ftps)
    ftps[0].quit()
    wait_for(lambda: "ftps.close" in site.log_text())

    def again():
        try:
            return site.ftp(site.handsets[0]).quit().startswith("221")
        except (OSError, EOFError, ftplib.Error):
            return False
    wait_for(again)
    for ftp in ftps[1:]:
        ftp.close()


@pytest.mark.parametrize("line, want", [
    (b"PASV 1\r\n", b"501"), (b"EPSV 1\r\n", b"229"), (b"EPSV 3\r\n", b"522"), (b"EPSV x\r\n", b"501"), (b"EPSV 1 2\r\n", b"501"), (b"EPSV all\r\n", b"200"),
    (b"epsv\r\n", b"229"), (b"PaSv\r\n", b"227"), (b"PROT S\r\n", b"536"), (b"PROT E\r\n", b"536"), (b"PROT X\r\n", b"504"), (b"PBSZ 4096\r\n", b"200"), (b"PBSZ x\r\n", b"501"),
    (b"TYPE\r\n", b"501"), (b"TYPE I N\r\n", b"5"), (b"TYPE A T\r\n", b"5"), (b"TYPE L 16\r\n", b"504"), (b"type i\r\n", b"200"), (b"MODE C\r\n", b"504"), (b"STRU P\r\n", b"504"),
    (b"NOOP\r\r\n", b""), (b"CWD a\x00b\r\n", b"500"), (b"NO\xff\xf1OP\r\n", b"200"), (b"\xff\xf4\xff\xf2NOOP\r\n", b"200"), (b"\xff\xfb\x01NOOP\r\n", b"200"),
    (b"CWD x\xff\xff\r\n", b"5"), (b"ALLO 5 R 3\r\n", b"200"), (b"ALLO x\r\n", b"501"), (b"SIZE " + b"a" * 300 + b"\r\n", b"5"), (b"CWD " + b"a/" * 2000 + b"\r\n", b"5"),
    (b"HELP NONSENSE\r\n", b"5"), (b"STAT site.cfg\r\n", b"213"), (b"STAT -l /\r\n", b"212"), (b"MDTM 20200101000000 site.cfg\r\n", b"550"), (b"PASS x\r\n", b"503"),
])
def test_odd_commands(site, line, want):
    bare = Bare(site)
    user, password = site.handsets[0]
    bare.reply()
    bare.say(f"USER {user}\r\nPASS {password}\r\n".encode())
    assert bare.reply().startswith(b"331") and bare.reply().startswith(b"230")
    bare.say(line)
    assert bare.reply().startswith(want)
    bare.say(b"NOOP\r\n")
    assert bare.reply().startswith(b"200")
    bare.tls.close()


def test_passive_after_epsv_all_and_unused_offers(site):
    ftp = site.ftp(site.handsets[0])
    ports = {ftplib.parse229(code(ftp, "EPSV"), ("127.0.0.1", 0))[1] for _ in range(30)}
    assert len(ports) > 10  # not to be guessed from the one before
    alive = 0
    for port in ports:
        try:
            socket.create_connection(("127.0.0.1", port), TIMEOUT).close()
            alive += 1
        except OSError:
            pass
    assert alive <= 1
    assert code(ftp, "EPSV ALL").startswith("200") and code(ftp, "PASV").startswith("5")
    ftp.close()


def test_a_passive_port_serves_once(site):
    ftp = site.ftp(site.handsets[0])
    host, port = ftp.makepasv()
    raw = socket.create_connection((host, port), TIMEOUT)
    ftp.putcmd("RETR site.cfg")
    assert ftp.getresp().startswith("150")
    with pytest.raises(OSError):
        second = socket.create_connection((host, port), TIMEOUT)
        second.sendall(b"x")
        assert second.recv(10)
    tls = ftp.context.wrap_socket(raw, server_hostname="localhost", session=ftp.sock.session)
    assert tls.recv(4096)
    tls.close()
    assert ftp.voidresp().startswith("226")
    ftp.quit()


def test_the_passive_address_of_the_setting_is_told(new_site):
    site = new_site("told", passive_address="192.0.2.7")
    ftp = site.ftp(site.handsets[0])
    assert re.match(r"227 .*192,0,2,7,\d+,\d+", code(ftp, "PASV"))
    ftp.trust_server_pasv_ipv4_address = False
    assert ftp.get("site.cfg")
    ftp.quit()


def test_a_client_that_never_reads_its_replies_is_closed_and_others_are_served(site):
    bare = Bare(site)
    bare.reply()
    ended = site.log_text().count("ftps.close")
    try:
        for _ in range(20000):
            bare.say(b"HELP\r\n" * 10)
    except OSError:
        pass
    wait_for(lambda: site.log_text().count("ftps.close") > ended)
    assert site.ftp(site.handsets[0]).quit().startswith("221")
    bare.tls.close()


def test_slow_readers_and_writers_are_cut_and_steady_ones_are_not(new_site):
    site = new_site("pace", data_timeout="600ms", min_rate="1000")
    site.http("PUT", "/big.ld", site.admin, os.urandom(30_000_000))
    log = f"{site.macs[0]}-slow.log"

    reader = site.ftp(site.handsets[0])
    reader.voidcmd("TYPE I")
    stuck = reader.transfercmd("RETR big.ld")
    stuck.recv(10)
    writer = site.ftp(site.handsets[0])
    writer.voidcmd("TYPE I")
    drip = writer.transfercmd(f"APPE {log}")
    begun = time.monotonic()
    tls = site.raw_tls(site.https_port)
    tls.sendall(head(site, "GET /big.ld HTTP/1.1"))
    tls.recv(10)
    # Steady and slow: 3 KB at a time keep above the rate for several periods.
    steady = site.ftp(site.handsets[1])
    steady.voidcmd("TYPE I")
    flow = steady.transfercmd(f"APPE {site.macs[1]}-steady.log")
    sent = 0
    try:
        while time.monotonic() - begun < 3:
            flow.sendall(b"x" * 300)
            sent += 300
            try:
                drip.sendall(b".")
            except OSError:
                pass
            select.select([], [], [], 0.1)  # the pace of the two: what is tested, not a wait for something
    finally:
        flow.unwrap()
    assert steady.voidresp().startswith("226") and steady.size(f"{site.macs[1]}-steady.log") == sent
    for ftp in (reader, writer):
        assert ftp.getmultiline()[:3] in ("426", "425")
        assert ftp.voidcmd("NOOP")
    assert code(writer, f"SIZE {log}").startswith("550")
    tls.settimeout(TIMEOUT)
    got = 0
    try:
        while part := tls.recv(65536):
            got += len(part)
    except OSError:
        pass
    assert got < 30_000_000 and "https.stalled" in site.log_text()
    for connection in (stuck, drip, flow, tls):
        connection.close()


def test_a_slow_download_may_take_its_time(new_site):
    """A minimum rate and no limit on the whole: a firmware image over roaming Wi-Fi."""
    site = new_site("roaming", data_timeout="300ms", header_timeout="300ms", min_rate="256", idle_timeout_https="300ms")
    data = os.urandom(3_000_000)
    site.http("PUT", "/image.ld", site.admin, data)
    got = b""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(TIMEOUT)
    raw.connect(("127.0.0.1", site.https_port))
    tls = site.context().wrap_socket(raw, server_hostname="localhost")
    tls.sendall(head(site, "GET /image.ld HTTP/1.1"))
    begun = time.monotonic()
    while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < len(data):
        part = tls.recv(16384)
        assert part, "cut"
        got += part
        select.select([], [], [], 0.012)  # the pace of the link: what is tested, not a wait for something
    assert time.monotonic() - begun > 1.5 and got.endswith(data)
    tls.close()


def test_both_families_on_one_listener(new_site):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    site = new_site("families", ftps_listen="[::]:0", https_listen="[::]:0")
    ftp = site.ftp(site.handsets[0])  # 127.0.0.1, mapped
    assert code(ftp, "EPSV 2").startswith("522") and code(ftp, "EPSV 1").startswith("229") and re.match(r"227 .*127,0,0,1,", code(ftp, "PASV"))
    assert ftp.get("site.cfg")
    ftp.quit()
    bare = Bare.__new__(Bare)
    bare.tls = site.context().wrap_socket(socket.create_connection(("::1", site.ftps_port), TIMEOUT), server_hostname="localhost")
    bare.file = bare.tls.makefile("rb")
    bare.reply()
    user, password = site.handsets[0]
    bare.say(f"USER {user}\r\nPASS {password}\r\nPASV\r\nEPSV 1\r\nEPSV\r\n".encode())
    assert bare.reply().startswith(b"331") and bare.reply().startswith(b"230")
    assert bare.reply().startswith(b"425") and bare.reply().startswith(b"522")
    told = bare.reply()
    assert told.startswith(b"229")
    raw = socket.create_connection(("::1", int(told.split(b"|")[3])), TIMEOUT)
    bare.say(b"RETR site.cfg\r\n")
    assert bare.reply().startswith(b"150")
    tls = site.context().wrap_socket(raw, server_hostname="localhost")
    assert tls.recv(4096) and bare.reply().startswith(b"226")
    tls.close()
    bare.tls.close()


@pytest.mark.parametrize("name, want", [
    ("a b", "250"), ("~", "250"), (".hidden", "250"), ("%2e%2e", "250"), ("x" * 200, "250"), ("ä", "250"), ("a/./b//c/", "250"), ("a/../b", "250"), ("...", "250"),
    ("/", "250"), ("..", "550"), ("a/../..", "550"), ("/../etc", "550"), ("{b}", "550"), ("{b}-x", "550"), ("x/{B}/y", "550"), ("{a}", "250"), ("000000000000", "250"),
    ("{b}x", "250"), ("@handset/{b}", "550"), ("@log/{b}", "550"), ("x/../{b}", "550"), ("/./{b}", "550"),
])
def test_folders_are_judged_by_their_shape(site, name, want):
    ftp = site.ftp(site.handsets[0])
    assert code(ftp, "CWD " + name.format(a=site.macs[0], b=site.macs[1], B=site.macs[1].upper())).startswith(want)
    ftp.close()


def test_mdtm_is_utc_and_size_is_what_is_stored(site):
    name = f"{site.macs[0]}-when.log"
    site.http("PUT", f"/{name}", site.handsets[0], b"a\nb\r\n")
    ftp = site.ftp(site.handsets[0])
    told = code(ftp, f"MDTM {name}").split()[1][:14]
    when = time.strptime(told, "%Y%m%d%H%M%S")
    assert abs(calendar.timegm(when) - time.time()) < 120
    for kind in ("A", "I"):
        code(ftp, f"TYPE {kind}")
        assert code(ftp, f"SIZE {name}") == "213 5"
    ftp.quit()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_new_control_connection_makes_a_full_handshake(site, tls):
    """By design: the ticket's key is the control session's own, and so binds its data channels to it."""
    context = site.context(tls)
    one = site.ftp(site.handsets[0], context)
    one.get("site.cfg")
    raw = socket.create_connection(("127.0.0.1", site.ftps_port), TIMEOUT)
    two = context.wrap_socket(raw, server_hostname="localhost", session=one.sock.session)
    assert not two.session_reused and two.recv(3) == b"220"
    two.close()
    one.quit()


def test_commands_during_a_transfer_wait_for_its_end(site):
    """STAT is answered at once, everything else in its order, and nothing is lost."""
    name = f"{site.macs[2]}-busy.log"
    ftp = site.ftp(site.handsets[2])
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd(f"APPE {name}")
    assert code(ftp, "STAT").startswith("211")
    ftp.sock.sendall(f"SIZE {name}\r\nPWD\r\nQUIT\r\n".encode())
    conn.sendall(b"12345")
    conn.unwrap()
    conn.close()
    rest = ftp.file.read()
    assert re.findall(r"^(\d\d\d) .*", rest, re.M) == ["226", "213", "257", "221"] and "213 5" in rest
    ftp.close()


def test_no_descriptor_is_left_for_a_data_connection(site):
    """The transfer is refused at once, and not as absent, instead of a loop that spins until its patience is over."""
    ftp = site.ftp(site.handsets[1])
    host, port = ftp.makepasv()
    pid = site.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    assert code(ftp, "RETR site.cfg").startswith("150")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        # The server gives the port up: this connection may see that before or after it is made.
        raw = socket.socket()
        raw.settimeout(TIMEOUT)
        with contextlib.suppress(ConnectionError):
            raw.connect((host, port))
        assert ftp.getline().startswith("451")
        raw.close()
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert ftp.get("site.cfg")
    ftp.quit()


def test_each_of_two_aborts_has_its_reply(site):
    """Both come while the first look-up of the transfer is under way: no reply is missing or left over."""
    name = f"{site.macs[1]}-abort.log"
    ftp = site.ftp(site.handsets[1])
    ftp.voidcmd("TYPE I")
    ftp.makepasv()
    ftp.sock.sendall(f"STOR {name}\r\nABOR\r\nABOR\r\nNOOP\r\n".encode())
    assert sorted(ftp.getline()[:3] for _ in range(4)) == ["200", "225", "226", "426"]
    assert code(ftp, f"SIZE {name}").startswith("550")
    ftp.quit()
