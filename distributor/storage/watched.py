"""What ought to stand at a channel's own account, to be compared with what does.

Reads only: releases, their deliveries to that account, the renderings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data
from distributor.core.delivery import FINAL
from distributor.core.outcome import Receipt
from distributor.core.release import Revision
from distributor.core.rendering import Rendering
from distributor.storage.schema import deliveries, destinations, releases, renderings

SLACK = timedelta(days=7)  # a release's own time may be older than its last delivery's
_FINAL = frozenset(state.value for state in FINAL)


@dataclass(frozen=True, slots=True)
class Watched:
    """One release at this account. `ids`: every id that was ever ours; `texts`: of all parts of all its renderings.
    `stands`: the ids that must be there now, empty where something is under way or was withdrawn; `first`: since when
    the oldest of them may be there."""

    release_id: str
    title: str
    ids: frozenset[str]
    texts: frozenset[str]
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
    ids."""
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
        if rows:
            shown = await _texts(connection, release.id, channel)
            found.append(_watched(release.id, from_data(Revision, release.draft).title, list(rows), shown))
    return found


async def _texts(connection: AsyncConnection, release_id: str, channel: str) -> frozenset[str]:
    query = select(renderings.c.body).where(renderings.c.release_id == release_id, renderings.c.channel == channel)
    bodies = (await connection.execute(query)).scalars().all()
    return frozenset(part.text for body in bodies for part in from_data(Rendering, body).parts if part.text)


def _watched(release_id: str, title: str, rows: list[RowMapping], texts: frozenset[str]) -> Watched:
    ids = {number for row in rows for number in (*_receipt(row), *_numbers(row["progress"]))}
    sent = [row for row in rows if row["state"] == "sent"]
    stands: tuple[str, ...] = ()
    if sent and all(row["state"] in _FINAL for row in rows) and sent[-1]["action"] != "withdraw":
        showing = [row for row in sent if row["action"] in {"publish", "correct"}]
        stands = _receipt(showing[-1]) if showing else ()
    first = min(row["intended_at"] or row["updated_at"] for row in sent or rows)
    return Watched(release_id, title, frozenset(ids), texts, stands, first)


def _receipt(row: RowMapping) -> tuple[str, ...]:
    return from_data(Receipt, row["receipt"]).remote_ids if row["receipt"] else ()


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
