"""Audit events, outcome rows and checkpoints: append and read, never change.

May touch: the tables audit_events, attempts, checkpoints. Every append happens inside the caller's transaction, so
that a decision and its event are committed together or not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, String, cast, exists, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core import audit
from distributor.core.data import from_micros, to_data, to_micros
from distributor.core.outcome import Absent, CannotTell, Deferred, Finding, LookAgain, Outcome, Rejected, Sent, Unknown
from distributor.core.ports import Result
from distributor.core.text import storable
from distributor.storage.database import LOG_LOCK
from distributor.storage.schema import LONGEST_CODE, attempts, audit_events, checkpoints, deliveries

_WORDS: dict[type[Any], str] = {
    Sent: "sent",
    Deferred: "deferred",
    Rejected: "rejected",
    Unknown: "unknown",
    Absent: "absent",
    CannotTell: "cannot_tell",
    LookAgain: "look_again",
}


async def append(
    connection: AsyncConnection, now: datetime, actor: str, kind: str, subject: str, data: dict[str, Any]
) -> int:
    """Add one event to the chain; returns its number. Serialised: two appenders never share a predecessor."""
    subject, data = storable(subject), _storable(data)
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOG_LOCK})")
    last = (
        await connection.execute(
            select(audit_events.c.seq, audit_events.c.hash).order_by(audit_events.c.seq.desc()).limit(1)
        )
    ).first()
    seq, previous = (last.seq + 1, last.hash) if last else (1, audit.GENESIS)
    event = audit.Event(seq, to_micros(now), actor, kind, subject, data, previous)
    await connection.execute(
        insert(audit_events).values(
            seq=seq,
            at=now,
            actor=actor,
            kind=kind,
            subject=subject,
            data=data,
            previous=previous,
            hash=event.computed(),
        )
    )
    return seq


def _storable(value: Any) -> Any:
    """JSON values of which every text can be kept, so that the hash fits what is read back."""
    if isinstance(value, dict):
        return {storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return storable(value) if isinstance(value, str) else value


def outcome_word(outcome: Outcome | Finding) -> str:
    """The outcome's name as the log keeps it."""
    return _WORDS[type(outcome)]


def attempt_row(result: Result, number: int, worker: str, late: bool) -> dict[str, Any]:
    """The immutable row of one attempt, without its place in a batch."""
    outcome = result.outcome
    receipt = _storable(to_data(outcome.receipt)) if isinstance(outcome, Sent) else None
    # An attempt that was let go because its chances were used up keeps its own reason, not the policy's.
    return {
        "delivery_id": result.claimed.job.delivery_id,
        "number": number,
        "fence": result.claimed.fence,
        "worker": worker,
        "looked": result.looked,
        "started_at": result.started,
        "finished_at": result.finished,
        "outcome": outcome_word(outcome),
        # As the columns keep them: the leaf is made of these, and must fit what is read back.
        "code": storable(getattr(outcome, "code", ""))[:LONGEST_CODE],
        "reason": storable(getattr(outcome, "reason", "")),
        "receipt": receipt,
        "late": late,
    }


def row_leaf(row: Mapping[str, Any] | RowMapping) -> bytes:
    """The Merkle leaf over an attempt row's own fields."""
    plain = {
        "delivery": row["delivery_id"],
        "number": row["number"],
        "fence": row["fence"],
        "worker": row["worker"],
        "looked": bool(row["looked"]),
        "started": to_micros(row["started_at"]),
        "finished": to_micros(row["finished_at"]),
        "outcome": row["outcome"],
        "code": row["code"],
        "reason": row["reason"],
        "receipt": row["receipt"],
        "late": bool(row["late"]),
    }
    return audit.leaf(plain)


async def append_outcomes(
    connection: AsyncConnection, now: datetime, worker: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert a batch of attempt rows, and the root over them as one event of the chain."""
    leaves = [row_leaf(row) for row in rows]
    data = {"count": len(rows), "root": audit.root(leaves)}
    batch = await append(connection, now, f"worker:{worker}", "outcomes", f"batch of {len(rows)}", data)
    placed = zip(rows, leaves, strict=True)
    await connection.execute(
        insert(attempts),
        [row | {"batch": batch, "position": place, "leaf": leaf} for place, (row, leaf) in enumerate(placed)],
    )


async def events(connection: AsyncConnection, after: int = 0, page: int = 500) -> AsyncIterator[audit.Event]:
    """Every event in order, read in pages."""
    while True:
        rows = (
            await connection.execute(
                select(audit_events).where(audit_events.c.seq > after).order_by(audit_events.c.seq).limit(page)
            )
        ).all()
        for row in rows:
            after = row.seq
            yield audit.Event(
                row.seq, to_micros(row.at), row.actor, row.kind, row.subject, row.data, row.previous, row.hash
            )
        if len(rows) < page:
            return


async def batch(connection: AsyncConnection, seq: int) -> Sequence[RowMapping]:
    """The attempt rows of one batch, in the order of the tree."""
    found = await connection.execute(
        select(attempts).where(attempts.c.batch == seq).order_by(attempts.c.position, attempts.c.id)
    )
    return found.mappings().all()


async def stray_attempt(connection: AsyncConnection) -> int | None:
    """The id of an attempt row whose batch no event of the log vouches for, or None."""
    known = select(audit_events.c.seq).where(audit_events.c.kind == "outcomes")
    query = select(func.min(attempts.c.id)).where(attempts.c.batch.not_in(known))
    stray: int | None = (await connection.execute(query)).scalar()
    return stray


async def recent(connection: AsyncConnection, subject: str, most: int = 200) -> list[audit.Event]:
    """The newest events about one subject, newest first."""
    rows = await connection.execute(
        select(audit_events).where(audit_events.c.subject == subject).order_by(audit_events.c.seq.desc()).limit(most)
    )
    return [
        audit.Event(row.seq, to_micros(row.at), row.actor, row.kind, row.subject, row.data, row.previous, row.hash)
        for row in rows
    ]


async def head(connection: AsyncConnection) -> tuple[int, str]:
    """Number and hash of the last event; (0, GENESIS) for an empty log."""
    row = (
        await connection.execute(
            select(audit_events.c.seq, audit_events.c.hash).order_by(audit_events.c.seq.desc()).limit(1)
        )
    ).first()
    return (row.seq, row.hash) if row else (0, audit.GENESIS)


async def add_checkpoint(
    connection: AsyncConnection, seq: int, chain: str, at: datetime, public_key: str, signature: str
) -> None:
    """Keep a signed checkpoint."""
    values = {"seq": seq, "head": chain, "at": at, "public_key": public_key, "signature": signature}
    await connection.execute(insert(checkpoints).values(**values))


async def all_checkpoints(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Every checkpoint in order."""
    return (await connection.execute(select(checkpoints).order_by(checkpoints.c.seq))).mappings().all()


def event_moment(event: audit.Event) -> datetime:
    """When an event was written, UTC."""
    return from_micros(event.at)


async def unproved_sent(connection: AsyncConnection) -> int | None:
    """The lowest delivery that claims to be sent without an outcome that says so, or a person who confirmed it."""
    proof = exists().where(attempts.c.delivery_id == deliveries.c.id, attempts.c.outcome == "sent")
    word = exists().where(
        audit_events.c.kind == "case.resolved",
        audit_events.c.subject == literal("delivery:").concat(cast(deliveries.c.id, String)),
    )
    query = select(func.min(deliveries.c.id)).where(deliveries.c.state == "sent", ~proof, ~word)
    found: int | None = (await connection.execute(query)).scalar()
    return found
