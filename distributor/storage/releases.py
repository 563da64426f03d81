"""Releases, their revisions, renderings and the decisions over them.

May touch: releases, revisions, renderings, decisions; inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, case, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data, to_data
from distributor.core.release import ReleaseState, Revision
from distributor.core.rendering import Problem, Rendering
from distributor.storage.schema import (
    decisions,
    releases,
    renderings,
    revisions,
)


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release as it stands. `draft` is its working content; `revision` the newest frozen one, 0 for none."""

    id: str
    state: ReleaseState
    author_id: int
    draft: Revision
    revision: int
    slug: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A frozen revision with what was found in it and who stands for it."""

    id: int
    content: Revision
    content_hash: str
    problems: tuple[Problem, ...]
    submitter_id: int
    approved_hash: str
    approved_at: datetime | None
    created_at: datetime


def _release(row: RowMapping) -> ReleaseRow:
    return ReleaseRow(
        row["id"],
        ReleaseState(row["state"]),
        row["author_id"],
        from_data(Revision, row["draft"]),
        row["revision"],
        row["slug"],
        row["created_at"],
        row["updated_at"],
    )


async def add(connection: AsyncConnection, draft: Revision, now: datetime) -> None:
    """A new release in state draft."""
    await connection.execute(
        insert(releases).values(
            id=draft.release_id,
            state=ReleaseState.DRAFT.value,
            author_id=draft.author_id,
            draft=to_data(draft),
            created_at=now,
            updated_at=now,
        )
    )


async def get(connection: AsyncConnection, release_id: str, *, lock: bool = False) -> ReleaseRow | None:
    """One release; with `lock`, nobody else decides over it until the transaction ends (SQLite has one writer)."""
    query = select(releases).where(releases.c.id == release_id)
    query = query.with_for_update() if lock else query
    row = (await connection.execute(query)).mappings().first()
    return _release(row) if row else None


async def newest(
    connection: AsyncConnection, *, state: str = "", author_id: int | None = None, most: int = 50
) -> list[ReleaseRow]:
    """Releases, the last changed first."""
    query = select(releases).order_by(releases.c.updated_at.desc(), releases.c.id).limit(most)
    if state:
        query = query.where(releases.c.state == state)
    if author_id is not None:
        query = query.where(releases.c.author_id == author_id)
    return [_release(row) for row in (await connection.execute(query)).mappings()]


async def change_draft(connection: AsyncConnection, draft: Revision, state: ReleaseState, now: datetime) -> None:
    """Replace the working content, and set the state that follows from it."""
    await connection.execute(
        update(releases)
        .where(releases.c.id == draft.release_id)
        .values(draft=to_data(draft), state=state.value, updated_at=now)
    )


async def set_state(
    connection: AsyncConnection, release_id: str, before: Sequence[ReleaseState], after: ReleaseState, now: datetime
) -> bool:
    """Take a step, only from the states given. False where another was faster."""
    done = await connection.execute(
        update(releases)
        .where(releases.c.id == release_id, releases.c.state.in_([state.value for state in before]))
        .values(state=after.value, updated_at=now)
    )
    return bool(done.rowcount == 1)


async def freeze(
    connection: AsyncConnection,
    revision: Revision,
    content_hash: str,
    problems: Sequence[Problem],
    made: Sequence[Rendering],
    submitter_id: int,
    slug: str,
    now: datetime,
) -> None:
    """Keep a revision with its renderings, and make it the release's newest; the draft becomes exactly it."""
    values = {
        "release_id": revision.release_id,
        "number": revision.number,
        "content": to_data(revision),
        "content_hash": content_hash,
        "problems": [to_data(problem) for problem in problems],
        "submitter_id": submitter_id,
        "created_at": now,
    }
    await connection.execute(insert(revisions).values(**values))
    if made:
        await connection.execute(
            insert(renderings),
            [
                {
                    "release_id": revision.release_id,
                    "revision": revision.number,
                    "channel": rendering.channel,
                    "language": rendering.language,
                    "body": to_data(rendering),
                    "hash": rendering.hash,
                }
                for rendering in made
            ],
        )
    await connection.execute(
        update(releases)
        .where(releases.c.id == revision.release_id)
        .values(
            revision=revision.number,
            draft=to_data(revision),
            slug=slug,
            state=ReleaseState.SUBMITTED.value,
            updated_at=now,
        )
    )


async def get_revision(connection: AsyncConnection, release_id: str, number: int) -> RevisionRow | None:
    """One frozen revision."""
    query = select(revisions).where(revisions.c.release_id == release_id, revisions.c.number == number)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    return RevisionRow(
        row["id"],
        from_data(Revision, row["content"]),
        row["content_hash"],
        tuple(from_data(Problem, item) for item in row["problems"]),
        row["submitter_id"],
        row["approved_hash"],
        row["approved_at"],
        row["created_at"],
    )


async def get_renderings(connection: AsyncConnection, release_id: str, number: int) -> list[tuple[int, Rendering]]:
    """The renderings of a revision with their row ids, by channel and language."""
    query = (
        select(renderings.c.id, renderings.c.body)
        .where(renderings.c.release_id == release_id, renderings.c.revision == number)
        .order_by(renderings.c.channel, renderings.c.language)
    )
    return [(row.id, from_data(Rendering, row.body)) for row in (await connection.execute(query)).all()]


async def set_approved(connection: AsyncConnection, release_id: str, number: int, value: str, now: datetime) -> None:
    """Write the approved hash of a revision; '' voids the approval. Older revisions lose theirs."""
    mine = revisions.c.number == number
    await connection.execute(
        update(revisions)
        .where(revisions.c.release_id == release_id)
        .values(
            approved_hash=case((mine, value), else_=""),
            approved_at=case((mine, literal(now, revisions.c.approved_at.type)), else_=revisions.c.approved_at),
        )
    )


async def add_decision(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Keep a person's decision (columns of the table decisions)."""
    await connection.execute(insert(decisions).values(**values))


async def decisions_of(connection: AsyncConnection, release_id: str) -> list[dict[str, Any]]:
    """Every decision over a release, oldest first."""
    query = select(decisions).where(decisions.c.release_id == release_id).order_by(decisions.c.id)
    return [dict(row) for row in (await connection.execute(query)).mappings()]
