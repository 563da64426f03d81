"""The people of a run: an author and an editor bring releases out, and change their minds.

Touches the office, as the bot does; where the office has no use for it yet (a withdrawal, a correction), the storage.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select, update

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
from distributor.storage.schema import releases as release_rows
from tests.simulation.care import Care, insist
from tests.simulation.chance import stream
from tests.simulation.channel import SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.crew import BASE
from tests.simulation.habits import KINDS
from tests.simulation.plan import READERS, Plan
from tests.simulation.platform import Platform
from tests.simulation.process import World

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


class Desk:
    """`did` counts what they changed their minds about; `care` is who looks after what came of it; `say` tells the
    history."""

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
        self.did: Counter[str] = Counter()
        self._world = world
        self._plan = plan
        self._database = database
        self._say = say
        self._chance: Random = stream(world.seed, "desk")
        queue, events = shared
        seats = {
            name: Seat(name, SimulatedChannel(name, KINDS[name], platform, world.clock), ("ka",)) for name in plan.lanes
        }
        media = MediaLibrary(folder / "media")  # asked for nothing: no release here has files
        context = Context(database, media, seats, world.clock, queue.wake, events, "Office", BASE)
        self.office = Office(context, SigningKey(folder / "audit.key"))
        self.care = Care(world, plan, database, platform, self.office, say)
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
        made = await insist(
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
        seen = await insist(lambda: self.office.drafts.submit(release_id, author))
        number = seen.release.revision
        made = await insist(
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
        if revision is None:
            raise Refused("wrong_state")  # it never came further than a draft
        number, seen = revision.content.number, revision.content_hash
        editor = self._people[EDITOR].id
        await insist(lambda: self.office.approvals.decide(editor, decision, release_id, number, seen))

    async def _hold(self, release_id: str) -> None:
        await self._decide(release_id, Decision.HOLD)
        await asyncio.sleep(self._chance.uniform(1, 20))
        await self._decide(release_id, Decision.RESUME)

    async def _void(self, release_id: str) -> None:
        """Change the text after the approval, and have that approved."""
        await insist(lambda: self.office.drafts.change(release_id, self._people[AUTHOR], versions=_words("2")))
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

        await insist(act)

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
                its_time = update(release_rows).where(release_rows.c.id == release_id).values(updated_at=now)
                await connection.execute(its_time)  # as an approval leaves it
                await connection.commit()
            return made

        await insist(act)
        self.did[f"corrected {release_id}"] += 1
        await self.office.context.wake()

    def _corrected(self, release_id: str) -> bool:
        return bool(self.did[f"corrected {release_id}"])

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
                await self._decide(row.id, Decision.RESUME)
        return not open_ones and not any(row.state in _UNDER_WAY for row in standing)


def promises_open() -> Any:
    """Deliveries that are not final."""
    return deliveries.c.state.not_in(["sent", "rejected", "expired", "cancelled"])


def _words(number: str) -> tuple[LanguageVersion, ...]:
    return (LanguageVersion("ka", f"სიახლე {number}", "", "ტექსტი"),)
