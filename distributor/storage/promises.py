"""The promise of an approval: deliveries expanded inside the database, and taken back while nothing has left.

May touch: deliveries; reads destinations and subscriptions; inside the caller's transaction. Recipients are rows of
one statement, never a list in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, exists, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.release import Action, Revision
from distributor.core.rendering import Rendering
from distributor.storage.out import is_out
from distributor.storage.schema import deliveries, destinations, subscriptions


@dataclass(frozen=True, slots=True)
class Promise:
    """What is common to the deliveries of one rendering: see columns of the table deliveries."""

    rendering_id: int
    rendering: Rendering
    other_languages: tuple[str, ...]  # renderings of the same channel that subscribers may prefer
    prepares: bool  # repeatable calls come before the publishing one
    calls: int  # of the platform's quota that one attempt takes
    default: bool  # the rendering for the own account and for subscribers without a wish that can be met


async def promise(
    connection: AsyncConnection,
    revision: Revision,
    content_hash: str,
    part: Promise,
    facets: dict[str, list[str]],
    fixed: dict[str, Any],
) -> int:
    """Create the deliveries of one rendering inside the database: one row for each destination that wants it.

    `facets` maps region, topic and kind to the revision's values (regions with their parents). `fixed` holds
    action, priority, due, deadline and created_at, and `due_trusted` where trusted subscribers have it earlier. Returns
    how many were created. A large job stands behind small ones of the same urgency: each further digit of its size is
    one step of priority.
    """
    wants = _of_rendering(part)
    for facet, values in facets.items():
        mine = and_(subscriptions.c.destination_id == destinations.c.id, subscriptions.c.facet == facet)
        wants.append(or_(~exists().where(mine), exists().where(mine, subscriptions.c.value.in_(values))))
    return await _expand(connection, revision, content_hash, part, wants, fixed)


async def promise_after(
    connection: AsyncConnection,
    revision: Revision,
    content_hash: str,
    part: Promise,
    fixed: dict[str, Any],
    *,
    out: bool,
) -> int:
    """The same for a revision that follows one: `out`, for those destinations where something of the release stands or
    may stand (an unknown outcome included), and no others; without it, for those that were promised an earlier one and
    certainly got nothing. What they asked for since does not count: they have it, or were to have it."""
    theirs = (
        deliveries.c.release_id == revision.release_id,
        deliveries.c.destination_id == destinations.c.id,
        deliveries.c.revision < revision.number,  # not what this same decision has promised a moment ago
    )
    reached: ColumnElement[bool] = exists().where(*theirs, is_out())
    if fixed["action"] == Action.LIFT.value:  # those who were told of the hold, or may have been, and of no end since
        reached = exists().where(*theirs, deliveries.c.action == Action.HOLD.value, is_out(), ~_lifted_since())
    elif fixed["action"] == Action.WITHDRAW.value:  # again only where an earlier withdrawal has not done its work
        done = (deliveries.c.action == Action.WITHDRAW.value, deliveries.c.state == "sent")
        reached = and_(reached, ~exists().where(*theirs, *done))
    wants = [*_of_rendering(part), reached if out else and_(exists().where(*theirs), ~reached)]
    return await _expand(connection, revision, content_hash, part, wants, fixed)


def _lifted_since() -> ColumnElement[bool]:
    """True where a delivery's reader was told of the end of a hold after it."""
    later = deliveries.alias("later")
    return exists().where(
        later.c.release_id == deliveries.c.release_id,
        later.c.destination_id == deliveries.c.destination_id,
        later.c.action == Action.LIFT.value,
        later.c.state == "sent",
        later.c.id > deliveries.c.id,
    )


def _of_rendering(part: Promise) -> list[ColumnElement[bool]]:
    """The active destinations of a rendering's channel that read its language."""
    wants = [destinations.c.channel == part.rendering.channel, destinations.c.status == "active"]
    if part.default:
        return [*wants, destinations.c.language.not_in(part.other_languages)]
    return [*wants, destinations.c.language == part.rendering.language, destinations.c.kind == "subscriber"]


async def _expand(
    connection: AsyncConnection,
    revision: Revision,
    content_hash: str,
    part: Promise,
    wants: list[ColumnElement[bool]],
    fixed: dict[str, Any],
) -> int:
    # Counted once for all rows, in the statement itself: it refers to none of them. The urgencies stand ten apart
    # (core.delivery.Priority), and no list has more than ten digits.
    size = select(func.count()).select_from(destinations).where(*wants).correlate(None).scalar_subquery()
    digits = func.length(cast(size, Text))
    moment = deliveries.c.due.type
    due: ColumnElement[Any] = literal(fixed["due"], moment)
    if "due_trusted" in fixed:
        due = case((destinations.c.trusted, literal(fixed["due_trusted"], moment)), else_=due)
    columns: dict[str, Any] = {
        "release_id": literal(revision.release_id),
        "revision": literal(revision.number),
        "action": literal(fixed["action"]),
        "channel": literal(part.rendering.channel),
        "destination_id": destinations.c.id,
        "rendering_id": literal(part.rendering_id),
        "content_hash": literal(content_hash),
        "state": literal("queued"),
        "priority": literal(fixed["priority"]) + digits - 1,
        "prepares": literal(part.prepares),
        "calls": literal(part.calls),
        "due": due,
        "deadline": literal(fixed["deadline"], moment),
        "progress": literal({}, deliveries.c.progress.type),
        "created_at": literal(fixed["created_at"], moment),
        "updated_at": literal(fixed["created_at"], moment),
    }
    chosen = select(*columns.values()).where(*wants).order_by(destinations.c.id)
    done = await connection.execute(insert(deliveries).from_select(list(columns), chosen))
    return int(done.rowcount)


async def stranded(connection: AsyncConnection, release_id: str) -> list[tuple[str, str]]:
    """Channel and address of own accounts at which something of the release stands and that the settings name no more:
    nothing that follows can be brought there."""
    mine = and_(deliveries.c.destination_id == destinations.c.id, deliveries.c.release_id == release_id, is_out())
    query = select(destinations.c.channel, destinations.c.address).where(
        destinations.c.kind == "own", destinations.c.status != "active", exists().where(mine)
    )
    return [(row.channel, row.address) for row in await connection.execute(query.order_by(destinations.c.id))]


async def channels_out(connection: AsyncConnection, release_id: str) -> frozenset[str]:
    """The channels at which something of the release is there, or may be."""
    query = select(deliveries.c.channel).where(deliveries.c.release_id == release_id, is_out()).distinct()
    return frozenset((await connection.execute(query)).scalars().all())


async def channels_reached(connection: AsyncConnection, release_id: str) -> frozenset[str]:
    """Every channel that was promised the release, also where it is still on its way or ended badly: what follows is
    proposed now and approved later, and in between it may get there, or somebody sends a dead letter again."""
    query = select(deliveries.c.channel).where(deliveries.c.release_id == release_id).distinct()
    return frozenset((await connection.execute(query)).scalars().all())


async def most_calls(connection: AsyncConnection, release_id: str, channel: str) -> int:
    """The most calls that one delivery of the release has taken there."""
    query = select(func.max(deliveries.c.calls))
    query = query.where(deliveries.c.release_id == release_id, deliveries.c.channel == channel)
    return int((await connection.execute(query)).scalar_one() or 0)


async def has_left(connection: AsyncConnection, release_id: str) -> bool:
    """True where something of the release is out, or may be: a new revision would be a second publication."""
    query = select(deliveries.c.id).where(deliveries.c.release_id == release_id, is_out())
    return (await connection.execute(query.limit(1))).first() is not None


async def cancel_queued(
    connection: AsyncConnection, release_id: str, code: str, reason: str, now: datetime, action: Action | None = None
) -> int:
    """Cancel what waits to be sent of a release, or what of it has this action; it must not stand before what
    follows."""
    waits = [deliveries.c.release_id == release_id, deliveries.c.state.in_(["queued", "waiting"])]
    waits += [] if action is None else [deliveries.c.action == action.value]
    done = await connection.execute(
        update(deliveries).where(*waits).values(state="cancelled", code=code, reason=reason, updated_at=now)
    )
    return int(done.rowcount)


async def release_queue(connection: AsyncConnection, release_id: str, now: datetime) -> None:
    """After a hold: what waited for it may go at once (schedule and embargo are checked again at the claim)."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.release_id == release_id, deliveries.c.state.in_(["queued", "waiting"]))
        .values(due=now, updated_at=now)
    )
