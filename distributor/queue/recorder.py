"""Outcomes on their way into the database: at once for a public post, in groups for bulk lanes.

May touch: the delivery store. An outcome that cannot be recorded now is tried again for as long as the process lives;
if it dies first, the delivery's lease ends and its effect is unknown, never guessed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from distributor.core.delivery import FINAL, DeliveryState
from distributor.core.ports import Clock, DeliveryStore, Events, Result

log = structlog.get_logger(__name__)

GROUP = 1000  # outcomes in one commit at the most
GROUP_SECONDS = 0.02  # how long a bulk outcome waits for company
MOST_OPEN = 4000  # bulk outcomes not committed yet, from which on a lane waits for its database
FINISH_SECONDS = 0.5  # how often a release of bulk deliveries is looked at whether it is done
MOST_PAUSE = 1.0  # seconds between two tries while the database takes nothing: what waits is in doubt until then
STOP_SECONDS = 10.0  # how long a stop waits for a database that takes no writes


@dataclass(slots=True, eq=False)
class Entry:
    """A result on its way. `kept` is called when it is committed."""

    result: Result
    at_once: bool
    kept: Callable[[Result], None]
    done: asyncio.Future[None] | None = None


class Recorder:
    """Groups results and commits them. `unknown_seen` is set when something needs a look at the platform."""

    def __init__(self, store: DeliveryStore, events: Events, clock: Clock, worker: str) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._worker = worker
        self._waiting: list[Entry] = []
        self._due = asyncio.Event()
        self._at_once = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._open = 0  # outcomes handed in and not committed
        self._others_turn = False  # after a group of those that must be recorded at once
        self._ending: dict[str, None] = {}  # releases of bulk deliveries to look at
        self.unknown_seen = asyncio.Event()

    async def start(self) -> None:
        """Begin to write."""
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._finish())]

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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ending and not self._open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._finish_now()

    async def record(self, result: Result, *, at_once: bool, kept: Callable[[Result], None]) -> None:
        """Hand an outcome in. `at_once`: returns when it is committed; else at once, unless too many are open."""
        entry = Entry(result, at_once, kept)
        self._waiting.append(entry)
        self._open += 1
        self._due.set()
        if at_once:
            entry.done = asyncio.get_running_loop().create_future()
            self._at_once.set()
            await asyncio.shield(entry.done)
        elif self._open > MOST_OPEN:
            self._room.clear()
            await self._room.wait()

    async def _write(self) -> None:
        pause = 0.1
        while True:
            await self._due.wait()
            if not self._at_once.is_set() and len(self._waiting) < GROUP:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GROUP_SECONDS):
                        await self._at_once.wait()
            group = self._next()
            pause = 0.1 if not group or await self._commit(group) else min(pause * 2, MOST_PAUSE)
            if pause > 0.1:
                await asyncio.sleep(pause)

    def _next(self) -> list[Entry]:
        """Those that must be committed at once alone, then the oldest of the others: in turns, for where a commit takes
        long there is always one more that must be at once."""
        urgent = [entry for entry in self._waiting if entry.at_once] if self._at_once.is_set() else []
        others = [entry for entry in self._waiting if not (urgent and entry.at_once)]
        if urgent and not (others and self._others_turn):
            self._others_turn = True
            self._at_once.clear()
            self._waiting = others
            return urgent
        self._others_turn = False
        if not urgent:
            self._at_once.clear()
        group = others[:GROUP]
        self._waiting = urgent + others[GROUP:]
        if not self._waiting:
            self._due.clear()
        return group

    async def _commit(self, group: list[Entry]) -> bool:
        """Commit what can be; what cannot waits for another turn, behind the others. False where nothing could."""
        last = self._open == len(group)  # nothing else is on its way: what this group ends has ended
        finish = frozenset(entry.result.claimed.job.release_id for entry in group if last or entry.at_once)
        written, stuck = await self._record(group, finish)
        if len(written) < len(group):
            done, alone = set(map(id, written)), set(map(id, stuck))
            self._waiting += [entry for entry in group if id(entry) not in done | alone] + stuck
            self._due.set()
        self._open -= len(written)
        if self._open <= MOST_OPEN // 2:
            self._room.set()
        self._tell(written, finish)
        return bool(written)

    async def _record(self, group: list[Entry], finish: frozenset[str]) -> tuple[list[Entry], list[Entry]]:
        """Together; where that fails in halves, and halves of those, so that no outcome keeps another from being
        recorded. More failures in a row than it takes to find such an outcome: it is the database that takes nothing,
        and is not asked about each. What was written, and what failed by itself."""
        written: list[Entry] = []
        stuck: list[Entry] = []
        parts, failures = [group], 0
        while parts and failures <= len(group).bit_length() + 1:
            part = parts.pop()
            now = self._clock()
            results = [_in_step(entry.result, now) for entry in part]
            try:
                await self._store.record(results, self._worker, now, finish if part is group else None)
            except Exception:
                failures += 1
                if len(part) == 1:
                    stuck += part
                    log.exception("an outcome could not be recorded yet", delivery=results[0].claimed.job.delivery_id)
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                    if part is group:
                        log.exception("outcomes could not be recorded together; trying parts", outcomes=len(group))
            else:
                failures = 0
                written += part
        return written, stuck

    def _tell(self, written: list[Entry], finished: frozenset[str]) -> None:
        changed: dict[str, None] = {}
        for entry in written:
            result = entry.result
            if entry.done is not None and not entry.done.done():
                entry.done.set_result(None)
            entry.kept(result)
            if result.next.state is DeliveryState.UNKNOWN:
                self.unknown_seen.set()
            if result.next.state is DeliveryState.CASE:
                self._events.publish("case", str(result.claimed.job.delivery_id))
            changed[result.claimed.job.release_id] = None
            if result.next.state in FINAL and result.claimed.job.release_id not in finished:
                self._ending[result.claimed.job.release_id] = None
        for release_id in changed:
            self._events.publish("release", release_id)

    async def _finish(self) -> None:
        """Releases of bulk deliveries end a moment after their last one: asked twice a second, not at every group."""
        while True:
            await asyncio.sleep(FINISH_SECONDS)
            if self._ending:
                try:
                    await self._finish_now()
                except Exception:
                    log.exception("releases could not be looked at whether they are done; trying again")

    async def _finish_now(self) -> None:
        ending = list(self._ending)
        await self._store.finish(ending, self._clock())
        for release_id in ending:
            self._ending.pop(release_id, None)
            self._events.publish("release", release_id)


def _in_step(result: Result, now: datetime) -> Result:
    """The same; where the clock was set back since the attempt finished, the time of the next one follows it: nothing
    in the row would tell that it was reckoned by another clock."""
    due = result.next.due
    if due is None or result.finished <= now:
        return result
    return replace(result, next=replace(result.next, due=due - (result.finished - now)))
