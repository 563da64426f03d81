"""What a person may do to deliveries: end a case, send a dead letter again.

May touch: deliveries, cases, releases' state, the audit log; inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select, update
from sqlalchemy import case as choose
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data
from distributor.core.release import Kind, ReleaseState
from distributor.core.rendering import Rendering
from distributor.storage.outcomes import close_case, finish_releases
from distributor.storage.schema import cases, deliveries, releases, renderings, revisions

# Of a delivery that begins again; its history stays.
_ANEW = {"state": "queued", "attempts": 0, "looks": 0, "step": "", "code": "", "reason": ""}


@dataclass(frozen=True, slots=True)
class OpenCase:
    """An unknown delivery that waits for a person: which step of how many parts is in doubt."""

    delivery_id: int
    release_id: str
    step: str
    parts: int
    progress: dict[str, Any]


async def get_open(connection: AsyncConnection, delivery_id: int) -> OpenCase | None:
    """The open case of a delivery, or None."""
    query = (
        select(deliveries.c.release_id, deliveries.c.progress, cases.c.step, renderings.c.body)
        .join(cases, cases.c.delivery_id == deliveries.c.id)
        .join(renderings, renderings.c.id == deliveries.c.rendering_id)
        .where(deliveries.c.id == delivery_id, deliveries.c.state == "case", cases.c.resolved_at.is_(None))
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    parts = len(from_data(Rendering, row.body).parts)
    return OpenCase(delivery_id, row.release_id, row.step, parts, dict(row.progress))


async def resolve(
    connection: AsyncConnection,
    case: OpenCase,
    resolution: str,
    values: dict[str, Any],
    person_id: int | None,
    now: datetime,
) -> bool:
    """End a case with the delivery's new columns. False where another was faster."""
    if not await close_case(connection, case.delivery_id, resolution, person_id, now):
        return False
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.id == case.delivery_id, deliveries.c.state == "case")
        .values(**values, updated_at=now)
    )
    await reopen_releases(connection, [case.delivery_id], now)
    await finish_releases(connection, {case.release_id}, now)
    return True


@dataclass(frozen=True, slots=True)
class Anew:
    """The deadlines of what is sent again after its own: an appeal's, and everything else's."""

    usual: datetime
    appeal: datetime


async def send_again(connection: AsyncConnection, delivery_id: int, now: datetime, deadline: Anew) -> str:
    """Queue a dead letter again with fresh attempts. Returns the state that it was in, or '' where there is no
    such delivery; only rejected, expired and cancelled ones are touched."""
    row = (await connection.execute(select(deliveries).where(deliveries.c.id == delivery_id))).first()
    if row is None:
        return ""
    if row.state in {"rejected", "expired", "cancelled"}:
        anew = await _deadline(connection, [row.release_id], now, deadline)
        values = _ANEW | {"due": now, "updated_at": now, "deadline": anew}
        await connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(**values))
        await reopen_releases(connection, [delivery_id], now)
    return str(row.state)


async def send_all_again(
    connection: AsyncConnection,
    channel: str,
    release_id: str,
    now: datetime,
    deadline: Anew,
    *,
    states: Sequence[str] = ("rejected", "expired"),
    revision: int = 0,
) -> dict[str, int]:
    """The same for all rejected and expired ones, of a channel or a release (or one revision of it) where one is named.
    State → how many."""
    dead: list[ColumnElement[bool]] = [deliveries.c.state.in_(states)]
    dead += [deliveries.c.revision == revision] if revision else []
    dead += [deliveries.c.channel == channel] if channel else []
    dead += [deliveries.c.release_id == release_id] if release_id else []
    query = select(deliveries.c.state, func.count()).where(*dead).group_by(deliveries.c.state)
    before = {row[0]: row[1] for row in (await connection.execute(query)).all()}
    theirs = (await connection.execute(select(deliveries.c.release_id).where(*dead).distinct())).scalars().all()
    anew = await _deadline(connection, theirs, now, deadline)
    values = _ANEW | {"due": now, "updated_at": now, "deadline": anew}
    await connection.execute(update(deliveries).where(*dead).values(**values))
    await _reopen(connection, releases.c.id.in_(theirs), now)
    return before


async def _deadline(
    connection: AsyncConnection, release_ids: Sequence[str], now: datetime, deadline: Anew
) -> ColumnElement[Any]:
    """What becomes of the deadlines of these releases' deliveries: one that has passed is set anew."""
    appeal = (revisions.c.release_id.in_(release_ids), revisions.c.content["kind"].as_string() == Kind.APPEAL.value)
    appeals = (await connection.execute(select(revisions.c.release_id).where(*appeal).distinct())).scalars().all()
    late, moment = deliveries.c.deadline <= now, deliveries.c.deadline.type
    return choose(
        (and_(late, deliveries.c.release_id.in_(appeals)), literal(deadline.appeal, moment)),
        (late, literal(deadline.usual, moment)),
        else_=deliveries.c.deadline,
    )


async def reopen_releases(connection: AsyncConnection, delivery_ids: Sequence[int], now: datetime) -> None:
    """A release that was done is distributing again when one of its deliveries is."""
    theirs = select(deliveries.c.release_id).where(deliveries.c.id.in_(delivery_ids), deliveries.c.state == "queued")
    await _reopen(connection, releases.c.id.in_(theirs), now)


async def _reopen(connection: AsyncConnection, which: ColumnElement[bool], now: datetime) -> None:
    await connection.execute(
        update(releases)
        .where(which, releases.c.state == ReleaseState.DISTRIBUTED.value)
        .values(state=ReleaseState.DISTRIBUTING.value, updated_at=now)
    )
