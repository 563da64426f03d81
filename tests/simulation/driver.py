"""aiosqlite without its thread: the same shape, sqlite3 called in the loop's own step.

Touches a DiskConnection. Only what SQLAlchemy's dialect asks of aiosqlite 0.22 is here. Before and after each statement
the loop is given a turn, so that a kill can fall there; a lock held by another process is waited for in virtual time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from random import Random
from typing import Any, Self, TypeVar

from tests.simulation.disk import DiskConnection, first_word, is_locked

T = TypeVar("T")

BUSY_SECONDS = 15.0  # as distributor.storage.database waits for another process
_TURN = 0.002  # a statement's way there, and back, at the most
_RETRY = (0.001, 0.020)  # before a lock is asked for again


class Pace:
    """How long the database takes, in virtual time, and how long a lock is waited for."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    async def turn(self) -> None:
        """Let others run: half the time at once after them, else a moment later."""
        draw = self._chance.random()
        await asyncio.sleep(0 if draw < 0.5 else (draw - 0.5) * 2 * _TURN)

    async def until_unlocked(self, call: Callable[[], T]) -> T:
        """Call, and again while another connection holds the lock. Raises sqlite3.OperationalError after BUSY_SECONDS,
        as SQLite's own busy handler does."""
        loop = asyncio.get_running_loop()
        until = loop.time() + BUSY_SECONDS
        while True:
            try:
                return call()
            except sqlite3.OperationalError as error:
                if not is_locked(error) or loop.time() >= until:
                    raise
            await asyncio.sleep(self._chance.uniform(*_RETRY))


class InlineCursor:
    """aiosqlite.Cursor. Rows are fetched at once: no statement stays open in a process that may be killed."""

    def __init__(self, connection: InlineConnection) -> None:
        self._owner = connection
        self._cursor: sqlite3.Cursor = connection.raw.cursor()
        self._rows: deque[Any] = deque()
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        """One statement."""

        def call() -> None:
            self._cursor.execute(sql, parameters)
            self._rows = deque(self._cursor.fetchall() if self._cursor.description else ())

        await self._owner.run(first_word(sql), call)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """One statement for each row, in one step."""
        await self._owner.run(first_word(sql), lambda: self._cursor.executemany(sql, parameters))
        return self

    async def fetchone(self) -> Any:
        """The next row, None after the last."""
        return self._rows.popleft() if self._rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows, self._rows = list(self._rows), deque()
        return rows

    async def __aiter__(self) -> AsyncIterator[Any]:
        while self._rows:
            yield self._rows.popleft()

    async def close(self) -> None:
        """Release the statement."""
        self._cursor.close()


class InlineConnection:
    """aiosqlite.Connection. `_conn`, `_connection` and `_tx` are what SQLAlchemy reaches for, named by aiosqlite."""

    def __init__(self, raw: DiskConnection, pace: Pace, closed: Callable[[], None]) -> None:
        self.raw = raw
        self._pace = pace
        self._closed = closed
        self._conn = raw
        self._connection: DiskConnection | None = raw
        self._tx = self

    @property
    def isolation_level(self) -> str | None:
        return self.raw.isolation_level

    def put_nowait(self, item: tuple[asyncio.Future[Any], Callable[[], Any]]) -> None:
        """What SQLAlchemy hands to aiosqlite's thread (to set the isolation level) is done here and now."""
        future, function = item
        future.set_result(function())

    async def run(self, word: str, call: Callable[[], Any]) -> None:
        """A statement between two turns. PRAGMA speaks of the connection alone and needs none."""
        if word == "PRAGMA":
            call()
            return
        await self._pace.turn()
        await self._pace.until_unlocked(call)
        await self._pace.turn()

    def cursor(self) -> InlineCursor:
        """A new one."""
        return InlineCursor(self)

    async def create_function(self, *args: Any, **options: Any) -> None:
        """As sqlite3's."""
        self.raw.create_function(*args, **options)

    async def commit(self) -> None:
        """Between two turns: after the second the answer is there."""
        await self.run("COMMIT", self.raw.commit)

    async def rollback(self) -> None:
        """Never fails while the connection is open."""
        self.raw.rollback()

    async def close(self) -> None:
        """Close, and tell the process that there is nothing left to close."""
        self.stop()

    def stop(self) -> None:
        """The same without waiting."""
        if self._connection is not None:
            self._connection = None
            self.raw.close()
            self._closed()
