"""The people of a run: an author and an editor bring releases out, change their minds, and answer cases.

Touches the office, as the bot and the command line do, and looks at the platforms as readers do. Nothing fails for
these people but that the database may be busy: then they try again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from distributor.core.approval import Decision
from distributor.core.channel import Action, calls_of
from distributor.core.delivery import Priority
from distributor.core.people import Person, Role
from distributor.core.ports import Events, Queue
from distributor.core.refusal import Refused
from distributor.core.release import SENDABLE, Kind, LanguageVersion, ReleaseState
from distributor.media.service import MediaLibrary
from distributor.office.auditing import SigningKey
from distributor.office.context import Context, Seat
from distributor.office.office import Office
from distributor.storage import Database, audit, people, promises, releases, subscribers
from distributor.storage.promises import Promise
from distributor.storage.schema import deliveries
from tests.simulation.chance import stream
from tests.simulation.channel import SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.crew import BASE
from tests.simulation.habits import KINDS
from tests.simulation.plan import READERS, Plan
from tests.simulation.platform import Platform
from tests.simulation.process import World

T = TypeVar("T")

AUTHOR, EDITOR = 501, 502
_KINDS = (Kind.NEWS, Kind.NEWS, Kind.STATEMENT, Kind.APPEAL, Kind.EMERGENCY)
_UNDER_WAY = (ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.HELD)


async def settle_in(database: Database) -> None:
    """Those who are there before a run begins: two people, and the subscribers of every channel that has some."""
    async with database.transaction() as connection:
        await people.add(connection, "Nino", Role.AUTHOR, AUTHOR, "ka", START)
        await people.add(connection, "Giorgi", Role.EDITOR, EDITOR, "ka", START)
        for name, kind in sorted(KINDS.items()):
            for number in range(READERS if kind.subscribers else 0):
                await subscribers.put(connection, name, f"reader{number}@{name}.example", "", "", {}, START)
        await connection.commit()


@dataclass(slots=True)
class Word:
    """What a person said of a case, against the truth."""

    delivery: int
    part: int
    there: bool
    right: bool


class Desk:
    """`words`: every case that was answered. `retried`: dead letters that were sent again. `say` tells the history."""

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
        self.words: list[Word] = []
        self.retried: set[int] = set()
        self.did: Counter[str] = Counter()
        self._world = world
        self._plan = plan
        self._database = database
        self._platform = platform
        self._say = say
        self._chance: Random = stream(world.seed, "desk")
        queue, events = shared
        seats = {
            name: Seat(name, SimulatedChannel(name, KINDS[name], platform, world.clock), ("ka",)) for name in plan.lanes
        }
        media = MediaLibrary(folder / "media")  # asked for nothing: no release here has files
        context = Context(database, media, seats, world.clock, queue.wake, events, "Office", BASE)
        self.office = Office(context, SigningKey(folder / "audit.key"))
        self._seats = seats
        self._people: dict[int, Person] = {}

    async def begin(self) -> None:
        """Come to work."""
        async with self._database.read() as connection:
            for who in (AUTHOR, EDITOR):
                person = await people.by_telegram(connection, who)
                assert person is not None
                self._people[who] = person

    async def release(self) -> str:
        """Write, submit, approve; its id. Where nobody is left to send to, it stays a draft."""
        draw, now = self._chance, self._world.clock()
        kind = draw.choice(_KINDS)
        content: dict[str, Any] = {"channels": tuple(draw.sample(self._plan.lanes, draw.randint(1, 2)))}
        if kind is Kind.APPEAL:
            content["deadline"] = now + timedelta(seconds=draw.uniform(2, 40))
        elif draw.random() < 0.3 and not self._plan.late_clock:
            content[draw.choice(("at", "embargo"))] = now + timedelta(seconds=draw.uniform(5, 60))
        made = await self._insist(
            lambda: self.office.drafts.create(self._people[AUTHOR], kind=kind, versions=_words("1"), **content)
        )
        self._say(f"{made.id} {kind} for {', '.join(content['channels'])} {sorted(content)[1:]}")
        try:
            await self._approve(made.id)
        except Refused as refused:
            self._say(f"{made.id} not approved: {refused.code}")
        return made.id

    async def _approve(self, release_id: str) -> None:
        author, editor = self._people[AUTHOR], self._people[EDITOR]
        seen = await self._insist(lambda: self.office.drafts.submit(release_id, author))
        number = seen.release.revision
        made = await self._insist(
            lambda: self.office.approvals.decide(editor.id, Decision.APPROVE, release_id, number, seen.content_hash)
        )
        self._say(f"{release_id} approved, {made} deliveries")

    async def change_mind(self, release_id: str) -> None:
        """Something that people do to a release that is on its way. What is refused was not possible any more."""
        acts = (self._hold, self._hold, self._void, self._withdraw, self._correct, self._correct)
        act = self._chance.choice(acts)
        name = act.__name__.strip("_")
        try:
            await act(release_id)
        except Refused as refused:
            self._say(f"{release_id} {name}: refused, {refused.code}")
        else:
            self.did[name] += 1
            self._say(f"{release_id} {name}")

    async def _decide(self, release_id: str, decision: Decision) -> None:
        async with self._database.read() as connection:
            row = await releases.get(connection, release_id)
            revision = await releases.get_revision(connection, release_id, row.revision) if row else None
        assert revision is not None
        number, seen = revision.content.number, revision.content_hash
        editor = self._people[EDITOR].id
        await self._insist(lambda: self.office.approvals.decide(editor, decision, release_id, number, seen))

    async def _hold(self, release_id: str) -> None:
        await self._decide(release_id, Decision.HOLD)
        await asyncio.sleep(self._chance.uniform(1, 20))
        await self._decide(release_id, Decision.RESUME)

    async def _void(self, release_id: str) -> None:
        """Change the text after the approval, and have that approved."""
        await self._insist(lambda: self.office.drafts.change(release_id, self._people[AUTHOR], versions=_words("2")))
        await asyncio.sleep(self._chance.uniform(0, 5))
        await self._approve(release_id)

    async def _withdraw(self, release_id: str) -> None:
        """As a withdrawal will: nothing more of it leaves."""

        async def act() -> None:
            now, before = self._world.clock(), [*SENDABLE, ReleaseState.HELD]
            async with self._database.transaction(logged=True) as connection:
                if await releases.set_state(connection, release_id, before, ReleaseState.WITHDRAWN, now):
                    await audit.append(connection, now, "person:1", "release.withdrawn", f"release:{release_id}", {})
                    await connection.commit()

        await self._insist(act)

    async def _correct(self, release_id: str) -> None:
        """A later delivery of the same release to the same readers, as a correction will be."""

        async def act() -> int:
            now, made = self._world.clock(), 0
            async with self._database.transaction(logged=True) as connection:
                row = await releases.get(connection, release_id)
                revision = await releases.get_revision(connection, release_id, row.revision) if row else None
                if row is None or revision is None or row.state not in SENDABLE or self._corrected(release_id):
                    raise Refused("wrong_state")
                fixed = {"action": Action.CORRECT.value, "priority": Priority.of(revision.content.kind)}
                fixed |= {"due": now, "deadline": None, "created_at": now}
                for row_id, rendering in await releases.get_renderings(connection, release_id, row.revision):
                    traits = self._seats[rendering.channel].adapter.traits
                    prepares = traits.prepares and rendering.needs_preparing
                    part = Promise(row_id, rendering, (), prepares, calls_of(rendering, traits), True)
                    made += await promises.promise(
                        connection, revision.content, revision.content_hash, part, {}, dict(fixed)
                    )
                await connection.commit()
            return made

        await self._insist(act)
        self.did[f"corrected {release_id}"] += 1
        await self.office.context.wake()

    def _corrected(self, release_id: str) -> bool:
        return bool(self.did[f"corrected {release_id}"])

    async def look_after(self) -> None:
        """Answer cases, let paused lanes go on, send a dead letter again now and then."""
        await self._answer_cases()
        for name, lane in (await self.office.operations.lanes()).items():
            if lane.paused and lane.until is None:
                self._platform.mend(name)
                self._say(f"{name} resumed")
                await self._insist(lambda name=name: self.office.operations.resume(name, None))  # type: ignore[misc]
        if self._chance.random() < 0.1:
            await self._retry()

    async def _answer_cases(self) -> None:
        for case in await self.office.operations.open_cases():
            key, part = await self._key(case["delivery_id"]), int(case["step"].partition(":")[2] or 0)
            if not self._platform.settled(key, part):
                continue  # who looks now may see less than there will be
            truth = self._platform.times(key, part) > 0
            there = truth != (self._chance.random() < self._plan.wrong)
            try:
                await self._insist(lambda: self.office.operations.resolve(case["delivery_id"], there, None))  # noqa: B023  # awaited here
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
            await self._insist(lambda: self.office.operations.retry([chosen], None))
            self._say(f"dead letter {chosen} sent again")

    async def close_up(self) -> bool:
        """After the troubles: lift what is held; True once nothing is open any more."""
        await self.look_after()
        async with self._database.read() as connection:
            standing = await releases.newest(connection)
            open_ones = [
                row.id for row in await connection.execute(select(deliveries.c.id).where(promises_open()).limit(1))
            ]
        for row in standing:
            if row.state is ReleaseState.HELD:
                await self._decide(row.id, Decision.RESUME)
        return not open_ones and not any(row.state in _UNDER_WAY for row in standing)

    async def _key(self, delivery_id: int) -> str:
        async with self._database.read() as connection:
            row = (await connection.execute(select(deliveries).where(deliveries.c.id == delivery_id))).one()
        return f"{row.release_id}-{row.revision}-{row.action}-{row.id}"

    async def _insist(self, act: Callable[[], Awaitable[T]]) -> T:
        """A stopped worker may hold the database's lock for longer than anybody waits; so try again."""
        while True:
            try:
                return await act()
            except OperationalError as error:
                if "locked" not in str(error):
                    raise
            await asyncio.sleep(1.0)


def promises_open() -> Any:
    """Deliveries that are not final."""
    return deliveries.c.state.not_in(["sent", "rejected", "expired", "cancelled"])


def _words(number: str) -> tuple[LanguageVersion, ...]:
    return (LanguageVersion("ka", f"სიახლე {number}", "", "ტექსტი"),)
