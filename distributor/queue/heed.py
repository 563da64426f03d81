"""What an answer means for the whole lane, in all workers: circuit, rests, pauses.

May touch: the queue (shared rests and circuits) and the delivery store (pauses).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from distributor.core.delivery import bounded
from distributor.core.outcome import Deferred, Outcome, Scope, Sent
from distributor.core.ports import Clock, DeliveryStore, Events, LaneState, Queue
from distributor.queue.lane import Lane, failed

log = structlog.get_logger(__name__)

HEALED_SECONDS = 1.0  # how often the others are told that the platform answers
FEW = 5  # calls left, as the platform says, from which on they are spread over the time left
SOON = 1200.0  # seconds: over a longer time nothing is spread, for an emergency would wait for hours
REST = 30.0  # seconds, where the platform asks to wait and does not say how long


class Heed:
    """Of one lane in one worker."""

    def __init__(
        self, lane: Lane, store: DeliveryStore, queue: Queue, events: Events, clock: Clock, worker: str
    ) -> None:
        self.lane = lane
        self._store = store
        self._queue = queue
        self._events = events
        self._clock = clock
        self._worker = worker
        self._healed = 0.0
        self._troubled = False

    def calm(self, outcome: Outcome) -> bool:
        """Take in what asks for nothing: one more success of a lane that is well. False: `heed` it. Nearly all answers
        of a list of mails are such, and a coroutine for each would cost more than what it does."""
        if not isinstance(outcome, Sent) or self._troubled or self.lane.channel.allowance() is not None:
            return False
        if asyncio.get_running_loop().time() - self._healed > HEALED_SECONDS:
            return False  # the others are told now and then
        self.lane.feel(False)
        return True

    async def heed(self, outcome: Outcome) -> None:
        """Take in one answer. Never raises for the sake of the database."""
        await self._feel(failed(outcome))
        await self._save()
        if isinstance(outcome, Deferred) and outcome.scope is Scope.LANE:
            await self._hold(outcome)

    async def _save(self) -> None:
        """Go gently with what the platform says is left, before it has to refuse."""
        left = self.lane.channel.allowance()
        if left is None or left.calls > FEW:
            return
        wait = (left.until - self._clock()).total_seconds()
        if left.calls <= 0 and wait > 0:
            await self._queue.rest(self.lane.name, wait)
        elif 0 < wait <= SOON:
            await self._queue.rest(self.lane.name, wait / (left.calls + 1))

    async def _feel(self, trouble: bool | None) -> None:
        """Feed the circuit and the lane's concurrency."""
        lane = self.lane
        if trouble is None:
            return
        lane.feel(trouble)
        if trouble:
            self._troubled = True
            rest = await self._queue.failed(lane.name)
            if rest:
                lane.rest_until = asyncio.get_running_loop().time() + rest
                log.warning("circuit open", lane=lane.name, seconds=rest)
            return
        now = asyncio.get_running_loop().time()
        if self._troubled or now - self._healed > HEALED_SECONDS:
            self._troubled, self._healed = False, now
            await self._queue.healed(lane.name)

    async def _hold(self, outcome: Deferred) -> None:
        """The platform asked the lane to wait, or refused its credentials: a pause, kept and told once."""
        lane, now = self.lane, self._clock()
        wait = bounded(outcome.retry_after)
        seconds = (REST if wait is None else max(wait, 1.0)) if outcome.throttled else None
        until = None if seconds is None else now + timedelta(seconds=seconds)
        state = LaneState(lane.name, True, until, outcome.code, outcome.reason)
        # The pause stands in this process before anything else can be claimed, then for all, then in the database.
        lane.hold(state, now)
        lane.pausing += 1
        try:
            if seconds is not None:
                await self._queue.rest(lane.name, seconds)
            news = await self._store.pause(state, f"worker:{self._worker}", now)
        except Exception:
            # The outcome must be recorded all the same; the next call is refused again and pauses again.
            log.exception("a lane's pause could not be kept", lane=lane.name, code=outcome.code)
            return
        finally:
            lane.pausing -= 1
            lane.pauses += 1
        if news and until is None:
            log.error("lane paused until somebody resumes it", lane=lane.name, code=outcome.code, reason=outcome.reason)
            self._events.publish("lane", lane.name)
