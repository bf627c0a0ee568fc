# SPDX-License-Identifier: Apache-2.0
"""The real daemon for the end-to-end tests: own temporary folder, free ports, real TLS.

`site` (one a test file) is a running demo site; `new_site` makes more, with other settings. Nothing here sleeps: readiness
is the daemon's own `ready` line, and everything else is waited for by its event."""
import base64
import ftplib
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import pytest

BUILD = pathlib.Path(os.environ.get("CRADLE_BUILDDIR", ".")).resolve()
SOURCE = pathlib.Path(os.environ.get("CRADLE_SRCDIR", pathlib.Path(__file__).parents[2])).resolve()
CRADLED = BUILD / "cradled"
HANDSET = BUILD / "cradle-handset"
CTL = BUILD / "cradlectl"
TIMEOUT = 60  # seconds that nothing here should ever need, sanitizers included


class ImplicitFTP(ftplib.FTP_TLS):
    """ftplib over implicit TLS (RFC 4217 never standardised it): the handshake comes first, data is protected from the start,
    and PROT is not sent unless a test does it. `reuse` offers the control session on data connections."""

    def __init__(self, context, reuse=True):
        super().__init__(context=context, timeout=TIMEOUT)
        self.reuse = reuse
        self._prot_p = True

    def connect(self, host="", port=0, timeout=-999, source_address=None, server_name="localhost"):
        self.host, self.port = host, port
        raw = socket.create_connection((host, port), TIMEOUT)
        self.af = raw.family
        self.sock = self.context.wrap_socket(raw, server_hostname=server_name)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if self.reuse else None
        try:
            conn = self.context.wrap_socket(conn, server_hostname="localhost", session=session)
        except BaseException:
            conn.close()
            raise
        return conn, size

    # Upstream's storbinary calls unwrap() too; this one is for APPE and STOR alike, all at once.
    def put(self, verb, name, data, clean=True):
        """Uploads bytes with STOR or APPE; returns the final reply. clean=False ends without close_notify."""
        self.voidcmd("TYPE I")
        with self.transfercmd(f"{verb} {name}") as conn:
            conn.sendall(data)
            if clean:
                conn.unwrap()
            else:
                os.close(conn.detach())
        return self.voidresp()

    def get(self, name, rest=None):
        parts = []
        self.retrbinary(f"RETR {name}", parts.append, rest=rest)
        return b"".join(parts)


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Site:
    """A demo site in `folder` and the daemon that serves it."""

    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.settings = settings
        self.process = None
        self.log = None
        subprocess.run([CRADLED, "demo", "--folder", self.folder, "--samples", SOURCE / "etc/demo"], check=True,
                       timeout=TIMEOUT)
        self.env = {}
        for line in (self.folder / "demo.env").read_text().splitlines():
            if line and not line.startswith("#"):
                name, value = line.split("=", 1)
                self.env[name] = value.strip("'\"")
        self.ca = self.env["CRADLE_CA"]
        self.macs = [self.env[f"CRADLE_HANDSET{n}_MAC"] for n in (1, 2, 3)]
        self.handsets = [(self.env[f"CRADLE_HANDSET{n}_USER"], self.env[f"CRADLE_HANDSET{n}_PASSWORD"]) for n in (1, 2, 3)]
        self.admin = (self.env["CRADLE_ADMIN_USER"], self.env["CRADLE_ADMIN_PASSWORD"])
        self.operator = (self.env["CRADLE_OPERATOR_USER"], self.env["CRADLE_OPERATOR_PASSWORD"])

    # --- the daemon ------------------------------------------------------------------------------------------

    def start(self, **settings):
        self.settings.update(settings)
        values = {"https_listen": "127.0.0.1:0", "ftps_listen": "127.0.0.1:0", "refusal_delay": "50ms", "throttle_max": "200ms", "log_level": "debug"}
        values.update(self.settings)
        # CRADLE_WRAP: a program to run the daemon under, for instance valgrind.
        command = shlex.split(os.environ.get("CRADLE_WRAP", ""))
        command += [CRADLED, "serve", "--config", self.folder / "site/cradled.conf"]
        for name, value in values.items():
            command += ["--set", f"{name}={value}"]
        self.log = open(self.folder / "daemon.log", "ab")
        begin = self.log.tell()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        if line != b"ready\n":
            self.process.wait(TIMEOUT)
            raise RuntimeError(f"cradled did not start: {self.log_text()[-2000:]}")
        self.ports = {"https": [], "ftps": []}
        with open(self.folder / "daemon.log", "rb") as log:
            log.seek(begin)
            for match in re.finditer(rb"daemon\.ready protocol=(\w+) address=\S+ port=(\d+)", log.read()):
                self.ports[match[1].decode()].append(int(match[2]))
        return self

    @property
    def https_port(self):
        return self.ports["https"][0]

    @property
    def ftps_port(self):
        return self.ports["ftps"][0]

    def stop(self, number=signal.SIGTERM):
        """Ends the daemon and gives its exit status (negative: the signal that killed it)."""
        if self.process is None:
            return None
        self.process.send_signal(number)
        try:
            status = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(TIMEOUT)
            raise
        self.process.stdout.close()
        self.log.close()
        self.process = None
        return status

    def kill(self):
        return self.stop(signal.SIGKILL)

    def log_text(self):
        return (self.folder / "daemon.log").read_text(errors="replace")

    def log_size(self):
        """Where the log ends now, for await_log."""
        return (self.folder / "daemon.log").stat().st_size

    def await_log(self, pattern, begin=0, want=""):
        """Waits for the first line behind `begin` that matches and gives it; `want` must be in it."""
        # tail waits for the file to grow; grep would buffer.
        with subprocess.Popen(["tail", "-c", f"+{begin + 1}", "-f", self.folder / "daemon.log"], stdout=subprocess.PIPE) as tail:
            watchdog = threading.Timer(TIMEOUT, tail.kill)
            watchdog.start()
            try:
                for line in tail.stdout:
                    line = line.decode(errors="replace")
                    if re.search(pattern, line):
                        assert want in line, line
                        return line
            finally:
                watchdog.cancel()
                tail.kill()
        raise AssertionError(f"no {pattern} in the log: {self.log_text()[-2000:]}")

    # --- clients ---------------------------------------------------------------------------------------------

    @property
    def url(self):
        return f"https://127.0.0.1:{self.https_port}"

    @property
    def ftps_url(self):
        return f"ftps://127.0.0.1:{self.ftps_port}"

    def context(self, tls=None, cert=None, key=None):
        """A client's TLS context: tls "1.2" or "1.3" pins the version."""
        context = ssl.create_default_context(cafile=self.ca)
        if tls:
            version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[tls]
            context.minimum_version = context.maximum_version = version
        if cert:
            context.load_cert_chain(cert, key)
        return context

    def http(self, method, path, user=None, body=None, headers=None, context=None, port=None):
        """One request on a connection of its own; path goes out as it is."""
        headers = dict(headers or {})
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
        connection = http.client.HTTPSConnection("127.0.0.1", port or self.https_port, context=context or self.context(),
                                                 timeout=TIMEOUT)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def api(self, method, path, value=None, user=None):
        body = None if value is None else json.dumps(value)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self.http(method, "/api/v1" + path, user or self.admin, body, headers)

    def raw_tls(self, port, context=None, alpn=None):
        """A bare TLS connection, for requests that no library would send."""
        context = context or self.context()
        if alpn:
            context.set_alpn_protocols(alpn)
        raw = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        return context.wrap_socket(raw, server_hostname="localhost")

    def ftp(self, user=None, context=None, reuse=True, port=None):
        """A control connection; logged in when user is given."""
        ftp = ImplicitFTP(context or self.context(), reuse)
        ftp.connect("127.0.0.1", port or self.ftps_port)
        if user:
            ftplib.FTP.login(ftp, *user)
        return ftp

    def curl(self, *arguments, user=None, check=True):
        """The real curl; credentials come through a config on standard input, as an administrator should do it."""
        config = f'cacert = "{self.ca}"\nsilent\nshow-error\nmax-time = {TIMEOUT}\n'
        if user:
            config += f'user = "{user[0]}:{user[1]}"\n'
        return subprocess.run(["curl", "-K", "-", *map(str, arguments)], input=config.encode(), capture_output=True,
                              check=check, timeout=2 * TIMEOUT)

    def ctl(self, *arguments, user=None, check=True, server=True, input=None):
        """The real cradlectl, as the administrator; server=False: without anything that tells where a server is."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("CRADLE_")}
        env["HOME"] = env["XDG_CONFIG_HOME"] = str(self.folder)
        if server:
            name, password = user or self.admin
            env.update(CRADLE_URL=self.url, CRADLE_CA=self.ca, CRADLE_ADMIN_USER=name, CRADLE_ADMIN_PASSWORD=password)
        return subprocess.run([CTL, *map(str, arguments)], input=input, capture_output=True, text=True, check=check,
                              timeout=2 * TIMEOUT, env=env, cwd=self.folder)

    def lftp(self, script, user, check=True):
        """The real lftp, implicit FTPS."""
        prologue = (f"set cmd:fail-exit true; set net:max-retries 1; set net:timeout 20; set ssl:ca-file {self.ca}; "
                    f"open -u {user[0]},{user[1]} {self.ftps_url}; ")
        env = dict(os.environ, HOME=str(self.folder), LFTP_HOME=str(self.folder / "lftp"))
        return subprocess.run(["lftp", "--norc", "-c", prologue + script], capture_output=True, check=check,
                              timeout=2 * TIMEOUT, env=env, cwd=self.folder)


@pytest.fixture(scope="module")
def folder():
    path = tempfile.mkdtemp(prefix="cradle-e2e-")
    yield pathlib.Path(path)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def new_site(folder):
    """Makes sites: new_site("name", setting="value", …); they are stopped at the end and must end cleanly."""
    sites = []

    def make(name, **settings):
        made = Site(folder / name, **settings)
        sites.append(made)
        return made.start()

    yield make
    bad = []
    for made in sites:  # all of them, also when one is to be complained about: none is left behind
        if made.process is None:
            continue
        died = made.process.poll()
        status = died if died is not None else made.stop()
        if status != 0:
            sys.stderr.write(made.log_text()[-4000:])
            bad.append(f"{made.folder.name} ended with {status}")
    assert not bad


@pytest.fixture(scope="module")
def site(new_site):
    return new_site("site")
