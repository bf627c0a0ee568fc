#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions that the daemon executes for a unit of work, counted by callgrind, against the recorded numbers.

Unlike a time it hardly depends on what else the machine does, so a test can hold it: a change that makes one of three fixed kinds of
work dearer by more than 5 % fails, and so does one that makes it cheaper by more without recording it. Cryptography is shown, not
held: its code is chosen by the processor.

    count.py --build DIR [--record]
"""
import argparse
import json
import pathlib
import re
import sys

import bench
import peers

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / "instructions.json"
BOUND = 0.05
# name, and what bench.py calls it: protocol, work, files, TLS, certificate, resume; units
WORK = [
    ("boot over FTPS", ("ftp", "boot", "boot", "1.3", "ecdsa", "data"), 10),
    ("boot over HTTPS", ("https", "boot", "boot", "1.3", "ecdsa", "none"), 20),
    ("64 KB appended over FTPS", ("ftp", "append", "small", "1.2", "ecdsa", "data"), 40),
]
CRYPTOGRAPHY = re.compile(r"lib(gnutls|nettle|hogweed|gmp|crypto|crypt|p11-kit|tasn1|idn2|unistring|ffi)\b")


class Counted(peers.Cradle):
    """Cradle under callgrind; its counts are there when it has stopped."""

    def run(self, *command, **options):
        super().run("valgrind", "--tool=callgrind", f"--callgrind-out-file={self.folder}/counts", "--quiet", *command, **options)

    def counts(self):
        """Instructions of the whole run: those of the program and its libraries, and those of cryptography."""
        names, counts = {}, {"own": 0, "cryptography": 0}
        kind, inclusive = "own", False
        for line in (self.folder / "counts").read_text().splitlines():
            if match := re.fullmatch(r"(c?)ob=\((\d+)\)(?: (.*))?", line):  # a name stands where its number is first used
                callee, number, name = match.groups()
                name = names.setdefault(number, name)
                if not callee:
                    kind = "cryptography" if CRYPTOGRAPHY.search(name) else "own"
            elif line.startswith("calls="):
                inclusive = True  # the next line has what the callee cost
            elif re.match(r"[0-9+*-]", line):
                if not inclusive:
                    counts[kind] += int(line.split()[1])
                inclusive = False
        return counts


def run(made, row, units):
    """A daemon's whole life with that much work in it."""
    peer = made.start(Counted, "ecdsa", row[2])
    try:
        for count in (2, units) if units else (2,):
            result = made.measure(peer, ("", *row, 1, count))
            if result["errors"]:
                raise RuntimeError(f"{' '.join(row)}: {result['error']}")
    finally:
        peer.stop()
    return peer.counts()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name} instead of holding the counts against it")
    options = parser.parse_args()
    made = bench.Bench(argparse.Namespace(build=options.build, quick=True))
    record = {} if options.record else json.loads(RECORD.read_text())
    wrong = []
    try:
        for name, row, units in WORK:
            with_work, without = run(made, row, units), run(made, row, 0)
            unit = {kind: round((with_work[kind] - without[kind]) / units) for kind in ("own", "cryptography")}
            kept = record.setdefault(name, unit)
            ratio = unit["own"] / kept["own"]
            print(f"{name:25} {unit['own']:>12,} instructions a unit, {ratio:5.3f} × the recorded; cryptography {unit['cryptography']:>12,}", flush=True)
            if abs(ratio - 1) > BOUND:
                wrong.append(name)
    finally:
        made.finish()
    if options.record:
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
    if wrong:
        print(f"more than {BOUND:.0%} away from the recorded count: {', '.join(wrong)}. If that is meant, `make bench-count-record`, and say why in the commit.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
