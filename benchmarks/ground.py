"""What the measurements of the engine stand on: databases with many readers, and releases promised to all of them.

May touch: the database it is given. Made of the storage's own functions, as an approval makes them; the readers alone
are inserted by SQL, for a list of a million addresses is not what is measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from sqlalchemy import text

from distributor.core.people import Role
from distributor.core.release import Kind, LanguageVersion, ReleaseState, Revision, new_release_id
from distributor.core.rendering import Part, Rendering
from distributor.storage import Database, people, promises, releases
from distributor.storage.promises import Promise

READERS = """
INSERT INTO destinations (channel, address, kind, label, language, token, created_at)
SELECT :channel, 'reader' || i || '@example.org', 'subscriber', '', 'ka', 'token-of-' || i, 0 FROM n
"""
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
BODY = "დღეს დილით მაშველებმა ორი ტურისტი იპოვეს; ორივე უვნებელია. " * 8


class Ground:
    """A migrated database with an author in it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.author_id = 0

    async def readers(self, count: int, channel: str = "press") -> None:
        """So many subscribers of a channel; those of `chats` have chat numbers, all others addresses of mail."""
        # SQLite wants the numbers after INSERT INTO, PostgreSQL takes them there too.
        head, _, tail = READERS.partition("SELECT")
        async with self.database.transaction() as connection:
            await connection.execute(text(f"{head}{NUMBERS} SELECT{tail}"), {"count": count, "channel": channel})
            if channel == "chats":
                await connection.execute(text("UPDATE destinations SET address = -1000000000 - id"))
            await connection.commit()

    async def promised(
        self, channel: str = "press", priority: int = 20, shown: Rendering | None = None, due: datetime | None = None
    ) -> int:
        """One approved release, promised to every reader of a channel. How many deliveries that is."""
        now, release_id = datetime.now(UTC), new_release_id()
        version = LanguageVersion("ka", "სათაური", "", BODY)
        revision = Revision(release_id, 1, self.author_id, Kind.NEWS, (version,))
        value = release_id.ljust(64, "0")
        shown = shown or Rendering(channel, "ka", (Part("message", text=BODY[:340]),))
        async with self.database.transaction() as connection:
            await releases.add(connection, revision, now)
            frozen = releases.Frozen(value, f"s-{release_id}", [shown], (), ())
            stands = releases.Stands.SUBMITTED
            await releases.freeze(connection, revision, frozen, self.author_id, now, stands=stands)
            await releases.set_approved(connection, release_id, 1, value, now)
            before = (ReleaseState.SUBMITTED,)
            await releases.set_state(connection, release_id, before, ReleaseState.DISTRIBUTING, now)
            ((row_id, made),) = await releases.get_renderings(connection, release_id, 1)
            fixed = {"action": "publish", "priority": priority, "due": due or now, "deadline": None, "created_at": now}
            part = Promise(row_id, made, (), False, 1, True)
            count = await promises.promise(connection, revision, value, part, {}, fixed)
            await connection.commit()
        return count

    async def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Rows of the database as they are."""
        async with self.database.read() as connection:
            return [tuple(row) for row in (await connection.execute(text(statement))).all()]


@contextlib.asynccontextmanager
async def ground(url: str) -> AsyncIterator[Ground]:
    """Open and migrate the database of an address."""
    database = Database(url)
    await database.open()
    try:
        await database.migrate()
        made = Ground(database)
        async with database.transaction() as connection:
            made.author_id = (await people.add(connection, "Nino", Role.AUTHOR, 501, "ka", datetime.now(UTC))).id
            await connection.commit()
        yield made
    finally:
        await database.close()
