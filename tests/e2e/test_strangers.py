# SPDX-License-Identifier: Apache-2.0
"""Programs of others, as a stranger would use them: attackers that hold connections open, scanners, and clients that nobody made for us."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import SOURCE, TIMEOUT


def needs(tool):
    return pytest.mark.skipif(not shutil.which(tool), reason=f"{tool} is not installed; Debian has it as a package")


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=2 * TIMEOUT, **options)


@pytest.fixture(scope="module")
def short(new_site):
    """A site whose patience is short, so that the attacks end soon."""
    return new_site("short", handshake_timeout="1s", header_timeout="1s", idle_timeout_https="1s", data_timeout="1s", min_rate="100K")


@needs("slowhttptest")
@pytest.mark.parametrize("how", [["-H", "-i", "1"], ["-B", "-i", "1", "-s", "8192"], ["-X", "-w", "1", "-y", "2", "-n", "1", "-z", "1"]], ids=["headers", "body", "read"])
def test_slowhttptest(short, how):
    """Hundreds of slow connections: each is closed, and the service is there all the time, for its own probe and for ours."""
    attack = subprocess.Popen(["slowhttptest", "-c", "300", "-r", "300", "-l", "4", "-p", "3", "-u", f"{short.url}/site.cfg", *how], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    try:
        asked = 0
        while attack.poll() is None:
            assert short.http("GET", "/site.cfg", short.handsets[0]).status == 200
            asked += 1
        said = attack.communicate()[0]
    finally:
        attack.kill()
    assert asked > 3 and "service available" in said and not re.search(r"service available:\s+\S*NO", said), said[-2000:]
    assert "Exit status: No open connections left" in re.sub(r"\x1b\[[0-9;]*m", "", said) or "Hit test time limit" in said, said[-2000:]


@needs("nmap")
def test_nmap(site):
    """What its scripts find out without a login: TLS as it should be, and no anonymous FTP, no folder, no method that was not asked for."""
    report = run("nmap", "-Pn", "-n", "--disable-arp-ping", "-sT", "-p", f"{site.https_port},{site.ftps_port}", "--script",
                 "ssl-enum-ciphers,ftp-anon,ftp-bounce,http-methods,http-enum,http-trace,http-put", "--script-timeout", "20s", "127.0.0.1").stdout
    assert report.count("/tcp open") == 2, report
    assert set(re.findall(r"least strength: (\w)", report)) == {"A"} and not re.search(r"TLSv1\.[01]:|SSLv", report), report
    assert "Anonymous FTP login allowed" not in report and "bounce working" not in report and "TRACE is enabled" not in report, report
    assert not re.search(r"http-enum|Potentially risky methods|http-put", report), report


@needs("wget")
def test_wget(site, tmp_path):
    name, password = site.handsets[0]
    (tmp_path / "wgetrc").write_text(f"user={name}\npassword={password}\nca_certificate={site.ca}\n")
    whole = site.http("GET", "/site.cfg", site.handsets[0]).body
    got = run("wget", "-q", "-O", tmp_path / "site.cfg", f"{site.url}/site.cfg", env=dict(os.environ, WGETRC=str(tmp_path / "wgetrc")))
    assert got.returncode == 0, got.stderr
    assert (tmp_path / "site.cfg").read_bytes() == whole
    # Half of it is there; the rest is fetched by a range. Then what is not newer is not fetched.
    (tmp_path / "site.cfg").write_bytes(whole[:len(whole) // 2])
    assert run("wget", "-q", "-c", "-O", tmp_path / "site.cfg", f"{site.url}/site.cfg", env=dict(os.environ, WGETRC=str(tmp_path / "wgetrc"))).returncode == 0
    assert (tmp_path / "site.cfg").read_bytes() == whole
    assert run("wget", "-q", "-O", tmp_path / "none", f"{site.url}/none.cfg", env=dict(os.environ, WGETRC=str(tmp_path / "wgetrc"))).returncode == 8


@needs("rclone")
def test_rclone(site, tmp_path):
    """An operations team's mirror, over implicit FTPS: up and down again, and checked. Its sessions share one cache of TLS tickets, so that a
    data connection would now and then come with another session's: it must keep none (doc/tls.md)."""
    name, password = site.admin
    obscured = run("rclone", "obscure", password).stdout.strip()
    config = tmp_path / "rclone.conf"
    config.write_text(f"[site]\ntype = ftp\nhost = localhost\nport = {site.ftps_port}\nuser = {name}\npass = {obscured}\ntls = true\nconcurrency = 4\ntls_cache_size = 0\n")
    up, down = tmp_path / "up", tmp_path / "down"
    (up / "folder").mkdir(parents=True)
    for number, size in enumerate((0, 1, 70_000, 1_500_000)):
        (up / ("folder" if number % 2 else ".") / f"f{number}.bin").write_bytes(os.urandom(size))

    def rclone(*words):
        done = run("rclone", "--config", config, "--retries", "1", "--low-level-retries", "1", *words, env=dict(os.environ, SSL_CERT_FILE=site.ca))
        assert done.returncode == 0, done.stderr
        return done

    rclone("copy", up, "site:/mirror")
    rclone("copy", "site:/mirror", down)
    assert {p.relative_to(down): p.read_bytes() for p in down.rglob("*.bin")} == {p.relative_to(up): p.read_bytes() for p in up.rglob("*.bin")}
    rclone("check", "--size-only", up, "site:/mirror")
    rclone("delete", "site:/mirror")
    assert site.http("GET", "/mirror/f0.bin", site.admin).status == 404


COMMONS_NET = pathlib.Path("/usr/share/java/commons-net.jar")


@needs("java")
@pytest.mark.skipif(not COMMONS_NET.exists(), reason="Debian's libcommons-net-java, with a JDK, is not installed")
def test_commons_net(site):
    """The FTP client of many Java programs: it never resumes a session on its data connections."""
    log = f"{site.macs[2]}-java.log"
    seen = run("java", "-cp", COMMONS_NET, SOURCE / "tests/e2e/Strangers.java", site.ftps_port, *site.handsets[2], site.ca, log)
    assert seen.returncode == 0, seen.stderr
    assert seen.stdout.splitlines() == ["login true", "store true", "append true", "retrieve true", "same true", "size 70014", "listed 70014", "facts 70014",
                                        "absent false 550", "logout true"], seen.stdout
