"""Looking for unknown deliveries: found, absent, or a case for a person.

May touch: the delivery store and adapters' `reconcile`, which only reads. Never sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from distributor.core.delivery import after_finding
from distributor.core.outcome import DOUBT, Absent, CannotTell, Finding, LookAgain
from distributor.core.policy import RetryPolicy
from distributor.core.ports import Claimed, Clock, DeliveryStore, Result
from distributor.queue.attempt import plain
from distributor.queue.lane import Lane
from distributor.queue.pause import sleep_or
from distributor.queue.progress import KeptProgress
from distributor.queue.recorder import Recorder

log = structlog.get_logger(__name__)

MOST = 10  # looks under way at once
SECONDS = 120.0  # for one look: a platform that hangs must not keep the others from being looked at


class Looks:
    """`turn` again and again; `stop` at the end."""

    def __init__(
        self,
        store: DeliveryStore,
        lanes: Mapping[str, Lane],
        recorder: Recorder,
        clock: Clock,
        *,
        worker: str,
        lease: float,
        poll: float,
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._recorder = recorder
        self._clock = clock
        self._worker = worker
        self._lease = lease
        self._poll = poll
        self._running: dict[int, tuple[Claimed, asyncio.Task[None]]] = {}

    async def turn(self) -> None:
        """Start to look for what is due for it."""
        room = MOST - len(self._running)
        found = await self._store.unknown(self._clock(), self._worker, self._lease, room) if room > 0 else ()
        for claimed in found:
            task = asyncio.create_task(self._look(claimed))
            self._running[claimed.job.delivery_id] = (claimed, task)
        if room > 0 and len(found) == room:
            return  # there may be more
        now = self._clock()
        following = await self._store.next_look(now)
        wait = self._poll if following is None else min(self._poll, max((following - now).total_seconds(), 0.001))
        await sleep_or(self._recorder.unknown_seen, wait)
        self._recorder.unknown_seen.clear()

    def under_way(self) -> list[Claimed]:
        """Whose leases must be kept."""
        return [claimed for claimed, _ in self._running.values()]

    async def stop(self) -> None:
        """A look that is cut short is taken again by whoever comes next."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, claimed: Claimed) -> None:
        """One look, and its recorded finding."""
        try:
            lane = self._lanes.get(claimed.job.destination.channel)
            started = self._clock()
            gone: Finding = CannotTell("its channel is no longer in the settings: look there whether it is there")
            finding = plain(await self._find(lane, claimed)) if lane else gone
            policy = lane.policy if lane else RetryPolicy()
            made = claimed.attempts
            following = after_finding(finding, looks=claimed.looks, now=self._clock(), policy=policy, attempts=made)
            result = Result(claimed, finding, following, started, self._clock(), looked=True)
            await self._recorder.record(result, at_once=True, kept=_stirring(lane))
        except Exception:
            log.exception("a look could not be told; it is taken again", delivery=claimed.job.delivery_id)
        finally:
            self._running.pop(claimed.job.delivery_id, None)
            self._recorder.unknown_seen.set()

    async def _find(self, lane: Lane, claimed: Claimed) -> Finding:
        try:
            async with asyncio.timeout(SECONDS):
                progress = KeptProgress(self._store, claimed, self._clock)
                found = await lane.channel.reconcile(claimed.job, progress)
                if isinstance(found, Absent) and lane.channel.traits.repeatable and progress.get(DOUBT) is None:
                    # It goes again, whether it was there or not: 'absent' proves nothing here.
                    await progress.save(DOUBT, {"code": "unknown"})
                return found
        except Exception as error:
            log.exception("looking for an unknown delivery failed", delivery=claimed.job.delivery_id)
            return LookAgain(f"looking failed: {type(error).__name__}")


def _stirring(lane: Lane | None) -> Callable[[Result], None]:
    """What was found absent goes again at once."""

    def kept(_result: Result) -> None:
        if lane is not None:
            lane.stir()

    return kept
