# SPDX-License-Identifier: Apache-2.0
"""A whole site that boots in the same moment, behind one address: nobody is turned away, everybody gets a port in turn, and the
descriptors go back. One thread plays all clients, so each of them stands where its server left it until its turn comes."""
import asyncio
import base64
import re
import resource

import pytest

import world
from conftest import TIMEOUT, folder, new_site  # noqa: F401  fixtures
from test_world import await_descriptors, descriptors

# Six for each port; a client has two descriptors at most, so has a session.
COUNT, PORTS = (9000, 1500) if world.LONG else (600, 100)
LINES = b"a line of sixty-four bytes, with its end, as most of them have.\n" * 60


class Handset:
    def __init__(self, site, number):
        self.site, self.number = site, number
        self.mac, (self.user, self.password) = site.macs[number % 3], site.handsets[number % 3]
        self.body = b"%06d\n" % number + LINES

    async def connect(self, port):
        return await asyncio.open_connection("127.0.0.1", port, ssl=self.context, server_hostname="localhost", ssl_handshake_timeout=10 * TIMEOUT)

    async def say(self, line, want):
        if line:
            self.writer.write(line.encode() + b"\r\n")
        reply = (await self.reader.readline()).decode()
        assert reply.startswith(want), f"{line}: {reply!r}"
        return reply

    async def data(self, line):
        port = int(re.search(r"\|(\d+)\|", await self.say("EPSV", "229"))[1])
        self.writer.write(line.encode() + b"\r\n")
        reader, writer = await self.connect(port)
        await self.say("", "150")
        return reader, writer

    async def ftps(self):
        self.reader, self.writer = await self.connect(self.site.ftps_port)
        for line, want in (("", "220"), (f"USER {self.user}", "331"), (f"PASS {self.password}", "230"), ("TYPE I", "200")):
            await self.say(line, want)
        reader, writer = await self.data("RETR site.cfg")
        assert len(await reader.read()) > 100
        writer.close()
        await self.say("", "226")
        _, writer = await self.data(f"APPE {self.mac}-app.log")
        writer.write(self.body)
        writer.close()
        await self.say("", "226")
        await self.say("QUIT", "221")
        self.writer.close()

    async def ask(self, head, body=b""):
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        self.writer.write(f"{head} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        size = re.search(r"(?i)content-length: (\d+)", answer)
        await self.reader.readexactly(int(size[1]) if size else 0)
        return answer.split()[1]

    async def https(self):
        self.reader, self.writer = await self.connect(self.site.https_port)
        for _ in range(4):
            assert await self.ask("GET /site.cfg") == "200"
        assert await self.ask(f"PUT /{self.mac}-app.log", self.body) in ("201", "204")
        self.writer.close()


async def arrive(site, way):
    Handset.context = site.context()
    results = await asyncio.gather(*[getattr(Handset(site, number), way)() for number in range(COUNT)], return_exceptions=True)
    return [repr(result) for result in results if result is not None]


@pytest.mark.parametrize("way", ["ftps", "https"])
def test_a_site_that_boots_at_once(new_site, way):  # noqa: F811
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 3 * COUNT + 200), hard))
    # Ports below those that Linux gives to outgoing connections: the clients are on this machine, too.
    site = new_site(f"at-once-{way}", passive_ports=f"25000-{25000 + PORTS - 1}", log_quota="4G", log_level="info")
    before = descriptors(site)
    try:
        failed = asyncio.run(arrive(site, way))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert failed == []
    kept = b"".join(site.http("GET", f"/@log/{mac}/{mac}-app.log?all=1", site.operator).body for mac in site.macs)
    assert sorted(re.findall(rb"^(\d{6})\n", kept, re.M)) == [b"%06d" % number for number in range(COUNT)]
    assert " overload " not in site.log_text()
    await_descriptors(site, before + 24)  # the catalog's readers stay
