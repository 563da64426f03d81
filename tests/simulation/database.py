"""The service's own database class on a driver without threads, for simulated processes.

Touches SQLite files of a temporary folder. The SQL, the engines' options and the transactions are those of
`distributor.storage.database`; only the driver below SQLAlchemy differs.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from distributor.storage import Database
from distributor.storage import database as storage
from tests.simulation.chance import stream
from tests.simulation.disk import DiskConnection, Faults, connect, let_go
from tests.simulation.driver import InlineConnection, Pace
from tests.simulation.process import Holder, World

T = TypeVar("T")


class SimulatedDatabase(Database):
    """`Database` for one process: when that is killed, its connections roll back and close."""

    def __init__(self, holder: Holder, path: Path, faults: Faults | None = None) -> None:
        super().__init__(f"sqlite:///{path}")
        self._holder = holder
        self._path = path
        self._pace = Pace(stream(holder.world.seed, f"pace of {holder.unique}"))
        self._faults = faults or Faults(stream(holder.world.seed, f"faults of {holder.unique}"))
        self._raw: DiskConnection | None = None
        self._raw_closed: Callable[[], None] | None = None

    async def open(self) -> None:
        """As Database.open."""
        self._writer = self._engine("BEGIN IMMEDIATE", 1, 0)
        self._reader = self._engine("BEGIN", 4, 4, "query_only=ON")

    def _engine(self, begin: str, size: int, overflow: int, *pragmas: str) -> AsyncEngine:
        async def connected() -> InlineConnection:
            raw, closed = self._connect()
            return InlineConnection(raw, self._pace, closed)

        engine = create_async_engine(self.url, pool_size=size, max_overflow=overflow, async_creator=connected)
        storage._prepare_sqlite(engine, begin, "synchronous=OFF", *pragmas)  # after its own FULL, see disk.connect
        return engine

    def _connect(self) -> tuple[DiskConnection, Callable[[], None]]:
        """A raw connection, and what to call when it was closed in another way than by a kill."""
        raw = connect(self._path, self._faults)
        loop = self._holder.world.loop
        raw.create_function("virtual_micros", 0, lambda: loop.micros)  # for triggers, see journal
        return raw, self._holder.on_death(lambda: let_go(raw))

    async def close(self) -> None:
        """As Database.close, in one order."""
        engines = (self._writer, self._reader)
        self._writer = self._reader = None
        for engine in engines:
            if engine is not None:
                await engine.dispose()
        if self._raw is not None and self._raw_closed is not None:
            let_go(self._raw)
            self._raw_closed()
            self._raw = self._raw_closed = None

    async def hot(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As Database.hot: `work` on one raw connection, in the writer's turn. It begins and commits by itself.

        It runs in one step, as no await stands in it: a kill falls before it or after its commits, before the answer.
        Where another process holds the lock, `work` is called again once that may be over.
        """
        async with self._turn:
            if self._raw is None:
                self._raw, self._raw_closed = self._connect()
            connection = self._raw
            await self._pace.turn()
            result = await self._pace.until_unlocked(lambda: self._whole(connection, work))
            await self._pace.turn()
            return result

    def _whole(self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(connection)
        finally:
            if connection.in_transaction:
                # On the real connection the next BEGIN, and every one after it, would fail.
                self._holder.world.blame(f"{self._holder.unique}: work on the hot path left its transaction open")
                connection.execute("ROLLBACK")


def make_template(path: Path) -> Path:
    """A migrated database without rows, to be copied for each seed (migrating takes a second)."""

    async def migrate() -> None:
        database = SimulatedDatabase(world, path)
        await database.open()
        await database.migrate()
        await database.close()

    with World(0) as world:
        world.run(migrate())
    return path


def copy_template(template: Path, path: Path) -> Path:
    """A fresh database for one seed. The template is closed, so its one file is all there is."""
    return Path(shutil.copyfile(template, path))
