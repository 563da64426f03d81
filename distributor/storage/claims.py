"""The statements of a claim: which rows may go, what is checked of them, and the intents.

May touch: deliveries, and reads what a claim must check again (rule 7). Used by `deliveries.py` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.delivery import FINAL, Facts
from distributor.core.ports import Claimed
from distributor.core.release import ReleaseState
from distributor.storage.schema import deliveries, destinations, lanes, releases, renderings, revisions

_FINAL = [state.value for state in FINAL]

# Written out, not bound: SQLite uses a partial index only where it sees the index's own condition in the statement.
CLAIMABLE = text("deliveries.state IN ('queued', 'waiting')")
UNDER_WAY = text("deliveries.state IN ('sending', 'unknown', 'case')")


def own(claimed: Claimed) -> Any:
    """The row, only while this claim's fencing token is the newest."""
    return and_(deliveries.c.id == claimed.job.delivery_id, deliveries.c.fence == claimed.fence)


def joined() -> Select[Any]:
    """A delivery with the facts of its release, revision, destination and rendering."""
    facts = (
        releases.c.state.label("release_state"),
        releases.c.slug,
        revisions.c.approved_hash,
        revisions.c.approved_at,
        revisions.c.content["at"].as_string().label("at"),
        revisions.c.content["embargo"].as_string().label("embargo"),
        destinations.c.status.label("destination_status"),
        destinations.c.address,
        destinations.c.label,
        destinations.c.language,
        destinations.c.token,
        renderings.c.hash.label("rendering_hash"),
    )
    newest = and_(revisions.c.release_id == deliveries.c.release_id, revisions.c.number == deliveries.c.revision)
    return (
        select(deliveries, *facts)
        .join(releases, releases.c.id == deliveries.c.release_id)
        .join(revisions, newest)
        .join(destinations, destinations.c.id == deliveries.c.destination_id)
        .join(renderings, renderings.c.id == deliveries.c.rendering_id)
    )


def blocked() -> ColumnElement[bool]:
    """True for a delivery that waits for an earlier one of its release to the same destination (rule 8)."""
    earlier = deliveries.alias("earlier")
    return exists().where(
        earlier.c.destination_id == deliveries.c.destination_id,
        earlier.c.release_id == deliveries.c.release_id,
        earlier.c.id < deliveries.c.id,
        earlier.c.state.not_in(_FINAL),
    )


def in_paused_lane(now: datetime) -> ColumnElement[bool]:
    """True for a delivery whose lane is paused at this moment, whichever worker paused it."""
    return deliveries.c.channel.in_(
        select(lanes.c.name).where(lanes.c.paused, or_(lanes.c.until.is_(None), lanes.c.until > now))
    )


def claimable(ids: Sequence[int], now: datetime, dialect: str) -> Select[Any]:
    """Those of the ids that may be claimed now and wait for no earlier delivery to the same destination."""
    query = (
        joined()
        .where(deliveries.c.id.in_(ids), CLAIMABLE, deliveries.c.due <= now, ~blocked(), ~in_paused_lane(now))
        .order_by(deliveries.c.priority, deliveries.c.due, deliveries.c.id)
    )
    return query.with_for_update(of=deliveries, skip_locked=True) if dialect == "postgresql" else query


def facts_of(row: Row[Any]) -> Facts:
    """What rule 7 checks, from a joined row."""
    return Facts(
        release_state=ReleaseState(row.release_state),
        approved_hash=row.approved_hash,
        delivery_hash=row.content_hash,
        at=datetime.fromisoformat(row.at) if row.at else None,
        embargo=datetime.fromisoformat(row.embargo) if row.embargo else None,
        deadline=row.deadline,
        destination_active=row.destination_status == "active",
        attempts=row.attempts,
    )


def intent(row: Row[Any], worker: str, now: datetime, lease: float) -> dict[str, Any]:
    """The parameters of one intent."""
    return {
        "row_id": row.id,
        "new_fence": row.fence + 1,
        "new_worker": worker,
        "new_lease": now + timedelta(seconds=lease),
        "new_step": "" if row.prepares else "publish",
        "new_intended": None if row.prepares else now,
        "new_tries": row.tries + 1,
        "new_updated": now,
    }


async def write_intents(connection: AsyncConnection, intents: list[dict[str, Any]]) -> None:
    """Commit-ready: every intent of a claim in one statement."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.id == bindparam("row_id"))
        .values(
            state="sending",
            fence=bindparam("new_fence"),
            worker=bindparam("new_worker"),
            lease_until=bindparam("new_lease"),
            step=bindparam("new_step"),
            intended_at=bindparam("new_intended"),
            tries=bindparam("new_tries"),
            updated_at=bindparam("new_updated"),
        ),
        intents,
    )
