"""What people read of the deliveries: lists with filters, one delivery, open cases, health.

Reads only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.delivery import FINAL
from distributor.storage.claims import claimable, priorities
from distributor.storage.schema import (
    attempts,
    cases,
    deliveries,
    destinations,
    releases,
    renderings,
    revisions,
    workers,
)


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; every part left empty means all. `before_id` pages back from an id (exclusive)."""

    release_id: str = ""
    channel: str = ""
    state: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None
    most: int = 50


def _query() -> Select[Any]:
    newest = (revisions.c.release_id == deliveries.c.release_id) & (revisions.c.number == deliveries.c.revision)
    return (
        select(
            deliveries,
            destinations.c.address,
            destinations.c.kind.label("destination_kind"),
            destinations.c.label,
            releases.c.slug,
            releases.c.state.label("release_state"),
            revisions.c.content["versions"][0]["title"].as_string().label("title"),
        )
        .join(destinations, destinations.c.id == deliveries.c.destination_id)
        .join(releases, releases.c.id == deliveries.c.release_id)
        .join(revisions, newest)
    )


async def list_deliveries(connection: AsyncConnection, wanted: DeliveryFilter) -> list[dict[str, Any]]:
    """Deliveries, the newest first: every column of the row, and address, destination_kind, label, slug, title."""
    query = _query().order_by(deliveries.c.id.desc()).limit(wanted.most)
    equal = {"release_id": wanted.release_id, "channel": wanted.channel, "state": wanted.state}
    for name, value in equal.items():
        if value:
            query = query.where(deliveries.c[name] == value)
    if wanted.since is not None:
        query = query.where(deliveries.c.updated_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(deliveries.c.updated_at < wanted.until)
    if wanted.before_id is not None:
        query = query.where(deliveries.c.id < wanted.before_id)
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def one_delivery(connection: AsyncConnection, delivery_id: int) -> dict[str, Any] | None:
    """One delivery as in the list, with `rendering` (the body as JSON)."""
    query = _query().add_columns(renderings.c.body.label("rendering"))
    query = query.join(renderings, renderings.c.id == deliveries.c.rendering_id).where(deliveries.c.id == delivery_id)
    row = (await connection.execute(query)).mappings().first()
    return dict(row) if row else None


async def by_channel(connection: AsyncConnection, release_id: str, revision: int) -> dict[str, dict[str, int]]:
    """channel → state → how many, of one revision's deliveries."""
    query = (
        select(deliveries.c.channel, deliveries.c.state, func.count().label("n"))
        .where(deliveries.c.release_id == release_id, deliveries.c.revision == revision)
        .group_by(deliveries.c.channel, deliveries.c.state)
        .order_by(deliveries.c.channel, deliveries.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for row in (await connection.execute(query)).all():
        found.setdefault(row.channel, {})[row.state] = row.n
    return found


async def open_cases(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Unknown outcomes that wait for a person, oldest first: case columns, and release_id, channel, address, title."""
    inner = _query().subquery()
    query = (
        select(cases, inner.c.release_id, inner.c.channel, inner.c.address, inner.c.title, inner.c.slug)
        .join(inner, inner.c.id == cases.c.delivery_id)
        .where(cases.c.resolved_at.is_(None))
        .order_by(cases.c.id)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def open_case_id(connection: AsyncConnection, delivery_id: int) -> int:
    """The number of a delivery's open case, 0 where none is open."""
    query = select(cases.c.id).where(cases.c.delivery_id == delivery_id, cases.c.resolved_at.is_(None))
    return int((await connection.execute(query.limit(1))).scalar() or 0)


async def oldest_due(connection: AsyncConnection, channels: Iterable[str]) -> dict[str, datetime]:
    """Of each of these channels in which something is due or will be: the due time of the delivery that has waited
    longest and waits for no other one. One look-up for each priority, whatever the channel's length."""
    earlier = deliveries.alias("earlier")
    blocked = exists().where(
        earlier.c.destination_id == deliveries.c.destination_id,
        earlier.c.release_id == deliveries.c.release_id,
        earlier.c.id < deliveries.c.id,
        earlier.c.state.not_in([state.value for state in FINAL]),
    )
    found: dict[str, datetime] = {}
    for channel in channels:
        for priority in await priorities(connection, channel):
            here = (*claimable(channel), deliveries.c.priority == priority, ~blocked)
            query = select(deliveries.c.due).where(*here).order_by(deliveries.c.due).limit(1)
            due = (await connection.execute(query)).scalar()
            if due is not None:
                found[channel] = min(due, found.get(channel, due))
    return found


async def last_attempt(connection: AsyncConnection) -> datetime | None:
    """When the newest attempt ended."""
    query = select(attempts.c.finished_at).order_by(attempts.c.id.desc()).limit(1)
    moment: datetime | None = (await connection.execute(query)).scalar()
    return moment


async def heartbeats(connection: AsyncConnection) -> dict[str, datetime]:
    """worker → its last heartbeat."""
    return {row.name: row.beat_at for row in (await connection.execute(select(workers))).all()}


async def counts(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """(channel, state) → how many deliveries, for the metrics."""
    query = select(deliveries.c.channel, deliveries.c.state, func.count().label("n")).group_by(
        deliveries.c.channel, deliveries.c.state
    )
    return {(row.channel, row.state): row.n for row in (await connection.execute(query)).all()}
