"""Acknowledgements: which reader said of which notice that it was read.

May touch: acknowledgements; reads deliveries and destinations; inside the caller's transaction.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.storage.schema import acknowledgements, deliveries, destinations


@dataclass(frozen=True, slots=True)
class Reader:
    """The subscriber behind a link."""

    id: int
    channel: str


async def reader(connection: AsyncConnection, token: str, release_id: str, revision: int) -> Reader | None:
    """Who holds a token, where this revision was promised to them; None for every other one, and none says why."""
    if not token:
        return None
    query = (
        select(destinations.c.id, destinations.c.channel, destinations.c.token)
        .join(deliveries, deliveries.c.destination_id == destinations.c.id)
        .where(
            destinations.c.token == token,
            deliveries.c.release_id == release_id,
            deliveries.c.revision == revision,
        )
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    # Once more, exactly and in constant time: a database may compare texts in a way of its own.
    if row is None or not hmac.compare_digest(row.token.encode(), token.encode()):
        return None
    return Reader(row.id, row.channel)


async def put(connection: AsyncConnection, release_id: str, revision: int, destination_id: int, now: datetime) -> bool:
    """Keep one. False, and the first one's time stays, where it is there. The caller has the log's turn, so that no
    second one comes between."""
    here = (
        acknowledgements.c.release_id == release_id,
        acknowledgements.c.revision == revision,
        acknowledgements.c.destination_id == destination_id,
    )
    if (await connection.execute(select(acknowledgements.c.at).where(*here))).first() is not None:
        return False
    values = {"release_id": release_id, "revision": revision, "destination_id": destination_id, "at": now}
    await connection.execute(insert(acknowledgements).values(**values))
    return True


async def counts(connection: AsyncConnection, release_id: str) -> dict[int, int]:
    """Revision → how many readers acknowledged it."""
    query = (
        select(acknowledgements.c.revision, func.count().label("number"))
        .where(acknowledgements.c.release_id == release_id)
        .group_by(acknowledgements.c.revision)
    )
    return {row.revision: int(row.number) for row in (await connection.execute(query)).all()}


async def of_release(connection: AsyncConnection, release_id: str, most: int) -> list[dict[str, Any]]:
    """The newest of a release, with who it was."""
    query = (
        select(
            acknowledgements.c.revision,
            acknowledgements.c.at,
            acknowledgements.c.destination_id,
            destinations.c.channel,
            destinations.c.label,
            destinations.c.address,
        )
        .join(destinations, destinations.c.id == acknowledgements.c.destination_id)
        .where(acknowledgements.c.release_id == release_id)
        .order_by(acknowledgements.c.at.desc(), acknowledgements.c.destination_id)
        .limit(most)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]
