# SPDX-License-Identifier: Apache-2.0
"""doc/certificates.md, followed line by line: every indented command runs as it stands, in order. Only where the server listens
is another place than in the document."""
import os
import re
import subprocess

import pytest

from conftest import BUILD, SOURCE, TIMEOUT
from test_radius import SETTINGS

DOCUMENT = (SOURCE / "doc/certificates.md").read_text()
SERVE = "cradled serve --config cradled.conf"


def blocks(text):
    """Runs of indented lines."""
    return ["\n".join(line[4:] for line in block.splitlines()) for block in re.findall(r"^(?:    .*\n)+", without_fences(text), re.M)]


def without_fences(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def fenced(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.M | re.S)


class Shell:
    """An administrator's terminal."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CRADLE_")}
        self.environment.update(HOME=str(folder), XDG_CONFIG_HOME=str(folder), PATH=f"{BUILD}:{os.environ['PATH']}")
        self.places = {"10.20.0.5": "127.0.0.1"}
        self.ran = []

    def here(self, command):
        for there, here in self.places.items():
            command = command.replace(there, here)
        return command

    def run(self, command):
        if command.startswith("export "):
            # Later commands are other processes: what is said once must reach them.
            lines = subprocess.run(["sh", "-euc", self.here(command) + "; env"], cwd=self.folder, env=self.environment, capture_output=True,
                                   text=True, check=True).stdout.splitlines()
            self.environment.update(line.split("=", 1) for line in lines if line.startswith("CRADLE_"))
        done = subprocess.run(["sh", "-euc", self.here(command)], cwd=self.folder, env=self.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, start_new_session=True, timeout=4 * TIMEOUT)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        self.ran.append(command)
        if "cd certificates" in command:
            self.folder = self.folder / "certificates"
        return done.stdout

    def serve(self):
        """Starts the server of the document, on free ports; gives the process."""
        self.log = open(self.folder / "log.daemon", "w+")
        daemon = subprocess.Popen([BUILD / "cradled", *SERVE.split()[1:], "--set", "https_listen=127.0.0.1:0", "--set", "ftps_listen=127.0.0.1:0"],
                                  cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=self.log)
        assert daemon.stdout.readline() == b"ready\n", (self.folder / "log.daemon").read_text()
        said = (self.folder / "log.daemon").read_text()
        for protocol in ("https", "ftps"):
            port = re.search(rf"daemon\.ready protocol={protocol} address=\S+ port=(\d+)", said)[1]
            self.places[f"{protocol}://cradle.example.org"] = f"{protocol}://127.0.0.1:{port}"
        self.ran.append(SERVE)
        return daemon


@pytest.fixture(scope="module")
def followed(folder):
    shell, daemon, said = Shell(folder), None, {}
    try:
        for block in blocks(DOCUMENT):
            if block == SERVE:
                daemon = shell.serve()
                continue
            for command in block.splitlines():
                # The settings are written before the first command that reads them.
                if "--config cradled.conf" in command and not (shell.folder / "cradled.conf").exists():
                    (shell.folder / "cradled.conf").write_text(fenced("ini")[0])
                said[command] = shell.run(command)
        yield shell, said
    finally:
        if daemon is not None:
            daemon.terminate()
            daemon.communicate(timeout=TIMEOUT)
            shell.log.close()


def test_every_command_of_the_document_works(followed):
    shell, said = followed
    commands = [line for block in blocks(DOCUMENT) for line in block.splitlines()]
    assert shell.ran == commands and len(commands) > 30 and SERVE in commands
    for name in ("init", "request", "sign", "issue", "renew", "revoke", "crl", "chain", "show", "trust-bundle"):
        assert any(command.startswith(f"cradlectl pki {name} ") or command == f"cradlectl pki {name}" for command in commands), name


def test_it_comes_out_as_the_document_says(followed):
    shell, said = followed
    listed = next(text for command, text in said.items() if command.startswith("cradlectl pki show pki/server"))
    assert "cradle.example.org" in listed and "127.0.0.1" in listed
    fetched = next(text for command, text in said.items() if command.startswith("curl") and command.endswith("/00907a0a0b0c-ext.cfg") and " -T " not in command)
    assert fetched == "<handsetConfig/>\n"
    assert (shell.folder / "radius/identities").read_text().split() == ["00907a0a0b0e", "00907a0a0b0f"]
    assert not (shell.folder / "pki/handset/00907a0a0b0c.cfg").exists()


def test_a_revoked_handset_is_refused_by_the_server_that_runs(followed):
    """00907a0a0b0d was revoked while the server ran; 00907a0a0b0e came from the same list and was not."""
    shell, _ = followed

    def curl(who, *arguments):
        return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", "pki/ca/root.pem", "--cert", f"pki/{who}.pem",
                               "--key", f"pki/{who}.key", *map(shell.here, arguments)], cwd=shell.folder, capture_output=True, text=True,
                              timeout=TIMEOUT).stdout
    for mac in ("00907a0a0b0d", "00907a0a0b0e"):
        assert curl("administrator/admin", "--json", f'{{"mac":"{mac}"}}', "https://cradle.example.org/api/v1/handsets") == "201"
    absent = "https://cradle.example.org/absent.cfg"
    # A changed list is noticed by looking now and then: ask until it was.
    assert any(curl("handset/00907a0a0b0d", absent) == "401" for _ in range(2000))
    assert curl("handset/00907a0a0b0e", absent) == "404"


def test_the_radius_settings_are_those_that_are_tried():
    tried = {line.strip() for line in SETTINGS.replace("{{", "{").replace("}}", "}").splitlines()}
    places = {"/etc/freeradius/3.0/certs/radius.example.org": "{pki}/server/radius.test", "/etc/freeradius/3.0/certs/ca.pem": "{radius}/ca.pem",
              "St. Mary": "Test site"}
    for line in fenced("text")[0].splitlines():
        for there, here in places.items():
            line = line.replace(there, here)
        assert line.strip() in tried, line

