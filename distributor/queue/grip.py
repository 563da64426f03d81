"""How sure this process is that its claims are still its own, and may still leave.

Pure but for two clocks. A process may be stopped for longer than its lease at any moment, also between a committed
intent and the first byte (SIGSTOP, a machine put to sleep); others then look, find nothing, and send. Or a claim waits
for minutes behind calls that hang, and its release is withdrawn meanwhile. So right before a byte leaves, the age of
the last answer about the claim is looked at, and an old one is asked for again. Renewing a lease asks nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from distributor.core.ports import Claimed, Clock

SURE = 0.5  # of a lease: within it nobody else can have taken the claim, and the call has time to leave


@dataclass(frozen=True, slots=True)
class Moment:
    """A time by both clocks: the loop's may stand still while the machine sleeps, the wall's may be set."""

    loop: float
    wall: datetime


class Grip:
    """When each claim of this process was last surely its own and free to leave. `lease` in seconds."""

    def __init__(self, lease: float, clock: Clock) -> None:
        self._sure = lease * SURE
        self._sure_wall = timedelta(seconds=self._sure)
        self._clock = clock
        # By delivery and fencing token: an old claim of this same process is not the new one.
        self._asked: dict[tuple[int, int], Moment] = {}

    def now(self) -> Moment:
        """Taken before the database is asked: the lease counts from then at the earliest."""
        return Moment(asyncio.get_running_loop().time(), self._clock())

    def keep(self, claims: Iterable[Claimed], asked: Moment) -> None:
        """These were claimed or begun by a statement that was given at that moment."""
        self._asked.update(((claimed.job.delivery_id, claimed.fence), asked) for claimed in claims)

    def drop(self, claimed: Claimed) -> None:
        """This one is no longer ours to keep."""
        self._asked.pop((claimed.job.delivery_id, claimed.fence), None)

    def holds(self, claimed: Claimed) -> bool:
        """True while it is surely ours, and what rule 7 asks was asked a moment ago."""
        asked = self._asked.get((claimed.job.delivery_id, claimed.fence))
        if asked is None:
            return False
        passed = asyncio.get_running_loop().time() - asked.loop
        return passed < self._sure and abs(self._clock() - asked.wall) < self._sure_wall
