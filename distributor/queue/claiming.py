"""A lane's claims in one worker: the intents of a batch, committed, and what became of them where the answer was lost.

May touch: the delivery store.
"""

from __future__ import annotations

import asyncio

import structlog

from distributor.core.ports import Batch, Clock, DeliveryStore, Wish
from distributor.queue.clockwatch import ClockWatch
from distributor.queue.grip import Grip
from distributor.queue.lane import Lane

log = structlog.get_logger(__name__)


class Claimer:
    """Of one lane. `lease` in seconds."""

    def __init__(
        self,
        lane: Lane,
        store: DeliveryStore,
        clock: Clock,
        grip: Grip,
        *,
        worker: str,
        lease: float,
        watch: ClockWatch,
    ) -> None:
        self.lane = lane
        self._store = store
        self._clock = clock
        self._watch = watch
        self._grip = grip
        self._worker = worker
        self._lease = lease
        self._claiming: asyncio.Task[Batch] | None = None

    async def claim(self, wanted: int, below: int | None = None) -> Batch:
        """Claim so many, as far as there are some that may go; `below`: only what is more urgent than that."""
        await self._clear_doubt()
        lane, now = self.lane, asyncio.get_running_loop().time()
        lane.resting = {number: until for number, until in lane.resting.items() if until > now}
        resting = frozenset({*lane.resting, *lane.busy})
        wish = Wish(lane.name, wanted, below, lane.live, resting, single=bool(lane.destination_windows))
        present = await self._watch.now()
        asked = self._grip.now()
        self._claiming = asyncio.create_task(self._store.claim(wish, self._worker, present, self._lease))
        try:
            # A stop must not tear a claim from its deliveries: intents would stand that nobody carries out.
            batch = await asyncio.shield(self._claiming)
        except asyncio.CancelledError:
            lane.put((await self._claiming).claimed)
            raise
        except Exception:
            lane.in_doubt = True
            raise
        self._grip.keep(batch.claimed, asked)
        return batch

    async def _clear_doubt(self) -> None:
        """After a claim whose answer was lost (the database went away in mid-commit): read what became of it."""
        if not self.lane.in_doubt:
            return
        ours = [*self.lane.running, *self.lane.untold]
        count = await self._store.disown(self._worker, self.lane.name, ours, self._clock())
        self.lane.in_doubt = False
        if count:
            log.warning("claims whose answer was lost were given back", lane=self.lane.name, deliveries=count)
