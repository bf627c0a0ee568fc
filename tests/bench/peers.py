# SPDX-License-Identifier: Apache-2.0
"""The servers of the benchmark: Cradle and its peers, each in a folder of its own, on a free loopback port, with the same
certificate, the same files and one account. The peers are Debian's packages, unpacked beside each other (as installed
packages they exclude one another) and configured to be fast: no look-ups of names, no logs, no limits."""
import base64
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

PACKAGES = ["vsftpd", "proftpd-core", "proftpd-mod-crypto", "pure-ftpd", "pure-ftpd-common", "nginx", "nginx-common",
            "libwrap0", "libmemcached11", "libmemcachedutil2", "libhashkit2", "libpcre2-posix3"]
PASSWORD = "a-password-of-some-length"
TICK = os.sysconf("SC_CLK_TCK")


def unpack(folder, packages=PACKAGES, program="nginx"):
    """Debian's packages of the peers, unpacked below `folder`; nothing of the system changes."""
    root = folder / "root"
    if not (root / "usr/sbin" / program).exists():
        debs = folder / "debs"
        debs.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", *packages], cwd=debs, check=True, stderr=subprocess.DEVNULL)
        for deb in sorted(debs.glob("*.deb")):
            subprocess.run(["dpkg", "-x", deb, root], check=True)
    return root


PORTS = iter(range(21000, 32000))


def free_port():
    """Never the same twice, and below those that the kernel gives to connections: one of them could take it before the peer does."""
    for port in PORTS:
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def processes(root):
    """All living processes of the tree below pid `root`, itself included."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            fields = stat[stat.rindex(")") + 2:].split()
            parents[int(entry)] = (int(fields[1]), sum(map(int, fields[11:15])))
    tree, grown = {root}, True
    while grown:
        fresh = {pid for pid, (parent, _) in parents.items() if parent in tree and pid not in tree}
        tree |= fresh
        grown = bool(fresh)
    return {pid: parents[pid][1] for pid in tree if pid in parents}


def control_group(name):
    """A fresh control group (version 2), which counts the time of its processes to the microsecond, those that ended
    included; None where we may not make one."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            folder = pathlib.Path(where, name)
            try:
                folder.mkdir()
            except OSError:
                continue
            return folder
    return None


class Peer:
    """One server. `ftp`: None, "implicit" or "explicit"; `https`: bool."""
    name, ftp, https, note = "", None, False, ""
    user, owner = "bench", ("nobody", "nogroup")

    def __init__(self, folder, root, certificate, files):
        self.folder, self.root, self.certificate, self.source = pathlib.Path(folder), root, certificate, files
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.ports = {"ftp": self.port, "https": self.port}
        self.log = open(self.folder / "output", "wb")
        self.password_file = self.folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self.served = self.folder / "served"
        self.process = None
        self.group = control_group(f"{self.folder.parent.name}-{self.folder.name}")

    def serve_files(self):
        shutil.copytree(self.source, self.served)
        for path in [self.served, *self.served.iterdir()]:
            shutil.chown(path, *self.owner)
        self.served.chmod(0o755)
        for path in [self.folder, *self.folder.parents]:
            if path.stat().st_uid == os.getuid() and path != pathlib.Path("/"):
                path.chmod(path.stat().st_mode | 0o011)

    def run(self, *command, **options):
        env = dict(os.environ)
        if self.root:
            libraries = self.root / "usr/lib" / f"{os.uname().machine}-linux-gnu"
            env["LD_LIBRARY_PATH"] = str(libraries)
        join = (lambda: (self.group / "cgroup.procs").write_text("0")) if self.group else None
        self.process = subprocess.Popen(list(map(str, command)), stdout=self.log, stderr=self.log, env=env, start_new_session=True, preexec_fn=join, **options)

    def wait_until_it_listens(self):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.02)
                    break
        raise RuntimeError(f"{self.name} does not start: {(self.folder / 'output').read_text(errors='replace')[-800:]}")

    def flags(self, protocol):
        """For the load generator."""
        return [] if protocol == "https" else ["--ftp-explicit" if self.ftp == "explicit" else "--ftp"]

    def cpu_ms(self):
        """User and system time of the server and its children; without a control group, in steps of 10 ms, and of the
        children that live or were waited for."""
        if self.group:
            return int((self.group / "cpu.stat").read_text().split()[1]) / 1000  # usage_usec
        return sum(processes(self.process.pid).values()) * 1000 / TICK

    def pss_kb(self):
        total = 0
        for pid in processes(self.process.pid):
            try:
                for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
            except OSError:
                continue
        return total

    def append_name(self):
        return "log"

    def appended(self):
        """Bytes in all logs that the load made; the load knows what was acknowledged."""
        return sum(path.stat().st_size for path in self.served.rglob("*.log"))

    def stop(self):
        if self.process is not None:
            for pid in processes(self.process.pid):
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.group:
            self.leave_group()
        self.log.close()

    def leave_group(self):
        (self.group / "cgroup.kill").write_text("1")
        events = self.group / "cgroup.events"
        with open(events) as changes:
            poll = select.poll()
            poll.register(changes, select.POLLPRI)
            while "populated 1" in events.read_text() and poll.poll(10000):
                changes.seek(0)
                changes.read()
        self.group.rmdir()


class Vsftpd(Peer):
    name, ftp, user, owner = "vsftpd", "implicit", "ftp", ("daemon", "daemon")  # a user whose home exists
    note = "does not sync; compares a plain password; processes for each session"

    def append_name(self):
        return "in/log"

    def start(self):
        self.serve_files()
        # It serves no root that its user can write to.
        (self.served / "in").mkdir()
        shutil.chown(self.served / "in", *self.owner)
        shutil.chown(self.served, "root", "root")
        empty = self.folder / "empty"
        empty.mkdir()
        (self.folder / "conf").write_text(f"""listen=YES
listen_address=127.0.0.1
listen_port={self.port}
background=NO
implicit_ssl=YES
ssl_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=ECDHE+AESGCM
rsa_cert_file={self.certificate.chain}
rsa_private_key_file={self.certificate.key}
anonymous_enable=YES
local_enable=NO
ftp_username=daemon
anon_root={self.served}
no_anon_password=NO
secure_email_list_enable=YES
email_password_file={self.password_file}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
anon_umask=022
allow_writeable_chroot=YES
secure_chroot_dir={empty}
xferlog_enable=NO
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
tcp_wrappers=NO
max_clients=0
max_per_ip=0
pasv_min_port=30000
pasv_max_port=39999
""")
        self.run(self.root / "usr/sbin/vsftpd", self.folder / "conf")


class Proftpd(Peer):
    name, ftp = "ProFTPD", "implicit"
    note = "does not sync; sha512crypt; a process for each session"

    def start(self):
        self.serve_files()
        crypted = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True).stdout.strip()
        passwd = self.folder / "passwd"
        passwd.write_text(f"{self.user}:{crypted}:65534:65534::{self.served}:/bin/false\n")
        passwd.chmod(0o600)
        kind = "RSA" if self.certificate.rsa else "EC"
        (self.folder / "conf").write_text(f"""ModulePath {self.root}/usr/lib/proftpd
LoadModule mod_tls.c
ServerType standalone
DefaultAddress 127.0.0.1
Port {self.port}
DefaultServer on
User nobody
Group nogroup
UseIPv6 off
UseReverseDNS off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile {passwd}
DefaultRoot ~
AllowOverwrite on
AllowStoreRestart on
PassivePorts 40000 49999
MaxInstances none
TimesGMT on
WtmpLog off
TransferLog none
SystemLog none
PidFile {self.folder}/pid
ScoreboardFile none
TLSEngine on
TLSRequired on
TLSOptions UseImplicitSSL NoSessionReuseRequired
TLSProtocol TLSv1.2 TLSv1.3
TLSCipherSuite ECDHE+AESGCM
TLS{kind}CertificateFile {self.certificate.chain}
TLS{kind}CertificateKeyFile {self.certificate.key}
TLSCACertificateFile {self.certificate.ca}
TLSSessionTickets on
TLSVerifyClient off
<Directory />
  AllowOverwrite on
</Directory>
""")
        self.run(self.root / "usr/sbin/proftpd", "-n", "-q", "-c", self.folder / "conf")


class Pureftpd(Peer):
    name, ftp = "Pure-FTPd", "explicit"
    note = "explicit TLS only; does not sync; sha512crypt; a process for each session"

    def start(self):
        self.serve_files()
        both = self.folder / "both.pem"
        both.write_text(self.certificate.key.read_text() + self.certificate.chain.read_text())
        both.chmod(0o600)
        passwd, database = self.folder / "passwd", self.folder / "database"
        crypted = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True).stdout.strip()
        passwd.write_text(f"{self.user}:{crypted}:65534:65534::{self.served}/./::::::::::::\n")
        subprocess.run([self.root / "usr/bin/pure-pw", "mkdb", database, "-f", passwd], check=True, stdout=self.log, stderr=self.log)
        self.run(self.root / "usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{self.port}", "-l", f"puredb:{database}", "-Y", "3", "-2", both,
                 "-p", "20000:29999", "-c", "5000", "-C", "5000", "-H", "-E", "-u", "1", "-I", "15", "-J", "ECDHE+AESGCM", "-g", self.folder / "pid")


class Nginx(Peer):
    name, https = "nginx", True
    note = "does not sync; sha512crypt where it checks a password"
    password_checked = True

    def start(self):
        self.serve_files()
        crypted = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True).stdout.strip()
        (self.folder / "htpasswd").write_text(f"{self.user}:{crypted}\n")
        auth = f"auth_basic x; auth_basic_user_file {self.folder}/htpasswd;" if self.password_checked else ""
        (self.folder / "conf").write_text(f"""user nobody nogroup;
worker_processes {os.cpu_count()};
daemon off;
pid {self.folder}/pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
  proxy_temp_path {self.folder}/t1; fastcgi_temp_path {self.folder}/t2; uwsgi_temp_path {self.folder}/t3; scgi_temp_path {self.folder}/t4;
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  client_max_body_size 1g;
  client_body_temp_path {self.folder}/body;
  server {{
    listen 127.0.0.1:{self.port} ssl backlog=4096 reuseport;
    ssl_certificate {self.certificate.chain};
    ssl_certificate_key {self.certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM;
    ssl_session_cache shared:s:20m;
    ssl_session_tickets on;
    location / {{ root {self.served}; dav_methods PUT; {auth} }}
  }}
}}
""")
        self.run(self.root / "usr/sbin/nginx", "-c", self.folder / "conf", "-p", self.folder)


class NginxOpen(Nginx):
    name, note, password_checked = "nginx, no password", "does not sync; checks no password", False


class Cradle(Peer):
    name, ftp, https = "Cradle", "implicit", True
    note = "syncs before it acknowledges; one account a handset; sealed on disk"
    binary = samples = None

    def start(self):
        subprocess.run([self.binary, "demo", "--folder", self.folder / "site", "--samples", self.samples], check=True, stdout=self.log, stderr=self.log)
        site = self.folder / "site"
        env = dict(line.split("=", 1) for line in (site / "demo.env").read_text().splitlines() if "=" in line and line[0] != "#")
        env = {name: value.strip("'\"") for name, value in env.items()}
        self.admin = (env["CRADLE_ADMIN_USER"], env["CRADLE_ADMIN_PASSWORD"])
        self.mac, self.user = env["CRADLE_HANDSET1_MAC"], env["CRADLE_HANDSET1_USER"]
        self.password_file.write_text(env["CRADLE_HANDSET1_PASSWORD"] + "\n")
        other = free_port()
        self.ports = {"https": self.port, "ftp": other}
        settings = {"https_listen": f"127.0.0.1:{self.port}", "ftps_listen": f"127.0.0.1:{other}", "passive_ports": "50000-59999",
                    "certificate": self.certificate.chain, "certificate_key": self.certificate.key, "log_quota": "64G", "log_level": "warning",
                    "max_file": "1G"}
        arguments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        self.run(self.binary, "serve", "--config", site / "site/cradled.conf", *arguments)
        self.wait_until_it_listens()
        for path in sorted(self.source.iterdir()):
            self.request("PUT", "/" + path.name + "?unchecked=1", path.read_bytes())

    def request(self, method, path, body=None):
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", data=body, method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(self.admin).encode()).decode())
        request.add_header("Content-Type", "application/octet-stream")
        context = ssl.create_default_context(cafile=self.certificate.ca)
        context.check_hostname = False
        with urllib.request.urlopen(request, context=context, timeout=300) as answer:
            return answer.read()

    def append_name(self):
        return f"{self.mac}-bench"

    def appended(self):
        logs = json.loads(self.request("GET", f"/api/v1/handsets/{self.mac}/logs"))
        return sum(generation["size"] for generation in logs["generations"])
