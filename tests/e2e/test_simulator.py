# SPDX-License-Identifier: Apache-2.0
"""cradle-handset against the daemon: many handsets at once, both protocols, every byte checked, and a fault it must find."""
import json
import subprocess

import pytest

from conftest import HANDSET, TIMEOUT


def play(site, *arguments):
    password = site.folder / "admin.password"
    password.write_text(site.admin[1] + "\n")
    return subprocess.run([HANDSET, "--ca", site.ca, "--admin", site.admin[0], "--admin-password-file", password, *map(str, arguments)],
                          capture_output=True, text=True, timeout=5 * TIMEOUT)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("trace, where", [("http59", "https"), ("https40", "https"), ("ftps", "ftps")])
def test_forty_handsets_boot_twice(site, trace, where, tls):
    addresses = ["--url", site.url] + (["--ftps", site.ftps_url] if where == "ftps" else [])
    run = play(site, *addresses, "--trace", trace, "--tls", tls, "--handsets", 40, "--concurrency", 20, "--boots", 2, "--cleanup", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(run.stdout)
    assert report["boots"] == 80 and not report["errors"]


def test_two_hundred_handsets_at_once(site):
    run = play(site, "--url", site.url, "--ftps", site.ftps_url, "--trace", "ftps", "--handsets", 200, "--concurrency", 200, "--cleanup")
    assert run.returncode == 0, run.stdout + run.stderr
    run = play(site, "--url", site.url, "--trace", "http59", "--handsets", 200, "--concurrency", 200, "--cleanup")
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_demos_handsets_boot(site):
    run = subprocess.run([HANDSET, "--ca", site.ca, "--url", site.url, "--credentials", site.folder / "site/handsets.csv", "--trace", "https40"],
                         capture_output=True, text=True, timeout=TIMEOUT)
    assert run.returncode == 0, run.stdout + run.stderr


def test_it_finds_what_is_wrong(site):
    """A wrong password is an error by kind, and the exit status says so."""
    file = site.folder / "wrong.csv"
    file.write_text(f"{site.macs[0]},{site.handsets[0][0]},not-the-password\n")
    run = subprocess.run([HANDSET, "--ca", site.ca, "--url", site.url, "--credentials", file, "--trace", "https40"],
                         capture_output=True, text=True, timeout=TIMEOUT)
    assert run.returncode == 1 and "401" in run.stdout + run.stderr


@pytest.mark.parametrize("arguments", [["--handsets", "0"], ["--trace", "gopher"], ["--tls", "1.1"], []])
def test_usage(site, arguments):
    run = subprocess.run([HANDSET, *arguments], capture_output=True, text=True, timeout=TIMEOUT)
    assert run.returncode == 2 and run.stderr
