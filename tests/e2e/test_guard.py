# SPDX-License-Identifier: Apache-2.0
"""Guessing, looking around and crowding (doc/guard.md): what is slowed down, and that nobody else is."""
import base64
import json
import re
import select
import socket
import struct
import subprocess
import threading

import pytest

from conftest import HANDSET, TIMEOUT, ImplicitFTP
from test_ftps import code
from test_uploads import wait_for

HERE, THERE, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
CHOSEN = "a good long one"


def connect(port, source=HERE):
    return socket.create_connection(("127.0.0.1", port), TIMEOUT, source_address=(source, 0))


def request(site, user, path="/site.cfg", source=HERE):
    """A GET that was sent; its answer is for whoever wants to wait for it. TLS 1.2: then nothing but an answer makes it readable."""
    tls = site.context("1.2").wrap_socket(connect(site.https_port, source), server_hostname="localhost")
    word = base64.b64encode(":".join(user).encode()).decode()
    tls.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {word}\r\nConnection: close\r\n\r\n".encode())
    return tls


def answer(tls):
    data = b""
    while part := tls.recv(65536):
        data += part
    tls.close()
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), re.sub(rb"\r\nDate: [^\r]*", b"", head), body


def get(site, user, path="/site.cfg", source=HERE):
    return answer(request(site, user, path, source))[0]


def is_unanswered(tls):
    return tls.pending() == 0 and select.select([tls], [], [], 0)[0] == []


def login(site, user, source=HERE):
    """The final reply to USER and PASS over FTPS."""
    ftp = ImplicitFTP(site.context())
    ftp.host, ftp.port = "127.0.0.1", site.ftps_port
    ftp.sock = ftp.context.wrap_socket(connect(site.ftps_port, source), server_hostname="localhost")
    ftp.af = ftp.sock.family
    ftp.file = ftp.sock.makefile("r", encoding="latin-1")
    try:
        ftp.getresp()
        code(ftp, f"USER {user[0]}")
        return code(ftp, f"PASS {user[1]}")
    finally:
        ftp.close()


def chosen(site, name, role="operator"):
    assert site.api("POST", "/accounts", {"name": name, "role": role, "password": CHOSEN}).status == 201


def delays(site, name):
    return [int(ms) for ms in re.findall(rf"login\.refused .*user={name} .*delay_ms=(\d+)", site.log_text())]


def suspects(site):
    reply = site.api("GET", "/suspects")
    assert reply.status == 200
    return reply.json


# --- guessing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["https", "ftps"])
def test_refusals_take_longer_and_longer_and_tell_nothing(new_site, protocol):
    site = new_site(f"guess-{protocol}", refusal_delay="20ms", throttle_max="160ms")
    for name in ("chosen", "disabled"):
        chosen(site, name)
    assert site.api("PATCH", "/accounts/disabled", {"enabled": False}).status == 200
    names = ["chosen", "disabled", site.handsets[0][0], "nobody", "00907affffff"]
    seen = {name: [] for name in names}
    for _ in range(6):
        for name in names:
            seen[name].append(answer(request(site, (name, "wrong"))) if protocol == "https" else login(site, (name, "wrong")))
    assert all(seen[name] == seen[names[0]] for name in names)
    assert len(set(map(str, seen["nobody"]))) == 1 and str(seen["nobody"][0]).lstrip("(")[:3] in ("401", "530")
    assert {name: delays(site, name) for name in names} == {name: [20, 40, 80, 160, 160, 160] for name in names}
    listed = {(s["account"], s["address"]): s["failures"] for s in suspects(site)["logins"]}
    assert listed == {(name, HERE): 6 for name in names}
    assert len(re.findall(r"login\.throttled ", site.log_text())) == len(names)
    # A right login clears its own, and an administrator what he names, or all.
    assert get(site, site.handsets[0]) == 200
    assert {s["account"] for s in suspects(site)["logins"]} == set(names) - {site.handsets[0][0]}
    assert site.ctl("suspects", "--clear", "--account", "nobody", "--address", HERE).stdout == "lifted: 1\n"
    assert "nobody" not in site.ctl("suspects").stdout and "disabled" in site.ctl("suspects").stdout
    assert json.loads(site.ctl("suspects", "--clear", "--json").stdout) == {"lifted": 3}
    assert suspects(site)["logins"] == [] and "Nobody is suspect" in site.ctl("suspects").stdout
    assert get(site, ("nobody", "wrong")) == 401 and delays(site, "nobody")[-1] == 20
    wait_for(lambda: site.ctl("audit", "list").stdout.count("suspects.lifted") == 2)
    assert len(re.findall(r"what=suspects-lifted", site.log_text())) == 2


def test_five_failures_still_end_an_ftps_session(new_site):
    site = new_site("five", refusal_delay="10ms", throttle_max="20ms")
    ftp = site.ftp()
    for last in [False] * 4 + [True]:
        assert code(ftp, "USER nobody").startswith("331")
        assert code(ftp, "PASS wrong").startswith("421" if last else "530")
    ftp.close()


class Flood:
    """Guesses at an account from an address, as fast as they are answered, until it is stopped."""

    def __init__(self, site, name, path, source):
        self.seen, self.over = [], threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(site, name, path, source, n)) for n in range(8)]
        for thread in self.threads:
            thread.start()

    def run(self, site, name, path, source, number):
        guess = 0
        while not self.over.is_set():
            guess += 1
            tls = request(site, (name, f"guess {number} {guess}"), path, source)
            while not self.over.is_set():
                if tls.pending() or select.select([tls], [], [], 0.05)[0]:
                    self.seen.append(answer(tls)[0])
                    break
            else:
                tls.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()


def test_nobody_is_locked_out_by_a_flood_of_guesses(new_site):
    """The refusals of this site take a minute: whatever is answered before does not wait behind one."""
    site = new_site("flood", refusal_delay="60s", hash_workers="1", credential_memory="0", log_level="info")
    site.http("PUT", "/000000000000.cfg", site.admin, b"<x/>")
    mac, (name, secret) = site.macs[0], site.handsets[0]
    assert site.api("POST", f"/accounts/{name}/password", {"password": CHOSEN}).status == 200
    handset, second = (name, CHOSEN), site.handsets[1]
    own = f"/{mac}-ext.cfg"
    assert get(site, handset, own) == 200  # it has been here before
    held = [request(site, (name, "wrong"), own, source) for source in (HERE, THERE)]
    wait_for(lambda: len(delays(site, name)) == 2)
    floods = [Flood(site, name, own, HERE), Flood(site, name, own, THERE), Flood(site, second[0], f"/{site.macs[1]}-ext.cfg", HERE)]
    wait_for(lambda: all(503 in flood.seen for flood in floods))
    for _ in range(5):
        assert get(site, handset, own) == 200  # chosen, hashed each time, from the guessers' own address
        assert get(site, handset, own, ELSEWHERE) == 200  # chosen, from an address of its own
        assert get(site, second, f"/{site.macs[1]}-ext.cfg") == 200  # a secret that the server made
        assert login(site, handset).startswith("230") and login(site, second).startswith("230")
        # Whoever fails in a handset's name does not take its fall-back away.
        assert get(site, handset, "/000000000000.cfg") == 200
    assert all(flood.seen.count(503) for flood in floods) and all(map(is_unanswered, held))
    for flood in floods:
        flood.stop()
        assert set(flood.seen) == {503}
    # Of thousands of guesses few were looked at: one when a right login cleared the pair, and the pair's turn.
    assert len(delays(site, name)) <= 2 + 2 * 40
    for tls in held:
        tls.close()


def test_an_address_that_fails_at_many_accounts(new_site):
    site = new_site("spray", refusal_delay="10ms", throttle_max="20ms", throttle_accounts="3")
    chosen(site, "nurse")
    for number in range(4):
        assert get(site, (f"account{number}", "wrong"), source=THERE) == 401
    assert len(re.findall(r"login\.sprayed address=127\.0\.0\.2 accounts=4", site.log_text())) == 1
    assert [s for s in suspects(site)["logins"] if s["account"] is None][0]["address"] == THERE
    assert delays(site, "account3") == [20]
    # Right ones get in: known nowhere, of the server's making, and over FTPS; others elsewhere do not notice.
    assert get(site, ("nurse", CHOSEN), "/@log/", THERE) == 200
    assert get(site, site.handsets[0], source=THERE) == 200 and login(site, site.handsets[1], THERE).startswith("230")
    assert get(site, ("fresh", "wrong"), source=HERE) == 401 and delays(site, "fresh") == [10]
    assert json.loads(site.ctl("suspects", "--clear", "--address", THERE, "--json").stdout) == {"lifted": 5}
    assert [s["address"] for s in suspects(site)["logins"]] == [HERE]


def test_hydra(new_site, folder):
    """A real guesser: it is slowed down, and what it makes of our answers is never a success with a wrong password."""
    site = new_site("hydra", refusal_delay="20ms", throttle_max="100ms")
    chosen(site, "nurse")
    words = folder / "words"
    words.write_text("".join(f"wrong-{n}\n" for n in range(12)))
    for arguments in (["https-get://127.0.0.1:%d/site.cfg" % site.https_port], ["-S", "ftp://127.0.0.1:%d" % site.ftps_port]):
        site.ctl("suspects", "--clear")
        before = len(delays(site, "nurse"))
        run = subprocess.run(["hydra", "-I", "-l", "nurse", "-P", words, "-t", "2", "-w", "5", *arguments], capture_output=True, text=True,
                             timeout=4 * TIMEOUT, cwd=folder)
        assert "0 valid password" in run.stdout, run.stdout + run.stderr
        grown = delays(site, "nurse")[before:]
        assert len(grown) >= 3 and grown[:3] == [20, 40, 80] and max(grown) == 100, (grown, run.stdout + run.stderr)
    assert suspects(site)["logins"][0]["account"] == "nurse"


# --- looking around ----------------------------------------------------------------------------------------


def foreign(number):
    return f"00907b{number:06x}"


@pytest.mark.parametrize("protocol", ["https", "ftps"])
def test_a_handset_that_asks_for_others_is_slowed_down_and_reported(new_site, protocol):
    site = new_site(f"census-{protocol}", enumeration_limit="3")
    mac, user = site.macs[0], site.handsets[0]
    if protocol == "https":
        assert {get(site, user, f"/{foreign(n)}.cfg") for n in range(4)} == {404}
    else:
        ftp = site.ftp(user)
        assert {code(ftp, f"{verb} {foreign(n)}")[:3] for n, verb in enumerate(("CWD", "SIZE", "STAT", "STOR"))} == {"550"}
        ftp.close()
    assert len(re.findall(rf"enumeration who=\S+ mac={mac} address=127\.0\.0\.1", site.log_text())) == 1
    told, = suspects(site)["handsets"]
    assert (told["mac"], told["address"], told["macs"], told["requests"]) == (mac, HERE, 4, 4)
    assert mac in site.ctl("suspects").stdout
    # Registered, unknown, forbidden: all wait alike, in the order of what is said; its own names do not.
    names = [f"{site.macs[1]}-ext.cfg", f"{foreign(5)}-ext.cfg", f"@handset/{foreign(6)}/x", f"@log/{foreign(7)}/", f"{foreign(8)}.cfg"]
    if protocol == "https":
        for n in range(9, 14):
            late = request(site, user, f"/{foreign(n)}.cfg")
            wait_for(lambda: suspects(site)["handsets"][0]["macs"] == n - 4)
            late.close()
        late = [request(site, user, f"/{name}") for name in names]
        assert get(site, user, f"/{mac}-ext.cfg") == 200 and get(site, user, "/absent") == 404 and get(site, site.handsets[1]) == 200
        assert all(map(is_unanswered, late))
        assert len({answer(tls) for tls in late}) == 1
    else:
        ftp = site.ftp(user)
        ftp.sock.sendall("".join(f"SIZE {name}\r\n" for name in names).encode() + b"PWD\r\nQUIT\r\n")
        assert login(site, user).startswith("230")
        assert [ftp.getmultiline()[:3] for _ in range(7)] == ["550"] * 5 + ["257", "221"]
        ftp.close()
    assert site.ctl("suspects", "--clear", "--handset", mac).stdout == "lifted: 1\n"
    assert suspects(site)["handsets"] == [] and get(site, user, f"/{foreign(1)}.cfg") == 404
    assert len(re.findall(r"enumeration who=", site.log_text())) == 1


def test_a_session_that_ends_while_a_line_is_held(new_site):
    """Closed by its client, and by the daemon's end: neither waits for the delay, nothing is touched afterwards."""
    site = new_site("held", enumeration_limit="1")
    ftp = site.ftp(site.handsets[0])
    for n in range(8):
        ftp.putcmd(f"SIZE {foreign(n)}")
        if n < 2:
            ftp.getmultiline()
    wait_for(lambda: suspects(site)["handsets"])
    ftp.close()
    kept = site.ftp(site.handsets[1])
    for n in range(8):
        kept.putcmd(f"SIZE {foreign(n)}")
    wait_for(lambda: len(suspects(site)["handsets"]) == 2)
    wait_for(lambda: suspects(site)["crowd"]["sessions"] == 2)
    assert site.stop() == 0
    kept.close()


@pytest.mark.parametrize("trace, where", [("http59", "https"), ("https40", "https"), ("ftps", "ftps")])
def test_boots_are_never_taken_for_enumeration(new_site, trace, where):
    site = new_site(f"boots-{trace}", enumeration_limit="1")
    password = site.folder / "admin.password"
    password.write_text(site.admin[1] + "\n")
    addresses = ["--url", site.url] + (["--ftps", site.ftps_url] if where == "ftps" else [])
    run = subprocess.run([HANDSET, "--ca", site.ca, "--admin", site.admin[0], "--admin-password-file", password, *addresses, "--trace", trace,
                          "--handsets", "20", "--concurrency", "20", "--boots", "2", "--cleanup"], capture_output=True, text=True, timeout=5 * TIMEOUT)
    assert run.returncode == 0, run.stdout + run.stderr
    now = suspects(site)
    assert now["handsets"] == [] and now["logins"] == [] and "enumeration who=" not in site.log_text()


def test_administrators_and_operators_may_ask_for_all(new_site):
    site = new_site("staff", enumeration_limit="1")
    for n in range(20):
        assert get(site, site.admin, f"/@handset/{foreign(n)}/x.cfg") == 404
        assert get(site, site.operator, f"/@log/{foreign(n)}/x.log") == 404
    assert suspects(site)["handsets"] == []


# --- crowding ----------------------------------------------------------------------------------------------


def crowd_of(site, address):
    return {a["address"]: (a["sessions"], a["handshakes"]) for a in suspects(site)["crowd"]["addresses"]}.get(address, (0, 0))


def closed_in_silence(port, source):
    with connect(port, source) as raw:
        try:
            return raw.recv(4096) == b""
        except ConnectionResetError:
            return True


@pytest.mark.parametrize("protocol", ["https", "ftps"])
def test_handshakes_of_an_address_are_bounded(new_site, protocol):
    site = new_site(f"handshakes-{protocol}", max_handshakes_per_address="3", handshake_timeout="10m")
    port = site.ports[protocol][0]
    half = [connect(port, THERE) for _ in range(3)]
    wait_for(lambda: crowd_of(site, THERE) == (3, 3))
    assert closed_in_silence(port, THERE) and closed_in_silence(site.ports["ftps" if protocol == "https" else "https"][0], THERE)
    assert re.search(r"overload .*max_handshakes_per_address is reached for 127\.0\.0\.2", site.log_text())
    assert get(site, site.handsets[0]) == 200  # one address's crowd is no other's trouble
    half.pop().close()
    wait_for(lambda: crowd_of(site, THERE) == (2, 2))
    assert get(site, site.handsets[0], source=THERE) == 200 and login(site, site.handsets[0], THERE).startswith("230")
    for raw in half:
        raw.close()
    wait_for(lambda: crowd_of(site, THERE) == (0, 0))
    assert suspects(site)["crowd"]["turned_away"] == 2


def test_handshakes_in_all_are_bounded(new_site):
    site = new_site("handshakes", max_handshakes="4", handshake_timeout="10m")
    half = [connect(site.ftps_port, source) for source in (THERE, ELSEWHERE) for _ in range(2)]
    wait_for(lambda: site.log_text().count("ftps.open") == 4)  # not asked of the API: that takes a handshake
    assert closed_in_silence(site.https_port, "127.0.0.4") and closed_in_silence(site.ftps_port, "127.0.0.4")
    assert re.search(r'overload .*"max_handshakes is reached"', site.log_text())
    for raw in half:
        raw.close()

    def again():
        try:
            return get(site, site.handsets[0]) == 200
        except (OSError, IndexError):
            return False
    wait_for(again)


def test_sessions_of_an_address_are_bounded_over_both_protocols(new_site):
    site = new_site("sessions", max_sessions_per_address="2", idle_timeout_https="10m")
    first = site.context().wrap_socket(connect(site.https_port, THERE), server_hostname="localhost")
    second = site.context().wrap_socket(connect(site.ftps_port, THERE), server_hostname="localhost")
    assert second.recv(4096).startswith(b"220")
    wait_for(lambda: crowd_of(site, THERE) == (2, 0))
    for port in (site.https_port, site.ftps_port):
        assert closed_in_silence(port, THERE)
    assert get(site, site.handsets[0]) == 200
    second.close()
    wait_for(lambda: crowd_of(site, THERE) == (1, 0))
    assert login(site, site.handsets[0], THERE).startswith("230")
    first.close()
    wait_for(lambda: crowd_of(site, THERE) == (0, 0))


def abort(raw):
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


def test_whatever_becomes_of_a_connection_it_is_counted_no_longer(new_site):
    """Half-open, cut in the middle of a handshake, nonsense, reset, refused, kept until its deadline: the count comes back to ours alone."""
    site = new_site("count", handshake_timeout="300ms", header_timeout="300ms", max_handshakes_per_address="40", refusal_delay="10ms")
    hello = bytes.fromhex("16030100050100000100")
    for port in (site.https_port, site.ftps_port):
        for n in range(60):
            raw = connect(port, THERE)
            if n % 3 == 1:
                raw.sendall(hello)
            elif n % 3 == 2:
                raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
            abort(raw) if n % 2 else raw.close()
        stale = [connect(port, THERE) for _ in range(50)]  # some are turned away, the others run into the deadline
        for _ in range(10):
            tls = site.context().wrap_socket(connect(port, ELSEWHERE), server_hostname="localhost")
            abort(tls)
    for n in range(10):
        assert get(site, ("nobody", "x"), source=ELSEWHERE) in (401, 503)
        assert login(site, site.handsets[0], ELSEWHERE).startswith("230")
    wait_for(lambda: (lambda c: (c["sessions"], c["handshakes"]))(suspects(site)["crowd"]) == (1, 0))
    now = suspects(site)["crowd"]
    assert [a["address"] for a in now["addresses"]] == [HERE] and now["turned_away"] > 0
    for raw in stale:
        raw.close()


@pytest.mark.parametrize("method, query, status", [
    ("GET", "", 200), ("GET", "?x=1", 400), ("DELETE", "?handset=xyz", 400), ("DELETE", "?handset=00907a000001&account=a", 400),
    ("DELETE", "?handset=00907a000001", 200), ("DELETE", "?x=1", 400)])
def test_the_list_is_for_administrators(site, method, query, status):
    assert site.api(method, "/suspects" + query).status == status
    assert site.api(method, "/suspects" + query, user=site.operator).status == 403
    assert site.api(method, "/suspects" + query, user=site.handsets[0]).status == 403


def test_usage(site):
    assert site.ctl("suspects", "--account", "x", check=False).returncode == 2
    assert site.ctl("suspects", "--clear", "--handset", "x", check=False).returncode == 2
    assert set(json.loads(site.ctl("suspects", "--json").stdout)) == {"logins", "handsets", "crowd"}
