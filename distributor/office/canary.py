"""A canary for each channel: do the credentials work, and for how many days yet?

May touch: the platforms (reads only, by the adapters' probes), alarms. A channel that is unwell is told once, and again
only after it was well; a token's end is told 14, 7, 3 and 1 days before.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from distributor.core.channel import Channel, Expiring, Health
from distributor.core.data import to_micros
from distributor.office.alarms import Alarms
from distributor.office.context import Context, Seat

log = structlog.get_logger(__name__)

PROBE_SECONDS = 30.0
AGAIN_SECONDS = 10.0  # a first failure may be the network's: it is asked once more
DAYS = (1, 3, 7, 14)


async def probe(channel: Channel) -> Health:
    """What the adapter finds; an adapter that does not answer, or fails, is unwell."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            return await channel.probe()
    except TimeoutError:
        return Health(False, problems=(f"no answer within {PROBE_SECONDS:.0f} seconds",))
    except Exception as error:
        return Health(False, problems=(f"the check failed: {type(error).__name__}",))


@dataclass(frozen=True, slots=True)
class End:
    """What of a channel's credentials ends first, and when."""

    at: datetime
    what: Expiring


def expiry(seat: Seat, health: Health) -> End | None:
    """The first end of the credentials: as the platform says, or as the settings say; None where neither knows one."""
    told = ((health.expires, health.expiring), (seat.token_expires, Expiring.TOKEN))
    return min((End(at, what) for at, what in told if at is not None), key=lambda end: end.at, default=None)


def with_expiry(health: Health, end: End | None, now: datetime) -> Health:
    """The same, not ok where the end has passed: what has expired will not publish, whatever was answered a moment
    ago."""
    if end is None or end.at > now:
        return health
    return replace(health, ok=False, problems=(f"the {end.what.value} has expired", *health.problems))


def days_left(end: datetime, now: datetime) -> int:
    """Whole days; 0 on the last one, less once it has ended."""
    return math.floor((end - now) / timedelta(days=1))


class Canary:
    """`look` again and again; it asks the platforms only when `every` has passed."""

    def __init__(self, context: Context, alarms: Alarms) -> None:
        self._context = context
        self._alarms = alarms
        self._looked: datetime | None = None
        self._unwell: set[str] = set()

    async def look(self, every: timedelta, again: float = AGAIN_SECONDS) -> None:
        """Probe every channel, side by side, when it is time."""
        now = self._context.clock()
        if self._looked is not None and abs(now - self._looked) < every:
            return
        self._looked = now
        await asyncio.gather(*(self._look_at(seat, again) for seat in self._context.seats.values()))

    async def _look_at(self, seat: Seat, again: float) -> None:
        health = await probe(seat.adapter)
        if not health.ok:
            await asyncio.sleep(again)
            health = await probe(seat.adapter)
        subject = f"channel:{seat.name}"
        if health.ok:
            self._unwell.discard(seat.name)
            await self._alarms.over("channel_unwell", subject)
        elif seat.name not in self._unwell:
            self._unwell.add(seat.name)
            await self._tell_unwell(seat, subject, "; ".join(health.problems) or "unwell")
        end = expiry(seat, health)
        if end is not None:
            await self._tell_days(seat, subject, end)

    async def _tell_unwell(self, seat: Seat, subject: str, problems: str) -> None:
        log.error("a channel is unwell", channel=seat.name, problems=problems)
        if any(alarm.subject == subject for alarm in await self._alarms.open("channel_unwell")):
            return  # told before a restart, and not answered
        key = f"unwell:{seat.name}:{to_micros(self._context.clock())}"
        await self._alarms.raise_alarm("channel_unwell", subject, key, {"channel": seat.name, "problems": problems})

    async def _tell_days(self, seat: Seat, subject: str, end: End) -> None:
        left = days_left(end.at, self._context.clock())
        step = next((days for days in DAYS if left <= days), None)
        if step is None:
            await self._alarms.over("token_expires", subject)  # it was renewed
            return
        key = f"expires:{seat.name}:{end.at.date().isoformat()}:{step}"
        params = {"channel": seat.name, "cause": end.what.value, "when": end.at.isoformat(), "days": max(left, 0)}
        await self._alarms.over("token_expires", subject, but=key)
        await self._alarms.raise_alarm("token_expires", subject, key, params)
