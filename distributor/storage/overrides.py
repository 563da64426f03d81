"""Overrides: blocking findings that somebody answers for, with the reason.

May touch: the table overrides, inside the caller's transaction. Which findings may be overridden is the office's rule.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.storage.schema import overrides


async def given(connection: AsyncConnection, release_id: str) -> dict[str, tuple[str, int]]:
    """Every override of a release: the finding's key, with the reason and the person's id."""
    query = select(overrides.c.finding, overrides.c.reason, overrides.c.person_id)
    rows = (await connection.execute(query.where(overrides.c.release_id == release_id))).all()
    return {row.finding: (row.reason, row.person_id) for row in rows}


async def put(
    connection: AsyncConnection, release_id: str, finding: str, code: str, reason: str, person_id: int, now: datetime
) -> None:
    """Answer for a finding. A later answer to the same one replaces the earlier."""
    await remove(connection, release_id, finding)
    await connection.execute(
        insert(overrides).values(
            release_id=release_id, finding=finding, code=code, reason=reason, person_id=person_id, at=now
        )
    )


async def remove(connection: AsyncConnection, release_id: str, finding: str) -> bool:
    """Take an answer back; False where there was none."""
    mine = (overrides.c.release_id == release_id, overrides.c.finding == finding)
    return bool((await connection.execute(delete(overrides).where(*mine))).rowcount)
