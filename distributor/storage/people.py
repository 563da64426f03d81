"""People and invitations.

May touch: people, invitations; inside the caller's transaction. Tokens are kept as SHA-256, never as they are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.people import Person, Role
from distributor.storage.schema import invitations, people


def _person(row: RowMapping) -> Person:
    return Person(row["id"], row["name"], Role(row["role"]), row["telegram_id"], row["language"])


async def add(
    connection: AsyncConnection, name: str, role: Role, telegram_id: int | None, language: str, now: datetime
) -> Person:
    """A new person."""
    values = {"name": name, "role": role.value, "telegram_id": telegram_id, "language": language, "created_at": now}
    done = await connection.execute(insert(people).values(**values).returning(people.c.id))
    return Person(done.scalar_one(), name, role, telegram_id, language)


async def get(connection: AsyncConnection, person_id: int) -> Person | None:
    """One person by id."""
    row = (await connection.execute(select(people).where(people.c.id == person_id))).mappings().first()
    return _person(row) if row else None


async def by_telegram(connection: AsyncConnection, telegram_id: int) -> Person | None:
    """The person who joined with this Telegram account."""
    row = (await connection.execute(select(people).where(people.c.telegram_id == telegram_id))).mappings().first()
    return _person(row) if row else None


async def everyone(connection: AsyncConnection) -> list[Person]:
    """All people, also those whose role was taken away, by id."""
    return [_person(row) for row in (await connection.execute(select(people).order_by(people.c.id))).mappings()]


async def change(connection: AsyncConnection, person_id: int, **values: Any) -> None:
    """Set role, name or language of a person."""
    await connection.execute(update(people).where(people.c.id == person_id).values(**values))


async def add_invitation(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Keep an invitation (columns of the table)."""
    await connection.execute(insert(invitations).values(**values))


async def get_invitation(connection: AsyncConnection, token_hash: str) -> dict[str, Any] | None:
    """An invitation by the hash of its token, used and expired ones too."""
    found = await connection.execute(select(invitations).where(invitations.c.token_hash == token_hash))
    row = found.mappings().first()
    return dict(row) if row else None


async def use_invitation(connection: AsyncConnection, invitation_id: int, person_id: int, now: datetime) -> bool:
    """Use it up. False where it was used already."""
    done = await connection.execute(
        update(invitations)
        .where(invitations.c.id == invitation_id, invitations.c.used_at.is_(None))
        .values(used_at=now, used_by=person_id)
    )
    return bool(done.rowcount == 1)
