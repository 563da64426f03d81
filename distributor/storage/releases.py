"""Releases, their revisions, renderings and the decisions over them.

May touch: releases, revisions, renderings, decisions; inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import RowMapping, case, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data, to_data
from distributor.core.release import Action, ReleaseState, Revision
from distributor.core.rendering import Problem, Rendering
from distributor.storage.schema import (
    decisions,
    releases,
    renderings,
    revisions,
)


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release as it stands. `draft` is its working content; `revision` the newest frozen one, 0 for none; `proposed`
    the frozen one that would follow it and waits for a decision, 0 for none."""

    id: str
    state: ReleaseState
    author_id: int
    draft: Revision
    revision: int
    slug: str
    created_at: datetime
    updated_at: datetime
    proposed: int = 0
    hands: frozenset[int] = frozenset()  # who wrote the working content since it was begun

    @property
    def following(self) -> bool:
        """True while a correction or withdrawal of what is out is being written, or waits for a decision."""
        return self.draft.notice is not None and self.draft.number > self.revision

    @property
    def decided_over(self) -> int:
        """The revision that an approval or a rejection concerns."""
        return self.proposed or self.revision


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
    audience: tuple[tuple[str, str], ...] | None = None  # None: frozen before it was kept


class Stands(Enum):
    """What a frozen revision is to its release: the newest, submitted for a first approval; one that is proposed to
    follow what is out; or a notice beside it (a hold), which replaces nothing."""

    SUBMITTED = "submitted"
    PROPOSED = "proposed"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class Frozen:
    """What preflight made of a revision, as it is kept."""

    content_hash: str
    slug: str
    renderings: Sequence[Rendering]
    problems: Sequence[Problem]
    audience: Sequence[tuple[str, str]]


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
        row["proposed"],
        frozenset(row["hands"]),
    )


async def add(connection: AsyncConnection, draft: Revision, now: datetime) -> None:
    """A new release in state draft."""
    await connection.execute(
        insert(releases).values(
            id=draft.release_id,
            state=ReleaseState.DRAFT.value,
            author_id=draft.author_id,
            draft=to_data(draft),
            hands=[draft.author_id],
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
    checked: Frozen,
    submitter_id: int,
    now: datetime,
    *,
    stands: Stands,
) -> None:
    """Keep a revision with its renderings, and let it stand in the release as told; the draft becomes exactly it,
    but for a notice that stands beside."""
    values = {
        "release_id": revision.release_id,
        "number": revision.number,
        "content": to_data(revision),
        "content_hash": checked.content_hash,
        "problems": [to_data(problem) for problem in checked.problems],
        "audience": [list(pair) for pair in checked.audience],
        "submitter_id": submitter_id,
        "created_at": now,
    }
    await connection.execute(insert(revisions).values(**values))
    if checked.renderings:
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
                for rendering in checked.renderings
            ],
        )
    column = {Stands.SUBMITTED: "revision", Stands.PROPOSED: "proposed"}.get(stands)
    if column is None:
        return
    following: dict[str, Any] = {column: revision.number, "slug": checked.slug}
    if revision.action is not Action.WITHDRAW:  # a correction that somebody is writing outlives a rejected withdrawal
        following["draft"] = to_data(revision)
    if stands is Stands.SUBMITTED:
        following["state"] = ReleaseState.SUBMITTED.value
    await connection.execute(
        update(releases).where(releases.c.id == revision.release_id).values(**following, updated_at=now)
    )


async def set_hands(connection: AsyncConnection, release_id: str, people: Iterable[int]) -> None:
    """Who wrote the working content."""
    values = sorted(set(people))
    await connection.execute(update(releases).where(releases.c.id == release_id).values(hands=values))


async def next_number(connection: AsyncConnection, release_id: str) -> int:
    """The number of the next revision: also those count that were rejected, and notices beside."""
    query = select(func.max(revisions.c.number)).where(revisions.c.release_id == release_id)
    return int((await connection.execute(query)).scalar() or 0) + 1


async def set_proposed(
    connection: AsyncConnection, release_id: str, values: dict[str, Any], now: datetime, *, draft: Revision | None
) -> None:
    """End or begin a proposal: `values` of the columns proposed and revision; `draft` is the working content from now
    on, None: as it is."""
    content = {} if draft is None else {"draft": to_data(draft)}
    await connection.execute(
        update(releases).where(releases.c.id == release_id).values(**values, **content, updated_at=now)
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
        None if row["audience"] is None else tuple((channel, address) for channel, address in row["audience"]),
    )


async def get_renderings(connection: AsyncConnection, release_id: str, number: int) -> list[tuple[int, Rendering]]:
    """The renderings of a revision with their row ids, by channel and language."""
    query = (
        select(renderings.c.id, renderings.c.body)
        .where(renderings.c.release_id == release_id, renderings.c.revision == number)
        .order_by(renderings.c.channel, renderings.c.language)
    )
    return [(row.id, from_data(Rendering, row.body)) for row in (await connection.execute(query)).all()]


async def set_approved(
    connection: AsyncConnection, release_id: str, number: int, value: str, now: datetime, *, beside: bool = False
) -> None:
    """Write the approved hash of a revision; '' voids the approval. Older revisions lose theirs, but for a notice
    that stands `beside` them."""
    mine = revisions.c.number == number
    here = (revisions.c.release_id == release_id, *((mine,) if beside else ()))
    await connection.execute(
        update(revisions)
        .where(*here)
        .values(
            approved_hash=case((mine, value), else_=""),
            approved_at=case((mine, literal(now, revisions.c.approved_at.type)), else_=revisions.c.approved_at),
        )
    )


async def add_decision(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Keep a person's decision (columns of the table decisions)."""
    await connection.execute(insert(decisions).values(**values))


async def decisions_of(connection: AsyncConnection, release_id: str) -> list[dict[str, Any]]:
    """Every decision over a release, oldest first, with the `action` of the revision that it was over ('' for a first
    publication)."""
    over = (revisions.c.release_id == decisions.c.release_id) & (revisions.c.number == decisions.c.revision)
    action = func.coalesce(revisions.c.content["notice"]["action"].as_string(), "").label("action")
    query = select(decisions, action).join(revisions, over).where(decisions.c.release_id == release_id)
    query = query.order_by(decisions.c.id)
    return [dict(row) for row in (await connection.execute(query)).mappings()]
