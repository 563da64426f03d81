"""One lane: a channel's queue with its concurrency, rates, pause and circuit.

State in this process only; what must survive (a pause) is kept in the database by the worker.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from distributor.core.channel import Channel
from distributor.core.outcome import Deferred, Finding, Outcome, Unknown
from distributor.core.policy import RetryPolicy
from distributor.core.ports import Claimed, LaneState
from distributor.queue.limits import Rates

CIRCUIT_OPENS_AFTER = 5  # failures of the platform in a row
# What adapters call a platform that was not reached, or that answered with a server error or with nonsense.
_FAILURES = frozenset({"connection", "server", "no_answer", "odd_answer", "unreadable", "no_id", "relay_busy"})
_ANSWERS = frozenset({"stopped", "internal", "taken_over", "duplicate"})  # unknown, but not for the platform's failure


@dataclass(slots=True)
class Lane:
    """A configured channel as the worker sees it. `batch` deliveries at most are claimed at once."""

    name: str
    channel: Channel
    rates: Rates
    concurrency: int = 2
    batch: int = 1
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    state: LaneState = field(default_factory=lambda: LaneState(""))
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    running: dict[int, Claimed] = field(default_factory=dict)
    failures: int = 0
    rest_until: float = 0.0  # monotonic; while the circuit is open
    pausing: int = 0  # pauses on their way into the database, which does not know of them yet
    pauses: int = 0  # pauses that reached it

    def paused(self, now: datetime) -> bool:
        """True while a pause that the database keeps stands."""
        return self.state.paused and (self.state.until is None or now < self.state.until)

    def hold(self, state: LaneState, now: datetime) -> None:
        """Pause at once in this process. A longer pause that stands is not shortened."""
        stands = self.state.until if self.paused(now) else now
        if stands is not None and (state.until is None or state.until > stands):
            self.state = state

    def slots(self) -> int:
        """How many deliveries may start: one at a time while the circuit is open, so that a probe and no storm goes."""
        most = 1 if self.failures >= CIRCUIT_OPENS_AFTER else self.concurrency
        return max(most - len(self.running), 0)

    def saw(self, outcome: Outcome | Finding, monotonic: float) -> None:
        """Feed the circuit: failures of the platform open it, any real answer closes it."""
        if isinstance(outcome, Deferred) and outcome.code in {"storage", "internal"}:
            return  # ours, it says nothing of the platform
        failed = (isinstance(outcome, Unknown) and outcome.code not in _ANSWERS) or (
            isinstance(outcome, Deferred) and not outcome.throttled and outcome.code in _FAILURES
        )
        if not failed:
            self.failures, self.rest_until = 0, 0.0
            return
        self.failures += 1
        if self.failures >= CIRCUIT_OPENS_AFTER:
            beyond = self.failures - CIRCUIT_OPENS_AFTER
            self.rest_until = monotonic + min(5.0 * 2.0 ** min(beyond, 8), 300.0)


def calls_of(claimed: Claimed, media_count: bool) -> int:
    """What a delivery costs of its lane's rate: one call a part; where the platform counts them, one for each item."""
    parts = claimed.job.rendering.parts
    return sum(max(len(part.media) if media_count else 1, 1) for part in parts) or 1
