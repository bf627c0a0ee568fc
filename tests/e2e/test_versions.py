# SPDX-License-Identifier: Apache-2.0
"""Which TLS is spoken with whom (R3): two versions by default, a floor for each role, and a pair of listeners of their own for handsets
that know nothing newer than TLS 1.0."""
import ftplib
import re
import signal
import ssl
import subprocess
import warnings

import pytest

from conftest import TIMEOUT
from test_tls import Servers

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def old(site, version, *cert, ciphers="ALL:@SECLEVEL=0"):
    """A client that speaks one version, whatever OpenSSL thinks of it."""
    context = site.context(None, *cert)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers(ciphers)
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def legacy_ports(site):
    return site.ports["https"][1], site.ports["ftps"][1]


@pytest.fixture(scope="module")
def site(new_site, folder):
    """A server of an RSA certificate with both legacy listeners; the first handset is marked."""
    servers = Servers(folder / "legacy-servers")
    chain, key, _ = servers.server("rsa", "rsa", usage="digitalSignature,keyEncipherment")
    site = new_site("legacy", certificate=chain, certificate_key=key, legacy_https_listen="127.0.0.1:0", legacy_ftps_listen="127.0.0.1:0",
                    watch_interval=0)
    site.ca = str(servers.cert)
    assert site.api("PATCH", f"/handsets/{site.macs[0]}", {"legacy": True}).status == 200
    return site


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_default_listeners_speak_two_versions(site, version):
    """Also while there are legacy listeners, and whatever the client offers beside it."""
    for port in (site.https_port, site.ftps_port):
        if version in ("1.2", "1.3"):
            with site.raw_tls(port, old(site, version)) as tls:
                assert tls.version() == f"TLSv{version}"
            continue
        with pytest.raises((ssl.SSLError, OSError)):
            site.raw_tls(port, old(site, version))
        flag = {"1.0": "-tls1", "1.1": "-tls1_1"}[version]
        run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", flag, "-cipher", "ALL:@SECLEVEL=0"], input=b"",
                             capture_output=True, timeout=TIMEOUT)
        assert run.returncode != 0 and b"Cipher is (NONE)" in run.stdout


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "DES-CBC3-SHA"])
def test_default_listeners_speak_no_cbc_and_no_rsa_key_exchange(site, ciphers):
    for port in (site.https_port, site.ftps_port):
        with pytest.raises((ssl.SSLError, OSError)):
            site.raw_tls(port, old(site, "1.2", ciphers=f"{ciphers}:@SECLEVEL=0"))


def test_a_floor_for_each_role(new_site):
    site = new_site("floors", tls_minimum_handset="1.3", tls_minimum_operator="1.3", watch_interval=0)
    cert = (site.env["CRADLE_HANDSET1_CERT"], site.env["CRADLE_HANDSET1_KEY"])
    for version, handset in (("1.2", 403), ("1.3", 200)):
        context = site.context(version)
        assert site.http("GET", "/site.cfg", site.handsets[0], context=context).status == handset
        assert site.http("GET", "/site.cfg", context=site.context(version, *cert)).status == handset
        assert site.http("GET", "/@log/", site.operator, context=context).status == handset
        assert site.http("GET", "/api/v1/handsets", site.admin, context=context).status == 200
        # A wrong password looks the same over both.
        assert site.http("GET", "/site.cfg", (site.handsets[0][0], "wrong"), context=context).status == 401
        if handset == 200:
            site.ftp(site.handsets[0], context=context).quit()
            continue
        with pytest.raises(ftplib.error_perm, match="^530 More is needed to log in$"):
            site.ftp(site.handsets[0], context=context)
    # What is needed stands in the log alone.
    assert re.search(r'login\.refused protocol=https .*why="right, but this role needs TLS 1\.3"', site.log_text())
    # A reload lowers it, on connections that are open too.
    with open(site.folder / "site/cradled.conf", "a") as conf:
        conf.write("tls_minimum_administrator = 1.3\n")
    begin = site.log_size()
    site.process.send_signal(signal.SIGHUP)
    site.await_log(r"reload\.done", begin)
    assert site.http("GET", "/api/v1/handsets", site.admin, context=site.context("1.2")).status == 403


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_a_marked_handset_on_the_legacy_listeners(site, version):
    https, ftps = legacy_ports(site)
    mac, context = site.macs[0], old(site, version)
    assert site.http("GET", f"/{mac}-ext.cfg", site.handsets[0], context=context, port=https).status == 200
    cert = (site.env["CRADLE_HANDSET1_CERT"], site.env["CRADLE_HANDSET1_KEY"])
    assert site.http("GET", f"/{mac}-ext.cfg", context=old(site, version, *cert), port=https).status == 200
    ftp = site.ftp(site.handsets[0], context=context, port=ftps)
    assert ftp.sock.version() == {"1.0": "TLSv1"}.get(version, f"TLSv{version}")
    for _ in range(3):  # data channels speak it too, and resume
        assert ftp.put("APPE", f"{mac}-old{version}.log", b"line\n").startswith("226")
    ftp.quit()
    assert site.http("GET", f"/@log/{mac}/{mac}-old{version}.log", site.operator).body == b"line\n" * 3


@pytest.mark.parametrize("ciphers", ["AES128-SHA", "AES256-SHA", "ECDHE-RSA-AES128-SHA"])
def test_old_ciphers_on_the_legacy_listeners(site, ciphers):
    for port in legacy_ports(site):
        with site.raw_tls(port, old(site, "1.0", ciphers=f"{ciphers}:@SECLEVEL=0")) as tls:
            assert tls.cipher()[0] == ciphers
    for worse in ("DES-CBC3-SHA", "RC4-SHA", "ADH-AES128-SHA", "NULL-SHA"):
        run = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{legacy_ports(site)[0]}", "-tls1", "-cipher", f"{worse}:@SECLEVEL=0"],
                             input=b"", capture_output=True, timeout=TIMEOUT)
        assert run.returncode != 0


def test_nobody_else_on_the_legacy_listeners(site):
    https, ftps = legacy_ports(site)
    for user in (site.handsets[1], site.admin, site.operator):
        assert site.http("GET", "/site.cfg", user, port=https).status == 401
        with pytest.raises(ftplib.error_perm, match="^530"):
            site.ftp(user, port=ftps)
    # No API, no logs of others: it is a handset's door.
    assert site.http("GET", "/api/v1/handsets", site.admin, port=https).status == 404
    assert site.http("GET", "/site.cfg", site.handsets[0], port=https).status == 200


def test_it_is_counted_who_still_uses_them(site):
    https, _ = legacy_ports(site)
    begin = site.log_size()
    assert site.api("POST", "/handsets", {"mac": "00907a0000fe", "legacy": True}).status == 201
    password = site.api("POST", "/accounts", {"name": "00907a0000fe", "role": "handset", "mac": "00907a0000fe"}).json["password"]
    fresh = site.api("GET", "/handsets/00907a0000fe").json
    assert fresh["legacy"] is True and fresh["legacy_count"] == 0 and fresh["legacy_last"] is None
    for _ in range(3):
        assert site.http("GET", "/site.cfg", ("00907a0000fe", password), port=https).status == 200
    site.await_log(r"login\.legacy handset=00907a0000fe", begin)
    # The note is written with the next change.
    assert site.api("PATCH", "/handsets/00907a0000fe", {"label": "old"}).status == 200
    used = site.api("GET", "/handsets/00907a0000fe").json
    assert used["legacy_count"] == 1 and used["legacy_last"]
    # On the others it is not.
    assert site.http("GET", "/site.cfg", site.handsets[2]).status == 200
    assert site.api("GET", f"/handsets/{site.macs[2]}").json["legacy_count"] == 0


def test_they_are_warned_about_at_each_start_and_reload(site):
    want = [rf'warning settings\.warning setting={name} text="speaks TLS from 1\.0 on' for name in ("legacy_https_listen", "legacy_ftps_listen")]
    for pattern in want:
        assert len(re.findall(pattern, site.log_text())) == 1
    begin = site.log_size()
    site.process.send_signal(signal.SIGHUP)
    site.await_log(r"reload\.done", begin)
    for pattern in want:
        site.await_log(pattern, begin)


def test_a_floor_for_the_legacy_listeners(new_site):
    site = new_site("legacy-floor", legacy_https_listen="127.0.0.1:0", legacy_ftps_listen="127.0.0.1:0", legacy_tls_minimum="1.1")
    for port in legacy_ports(site):
        with pytest.raises((ssl.SSLError, OSError)):
            site.raw_tls(port, old(site, "1.0"))
        with site.raw_tls(port, old(site, "1.1")) as tls:
            assert tls.version() == "TLSv1.1"


def test_they_are_off_by_default_and_a_weak_priority_is_warned_about(new_site):
    site = new_site("weak", tls_priority="NORMAL:+VERS-TLS1.0:+VERS-TLS1.1")
    assert len(site.ports["https"]) == len(site.ports["ftps"]) == 1
    assert 'settings.warning setting=tls_priority text="lets everybody speak TLS 1.0' in site.log_text()
    assert site.http("GET", "/site.cfg", site.handsets[0], context=old(site, "1.0")).status == 403  # the role's floor
