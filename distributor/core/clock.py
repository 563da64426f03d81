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
class ClockSigns:
    """What else tells the time. `last`: the newest sign of life of any worker; `server`: the database server's clock,
    where it has one; `embargoes`: those of approved releases that are not distributed yet."""

    last: datetime | None = None
    server: datetime | None = None
    embargoes: Sequence[datetime] = ()


def differs(now: datetime, signs: ClockSigns) -> ClockDoubt | None:
    """Compare with the server's clock."""
    if signs.server is not None and abs(now - signs.server) > AHEAD:
        return ClockDoubt("differs", abs(now - signs.server))
    return None


def at_start(now: datetime, signs: ClockSigns) -> ClockDoubt | None:
    """Nobody has compared this clock with anything since the last sign: what ended in that time is doubted."""
    last = signs.last
    if last is not None and now - last > AWAY and any(last < embargo <= now for embargo in signs.embargoes):
        return ClockDoubt("away", now - last)
    return differs(now, signs)
