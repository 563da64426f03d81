"""The ground of the simulation, exercised together: a small engine of its own, not the service's.

Touches a temporary folder. Workers claim numbers, bring them to a platform and record what came of it, while they are
killed and stopped, the disk fails and the platform loses answers. `python -m tests.simulation.example SEED` prints what
happened: two interpreters must print the same.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from distributor.core.channel import Action, Destination, Job
from distributor.core.outcome import Absent, Finding, LookAgain, Sent
from distributor.core.rendering import Part, Rendering
from tests.simulation.chance import stream
from tests.simulation.channel import SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.database import SimulatedDatabase
from tests.simulation.disk import Faults
from tests.simulation.habits import KINDS, Habits
from tests.simulation.platform import Platform
from tests.simulation.process import Process, World

NUMBERS = 30
HABITS = Habits(unreachable=0.1, call_lost=0.1, answer_lost=0.1, hangs=0.02, look_fails=0.2)
_TABLE = "CREATE TABLE jobs (number INTEGER PRIMARY KEY, state TEXT, worker TEXT, fence INTEGER)"
_FORGOTTEN = "UPDATE jobs SET state = 'unknown', fence = fence + 1 WHERE state = 'sending' AND worker = ?"
_CLAIM = """UPDATE jobs SET state = 'sending', worker = ?, fence = fence + 1 WHERE number IN
    (SELECT number FROM jobs WHERE state = 'queued' ORDER BY number LIMIT 3) RETURNING number, fence"""


class Nothing:
    """Progress of channels with one part and no steps: there is nothing to keep."""

    def get(self, step: str) -> None:
        return None

    async def save(self, step: str, value: dict[str, object]) -> None:
        return None

    def note(self, step: str, value: dict[str, object]) -> None:
        return None

    async def begin(self, step: str) -> None:
        return None


class Example:
    """One run. `careless`: what is unknown is sent again without a look, as toy engines do."""

    def __init__(self, world: World, folder: Path, careless: bool = False) -> None:
        self.world = world
        self.path = folder / "example.db"
        self.platform = Platform(world, {"page": HABITS})
        self.careless = careless
        self.kills = 0
        self.rounds = 0
        self._fatal: dict[str, int] = {}
        self._faults = Faults(stream(world.seed, "faults"), before=0.01, after=0.03)
        with sqlite3.connect(self.path) as made:
            made.execute("PRAGMA journal_mode=WAL")
            made.execute(_TABLE)
            made.executemany("INSERT INTO jobs VALUES (?, 'queued', '', 0)", [(number,) for number in range(NUMBERS)])
        made.close()

    async def main(self) -> None:
        """Keep three workers alive, trouble them for a minute, then wait until all is done."""
        chance = stream(self.world.seed, "trouble")
        workers = [self._worker(name) for name in ("one", "two", "three")]
        self.world.before_step = self._strike
        while self.world.loop.time() < 60:
            await asyncio.sleep(chance.uniform(0, 4))
            for place, worker in enumerate(workers):
                if not worker.alive:
                    workers[place] = self._worker(worker.name)
            target = chance.choice(workers)
            if chance.random() < 0.3:
                target.freeze(chance.uniform(0, 5))
            else:
                self._fatal[target.unique] = target.steps + chance.randrange(1, 40)
        self._fatal.clear()
        self._faults.end()
        self.platform.heal()
        while self.states() != ["sent"] * NUMBERS:
            await asyncio.sleep(1)
            self.rounds += 1

    def _strike(self, process: Process, step: int) -> None:
        if self._fatal.get(process.unique) == step:
            self.kills += 1
            process.kill()

    def _worker(self, name: str) -> Process:
        process = self.world.process(name)
        process.start(self._work(process))
        return process

    async def _work(self, process: Process) -> None:
        database = SimulatedDatabase(process, self.path, self._faults)
        await database.open()
        channel = SimulatedChannel("page", KINDS["page"], self.platform, process.clock)
        while True:
            try:
                await self._turn(process, database, channel)
            except (OperationalError, sqlite3.OperationalError) as error:
                self.world.note(f"{process.name} {type(error).__name__}")
            await asyncio.sleep(0.5)

    async def _turn(self, process: Process, database: SimulatedDatabase, channel: SimulatedChannel) -> None:
        tasks = {asyncio.create_task(_bring(channel, *row)) for row in await self._claim(process, database)}
        done, _ = await asyncio.wait(tasks) if tasks else (set(), set())
        for task in done:  # a set: by the tasks' numbers in one order, here and in every interpreter
            await _record(database, *task.result())
        async with database.read() as connection:
            query = "SELECT number, fence, state, worker FROM jobs WHERE state <> 'queued' ORDER BY number"
            rows = (await connection.execute(text(query))).all()
        living = [other.unique for other in self.world.processes if other.alive]
        for number, fence, state, worker in rows:
            if state == "unknown" or (state == "sending" and worker not in living):
                finding: Finding = (
                    Absent("not looked") if self.careless else await channel.reconcile(_job(number), Nothing())
                )
                if not isinstance(finding, LookAgain):
                    await _record(database, number, fence, "sent" if isinstance(finding, Sent) else "queued")

    async def _claim(self, process: Process, database: SimulatedDatabase) -> list[tuple[int, int]]:
        def work(connection: sqlite3.Connection) -> list[tuple[int, int]]:
            connection.execute("BEGIN IMMEDIATE")
            try:
                # What a lost answer made it forget may have been sent, or not.
                connection.execute(_FORGOTTEN, (process.unique,))
                claimed = connection.execute(_CLAIM, (process.unique,)).fetchall()
                connection.execute("COMMIT")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return claimed

        return await database.hot(work)

    def states(self) -> list[str]:
        """What is committed, by number."""
        reader = sqlite3.connect(self.path)
        try:
            return [row[0] for row in reader.execute("SELECT state FROM jobs ORDER BY number")]
        finally:
            reader.close()


async def _bring(channel: SimulatedChannel, number: int, fence: int) -> tuple[int, int, str]:
    outcome = await channel.publish(_job(number), Nothing())
    return number, fence, "sent" if isinstance(outcome, Sent) else "unknown"


async def _record(database: SimulatedDatabase, number: int, fence: int, state: str) -> None:
    async with database.transaction() as connection:
        words = "UPDATE jobs SET state = :state, fence = fence + 1 WHERE number = :number AND fence = :fence"
        await connection.execute(text(words), {"state": state, "number": number, "fence": fence})
        await connection.commit()


def _job(number: int) -> Job:
    return Job(
        delivery_id=number,
        action=Action.PUBLISH,
        key=f"key-{number}",
        rendering=Rendering("page", "ka", (Part("message", text=str(number)),)),
        destination=Destination(1, "page", "@page"),
        release_id="abc",
        revision=1,
        slug="words",
        permanent_url="",
        attempt=1,
        approved_at=START,
    )


def play(seed: int, *, careless: bool = False) -> dict[str, Any]:
    """Run one seed; what came of it."""
    with tempfile.TemporaryDirectory() as folder, World(seed, horizon=3600) as world:
        example = Example(world, Path(folder), careless)
        world.run(example.main())
        return {
            "trace": world.trace,
            "steps": world.steps,
            "seconds": world.loop.time(),
            "states": example.states(),
            "effects": sorted(effect.key for effect in example.platform.effects),
            "kills": example.kills,
            "faults": dict(sorted(example._faults.struck.items())),
            "fates": dict(sorted(example.platform.fates.items())),
        }


if __name__ == "__main__":
    print(json.dumps(play(int(sys.argv[1]))))
