"""Faults 13, 22: several workers on one database, many recipients."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from benchmarks.engine import STANDS, Stand, run
from benchmarks.noop import Noop
from distributor.app import Parts, open_parts
from distributor.core.approval import Decision
from distributor.core.channel import Job, Progress
from distributor.core.delivery import FINAL
from distributor.core.outcome import Outcome
from distributor.core.ports import Batch, Wish
from distributor.core.release import Kind
from distributor.demo import Stage
from distributor.queue.lane import AHEAD_SECONDS
from distributor.queue.progress import FenceLost, KeptProgress
from distributor.storage.deliveries import Deliveries
from tests.faults.engine import ask, decide, lane_of, make_worker, seen, sound, tell, working
from tests.faults.test_aftercare import correct
from tests.queue.acts import all_in, approve, rows, until, write
from tests.queue.backends import SERVERS
from tests.storage.databases import the_server
from tests.storage.world import claim_these

READERS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO destinations (channel, address, kind, label, language, token, created_at)
SELECT 'press', 'reader' || i || '@example.org', 'subscriber', '', 'ka', 'token-of-' || i, 0 FROM n
"""


async def test_f13_two_workers_that_claim_the_same_deliveries_send_each_once(idle: Stage) -> None:
    await tell(idle, READERS, count=60)
    release_id = await write(idle, channels=("press", "x", "newsroom"))
    await approve(idle, release_id)
    async with working(idle, "first", own_queue=True, lease=5), working(idle, "second", own_queue=True, lease=5):
        await until(idle, all_in("sent"), release_id)
    assert len(idle.sandbox.mail.messages) == 63
    assert len({mail.rcpt for mail in idle.sandbox.mail.messages}) == 63
    assert len(idle.sandbox.effects("x", kind="post")) == 1
    holders = {row["worker"] for row in await ask(idle, "SELECT DISTINCT worker FROM deliveries")}
    assert holders == {"first", "second"}
    (row,) = await ask(idle, "SELECT max(tries) AS most, max(fence) AS fence FROM deliveries")
    assert (row["most"], row["fence"]) == (1, 1)
    await sound(idle)


class Counting(Noop):
    """Keeps which deliveries it was given."""

    def __init__(self, name: str, *, bulk: bool) -> None:
        super().__init__(name, bulk=bulk)
        self.given: list[int] = []

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Done."""
        self.given.append(job.delivery_id)
        await asyncio.sleep(0.01)
        return await super().publish(job, progress)


@contextlib.asynccontextmanager
async def drainer(parts: Parts, name: str) -> AsyncIterator[dict[str, Counting]]:
    """A worker on platforms that only count; by channel."""
    worker = make_worker(parts, name, lease=5)
    platforms = {lane: Counting(lane, bulk=lane == "press") for lane in worker._lanes}
    for lane in worker._lanes.values():
        lane.channel, lane.windows, lane.destination_windows = platforms[lane.name], (), ()
        lane.concurrency = 16
    await worker.start()
    try:
        yield platforms
    finally:
        await worker.stop()


@pytest.mark.parametrize("backend", [SERVERS], indirect=True)
async def test_two_workers_drain_five_thousand_while_an_office_holds_resumes_and_approves(
    idle: Stage, request: pytest.FixtureRequest
) -> None:
    log = the_server(request.config).log
    said_before = log.stat().st_size
    await tell(idle, READERS, count=4997)
    bulk = await write(idle, channels=("press",))
    second = await open_parts(idle.settings, idle.settings_file)
    try:
        async with drainer(idle.parts, "first") as one, drainer(second, "second") as other:
            assert await approve(idle, bulk) == 5000
            for number in range(8):
                await decide(idle, bulk, Decision.HOLD)
                await approve(idle, await write(idle, title=f"ამბავი {number}", channels=("x", "newsroom")))
                await decide(idle, bulk, Decision.RESUME)
                await asyncio.sleep(0.1)
            while not (await counted(idle)).keys() <= FINAL:  # noqa: ASYNC110  # the database has no event for it
                await asyncio.sleep(0.05)
    finally:
        await second.close()
    assert await counted(idle, "publish") == {"sent": 5016}
    # Readers who had it were told of the holds, but for those holds that had ended before their turn came.
    sent = (await counted(idle))["sent"]
    given = [number for platforms in (one, other) for channel in platforms.values() for number in channel.given]
    assert len(given) == len(set(given)) == sent
    shares = [len(platforms["press"].given) for platforms in (one, other)]
    assert min(shares) > 500, shares  # both worked
    (row,) = await ask(idle, "SELECT count(*) AS n FROM attempts WHERE outcome = 'sent' AND NOT late")
    assert row["n"] == sent
    states = await ask(idle, "SELECT DISTINCT state FROM releases")
    assert states == [{"state": "distributed"}]
    assert "deadlock" not in log.read_bytes()[said_before:].decode("utf-8", "replace")
    await sound(idle)


async def counted(stage: Stage, action: str = "%") -> dict[str, int]:
    """State → how many deliveries, of one action or of all."""
    query = "SELECT state, count(*) AS n FROM deliveries WHERE action LIKE :action GROUP BY 1"
    return {row["state"]: row["n"] for row in await ask(stage, query, action=action)}


async def test_f13_an_old_fencing_token_begins_nothing(idle: Stage) -> None:
    release_id = await write(idle, photos=1, channels=("telegram",))
    await approve(idle, release_id)
    (row,) = await rows(idle, release_id)
    store, now = Deliveries(idle.parts.database, "http://x"), idle.parts.clock
    (old,) = await claim_these(store, [row["id"]], "first", now(), -1)
    assert await store.recover(now()) == 1
    (new,) = await claim_these(store, [row["id"]], "second", now(), 5)
    assert new.fence > old.fence
    progress = KeptProgress(store, old, now)
    for step in (progress.begin("publish"), progress.save("media:1", {"file_id": "1"})):
        try:
            await step
        except FenceLost:
            continue
        raise AssertionError("an old token was accepted")
    await store.give_back([old], now())
    assert (await rows(idle, release_id))[0]["state"] == "sending"
    assert await store.begin(new, "publish", now())


async def test_f22_an_emergency_overtakes_two_thousand_mails(stage: Stage) -> None:
    await tell(stage, READERS, count=2000)
    lane = lane_of(stage, "press")
    routine = await write(stage, channels=("press",))
    assert await approve(stage, routine) == 2003
    await seen(lambda: len(stage.sandbox.mail.messages) > 50)
    urgent = await write(stage, kind=Kind.EMERGENCY, title="სტიქია", channels=("x", "newsroom", "press"))
    await approve(stage, urgent)
    before, began = len(stage.sandbox.mail.messages), time.monotonic()
    # Of the press list it reaches every reader before the rest of the routine goes on; other lanes never waited.
    await seen(lambda: stage.sandbox.effects("x", kind="post"), 3)
    assert time.monotonic() - began < 3
    await seen(lambda: len(stage.sandbox.mail.messages) >= before + 100, 10)
    after = stage.sandbox.mail.messages[before:]
    first = next(place for place, mail in enumerate(after) if "სტიქია" in mail.message["Subject"])
    assert first <= lane.most + lane.rate * AHEAD_SECONDS + 8  # what was under way, and claimed ahead of its time
    assert lane.wants() <= lane.most + lane.rate * AHEAD_SECONDS
    assert (
        sum("სტიქია" in mail.message["Subject"] for mail in after[first:]) >= len(after[first:]) - 2 * lane.concurrency
    )


@pytest.mark.parametrize("stand", [STANDS[0], STANDS[2]], ids=lambda stand: stand.name)
async def test_f22_a_worker_with_forty_thousand_recipients_is_no_larger_than_with_five_thousand(stand: Stand) -> None:
    """Resident size of a worker's own process. Deliveries kept in memory would be two kilobytes each, 70 MB in all."""
    few, many = [(await run(stand, count)).resident for count in (5_000, 40_000)]
    assert many - few < 20 * 2**20
    assert many < 200 * 2**20


async def test_a_list_of_mails_commits_in_groups(stage: Stage) -> None:
    await tell(stage, READERS, count=200)
    lane_of(stage, "press").concurrency = 50
    release_id = await write(stage, channels=("press",))
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    (row,) = await ask(stage, "SELECT count(*) AS n FROM audit_events WHERE kind = 'outcomes'")
    assert row["n"] < 60
    assert len(stage.sandbox.mail.messages) == 203
    await sound(stage)


async def test_a_delivery_that_waits_for_another_costs_no_work(stage: Stage) -> None:
    """A correction that is blocked by its release, which is being looked for, must not make the relay and the lane
    spin."""
    stage.sandbox.faults.order("x", "tweets.create", "reset_before")
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    await until(stage, all_in("unknown"), release_id)  # and stays so until it must have come into the timeline
    await correct(stage, release_id)
    await asyncio.sleep(0.2)
    store = stage.service.worker._store  # type: ignore[union-attr]
    turns = 0
    claim = store.claim

    async def counted(wish: Wish, *rest: Any) -> Batch:
        nonlocal turns
        turns += wish.lane == "x"
        return await claim(wish, *rest)

    store.claim = counted  # type: ignore[method-assign]
    await asyncio.sleep(1.2)
    assert 1 <= turns <= 4
    found = [(row["action"], row["state"]) for row in await rows(stage, release_id)]
    assert found == [("publish", "unknown"), ("correct", "queued")]
    assert stage.sandbox.effects("x") == []
