# SPDX-License-Identifier: Apache-2.0
"""A PKI folder as `cradlectl pki` makes it, for the tests that need certificates: fast keys, passphrases in files."""
import os
import pathlib
import subprocess

from conftest import CTL, TIMEOUT

ROLES = ("server", "handset", "administrator", "operator")


def openssl(*arguments, check=True, input=None):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=check, input=input,
                          timeout=TIMEOUT)


class Pki:
    def __init__(self, folder, name="Test site"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pki = self.folder / "pki"
        self.root_phrase = self.folder / "root.passphrase"
        self.phrase = self.folder / "passphrase"
        self.root_phrase.write_text("the root's secret words\n")
        self.phrase.write_text("the intermediates' words\n")
        self.made = self("init", "--name", name, "--key-kind", "p256", "--root-key-kind", "p256", root=True)

    def __call__(self, command, *arguments, root=False, check=True, phrase=True, **options):
        """Runs cradlectl pki in the folder; root=True: with the root's passphrase too."""
        line = [CTL, "pki", command, *map(str, arguments)]
        if phrase and command in ("init", "sign", "issue", "renew", "revoke", "crl"):
            line += ["--passphrase-file", self.phrase]
        if root:
            line += ["--root-passphrase-file", self.root_phrase]
        env = {name: value for name, value in os.environ.items() if not name.startswith("CRADLE_")}
        env["HOME"] = env["XDG_CONFIG_HOME"] = str(self.folder)
        done = subprocess.run(line, capture_output=True, text=True, cwd=self.folder, env=env, timeout=2 * TIMEOUT, **options)
        assert not check or done.returncode == 0, done.stderr
        return done

    def ca(self, role, end=".pem"):
        return self.pki / "ca" / f"{role}{end}"

    def file(self, role, name, end=".pem"):
        return self.pki / role / f"{name}{end}"

    def verify(self, role, name, *arguments):
        """OpenSSL's verdict, strict, on what was made for a member of a role."""
        return openssl("verify", "-x509_strict", *arguments, "-CAfile", self.ca("root"), "-untrusted", self.ca(role),
                       self.file(role, name), check=False)

    def index(self):
        return [line.split("\t") for line in (self.pki / "index").read_text().splitlines() if not line.startswith("#")]
