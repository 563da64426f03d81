"""The newsroom's pages (core.ports.Pages), and what the web part reads of them.

May touch: pages, page_files. A file may be served only while a published page names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.ports import MakePage, Page, PageMark
from distributor.core.refusal import PageHeld
from distributor.core.release import ReleaseState
from distributor.core.text import normalise
from distributor.storage.database import Database
from distributor.storage.schema import page_files, pages, releases

WITHDRAWN = "withdrawn"
SHOWS = "shows"  # of a page that was replaced: the number of the delivery whose words stand


class NewsroomPages:
    """Written by the newsroom adapter, read by the web part."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, release_id: str, mark: PageMark, make: MakePage, now: datetime) -> str:
        """See core.ports.Pages.put."""
        async with self._database.transaction() as connection:
            query = select(pages).where(pages.c.release_id == release_id).with_for_update()
            before = (await connection.execute(query)).mappings().first()
            if before is not None:
                shows = before["page"].get(SHOWS, before["number"])
                # A hold may pass a correction that still waits, and must not keep its words from the page for ever.
                newer = mark.number > (before["number"] if mark.beside else shows)
                if before["key"] != mark.key and newer and before["state"] != WITHDRAWN:
                    if mark.number < before["number"] and await _held(connection, release_id):
                        raise PageHeld
                    page = make(before["page"])
                    if page is not None:
                        page = {**page, SHOWS: shows if mark.beside else mark.number}
                        mark = replace(mark, number=max(mark.number, before["number"]))
                        await _replace(connection, release_id, mark, page, now)
                        await connection.commit()
                return f"/releases/{before['slug']}"
            page = make(None)
            query = select(releases.c.slug, releases.c.state).where(releases.c.id == release_id)
            release = (await connection.execute(query)).mappings().one()
            # Nothing is promised twice: a worker that slept through a withdrawal must not publish after it.
            if page is None or release["state"] == ReleaseState.WITHDRAWN:
                return ""
            row = {"release_id": release_id, "slug": release["slug"], "published_at": now}
            await connection.execute(insert(pages).values(**row, **_columns(mark, page, now)))
            await _name_files(connection, release_id, page)
            await connection.commit()
            return f"/releases/{release['slug']}"

    async def find(self, key: str) -> str | None:
        """See core.ports.Pages.find."""
        async with self._database.read() as connection:
            slug: str | None = (await connection.execute(select(pages.c.slug).where(pages.c.key == key))).scalar()
            return f"/releases/{slug}" if slug else None

    async def get(self, slug: str) -> dict[str, Any] | None:
        """One page with its columns, by the last part of its address; also the tombstone of a withdrawn one."""
        return await self._one(pages.c.slug == slug)

    async def by_id(self, release_id: str) -> dict[str, Any] | None:
        """One page by the release's id, for addresses whose words changed."""
        return await self._one(pages.c.release_id == release_id)

    async def newest(self, most: int, before: datetime | None = None, words: str = "") -> list[dict[str, Any]]:
        """Published pages, newest first, without withdrawn ones; `words` finds beginnings of words in any language."""
        query = select(pages).where(pages.c.state != WITHDRAWN)
        query = query.order_by(pages.c.published_at.desc(), pages.c.release_id).limit(most)
        if before is not None:
            query = query.where(pages.c.published_at < before)
        for word in _folded(words).split()[:10]:
            query = query.where(pages.c.words.contains(f" {word}", autoescape=True))
        async with self._database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def changed(self, most: int, since: datetime) -> list[dict[str, Any]]:
        """Pages that were corrected, held or freed since a time, the last changed first; without withdrawn ones."""
        query = select(pages).where(pages.c.updated_at >= since, pages.c.updated_at > pages.c.published_at)
        query = query.where(pages.c.state != WITHDRAWN).order_by(pages.c.updated_at.desc(), pages.c.release_id)
        async with self._database.read() as connection:
            return [dict(row) for row in (await connection.execute(query.limit(most))).mappings()]

    async def withdrawn(self, most: int, since: datetime) -> list[dict[str, Any]]:
        """Tombstones set since a time, newest first: feeds tell of them."""
        query = select(pages).where(pages.c.state == WITHDRAWN, pages.c.updated_at >= since)
        query = query.order_by(pages.c.updated_at.desc(), pages.c.release_id).limit(most)
        async with self._database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def file(self, digest: str) -> RowMapping | None:
        """Type and name of a file that a published page shows; None for every other file."""
        query = select(page_files.c.media_type, page_files.c.name).where(page_files.c.digest == digest).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).mappings().first()

    async def _one(self, where: ColumnElement[bool]) -> dict[str, Any] | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(pages).where(where))).mappings().first()
            return dict(row) if row else None


def _columns(mark: PageMark, page: Page, now: datetime) -> dict[str, Any]:
    return {
        "key": mark.key,
        "number": mark.number,
        "revision": mark.revision,
        "page": page,
        "words": _words(page),
        "state": page["state"],
        "updated_at": now,
    }


async def _held(connection: AsyncConnection, release_id: str) -> bool:
    state = (await connection.execute(select(releases.c.state).where(releases.c.id == release_id))).scalar()
    return bool(state == ReleaseState.HELD)


async def _replace(connection: AsyncConnection, release_id: str, mark: PageMark, page: Page, now: datetime) -> None:
    mine = pages.c.release_id == release_id
    await connection.execute(update(pages).where(mine).values(**_columns(mark, page, now)))
    await connection.execute(delete(page_files).where(page_files.c.release_id == release_id))
    await _name_files(connection, release_id, page)


async def _name_files(connection: AsyncConnection, release_id: str, page: Page) -> None:
    files = [{"release_id": release_id, **file} for file in files_of(page)]
    if files:
        await connection.execute(insert(page_files), files)


def _folded(text: str) -> str:
    # Casefold before indexing and before asking: it also folds Mtavruli to Mkhedruli.
    return normalise(text).casefold()


def _words(page: Page) -> str:
    parts = []
    for version in page.get("languages", {}).values():
        parts += [version.get("title", ""), version.get("lead", ""), version.get("text", "")]
    return " " + " ".join(_folded(" ".join(parts)).split())


def files_of(page: Page) -> Iterator[dict[str, str]]:
    """Every stored file that the page names, once: objects with `digest` and `media_type`, wherever they stand."""
    seen: set[str] = set()
    waiting: list[Any] = [page]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            digest = item.get("digest")
            if isinstance(digest, str) and "media_type" in item and digest not in seen:
                seen.add(digest)
                yield {"digest": digest, "media_type": str(item["media_type"]), "name": str(item.get("name", ""))}
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
