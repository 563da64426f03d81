"""A result as the hot path of both databases takes it, with the leaf that the audit log's tree has of it.

Pure. Written out by hand where a library would cost more than all the rest: a million results pass here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from distributor.core.data import EPOCH
from distributor.core.delivery import CLAIMABLE, DeliveryState, Next
from distributor.core.outcome import Deferred, Finding, Outcome, Receipt, Rejected, Scope, Sent, Unknown
from distributor.core.ports import Result
from distributor.core.text import storable
from distributor.storage.schema import LONGEST_CODE

_MICRO = timedelta(microseconds=1)


class Fate(NamedTuple):
    """What becomes of a delivery row, but for its receipt; the same for most rows of a batch. `due` in microseconds,
    None: as it is; so is `step`."""

    state: str
    code: str
    reason: str
    due: int | None
    cost: int
    step: str | None
    doubt: bool


SENT = Fate("sent", "", "", None, 1, None, False)


class Line(NamedTuple):
    """A result as both databases take it: whose, what becomes of it, and its attempt. Times in microseconds, the
    receipt as JSON text."""

    delivery_id: int
    fence: int
    receipt: str | None
    fate: Fate
    number: int
    started: int
    finished: int
    outcome: str
    code: str
    reason: str
    leaf: bytes


_WORD = {Sent: "sent", Deferred: "deferred", Rejected: "rejected", Unknown: "unknown"}


def by_fate(lines: Sequence[Line]) -> dict[Fate, list[Line]]:
    """Lines that one statement can write together."""
    found: dict[Fate, list[Line]] = {}
    for line in lines:
        found.setdefault(line.fate, []).append(line)
    return found


def line_of(result: Result, worker: str) -> Line | None:
    """The line of a result that concerns its own row alone; None for one that opens a case, moves or suspends a
    destination, or is a look: those go the long way."""
    outcome, following, claimed = result.outcome, result.next, result.claimed
    word = _WORD.get(type(outcome))
    if word is None or result.looked or following.state is DeliveryState.CASE:
        return None
    code = reason = ""
    receipt = None
    if isinstance(outcome, Sent):
        receipt = _receipt(outcome.receipt)
    else:
        if not isinstance(outcome, Deferred | Rejected | Unknown) or _reaches_further(outcome):
            return None
        code, reason = _kept_code(outcome.code), storable(outcome.reason)
    job, started, finished = claimed.job, micros(result.started), micros(result.finished)
    # Canonical JSON (core.data.canonical) of the attempt's row, written out: a test holds the two together.
    body = (
        f'{{"code":{quoted(code)},"delivery":{job.delivery_id},"fence":{claimed.fence},"finished":{finished},'
        f'"late":false,"looked":false,"number":{job.attempt},"outcome":"{word}","reason":{quoted(reason)},'
        f'"receipt":{receipt or "null"},"started":{started},"worker":{quoted(worker)}}}'
    )
    leaf = hashlib.sha256(b"\x00" + body.encode()).digest()
    fate = _fate(outcome, following)
    return Line(job.delivery_id, claimed.fence, receipt, fate, job.attempt, started, finished, word, code, reason, leaf)


def _reaches_further(outcome: Deferred | Rejected | Unknown) -> bool:
    """True where an answer says something of the destination."""
    if isinstance(outcome, Deferred):
        return bool(outcome.address)
    return isinstance(outcome, Rejected) and outcome.scope is Scope.DESTINATION


def _fate(outcome: Outcome | Finding, following: Next) -> Fate:
    doubt = isinstance(outcome, Unknown)
    if following.state is DeliveryState.SENT and not following.code and not doubt:
        return SENT
    step = outcome.step if isinstance(outcome, Unknown) else ("" if following.state in CLAIMABLE else None)
    due = None if following.due is None else micros(following.due)
    cost = 1 if following.costs_attempt else 0
    return Fate(following.state.value, _kept_code(following.code), storable(following.reason), due, cost, step, doubt)


def _kept_code(code: str) -> str:
    return storable(code)[:LONGEST_CODE]


def _receipt(receipt: Receipt) -> str:
    """Canonical JSON: it is stored in the same form in which it is hashed."""
    detail = ",".join(f"{quoted(storable(k))}:{quoted(storable(v))}" for k, v in sorted(receipt.detail.items()))
    links = ",".join([quoted(storable(link)) for link in receipt.links])
    ids = ",".join([quoted(storable(one)) for one in receipt.remote_ids])
    return f'{{"detail":{{{detail}}},"links":[{links}],"remote_ids":[{ids}]}}'


def micros(value: datetime) -> int:
    """Microseconds since 1970 of a time with a zone; a naive one raises TypeError."""
    return (value - EPOCH) // _MICRO
