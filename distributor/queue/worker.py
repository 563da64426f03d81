"""The worker: lanes side by side, looks for unknown deliveries, the relay, heartbeat and leases.

May touch: the delivery store, the queue and adapters, through their ports. Never decides what an outcome means (the
core does), never sends without a committed intent, never repeats what may have happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

import structlog

from distributor.core.clock import Uptime
from distributor.core.ports import Clock, DeliveryStore, Events, Queue
from distributor.queue.clockwatch import ClockWatch
from distributor.queue.grip import Grip
from distributor.queue.lane import Lane
from distributor.queue.looks import Looks
from distributor.queue.recorder import STOP_SECONDS, Recorder
from distributor.queue.relay import Relay
from distributor.queue.runner import LaneRunner

log = structlog.get_logger(__name__)

AFTER_FAILURE = 1.0  # seconds that a loop rests after it failed
GUARD_SECONDS = 2.0  # between two looks whether the database is the one that we know


class Guard(Protocol):
    """Watches that the database is not older than what was done (office.restoring)."""

    async def look(self) -> bool:
        """True where all is well; else every lane stands paused in the database."""


class Worker:
    """Runs lanes in this process. `name` belongs to this process alone, also over restarts. `lease` in seconds: how
    long a claim stands without being renewed; `poll`: what a lost wake-up costs at most; `uptime`: of this machine."""

    def __init__(
        self,
        name: str,
        store: DeliveryStore,
        queue: Queue,
        lanes: Mapping[str, Lane],
        events: Events,
        clock: Clock,
        *,
        lease: float = 20.0,
        drain: float = 20.0,
        poll: float = 1.0,
        guard: Guard | None = None,
        uptime: Callable[[], Uptime | None] = lambda: None,
    ) -> None:
        self.name = name
        self._store = store
        self._queue = queue
        self._lanes = lanes
        self._events = events
        self._clock = clock
        self._lease = lease
        self._drain = drain
        self._recorder = Recorder(store, events, clock, name)
        self._guard = guard
        self._clockwatch = ClockWatch(store, events, clock, name, uptime)
        self._relay = Relay(store, lanes, clock, poll, self._clockwatch, worker=name, patience=lease)
        self._looks = Looks(store, lanes, self._recorder, clock, worker=name, lease=lease, poll=poll)
        self._grip = Grip(lease, clock)
        make = partial(LaneRunner, worker=name, grip=self._grip, lease=lease, poll=poll, watch=self._clockwatch)
        self._runners = [make(lane, store, queue, self._recorder, events, clock) for lane in lanes.values()]
        self._loops: list[asyncio.Task[None]] = []
        self._alive: asyncio.Task[None] | None = None
        self._deaf: list[Callable[[], None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Begin. Everything due in the database goes on, unless it is older than what was done."""
        await self._clockwatch.begin()
        if self._guard is not None:
            await self._guard.look()
        await self._clockwatch.beat()
        await self._recorder.start()
        await self._queue.start(self.name, list(self._lanes))
        self._deaf = [self._queue.listen(self._woken), self._events.listen(frozenset({"lane"}), self._lane_changed)]
        turns: list[Callable[[], Awaitable[None]]] = [self._relay.turn, self._looks.turn, self._watch]
        turns += [turn for runner in self._runners for turn in runner.turns()]
        self._loops = [asyncio.create_task(self._forever(turn)) for turn in turns]
        self._alive = asyncio.create_task(self._forever(self._keep_alive, to_the_end=True))

    async def stop(self) -> None:
        """Take nothing new; let what is under way finish within the drain time, then record it as it stands."""
        self._stopping = True
        for end in self._deaf:
            end()
        await _end(self._loops)
        await self._looks.stop()
        for runner in self._runners:
            await runner.stop()
        under_way = [task for runner in self._runners for task in runner.at_work()]
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=self._drain)
            for task in late:
                task.cancel()
            if late:  # each hands in what it knows; a database that takes nothing must not hold up the stop for ever
                await asyncio.wait(late, timeout=STOP_SECONDS)
        await self._recorder.stop()
        await _end(under_way)
        # Until here the leases of what was under way were kept: nobody else took it for lost.
        await _end([self._alive] if self._alive else [])
        try:
            await self._watch(0.0)
        except Exception:
            log.exception("the mark of what was done could not be set at the end; the next start has an older one")

    async def _watch(self, pause: float = GUARD_SECONDS) -> None:
        """Is the database still the one that we know?"""
        if self._guard is not None:
            await self._guard.look()
        await asyncio.sleep(pause)

    def _woken(self, lane: str) -> None:
        for name, one in self._lanes.items():
            if lane in ("", name):
                one.woken = True
                one.stir()

    async def _lane_changed(self, _topic: str, _name: str) -> None:
        self._relay.stir()

    async def _forever(self, turn: Callable[[], Awaitable[None]], *, to_the_end: bool = False) -> None:
        """A loop that no error ends: it is logged, and the next turn comes a second later."""
        while to_the_end or not self._stopping:
            try:
                await turn()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("a loop of the worker failed; it goes on", worker=self.name)
                await asyncio.sleep(AFTER_FAILURE)

    async def _keep_alive(self) -> None:
        """Leases and heartbeat."""
        under_way = [claimed for lane in self._lanes.values() for claimed in list(lane.running.values())]
        await self._store.renew([*under_way, *self._looks.under_way()], self._clock(), self._lease)
        await self._clockwatch.beat()  # after them: it fails where a doubt about the clock cannot be kept
        await asyncio.sleep(self._lease / 4)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel, and wait until they have ended."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
