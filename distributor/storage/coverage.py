"""Which destination has which version of a release, counted and listed inside the database.

Reads only: deliveries, destinations, acknowledgements. A million recipients are one grouping over an index, and the
list goes by pages: nothing holds all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, Text, and_, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.outcome import OLD_STANDS
from distributor.core.release import Action
from distributor.storage.out import SHOWS, may_stand
from distributor.storage.schema import acknowledgements, deliveries, destinations

_OPEN = ("unknown", "case")


@dataclass(frozen=True, slots=True)
class Target:
    """What everybody should have: the revision that stands, and what it does. Revision 0: nothing was approved."""

    release_id: str
    revision: int
    action: Action


async def groups(connection: AsyncConnection, target: Target) -> list[dict[str, Any]]:
    """How many destinations are in the same position: channel, status, shown (revision, 0 for none), state and code of
    the delivery that would bring the target (None where there is none), destination_status, blocked (an earlier
    delivery there is unresolved), left (why something old still stands beside what was sent: core.outcome.Old; None
    where nothing does), count, acknowledged."""
    positions = _positions(target).subquery()
    told = _told(target).subquery()
    keys = [positions.c[name] for name in ("channel", "status", "shown", "state", "code", "blocked", "left")]
    query = (
        select(
            *keys,
            destinations.c.status.label("destination_status"),
            func.count().label("count"),
            func.count(told.c.destination_id).label("acknowledged"),
        )
        .select_from(_beside(positions, told))
        .group_by(*keys, destinations.c.status)
        .order_by(positions.c.channel, positions.c.status, positions.c.shown)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def holders(
    connection: AsyncConnection, target: Target, *, status: str = "", channel: str = "", after: int = 0, most: int = 50
) -> list[dict[str, Any]]:
    """One row for each destination, by its number: the columns of `groups`, and destination_id, address, label,
    delivery_id, reason and updated_at of the delivery that would bring the target, acknowledged_at."""
    # The page is cut inside, so that a database which groups in the order of its index stops there.
    narrowed = _positions(target, status).where(deliveries.c.destination_id > after)
    if channel:
        narrowed = narrowed.where(deliveries.c.channel == channel)
    narrowed = narrowed.order_by(deliveries.c.destination_id).limit(most)
    positions, told, bringing = narrowed.subquery(), _told(target).subquery(), deliveries.alias("bringing")
    query = (
        select(
            positions,
            destinations.c.address,
            destinations.c.label,
            destinations.c.kind,
            destinations.c.status.label("destination_status"),
            bringing.c.reason,
            bringing.c.updated_at,
            told.c.at.label("acknowledged_at"),
        )
        .select_from(_beside(positions, told).outerjoin(bringing, bringing.c.id == positions.c.delivery_id))
        .order_by(positions.c.destination_id)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


def _beside(positions: Subquery, told: Subquery) -> Any:
    there = destinations.c.id == positions.c.destination_id
    return positions.join(destinations, there).outerjoin(told, told.c.destination_id == positions.c.destination_id)


def _told(target: Target) -> Select[Any]:
    mine = acknowledgements.c.release_id == target.release_id
    return select(acknowledgements.c.destination_id, acknowledgements.c.at).where(
        mine, acknowledgements.c.revision == target.revision
    )


def _positions(target: Target, status: str = "") -> Select[Any]:
    """One row for each destination to which anything of the release was ever promised; of one status, or all."""
    state, action, revision = deliveries.c.state, deliveries.c.action, deliveries.c.revision
    sent = state == "sent"
    shows = action.in_(SHOWS)
    bringing = and_(revision == target.revision, action.in_([*SHOWS, Action.WITHDRAW.value]))
    shown = _newest(and_(shows, sent), revision)
    gone = _newest(and_(action == Action.WITHDRAW.value, sent), revision)
    coming = and_(state == "sending", revision == target.revision)
    maybe = _newest(and_(shows, ~sent, ~coming, may_stand()), revision)
    found = func.max(case((bringing, state)))
    left = _left(and_(sent, action == Action.WITHDRAW.value if target.action is Action.WITHDRAW else bringing))
    stands = _status(target, shown, gone, maybe, found, left)
    query = (
        select(
            deliveries.c.destination_id,
            # A destination has one channel; grouped by it too, SQLite would sort what its index has in order.
            func.max(deliveries.c.channel).label("channel"),
            shown.label("shown"),
            found.label("state"),
            func.max(case((bringing, deliveries.c.code))).label("code"),
            func.max(case((bringing, deliveries.c.id))).label("delivery_id"),
            _newest(and_(revision < target.revision, state.in_(_OPEN)), literal(1)).label("blocked"),
            left.label("left"),
            stands.label("status"),
        )
        .where(deliveries.c.release_id == target.release_id)
        .group_by(deliveries.c.destination_id)
    )
    return query.having(stands == status) if status else query


def _newest(where: ColumnElement[bool], value: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(func.max(case((where, value))), 0)


def _left(last: ColumnElement[bool]) -> ColumnElement[str]:
    """What the receipt of what was sent last says of old content beside it. Nearly all say nothing: they are not read
    as JSON, which would take longer than everything else."""
    says = cast(deliveries.c.receipt, Text).contains(json.dumps(OLD_STANDS))
    return func.max(case((and_(last, says), deliveries.c.receipt[("detail", OLD_STANDS)].as_string())))


def _status(
    target: Target,
    shown: ColumnElement[int],
    gone: ColumnElement[int],
    maybe: ColumnElement[int],
    found: ColumnElement[str],
    left: ColumnElement[str],
) -> ColumnElement[str]:
    """Where a destination stands: office.coverage.Status."""
    done = "gone" if target.action is Action.WITHDRAW else "current"
    alone = case((left.is_not(None), literal("labelled")), else_=literal(done))
    if target.action is Action.WITHDRAW:
        return case(
            # Whichever withdrawal it was: a repeated one leaves out where an earlier one has done its work.
            (and_(gone > shown, gone > maybe), alone),
            (shown > 0, literal("old")),
            (maybe > 0, literal("doubt")),
            else_=literal("none"),
        )
    coming = found.in_(["queued", "waiting", "sending"])
    return case(
        (and_(shown > 0, shown >= target.revision), alone),
        (shown > 0, literal("old")),
        (maybe > 0, literal("doubt")),
        (coming, literal("coming")),
        else_=literal("none"),
    )
