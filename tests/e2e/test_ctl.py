# SPDX-License-Identifier: Apache-2.0
"""cradlectl as a program: where it learns of its server, what it says when something is wrong."""
import json
import os
import pty
import subprocess

from conftest import CTL, TIMEOUT


def test_status(site):
    run = site.ctl("status")
    assert run.stdout == "server: answers\nlogin: accepted, as an administrator\n"
    assert json.loads(site.ctl("status", "--json").stdout)["server"] == "answers"


def test_options_before_environment_before_file(site):
    password = site.folder / "ctl-password"
    password.write_text(site.admin[1] + "\n")
    password.chmod(0o600)
    options = ["--server", site.url, "--ca", site.ca, "--user", site.admin[0], "--password-file", password]
    assert site.ctl("status", *options, server=False).returncode == 0
    config = site.folder / "cradle/cradlectl.conf"
    config.parent.mkdir()
    config.write_text(f"# mine\nserver = {site.url}/\nca = {site.ca}\nuser = {site.admin[0]}\npassword_file = {password}\n")
    assert site.ctl("status", server=False).returncode == 0
    run = site.ctl("status", "--server", "https://127.0.0.1:1", server=False, check=False)
    assert run.returncode == 1 and "127.0.0.1:1" in run.stderr
    config.write_text("server: x\n")
    run = site.ctl("status", server=False, check=False)
    assert run.returncode == 2 and "line 1" in run.stderr
    config.write_text("\nservre = x\n")
    run = site.ctl("status", server=False, check=False)
    assert run.returncode == 2 and "line 2" in run.stderr and "servre" in run.stderr
    config.unlink()


def test_a_password_is_asked_for_without_echo(site):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(CTL, [str(CTL), "status", "--server", site.url, "--ca", site.ca, "--user", site.admin[0]])
    seen = b""
    try:
        while not seen.endswith(b": "):
            seen += os.read(terminal, 1000)
        os.write(terminal, site.admin[1].encode() + b"\n")
        while piece := os.read(terminal, 1000):
            seen += piece
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert b"login: accepted" in seen and site.admin[1].encode() not in seen


def test_what_is_wrong_is_said(site):
    run = site.ctl("status", user=(site.admin[0], "wrong"), check=False)
    assert run.returncode == 1 and "--password-file" in run.stderr and "wrong" not in run.stderr
    run = site.ctl("status", user=site.operator, check=False)
    assert run.returncode == 1 and "operator" in run.stderr
    run = site.ctl("status", "--ca", "/dev/null", check=False)
    assert run.returncode == 1
    run = site.ctl("status", server=False, check=False)
    assert run.returncode == 2 and "CRADLE_URL" in run.stderr
    run = site.ctl("status", "--user", "nobody", "--server", site.url, "--password-file", "-", server=False, check=False, input="")
    assert run.returncode == 2 and "holds no password" in run.stderr
    run = subprocess.run([CTL, "status", "--user", "nobody", "--server", site.url], capture_output=True, text=True, timeout=TIMEOUT,
                         stdin=subprocess.DEVNULL, start_new_session=True)
    assert run.returncode == 2 and "--password-file" in run.stderr
    assert site.ctl("stauts", check=False).returncode == 2


def test_help_names_every_command(site):
    text = site.ctl("--help", server=False).stdout
    assert "status" in text and "cradlectl(1)" in text
    assert "--password-file" in site.ctl("status", "--help", server=False).stdout
