# SPDX-License-Identifier: Apache-2.0
"""Passive ports when there are fewer than sessions: who comes first is served first, and nobody loses one."""
import concurrent.futures
import ftplib

import pytest

from conftest import folder, new_site  # noqa: F401  fixtures

# Below what Linux gives to outgoing connections, so that no client of these tests holds one of them.
FIRST = 27310


def answer(ftp, line=None):
    """The next reply, to this line if there is one, whatever it is."""
    if line:
        ftp.putcmd(line)
    return ftp.getmultiline()


@pytest.fixture(scope="module")
def narrow(new_site):  # noqa: F811
    return new_site("narrow", passive_ports=f"{FIRST}-{FIRST + 1}")


@pytest.fixture
def ftps(narrow):
    """Sessions, the first two of which have the two ports that there are."""
    ftps = [narrow.ftp(narrow.handsets[0]) for _ in range(5)]
    for ftp in ftps[:2]:
        assert answer(ftp, "PASV").startswith("227")
    yield ftps
    for ftp in ftps:
        ftp.close()


def both_are_there(ftps):
    return all(answer(ftp, "EPSV").startswith("229") for ftp in ftps)


def test_they_run_out_and_recover(ftps):
    assert answer(ftps[2], "PASV").startswith("425")
    assert answer(ftps[3], "EPSV").startswith("425")
    ftps[0].close()
    assert answer(ftps[2], "EPSV").startswith("229")
    assert ftps[2].get("site.cfg")
    ftps[1].close()
    assert both_are_there(ftps[2:4])


def test_who_waits_gets_the_first_that_comes_back(ftps):
    ftps[2].putcmd("EPSV")
    assert "Waiting for a data connection" in answer(ftps[2], "STAT")  # so it waits
    ftps[3].putcmd("PASV")
    assert "Waiting for a data connection" in answer(ftps[3], "STAT")
    ftps[0].close()
    assert answer(ftps[2]).startswith("229")
    assert "Waiting for a data connection" in answer(ftps[3], "STAT")
    ftps[1].close()
    assert answer(ftps[3]).startswith("227")
    assert ftps[2].get("site.cfg") and ftps[3].get("site.cfg")


def test_a_wait_can_be_given_up(ftps):
    ftps[2].putcmd("PASV")
    ftps[2].putcmd("ABOR")
    assert answer(ftps[2]).startswith("425") and answer(ftps[2]).startswith("226")
    ftps[2].putcmd("PASV")
    ftps[2].putcmd("NOOP")
    ftps[2].putcmd("ABOR")  # behind a command that waits its turn: so does it
    ftps[0].close()
    assert answer(ftps[2]).startswith("227") and answer(ftps[2]).startswith("200") and answer(ftps[2]).startswith("225")
    ftps[1].close()
    assert both_are_there(ftps[2:4])


def test_who_leaves_while_waiting_takes_none_along(ftps):
    for ftp in ftps[2:4]:
        ftp.putcmd("PASV")
        assert "Waiting for a data connection" in answer(ftp, "STAT")
        ftp.close()
    ftps[0].close()
    ftps[1].close()
    assert answer(ftps[4], "EPSV").startswith("229") and ftps[4].get("site.cfg")


def test_a_crowd_shares_two(narrow):
    def boot(number):
        ftp = narrow.ftp(narrow.handsets[number % 3])
        mac = narrow.macs[number % 3]
        try:
            for _ in range(3):
                assert ftp.get("site.cfg")
            return ftp.put("APPE", f"{mac}-app.log", b"%06d\n" % number)
        except ftplib.error_temp as refusal:
            return str(refusal)
        finally:
            ftp.close()

    with concurrent.futures.ThreadPoolExecutor(24) as crowd:
        replies = list(crowd.map(boot, range(96)))
    assert {reply[:3] for reply in replies} == {"226"}
    lines = b"".join(narrow.http("GET", f"/@log/{mac}/{mac}-app.log", narrow.operator).body for mac in narrow.macs)
    assert sorted(lines.split()) == [b"%06d" % n for n in range(96)]
