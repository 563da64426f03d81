"""The bot's memory: updates, conversations, albums that arrive in parts, messages that it keeps up to date.

May touch: updates, conversations, album_parts, status_messages. Nothing of this lives in the process: a restart
loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.storage.schema import album_parts, conversations, status_messages, updates


async def receive(connection: AsyncConnection, update_id: int, body: dict[str, Any], now: datetime) -> bool:
    """Keep an update before it is acknowledged. False where it came before."""
    known = await connection.execute(select(updates.c.update_id).where(updates.c.update_id == update_id))
    if known.first() is not None:
        return False
    await connection.execute(insert(updates).values(update_id=update_id, received_at=now, body=body))
    return True


async def processed(connection: AsyncConnection, update_id: int, now: datetime) -> None:
    """Mark an update as done; its body is forgotten, its number is kept."""
    await connection.execute(
        update(updates).where(updates.c.update_id == update_id).values(processed_at=now, body=None)
    )


async def unprocessed(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Bodies of updates that were received and not processed (after a restart), oldest first."""
    query = select(updates.c.body).where(updates.c.processed_at.is_(None)).order_by(updates.c.update_id)
    return [row.body for row in (await connection.execute(query)).all() if row.body]


async def last_update(connection: AsyncConnection) -> int:
    """The highest update number received, 0 for none."""
    return int((await connection.execute(select(func.max(updates.c.update_id)))).scalar() or 0)


async def forget_updates(connection: AsyncConnection, before: datetime) -> None:
    """Drop the numbers of processed updates so old that the platform no longer repeats them."""
    await connection.execute(delete(updates).where(updates.c.received_at < before, updates.c.processed_at.is_not(None)))


async def conversation(connection: AsyncConnection, chat_id: int, person_id: int) -> dict[str, Any]:
    """What a person is in the midst of in a chat; empty for nothing."""
    query = select(conversations.c.state).where(
        conversations.c.chat_id == chat_id, conversations.c.person_id == person_id
    )
    return dict((await connection.execute(query)).scalar() or {})


async def set_conversation(
    connection: AsyncConnection, chat_id: int, person_id: int, state: dict[str, Any], now: datetime
) -> None:
    """Keep it; an empty state forgets it."""
    mine = (conversations.c.chat_id == chat_id, conversations.c.person_id == person_id)
    await connection.execute(delete(conversations).where(*mine))
    if state:
        values = {"chat_id": chat_id, "person_id": person_id, "state": state, "updated_at": now}
        await connection.execute(insert(conversations).values(**values))


async def add_album_part(
    connection: AsyncConnection, chat_id: int, group_id: str, message_id: int, body: dict[str, Any], now: datetime
) -> None:
    """Keep one message of an album; the same message twice is kept once."""
    mine = (album_parts.c.chat_id == chat_id, album_parts.c.message_id == message_id)
    if (await connection.execute(select(album_parts.c.id).where(*mine))).first() is None:
        values = {"chat_id": chat_id, "group_id": group_id, "message_id": message_id, "body": body, "received_at": now}
        await connection.execute(insert(album_parts).values(**values))


async def take_complete_albums(connection: AsyncConnection, quiet_since: datetime) -> list[list[dict[str, Any]]]:
    """Albums whose last part came before the time given, removed from the table, parts in their order."""
    groups = await connection.execute(
        select(album_parts.c.chat_id, album_parts.c.group_id)
        .group_by(album_parts.c.chat_id, album_parts.c.group_id)
        .having(func.max(album_parts.c.received_at) <= quiet_since)
    )
    albums = []
    for chat_id, group_id in groups.all():
        mine = (album_parts.c.chat_id == chat_id, album_parts.c.group_id == group_id)
        rows = await connection.execute(select(album_parts.c.body).where(*mine).order_by(album_parts.c.message_id))
        albums.append([row.body for row in rows.all()])
        await connection.execute(delete(album_parts).where(*mine))
    return albums


async def add_status_message(
    connection: AsyncConnection, chat_id: int, message_id: int, subject: str, role: str, shown: str, now: datetime
) -> None:
    """Remember a message that will be edited as things change. `shown`: fingerprint of what it shows."""
    values = {
        "chat_id": chat_id,
        "message_id": message_id,
        "subject": subject,
        "role": role,
        "shown": shown,
        "sent_at": now,
    }
    await connection.execute(insert(status_messages).values(**values))


async def status_messages_of(connection: AsyncConnection, subject: str) -> Sequence[dict[str, Any]]:
    """Every message kept about a subject, oldest first."""
    query = select(status_messages).where(status_messages.c.subject == subject).order_by(status_messages.c.sent_at)
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def set_shown(connection: AsyncConnection, chat_id: int, message_id: int, shown: str) -> None:
    """The message now shows this."""
    await connection.execute(
        update(status_messages)
        .where(status_messages.c.chat_id == chat_id, status_messages.c.message_id == message_id)
        .values(shown=shown)
    )


async def forget_status_message(connection: AsyncConnection, chat_id: int, message_id: int) -> None:
    """The message is gone, or will not be edited any more."""
    await connection.execute(
        delete(status_messages).where(status_messages.c.chat_id == chat_id, status_messages.c.message_id == message_id)
    )
