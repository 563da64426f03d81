"""Defects of the engine that the simulation found, each played again on a stage of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from distributor.core.ports import Claimed, Window
from distributor.queue.events import LocalEvents
from distributor.queue.lane import Lane
from distributor.queue.memory import MemoryQueue
from distributor.queue.worker import Worker
from distributor.storage.deliveries import Deliveries
from tests.simulation.channel import SimulatedChannel
from tests.simulation.database import SimulatedDatabase, make_template
from tests.simulation.habits import KINDS
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
    """One worker with one lane of mail, and deliveries to one reader."""

    def __init__(
        self, world: World, path: Path, kind: type[Deliveries] = Deliveries, *, releases: int = 1, **lane: Any
    ) -> None:
        self.world = world
        self.path = make_template(path)
        self.platform = Platform(world)
        self.releases = releases
        self.stores: list[Deliveries] = []
        self._kind = kind
        self._lane = lane
        self.story: Story

    async def open(self) -> None:
        """The promises stand."""
        database = SimulatedDatabase(self.world, self.path)
        await database.open()
        self.story = Story(database)
        await self.story.begin()
        await self.story.subscriber("reader@example.org", "mail")
        for _ in range(self.releases):
            await self.story.promise(*await self.story.approved("mail"))

    def worker(self, name: str = "worker", began: Callable[[Worker], None] = lambda worker: None) -> Process:
        """A process of it."""
        process = self.world.process(name)

        async def work() -> None:
            database = SimulatedDatabase(process, self.path)
            await database.open()
            store = self._kind(database, "https://press.example")
            self.stores.append(store)
            channel = SimulatedChannel("mail", KINDS["mail"], self.platform, process.clock)
            lanes = {"mail": Lane("mail", channel, **self._lane)}
            worker = Worker(process.unique, store, MemoryQueue(), lanes, LocalEvents(), process.clock)
            began(worker)
            await worker.start()
            await asyncio.Event().wait()

        process.start(work())
        return process

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
