"""What the newsroom has shown of releases that were public warnings, message by message: what the CAP feed is made of.

Reads only: pages, deliveries, revisions. A revision counts from the moment its delivery to the newsroom was sent, so
that nothing stands in the feed that never stood on a page; also one that holds a warning, frees it, or makes it
something else. Which of them are a warning says web.cap_chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data
from distributor.core.release import Kind, Revision
from distributor.storage.database import Database
from distributor.storage.schema import deliveries, pages, revisions


@dataclass(frozen=True, slots=True)
class Message:
    """One revision that was public. `channel` is the newsroom that showed it."""

    content: Revision
    slug: str
    channel: str
    approved_at: datetime
    shown_at: datetime

    @property
    def sent(self) -> datetime:
        """When the message was issued: as it was approved, or when it was to begin. It never changes."""
        later = (self.content.at, self.content.embargo)
        return max([self.approved_at, *(moment for moment in later if moment)])


class Warnings:
    """Questions of the CAP feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, since: datetime, most: int) -> list[list[Message]]:
        """Releases that were an emergency at any time, whose page changed since one, the last changed first: all
        messages of each, in the order in which they were shown."""
        kind = revisions.c.content["kind"].as_string()
        approved = and_(revisions.c.release_id == pages.c.release_id, revisions.c.approved_at.is_not(None))
        warned = exists().where(approved, kind == Kind.EMERGENCY.value)
        query = select(pages.c.release_id).where(pages.c.updated_at >= since, warned)
        async with self._database.read() as connection:
            found = await connection.execute(query.order_by(pages.c.updated_at.desc(), pages.c.release_id).limit(most))
            return await _messages(connection, found.scalars().all())

    async def of(self, release_id: str) -> list[Message]:
        """All messages of one release, in that order; none where it was never public."""
        async with self._database.read() as connection:
            found = await _messages(connection, [release_id])
        return found[0] if found else []


async def _messages(connection: AsyncConnection, release_ids: Sequence[str]) -> list[list[Message]]:
    query = select(pages.c.release_id, pages.c.slug, deliveries.c.channel, deliveries.c.destination_id)
    query = query.join(deliveries, deliveries.c.id == pages.c.number).where(pages.c.release_id.in_(release_ids))
    where = {row.release_id: row for row in (await connection.execute(query)).all()}
    mine = and_(
        # The website's own: a list has a delivery for each of its readers.
        deliveries.c.destination_id.in_({row.destination_id for row in where.values()}),
        deliveries.c.release_id == revisions.c.release_id,
        deliveries.c.revision == revisions.c.number,
        deliveries.c.state == "sent",
    )
    columns = (revisions.c.release_id, revisions.c.content, revisions.c.approved_at, deliveries.c.channel)
    sent = select(*columns, deliveries.c.updated_at.label("shown_at")).join(deliveries, mine)
    sent = sent.where(revisions.c.release_id.in_(release_ids), revisions.c.approved_at.is_not(None))
    # By delivery, as the pages themselves: a correction that was frozen before a hold may be approved after it.
    rows = (await connection.execute(sent.order_by(deliveries.c.id))).mappings().all()
    made = []
    for release_id in release_ids:
        page = where.get(release_id)
        if page is not None:
            theirs = (row for row in rows if (row["release_id"], row["channel"]) == (release_id, page.channel))
            made.append(list(_read(theirs, page.slug)))
    return [messages for messages in made if messages]


def _read(rows: Iterable[RowMapping], slug: str) -> Iterable[Message]:
    """Once for each revision: a correction may be published in full where nothing stood, by a delivery of its own."""
    seen: set[int] = set()
    for row in rows:
        content = from_data(Revision, row["content"])
        if content.number not in seen:
            seen.add(content.number)
            yield Message(content, slug, row["channel"], row["approved_at"], row["shown_at"])
