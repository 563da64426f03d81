"""The relay: brings lost claims back, ends what waits past its deadline, and hears of pauses and resumes of other
processes.

May touch: the delivery store. With it, every wake-up that was lost costs at most one poll: this is why the queue may
be emptied at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from distributor.core.ports import EVERY, Clock, DeliveryStore, LaneState
from distributor.queue.clockwatch import ClockWatch
from distributor.queue.lane import Lane
from distributor.queue.pause import sleep_or

log = structlog.get_logger(__name__)

SET_BACK = 5.0  # seconds by which the wall's clock lags behind, or is ahead; less is the work of whoever keeps it right
WARY = 60.0  # seconds after that


class Relay:
    """One turn after another: recover, refresh, expire, wait for a poll (seconds) or for `stir`.

    `patience` in seconds is a lease: so long nothing is taken for lost, nor for late, after the clock was set ahead,
    for by it every lease has run out at once; whoever lives renews his in that time.
    """

    def __init__(
        self,
        store: DeliveryStore,
        lanes: Mapping[str, Lane],
        clock: Clock,
        poll: float,
        watch: ClockWatch,
        *,
        worker: str,
        patience: float,
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._clock = clock
        self._poll = poll
        self._stirred = asyncio.Event()
        self._seen: tuple[float, float] | None = None  # the loop's time and the wall's, at the last turn
        self._wary_until = 0.0
        self._patient_until = 0.0
        self._watch = watch
        self._worker = worker
        self._patience = patience

    def stir(self) -> None:
        """Something about lanes changed: look now."""
        self._stirred.set()

    async def turn(self) -> None:
        """One look at the database."""
        self._stirred.clear()
        await self._watch.look()
        set_back = self._compare()
        patient = _steady() < self._patient_until
        if patient:
            recovered = 0
        else:
            recovered = await self._store.recover(self._clock(), set_back=set_back)
        if recovered:
            log.warning("claims of a lost worker came back", deliveries=recovered)
            for lane in self._lanes.values():
                lane.stir()
            self._stirred.set()  # some hundred at a time: there may be more
        await self._refresh_pauses()
        if not patient:
            await self._expire()
        await sleep_or(self._stirred, self._poll)

    async def _expire(self) -> None:
        """Beside the claims, which meet nothing in a lane that is paused or rests: a person is asked in time."""
        live = frozenset(name for name, lane in self._lanes.items() if lane.live)
        if expired := await self._store.expire(self._clock(), self._worker, live):
            log.warning("deliveries that waited past their deadline were ended", deliveries=expired)
            self._stirred.set()  # some hundred at a time: there may be more

    def _compare(self) -> bool:
        """True where our own clock was set back not long ago. What somebody writes by the time that he read before may
        still come, when nothing else in the database tells of that any more."""
        loop, wall = _steady(), self._clock().timestamp()
        lag = 0.0 if self._seen is None else (loop - self._seen[0]) - (wall - self._seen[1])
        if lag > SET_BACK:
            self._wary_until = loop + WARY
        elif -lag > SET_BACK:
            self._patient_until = loop + self._patience
        self._seen = loop, wall
        return loop < self._wary_until

    async def _refresh_pauses(self) -> None:
        before = {name: lane.pauses for name, lane in self._lanes.items()}
        kept = await self._store.lanes()
        whole = kept.get(EVERY, LaneState(EVERY))
        for name, lane in self._lanes.items():
            if lane.pausing or lane.pauses != before[name]:
                continue  # what was read is older than a pause of ours
            state = replace(whole, name=name) if whole.paused else kept.get(name, LaneState(name))
            if state != lane.state:
                lane.state = state
                lane.stir()


def _steady() -> float:
    return asyncio.get_running_loop().time()
