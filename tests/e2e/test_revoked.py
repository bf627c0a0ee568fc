# SPDX-License-Identifier: Apache-2.0
"""Revoked certificates: always a refusal, whatever else is shown, over both protocols and on both versions of TLS."""
import pytest

from authority import Authority
from conftest import Site


@pytest.fixture(scope="module")
def site(new_site, folder):
    """The site's CA is the handsets' too; `revoked` is listed, `good` is not."""
    site = new_site("revoked")
    site.cas = Authority(folder / "handsets", "handsets", site.ca, site.folder / "site/ca.key")
    site.good = site.cas.issue("good", f"/CN={site.macs[0]}")
    site.revoked = site.cas.issue("revoked", f"/CN={site.macs[0]}")
    site.stop()
    return site.start(crl_handset=site.cas.crl("list", site.revoked[0]))


def https(site, cert, user=None, tls=None):
    return site.http("GET", "/site.cfg", user, context=site.context(tls, *cert)).status


def ftps(site, cert, user, password, tls=None):
    """(reply to USER, reply to PASS after it)"""
    ftp = site.ftp(context=site.context(tls, *cert))
    try:
        ftp.putcmd(f"USER {user}")
        first = ftp.getmultiline()[:3]
        ftp.putcmd(f"PASS {password}")
        return first, ftp.getmultiline()[:3]
    finally:
        ftp.close()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_a_listed_certificate_is_refused_even_with_the_right_password(site, tls):
    user = site.handsets[0]
    assert https(site, site.good, tls=tls) == 200
    assert https(site, site.revoked, tls=tls) == 401
    assert https(site, site.revoked, user, tls) == 401
    assert https(site, site.revoked, site.admin, tls) == 401
    assert ftps(site, site.good, *user, tls) == ("232", "230")
    assert ftps(site, site.revoked, *user, tls) == ("530", "503")
    assert "login.revoked" in site.log_text()
    assert site.http("GET", "/site.cfg", user).status == 200


def test_where_only_passwords_count_it_is_not_asked_for(new_site, folder, site):
    """A listener that no role needs a certificate on asks for none, so that there is none to be revoked."""
    other = new_site("passwords", auth_handset="password", auth_administrator="password", auth_operator="password")
    assert other.http("GET", "/site.cfg", other.handsets[0], context=other.context(None, *site.revoked)).status == 200


def test_a_crl_of_nobody_stops_the_start(site, folder):
    strangers = Authority(folder / "strangers", "strangers")
    cert = strangers.issue("x", "/CN=x")
    made = Site(folder / "foreign-crl")
    with pytest.raises(RuntimeError, match="not signed by a CA of its bundle: add that CA"):
        made.start(crl_handset=strangers.crl("foreign", cert[0]))
