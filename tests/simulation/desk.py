"""The people of a run: an author and an editor bring releases out, and change their minds.

Touches the office, as the bot does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from distributor.core.approval import Decision
from distributor.core.asset import Asset, MediaKind
from distributor.core.people import Role
from distributor.core.ports import Events, Queue
from distributor.core.refusal import Refused
from distributor.core.release import Kind, MediaItem, ReleaseState, Status
from distributor.media.service import MediaLibrary
from distributor.office.auditing import SigningKey
from distributor.office.context import Context, Seat
from distributor.office.office import Office
from distributor.storage import Database, people, releases, subscribers
from distributor.storage.schema import deliveries
from tests.simulation.care import Care, insist
from tests.simulation.chance import stream
from tests.simulation.channel import SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.crew import BASE
from tests.simulation.habits import KINDS
from tests.simulation.minds import AUTHOR, EDITOR, Minds
from tests.simulation.plan import READERS, Plan
from tests.simulation.platform import Platform
from tests.simulation.process import World

_PHOTO = Asset("f" * 64, MediaKind.PHOTO, "image/jpeg", 1000, 10, 10, None, "photo.jpg", False)
_KINDS = (Kind.NEWS, Kind.NEWS, Kind.STATEMENT, Kind.APPEAL, Kind.EMERGENCY)
_UNDER_WAY = (ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.HELD)


async def settle_in(database: Database) -> None:
    """Those who are there before a run begins: two people, and the subscribers of every channel that has some."""
    async with database.transaction() as connection:
        await people.add(connection, "Nino", Role.AUTHOR, AUTHOR, "ka", START)
        await people.add(connection, "Giorgi", Role.EDITOR, EDITOR, "ka", START)
        for name, kind in sorted(KINDS.items()):
            for number in range(READERS if kind.subscribers else 0):
                address, trusted = f"reader{number}@{name}.example", number == 0
                await subscribers.put(connection, name, address, "", "", {}, START, trusted)
        await connection.commit()


class Desk:
    """`minds` is how they change theirs, `care` who looks after what came of it; `say` tells the history."""

    def __init__(
        self,
        world: World,
        plan: Plan,
        database: Database,
        folder: Path,
        platform: Platform,
        shared: tuple[Queue, Events],
        say: Callable[[str], None],
    ) -> None:
        self._world = world
        self._plan = plan
        self._database = database
        self._say = say
        self._chance: Random = stream(world.seed, "desk")
        queue, events = shared
        live = plan.live if plan.knows else frozenset()
        seats = {
            name: Seat(name, SimulatedChannel(name, KINDS[name], platform, world.clock), ("ka",), live=name in live)
            for name in plan.lanes
        }
        media = MediaLibrary(folder / "media")  # asked for nothing: no channel here wants a file
        context = Context(database, media, seats, world.clock, queue.wake, events, "Office", BASE)
        self.office = Office(context, SigningKey(folder / "audit.key"))
        self.care = Care(world, plan, database, platform, self.office, say)
        self.minds = Minds(self.office, database, self._chance, say)

    async def begin(self) -> None:
        """Come to work."""
        async with self._database.read() as connection:
            for who in (AUTHOR, EDITOR):
                person = await people.by_telegram(connection, who)
                assert person is not None
                self.minds.people[who] = person

    async def release(self) -> str:
        """Write, submit, approve; its id. Where nobody is left to send to, it stays a draft."""
        draw, now = self._chance, self._world.clock()
        kind = draw.choice(_KINDS)
        content: dict[str, Any] = {"channels": tuple(draw.sample(self._plan.lanes, draw.randint(1, 2)))}
        if kind is Kind.APPEAL:
            content["deadline"] = now + timedelta(seconds=draw.uniform(2, 40))
        elif draw.random() < 0.3 and not self._plan.late_clock:
            content[draw.choice(("at", "embargo"))] = now + timedelta(seconds=draw.uniform(5, 60))
        if draw.random() < 0.2:
            content["status"] = draw.choice((Status.EXERCISE, Status.TEST))
        if draw.random() < 0.4:
            content["media"] = (MediaItem(_PHOTO, {"ka": "ფოტო"}, "შსს"),)
        author, words = self.minds.people[AUTHOR], self.minds.words()
        made = await insist(lambda: self.office.drafts.create(author, kind=kind, versions=words, **content))
        self._say(f"{made.id} {kind} for {', '.join(content['channels'])} {sorted(content)[1:]}")
        try:
            await self.minds.approve(made.id)
        except Refused as refused:
            self._say(f"{made.id} not approved: {refused.code}")
        return made.id

    async def close_up(self) -> bool:
        """After the troubles: lift what is held; True once nothing is open any more."""
        await self.care.look_after()
        async with self._database.read() as connection:
            standing = await releases.newest(connection)
            open_ones = [
                row.id for row in await connection.execute(select(deliveries.c.id).where(promises_open()).limit(1))
            ]
        for row in standing:
            if row.state is ReleaseState.HELD:
                await self.minds.decide(row.id, Decision.RESUME)
        return not open_ones and not any(row.state in _UNDER_WAY for row in standing)


def promises_open() -> Any:
    """Deliveries that are not final."""
    return deliveries.c.state.not_in(["sent", "rejected", "expired", "cancelled"])
