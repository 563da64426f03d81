"""When the clock is doubted: it jumped ahead, was not watched for a while, or differs from another one.

Pure. An embargo ends by the wall's clock, so a clock that is wrong would open it early (fault 19). Whether a clock
that leapt is right now, or was right before, no program can tell: a person is asked, and no embargo ends until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

AHEAD = timedelta(seconds=60)  # less is the work of whoever keeps the clock right
AWAY = timedelta(minutes=5)  # without a worker's sign of life, after which nobody has watched the clock

CODE = "clock"
"""The code with which `core.ports.EMBARGO` stands paused while the clock is doubted."""


@dataclass(frozen=True, slots=True)
class ClockDoubt:
    """Why: 'jumped' (against the steady clock), 'away' (an embargo ended while nobody watched), 'differs' (from the
    database server's), and by how much."""

    cause: str
    by: timedelta

    @property
    def reason(self) -> str:
        """For the log and the lane; people read the sentence of the alarm."""
        told = {
            "jumped": "the clock jumped ahead",
            "away": "an embargo ended while no worker watched the clock",
            "differs": "the clock differs from the database server's",
        }
        return f"{told[self.cause]}: {self.by.total_seconds():.0f} s"


@dataclass(frozen=True, slots=True)
class Uptime:
    """How long a machine has been up, asleep or not: `since` its start, which `boot` names. Nobody sets this clock."""

    boot: str
    since: timedelta


@dataclass(frozen=True, slots=True)
class Sign:
    """A worker's sign of life: `at` by the wall's clock, and the machine's uptime at that moment."""

    at: datetime
    up: Uptime


@dataclass(frozen=True, slots=True)
class ClockSigns:
    """What else tells the time. `last`: the newest sign of life of any worker; `server`: the database server's clock,
    where it has one; `embargoes`: those of approved releases that are not distributed yet; `here`: the newest sign
    since this very machine was started."""

    last: datetime | None = None
    server: datetime | None = None
    embargoes: Sequence[datetime] = ()
    here: Sign | None = None


def differs(now: datetime, signs: ClockSigns) -> ClockDoubt | None:
    """Compare with the server's clock."""
    if signs.server is not None and abs(now - signs.server) > AHEAD:
        return ClockDoubt("differs", abs(now - signs.server))
    return None


def at_start(now: datetime, signs: ClockSigns, up: Uptime | None = None) -> ClockDoubt | None:
    """Where a worker gave a sign since this machine was started, its uptime tells exactly how much time has passed
    since. Else nobody has compared this clock with anything since the last sign: what ended in that time is doubted,
    unless that is a restart's length."""
    last, here = signs.last, signs.here
    if up and here and here.up.boot == up.boot and here.up.since <= up.since:
        ahead = (now - here.at) - (up.since - here.up.since)
        return ClockDoubt("jumped", ahead) if ahead > AHEAD else differs(now, signs)
    if last is not None and now - last > AWAY and any(last < embargo <= now for embargo in signs.embargoes):
        return ClockDoubt("away", now - last)
    return differs(now, signs)
