# SPDX-License-Identifier: Apache-2.0
"""Handsets that refuse the server: their TLS alerts are counted in plain words, over both protocols and both versions of TLS, by
clients that report them in different ways."""
import http.client
import socket
import ssl
import subprocess

import pytest

from authority import Authority
from conftest import TIMEOUT


@pytest.fixture(scope="module")
def strangers(folder):
    return Authority(folder / "strangers", "strangers")


@pytest.fixture(autouse=True)
def afresh(site):
    assert site.api("DELETE", "/refusals").status == 204
    yield


def refusals(site):
    """(who, protocol): what was said. Whatever a client sent before is there: the daemon was asked for a commit in between."""
    found = {}
    for _ in range(200):
        site.api("PATCH", f"/handsets/{site.macs[2]}", {"label": "a commit"})
        rows = site.api("GET", "/refusals").json["refusals"]
        if rows:
            break
    for row in rows:
        assert row["count"] >= 1 and row["first"] and row["last"]
        found.setdefault((row["who"], row["protocol"]), []).append(row["words"])
    return found


def untrusting(strangers, tls):
    context = ssl.create_default_context(cafile=strangers.cert)
    version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[tls]
    context.minimum_version = context.maximum_version = version
    return context


def knock(site, protocol, context, name="localhost"):
    port = site.https_port if protocol == "https" else site.ftps_port
    raw = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname=name)
    raw.close()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("protocol", ["https", "ftps"])
def test_one_that_does_not_hold_our_root(site, strangers, protocol, tls):
    knock(site, protocol, untrusting(strangers, tls))
    words = "unknown CA: the client does not hold our root"
    found = refusals(site)
    assert list(found) in ([("127.0.0.1", protocol)], [(site.macs[0], protocol)])
    assert list(found.values()) == [[words]]
    assert f"refused: {words}" in site.log_text()


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("protocol", ["https", "ftps"])
def test_one_that_expects_another_name(site, protocol, tls):
    knock(site, protocol, site.context(tls), "another.example")
    assert any("bad certificate" in words or "unknown" in words for words in list(refusals(site).values())[0])


WORDS = {42: "bad certificate", 45: "certificate expired", 46: "certificate unknown", 48: "unknown CA", 70: "protocol version"}


@pytest.mark.parametrize("pieces", [7, 1])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("protocol", ["https", "ftps"])
@pytest.mark.parametrize("alert", WORDS)
def test_an_alert_in_the_clear(site, protocol, tls, alert, pieces):
    """As many clients send it: whole or in pieces, behind the server's first flight."""
    port = site.https_port if protocol == "https" else site.ftps_port
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = site.context(tls).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(outgoing.read())
        assert raw.recv(5)[0] == 22
        record = bytes([21, 3, 3, 0, 2, 2, alert])
        for at in range(0, 7, pieces):
            raw.sendall(record[at:at + pieces])
        try:
            while raw.recv(65536):
                pass
        except ConnectionError:
            pass
    found = list(refusals(site).values())
    assert len(found) == 1 and len(found[0]) == 1 and found[0][0].startswith(WORDS[alert])


@pytest.mark.parametrize("protocol", ["https", "ftps"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_whose_tls_is_too_old(site, protocol):
    context = site.context()
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    knock(site, protocol, context)
    assert list(refusals(site).values()) == [["protocol version: the client's TLS is older than this listener takes"]]


@pytest.mark.parametrize("protocol", ["https", "ftps"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_gnutls(site, strangers, protocol, tls):
    """gnutls-cli looks at the certificate when it likes, and says it in its own way."""
    port = site.https_port if protocol == "https" else site.ftps_port
    subprocess.run(["gnutls-cli", "-p", str(port), f"--x509cafile={strangers.cert}", f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{tls}",
                    "127.0.0.1"], input=b"", capture_output=True, timeout=TIMEOUT)
    assert list(refusals(site))[0][1] == protocol


def test_the_handset_is_named(site, strangers):
    """127.0.0.1 was a handset's, and of no other one, when it refuses."""
    site.http("GET", "/site.cfg", site.handsets[0])
    knock(site, "ftps", untrusting(strangers, "1.3"))
    assert list(refusals(site)) == [(site.macs[0], "ftps")]
    assert site.api("DELETE", f"/refusals?who={site.macs[1]}").status == 204
    assert site.api("GET", "/refusals").json["refusals"]
    assert site.api("DELETE", f"/refusals?who={site.macs[0].upper()}").status == 204
    assert site.api("GET", "/refusals").json["refusals"] == []


def test_who_is_content_is_not_counted(site):
    """Ends in every good and bad way, without an alert that refuses."""
    https = http.client.HTTPSConnection("127.0.0.1", site.https_port, context=site.context(), timeout=TIMEOUT)
    https.request("GET", "/healthz")
    https.getresponse().read()
    https.close()
    for port in (site.https_port, site.ftps_port):
        site.raw_tls(port).close()
        socket.create_connection(("127.0.0.1", port), TIMEOUT).close()
        tls = site.raw_tls(port)
        with pytest.raises((OSError, ssl.SSLError)):
            tls.settimeout(0.1)
            tls.unwrap()
            tls.recv(1)
            raise OSError
        tls.close()
    site.ftp(site.handsets[0]).quit()
    site.api("PATCH", f"/handsets/{site.macs[2]}", {"label": "another commit"})
    assert site.api("GET", "/refusals").json["refusals"] == []


def test_who_may(site):
    assert site.api("GET", "/refusals", user=site.operator).status == 403
    assert site.api("DELETE", "/refusals", user=site.handsets[0]).status == 403
