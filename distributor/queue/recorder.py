"""Outcomes on their way into the database: at once for a public post, in groups for bulk lanes.

May touch: the delivery store. An outcome that cannot be recorded now is tried again for as long as the process lives;
if it dies first, the delivery's lease ends and its effect is unknown, never guessed.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from distributor.core.delivery import DeliveryState
from distributor.core.ports import Clock, DeliveryStore, Events, Result

log = structlog.get_logger(__name__)

GROUP = 200  # outcomes in one commit at the most
GROUP_SECONDS = 0.02  # how long a bulk outcome waits for company


class Recorder:
    """Groups results and commits them. `unknown_seen` is set when something needs a look at the platform."""

    def __init__(self, store: DeliveryStore, events: Events, clock: Clock, worker: str) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._worker = worker
        self._waiting: list[tuple[Result, asyncio.Future[None]]] = []
        self._due = asyncio.Event()
        self._at_once = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.unknown_seen = asyncio.Event()

    async def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is still waiting, then end."""
        while self._waiting:
            self._at_once.set()
            self._due.set()
            await asyncio.sleep(0.005)
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def record(self, result: Result, *, at_once: bool) -> None:
        """Returns when the outcome is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((result, done))
        if at_once:
            self._at_once.set()
        self._due.set()
        await asyncio.shield(done)

    async def _write(self) -> None:
        while True:
            await self._due.wait()
            if not self._at_once.is_set() and len(self._waiting) < GROUP:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GROUP_SECONDS):
                        await self._at_once.wait()
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            if not self._waiting:
                self._due.clear()
                self._at_once.clear()
            if group:
                await asyncio.shield(self._commit(group))

    async def _commit(self, group: list[tuple[Result, asyncio.Future[None]]]) -> None:
        results = [result for result, _ in group]
        pause = 0.1
        while True:
            try:
                await self._store.record(results, self._worker, self._clock())
                break
            except Exception:
                log.exception("outcomes could not be recorded yet; trying again", outcomes=len(results))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
        for result, done in group:
            if not done.done():
                done.set_result(None)
            self._tell(result)

    def _tell(self, result: Result) -> None:
        if result.next.state is DeliveryState.UNKNOWN:
            self.unknown_seen.set()
        if result.next.state is DeliveryState.CASE:
            self._events.publish("case", str(result.claimed.job.delivery_id))
        self._events.publish("release", result.claimed.job.release_id)
