#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make scale: what a large fleet costs beside a small one, on this machine; prints the figures of doc/capacity.md.

    scale.py --build DIR [--handsets 100000] [--files 10] [--segments 5] [--bytes 1000] [--storm 10000] [--only-storm]

The catalogs are filled by scale-fill, through the calls that the front ends make. Logs stand for more than they hold: the number of rows is what
the catalog feels, so 1 kB segments in place of 200 kB ones simulate two hundred times their bytes."""
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "bench"))
import bench  # noqa: E402
import peers  # noqa: E402


class Fleet(peers.Cradle):
    """Cradle with a fleet in its catalog."""
    fill = []

    def run(self, *command, **options):
        state = self.folder / "site/site/state"
        subprocess.run([*map(str, self.fill[:1]), state, *map(str, self.fill[1:])], check=True)
        self.filled_bytes = (state / "catalog.db").stat().st_size
        self.began = time.monotonic()
        super().run(*command, **options)

    def wait_until_it_listens(self):
        super().wait_until_it_listens()
        self.start_ms = (time.monotonic() - self.began) * 1000


def boots(made, peer, protocol, clients, units, rounds):
    row = ("", protocol, "boot", "boot", "1.3", "ecdsa", "data" if protocol == "ftp" else "none", clients, units)
    made.measure(peer, (*row[:7], 4, 16))
    results = [made.measure(peer, row) for _ in range(rounds)]
    if any(r["errors"] for r in results):
        raise RuntimeError(f"{protocol}: {results}")
    return {"cpu_ms": statistics.median(r["server_cpu_ms"] / r["units"] for r in results), "p50_ms": statistics.median(r["p50_ms"] for r in results),
            "p99_ms": statistics.median(r["p99_ms"] for r in results)}


def timed(function):
    begun = time.monotonic()
    function()
    return (time.monotonic() - begun) * 1000


def measure(made, options, handsets):
    Fleet.fill = [pathlib.Path(options.build) / "tests/scale/scale-fill", handsets, options.files, options.segments, options.bytes]
    peer = made.start(Fleet, "ecdsa", "boot")
    figures = {"handsets": handsets, "catalog_mb": peer.filled_bytes / 1e6, "start_ms": peer.start_ms, "idle_pss_mb": peer.pss_kb() / 1024}
    try:
        for protocol in ("ftp", "https"):
            figures[f"boot_{protocol}"] = boots(made, peer, protocol, 16, 160, 5)
        figures["list_ms"] = timed(lambda: peer.request("GET", "/api/v1/handsets?limit=1000"))
        figures["backup_s"] = timed(lambda: peer.request("GET", "/api/v1/backup")) / 1000
        # Verification reads everything, in the background: what does a boot notice of it?
        peer.request("POST", "/api/v1/verify", b"")
        figures["boot_ftp_while_verified"] = boots(made, peer, "ftp", 16, 160, 2)
        figures["verified_after"] = json.loads(peer.request("GET", "/api/v1/verify"))["state"]
        peer.request("POST", "/api/v1/seal/rotate", b"")
        figures["boot_ftp_while_resealed"] = boots(made, peer, "ftp", 16, 160, 2)
        figures["pss_mb"] = peer.pss_kb() / 1024
    finally:
        peer.stop()
    return figures


def watch(peer, stop, peak):
    while not stop.wait(0.2):
        peak[0] = max(peak[0], peer.pss_kb())


def arrive(made, peer, protocol, count):
    """From two processes, each of which has the descriptors for its half of the clients."""
    half = count // 2
    before, had = peer.cpu_ms(), peer.appended()
    command = made.command(peer, protocol, "boot", "boot", "1.3", "ecdsa", "data" if protocol == "ftp" else "none", half, half)
    loads = [subprocess.Popen([*command, "--append", f"{peer.append_name()}{n}"], stdout=subprocess.PIPE, text=True) for n in range(2)]
    results = [json.loads(load.communicate(timeout=600)[0]) for load in loads]
    errors = [result["error"] for result in results if result["errors"]]
    return {"protocol": protocol, "arrived": 2 * half, "errors": sum(result["errors"] for result in results), "error": "; ".join(errors),
            "lost": sum(result["appended"] for result in results) - (peer.appended() - had) if protocol == "ftp" else 0,
            "wall_s": max(result["wall_ms"] for result in results) / 1000, "p50_s": statistics.mean(result["p50_ms"] for result in results) / 1000,
            "p99_s": max(result["p99_ms"] for result in results) / 1000, "server_cpu_ms_a_boot": (peer.cpu_ms() - before) / (2 * half)}


def storm(made, options, protocol, count):
    """So many arrive at once, each for one boot."""
    Fleet.fill = [pathlib.Path(options.build) / "tests/scale/scale-fill", 100, 1, 1, 100]
    peer = made.start(Fleet, "ecdsa", "boot")
    stop, peak = threading.Event(), [0]
    watcher = threading.Thread(target=watch, args=(peer, stop, peak))
    watcher.start()
    try:
        result = arrive(made, peer, protocol, count)
    finally:
        stop.set()
        watcher.join()
        peer.stop()
    return {**result, "peak_pss_mb": peak[0] / 1024}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--handsets", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--segments", type=int, default=5)
    parser.add_argument("--bytes", type=int, default=1000)
    parser.add_argument("--storm", type=int, default=10_000)
    parser.add_argument("--only-storm", action="store_true")
    options = parser.parse_args()
    # Of 10,000 sessions over FTPS not all are transferring at once, so less than two descriptors each are enough.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        hard = max(hard, 3 * options.storm + 1000)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        options.storm = min(options.storm, (hard - 1000) * 10 // 19)
        print(f"no more than {hard} descriptors here: {options.storm} arrive at once", file=sys.stderr)
    made = bench.Bench(argparse.Namespace(build=options.build, quick=True))
    try:
        for handsets in () if options.only_storm else (100, options.handsets):
            print(json.dumps(measure(made, options, handsets), indent=1), flush=True)
        for protocol in ("ftp", "https"):
            print(json.dumps(storm(made, options, protocol, options.storm), indent=1), flush=True)
    finally:
        made.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
