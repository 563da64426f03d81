"""One database, SQLite or PostgreSQL: connections, transactions, migrations.

May touch: the database named by the url, and the folder of an SQLite file. A transaction rolls back unless it was
committed; on SQLite one writer at a time, first come first served, so that nobody waits on a busy file. Beside the
connections of SQLAlchemy stand those of the hot path, without anything between it and the driver.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY")
# How long the writer's thread may have to wait for Python's lock at each statement while the event loop is busy; at the
# usual 5 ms a batch of ten statements would wait longer than it works.
SWITCH_SECONDS = 0.0005
POOL_CLOSE_SECONDS = 5.0
HOT_CONNECTIONS = 6
HOT_SECONDS = 60.0  # a statement of the hot path that takes longer has lost its server
SQLITE_BUSY_SECONDS = 15.0  # another process (the command line) may hold the writer's lock for a moment


# PostgreSQL: the audit log has one writer at a time. Who takes this lock first, and rows after it, never deadlocks.
LOG_LOCK = 7305814
# PostgreSQL ends a transaction whose process says nothing for so long: one that is stopped, or cut off, in the midst of
# it would keep the log's turn, and with it every other process, until it wakes.
IDLE_SECONDS = 5.0
_IDLE = "idle_in_transaction_session_timeout"


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
        self._hot_thread: ThreadPoolExecutor | None = None
        self._hot_sqlite: sqlite3.Connection | None = None
        self._hot_pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Make the engines; connections are made when needed."""
        if not self.sqlite:
            self._writer = create_async_engine(self.url, pool_size=10, pool_pre_ping=True)
            # The same pool; a reader sees one snapshot, as on SQLite, and cannot write by mistake.
            snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._reader = self._writer.execution_options(**snapshot)
            self._hot_pool = await self._make_hot_pool()
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
        for engine in dict.fromkeys((self._writer, self._reader)):  # on PostgreSQL they share one pool
            if engine is not None:
                await engine.dispose()
        self._writer = self._reader = None
        await self._close_hot()

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
                idle = f"set_config('{_IDLE}', '{IDLE_SECONDS * 1000:.0f}', true)"
                await connection.exec_driver_sql(f"SELECT {idle}, pg_advisory_xact_lock({LOG_LOCK})")
            yield connection  # the connection's own exit rolls back what was not committed

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with: one snapshot, no lock, and no way to write."""
        if self._reader is None:
            raise RuntimeError("the database is not open")
        async with self._reader.connect() as connection:
            yield connection

    async def hot(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """SQLite: run work on the raw connection of the writer's thread, alone. It begins and commits by itself."""

        def run() -> T:
            if self._hot_sqlite is None:
                self._hot_sqlite = self._connect_hot()
            return work(self._hot_sqlite)

        async with self._turn:
            if self._hot_thread is None:
                self._hot_thread = ThreadPoolExecutor(1, "sqlite-writer")
                sys.setswitchinterval(SWITCH_SECONDS)
            # A stop must not leave a thread at work that nobody waits for: the turn ends when the work has ended.
            return await _whole(asyncio.get_running_loop().run_in_executor(self._hot_thread, run))

    @contextlib.asynccontextmanager
    async def hot_connection(self) -> AsyncIterator[Any]:
        """PostgreSQL: a connection of asyncpg's own, for statements over arrays."""
        if self._hot_pool is None:
            raise RuntimeError("the database is not open")
        async with self._hot_pool.acquire() as connection:
            yield connection

    async def _make_hot_pool(self) -> asyncpg.Pool:
        """Connects to nothing yet."""
        _, options = self.url.get_dialect()().create_connect_args(self.url)
        known = {
            name: options[name] for name in ("host", "port", "user", "password", "database", "ssl") if name in options
        }
        # Every statement of the hot path looks up by an index; before the first ANALYZE the planner may not see it.
        plans = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"}
        plans[_IDLE] = f"{IDLE_SECONDS * 1000:.0f}"
        return await asyncpg.create_pool(
            **known, min_size=0, max_size=HOT_CONNECTIONS, command_timeout=HOT_SECONDS, server_settings=plans
        )

    def _connect_hot(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            str(self.url.database),
            timeout=SQLITE_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            uri=str(self.url.database).startswith("file:"),
        )
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    async def _close_hot(self) -> None:
        pool, thread, connection = self._hot_pool, self._hot_thread, self._hot_sqlite
        self._hot_pool = self._hot_thread = self._hot_sqlite = None
        if pool is not None:
            try:
                async with asyncio.timeout(POOL_CLOSE_SECONDS):
                    await pool.close()
            except TimeoutError:
                pool.terminate()
        if thread is not None:
            await asyncio.to_thread(thread.shutdown)
        if connection is not None:
            connection.close()

    async def migrate(self) -> None:
        """Bring the schema to the newest form. Safe to call at each start and from several processes."""
        from distributor.storage.migrate import upgrade  # alembic is loaded only where it is used

        async with self.transaction() as connection:
            if not self.sqlite:
                # One migration at a time, whoever starts first.
                await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305813)")
            await connection.run_sync(upgrade)
            await connection.commit()


async def _whole(work: asyncio.Future[T]) -> T:
    """Wait for work in a thread to its end, even when cancelled meanwhile; then be cancelled."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


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
        for pragma in (*SQLITE_PRAGMAS, *more):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
