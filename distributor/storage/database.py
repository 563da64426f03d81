"""One database, SQLite or PostgreSQL: connections, transactions, migrations.

May touch: the database named by the url, and the folder of an SQLite file. A transaction rolls back unless it was
committed; on SQLite one writer at a time, first come first served, so that nobody waits on a busy file.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

SQLITE_BUSY_SECONDS = 15.0  # another process (the command line) may hold the writer's lock for a moment


# PostgreSQL: the audit log has one writer at a time. Who takes this lock first, and rows after it, never deadlocks.
LOG_LOCK = 7305814


class StorageUnavailable(Exception):
    """The database cannot take a write now (disk full, server gone). Nothing was acknowledged."""


class Database:
    """Engines for one url. `open` before use, `close` at the end."""

    def __init__(self, url: str) -> None:
        self.url = _driver_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._writer: AsyncEngine | None = None
        self._reader: AsyncEngine | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Make the engines; connections are made when needed."""
        if not self.sqlite:
            self._writer = create_async_engine(self.url, pool_size=10, pool_pre_ping=True)
            # The same pool; a reader sees one snapshot, as on SQLite, and cannot write by mistake.
            snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._reader = self._writer.execution_options(**snapshot)
            return
        if self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        options = {"connect_args": {"timeout": SQLITE_BUSY_SECONDS}}
        self._writer = create_async_engine(self.url, pool_size=1, max_overflow=0, **options)
        self._reader = create_async_engine(self.url, pool_size=4, max_overflow=4, **options)
        _prepare_sqlite(self._writer, "BEGIN IMMEDIATE")
        _prepare_sqlite(self._reader, "BEGIN", "query_only=ON")

    async def close(self) -> None:
        """Release every connection."""
        for engine in {self._writer, self._reader} - {None}:
            if engine is not None:
                await engine.dispose()
        self._writer = self._reader = None

    @contextlib.asynccontextmanager
    async def transaction(self, *, logged: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection to write with. Leaving without `await connection.commit()` rolls back.

        `logged`: an audit event will be appended; the log's turn is taken before any row is locked.
        """
        if self._writer is None:
            raise RuntimeError("the database is not open")
        guard = self._turn if self.sqlite else contextlib.nullcontext()
        async with guard, self._writer.connect() as connection:
            if logged and not self.sqlite:
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOG_LOCK})")
            yield connection  # the connection's own exit rolls back what was not committed

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with: one snapshot, no lock, and no way to write."""
        if self._reader is None:
            raise RuntimeError("the database is not open")
        async with self._reader.connect() as connection:
            yield connection

    async def migrate(self) -> None:
        """Bring the schema to the newest form. Safe to call at each start and from several processes."""
        from distributor.storage.migrate import upgrade  # alembic is loaded only where it is used

        async with self.transaction() as connection:
            if not self.sqlite:
                # One migration at a time, whoever starts first.
                await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305813)")
            await connection.run_sync(upgrade)
            await connection.commit()


def _driver_url(url: str) -> URL:
    parsed = make_url(url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    name = parsed.drivername.partition("+")[0]
    if name not in drivers:
        raise ValueError(f"storage.url must begin with sqlite:/// or postgresql://, not {parsed.drivername}://")
    return parsed.set(drivername=drivers[name])


def _prepare_sqlite(engine: AsyncEngine, begin: str, *more: str) -> None:
    """WAL, full synchronisation, foreign keys; transactions begun by us, so that a writer takes its lock at once."""

    def connected(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # no implicit BEGIN
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", *more):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
