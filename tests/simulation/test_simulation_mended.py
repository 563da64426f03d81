"""Defects of the engine that the simulation found, each played again on a stage of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from distributor.core.ports import Claimed, LaneState, Window, Wish
from distributor.queue.events import LocalEvents
from distributor.queue.lane import Lane
from distributor.queue.memory import MemoryQueue
from distributor.queue.worker import Worker
from distributor.storage import hot_sqlite
from distributor.storage.deliveries import Deliveries
from distributor.storage.schema import deliveries, releases, workers
from tests.simulation.channel import SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.database import SimulatedDatabase, make_template
from tests.simulation.habits import KINDS, Habits
from tests.simulation.platform import Platform
from tests.simulation.process import Process, World
from tests.storage.world import World as Story


class GiveBackFails(Deliveries):
    """The database takes no claim back, once."""

    failed = 0

    async def give_back(self, claims: Sequence[Claimed], now: datetime, due: datetime | None = None) -> None:
        if claims and not self.failed:
            self.failed += 1
            raise sqlite3.OperationalError("disk I/O error")
        await super().give_back(claims, now, due)


class Stage:
    """One worker with one lane, and deliveries to one destination of it."""

    def __init__(
        self,
        world: World,
        path: Path,
        kind: type[Deliveries] = Deliveries,
        *,
        releases: int = 1,
        channel: str = "mail",
        **lane: Any,
    ) -> None:
        self.world = world
        self.path = make_template(path)
        self.platform = Platform(world)
        self.releases = releases
        self.stores: list[Deliveries] = []
        self._kind = kind
        self._channel = channel
        self._lane = lane
        self.story: Story

    async def open(self) -> None:
        """The promises stand."""
        database = SimulatedDatabase(self.world, self.path)
        await database.open()
        self.story = Story(database)
        await self.story.begin()
        if KINDS[self._channel].subscribers:
            await self.story.subscriber("reader@example.org", self._channel)
        else:
            await self.story.own(self._channel)
        prepares = KINDS[self._channel].traits.prepares
        for _ in range(self.releases):
            await self.story.promise(*await self.story.approved(self._channel), prepares=prepares)

    def worker(self, name: str = "worker", began: Callable[[Worker], None] = lambda worker: None) -> Process:
        """A process of it."""
        process = self.world.process(name)

        async def work() -> None:
            database = SimulatedDatabase(process, self.path)
            await database.open()
            store = self._kind(database, "https://press.example")
            self.stores.append(store)
            name = self._channel
            channel = SimulatedChannel(name, KINDS[name], self.platform, process.clock)
            lanes = {name: Lane(name, channel, **self._lane)}
            worker = Worker(process.unique, store, MemoryQueue(), lanes, LocalEvents(), process.clock)
            began(worker)
            await worker.start()
            await asyncio.Event().wait()

        process.start(work())
        return process

    async def change(self, statement: Any) -> None:
        """What somebody else commits."""
        async with self.story.database.transaction() as connection:
            await connection.execute(statement)
            await connection.commit()

    async def states(self) -> list[str]:
        """Of the deliveries, by id."""
        return [row["state"] for row in await self.story.rows()]


def test_a_claim_that_cannot_be_given_back_to_a_resting_destination_stays_nobodys(world: World, path: Path) -> None:
    """Seed 186: it stood as this worker's, its lease was renewed for ever, and nobody sent it."""
    stage = Stage(world, path, GiveBackFails, releases=3, destination_windows=(Window(1, 4.0),))

    async def main() -> None:
        await stage.open()
        stage.worker()
        await asyncio.sleep(60)
        assert [store.failed for store in stage.stores if isinstance(store, GiveBackFails)] == [1]
        assert await stage.states() == ["sent"] * 3
        assert len(stage.platform.effects) == 3

    world.run(main())


def test_a_clock_set_back_is_seen_though_the_only_worker_gives_a_sign_of_life_first(world: World, path: Path) -> None:
    """Seed 912: the sign overwrote the one from the future, and all that waited stood still for an hour."""
    stage = Stage(world, path)

    async def main() -> None:
        await stage.open()
        store, hour = stage.story.store, timedelta(hours=1)
        await store.beat("worker", START)
        for minutes in range(3):
            await store.beat("worker", START - hour + timedelta(minutes=minutes))
        now = START - hour + timedelta(minutes=3)
        await store.recover(now)
        assert [row["due"] for row in await stage.story.rows()] == [now]
        await store.beat("worker", now + timedelta(minutes=1))
        assert await store.recover(now + timedelta(minutes=1)) == 0
        async with stage.story.database.read() as connection:
            beats = (await connection.execute(select(workers.c.beat_at))).scalars().all()
        assert beats == [now + timedelta(minutes=1)], "and then signs of life are kept again"

    world.run(main())


@pytest.mark.parametrize("what", ["withdrawn", "late"])
def test_what_was_claimed_long_ago_is_looked_at_again_before_it_leaves(world: World, path: Path, what: str) -> None:
    """Seed 816: claimed a little ahead, it waited for three minutes behind a call that hung, and left then, whatever
    had become of its release."""
    stage = Stage(world, path, releases=2, concurrency=1, windows=(Window(100, 1.0),))

    async def main() -> None:
        await stage.open()
        first, second = await stage.story.rows()
        stage.platform = Platform(world, {"mail": Habits(latency=(30.0, 30.0))})
        if what == "late":
            of_it = update(deliveries).where(deliveries.c.id == second["id"])
            await stage.change(of_it.values(deadline=START + timedelta(seconds=15)))
        stage.worker()
        await asyncio.sleep(5)
        assert await stage.states() == ["sending", "sending"]
        assert [call.delivery_id for call in stage.platform.calls] == [first["id"]]
        if what == "withdrawn":
            its_own = update(releases).where(releases.c.id == second["release_id"])
            await stage.change(its_own.values(state="withdrawn"))
        await asyncio.sleep(120)
        assert await stage.states() == ["sent", "cancelled" if what == "withdrawn" else "expired"]
        assert [call.delivery_id for call in stage.platform.calls] == [first["id"]]

    world.run(main())


def test_a_clock_that_was_right_for_a_moment_leaves_no_promise_in_the_future(world: World, path: Path) -> None:
    """Seed 909: approved in the second between two jumps, in which no worker gave a sign of life."""
    stage = Stage(world, path)

    async def main() -> None:
        await stage.open()
        now = START - timedelta(hours=1)
        assert (await stage.story.store.recover(now)) == 0
        assert [row["due"] for row in await stage.story.rows()] == [now]
        assert (await stage.story.store.claim(Wish("mail", 1), "worker", now, 20.0)).claimed

    world.run(main())


@pytest.mark.parametrize("what", ["sending", "begun", "unknown"])
def test_a_lease_follows_the_clock_however_long_ago_the_claim_was(world: World, path: Path, what: str) -> None:
    """Seed 610: a lease was renewed long after anything else of its row had changed; when the clock was set back it
    stayed in the future, and its worker was dead. Seed 5826: a step was begun after the clock was set back, and before
    anybody had followed it."""
    stage = Stage(world, path)

    async def main() -> None:
        await stage.open()
        store, later = stage.story.store, START + timedelta(hours=2)
        (claimed,) = (await store.claim(Wish("mail", 1), "worker", START, 20.0)).claimed
        now = later - timedelta(hours=1)
        if what != "unknown":
            await store.renew([claimed], later, 20.0)
        else:
            await store.recover(START + timedelta(seconds=30))
            assert len(await store.unknown(later, "worker", 20.0, 1)) == 1
        await store.beat("worker", later)
        if what == "begun":
            assert await store.begin(claimed, "publish", now)
        await store.recover(now)
        (row,) = await stage.story.rows()
        assert row["state"] == ("unknown" if what == "unknown" else "sending")
        assert row["lease_until"] == now + timedelta(seconds=20)

    world.run(main())


def test_a_commit_that_is_refused_leaves_no_transaction_open(tmp_path: Path) -> None:
    """Found by reading for the simulation: every later BEGIN on the connection would have failed."""
    writer, reader = (sqlite3.connect(tmp_path / "x.db", timeout=0, isolation_level=None) for _ in range(2))
    writer.execute("CREATE TABLE kept (number)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM kept").fetchall()  # without WAL a reader keeps a commit from being made
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        hot_sqlite._write("INSERT INTO kept VALUES (?)", (1,), writer)
    assert not writer.in_transaction
    reader.execute("COMMIT")
    hot_sqlite._write("INSERT INTO kept VALUES (?)", (2,), writer)
    assert reader.execute("SELECT number FROM kept").fetchall() == [(2,)]
    for connection in (writer, reader):
        connection.close()


def test_the_next_try_follows_a_clock_set_back_between_its_answer_and_its_record(world: World, path: Path) -> None:
    """Seed 5386: the process was stopped in between; its next try was due in an hour, nobody knew why."""
    stage = Stage(world, path)
    struck: list[int] = []

    def strike(process: Process, step: int) -> None:
        if stage.platform.calls and not struck:
            struck.append(step)
            process.freeze(10.0)
            process.clock.jump(-3600.0)

    async def main() -> None:
        await stage.open()
        stage.platform.fail("mail", 20.0)
        stage.worker()
        await asyncio.sleep(60)
        assert struck
        assert await stage.states() == ["sent"]

    world.before_step = strike
    world.run(main())


def test_a_pause_follows_the_clock_though_nothing_else_was_written_since(world: World, path: Path) -> None:
    """Seed 20757: a platform asked to wait in the three seconds between two jumps, and its lane rested for an hour."""
    stage = Stage(world, path)

    async def main() -> None:
        await stage.open()
        store, later = stage.story.store, START + timedelta(hours=1)
        state = LaneState("mail", True, later + timedelta(seconds=30), "throttled", "too many requests")
        await store.pause(state, "worker:worker", later)
        await store.recover(START)
        assert (await store.lanes())["mail"].until == START + timedelta(seconds=30)

    world.run(main())


def test_a_destination_counts_from_the_call_and_not_from_the_upload_before_it(world: World, path: Path) -> None:
    """Seed 9089: a post that followed an upload was counted when the upload began, and the next came on its heels."""
    stage = Stage(world, path, releases=2, channel="page", concurrency=1, destination_windows=(Window(1, 3.0),))

    async def main() -> None:
        await stage.open()
        stage.platform = Platform(world, {"page": Habits(latency=(1.0, 1.0))})
        _, second = await stage.story.rows()
        uploaded = {f"media:{number}": {"id": "x"} for number in range(KINDS["page"].steps)}
        await stage.change(update(deliveries).where(deliveries.c.id == second["id"]).values(progress=uploaded))
        stage.worker()
        await asyncio.sleep(60)
        first, then = stage.platform.calls
        assert first.at == pytest.approx(3.0, abs=0.2)
        assert 3.0 < then.at - first.at < 4.0

    world.run(main())


def test_what_was_written_by_the_old_time_after_the_clock_was_followed_is_found_too(world: World, path: Path) -> None:
    """Seed 41448: a process that was stopped between the look at its clock and its commit."""
    stage = Stage(world, path)

    async def main() -> None:
        await stage.open()
        later = update(deliveries).values(due=START + timedelta(days=1))
        await stage.change(later)
        process = stage.worker()
        await asyncio.sleep(10)
        process.clock.jump(-3600.0)
        await asyncio.sleep(10)
        (row,) = await stage.story.rows()
        by_the_old_time = START + timedelta(seconds=20)
        late = update(deliveries).where(deliveries.c.id == row["id"])
        await stage.change(late.values(due=by_the_old_time, updated_at=by_the_old_time))
        await asyncio.sleep(10)
        assert await stage.states() == ["sent"]

    world.run(main())
