"""A lane and what it is answered: asked to wait it begins nothing more, also of what it has claimed ahead; after a
failure it goes gently, and grows back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from distributor.core.asset import Asset, Profile
from distributor.core.channel import Allowance, Health, Job, Progress, Source, Traits
from distributor.core.delivery import Priority
from distributor.core.outcome import CannotTell, Deferred, Finding, Outcome, Receipt, Scope, Sent, Unknown
from distributor.core.rendering import Problem, Rendering
from distributor.queue.events import LocalEvents
from distributor.queue.heed import Heed
from distributor.queue.lane import Lane
from distributor.queue.memory import MemoryQueue
from distributor.queue.worker import Worker
from distributor.storage import Database
from distributor.storage.deliveries import Deliveries
from tests.storage.world import World

READERS, ENOUGH, AT_ONCE = 600, 20, 4


class Refusing:
    """A list whose platform takes so many and then asks to wait a minute."""

    def __init__(self, outcome: Outcome) -> None:
        self.name = "press"
        self.traits = Traits(bulk=True, prepares=False)
        self.calls = 0
        self._refusal = outcome

    def own_address(self) -> str:
        return ""

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        return ()

    def render(self, source: Source) -> Rendering | None:
        return None

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        return ()

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        return None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        self.calls += 1
        mine = self.calls
        await asyncio.sleep(0)
        return Sent(Receipt((job.key,))) if mine <= ENOUGH else self._refusal

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        return CannotTell("nowhere to look")

    def allowance(self) -> Allowance | None:
        return None

    async def probe(self) -> Health:
        return Health(True)

    async def aclose(self) -> None:
        return None


@pytest.mark.parametrize(
    "refusal",
    [
        Deferred("throttled", "slow down", 60.0, throttled=True, scope=Scope.LANE),
        Deferred("credential", "refused", scope=Scope.LANE),
    ],
)
async def test_what_was_claimed_ahead_is_given_back(tmp_path: Path, refusal: Deferred) -> None:
    database = Database(f"sqlite:///{tmp_path / 'rest.db'}")
    await database.open()
    await database.migrate()
    world = World(database)
    await world.begin()
    for number in range(READERS):
        await world.subscriber(f"reader{number}@example.org")
    revision, value = await world.approved("press")
    assert await world.promise(revision, value) == READERS
    channel = Refusing(refusal)
    lane = Lane("press", channel, concurrency=AT_ONCE, rate=50_000.0)  # as after a while of work: it claims far ahead
    queue, events = MemoryQueue(), LocalEvents()
    worker = Worker("test", world.store, queue, {"press": lane}, events, lambda: datetime.now(UTC), poll=0.1)
    await worker.start()
    try:
        async with asyncio.timeout(10):
            while channel.calls <= ENOUGH or lane.running:  # noqa: ASYNC110  # counted by the channel, not told
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        states = [row["state"] for row in await world.rows()]
    finally:
        await worker.stop()
        await events.aclose()
        await database.close()
    assert channel.calls <= ENOUGH + AT_ONCE
    assert states.count("sent") == ENOUGH
    assert set(states) == {"sent", "queued", "waiting"}


async def test_news_claim_nothing_but_an_emergency_while_all_slots_are_taken(tmp_path: Path) -> None:
    """What is routine waits in the database, where another worker can take it."""
    database = Database(f"sqlite:///{tmp_path / 'news.db'}")
    await database.open()
    await database.migrate()
    world = World(database)
    await world.begin()
    await world.own("press")
    channel = Hanging()
    lane = Lane("press", channel, concurrency=1)
    queue, events = MemoryQueue(), LocalEvents()
    worker = Worker("test", world.store, queue, {"press": lane}, events, lambda: datetime.now(UTC), drain=0.1, poll=0.1)
    await worker.start()
    try:
        for _ in range(4):
            revision, value = await world.approved("press")
            await world.promise(revision, value)
            await queue.wake()
            await asyncio.sleep(0.2)
        assert [row["state"] for row in await world.rows()] == ["sending", "queued", "queued", "queued"]
        revision, value = await world.approved("press")
        await world.promise(revision, value, priority=Priority.EMERGENCY)
        await queue.wake()
        async with asyncio.timeout(5):
            await channel.second.wait()
        assert [row["state"] for row in await world.rows()] == ["sending", "queued", "queued", "queued", "sending"]
    finally:
        await worker.stop()
        await events.aclose()
        await database.close()


class Hanging(Refusing):
    """An account whose platform never answers. `second` is set when a second call has begun."""

    def __init__(self) -> None:
        super().__init__(Sent(Receipt(("1",))))
        self.traits = Traits(bulk=False, prepares=False)
        self.second = asyncio.Event()

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        self.calls += 1
        if self.calls == 2:
            self.second.set()
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets was set")


async def test_a_lane_that_failed_once_grows_back_with_every_answer(tmp_path: Path) -> None:
    """Halved by one failure of the platform; back at all its slots after a few answers, which come within a second."""
    lane = Lane("press", Hanging(), concurrency=8)
    queue, events = MemoryQueue(), LocalEvents()
    database = Database(f"sqlite:///{tmp_path / 'grow.db'}")
    store = Deliveries(database, "")
    heed = Heed(lane, store, queue, events, lambda: datetime.now(UTC), "test")
    sent = Sent(Receipt(("1",)))
    assert not heed.calm(sent)  # the others are told of the first answer
    await heed.heed(sent)
    assert heed.calm(sent)
    assert lane.most == 8
    trouble = Unknown("connection", "reset")
    assert not heed.calm(trouble)
    await heed.heed(trouble)
    assert lane.most == 4
    assert not heed.calm(sent)  # after trouble the circuit hears of the next answer
    await heed.heed(sent)
    for _ in range(40):
        assert heed.calm(sent)
    assert lane.most == 8
    lane.channel.allowance = lambda: Allowance(3, datetime.now(UTC))  # type: ignore[method-assign]
    assert not heed.calm(sent)  # the platform says what is left
    await events.aclose()
