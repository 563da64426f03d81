"""Whose a claimed row is, when something is due, and which unknown ones are due for a look.

May touch: deliveries (locks), and reads what a look needs. Used by the storage of deliveries alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, TextClause, and_, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.ports import Claimed
from distributor.storage.hot import CLAIMABLE_SQL, COLUMNS, Row
from distributor.storage.lines import micros
from distributor.storage.schema import deliveries

# Written out, not bound: SQLite uses a partial index only where it sees the index's own condition in the statement.
UNDER_WAY = text("deliveries.state IN ('sending', 'unknown', 'case')")

_LOOKS = f"""
SELECT {COLUMNS},
    r.slug, v.approved_at, CAST(g.body AS TEXT), g.hash
FROM deliveries d
JOIN destinations t ON t.id = d.destination_id
JOIN releases r ON r.id = d.release_id
JOIN revisions v ON v.release_id = d.release_id AND v.number = d.revision
JOIN renderings g ON g.id = d.rendering_id
WHERE d.state IN ('sending', 'unknown', 'case') AND d.state = 'unknown' AND d.due <= :now
    AND (d.lease_until IS NULL OR d.lease_until < :now)
    AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.name IN (d.channel, '*') AND l.paused
        AND (l.until IS NULL OR l.until > :now))
ORDER BY d.priority, d.id LIMIT :most
"""  # noqa: S608  # names of ours


def own(claimed: Claimed) -> Any:
    """The row, only while this claim's fencing token is the newest."""
    return and_(deliveries.c.id == claimed.job.delivery_id, deliveries.c.fence == claimed.fence)


@dataclass(frozen=True, slots=True)
class Look:
    """An unknown delivery with what a look for it needs; times in microseconds, the rendering as JSON text."""

    row: Row
    slug: str
    approved_at: int | None
    body: str
    promised_hash: str


async def looks_due(connection: AsyncConnection, now: datetime, most: int, *, lock: bool = False) -> list[Look]:
    """Unknown deliveries that nobody looks for and that are due; with `lock` only those that are free."""
    skip = " FOR UPDATE OF d SKIP LOCKED" if lock and connection.dialect.name == "postgresql" else ""
    rows = await connection.execute(text(_LOOKS + skip), {"now": micros(now), "most": most})
    width = len(Row._fields)
    return [Look(Row(*found[:width]), *found[width:]) for found in rows.all()]


async def rendering_bodies(connection: AsyncConnection, ids: Sequence[int]) -> list[tuple[int, str, str]]:
    """Id, JSON text and promised hash of these renderings."""
    query = text("SELECT id, CAST(body AS TEXT), hash FROM renderings WHERE id IN :ids")
    rows = await connection.execute(query.bindparams(bindparam("ids", expanding=True)), {"ids": list(ids)})
    return [(row[0], row[1], row[2]) for row in rows.all()]


async def next_due(connection: AsyncConnection, lane: str, now: datetime) -> datetime | None:
    """When the next delivery of a lane that still waits is due. One look-up for each priority that the lane has."""
    found: list[datetime] = []
    for priority in await priorities(connection, lane):
        here = (*claimable(lane), deliveries.c.priority == priority, deliveries.c.due > now)
        due = (
            await connection.execute(select(deliveries.c.due).where(*here).order_by(deliveries.c.due).limit(1))
        ).scalar()
        found += [due] if due is not None else []
    return min(found, default=None)


def claimable(lane: str) -> tuple[ColumnElement[bool], TextClause]:
    """What waits in a lane, in the words of its index."""
    return deliveries.c.channel == lane, text(f"deliveries.{CLAIMABLE_SQL}")


async def priorities(connection: AsyncConnection, lane: str) -> list[int]:
    """Those that what waits in a lane has. One look-up for each, whatever the lane's length."""
    found: list[int] = []
    while True:
        query = select(deliveries.c.priority).where(*claimable(lane), deliveries.c.priority > max(found, default=-1))
        following = (await connection.execute(query.order_by(deliveries.c.priority).limit(1))).scalar()
        if following is None:
            return found
        found.append(following)


async def next_look(connection: AsyncConnection, now: datetime) -> datetime | None:
    """When the next look at an unknown delivery is due."""
    later = (UNDER_WAY, deliveries.c.state == "unknown", deliveries.c.due > now)
    found: datetime | None = (await connection.execute(select(func.min(deliveries.c.due)).where(*later))).scalar()
    return found
