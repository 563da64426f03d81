"""A result as the hot path of both databases takes it, with the leaf that the audit log's tree has of it.

Pure. Written out by hand where a library would cost more than all the rest: a million results pass here.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from distributor.core.data import EPOCH
from distributor.core.delivery import CLAIMABLE, DeliveryState
from distributor.core.outcome import Deferred, Receipt, Rejected, Scope, Sent, Unknown
from distributor.core.ports import Result
from distributor.core.text import storable
from distributor.storage.schema import LONGEST_CODE

_MICRO = timedelta(microseconds=1)


class Line(NamedTuple):
    """A result as both databases take it. Times in microseconds, the receipt as JSON text; `step` None: as it is."""

    delivery_id: int
    fence: int
    state: str
    code: str
    reason: str
    due: int | None
    cost: int
    receipt: str | None
    step: str | None
    unknown: bool
    # of the attempt
    number: int
    started: int
    finished: int
    outcome: str
    told_code: str
    told_reason: str
    leaf: bytes


_WORD = {Sent: "sent", Deferred: "deferred", Rejected: "rejected", Unknown: "unknown"}


def line_of(result: Result, worker: str) -> Line | None:
    """The line of a result that concerns its own row alone; None for one that opens a case, moves or suspends a
    destination, or is a look: those go the long way."""
    outcome, following, claimed = result.outcome, result.next, result.claimed
    word = _WORD.get(type(outcome))
    if word is None or result.looked or following.state is DeliveryState.CASE:
        return None
    if (isinstance(outcome, Deferred) and outcome.address) or (
        isinstance(outcome, Rejected) and outcome.scope is Scope.DESTINATION
    ):
        return None
    code, reason = _kept_code(getattr(outcome, "code", "")), storable(getattr(outcome, "reason", ""))
    unknown = isinstance(outcome, Unknown)
    step = outcome.step if isinstance(outcome, Unknown) else ("" if following.state in CLAIMABLE else None)
    receipt = _receipt(outcome.receipt) if isinstance(outcome, Sent) else None
    job = claimed.job
    started, finished = micros(result.started), micros(result.finished)
    # Canonical JSON (core.data.canonical) of the attempt's row, written out: a test holds the two together.
    body = (
        f'{{"code":{quoted(code)},"delivery":{job.delivery_id},"fence":{claimed.fence},"finished":{finished},'
        f'"late":false,"looked":false,"number":{job.attempt},"outcome":"{word}","reason":{quoted(reason)},'
        f'"receipt":{receipt or "null"},"started":{started},"worker":{quoted(worker)}}}'
    )
    return Line(
        job.delivery_id,
        claimed.fence,
        following.state.value,
        _kept_code(following.code),
        storable(following.reason),
        None if following.due is None else micros(following.due),
        1 if following.costs_attempt else 0,
        receipt,
        step,
        unknown,
        job.attempt,
        started,
        finished,
        word,
        code,
        reason,
        hashlib.sha256(b"\x00" + body.encode()).digest(),
    )


def _kept_code(code: str) -> str:
    return storable(code)[:LONGEST_CODE]


def _receipt(receipt: Receipt) -> str:
    """Canonical JSON: it is stored in the same form in which it is hashed."""
    detail = ",".join(
        f"{quoted(storable(key))}:{quoted(storable(value))}" for key, value in sorted(receipt.detail.items())
    )
    links, ids = (",".join(quoted(storable(item)) for item in items) for items in (receipt.links, receipt.remote_ids))
    return f'{{"detail":{{{detail}}},"links":[{links}],"remote_ids":[{ids}]}}'


def micros(value: datetime) -> int:
    """Microseconds since 1970 of a time with a zone; a naive one raises TypeError."""
    return (value - EPOCH) // _MICRO
