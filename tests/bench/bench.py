#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: the same work for Cradle and for its peers, in turn (A B C A B C …), on this machine's loopback.

What counts is the server's own processor time for a unit of work, with that of its children, and the ratio of two servers
within one run: absolute rates say more about the machine. Each figure is the median of the rounds. Bytes are checked by the load
generator, and what it cost is reported beside the rest.

    bench.py --build DIR [--out DIR] [--document FILE] [--rounds N] [--only WORDS] [--scale F]
    bench.py --build DIR --quick FILE       a few rows, Cradle alone, as ratios to what FILE has kept of this machine
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import peers
import report

HERE = pathlib.Path(__file__).resolve().parent

# name, protocol, work, files, TLS, certificate, resume, clients, units
ROWS = [
    ("boot over FTPS, TLS 1.2, RSA", "ftp", "boot", "boot", "1.2", "rsa", "data", 16, 96),
    ("boot over FTPS, TLS 1.3, RSA", "ftp", "boot", "boot", "1.3", "rsa", "data", 16, 96),
    ("boot over FTPS, TLS 1.2, ECDSA", "ftp", "boot", "boot", "1.2", "ecdsa", "data", 16, 96),
    ("boot over FTPS, TLS 1.3, ECDSA", "ftp", "boot", "boot", "1.3", "ecdsa", "data", 16, 96),
    ("boot over FTPS, TLS 1.2, RSA, nothing resumed", "ftp", "boot", "boot", "1.2", "rsa", "none", 16, 64),
    ("boot over FTPS, TLS 1.3, RSA, nothing resumed", "ftp", "boot", "boot", "1.3", "rsa", "none", 16, 64),
    ("boot over FTPS, TLS 1.2, ECDSA, nothing resumed", "ftp", "boot", "boot", "1.2", "ecdsa", "none", 16, 64),
    ("boot over FTPS, TLS 1.3, ECDSA, nothing resumed", "ftp", "boot", "boot", "1.3", "ecdsa", "none", 16, 64),
    ("boot over FTPS, TLS 1.2, RSA, 64 at once", "ftp", "boot", "boot", "1.2", "rsa", "data", 64, 256),
    ("boot over FTPS, TLS 1.2, RSA, 256 at once", "ftp", "boot", "boot", "1.2", "rsa", "data", 256, 512),
    ("boot over FTPS, TLS 1.2, RSA, one at a time", "ftp", "boot", "boot", "1.2", "rsa", "data", 1, 32),
    ("boot over FTPS, TLS 1.3, ECDSA, 64 at once", "ftp", "boot", "boot", "1.3", "ecdsa", "data", 64, 256),
    ("boot over FTPS, TLS 1.3, ECDSA, 256 at once", "ftp", "boot", "boot", "1.3", "ecdsa", "data", 256, 512),
    ("boot over FTPS, TLS 1.3, ECDSA, one at a time", "ftp", "boot", "boot", "1.3", "ecdsa", "data", 1, 32),
    ("login over FTPS, RSA", "ftp", "login", "small", "1.2", "rsa", "none", 16, 256),
    ("login over FTPS, ECDSA", "ftp", "login", "small", "1.2", "ecdsa", "none", 16, 256),
    ("64 KB APPE, TLS 1.2", "ftp", "append", "small", "1.2", "rsa", "data", 16, 1024),
    ("64 KB APPE, TLS 1.3", "ftp", "append", "small", "1.3", "rsa", "data", 16, 1024),
    ("100 MB RETR, 4 at once", "ftp", "get", "large", "1.3", "rsa", "data", 4, 8),
    ("4 KB GET, kept alive", "https", "get", "small", "1.3", "rsa", "all", 16, 8000),
    ("40 KB GET, kept alive", "https", "get", "medium", "1.3", "rsa", "all", 16, 4000),
    ("4 KB GET, full handshake, TLS 1.2, ECDSA", "https", "login", "small", "1.2", "ecdsa", "none", 16, 1500),
    ("4 KB GET, full handshake, TLS 1.3, ECDSA", "https", "login", "small", "1.3", "ecdsa", "none", 16, 1500),
    ("4 KB GET, full handshake, TLS 1.2, RSA", "https", "login", "small", "1.2", "rsa", "none", 16, 1000),
    ("4 KB GET, full handshake, TLS 1.3, RSA", "https", "login", "small", "1.3", "rsa", "none", 16, 1000),
    ("4 KB GET, resumed, TLS 1.2", "https", "login", "small", "1.2", "ecdsa", "all", 16, 2000),
    ("4 KB GET, resumed, TLS 1.3", "https", "login", "small", "1.3", "ecdsa", "all", 16, 2000),
    ("boot over HTTPS, TLS 1.2, RSA", "https", "boot", "boot", "1.2", "rsa", "none", 16, 160),
    ("boot over HTTPS, TLS 1.3, ECDSA", "https", "boot", "boot", "1.3", "ecdsa", "none", 16, 160),
    ("boot over HTTPS, TLS 1.3, ECDSA, 64 at once", "https", "boot", "boot", "1.3", "ecdsa", "none", 64, 256),
    ("boot over HTTPS, TLS 1.3, ECDSA, 256 at once", "https", "boot", "boot", "1.3", "ecdsa", "none", 256, 512),
    ("boot over HTTPS, TLS 1.3, ECDSA, one at a time", "https", "boot", "boot", "1.3", "ecdsa", "none", 1, 32),
    ("100 MB GET, 4 at once", "https", "get", "large", "1.3", "rsa", "all", 4, 8),
]
QUICK = {"boot over FTPS, TLS 1.3, ECDSA", "login over FTPS, RSA", "64 KB APPE, TLS 1.2", "4 KB GET, kept alive", "4 KB GET, resumed, TLS 1.2",
         "boot over HTTPS, TLS 1.3, ECDSA"}
IDLE = [("memory of an idle FTPS session", "ftp", 200), ("memory of an idle HTTPS connection", "https", 200)]
KINDS = {"ftp": [peers.Cradle, peers.Vsftpd, peers.Proftpd, peers.Pureftpd], "https": [peers.Cradle, peers.Nginx, peers.NginxOpen]}
FILES = {"boot": [2048, 4096, 6144, 8192, 12288, 20480, 40960, 61440], "small": [4096], "medium": [40960], "large": [100 << 20]}


class Certificate:
    """A root and a server certificate for 127.0.0.1, by openssl."""

    def __init__(self, folder, rsa):
        self.rsa = rsa
        folder.mkdir(parents=True)
        self.ca, self.chain, self.key = folder / "ca.pem", folder / "chain.pem", folder / "key.pem"
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]

        def openssl(*words):
            subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", *kind, "-nodes", "-subj", "/CN=bench root", "-days", 30, "-keyout", folder / "ca.key", "-out", self.ca,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl("req", "-newkey", *kind, "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", self.key, "-out", folder / "csr.pem")
        (folder / "ext").write_text("subjectAltName=IP:127.0.0.1,DNS:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature,keyEncipherment\n")
        openssl("x509", "-req", "-in", folder / "csr.pem", "-CA", self.ca, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", 20,
                "-extfile", folder / "ext", "-out", folder / "leaf.pem")
        self.chain.write_text((folder / "leaf.pem").read_text() + self.ca.read_text())


def make_files(folder):
    for kind, sizes in FILES.items():
        (folder / kind).mkdir(parents=True)
        for number, size in enumerate(sizes):
            # Text that compresses badly enough and is the same each time.
            block = b"".join(b"%08x" % (i * 2654435761 & 0xffffffff) for i in range(min(size, 1 << 20) // 8))
            (folder / kind / f"{kind}-{number}.txt").write_bytes((block * (size // len(block) + 1))[:size])
    everything = folder / "all"
    everything.mkdir()
    for kind in FILES:
        for path in (folder / kind).iterdir():
            os.link(path, everything / path.name)
    return folder


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="cradle-bench-"))
        self.work.chmod(0o711)
        self.root = None if options.quick else peers.unpack(pathlib.Path(options.build) / "bench-peers")
        self.load = pathlib.Path(options.build) / "tests/bench/bench-load"
        self.files = make_files(self.work / "files")
        self.certificates = {kind: Certificate(self.work / kind, kind == "rsa") for kind in ("rsa", "ecdsa")}
        peers.Cradle.binary = pathlib.Path(options.build) / "cradled"
        peers.Cradle.samples = HERE.parents[1] / "etc/demo"
        self.count = 0

    def start(self, kind, certificate, files="all"):
        self.count += 1
        peer = kind(self.work / f"{self.count}-{kind.__name__}", self.root, self.certificates[certificate], self.files / files)
        try:
            peer.start()
            peer.wait_until_it_listens()
        except BaseException:
            peer.stop()
            raise
        return peer

    def command(self, peer, protocol, work, files, tls, certificate, resume, clients, units):
        command = [self.load, "--port", peer.ports[protocol], *peer.flags(protocol), "--work", work, "--user", peer.user, "--password-file", peer.password_file, "--ca",
                   self.certificates[certificate].ca, "--files", self.files / files, "--tls", tls, "--resume", resume, "--clients", clients, "--units", units,
                   "--append", peer.append_name()]
        return list(map(str, command))

    def measure(self, peer, row):
        _, protocol, work, files, tls, certificate, resume, clients, units = row
        before, had = peer.cpu_ms(), peer.appended() if work in ("boot", "append") else 0
        run = subprocess.run(self.command(peer, protocol, work, files, tls, certificate, resume, clients, units), capture_output=True, text=True, timeout=600)
        if not run.stdout.strip():
            raise RuntimeError(f"{peer.name}: {run.stderr}")
        result = json.loads(run.stdout)
        result["server_cpu_ms"] = peer.cpu_ms() - before
        if result["errors"]:
            print(f"    {peer.name}: {result['errors']} errors: {result['error']}", flush=True)
        if work in ("boot", "append") and protocol == "ftp":
            result["lost"] = result["appended"] - (peer.appended() - had)
        return result

    def quick(self, file):
        """Server CPU of a few kinds of work, in under a minute, against the record of an earlier run on this machine."""
        record = json.loads(file.read_text()) if file.exists() else {}
        worst = 0.0
        for row in [row for row in ROWS if row[0] in QUICK]:
            peer = self.start(peers.Cradle, row[5])
            try:
                self.measure(peer, (*row[:7], min(row[7], 4), max(4, row[8] // 16)))
                results = [self.measure(peer, row) for _ in range(3)]
            finally:
                peer.stop()
            if any(result["errors"] for result in results):
                raise RuntimeError(f"{row[0]}: {results[0]['error']}")
            cpu = statistics.median(result["server_cpu_ms"] / result["units"] for result in results)
            kept = record.setdefault(row[0], cpu)
            worst = max(worst, cpu / kept)
            print(f"{row[0]:55} {cpu:8.3f} ms CPU a unit, {cpu / kept:5.2f} × the recorded {kept:.3f}", flush=True)
        file.write_text(json.dumps(record, indent=1) + "\n")
        print(f"the worst ratio is {worst:.2f}; remove {file} to record anew")

    def row(self, row):
        name, protocol, certificate = row[0], row[1], row[5]
        units = max(1, int(row[8] * self.options.scale))
        row = (*row[:8], units)
        running, results = [], {}
        try:
            for kind in KINDS[protocol]:
                running.append(self.start(kind, certificate))
                results[kind.name] = []
                self.measure(running[-1], (*row[:7], min(row[7], 4), max(4, units // 16)))  # warm
            for _ in range(self.options.rounds):
                for peer in running:
                    results[peer.name].append(self.measure(peer, row))
        finally:
            for peer in running:
                peer.stop()
        return name, units, results

    def idle(self, name, protocol, sessions):
        """What each of so many open sessions adds to the server's PSS, in kB."""
        figures = {}
        for kind in KINDS[protocol]:
            peer = self.start(kind, "rsa")
            try:
                self.measure(peer, ("", protocol, "login", "small", "1.2", "rsa", "none", 4, 16))
                before = peer.pss_kb()
                command = self.command(peer, protocol, "idle", "small", "1.2", "rsa", "data", sessions, 1)
                load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                load.stdout.readline()
                figures[peer.name] = (peer.pss_kb() - before) / sessions
                load.communicate()
            finally:
                peer.stop()
        return name, figures

    def finish(self):
        shutil.rmtree(self.work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True, help="the build folder, with cradled and bench-load in it")
    parser.add_argument("--out", help="where results.json goes")
    parser.add_argument("--document", help="the document whose measured part is written anew, with its pictures beside it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="units of work, as a factor")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--quick", metavar="FILE", help="a few rows of Cradle alone against this record")
    options = parser.parse_args()
    if os.getuid() != 0 and not options.quick:
        parser.error("the peers change their user when they serve: start it as root")
    bench = Bench(options)
    if options.quick:
        try:
            bench.quick(pathlib.Path(options.quick))
        finally:
            bench.finish()
        return 0
    rows, memory = [], []
    try:
        for row in ROWS:
            if options.only in row[0]:
                print(row[0], flush=True)
                rows.append(bench.row(row))
                print(report.row_text(*rows[-1]), flush=True)
        for idle in IDLE:
            if options.only in idle[0]:
                memory.append(bench.idle(*idle))
                print(memory[-1][0], {name: f"{kb:.0f} kB" for name, kb in memory[-1][1].items()}, flush=True)
    finally:
        bench.finish()
    if options.out:
        report.write(pathlib.Path(options.out), rows, memory, options.rounds)
    if options.document:
        report.write_document(pathlib.Path(options.document), rows, memory, options.rounds)
    return 1 if any(result["errors"] and peer == "Cradle" for _, _, results in rows for peer, runs in results.items() for result in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
