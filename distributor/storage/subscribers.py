"""Destinations: the channels' own accounts, and subscribers with what they asked for.

May touch: destinations, subscriptions; inside the caller's transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.storage.schema import destinations, subscriptions


async def ensure_own(connection: AsyncConnection, channel: str, configured: str, now: datetime) -> None:
    """The channel's own account, as the settings name it. One whose address moved keeps its row and its new
    address; one that the settings name no more is suspended."""
    own = (destinations.c.channel == channel, destinations.c.kind == "own")
    gone = "no longer in the settings"
    await connection.execute(
        update(destinations)
        .where(*own, destinations.c.configured != configured)
        .values(status="suspended", reason=gone)
    )
    here = (*own, destinations.c.configured == configured)
    if (await connection.execute(select(destinations.c.id).where(*here))).first() is None:
        values = {"channel": channel, "address": configured, "configured": configured, "kind": "own", "created_at": now}
        await connection.execute(insert(destinations).values(**values))
    else:
        await connection.execute(
            update(destinations).where(*here, destinations.c.reason == gone).values(status="active", reason="")
        )


async def put(
    connection: AsyncConnection,
    channel: str,
    address: str,
    label: str,
    language: str,
    facets: Mapping[str, Iterable[str]],
    now: datetime,
    trusted: bool | None = None,
) -> int:
    """Add a subscriber, or replace what an existing one asked for (which makes it active again). Returns its id.

    `trusted`: may have a text before its embargo ends; None leaves it as it is, which for a new one, and for one that
    had left, is no.
    """
    here = (destinations.c.channel == channel, destinations.c.address == address)
    row = (await connection.execute(select(destinations.c.id, destinations.c.status).where(*here))).first()
    if row is None:
        done = await connection.execute(
            insert(destinations)
            .values(
                channel=channel,
                address=address,
                kind="subscriber",
                label=label,
                language=language,
                token=secrets.token_urlsafe(24),
                trusted=bool(trusted),
                created_at=now,
            )
            .returning(destinations.c.id)
        )
        found = int(done.scalar_one())
    else:
        found = int(row.id)
        kept = {"trusted": bool(trusted)} if trusted is not None or row.status == "unsubscribed" else {}
        await connection.execute(
            update(destinations)
            .where(destinations.c.id == found)
            .values(label=label, language=language, status="active", reason="", **kept)
        )
        await connection.execute(delete(subscriptions).where(subscriptions.c.destination_id == found))
    rows = [
        {"destination_id": found, "facet": facet, "value": value}
        for facet, values in facets.items()
        for value in sorted(set(values))
    ]
    if rows:
        await connection.execute(insert(subscriptions), rows)
    return found


async def is_trusted(connection: AsyncConnection, destination_id: int) -> bool:
    """True where it may have a text before its embargo ends."""
    query = select(destinations.c.trusted).where(destinations.c.id == destination_id)
    return bool((await connection.execute(query)).scalar())


async def subscribers(connection: AsyncConnection, channel: str = "") -> list[dict[str, Any]]:
    """Every subscriber with its facets, by id."""
    query = select(destinations).where(destinations.c.kind == "subscriber").order_by(destinations.c.id)
    if channel:
        query = query.where(destinations.c.channel == channel)
    rows = {row["id"]: dict(row) | {"facets": {}} for row in (await connection.execute(query)).mappings()}
    for facet in (await connection.execute(select(subscriptions))).all():
        if facet.destination_id in rows:
            rows[facet.destination_id]["facets"].setdefault(facet.facet, []).append(facet.value)
    return list(rows.values())


async def count_active(connection: AsyncConnection, channel: str) -> int:
    """How many destinations of a channel may get something."""
    query = select(func.count()).where(destinations.c.channel == channel, destinations.c.status == "active")
    return int((await connection.execute(query)).scalar_one())


async def by_token(connection: AsyncConnection, token: str) -> dict[str, Any] | None:
    """The subscriber behind an unsubscribe link. An empty token finds nobody."""
    if not token:
        return None
    row = (await connection.execute(select(destinations).where(destinations.c.token == token))).mappings().first()
    return dict(row) if row else None


async def set_status(connection: AsyncConnection, destination_id: int, status: str, reason: str) -> None:
    """active, suspended or unsubscribed, and why."""
    await connection.execute(
        update(destinations).where(destinations.c.id == destination_id).values(status=status, reason=reason)
    )
