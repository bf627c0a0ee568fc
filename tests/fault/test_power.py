# SPDX-License-Identifier: Apache-2.0
"""Power cuts: whatever was acknowledged is there afterwards, once, and nothing else, at any moment of mixed work."""
import concurrent.futures

import pytest

import world
from conftest import folder, new_site  # noqa: F401  fixtures

CUTS = 1000 if world.LONG else 14


@pytest.fixture(scope="module")
def recorded(new_site):  # noqa: F811
    """A site, the work done on it, and the journal of what that did to the disk."""
    site = new_site("power", log_rotate="256K", max_log="64M", log_quota="1G", file_versions="0", cache="8M")
    site.stop()
    before = world.Journal.snapshot(world.state_of(site))
    control = world.Control(site.folder)
    with world.hurt(site, control, site.folder / "journal"):
        site.start()
    with world.Work(site, world.seed("power")) as work:
        work.await_steps(60 if world.LONG else 8)
    assert site.stop() == 0
    journal = world.Journal(site.folder / "journal", before)
    kinds = {record.type for record in journal.records}
    assert {"w", "s"} <= kinds and sum(len(thing.steps) for thing in work.things) > 40
    return site, work, journal


def suffer(site, work, journal, count, random, lying=False):
    """The state that a cut after so many records may leave; what is wrong with it, if anything."""
    world.lay(world.state_of(site), journal.cut(count, random, lying))
    try:
        site.start()
    except RuntimeError as error:
        site.process = None
        return [str(error)]
    # The cut comes just after a record, so what was acknowledged by then came before the next one.
    wrong = work.judge(at=journal.records[count - 1].time)
    assert site.stop() == 0
    return wrong + world.sound(world.state_of(site))


def test_nothing_acknowledged_is_lost_or_torn(recorded):
    site, work, journal = recorded
    random = world.seed("cuts")
    acknowledged = 0
    for _ in range(CUTS):
        count = random.randrange(1, len(journal.records))
        assert suffer(site, work, journal, count, random) == [], f"after record {count} of {len(journal.records)}"
        acknowledged += sum(step.acknowledged is not None and step.acknowledged <= journal.records[count - 1].time
                            for thing in work.things for step in thing.steps)
    print(f"{CUTS} power cuts in {len(journal.records)} operations, {acknowledged} acknowledgements held")


def test_a_lying_disk_is_found_out(recorded):
    """That the judge can find something: the same cuts on a disk that syncs nothing."""
    site, work, journal = recorded
    random = world.seed("lies")
    found = 0
    for _ in range(12):
        found += suffer(site, work, journal, len(journal.records) * 3 // 4, random, lying=True) != []
        if found:
            break
    assert found


def test_one_alone_waits_for_one_sync_and_many_share_theirs(new_site):  # noqa: F811
    site = new_site("syncs", log_quota="1G", log_rotate="4M")
    site.stop()
    control = world.Control(site.folder)
    with world.hurt(site, control):
        site.start()
    sessions = [site.ftp(site.handsets[0]) for _ in range(16)]

    def append(number, times):
        for _ in range(times):
            assert sessions[number].put("APPE", f"{site.macs[0]}-s{number}.log", b"a line of a log\n").startswith("226")

    for number in range(16):
        append(number, 1)
    # What is written lazily (who was seen when) goes along with an append, or by itself a second later at most.
    control.count(world.SYNC)
    append(0, 10)
    alone = control.seen
    assert 10 <= alone <= 14
    control.count(world.SYNC)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(append, number, 20) for number in range(16)]:
            done.result()
    together = control.seen
    assert together < 320 * 9 // 10
    for session in sessions:
        session.close()
    print(f"10 appends alone: {alone} syncs; 320 by 16 at once: {together}")
