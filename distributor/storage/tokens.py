"""Single-use tokens: the nonces behind buttons, sign-in links, console sessions.

May touch: nonces, signins, sessions; inside the caller's transaction. Only SHA-256 of a token is kept.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.storage.schema import nonces, sessions, signins


def token_hash(token: str) -> str:
    """What the database keeps of a token: SHA-256 in hex. The token itself is random enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


async def add_nonce(connection: AsyncConnection, token: str, values: dict[str, Any]) -> None:
    """Keep a nonce (columns of the table, without its hash)."""
    await connection.execute(insert(nonces).values(token_hash=token_hash(token), **values))


async def get_nonce(connection: AsyncConnection, token: str) -> dict[str, Any] | None:
    """A nonce, used and expired ones too."""
    query = select(nonces).where(nonces.c.token_hash == token_hash(token))
    row = (await connection.execute(query)).mappings().first()
    return dict(row) if row else None


async def use_nonce(connection: AsyncConnection, token: str, person_id: int, now: datetime) -> bool:
    """Bind it to the person who pressed, for ever. False where it was pressed before."""
    done = await connection.execute(
        update(nonces)
        .where(nonces.c.token_hash == token_hash(token), nonces.c.used_at.is_(None))
        .values(used_at=now, used_by=person_id)
    )
    return bool(done.rowcount == 1)


async def add_signin(connection: AsyncConnection, token: str, person_id: int, now: datetime, until: datetime) -> None:
    """Keep a sign-in link's token."""
    values = {"token_hash": token_hash(token), "person_id": person_id, "created_at": now, "expires_at": until}
    await connection.execute(insert(signins).values(**values))


async def use_signin(connection: AsyncConnection, token: str, now: datetime) -> int | None:
    """Use a sign-in token up; the person's id, or None where it is unknown, used or expired."""
    mine = signins.c.token_hash == token_hash(token)
    done = await connection.execute(
        update(signins).where(mine, signins.c.used_at.is_(None), signins.c.expires_at > now).values(used_at=now)
    )
    if done.rowcount != 1:
        return None
    person: int = (await connection.execute(select(signins.c.person_id).where(mine))).scalar_one()
    return person


async def add_session(connection: AsyncConnection, token: str, person_id: int, now: datetime, until: datetime) -> None:
    """Keep a console session, and forget those that have expired."""
    await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    values = {"token_hash": token_hash(token), "person_id": person_id, "created_at": now, "expires_at": until}
    await connection.execute(insert(sessions).values(**values))


async def session_person(connection: AsyncConnection, token: str, now: datetime) -> int | None:
    """Whose session it is, while it lasts."""
    query = select(sessions.c.person_id).where(sessions.c.token_hash == token_hash(token), sessions.c.expires_at > now)
    person: int | None = (await connection.execute(query)).scalar()
    return person


async def end_session(connection: AsyncConnection, token: str) -> None:
    """Sign out."""
    await connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash(token)))


async def end_sessions_of(connection: AsyncConnection, person_id: int) -> None:
    """Sign a person out everywhere (role taken away)."""
    await connection.execute(delete(sessions).where(sessions.c.person_id == person_id))
