"""The hot path: claims and outcomes of many deliveries in few statements.

May touch: nothing by itself; `hot_sqlite` and `hot_postgres` carry the SQL, one module for each database, and use what
stands here: the row that a claim reads, what is checked of it (rule 7), and the interface. No
objects of an ORM, no statement for a single row.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from distributor.core.data import EPOCH
from distributor.core.delivery import DeliveryState, Drop, Facts, Go, NotYet, at_claim
from distributor.core.ports import EMBARGO, Wish
from distributor.core.release import Action, ReleaseState, Status
from distributor.core.rendering import Rendering
from distributor.storage.lines import Line, micros

# An alarm about the clock stands (core.ports.EMBARGO): 1, else NULL.
CLOSED_SQL = f"(SELECT 1 FROM lanes WHERE name = '{EMBARGO}' AND paused)"  # noqa: S608  # a constant of ours
# Written out, not bound: a partial index is used only where the statement holds the index's own condition.
CLAIMABLE_SQL = "state IN ('queued', 'waiting')"
# Where an earlier text of the release went to the same reader since the embargo's end (`j`: pairs of a delivery and
# that moment). Nobody doubted the clock then, so the embargo is over there by fact, whatever a clock shows now.
OVER_SQL = """SELECT d.id FROM j JOIN deliveries d ON d.id = j.id
WHERE (SELECT 1 FROM deliveries e WHERE e.release_id = d.release_id AND e.destination_id = d.destination_id
    AND e.id < d.id AND e.action IN ('publish', 'correct') AND e.state = 'sent' AND e.intended_at >= j.embargo
    LIMIT 1) IS NOT NULL"""
OPEN_SQL = "state IN ('queued', 'waiting', 'sending', 'unknown', 'case')"

_FOLLOW = (Action.CORRECT.value, Action.LIFT.value)  # a withdrawal and a hold wait for no embargo


class Row(NamedTuple):
    """A delivery with its destination, as a claim reads it. Times in microseconds, `progress` as JSON text."""

    id: int
    release_id: str
    revision: int
    action: str
    channel: str
    destination_id: int
    rendering_id: int
    content_hash: str
    state: str
    priority: int
    prepares: bool
    calls: int
    deadline: int | None
    attempts: int
    tries: int
    looks: int
    fence: int
    step: str
    intended_at: int | None
    uncertain: bool
    progress: str
    created_at: int
    address: str
    label: str
    language: str
    token: str
    status: str
    trusted: bool


_OF_DESTINATION = ("address", "label", "language", "token", "status", "trusted")


def _column(name: str) -> str:
    if name == "progress":
        return "CAST(d.progress AS TEXT) AS progress"  # a driver may read JSON by itself, which is not wanted here
    return f"t.{name}" if name in _OF_DESTINATION else f"d.{name}"


COLUMNS = ", ".join(map(_column, Row._fields))
SELECT = f"SELECT {COLUMNS} FROM deliveries d JOIN destinations t ON t.id = d.destination_id"  # noqa: S608  # names of ours
# As a subquery of its own and not NOT EXISTS: no planner may turn it into a join over all deliveries. And in words that
# no partial index has: the index of all open deliveries of a release would be walked, where one reader's are meant.
# Who waits for an answer of a person holds up no correction and no withdrawal: those who may have the release get it.
# And what waits for the end of a hold does not hold the hold itself up.
UNBLOCKED = """(SELECT 1 FROM deliveries e WHERE e.release_id = d.release_id AND e.destination_id = d.destination_id
    AND e.id < d.id AND e.state NOT IN ('sent', 'rejected', 'expired', 'cancelled')
    AND (e.state <> 'case' OR d.action = 'publish')
    AND (e.state NOT IN ('queued', 'waiting') OR d.action <> 'hold') LIMIT 1) IS NULL"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is true of a revision at this moment."""

    release_state: ReleaseState
    slug: str
    approved_hash: str
    approved_at: datetime | None
    at: datetime | None
    embargo: datetime | None
    status: Status = Status.ACTUAL
    embargo_closed: bool = False
    deadline: datetime | None = None  # the revision's own


TermsOf = Mapping[tuple[str, int], Terms]


@dataclass(frozen=True, slots=True)
class Shown:
    """A rendering as it was read, its hash computed now, and the hash that was promised."""

    rendering: Rendering
    bytes_hash: str
    promised_hash: str


@dataclass(slots=True)
class Sorted:
    """What is to be done with the rows that a claim looked at."""

    go: list[Row] = field(default_factory=list)
    drops: list[tuple[Row, Drop]] = field(default_factory=list)
    put_off: dict[int, list[int]] = field(default_factory=dict)  # until when → ids
    more: bool = False
    crowded: bool = False  # a row was passed over that somebody else holds at this moment
    starting: set[str] = field(default_factory=set)  # approved releases of which this is the first claim

    @property
    def ids(self) -> list[int]:
        """Of those that go."""
        return [row.id for row in self.go]


@dataclass(frozen=True, slots=True)
class Claims:
    """A committed claim: rows as they were before it, with what is needed to carry them out."""

    found: Sorted
    terms: TermsOf
    worker: str
    now: datetime


Held = tuple[int, int]  # a delivery and the fencing token of a claim


class HotPath(Protocol):
    """Implemented once for each database."""

    async def claim(self, wish: Wish, worker: str, now: datetime, lease: float) -> Claims:
        """Pick, check, commit the intents."""

    async def record(self, lines: Sequence[Line], worker: str, now: datetime, finish: Iterable[str]) -> frozenset[int]:
        """Commit outcomes with their audit batch. Returns the deliveries whose claim was no longer the newest: of
        those nothing was written."""

    async def renew(self, held: Sequence[Held], now: datetime, until: datetime) -> None:
        """Lengthen the leases of claims that are still under way."""

    async def give_back(self, held: Sequence[Held], now: datetime, due: datetime) -> None:
        """Return claims of which nothing left."""


def doubted(rows: Iterable[Row], terms: TermsOf) -> list[tuple[int, int]]:
    """Those that a doubted clock holds up and that follow what may be out there already, with their embargo's end: the
    question for OVER_SQL. A publication never asks it."""
    ends = {key: micros(known.embargo) for key, known in terms.items() if known.embargo_closed and known.embargo}
    if not ends:
        return []
    follow = [row for row in rows if row.action in _FOLLOW and not row.trusted]
    return [(row.id, ends[key]) for row in follow if (key := (row.release_id, row.revision)) in ends]


def sort_out(
    rows: Iterable[Row],
    terms: TermsOf,
    unreadable: Mapping[int, str],
    wish: Wish,
    now: datetime,
    over: Container[int] = frozenset(),
) -> Sorted:
    """Rule 7 over the rows of a claim, in their order, as far as the wish reaches. `over`: the deliveries whose embargo
    has ended whatever the clock shows (OVER_SQL)."""
    found = Sorted()
    verdicts: dict[tuple[Any, ...], Go | Drop | NotYet] = {}
    taken = set[int]()
    for row in rows:
        known = terms.get((row.release_id, row.revision))
        if known is None or len(found.go) >= wish.most or (wish.single and row.destination_id in taken):
            found.more = True  # its release is being decided over at this moment, or it has its turn later
            found.crowded = found.crowded or known is None
            continue
        closed = known.embargo_closed and row.id not in over
        verdict = _verdict(row, known, unreadable, verdicts, wish.live, closed, now)
        match verdict:
            case Drop():
                found.drops.append((row, verdict))
                continue
            case NotYet(until):
                found.put_off.setdefault(micros(until), []).append(row.id)
                continue
        taken.add(row.destination_id)
        found.go.append(row)
        if known.release_state is ReleaseState.APPROVED:
            found.starting.add(row.release_id)
    return found


def _verdict(
    row: Row,
    terms: Terms,
    unreadable: Mapping[int, str],
    verdicts: dict[tuple[Any, ...], Go | Drop | NotYet],
    live: bool,
    closed: bool,
    now: datetime,
) -> Go | Drop | NotYet:
    """The same for all rows that agree in what is checked: asked once for them all."""
    if row.rendering_id in unreadable:
        return Drop(DeliveryState.REJECTED, "poison", unreadable[row.rendering_id])
    key = (row.release_id, row.revision, row.action, row.content_hash, row.deadline, row.status, row.trusted, closed)
    if key not in verdicts:
        facts = Facts(
            release_state=terms.release_state,
            approved_hash=terms.approved_hash,
            delivery_hash=row.content_hash,
            at=terms.at,
            embargo=terms.embargo,
            deadline=moment(row.deadline),
            destination_active=row.status == "active",
            attempts=row.attempts,
            action=Action(row.action),
            status=terms.status,
            live=live,
            trusted=bool(row.trusted),
            embargo_closed=closed,
        )
        verdicts[key] = at_claim(facts, now)
    return verdicts[key]


def moment(value: int | None) -> datetime | None:
    """The time of so many microseconds since 1970."""
    return None if value is None else EPOCH + timedelta(microseconds=value)


def terms_from(
    state: str,
    slug: str,
    approved: str,
    approved_at: int | None,
    at: str | None,
    embargo: str | None,
    status: str,
    deadline: str | None,
    closed: object,
) -> Terms:
    """The terms of a revision from its raw columns; `at`, `embargo` and `deadline` in ISO 8601."""
    begins, opens, ends = (datetime.fromisoformat(value) if value else None for value in (at, embargo, deadline))
    known = (ReleaseState(state), slug, approved, moment(approved_at))
    return Terms(*known, begins, opens, Status(status), bool(closed), ends)
