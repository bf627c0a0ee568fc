# SPDX-License-Identifier: Apache-2.0
"""The same legal command sequences for cradled and for vsftpd: a client sees the same.

Compared are each reply's code, the bytes that came over data connections, sizes, and the names in listings; words and times are each
server's own. What differs on purpose stands in DIFFERENT, with its reason. Sequences come from a seed, which a failure names.

Run by `make compare`, which unpacks vsftpd's package into the build folder; nothing is installed."""
import os
import pathlib
import pwd
import random
import re
import socket
import ssl
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import peers  # noqa: E402

BUILD = pathlib.Path(os.environ.get("CRADLE_BUILDDIR", ".")).resolve()
SEQUENCES, LENGTH = int(os.environ.get("CRADLE_SEQUENCES", "60")), 14
# A command's replies that mean the same: (vsftpd's, ours).
DIFFERENT = {
    "TYPE": {("500", "504")},  # RFC 959: a parameter that is not implemented
    "ALLO": {("202", "200")},  # ours does something: it knows the size before the transfer (RFC 959, 4.1.3)
    "HELP": {("214", "211")},  # RFC 959 has both
    "ABOR": {("225", "226")},  # nothing to abort: RFC 959 has both
}


class Client:
    """One session, by hand: what the server says, as it says it. root: the folder that is / (vsftpd without root cannot chroot)."""

    def __init__(self, ca, version, port, user, password, root=""):
        self.root = root
        self.context = ssl.create_default_context(cafile=ca)
        self.context.check_hostname = False
        self.context.maximum_version = version
        self.port = port
        self.tls = self.context.wrap_socket(socket.create_connection(("127.0.0.1", port), 60))
        self.lines = self.tls.makefile("rb")
        assert self.reply().startswith("220")
        assert self.say(f"USER {user}")[:3] == "331"
        assert self.say(f"PASS {password}")[:3] == "230"
        assert self.say("PBSZ 0")[:3] == "200"
        assert self.say("PROT P")[:3] == "200"

    def reply(self):
        line = text = self.lines.readline().decode()
        while text[3:4] == "-" and not re.match(text[:3] + " ", line):
            line = self.lines.readline().decode()
            assert line, "the connection ended within a reply"
        return line.strip() or "closed"

    def send(self, line):
        self.tls.sendall(line.replace(" /", f" {self.root}/").encode() + b"\r\n")

    def say(self, line):
        self.send(line)
        reply = self.reply()
        return reply.replace(self.root, "").replace('""', '"/"') if self.root else reply

    def transfer(self, line, passive="EPSV", send=None):
        """(first reply, final reply, bytes that came)"""
        offer = self.say(passive)
        if passive == "EPSV":
            port = int(re.search(r"\|\|\|(\d+)\|", offer)[1])
        else:
            high, low = re.search(r",(\d+),(\d+)\)", offer).groups()
            port = int(high) * 256 + int(low)
        raw = socket.create_connection(("127.0.0.1", port), 60)
        self.send(line)
        first = self.reply()
        if first[0] != "1":
            raw.close()
            return first[:3], None, None
        got = b""
        with self.context.wrap_socket(raw, session=self.tls.session) as data:
            if send is not None:
                data.sendall(send)
                try:
                    data.unwrap()
                except (ssl.SSLError, OSError):
                    pass  # vsftpd ends with a FIN
            else:
                while part := data.recv(65536):
                    got += part
        return first[:3], self.reply()[:3], got

    def quit(self):
        assert self.say("QUIT")[:3] == "221"
        self.tls.close()


class Vsftpd(peers.Vsftpd):
    """As whoever runs the tests: root is not needed."""

    owner = (os.getuid(), os.getgid())

    def run(self, *command, **options):
        conf = self.folder / "conf"
        text = re.sub(r"(ftp_username|secure_chroot_dir|anon_root|anon_umask)=.*\n", "", conf.read_text())
        me = pwd.getpwuid(os.getuid()).pw_name
        conf.write_text(text + f"run_as_launching_user=YES\nftp_username={me}\nanon_root={self.served}\nanon_umask=077\n")
        super().run(*command, **options)


class Given:
    """A certificate in the shape that peers.py expects."""

    def __init__(self, site):
        self.ca = site.ca
        self.chain, self.key = site.folder / "site/server.pem", site.folder / "site/server.key"


@pytest.fixture(scope="module")
def servers(new_site, folder):
    """(port, user, password) of each, with the same files in view."""
    # A log that grows beyond log_rotate goes on in a new generation, where vsftpd's file just grows.
    site = new_site("compare", log_rotate="64M", max_log="64M", log_quota="1G")
    mac = site.macs[0]
    for name, size in (("image.bin", 300_000), ("empty.txt", 0), (f"{mac}-big.txt", 70_000), ("one.txt", 1)):
        assert site.http("PUT", f"/{name}?unchecked=1", site.admin, random.Random(name).randbytes(size)).status in (201, 204)
    ours = site.ftp(site.handsets[0])
    files = folder / "files"
    files.mkdir()
    for name in ours.nlst():
        (files / name).write_bytes(ours.get(name))
    ours.quit()
    root = peers.unpack(BUILD / "peers", ["vsftpd", "libwrap0"], "vsftpd")
    theirs = Vsftpd(folder / "vsftpd", root, Given(site), files)
    theirs.start()
    theirs.wait_until_it_listens()
    (theirs.served / "in").rmdir()
    yield (theirs.port, theirs.user, peers.PASSWORD, str(theirs.served)), (site.ftps_port, *site.handsets[0]), sorted(path.name for path in files.iterdir()), mac, site.ca
    theirs.stop()


def sequence(dice, names, log):
    """Legal commands, as (kind, line, bytes to send or the offset to begin at)."""
    name = lambda: dice.choice([*names, log, log, log, "absent.txt"])  # noqa: E731
    steps = []
    for _ in range(LENGTH):
        steps.append(dice.choice([
            lambda: ("say", dice.choice(["PWD", "NOOP", "SYST", "TYPE I", "TYPE A", "MODE S", "STRU F", "CWD /", "OPTS UTF8 ON", "ALLO 100", "HELP",
                                         "STAT", "FEAT", "MODE B", "STRU R", "TYPE E", "XYZZY", "ABOR"]), None),
            lambda: ("say", f"SIZE {name()}", None),
            lambda: ("say", f"SIZE /{name()}", None),
            lambda: ("say", f"MDTM {name()}", None),
            lambda: ("say", f"DELE {log}", None),
            lambda: ("get", f"RETR {name()}", None),
            lambda: ("rest", "RETR image.bin", dice.choice([0, 7, 4097, 299_999, 300_000])),
            lambda: ("get", f"retr ./{name()}", None),
            lambda: ("list", dice.choice(["NLST", "LIST", "LIST -la", "NLST /"]), None),
            lambda: ("put", f"APPE {log}", dice.randbytes(dice.choice([0, 1, 100, 5000, 65536, 100_000]))),
            lambda: ("put", f"STOR {log}", dice.randbytes(dice.choice([1, 100, 65536]))),
        ])())
    return steps


def seen(client, kind, line, data, passive):
    """What a client sees of one step, without words and times."""
    if kind == "say":
        reply = client.say(line)
        if line.startswith(("SIZE", "PWD")) and reply[0] == "2":
            return reply[:3], reply[4:].split(" ")[0]
        if line.startswith("MDTM") and reply[0] == "2":
            return reply[:3], bool(re.fullmatch(r"213 \d{14}", reply))
        return (reply[:3],)
    if kind == "rest":
        assert client.say("TYPE I")[:3] == "200"  # vsftpd resumes no others; here TYPE changes nothing
        assert client.say(f"REST {data}")[:3] == "350"
        data = None
    first, final, got = client.transfer(line, passive, data)
    if kind == "list" and got is not None:
        lines = got.decode().split("\r\n")
        assert lines[-1] == ""
        entries = [entry.split() for entry in lines[:-1]]
        got = sorted((entry[-1], entry[4]) if "LIST" in line else entry[-1].removeprefix(client.root).lstrip("/") for entry in entries if entry[-1] not in (".", ".."))
    return first, final, got


def same(line, theirs, ours):
    verb = line.split(" ")[0].upper()
    return theirs == ours or (theirs[1:] == ours[1:] and (theirs[0], ours[0]) in DIFFERENT.get(verb, ()))


@pytest.mark.parametrize("part", range(5))
def test_the_same_is_seen(servers, part):
    theirs, ours, names, mac, ca = servers
    for number in range(part, SEQUENCES, 5):
        dice = random.Random(number)
        steps = sequence(dice, names, f"{mac}-compare{number}.log")
        passive = dice.choice(["EPSV", "PASV"])
        version = dice.choice([ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
        clients = [Client(ca, version, *server) for server in (theirs, ours)]
        for at, (kind, line, data) in enumerate(steps):
            results = [seen(client, kind, line, data, passive) for client in clients]
            if kind == "list" and all(len(result) == 3 for result in results):
                only = [sorted(set(results[i][2]) - set(results[1 - i][2])) for i in (0, 1)]
                assert only == [[], []], f"sequence {number}, step {at}: {line}: vsftpd alone has {only[0]}, cradled alone has {only[1]}"
            assert same(line, *results), (f"sequence {number}, step {at}: {line}: vsftpd {results[0]!r:.900}, cradled {results[1]!r:.900}; "
                                          f"before it: {[step[1] for step in steps[:at]]}")
        for client in clients:
            client.quit()
