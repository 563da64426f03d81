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
STOP_SECONDS = 10.0  # how long a stop waits for a database that takes no writes


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
        self._open = 0  # outcomes handed in and not committed
        self.unknown_seen = asyncio.Event()

    async def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is still waiting, then end. Where the database takes nothing for `STOP_SECONDS` it is said, and
        the leases make those deliveries unknown."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while self._open:
                    self._at_once.set()
                    await asyncio.sleep(0.005)
        if self._open:
            log.error("stopped with outcomes that could not be recorded", outcomes=self._open)
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def record(self, result: Result, *, at_once: bool) -> None:
        """Returns when the outcome is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((result, done))
        self._open += 1
        if at_once:
            self._at_once.set()
        self._due.set()
        await asyncio.shield(done)

    async def _write(self) -> None:
        pause = 0.1
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
            pause = 0.1 if not group or await self._commit(group) else min(pause * 2, 5.0)
            if pause > 0.1:
                await asyncio.sleep(pause)

    async def _commit(self, group: list[tuple[Result, asyncio.Future[None]]]) -> bool:
        """Commit together; where that fails one by one, so that no outcome keeps another from being recorded. What
        could not be recorded waits for another turn. False where nothing could."""
        written = []
        try:
            await self._store.record([result for result, _ in group], self._worker, self._clock())
            written = group
        except Exception:
            log.exception("outcomes could not be recorded together; trying each", outcomes=len(group))
            for one in group if len(group) > 1 else ():
                try:
                    await self._store.record([one[0]], self._worker, self._clock())
                    written.append(one)
                except Exception:
                    log.exception("an outcome could not be recorded yet", delivery=one[0].claimed.job.delivery_id)
        failed = [one for one in group if one not in written]
        self._waiting += failed
        if failed:
            self._due.set()
        self._open -= len(written)
        for result, done in written:
            if not done.done():
                done.set_result(None)
            self._tell(result)
        return bool(written)

    def _tell(self, result: Result) -> None:
        if result.next.state is DeliveryState.UNKNOWN:
            self.unknown_seen.set()
        if result.next.state is DeliveryState.CASE:
            self._events.publish("case", str(result.claimed.job.delivery_id))
        self._events.publish("release", result.claimed.job.release_id)
