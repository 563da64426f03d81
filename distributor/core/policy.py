"""How long to wait, and how often to try.

Pure but for the jitter. The waits are tenacity's strategies; they are asked, never slept in: a waiting delivery
holds no slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from tenacity import RetryCallState, wait_chain, wait_exponential, wait_fixed, wait_random
from tenacity.wait import wait_base


class _Count:
    """What tenacity's wait strategies read of a call: how many attempts were made."""

    def __init__(self, attempts: int) -> None:
        self.attempt_number = attempts


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter, up to the delivery's deadline.

    `most_attempts` bounds tries that the platform answered or that never reached it; `most_looks` bounds looks
    for an unknown delivery before a person is asked.
    """

    wait: wait_base = field(default_factory=lambda: wait_exponential(multiplier=2, max=900) + wait_random(0, 2))
    most_attempts: int = 100
    most_looks: int = 5

    @classmethod
    def scheduled(cls, waits: Sequence[float]) -> RetryPolicy:
        """A first attempt, and one after each of these waits (seconds, a tenth more by chance); then it is given up.
        The usual policy where there are none."""
        if not waits:
            return cls()
        return cls(wait_chain(*(wait_fixed(wait) + wait_random(0, wait / 10) for wait in waits)), len(waits) + 1)

    def due(self, now: datetime, attempts: int, retry_after: float | None = None) -> datetime:
        """When to try next after so many attempts. A wait that the platform named is kept exactly."""
        if retry_after is not None:
            return now + timedelta(seconds=max(retry_after, 0.0))
        state = cast(RetryCallState, _Count(max(attempts, 1)))
        return now + timedelta(seconds=float(self.wait(state)))
