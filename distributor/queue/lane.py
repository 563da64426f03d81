"""One lane: a channel's queue with its concurrency, quotas, pause, and what this worker has of it.

State in this process only; what must survive (a pause) is kept in the database by the worker, what all workers share
(quotas, rests, the circuit) by the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from distributor.core.asset import Media
from distributor.core.channel import Channel
from distributor.core.delivery import Priority
from distributor.core.outcome import Deferred, Finding, Outcome, Unknown
from distributor.core.policy import RetryPolicy
from distributor.core.ports import Claimed, LaneState, Window

AHEAD_SECONDS = 0.06  # so much of a bulk lane's work is claimed before it is needed: a crash leaves no more in doubt
MOST_AHEAD = 1500
BEYOND = 4  # emergencies beyond the concurrency
# What adapters call a platform that was not reached, or that answered with a server error or with nonsense.
_FAILURES = frozenset({"connection", "server", "no_answer", "odd_answer", "unreadable", "no_id", "relay_busy"})
_ANSWERS = frozenset({"stopped", "internal", "taken_over", "duplicate"})  # unknown, but not for the platform's failure


@dataclass(slots=True)
class Lane:
    """A configured channel as the worker sees it.

    `windows` are the channel's quotas, `destination_windows` those of each single destination; both are shared by all
    workers. `concurrency` deliveries at most are under way at once in this process. `live`: it reaches the public.
    """

    name: str
    channel: Channel
    windows: Sequence[Window] = ()
    destination_windows: Sequence[Window] = ()
    concurrency: int = 2
    live: bool = False
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    media: Media | None = None  # where the files of renderings lie; without it no rendering has any
    state: LaneState = field(default_factory=lambda: LaneState(""))
    stirred: asyncio.Event = field(default_factory=asyncio.Event)  # look whether something can be claimed
    filled: asyncio.Event = field(default_factory=asyncio.Event)  # look whether something can be started
    running: dict[int, Claimed] = field(default_factory=dict)  # claimed, and their outcome not recorded yet
    untold: dict[int, None] = field(default_factory=dict)  # of which the end could not be told: left to their leases
    buffer: deque[Claimed] = field(default_factory=deque)  # claimed, and not begun yet
    resting: dict[int, float] = field(default_factory=dict)  # destination → until when it takes nothing (loop's time)
    at_work: int = 0  # begun, and not ended yet
    busy: dict[int, None] = field(default_factory=dict)  # destinations with a delivery at work
    rest_until: float = 0.0  # loop's time, as last heard: the circuit is open, or the platform asked to wait
    woken: bool = False  # something new was committed: it may be more urgent than what was claimed ahead
    pausing: int = 0  # pauses on their way into the database, which does not know of them yet
    pauses: int = 0  # pauses that reached it
    in_doubt: bool = False  # a claim's answer was lost: what it claimed is given back before the next
    window: float = 0.0  # how many may be under way at once now; grows with answers, shrinks with failures
    rate: float = 0.0  # deliveries a second, lately
    ended: int = 0  # since the rate was measured

    def paused(self, now: datetime) -> bool:
        """True while a pause that the database keeps stands."""
        return self.state.paused and (self.state.until is None or now < self.state.until)

    def hold(self, state: LaneState, now: datetime) -> None:
        """Pause at once in this process. A longer pause that stands is not shortened."""
        stands = self.state.until if self.paused(now) else now
        if stands is not None and (state.until is None or state.until > stands):
            self.state = state

    @property
    def most(self) -> int:
        """How many may be under way at once now."""
        return max(1, min(self.concurrency, int(self.window or self.concurrency)))

    @property
    def bounded(self) -> bool:
        """True where a quota says when the next delivery may start."""
        return bool(self.windows)

    def wants(self) -> int:
        """How many deliveries to claim now.

        A public post is claimed when it can start at once. A bulk lane claims a little ahead of its rate, in halves, so
        that its database never keeps it waiting; and so does every lane with a quota, or each window would grow by the
        time of a claim.
        """
        held = self.at_work + len(self.buffer)
        if self.bounded:
            quota = min(window.count / window.seconds for window in self.windows)
            ahead = min(max(int(quota * AHEAD_SECONDS), 1), MOST_AHEAD)
            wanted = min(ahead - len(self.buffer), self.most + ahead - held)
            return max(wanted, 0)
        if not self.channel.traits.bulk:
            return 1 if self.most > held else 0
        whole = self.most + min(int(self.rate * AHEAD_SECONDS), MOST_AHEAD)
        wanted = whole - held
        return wanted if wanted * 2 >= whole or (wanted > 0 and not self.buffer) else 0

    def free(self) -> int:
        """How many deliveries may start now. An emergency does not wait for slow calls to end: a few go beyond."""
        slots = self.most - self.at_work
        if self.buffer and self.buffer[0].priority < Priority.URGENT and self.at_work < self.most + BEYOND:
            slots = max(slots, 1)
        return max(slots, 0)

    def put(self, claimed: Sequence[Claimed]) -> None:
        """Take claims in: the more urgent before what waits already."""
        self.running.update((one.job.delivery_id, one) for one in claimed)
        ordered = not (claimed and self.buffer) or claimed[0].priority >= self.buffer[-1].priority
        self.buffer.extend(claimed)
        if not ordered:  # sorting keeps the order of those that are equally urgent
            self.buffer = deque(sorted(self.buffer, key=lambda one: one.priority))

    def stir(self) -> None:
        """Something changed: look again."""
        self.stirred.set()
        self.filled.set()

    def measure(self, seconds: float) -> None:
        """So many seconds have passed since the last measurement of the rate."""
        now = self.ended / seconds
        self.rate = now if now > self.rate else (self.rate + now) / 2
        self.ended = 0

    def feel(self, failed: bool) -> None:
        """Additive increase, multiplicative decrease: a platform in trouble gets fewer at once, down to one."""
        window = self.window or float(self.concurrency)
        if not failed and window >= self.concurrency:
            return
        self.window = max(window / 2, 1.0) if failed else min(window + 1.0 / window, float(self.concurrency))


def failed(outcome: Outcome | Finding) -> bool | None:
    """True for an answer that speaks of a platform in trouble, False for any real answer, None where it says nothing of
    the platform."""
    if isinstance(outcome, Deferred) and (outcome.code in {"storage", "internal"} or outcome.throttled):
        return None
    if isinstance(outcome, Unknown):
        return outcome.code not in _ANSWERS or None
    return isinstance(outcome, Deferred) and outcome.code in _FAILURES
