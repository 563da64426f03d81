"""After a backup was restored: does the log hold an event still, and what may have been sent that the rows do not know.

May touch: deliveries, cases; appends attempts and audit events; reads revisions and renderings. Inside the caller's
transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.storage import audit
from distributor.storage.outcomes import open_case
from distributor.storage.schema import audit_events, deliveries, releases, renderings, revisions

SUBJECT, KIND = "database", "database.recovered"
CODE, REASON = "restored", "restored from a backup: it may have been sent since"
PAGE = 1000
_DOUBTFUL = ("queued", "waiting", "sending")


@dataclass(frozen=True, slots=True)
class Doubt:
    """How many deliveries are looked for, are asked about at once, and simply go again."""

    unknown: int = 0
    cases: int = 0
    again: int = 0


async def holds(connection: AsyncConnection, seq: int, value: str) -> bool:
    """True where the log has this event, or there is none to have."""
    query = select(audit_events.c.hash).where(audit_events.c.seq == seq)
    return seq == 0 or (await connection.execute(query)).scalar() == value


async def last_recovery(connection: AsyncConnection) -> datetime | None:
    """When a restored database was last reconciled."""
    query = select(func.max(audit_events.c.at)).where(audit_events.c.subject == SUBJECT, audit_events.c.kind == KIND)
    moment: datetime | None = (await connection.execute(query)).scalar()
    return moment


async def waiting_for_approval(connection: AsyncConnection) -> Sequence[str]:
    """Releases that stand as submitted: their approval may be among what was lost."""
    query = select(releases.c.id).where(releases.c.state == "submitted").order_by(releases.c.id)
    return (await connection.execute(query)).scalars().all()


async def count(connection: AsyncConnection, repeatable: Collection[str], before: datetime, now: datetime) -> Doubt:
    """What `doubt` would do."""
    where = await _in_doubt(connection, repeatable, before, now)
    several = await _of_several_parts(connection, where)
    total = select(func.count()).select_from(deliveries)
    all_of_them = int((await connection.execute(total.where(*where))).scalar_one())
    asked = deliveries.c.rendering_id.in_(several)
    cases = int((await connection.execute(total.where(*where, asked))).scalar_one())
    again = int((await connection.execute(total.where(*_repeatable(repeatable)))).scalar_one())
    return Doubt(all_of_them - cases, cases, again)


async def doubt(connection: AsyncConnection, repeatable: Collection[str], before: datetime, now: datetime) -> Doubt:
    """What was promised before `before` and may have been sent since the backup becomes unknown, and is looked for
    from the time of its promise on. One of several parts becomes a case: which of them are there only eyes can tell.
    What is due later by schedule or embargo cannot have been sent. `repeatable` channels may do it twice."""
    where = await _in_doubt(connection, repeatable, before, now)
    several = await _of_several_parts(connection, where)
    unknown = cases = 0
    page = select(deliveries).where(*where).order_by(deliveries.c.id).limit(PAGE)
    while rows := (await connection.execute(page)).all():
        await _set(connection, [row.id for row in rows if row.rendering_id not in several], "unknown", "publish", now)
        for row in rows:
            if parts := several.get(row.rendering_id):
                # A person's word is over the whole: over its last part, behind which nothing follows.
                step = f"part:{parts - 1}"
                await _set(connection, [row.id], "case", step, now)
                await open_case(connection, row.id, step, CODE, REASON, now)
                cases += 1
        unknown += len(rows)
        await audit.append_outcomes(connection, now, "recovery", [_attempt(row, now) for row in rows])
    back = {"state": "queued", "step": "", "lease_until": None, "due": now, "fence": deliveries.c.fence + 1}
    done = await connection.execute(update(deliveries).where(*_repeatable(repeatable)).values(**back, updated_at=now))
    return Doubt(unknown - cases, cases, int(done.rowcount))


async def _set(connection: AsyncConnection, ids: Sequence[int], state: str, step: str, now: datetime) -> None:
    values: dict[str, Any] = {
        "state": state,
        "step": step,
        "intended_at": deliveries.c.created_at,
        "due": now,
        "lease_until": None,
        "fence": deliveries.c.fence + 1,
        "uncertain": True,
        "looks": 0,
        "code": CODE,
        "reason": REASON,
        "updated_at": now,
    }
    await connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(**values))


def _attempt(row: Row[Any], now: datetime) -> dict[str, Any]:
    return {
        "delivery_id": row.id,
        "number": row.tries,
        "fence": row.fence,
        "worker": row.worker,
        "looked": False,
        "started_at": row.created_at,
        "finished_at": now,
        "outcome": "unknown",
        "code": CODE,
        "reason": REASON,
        "receipt": None,
        "late": False,
    }


def _repeatable(repeatable: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Claims of these channels were lost with their workers; what is queued there just stays."""
    return (deliveries.c.state == "sending", deliveries.c.channel.in_(repeatable))


async def _in_doubt(
    connection: AsyncConnection, repeatable: Collection[str], before: datetime, now: datetime
) -> tuple[ColumnElement[bool], ...]:
    live = (
        deliveries.c.state.in_(_DOUBTFUL),
        deliveries.c.channel.not_in(repeatable),
        deliveries.c.created_at < before,
    )
    of = (revisions.c.release_id == deliveries.c.release_id) & (revisions.c.number == deliveries.c.revision)
    times = [revisions.c.content[name].as_string() for name in ("at", "embargo")]
    query = select(revisions.c.release_id, *times).join(deliveries, of).where(*live).distinct()
    later = [
        release_id
        for release_id, *moments in (await connection.execute(query)).all()
        if any(moment and datetime.fromisoformat(moment) > now for moment in moments)
    ]
    return (*live, deliveries.c.release_id.not_in(later))


async def _of_several_parts(connection: AsyncConnection, where: tuple[ColumnElement[bool], ...]) -> dict[int, int]:
    """rendering → parts, of those in doubt that have several."""
    used = select(deliveries.c.rendering_id).where(*where)
    rows = await connection.execute(select(renderings.c.id, renderings.c.body).where(renderings.c.id.in_(used)))
    counted = {row.id: len(row.body.get("parts", ())) if isinstance(row.body, dict) else 0 for row in rows.all()}
    return {number: parts for number, parts in counted.items() if parts > 1}
