"""The newsroom's pages as they stand, beside the deliveries that made them: what is compared, and in which turn.

Reads only: pages, page_files, releases, deliveries, renderings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data
from distributor.core.release import ReleaseState, Revision
from distributor.storage.schema import deliveries, page_files, pages, releases
from distributor.storage.watched import Put, puts_of

_NEVER_OUT = (ReleaseState.DRAFT.value, ReleaseState.SUBMITTED.value, ReleaseState.REJECTED.value)


@dataclass(frozen=True, slots=True)
class WatchedPage:
    """One release: its page with all columns, None where there is none; the digests of the files that are served for
    it; and in order every delivery that wrote the page, or may have."""

    release_id: str
    title: str
    row: dict[str, Any] | None
    files: frozenset[str]
    puts: tuple[Put, ...]


async def changed_since(connection: AsyncConnection, since: datetime, most: int) -> list[str]:
    """The releases whose page, or which themselves, changed since then, the newest first."""
    found: dict[str, datetime] = {}
    for id_, at in ((releases.c.id, releases.c.updated_at), (pages.c.release_id, pages.c.updated_at)):
        query = select(id_.label("id"), at.label("at")).where(at >= since).order_by(at.desc()).limit(most)
        found |= {row.id: row.at for row in (await connection.execute(query)).all()}
    return sorted(found, key=lambda one: found[one], reverse=True)[:most]


async def next_ones(connection: AsyncConnection, after: str, most: int) -> list[str]:
    """The ids that follow this one, of releases that may have a page and of pages that stand."""
    out = select(releases.c.id).where(releases.c.id > after, releases.c.state.not_in(_NEVER_OUT))
    there = select(pages.c.release_id).where(pages.c.release_id > after)
    found: set[str] = set()
    for query, column in ((out, releases.c.id), (there, pages.c.release_id)):
        found |= set((await connection.execute(query.order_by(column).limit(most))).scalars())
    return sorted(found)[:most]


async def watched_pages(
    connection: AsyncConnection, destination_ids: Sequence[int], ids: Sequence[str]
) -> list[WatchedPage]:
    """These releases. The pages are read before the deliveries: what was written meanwhile is then known."""
    there = await _rows(connection, select(pages).where(pages.c.release_id.in_(ids)))
    stand = {row["release_id"]: dict(row) for row in there}
    files: dict[str, set[str]] = {}
    for row in await _rows(connection, select(page_files).where(page_files.c.release_id.in_(ids))):
        files.setdefault(row["release_id"], set()).add(row["digest"])
    query = select(deliveries).where(
        deliveries.c.release_id.in_(ids),
        deliveries.c.destination_id.in_(destination_ids),
        or_(deliveries.c.state == "sent", deliveries.c.state == "sending", deliveries.c.tries > 0),
    )
    made = await _rows(connection, query.order_by(deliveries.c.id))
    puts: dict[str, list[Put]] = {}
    for row, put in zip(made, await puts_of(connection, made), strict=True):
        puts.setdefault(row["release_id"], []).append(put)
    drafts = await _rows(connection, select(releases.c.id, releases.c.draft).where(releases.c.id.in_(ids)))
    titles = {row["id"]: from_data(Revision, row["draft"]).title for row in drafts}
    return [
        WatchedPage(id_, titles.get(id_, ""), stand.get(id_), frozenset(files.get(id_, ())), tuple(puts.get(id_, ())))
        for id_ in ids
    ]


async def _rows(connection: AsyncConnection, query: Any) -> Sequence[RowMapping]:
    return (await connection.execute(query)).mappings().all()
