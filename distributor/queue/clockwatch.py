"""The watch over the clock of this machine: no embargo ends by a clock that leapt (fault 19).

May touch: the delivery store. Before every claim the wall's clock is compared with the loop's steady one, and now and
then with the database server's. Where it is doubted every embargo is closed, and that is committed, before anything is
claimed; where that cannot be committed nothing is claimed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from distributor.core.clock import AHEAD, ClockDoubt, ClockSigns, Uptime, at_start, differs
from distributor.core.ports import EMBARGO, Clock, DeliveryStore, Events

log = structlog.get_logger(__name__)

ANCHORED = (
    3600.0  # seconds for which two readings are compared with the same first one: what a slow drift may add up in
)
ASK_SERVER = 60.0  # seconds between two looks at the database server's clock


class ClockWatch:
    """Of one worker. `begin` once, `look` at each turn, `now` before each claim."""

    def __init__(
        self, store: DeliveryStore, events: Events, clock: Clock, worker: str, uptime: Callable[[], Uptime | None]
    ) -> None:
        self._store = store
        self._events = events
        self._clock = clock
        self._worker = worker
        self._uptime = uptime
        self._anchor: tuple[float, datetime] | None = None
        self._asked = 0.0
        self._told: ClockDoubt | None = None  # the difference from the server that was told last

    async def begin(self) -> None:
        """Before anything else of a worker: a leap since the last sign, and what ended while nobody watched."""
        now, up = self._clock(), self._uptime()
        self._anchor, self._asked = (_steady(), now), _steady()
        found = at_start(now, await self._store.clock_signs(up.boot if up else ""), up)
        if found:
            await self._doubt(found, now)
            self._told = found

    async def beat(self) -> None:
        """A sign of life, by which a later start sees what the clock did meanwhile. Never by a clock whose leap is not
        kept as a doubt: who starts after us would take it for right."""
        await self._store.beat(self._worker, await self.now(), self._uptime())

    async def now(self) -> datetime:
        """The present, compared. Raises where a doubt cannot be kept: then nothing may be claimed by it."""
        steady, now = _steady(), self._clock()
        if self._anchor is None:
            self._anchor = steady, now
        ahead = (now - self._anchor[1]) - timedelta(seconds=steady - self._anchor[0])
        if ahead > AHEAD:
            await self._doubt(ClockDoubt("jumped", ahead), now)
        if abs(ahead) > AHEAD or steady - self._anchor[0] > ANCHORED:
            self._anchor = steady, now
        return now

    async def look(self) -> None:
        """At each turn of the relay."""
        await self.now()
        if _steady() - self._asked < ASK_SERVER:
            return
        self._asked = _steady()
        server = await self._store.server_time()
        found = differs(self._clock(), ClockSigns(server=server))
        if found and self._told is None:
            await self._doubt(found, self._clock())
        self._told = found  # the same difference is told once, also where a person has said that it may open

    async def _doubt(self, found: ClockDoubt, now: datetime) -> None:
        if await self._store.doubt_clock(found, self._worker, now):
            log.error("the clock is doubted; no embargo ends until somebody has looked", reason=found.reason)
            self._events.publish("lane", EMBARGO)
            self._events.publish("alarm", "clock")


def _steady() -> float:
    return asyncio.get_running_loop().time()
