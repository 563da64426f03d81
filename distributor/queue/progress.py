"""What a delivery has achieved, kept in the database step by step (core.channel.Progress).

May touch: the delivery store. A fencing token that is no longer ours stops everything that has not left yet; what has
left is still reported, as a late result.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from distributor.core.channel import Action
from distributor.core.ports import Claimed, Clock, DeliveryStore
from distributor.queue.grip import Grip

log = structlog.get_logger(__name__)


class FenceLost(Exception):
    """Another claim holds the delivery now, or it may no longer leave. Nothing more may be sent for this one."""


class NotKept(Exception):
    """The database took no write, so the step it would have told of must not be taken."""


class KeptProgress:
    """Progress of one claim. `begun` is the irrevocable step that is under way, '' before any."""

    def __init__(self, store: DeliveryStore, claimed: Claimed, clock: Clock, grip: Grip | None = None) -> None:
        self._store = store
        self._clock = clock
        self._grip = grip  # None for a look, which sends nothing
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
        if not await self._keep() and not self.begun:
            raise FenceLost
        self.claimed = replace(self.claimed, progress=dict(self._kept))
        if self.begun and self.claimed.job.action is not Action.PUBLISH:
            await self._go_on()

    async def _go_on(self) -> None:
        """What follows a publication makes several changes under one intent, each kept before the next: who was stopped
        in between asks again, or an old change would come after whatever another made of it meanwhile."""
        if self._grip is not None and not self._grip.holds(self.claimed):
            await self.begin(self.begun)

    def note(self, step: str, value: dict[str, Any]) -> None:
        """See Progress.note."""
        self._kept[step] = value

    async def begin(self, step: str) -> None:
        """See Progress.begin. An answer that came late (we may have been stopped meanwhile) is asked for again."""
        while True:
            asked, now = self._grip.now() if self._grip else None, self._clock()
            await self._ask(step, now)
            if self._grip is None or asked is None:
                break
            self._grip.keep((self.claimed,), asked)
            if self._grip.holds(self.claimed):
                break
        job = self.claimed.job
        job = job if job.intended_at else replace(job, intended_at=now)
        self.claimed = replace(self.claimed, step=step, job=job)

    async def hold(self) -> None:
        """Right before the publishing call: make sure that the claim is still ours, and that its release may still
        leave. Raises FenceLost."""
        if self._grip is not None and not self._grip.holds(self.claimed):
            log.warning(
                "a claim grew old before it was used; asking for it again", delivery=self.claimed.job.delivery_id
            )
            # Nothing of this attempt has left, so it is asked as for the first time.
            self.claimed = replace(self.claimed, step="")
            await self.begin("publish")

    async def _ask(self, step: str, now: datetime) -> None:
        try:
            ours = await self._store.begin(self.claimed, step, now)
        except Exception as error:
            log.exception("an intent could not be committed; nothing is sent", delivery=self.claimed.job.delivery_id)
            raise NotKept(type(error).__name__) from error
        if not ours:
            raise FenceLost

    async def _keep(self) -> bool:
        """Commit what is known. After something left, it is tried for as long as the process lives: forgetting it
        would ask a person about what we saw."""
        pause = 0.1
        while True:
            try:
                return await self._store.save(self.claimed, self._kept)
            except Exception as error:
                log.exception("progress could not be kept", delivery=self.claimed.job.delivery_id, begun=self.begun)
                if not self.begun:
                    raise NotKept(type(error).__name__) from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
