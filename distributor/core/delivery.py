"""One promise: revision × action × destination; its states, and what an outcome makes of them.

Pure. The only place that says which state follows which. Unknown never becomes sent or queued here without a
finding or a person's word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.core.outcome import (
    Absent,
    CannotTell,
    Deferred,
    Finding,
    LookAgain,
    Outcome,
    Rejected,
    Scope,
    Sent,
    Unknown,
)
from distributor.core.policy import RetryPolicy
from distributor.core.release import SENDABLE, Action, Kind, ReleaseState, Status

LONGEST_WAIT = 7 * 86400.0  # seconds
CLOSED_ASKS = timedelta(minutes=1)  # how often a delivery behind a closed embargo is looked at again


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    SENDING = "sending"
    WAITING = "waiting"
    SENT = "sent"
    UNKNOWN = "unknown"
    CASE = "case"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


FINAL = frozenset({DeliveryState.SENT, DeliveryState.REJECTED, DeliveryState.EXPIRED, DeliveryState.CANCELLED})
CLAIMABLE = frozenset({DeliveryState.QUEUED, DeliveryState.WAITING})

# A restored backup makes one step more (storage.restored): what waited then may have been sent since, so that queued,
# waiting and sending ones become unknown or a case.
DELIVERY_STEPS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.QUEUED: frozenset(
        {DeliveryState.SENDING, DeliveryState.WAITING, DeliveryState.EXPIRED, DeliveryState.CANCELLED}
    ),
    DeliveryState.WAITING: frozenset(
        {
            DeliveryState.QUEUED,
            DeliveryState.SENDING,
            DeliveryState.WAITING,
            DeliveryState.EXPIRED,
            DeliveryState.CANCELLED,
        }
    ),
    DeliveryState.SENDING: frozenset(
        {
            DeliveryState.SENT,
            DeliveryState.WAITING,
            DeliveryState.QUEUED,
            DeliveryState.UNKNOWN,
            DeliveryState.REJECTED,
            DeliveryState.CASE,
        }
    ),
    DeliveryState.UNKNOWN: frozenset(
        {DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.CASE, DeliveryState.REJECTED}
    ),
    DeliveryState.CASE: frozenset({DeliveryState.SENT, DeliveryState.QUEUED, DeliveryState.CANCELLED}),
    # A person may send a dead letter again; nothing else leaves a final state.
    DeliveryState.REJECTED: frozenset({DeliveryState.QUEUED}),
    DeliveryState.EXPIRED: frozenset({DeliveryState.QUEUED}),
    DeliveryState.CANCELLED: frozenset({DeliveryState.QUEUED}),
    DeliveryState.SENT: frozenset(),
}


class Priority:
    """Smaller goes first, across lanes and within one. Ten apart: between them the size of a job counts, so that small
    ones pass bulk of the same urgency (storage.promises)."""

    EMERGENCY = 0
    URGENT = 10  # appeals: they have a time after which they are useless
    ROUTINE = 20

    @staticmethod
    def of(kind: Kind) -> int:
        """The priority of a kind of release."""
        return {Kind.EMERGENCY: Priority.EMERGENCY, Kind.APPEAL: Priority.URGENT}.get(kind, Priority.ROUTINE)


@dataclass(frozen=True, slots=True)
class Facts:
    """What must still be true at the moment of a claim (rule 7)."""

    release_state: ReleaseState
    approved_hash: str  # of the revision's newest approval, '' where there is none
    delivery_hash: str  # the content hash that the delivery was promised under
    at: datetime | None
    embargo: datetime | None
    deadline: datetime | None
    destination_active: bool
    attempts: int
    action: Action = Action.PUBLISH
    status: Status = Status.ACTUAL
    live: bool = False  # the lane reaches the public
    trusted: bool = False  # a subscriber who may have a text before its embargo ends
    embargo_closed: bool = False  # an alarm about the clock stands, and by no fact has this embargo ended before


@dataclass(frozen=True, slots=True)
class Go:
    """Claim it."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Do not send: the state it goes to, and why."""

    state: DeliveryState
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """Not before this time."""

    until: datetime


def at_claim(facts: Facts, now: datetime) -> Go | Drop | NotYet:
    """Rule 7: everything is checked again before the intent is committed."""
    if facts.live and facts.status is not Status.ACTUAL:
        return Drop(DeliveryState.CANCELLED, "live_withheld", f"{facts.status.value}: it must not reach a live channel")
    if facts.action is Action.WITHDRAW:
        return _stands(facts) or Go()
    if facts.release_state is ReleaseState.WITHDRAWN:
        return Drop(DeliveryState.CANCELLED, "withdrawn", "the release was withdrawn")
    if facts.action is Action.HOLD:
        held = facts.release_state is ReleaseState.HELD
        return (_stands(facts) or Go()) if held else Drop(DeliveryState.CANCELLED, "lifted", "the hold was lifted")
    if facts.action is Action.LIFT and facts.release_state is ReleaseState.HELD:
        return Drop(DeliveryState.CANCELLED, "held_again", "the release is held again")
    void = _stands(facts)
    if facts.release_state in SENDABLE and void:
        return void  # a person is not asked about a deadline of what must not go anyway
    if facts.deadline is not None and now >= facts.deadline:
        if facts.embargo_closed:  # by a clock that is doubted: neither sent nor given up before a person has looked
            return NotYet(now + CLOSED_ASKS)
        return Drop(DeliveryState.EXPIRED, "deadline", f"the deadline {facts.deadline.isoformat()} has passed")
    if facts.release_state is ReleaseState.HELD:
        # A hold keeps the promise: lifting it sets the time anew. The hour bounds how often it is asked again.
        return NotYet(now + timedelta(hours=1))
    if facts.release_state not in SENDABLE:
        return Drop(DeliveryState.CANCELLED, facts.release_state.value, f"the release is {facts.release_state.value}")
    return void or _in_time(facts, now)


def _stands(facts: Facts) -> Drop | None:
    """Why no delivery may go, whatever it does; None where the approval and the destination stand."""
    if not facts.approved_hash or facts.approved_hash != facts.delivery_hash:
        return Drop(DeliveryState.CANCELLED, "approval_void", "no approval stands for this content")
    if not facts.destination_active:
        return Drop(DeliveryState.CANCELLED, "unsubscribed", "the subscription or destination is no longer active")
    return None


def _in_time(facts: Facts, now: datetime) -> Go | NotYet:
    """Schedule and embargo. A trusted subscriber has the text before the embargo ends; nobody else, and nobody at all
    while the clock is doubted, but where the release itself has gone out since."""
    embargo = None if facts.trusted else facts.embargo
    for moment in (facts.at, embargo):
        if moment is not None and now < moment:
            return NotYet(moment)
    if embargo is not None and facts.embargo_closed:
        return NotYet(now + CLOSED_ASKS)
    return Go()


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a delivery after an outcome or a finding. `due` where it will be tried or looked at again."""

    state: DeliveryState
    code: str = ""
    reason: str = ""
    due: datetime | None = None
    costs_attempt: bool = True


def bounded(retry_after: float | None) -> float | None:
    """A platform's wait in seconds, at most a week: an absurd one must not become a time that no clock can hold."""
    return None if retry_after is None or math.isnan(retry_after) else min(max(retry_after, 0.0), LONGEST_WAIT)


def after_outcome(
    outcome: Outcome, *, attempts: int, now: datetime, deadline: datetime | None, policy: RetryPolicy
) -> Next:
    """The state that follows an outcome. `attempts` counts those made before this one that cost something."""
    match outcome:
        case Sent():
            return Next(DeliveryState.SENT)
        case Rejected(code, reason):
            return Next(DeliveryState.REJECTED, code, reason)
        case Unknown(code, reason):
            return Next(DeliveryState.UNKNOWN, code, reason, due=now)
        case Deferred(code, reason):
            free = outcome.throttled or outcome.scope is Scope.LANE or bool(outcome.address)
            if not free and attempts + 1 >= policy.most_attempts:
                return Next(DeliveryState.REJECTED, "exhausted", f"{attempts + 1} attempts; the last: {reason}")
            due = policy.due(now, attempts + (0 if free else 1), bounded(outcome.retry_after))
            if deadline is not None and due >= deadline and not free:
                # It waits for its deadline and then expires at the claim, where the reason is recorded.
                due = max(now, deadline)
            return Next(DeliveryState.WAITING, code, reason, due=due, costs_attempt=not free)


def after_finding(finding: Finding, *, looks: int, now: datetime, policy: RetryPolicy, attempts: int = 0) -> Next:
    """The state that follows a look at the platform for an unknown delivery. `looks` counts earlier looks, `attempts`
    the attempts made so far, which bounds what always ends unknown and is never there."""
    match finding:
        case Sent():
            return Next(DeliveryState.SENT, "reconciled", "found at the platform")
        case Absent(reason):
            if attempts >= policy.most_attempts:
                return Next(DeliveryState.REJECTED, "exhausted", f"{attempts} attempts, none of them there: {reason}")
            # Once may be chance, and goes again at once; what ends so again and again backs off like any failure.
            due = now if attempts <= 1 else policy.due(now, attempts)
            return Next(DeliveryState.QUEUED, "absent", reason, due=due)
        case CannotTell(reason):
            return Next(DeliveryState.CASE, "cannot_tell", reason)
        case LookAgain(reason, retry_after):
            if looks + 1 >= policy.most_looks:
                return Next(DeliveryState.CASE, "cannot_look", f"looked {looks + 1} times; the last: {reason}")
            due = policy.due(now, looks + 1, bounded(retry_after))
            return Next(DeliveryState.UNKNOWN, "look_again", reason, due=due)
