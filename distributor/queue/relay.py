"""The relay: offers again whatever is due in the database, and brings lost claims back.

May touch: the delivery store and the queue. This is why the queue may be emptied at any moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog

from distributor.core.ports import Clock, DeliveryStore, LaneState, Queue
from distributor.queue.lane import Lane

log = structlog.get_logger(__name__)

OFFERED = 500  # hints kept for one lane


class Relay:
    """One turn after another: recover, offer, wait. `poll` in seconds bounds how long a missed wake-up can cost."""

    def __init__(
        self, store: DeliveryStore, queue: Queue, lanes: Mapping[str, Lane], clock: Clock, poll: float
    ) -> None:
        self._store = store
        self._queue = queue
        self._lanes = lanes
        self._clock = clock
        self._poll = poll
        self._stirs: set[asyncio.Task[None]] = set()
        self._tidied = float("-inf")

    def stir(self) -> None:
        """Look again soon: a delivery ended, or a lane ran out of hints."""
        task = asyncio.get_running_loop().create_task(self._queue.wake())
        self._stirs.add(task)
        task.add_done_callback(self._stirs.discard)

    async def turn(self) -> None:
        """One look at the database."""
        now = self._clock()
        # Lost claims and pauses of other processes are looked for once in a poll, not at every wake-up: a wake-up
        # means that something is due, and what is due should leave first.
        if time.monotonic() - self._tidied >= self._poll:
            recovered = await self._store.recover(now)
            if recovered:
                log.warning("claims of a lost worker came back", deliveries=recovered)
            await self._refresh_pauses()
            self._tidied = time.monotonic()
        open_lanes = [name for name, lane in self._lanes.items() if not lane.paused(now)]
        for ticket in await self._store.due(open_lanes, now, OFFERED):
            if ticket.delivery_id not in self._lanes[ticket.lane].running:
                await self._queue.offer([ticket])
                self._lanes[ticket.lane].stirred.set()
        following = await self._store.next_due(now)
        wait = self._poll
        if following is not None:
            wait = min(wait, max((following - self._clock()).total_seconds(), 0.005))
        await self._queue.wait(wait)

    async def _refresh_pauses(self) -> None:
        before = {name: lane.pauses for name, lane in self._lanes.items()}
        kept = await self._store.lanes()
        for name, lane in self._lanes.items():
            if lane.pausing or lane.pauses != before[name]:
                continue  # what was read is older than a pause of ours
            state = kept.get(name, LaneState(name))
            if state != lane.state:
                lane.state = state
                lane.stirred.set()
