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

_GONE = {"status": "suspended", "reason": "no longer in the settings"}


async def ensure_own(connection: AsyncConnection, configured: Mapping[str, str], now: datetime) -> None:
    """The own accounts of channels, as the settings name them: channel → address. One whose address moved keeps its row
    and its new address, also when the settings are brought up to it; one that the settings name no more is suspended.

    Nearly always they are there and nothing else is: one look, at each approval, instead of three writes a channel.
    """
    names = ("channel", "configured", "address", "status", "reason")
    query = select(*(destinations.c[name] for name in names)).where(
        destinations.c.kind == "own", destinations.c.channel.in_(configured)
    )
    rows = (await connection.execute(query)).all()
    for channel, address in configured.items():
        theirs = [row for row in rows if row.channel == channel]
        own = update(destinations).where(destinations.c.channel == channel, destinations.c.kind == "own")
        here = [row for row in theirs if row.configured == address]
        if not here:
            await _name(connection, channel, address, now)
            theirs = [row for row in theirs if row.address != address]
        if any(row.configured != address and {"status": row.status, "reason": row.reason} != _GONE for row in theirs):
            await connection.execute(own.where(destinations.c.configured != address).values(**_GONE))
        if any(row.reason == _GONE["reason"] for row in here):
            back = own.where(destinations.c.configured == address, destinations.c.reason == _GONE["reason"])
            await connection.execute(back.values(status="active", reason=""))


async def _name(connection: AsyncConnection, channel: str, address: str, now: datetime) -> None:
    """An account that the settings name for the first time: a new row, or the one that has this address already (it
    moved there, or is a subscriber's). Suspended for another reason than the settings, it stays so."""
    there = update(destinations).where(destinations.c.channel == channel, destinations.c.address == address)
    done = await connection.execute(there.values(kind="own", configured=address))
    if done.rowcount:
        back = there.where(destinations.c.reason == _GONE["reason"])
        await connection.execute(back.values(status="active", reason=""))
        return
    values = {"channel": channel, "address": address, "configured": address, "kind": "own", "created_at": now}
    await connection.execute(insert(destinations).values(**values))


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
