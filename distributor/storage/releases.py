"""Releases, their revisions, renderings and the decisions over them.

May touch: releases, revisions, renderings, decisions, and creates deliveries; inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Text, and_, case, cast, exists, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data, to_data
from distributor.core.release import ReleaseState, Revision
from distributor.core.rendering import Problem, Rendering
from distributor.storage.schema import (
    decisions,
    deliveries,
    destinations,
    releases,
    renderings,
    revisions,
    subscriptions,
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


@dataclass(frozen=True, slots=True)
class Promise:
    """What is common to the deliveries of one rendering: see columns of the table deliveries."""

    rendering_id: int
    rendering: Rendering
    other_languages: tuple[str, ...]  # renderings of the same channel that subscribers may prefer
    prepares: bool  # repeatable calls come before the publishing one
    default: bool  # the rendering for the own account and for subscribers without a wish that can be met


async def promise(
    connection: AsyncConnection,
    revision: Revision,
    content_hash: str,
    part: Promise,
    facets: dict[str, list[str]],
    fixed: dict[str, Any],
) -> int:
    """Create the deliveries of one rendering inside the database: one row for each destination that wants it.

    `facets` maps region, topic and kind to the revision's values (regions with their parents). `fixed` holds
    action, priority, due, deadline and created_at. Returns how many were created.
    """
    wants = [destinations.c.channel == part.rendering.channel, destinations.c.status == "active"]
    for facet, values in facets.items():
        mine = and_(subscriptions.c.destination_id == destinations.c.id, subscriptions.c.facet == facet)
        wants.append(or_(~exists().where(mine), exists().where(mine, subscriptions.c.value.in_(values))))
    if part.default:
        wants.append(destinations.c.language.not_in(part.other_languages))
    else:
        wants += [destinations.c.language == part.rendering.language, destinations.c.kind == "subscriber"]
    moment = deliveries.c.due.type
    columns: dict[str, Any] = {
        "release_id": literal(revision.release_id),
        "revision": literal(revision.number),
        "action": literal(fixed["action"]),
        "channel": literal(part.rendering.channel),
        "destination_id": destinations.c.id,
        "rendering_id": literal(part.rendering_id),
        "content_hash": literal(content_hash),
        "state": literal("queued"),
        "priority": literal(fixed["priority"]),
        "prepares": literal(part.prepares),
        "due": literal(fixed["due"], moment),
        "deadline": literal(fixed["deadline"], moment),
        "progress": literal({}, deliveries.c.progress.type),
        "created_at": literal(fixed["created_at"], moment),
        "updated_at": literal(fixed["created_at"], moment),
    }
    chosen = select(*columns.values()).where(*wants).order_by(destinations.c.id)
    done = await connection.execute(insert(deliveries).from_select(list(columns), chosen))
    return int(done.rowcount)


async def has_left(connection: AsyncConnection, release_id: str) -> bool:
    """True where something of the release is out, or may be: a new revision would be a second publication."""
    out = ["sending", "sent", "unknown", "case"]
    query = select(deliveries.c.id).where(
        deliveries.c.release_id == release_id,
        or_(
            deliveries.c.state.in_(out),
            deliveries.c.receipt.is_not(None),
            deliveries.c.uncertain,
            cast(deliveries.c.progress, Text).contains('"part:'),  # of several parts some are there
        ),
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def withdraw_promises(connection: AsyncConnection, release_id: str, now: datetime) -> int:
    """Cancel what waits to be sent under an approval that is void; it must not stand before the next one's."""
    done = await connection.execute(
        update(deliveries)
        .where(deliveries.c.release_id == release_id, deliveries.c.state.in_(["queued", "waiting"]))
        .values(state="cancelled", code="approval_void", reason="the release was changed", updated_at=now)
    )
    return int(done.rowcount)


async def release_queue(connection: AsyncConnection, release_id: str, now: datetime) -> None:
    """After a hold: what waited for it may go at once (schedule and embargo are checked again at the claim)."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.release_id == release_id, deliveries.c.state.in_(["queued", "waiting"]))
        .values(due=now, updated_at=now)
    )
