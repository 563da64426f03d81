"""What a delivery has achieved, kept in the database step by step (core.channel.Progress).

May touch: the delivery store. A fencing token that is no longer ours stops everything at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from distributor.core.ports import Claimed, Clock, DeliveryStore


class FenceLost(Exception):
    """Another claim holds the delivery now. Nothing more may be sent for this one."""


class KeptProgress:
    """Progress of one claim. `begun` is the irrevocable step that is under way, '' before any."""

    def __init__(self, store: DeliveryStore, claimed: Claimed, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.claimed = claimed
        self._kept = dict(claimed.progress)

    @property
    def begun(self) -> str:
        """The irrevocable step whose intent is committed."""
        return self.claimed.step

    def get(self, step: str) -> dict[str, Any] | None:
        """See Progress.get."""
        return self._kept.get(step)

    async def save(self, step: str, value: dict[str, Any]) -> None:
        """See Progress.save."""
        self._kept[step] = value
        if not await self._store.save(self.claimed, self._kept):
            raise FenceLost
        self.claimed = replace(self.claimed, progress=dict(self._kept))

    async def begin(self, step: str) -> None:
        """See Progress.begin."""
        now = self._clock()
        if not await self._store.begin(self.claimed, step, now):
            raise FenceLost
        job = self.claimed.job
        job = job if job.intended_at else replace(job, intended_at=now)
        self.claimed = replace(self.claimed, step=step, job=job)
