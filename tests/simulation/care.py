"""Who looks after a run: answers cases, lets paused lanes go on, sends dead letters again.

Touches the office, as the desk and the command line do, and looks at the platforms as readers do. Nothing fails for
these people but that the database may be busy: then they try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from distributor.core.refusal import Refused
from distributor.office.office import Office
from distributor.storage import Database
from distributor.storage.schema import deliveries
from tests.simulation.chance import stream
from tests.simulation.plan import Plan
from tests.simulation.platform import Platform
from tests.simulation.process import World

T = TypeVar("T")


async def insist(act: Callable[[], Awaitable[T]]) -> T:
    """A stopped worker may hold the database's lock for longer than anybody waits; so try again."""
    while True:
        try:
            return await act()
        except OperationalError as error:
            if "locked" not in str(error):
                raise
        await asyncio.sleep(1.0)


@dataclass(slots=True)
class Word:
    """What a person said of a case, against the truth."""

    delivery: int
    part: int
    there: bool
    right: bool


class Care:
    """`words`: every case that was answered. `retried`: dead letters that were sent again. `say` tells the history."""

    def __init__(
        self,
        world: World,
        plan: Plan,
        database: Database,
        platform: Platform,
        office: Office,
        say: Callable[[str], None],
    ) -> None:
        self.words: list[Word] = []
        self.retried: set[int] = set()
        self._plan = plan
        self._database = database
        self._platform = platform
        self._office = office
        self._say = say
        self._chance = stream(world.seed, "care")

    async def look_after(self) -> None:
        """Answer cases, let paused lanes go on, send a dead letter again now and then."""
        await self._answer_cases()
        for name, lane in (await self._office.operations.lanes()).items():
            if lane.paused and lane.until is None:
                self._platform.mend(name)
                self._say(f"{name} resumed")
                await insist(lambda name=name: self._office.operations.resume(name, None))  # type: ignore[misc]
        if self._chance.random() < 0.1:
            await self._retry()

    async def _answer_cases(self) -> None:
        for case in await self._office.operations.open_cases():
            key, part = await self._key(case["delivery_id"]), int(case["step"].partition(":")[2] or 0)
            if not self._platform.settled(key, part):
                continue  # who looks now may see less than there will be
            truth = self._platform.times(key, part) > 0
            there = truth != (self._chance.random() < self._plan.wrong)
            try:
                await insist(lambda: self._office.operations.resolve(case["delivery_id"], there, None))  # noqa: B023  # awaited here
            except Refused:
                continue  # a late receipt was faster
            self.words.append(Word(case["delivery_id"], part, there, there == truth))
            word = "there" if there else "not there"
            self._say(f"case of {case['delivery_id']} {case['step']}: {word}{'' if there == truth else ', WRONGLY'}")

    async def _retry(self) -> None:
        async with self._database.read() as connection:
            query = select(deliveries.c.id).where(deliveries.c.state.in_(["rejected", "expired"]))
            dead = [row.id for row in await connection.execute(query.order_by(deliveries.c.id))]
        if dead:
            chosen = self._chance.choice(dead)
            self.retried.add(chosen)
            await insist(lambda: self._office.operations.retry([chosen], None))
            self._say(f"dead letter {chosen} sent again")

    async def _key(self, delivery_id: int) -> str:
        async with self._database.read() as connection:
            row = (await connection.execute(select(deliveries).where(deliveries.c.id == delivery_id))).one()
        return f"{row.release_id}-{row.revision}-{row.action}-{row.id}"
