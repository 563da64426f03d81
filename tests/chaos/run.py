"""One run: releases are approved, brought, corrected, held and withdrawn while everything is hit; then it is waited
for, and counted.

May touch: what `ground` set up. Bounded: after `limit` seconds it counts what is there, and what is not final is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from distributor.storage.hot import OPEN_SQL
from tests.chaos.crew import Crew
from tests.chaos.desk import GONE, Desk, insist
from tests.chaos.follow import Follow
from tests.chaos.ground import Ground, ground
from tests.chaos.plan import WORKERS, Care, Plan
from tests.chaos.tally import Tally, Watch
from tests.chaos.trouble import Troublemaker

AT_ONCE = 4  # releases that people work on at the same time
SAY_EVERY = 10.0  # seconds
ENDS = {0, 1, -15}  # drained; could not start without its database; told to end before it could listen
_NOT_SENT = "SELECT state, count(*) AS n FROM deliveries WHERE state <> 'sent' GROUP BY state ORDER BY state"
_LEFT_BY = """
SELECT worker, count(DISTINCT delivery_id) AS n FROM attempts
WHERE code = 'lost' AND outcome = 'unknown' GROUP BY worker
"""


class Run:
    """A plan, on its ground. `say` gets a line now and then."""

    def __init__(self, plan: Plan, base: Ground, folder: Path, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._desk = Desk(base.stage)
        self._follow = Follow(base.stage)
        self._watch = Watch(base.stage, self._desk.released, self._follow.done)
        self._crew = Crew(base.stage.settings_file, folder, WORKERS)
        self._trouble = Troublemaker(base, self._crew)
        self._began = asyncio.get_running_loop().time()

    async def play(self, limit: float) -> Tally:
        """Everything, in at most so many seconds. Ends with no worker running."""
        settled = False
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await self._desk.prepare()
                    await self._crew.start()
                    await self._bring()
                    settled = True
        finally:
            await self._crew.end()
        tally = await insist(lambda: self._watch.tally(self._plan.promised))
        tally.kills = len(self._crew.killed) + self._trouble.server_kills
        if not settled:
            tally.faults.append(f"it was not over after {limit:.0f} seconds")
        tally.faults += [f"a worker ended with {code}" for code in self._crew.ends if code not in ENDS]
        await self._explain(tally)
        return tally

    async def _bring(self) -> None:
        """Releases go out while everything is hit; then nothing is hit any more, until everything has been brought.
        Cases are answered all the while."""
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._look_after())
            async with asyncio.TaskGroup() as busy:
                busy.create_task(self._trouble.deal(self._plan))
                busy.create_task(self._publish())
            self._say(f"{self._so_far():.0f} s: nothing more is hit")
            open_ones = f"SELECT 1 FROM deliveries WHERE {OPEN_SQL} LIMIT 1"  # noqa: S608  # a constant of ours
            while True:
                if not await insist(lambda: self._watch.ask(open_ones)):
                    break
                await asyncio.sleep(0.5)
            watching.cancel()

    def _so_far(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def _publish(self) -> None:
        desks = asyncio.Semaphore(AT_ONCE)

        async def bring_out(place: int) -> None:
            writing = self._plan.writings[place]
            await asyncio.sleep(max(self._began + writing.at - asyncio.get_running_loop().time(), 0))
            async with desks:
                release_id = await self._desk.bring_out(writing)
            await self._follow.go_through(release_id, writing, desks)

        async with asyncio.TaskGroup() as group:
            for place in range(len(self._plan.writings)):
                group.create_task(bring_out(place))

    async def _look_after(self) -> None:
        """Answer cases, and say how far it is."""
        said = 0.0
        while True:
            await self._desk.answer_cases(self._watch, self._crew.quiet_for)
            if self._so_far() - said >= SAY_EVERY:
                said = self._so_far()
                with contextlib.suppress(*GONE):
                    self._say(f"{said:.0f} s: {len(self._desk.released)} releases, {await self._standing()}")
            await asyncio.sleep(1.0)

    async def _standing(self) -> str:
        rows = await self._watch.ask(_NOT_SENT)
        left = ", ".join(f"{row['n']} {row['state']}" for row in rows) or "nothing left"
        return f"{left}; {len(self._crew.killed)} workers killed, {self._desk.answered} cases answered"

    async def _explain(self, tally: Tally) -> None:
        """What was hit, what that left in doubt, and everything about what is wrong."""
        for kind, count in self._trouble.done.items():
            self._say(f"{count} times {kind.value}")
        cares = Counter(care for done in self._follow.done.values() for care in done)
        self._say("releases: " + ", ".join(f"{cares[care]} {care.value}" for care in Care))
        rows = await self._watch.ask(_LEFT_BY)
        killed = {f":{pid}:" for pid in self._crew.killed}
        by_kill = [row["n"] for row in rows if any(pid in row["worker"] for pid in killed)]
        mean = sum(by_kill) / max(len(self._crew.killed), 1)
        self._say(f"a killed worker left {mean:.1f} deliveries in doubt in the mean, {max(by_kill, default=0)} at most")
        self._say(f"workers that were not killed left {sum(row['n'] for row in rows) - sum(by_kill)} together")
        self._say(f"{self._desk.answered} cases answered, {len(self._crew.ends)} workers ended or were told to")
        for fault in tally.faults:
            self._say(f"WRONG: {fault}")
        for finding in tally.findings:
            self._say(f"{finding.kind.upper()}: delivery {finding.delivery}: {finding.words}")
            for line in await self._watch.history(finding.delivery or 0):
                self._say(f"    {line}")


async def run(plan: Plan, folder: Path, say: Callable[[str], None], limit: float) -> Tally:
    """Set up, play, count, and leave nothing running. `limit` in seconds, beside the set-up."""
    async with ground(plan, folder) as base:
        say(f"seed {plan.seed}: {plan.promised} deliveries, {len(plan.troubles)} blows in {plan.seconds:.0f} s")
        return await Run(plan, base, folder, say).play(limit)
