"""One seed, played: a press office, its workers, everything that goes wrong, and what became of every promise.

Touches a folder of its own. `Ground` is made once and copied for each seed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from distributor.office.auditing import Verdict
from distributor.storage.schema import attempts, cases, deliveries, destinations, releases
from tests.simulation import invariants, journal
from tests.simulation.around import ids, silence
from tests.simulation.care import insist
from tests.simulation.chance import stream
from tests.simulation.crew import Crew, queue_and_events
from tests.simulation.database import SimulatedDatabase, copy_template, make_template
from tests.simulation.desk import Desk, settle_in
from tests.simulation.disk import Faults
from tests.simulation.facts import Facts
from tests.simulation.habits import Fate
from tests.simulation.plan import Plan, draw
from tests.simulation.platform import Platform
from tests.simulation.process import World
from tests.simulation.queue import SimulatedRedis
from tests.simulation.trouble import Trouble

HORIZON = 4 * 3600.0  # virtual seconds of a whole run
PATIENCE = 1800.0  # after the troubles, until everything has ended


@dataclass(slots=True)
class Played:
    """What one seed came to. `broken`: sentences, each beginning with the invariant's name."""

    seed: int
    broken: list[str] = field(default_factory=list)
    deliveries: int = 0
    states: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    history: list[tuple[float, str]] = field(default_factory=list)
    trace: str = ""
    steps: int = 0
    seconds: float = 0.0  # virtual


class Ground:
    """A folder with the database that every seed begins with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = make_template(folder / "template.db")

        async def people() -> None:
            database = SimulatedDatabase(world, self.template)
            await database.open()
            await settle_in(database)
            await database.close()

        with World(0) as world:
            world.run(people())
        journal.install(self.template)


def play(seed: int, ground: Ground, change: Callable[[Plan], Plan] = lambda plan: plan) -> Played:
    """Play a seed. `change` alters what was drawn, for tests. A run that comes to no end is broken too."""
    played = Played(seed)
    with TemporaryDirectory(dir=ground.folder) as folder, silence(), ids(seed):
        try:
            with World(seed, horizon=HORIZON) as world:
                scenario = Scenario(world, change(draw(seed)), Path(folder), ground, played)
                try:
                    world.run(scenario.main())
                finally:
                    scenario.tell()
        except Exception as error:  # a stuck run, an error that nobody took, a loop of a worker that ended
            played.broken.append(f"the run: {type(error).__name__}: {error}")
    return played


class Scenario:
    """One run, while it lasts."""

    def __init__(self, world: World, plan: Plan, folder: Path, ground: Ground, played: Played) -> None:
        self.world = world
        self.plan = plan
        self.played = played
        self.path = copy_template(ground.template, folder / "office.db")
        self.platform = Platform(world, plan.habits)
        self.faults = Faults(stream(world.seed, "disk"), before=plan.disk[0], after=plan.disk[1])
        self.server = SimulatedRedis(world) if plan.shared else None
        self.database = SimulatedDatabase(world, self.path)
        shared = queue_and_events(self.server, world)
        self.desk = Desk(world, plan, self.database, folder, self.platform, shared, self.say)
        self._queue = shared[0]
        self._chance = stream(world.seed, "course")
        self.crew: Crew
        self.trouble: Trouble

    def say(self, words: str) -> None:
        """Something for the run's history."""
        self.played.history.append((self.world.loop.time(), words))

    async def main(self) -> None:
        """Trouble, quiet, and then what is true."""
        await self.database.open()
        await self._queue.start("desk", [])
        await self.desk.begin()
        self.crew = Crew(self.world, self.plan, self.path, self.platform, self.faults, self.server)
        self.trouble = Trouble(self.world, self.plan, self.crew, self.platform, self.faults, self.server, self.say)
        office = asyncio.create_task(self._office())
        await self.trouble.main()
        await office
        self.trouble.over()
        self.faults.end()
        self.platform.heal()
        self.say("the troubles are over")
        await self._quiet()
        facts = await self._facts()
        self.played.broken += invariants.check(facts)
        await self.database.close()

    async def _office(self) -> None:
        """The course of a day at the desk."""
        chance, made = self._chance, list[str]()
        while self.world.loop.time() < self.plan.seconds or len(made) < self.plan.releases:
            await asyncio.sleep(chance.uniform(0, 2 * self.plan.seconds / (3 * self.plan.releases + 4)))
            if len(made) < self.plan.releases and chance.random() < 0.45:
                made.append(await self.desk.release())
            elif made and chance.random() < 0.7:
                await self.desk.minds.change(chance.choice(made[-3:]))
            else:
                await self.desk.care.look_after()

    async def _quiet(self) -> None:
        until = self.world.loop.time() + PATIENCE
        while self.world.loop.time() < until:
            await asyncio.sleep(3.0)
            self.crew.revive()  # one that was asked to end may only have ended now
            if await self.desk.close_up() and not any(process.frozen() for process in self.crew.living()):
                await asyncio.sleep(1.0)  # who woke up last takes in what it slept through
                self.say("everything has ended")
                return
        self.played.broken.append(f"the run: not everything has within {PATIENCE:.0f} s")

    async def _facts(self) -> Facts:
        async with self.database.read() as connection:
            rows = [dict(row) for row in (await connection.execute(select(deliveries))).mappings()]
            told = {row.id: row for row in await connection.execute(select(releases))}
            readers = {row.id: row for row in await connection.execute(select(destinations))}
            tries = [dict(row) for row in (await connection.execute(select(attempts))).mappings()]
            open_cases = [
                row.id for row in await connection.execute(select(cases).where(cases.c.resolved_at.is_(None)))
            ]
        await insist(self.desk.office.auditing.checkpoint)
        verdict: Verdict = await self.desk.office.auditing.verify()
        self.played.deliveries = len(rows)
        self.played.states.update(row["state"] for row in rows)
        return Facts(
            plan=self.plan,
            rows=rows,
            releases={name: row.state for name, row in told.items()},
            newest={name: row.revision for name, row in told.items()},
            exercises=frozenset(name for name, row in told.items() if row.draft["status"] != "actual"),
            readers={number: (row.address, row.status) for number, row in readers.items()},
            attempts=tries,
            open_cases=open_cases,
            journal=journal.read(self.path),
            platform=self.platform,
            words=self.desk.care.words,
            retried=self.desk.care.retried,
            absences=self.server.troubles if self.server else [],
            freezes=self.trouble.freezes,
            stills=self.trouble.stills,
            jumps=self.trouble.jumps,
            spells=self.crew.spells,
            log=verdict.fault,
        )

    def tell(self) -> None:
        """Fill in what the run counted."""
        played, world = self.played, self.world
        played.trace, played.steps, played.seconds = world.trace, world.steps, world.loop.time()
        played.faults.update(self.trouble.count)
        played.faults.update({f"disk {name}": count for name, count in self.faults.struck.items()})
        for name, count in self.platform.fates.items():
            fate = name.partition(": ")[2]
            if fate != Fate.ANSWERED:
                played.faults[fate] += count
        played.history += [
            (
                call.at,
                f"  {call.by}: {'change' if call.change else 'call'} {call.channel} delivery {call.delivery_id} "
                f"part {call.part} "
                f"try {call.attempt}: {call.fate}",
            )
            for call in self.platform.calls
        ]
        played.history += [
            (effect.at, f"  effect of {effect.delivery_id} part {effect.part}") for effect in self.platform.effects
        ]
        for entry in journal.read(self.path):
            played.history.append(
                (
                    entry.at,
                    f"  {entry.worker or '-'}: {entry.what} {entry.delivery} "
                    f"{entry.was} → {entry.became} fence {entry.fence} {entry.step} {entry.code}",
                )
            )
        played.history.sort(key=lambda told: told[0])
