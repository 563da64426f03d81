"""The worker processes of a run: the service's own worker, queue and storage in each.

Touches the run's database and its simulated Redis and platforms. A process that cannot start ends, as under a service
manager, and is started again with the others.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from math import inf
from pathlib import Path

from distributor.core.clock import Uptime
from distributor.core.ports import Events, Queue
from distributor.queue.events import LocalEvents, RedisEvents
from distributor.queue.lane import Lane
from distributor.queue.memory import MemoryQueue
from distributor.queue.redis import RedisQueue
from distributor.queue.worker import Worker
from distributor.storage.deliveries import Deliveries
from tests.simulation.channel import SimulatedChannel
from tests.simulation.database import SimulatedDatabase
from tests.simulation.disk import Faults
from tests.simulation.habits import KINDS
from tests.simulation.plan import LEASE, POLL, Plan
from tests.simulation.platform import Platform
from tests.simulation.process import Holder, Process, World
from tests.simulation.queue import SimulatedRedis
from tests.simulation.wire import SimulatedLink

BASE = "https://press.example"
NAMES = ("Ana", "Beka", "Dato", "Eka")
_ENDS_WITHIN = 15.0  # seconds of patience with a worker that was asked to end


def queue_and_events(server: SimulatedRedis | None, holder: Holder) -> tuple[Queue, Events]:
    """What a process shares with the others; without a server, what it has for itself."""
    if server is None:
        return MemoryQueue(), LocalEvents()
    link = SimulatedLink(server, holder)
    return RedisQueue(link), RedisEvents(link)


class Crew:
    """Starts workers and keeps them. `server` None: each has its queue in its own memory."""

    def __init__(
        self, world: World, plan: Plan, path: Path, platform: Platform, faults: Faults, server: SimulatedRedis | None
    ) -> None:
        self.world = world
        self._plan = plan
        self._path = path
        self._platform = platform
        self._faults = faults
        self._server = server
        self._began: list[tuple[Process, float]] = []  # a worker's start, when it had begun
        self._asked: dict[str, float] = {}  # process → when it was asked to end
        self._workers: dict[str, Worker] = {}  # by the process's unique name; those that were not asked to end
        self.processes = [self._start(name) for name in NAMES[: plan.workers]]

    def revive(self) -> None:
        """Start those again that are dead."""
        for place, process in enumerate(self.processes):
            if not process.alive:
                self.processes[place] = self._start(process.name)

    def living(self) -> list[Process]:
        """Those that are not dead."""
        return [process for process in self.processes if process.alive]

    @property
    def spells(self) -> list[tuple[float, float]]:
        """From when until when a worker was at work, frozen or not."""
        return [(began, min(process.died, self._asked.get(process.unique, inf))) for process, began in self._began]

    def end(self, process: Process) -> None:
        """SIGTERM; SIGKILL if that takes too long."""
        worker = self._workers.pop(process.unique, None)  # a second SIGTERM says nothing new
        if worker is not None:
            self._asked[process.unique] = self.world.loop.time()
            process.start(self._end(process, worker))

    def _start(self, name: str) -> Process:
        process = self.world.process(name)
        process.clock.offset = self.world.clock.offset  # one machine, one clock
        process.start(self._work(process))
        return process

    def _uptime(self) -> Uptime:
        """Of the one machine, which is never started again."""
        return Uptime("machine", timedelta(seconds=self.world.loop.time()))

    async def _work(self, process: Process) -> None:
        database = SimulatedDatabase(process, self._path, self._faults)
        await database.open()
        queue, events = queue_and_events(self._server, process)
        store = Deliveries(database, BASE)
        lanes = {name: self._lane(name, process) for name in self._plan.lanes}
        worker = Worker(
            process.unique,
            store,
            queue,
            lanes,
            events,
            process.clock,
            lease=LEASE,
            poll=POLL,
            drain=8.0,
            uptime=self._uptime,
        )
        try:
            await worker.start()
        except Exception as error:
            self.world.note(f"{process.name} could not start: {type(error).__name__}")
            process.kill()
        self._workers[process.unique] = worker
        self._began.append((process, self.world.loop.time()))
        await asyncio.Event().wait()

    def _lane(self, name: str, process: Process) -> Lane:
        channel = SimulatedChannel(name, KINDS[name], self._platform, process.clock)
        plan = self._plan
        return Lane(
            name,
            channel,
            plan.windows.get(name, ()),
            plan.reader_windows.get(name, ()),
            concurrency=plan.concurrency,
            live=name in plan.live,
            policy=plan.policy,
        )

    async def _end(self, process: Process, worker: Worker) -> None:
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                await worker.stop()
        except Exception as error:
            self.world.note(f"{process.name} did not end well: {type(error).__name__}")
        process.kill()
