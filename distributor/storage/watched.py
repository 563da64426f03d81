"""What ought to stand at a channel's own account, to be compared with what does.

Reads only: releases, their deliveries to that account, the renderings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import RowMapping, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data
from distributor.core.delivery import FINAL
from distributor.core.outcome import Receipt
from distributor.core.release import Revision
from distributor.core.rendering import Rendering
from distributor.storage.schema import deliveries, destinations, releases, renderings
from distributor.storage.standing import may_stand

log = structlog.get_logger(__name__)

SLACK = timedelta(days=7)  # a release's own time may be older than its last delivery's
_FINAL = frozenset(state.value for state in FINAL)
_SHOWS = frozenset({"publish", "correct"})


@dataclass(frozen=True, slots=True)
class Put:
    """One delivery that was begun: what it put there, or may have. `sent_at` is None until that is known for certain;
    `pending`: it may still come to pass. `named`: the ids in its receipt; `ids`: those and all that its progress
    names."""

    delivery_id: int
    action: str
    rendering: Rendering
    sent_at: datetime | None
    pending: bool
    named: tuple[str, ...]
    ids: frozenset[str]
    receipt: Receipt | None
    progress: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Watched:
    """One release at this account. `puts`: its deliveries in order, without those that were never begun; what nobody
    approved has none. `stands`: the ids that must be there now, empty where something is under way or was withdrawn;
    `first`: since when the oldest of them may be there."""

    release_id: str
    title: str
    puts: tuple[Put, ...]
    stands: tuple[str, ...]
    first: datetime


async def own_since(connection: AsyncConnection, channel: str) -> dict[int, datetime]:
    """The channel's own destinations, and since when each is one: nothing older is ours to judge."""
    query = select(destinations.c.id, destinations.c.created_at)
    query = query.where(destinations.c.channel == channel, destinations.c.kind == "own")
    return {row.id: row.created_at for row in (await connection.execute(query)).all()}


async def watched(
    connection: AsyncConnection, channel: str, destination_ids: list[int], since: datetime, older: Sequence[str] = ()
) -> list[Watched]:
    """Every release that may have put something there since then, and those whose receipts name one of the `older`
    ids. One that cannot be read is left out, so that what stands of it is nobody's, and asked about."""
    own = deliveries.c.destination_id.in_(destination_ids)
    wanted = releases.c.updated_at >= since - SLACK
    if older:
        named = [cast(deliveries.c.receipt, Text).contains(json.dumps(number), autoescape=True) for number in older]
        wanted = or_(wanted, releases.c.id.in_(select(deliveries.c.release_id).where(own, or_(*named))))
    recent = select(releases.c.id, releases.c.draft).where(wanted)
    found = []
    for release in (await connection.execute(recent)).all():
        query = select(deliveries).where(deliveries.c.release_id == release.id, own)
        rows = (await connection.execute(query.order_by(deliveries.c.id))).mappings().all()
        if not any(_begun(row) for row in rows):
            continue
        try:
            title = from_data(Revision, release.draft).title
            puts = await puts_of(connection, [row for row in rows if _begun(row)])
        except (KeyError, TypeError, ValueError) as error:  # a row that somebody forged must not hide the others
            log.warning("what was approved cannot be read", release=release.id, error=type(error).__name__)
            continue
        found.append(_watched(release.id, title, rows, puts))
    return found


async def puts_of(connection: AsyncConnection, rows: Sequence[RowMapping]) -> tuple[Put, ...]:
    """What these deliveries put there, with their renderings. KeyError: one is gone; ValueError: it is none."""
    wanted = {row["rendering_id"] for row in rows}
    query = select(renderings.c.id, renderings.c.body).where(renderings.c.id.in_(wanted))
    bodies = {row.id: from_data(Rendering, row.body) for row in (await connection.execute(query)).all()}
    return tuple(_put(row, bodies[row["rendering_id"]]) for row in rows)


def _begun(row: RowMapping) -> bool:
    """True where a delivery did something there, or may have. What the platform was never asked for is not known there:
    not its words either."""
    return may_stand(row) or (row["state"] not in _FINAL and row["tries"] > 0)


def _put(row: RowMapping, rendering: Rendering) -> Put:
    receipt = from_data(Receipt, row["receipt"]) if row["receipt"] else None
    named = receipt.remote_ids if receipt else ()
    return Put(
        delivery_id=row["id"],
        action=row["action"],
        rendering=rendering,
        sent_at=row["updated_at"] if row["state"] == "sent" else None,
        pending=row["state"] not in _FINAL,
        named=named,
        ids=frozenset((*named, *_numbers(row["progress"]))),
        receipt=receipt,
        progress=row["progress"],
    )


def _watched(release_id: str, title: str, rows: Sequence[RowMapping], made: tuple[Put, ...]) -> Watched:
    sent = [put for put in made if put.sent_at is not None]
    stands: tuple[str, ...] = ()
    if sent and all(row["state"] in _FINAL for row in rows) and sent[-1].action != "withdraw":
        showing = [put for put in sent if put.action in _SHOWS]
        stands = showing[-1].named if showing else ()
    since = [row for row in rows if row["state"] == "sent"] or rows
    first = min(row["intended_at"] or row["updated_at"] for row in since)
    return Watched(release_id, title, made, stands, first)


def _numbers(value: Any) -> Iterator[str]:
    """Every id in what is kept of a delivery's parts: numbers, and texts without spaces."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, str | int) and not isinstance(value, bool) and " " not in str(value):
        yield str(value)
