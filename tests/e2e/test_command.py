# SPDX-License-Identifier: Apache-2.0
"""The command line: making a site with `cradled init`, its ways to fail, and one process a state folder."""
import signal
import subprocess

import pytest

from conftest import CRADLED, TIMEOUT

PASSWORD = "pässword with €"


@pytest.fixture
def place(tmp_path, site):
    """A folder, with a space in its name, that holds settings and no state yet."""
    folder = tmp_path / "a site"
    folder.mkdir()
    (folder / "cradled.conf").write_text(
        f"state = state\ncertificate = {site.folder}/site/server.pem\ncertificate_key = {site.folder}/site/server.key\n"
        "https_listen = 127.0.0.1:0\nftps_listen = 127.0.0.1:0\n")
    return folder


def cradled(place, command, *arguments, given=b""):
    return subprocess.run([CRADLED, command, "--config", place / "cradled.conf", *arguments], input=given, capture_output=True,
                          timeout=TIMEOUT)


def init(place, given, name="root", *arguments):
    return cradled(place, "init", "--administrator", name, *arguments, given=given)


@pytest.mark.parametrize("given", [PASSWORD + "\n", PASSWORD + "\r\nmore\n", PASSWORD], ids=["line", "crlf", "no end"])
def test_the_first_administrator(place, site, given):
    assert b"cradled init" in cradled(place, "serve").stderr
    if given.endswith("\n"):
        made = init(place, given.encode())
    else:
        (place / "password").write_text(given)
        made = init(place, b"", "root", "--password-file", place / "password")
    assert made.returncode == 0, made.stderr
    assert b"master.key" in made.stdout and PASSWORD.encode() not in made.stdout + made.stderr
    assert [oct(p.stat().st_mode & 0o777) for p in [place / "state", *sorted((place / "state").iterdir())]] == ["0o700", "0o600", "0o600"]
    with subprocess.Popen([CRADLED, "serve", "--config", place / "cradled.conf"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as daemon:
        try:
            lines = iter(daemon.stderr.readline, b"")
            port = next(int(line.rsplit(b"port=", 1)[1]) for line in lines if b"protocol=https" in line)
            assert daemon.stdout.readline() == b"ready\n"
            assert site.http("GET", "/api/v1/accounts", ("root", PASSWORD), port=port).status == 200
            # A second one would take the first one's unfinished uploads for what a crash left.
            second = cradled(place, "serve")
            assert second.returncode == 1 and b"another cradled" in second.stderr
            assert b"another cradled" in init(place, PASSWORD.encode(), "second").stderr
        finally:
            daemon.send_signal(signal.SIGINT)
            daemon.communicate(timeout=TIMEOUT)
        assert daemon.returncode == 0
    again = init(place, PASSWORD.encode(), "second")
    assert again.returncode == 1 and b"administrator already: root" in again.stderr


@pytest.mark.parametrize("given, name, words", [
    (b"", "root", b"no password"), (b"\n", "root", b"no password"), (b"short\n", "root", b"at least 8"),
    (b"x" * 10000 + b"\n", "root", b"longer than"), (b"a long\0 password\n", "root", b"NUL"),
    (b"a long password\n", "PlcmSpIp", b"another name"), (b"a long password\n", "00907a112233", b"handset"),
    (b"a long password\n", "a/b", b"letters"), (b"a long password\n", "x" * 300, b"longer than"),
])
def test_a_refused_init_says_why_and_can_be_repeated(place, given, name, words):
    refused = init(place, given, name)
    assert refused.returncode == 1 and words in refused.stderr
    assert init(place, PASSWORD.encode()).returncode == 0


@pytest.mark.parametrize("milliseconds", [5, 25, 50, 100, 200, 400])
def test_an_interrupted_init_can_be_repeated(place, milliseconds):
    (place / "password").write_text(PASSWORD)
    cut = subprocess.Popen([CRADLED, "init", "--config", place / "cradled.conf", "--administrator", "root", "--password-file", place / "password"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        cut.wait(milliseconds / 1000)
    except subprocess.TimeoutExpired:
        cut.kill()
        cut.wait(TIMEOUT)
    again = init(place, PASSWORD.encode())
    assert again.returncode == 0 or b"administrator already" in again.stderr


def test_a_lost_master_key_is_no_new_site(place):
    assert init(place, PASSWORD.encode()).returncode == 0
    (place / "state/master.key").unlink()
    for lost in (cradled(place, "serve"), init(place, PASSWORD.encode(), "second")):
        assert lost.returncode == 1 and b"restore it from your copy" in lost.stderr
    assert not (place / "state/master.key").exists()


@pytest.mark.parametrize("setting, words", [
    ("auth_handset=sometimes", b"password, certificate, either or both"), ("management_listen=x", b"address:port"),
    ("management_ftps_listen=127.0.0.1:0", b"set management_listen too"), ("nonsense=1", b"nonsense"),
])
def test_wrong_settings_are_refused_with_the_remedy(place, setting, words):
    wrong = cradled(place, "check", "--set", setting)
    assert wrong.returncode == 1 and words in wrong.stderr
