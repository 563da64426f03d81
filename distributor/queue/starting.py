"""When what is claimed may start: slots, the lane's quota, the destination's quota.

May touch: the queue (shared quotas) and the delivery store (to give back). What would have to wait longer than a moment
is given back: a waiting delivery holds no slot.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import islice

import structlog

from distributor.core.ports import Claimed, Clock, DeliveryStore, Grant, Queue
from distributor.queue.lane import AHEAD_SECONDS, Lane

log = structlog.get_logger(__name__)

ANY = 1000  # calls to ask for where the lane has no quota
MOMENT = 2 * AHEAD_SECONDS  # seconds that a claimed delivery may wait for its turn


class Gate:
    """Of one lane in one worker."""

    def __init__(self, lane: Lane, store: DeliveryStore, queue: Queue, clock: Clock) -> None:
        self._lane = lane
        self._store = store
        self._queue = queue
        self._clock = clock

    async def wait(self) -> float:
        """Seconds until the lane may start something, as far as quota, rests and circuit say. Spends nothing."""
        lane = self._lane
        grant = await self._queue.take(lane.name, lane.windows, 1)
        if grant.calls:
            await self._queue.refund(grant, grant.calls)
            return 0.0
        return grant.wait

    async def leave(self, free: int) -> tuple[list[Claimed], Grant]:
        """Those at the head of the buffer that may start now, taken out of it, at most `free`; and the grant that they
        start by. None of them where it has no calls: see its wait."""
        lane = self._lane
        head = list(islice(lane.buffer, max(free, 1)))
        if not lane.windows:
            grant = await self._queue.take(lane.name, (), ANY)
            return self._out(head[: grant.calls]), grant
        total = sum(claimed.calls for claimed in head)
        grant = await self._queue.take(lane.name, lane.windows, total, head[0].calls)
        going, spent = [], 0
        for claimed in head if grant.calls else ():
            if spent + claimed.calls > grant.calls:
                break
            spent += claimed.calls
            going.append(claimed)
        if grant.calls > spent:
            await self._queue.refund(grant, grant.calls - spent)
        return self._out(going), grant

    def _out(self, going: list[Claimed]) -> list[Claimed]:
        """Out of the buffer; those that were put back meanwhile (the worker stops) do not start."""
        here = {claimed.job.delivery_id for claimed in self._lane.buffer}
        found = [claimed for claimed in going if claimed.job.delivery_id in here]
        for claimed in found:
            self._lane.buffer.remove(claimed)
        return found

    async def destination(self, claimed: Claimed) -> Grant | None:
        """Leave by the destination's own quota, after a moment at most. None where it is further away: the claim was
        given back until then, and the destination rests."""
        lane, where = self._lane, claimed.job.destination
        while True:
            leave = await self._queue.take(
                lane.name, lane.destination_windows, claimed.calls, claimed.calls, part=str(where.id)
            )
            if leave.calls:
                return leave
            if leave.wait > MOMENT:
                break
            await asyncio.sleep(leave.wait)
        lane.resting[where.id] = asyncio.get_running_loop().time() + leave.wait - AHEAD_SECONDS
        due = self._clock() + timedelta(seconds=leave.wait - AHEAD_SECONDS)
        try:
            await self._store.give_back([claimed], self._clock(), due)
        except Exception:
            # Nothing of it was sent: what stands as ours and is not under way is given back before the next claim.
            lane.in_doubt = True
            log.exception("a claim could not be given back yet", delivery=claimed.job.delivery_id)
        return None
