"""After a backup was restored: does the log hold an event still, and what may have been sent that the rows do not know.

May touch: deliveries, cases; appends attempts and audit events; reads revisions and renderings. Inside the caller's
transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.channel import RESTORED
from distributor.storage import audit
from distributor.storage.outcomes import open_case
from distributor.storage.schema import audit_events, deliveries, destinations, releases, renderings, revisions

SUBJECT, KIND = "database", "database.recovered"
CODE, REASON = "restored", "restored from a backup: it may have been sent since"
PAGE = 1000
_WAITS = ("queued", "waiting")
_DOUBTFUL = (*_WAITS, "sending")
_AT_ONCE = ("withdraw", "hold")  # wait for no schedule and no embargo (core.delivery.at_claim)


@dataclass(frozen=True, slots=True)
class _InDoubt:
    """Which deliveries are (`where`), which of those follow a publication, and which are of several parts:
    rendering → parts."""

    where: tuple[ColumnElement[bool], ...]
    follow: frozenset[tuple[str, int]]
    several: dict[int, int]


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
    """Releases that stand as submitted, or with a correction or withdrawal that waits for a decision: its approval may
    be among what was lost."""
    waits = or_(releases.c.state == "submitted", releases.c.proposed != 0)
    return (await connection.execute(select(releases.c.id).where(waits).order_by(releases.c.id))).scalars().all()


async def count(connection: AsyncConnection, repeatable: Collection[str], before: datetime, now: datetime) -> Doubt:
    """What `doubt` would do."""
    found = await _in_doubt(connection, repeatable, before, now)
    total = select(func.count()).select_from(deliveries)
    all_of_them = int((await connection.execute(total.where(*found.where))).scalar_one())
    asked = deliveries.c.rendering_id.in_(found.several)
    cases = int((await connection.execute(total.where(*found.where, asked))).scalar_one())
    again = int((await connection.execute(total.where(*_repeatable(repeatable)))).scalar_one())
    return Doubt(all_of_them - cases, cases, again)


async def doubt(connection: AsyncConnection, repeatable: Collection[str], before: datetime, now: datetime) -> Doubt:
    """What was promised before `before` and may have been sent since the backup becomes unknown, and is looked for
    from the time of its promise on. One of several parts becomes a case: which of them are there only eyes can tell.
    Not so what follows a publication: its parts are forms of which one is sent, and which one its adapter knows; it
    is told that what it kept may be old. `repeatable` channels may do it twice."""
    found = await _in_doubt(connection, repeatable, before, now)
    unknown = cases = 0
    page = select(deliveries).where(*found.where).order_by(deliveries.c.id).limit(PAGE)
    while rows := (await connection.execute(page)).all():
        following = [row for row in rows if (row.release_id, row.revision) in found.follow]
        await _mark(connection, following)
        await _set(
            connection, [row.id for row in rows if row.rendering_id not in found.several], "unknown", "publish", now
        )
        for row in rows:
            if parts := found.several.get(row.rendering_id):
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


async def _mark(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
    """Tell their adapters (core.channel.RESTORED). Most have kept nothing yet: one statement for all that are equal."""
    alike: dict[str, list[Row[Any]]] = {}
    for row in rows:
        alike.setdefault(json.dumps(row.progress, sort_keys=True), []).append(row)
    for same in alike.values():
        kept = {**(same[0].progress or {}), RESTORED: {"asked": []}}
        theirs = deliveries.c.id.in_([row.id for row in same])
        await connection.execute(update(deliveries).where(theirs).values(progress=kept))


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
) -> _InDoubt:
    live = (
        deliveries.c.state.in_(_DOUBTFUL),
        deliveries.c.channel.not_in(repeatable),
        deliveries.c.created_at < before,
    )
    of = (revisions.c.release_id == deliveries.c.release_id) & (revisions.c.number == deliveries.c.revision)
    said = revisions.c.content
    at, embargo, action = said["at"].as_string(), said["embargo"].as_string(), said["notice"]["action"].as_string()
    query = select(revisions.c.release_id, revisions.c.number, at, embargo, action)
    found = (await connection.execute(query.join(deliveries, of).where(*live).distinct())).all()
    scheduled = [(release_id, number) for release_id, number, moment, _, _ in found if _later(moment, now)]
    embargoed = [(release_id, number) for release_id, number, _, moment, _ in found if _later(moment, now)]
    follow = frozenset((release_id, number) for release_id, number, _, _, does in found if does)
    where = (*live, ~_cannot_have_left(scheduled, embargoed))
    return _InDoubt(where, follow, await _of_several_parts(connection, where, follow))


def _later(moment: str | None, now: datetime) -> bool:
    return moment is not None and datetime.fromisoformat(moment) > now


def _cannot_have_left(
    scheduled: Sequence[tuple[str, int]], embargoed: Sequence[tuple[str, int]]
) -> ColumnElement[bool]:
    """What is due later still, row by row: of an embargoed release trusted subscribers had theirs at once, and a hold
    or a withdrawal waits for nothing."""
    revision = tuple_(deliveries.c.release_id, deliveries.c.revision)
    trusted = deliveries.c.destination_id.in_(select(destinations.c.id).where(destinations.c.trusted))
    return and_(
        deliveries.c.state.in_(_WAITS),
        deliveries.c.action.not_in(_AT_ONCE),
        or_(revision.in_(scheduled), and_(revision.in_(embargoed), ~trusted)),
    )


async def _of_several_parts(
    connection: AsyncConnection, where: tuple[ColumnElement[bool], ...], follow: Collection[tuple[str, int]]
) -> dict[int, int]:
    """rendering → parts, of those in doubt that have several and follow nothing."""
    used = select(deliveries.c.rendering_id).where(*where)
    columns = (renderings.c.id, renderings.c.body, renderings.c.release_id, renderings.c.revision)
    rows = (await connection.execute(select(*columns).where(renderings.c.id.in_(used)))).all()
    firsts = [row for row in rows if (row.release_id, row.revision) not in follow]
    counted = {row.id: len(row.body.get("parts", ())) if isinstance(row.body, dict) else 0 for row in firsts}
    return {number: parts for number, parts in counted.items() if parts > 1}
