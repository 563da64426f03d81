"""The newsroom's pages (core.ports.Pages), and what the web part reads of them.

May touch: pages, page_files. A file may be served only while a published page names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select, update

from distributor.core.text import normalise
from distributor.storage.database import Database
from distributor.storage.schema import page_files, pages, releases


class NewsroomPages:
    """Written by the newsroom adapter, read by the web part."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, release_id: str, key: str, revision: int, page: dict[str, Any], now: datetime) -> str:
        """See core.ports.Pages.put."""
        async with self._database.transaction() as connection:
            before = (
                (await connection.execute(select(pages).where(pages.c.release_id == release_id))).mappings().first()
            )
            slug = (
                before["slug"]
                if before
                else (await connection.execute(select(releases.c.slug).where(releases.c.id == release_id))).scalar_one()
            )
            if before is None or (before["key"] != key and before["revision"] < revision):
                values = {
                    "key": key,
                    "revision": revision,
                    "page": page,
                    "words": _words(page),
                    "updated_at": now,
                }
                if before is None:
                    row = {"release_id": release_id, "slug": slug, "published_at": now, **values}
                    await connection.execute(insert(pages).values(**row))
                else:
                    await connection.execute(update(pages).where(pages.c.release_id == release_id).values(**values))
                await connection.execute(delete(page_files).where(page_files.c.release_id == release_id))
                files = [{"release_id": release_id, **file} for file in _files(page)]
                if files:
                    await connection.execute(insert(page_files), files)
                await connection.commit()
        return f"/releases/{slug}"

    async def find(self, key: str) -> str | None:
        """See core.ports.Pages.find."""
        async with self._database.read() as connection:
            slug: str | None = (await connection.execute(select(pages.c.slug).where(pages.c.key == key))).scalar()
            return f"/releases/{slug}" if slug else None

    async def get(self, slug: str) -> dict[str, Any] | None:
        """One page with its columns, by the last part of its address."""
        return await self._one(pages.c.slug == slug)

    async def by_id(self, release_id: str) -> dict[str, Any] | None:
        """One page by the release's id, for addresses whose words changed."""
        return await self._one(pages.c.release_id == release_id)

    async def newest(self, most: int, before: datetime | None = None, words: str = "") -> list[dict[str, Any]]:
        """Published pages, newest first; `words` finds beginnings of words in any language."""
        query = select(pages).order_by(pages.c.published_at.desc(), pages.c.release_id).limit(most)
        if before is not None:
            query = query.where(pages.c.published_at < before)
        for word in _folded(words).split()[:10]:
            query = query.where(pages.c.words.contains(f" {word}", autoescape=True))
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


def _folded(text: str) -> str:
    # Casefold before indexing and before asking: it also folds Mtavruli to Mkhedruli.
    return normalise(text).casefold()


def _words(page: dict[str, Any]) -> str:
    parts = []
    for version in page.get("languages", {}).values():
        parts += [version.get("title", ""), version.get("lead", ""), version.get("text", "")]
    return " " + " ".join(_folded(" ".join(parts)).split())


def _files(page: dict[str, Any]) -> Iterator[dict[str, str]]:
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
