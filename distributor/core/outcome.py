"""What one attempt came to: four outcomes, as data.

Pure. An adapter maps every answer of its platform to one of them by a table; nothing else decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

DOUBT = "doubt"
"""The step of a progress of which a repeatable call had no answer: it may have happened, and nobody can find out."""


class Scope(StrEnum):
    """How far an answer reaches: this delivery, its destination (an address), or the whole lane."""

    DELIVERY = "delivery"
    DESTINATION = "destination"
    LANE = "lane"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the platform gave back: the ids of what it made, and public links to it."""

    remote_ids: tuple[str, ...]
    links: tuple[str, ...] = ()
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """It is there, and the receipt says where."""

    receipt: Receipt


NOTHING_STOOD = {"nothing": "stood there"}
"""Receipt.detail of a withdrawal, a hold or its end that found nothing of the release, and so nobody to tell."""


def nothing_stood() -> Sent:
    """There was nothing to do, and nothing was done."""
    return Sent(Receipt((), detail=dict(NOTHING_STOOD)))


OLD_STANDS = "old_stands"
"""Key of Receipt.detail: something of the old version still stands there, or may, and a label beside it says what is
right. Its value is one of `Old`; without it, all that stands is what was sent."""


class Old(StrEnum):
    """Why something of the old version still stands."""

    ANSWERED = "answered"  # a post cannot be edited: the correction stands below it, or beside it
    MEDIA = "media"  # the text is the new one; the photos, or their captions, cannot be changed
    REFUSED = "refused"  # the platform did not let us change it
    UNKNOWN = "unknown"  # something may stand of which nobody knows where


def old_stands(why: Old | None) -> dict[str, str]:
    """As a receipt's detail says it; {} where nothing old stands."""
    return {OLD_STANDS: why.value} if why else {}


def names_all(receipt: Receipt) -> bool:
    """False where something may stand that the receipt does not name."""
    return receipt.detail.get(OLD_STANDS) != Old.UNKNOWN


@dataclass(frozen=True, slots=True)
class Deferred:
    """It did not happen, or a repeat of it has no second effect, and it is tried again later.

    `retry_after` in seconds where the platform said when; else the retry policy decides.
    `throttled`: the platform asked to wait; the wait costs no attempt. Scope LANE with `throttled` pauses the
    lane for that time; scope LANE without it is a refused credential: the lane pauses until a person resumes it.
    `address` is the destination's new address where the platform says that it moved.
    `doubt`: it may have happened all the same; should it be given up, what follows goes to whoever may have it.
    """

    code: str
    reason: str
    retry_after: float | None = None
    throttled: bool = False
    scope: Scope = Scope.DELIVERY
    address: str = ""
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """It did not happen, and a repeat would end the same way. Scope DESTINATION suspends the address."""

    code: str
    reason: str
    scope: Scope = Scope.DELIVERY


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened. Never repeated blindly: reconciled, else a person decides.

    `step` names the irrevocable call whose effect is not known ('publish', 'part:2').
    """

    code: str
    reason: str
    step: str = "publish"


Outcome = Sent | Deferred | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class Absent:
    """Reconciling found proof that it is not there: send again."""

    reason: str


@dataclass(frozen=True, slots=True)
class CannotTell:
    """Reconciling could not find out: a person decides."""

    reason: str


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The place to look could not be reached: reconcile again later (seconds), decide nothing now."""

    reason: str
    retry_after: float = 30.0


Finding = Sent | Absent | CannotTell | LookAgain
