"""What goes wrong around the workers while a run lasts: kills, stops, outages, clocks, the queue's server.

Touches the crew, the platforms, the clocks and the simulated Redis. Counts what it does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from tests.simulation.chance import stream
from tests.simulation.crew import Crew
from tests.simulation.disk import Faults
from tests.simulation.plan import LEASE, Plan
from tests.simulation.platform import Platform
from tests.simulation.process import Process, World, current_process
from tests.simulation.queue import SimulatedRedis

HOUR = 3600.0


class Trouble:
    """`main` until the plan's time is over; `over` ends everything that lasts. `say` tells the run's history."""

    def __init__(
        self,
        world: World,
        plan: Plan,
        crew: Crew,
        platform: Platform,
        faults: Faults,
        server: SimulatedRedis | None,
        say: Callable[[str], None],
    ) -> None:
        self.count: Counter[str] = Counter()
        self.freezes: list[tuple[str, float]] = []  # who was stopped, and until when
        self.stills: list[tuple[float, float]] = []  # from when until when somebody was
        self.jumps: list[tuple[float, float]] = [(0.0, 0.0)]  # when the clocks were set, and by how much they are wrong
        self._world = world
        self._plan = plan
        self._crew = crew
        self._platform = platform
        self._server = server
        self._say = say
        self._chance: Random = stream(world.seed, "trouble")
        self._fatal: dict[str, tuple[int, float]] = {}  # process → at which step, and for how long (0: for ever)
        self._aimed: dict[str, list[float]] = {}  # process → how many commits are let pass before, for how long
        world.before_step = self._strike
        faults.committed = self._committed

    async def main(self) -> None:
        """One trouble after another. The dead are started again a while later."""
        doers = {
            "kills": self._kill,
            "freezes": self._freeze,
            "stops": self._stop,
            "outages": self._outage,
            "jumps": self._jump,
            "queue": self._queue,
        }
        names = [name for name, odds in self._plan.troubles.items() if odds]
        weights = [self._plan.troubles[name] for name in names]
        while self._world.loop.time() < self._plan.seconds:
            await asyncio.sleep(self._chance.uniform(0, 2 * self._plan.pace))
            self._crew.revive()
            if names:
                doers[self._chance.choices(names, weights)[0]]()

    def over(self) -> None:
        """From now on nothing is broken any more. The clock is set right unless the plan says that it stays late."""
        self._fatal.clear()
        self._aimed.clear()
        if self._server is not None:
            self._server.come(empty=False)
        if not self._plan.late_clock and (wrong := self._world.clock.offset.total_seconds()):
            self._set_clocks(-wrong)
        self._crew.revive()

    def _one(self) -> Process | None:
        living = self._crew.living()
        return self._chance.choice(living) if living else None

    def _kill(self) -> None:
        self._aim(0.0)

    def _freeze(self) -> None:
        """Mostly for longer than its lease."""
        self._aim(self._chance.uniform(0, 3 * LEASE))

    def _aim(self, seconds: float) -> None:
        """Strike soon, between two awaits: at any step, or within a few steps of one of the next commits. What is
        dangerous stands between a commit and what was committed for."""
        if process := self._one():
            if self._chance.random() < 0.5:
                self._fatal[process.unique] = (process.steps + self._chance.randrange(1, 250), seconds)
            else:
                self._aimed[process.unique] = [self._chance.randrange(8), seconds]

    def _committed(self) -> None:
        process = current_process()
        if process is None or process.unique not in self._aimed:
            return
        aim = self._aimed[process.unique]
        aim[0] -= 1
        if aim[0] < 0:
            del self._aimed[process.unique]
            self._fatal[process.unique] = (process.steps + self._chance.randrange(1, 8), aim[1])

    def _strike(self, process: Process, step: int) -> None:
        when, seconds = self._fatal.get(process.unique, (0, 0.0))
        if when != step:
            return
        del self._fatal[process.unique]
        if seconds:
            self._did("freeze", f"{process.unique} {seconds:.1f} s")
            until = self._world.loop.time() + seconds
            self.freezes.append((process.unique, until))
            self.stills.append((self._world.loop.time(), until))
            process.freeze(seconds)
        else:
            self._did("kill", process.unique)
            process.kill()

    def _stop(self) -> None:
        if process := self._one():
            self._did("stop", process.unique)
            self._crew.end(process)

    def _outage(self) -> None:
        name, seconds = self._chance.choice(self._plan.lanes), self._chance.uniform(2, 30)
        self._did("outage", f"{name} {seconds:.1f} s")
        self._platform.fail(name, seconds)

    def _jump(self) -> None:
        """An hour back; or right again, which is an hour ahead."""
        offset = self._world.clock.offset.total_seconds()
        self._set_clocks(-HOUR if offset == 0 else HOUR)

    def _set_clocks(self, seconds: float) -> None:
        self._did("jump", f"{seconds:+.0f} s")
        self._world.clock.jump(seconds)
        for process in self._crew.processes:
            process.clock.jump(seconds)
        self.jumps.append((self._world.loop.time(), self._world.clock.offset.total_seconds()))

    def _queue(self) -> None:
        server = self._server
        if server is None:
            return
        draw = self._chance.random()
        if not server.here:
            empty = draw < 0.5
            self._did("redis back", "empty" if empty else "as it was")
            server.come(empty=empty)
        elif draw < 0.5:
            self._did("redis flushed", "")
            server.flush()
        else:
            self._did("redis gone", "it hangs" if draw < 0.75 else "")
            server.leave(hangs=draw < 0.75)

    def _did(self, what: str, detail: str) -> None:
        self.count[what] += 1
        self._world.note(f"{what} {detail}")
        self._say(f"{what} {detail}".rstrip())
