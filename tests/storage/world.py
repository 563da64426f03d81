"""A small world in a database: people, releases with approved revisions, destinations, promised deliveries.

Made of the storage's own functions, as the office would call them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from distributor.core.channel import Action
from distributor.core.delivery import Next, Priority
from distributor.core.outcome import Finding, Outcome
from distributor.core.people import Person, Role
from distributor.core.ports import Claimed, Result, Wish
from distributor.core.release import Kind, LanguageVersion, ReleaseState, Revision, new_release_id
from distributor.core.rendering import Part, Rendering
from distributor.storage import Database, people, promises, releases, subscribers
from distributor.storage.deliveries import Deliveries
from distributor.storage.promises import Promise
from distributor.storage.releases import Frozen, Stands
from distributor.storage.schema import deliveries

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEASE = 60.0


def later(seconds: float) -> datetime:
    """So many seconds after the world began."""
    return NOW + timedelta(seconds=seconds)


def rendering(channel: str, language: str = "ka", words: str = "სიტყვა") -> Rendering:
    """The simplest thing a channel could show."""
    return Rendering(channel, language, (Part("message", text=words),))


async def claim_these(store: Deliveries, ids: Sequence[int], worker: str, at: datetime, lease: float) -> list[Claimed]:
    """Claim exactly these deliveries, as far as they may go."""
    batch = await store.claim(Wish("", len(ids), ids=tuple(ids)), worker, at, lease)
    return list(batch.claimed)


class World:
    """Shortcuts over the storage. Everything is committed at once."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = Deliveries(database, "https://press.example")
        self.author: Person
        self.editor: Person

    async def begin(self) -> None:
        """An author and an editor."""
        async with self.database.transaction() as connection:
            self.author = await people.add(connection, "Nino", Role.AUTHOR, 501, "ka", NOW)
            self.editor = await people.add(connection, "Giorgi", Role.EDITOR, 502, "ka", NOW)
            await connection.commit()

    async def own(self, channel: str = "telegram", address: str = "@ministry") -> None:
        """The channel's own account."""
        async with self.database.transaction() as connection:
            await subscribers.ensure_own(connection, {channel: address}, NOW)
            await connection.commit()

    async def subscriber(
        self, address: str, channel: str = "press", language: str = "", **facets: tuple[str, ...]
    ) -> int:
        """Somebody who asked for releases."""
        async with self.database.transaction() as connection:
            made = await subscribers.put(connection, channel, address, "", language, facets, NOW)
            await connection.commit()
        return made

    async def approved(self, channel: str = "telegram", *languages: str, **content: Any) -> tuple[Revision, str]:
        """A submitted and approved revision with one rendering for each language, and its content hash."""
        release_id = new_release_id()
        versions = tuple(LanguageVersion(code, f"Title {code}", "", "Body") for code in languages or ("ka",))
        revision = Revision(release_id, 1, self.author.id, Kind.NEWS, versions)
        revision = replace(revision, **content)
        value = release_id.ljust(64, "0")
        made = [rendering(channel, code) for code in languages or ("ka",)]
        async with self.database.transaction() as connection:
            await releases.add(connection, revision, NOW)
            await releases.freeze(
                connection,
                revision,
                Frozen(value, f"s-{release_id}", made, (), ()),
                self.author.id,
                NOW,
                stands=Stands.SUBMITTED,
            )
            await releases.set_approved(connection, release_id, 1, value, NOW)
            states = (ReleaseState.SUBMITTED,)
            await releases.set_state(connection, release_id, states, ReleaseState.DISTRIBUTING, NOW)
            await connection.commit()
        return revision, value

    async def promise(
        self,
        revision: Revision,
        value: str,
        *,
        prepares: bool = False,
        facets: dict[str, list[str]] | None = None,
        **fixed: Any,
    ) -> int:
        """Deliveries for every rendering of the revision; the first language is the default."""
        common = {"action": Action.PUBLISH.value, "priority": Priority.ROUTINE, "due": NOW, "deadline": None}
        common |= {"created_at": NOW} | fixed
        count = 0
        async with self.database.transaction() as connection:
            found = await releases.get_renderings(connection, revision.release_id, 1)
            order = [version.language for version in revision.versions]
            found.sort(key=lambda item: order.index(item[1].language))
            others = tuple(order[1:])
            for place, (row_id, made) in enumerate(found):
                part = Promise(row_id, made, others if place == 0 else (), prepares, 1, place == 0)
                count += await promises.promise(connection, revision, value, part, facets or {}, common)
            await connection.commit()
        return count

    async def promised(self, *, prepares: bool = False, address: str = "@ministry", **content: Any) -> int:
        """One delivery to an own account; its id."""
        await self.own(address=address)
        revision, value = await self.approved(**content)
        await self.promise(revision, value, prepares=prepares)
        return int((await self.rows(revision.release_id))[0]["id"])

    async def rows(self, release_id: str = "") -> list[dict[str, Any]]:
        """The delivery rows, by id."""
        query = select(deliveries).order_by(deliveries.c.id)
        if release_id:
            query = query.where(deliveries.c.release_id == release_id)
        async with self.database.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def row(self, delivery_id: int) -> dict[str, Any]:
        """One delivery row."""
        return next(row for row in await self.rows() if row["id"] == delivery_id)

    async def claim(self, *ids: int, at: datetime = NOW, worker: str = "w1") -> list[Claimed]:
        """As a worker does."""
        return await claim_these(self.store, ids, worker, at, LEASE)

    async def record(
        self, claimed: Claimed, outcome: Outcome | Finding, following: Next, at: datetime = NOW, looked: bool = False
    ) -> None:
        """One result, as a worker records it."""
        await self.store.record([Result(claimed, outcome, following, at, at, looked)], "w1", at)
