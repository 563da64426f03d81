"""SQLite as the disk gives it: one raw connection, with faults on order.

Touches one SQLite file through the standard library, in the caller's own step; never waits (timeout 0). A fault strikes
before a statement takes effect, or after a COMMIT did: its answer is lost, as where PostgreSQL restarts in mid-commit.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

Moment = Literal["before", "after"]
_NEVER = {"PRAGMA", "ROLLBACK"}  # a fault here would say nothing more than one at the statement around it


class Faults:
    """What goes wrong with the disk: probabilities for each statement (`before`) and each COMMIT (`after`), and orders.

    `struck` counts what went wrong. Until `ends` is called; from then on nothing does. `committed` is told of every
    COMMIT that took effect, in the step of who made it.
    """

    def __init__(self, chance: Random, *, before: float = 0.0, after: float = 0.0) -> None:
        self.struck: Counter[str] = Counter()
        self.committed: Callable[[], None] | None = None
        self._chance = chance
        self._odds: dict[Moment, float] = {"before": before, "after": after}
        self._orders: list[tuple[str, Moment]] = []

    def order(self, word: str, moment: Moment) -> None:
        """The next statement that begins with this word ('COMMIT', 'UPDATE') fails at this moment."""
        self._orders.append((word, moment))

    def end(self) -> None:
        """Nothing goes wrong any more."""
        self._odds = {"before": 0.0, "after": 0.0}
        self._orders.clear()

    def strike(self, word: str, moment: Moment) -> None:
        """Raises sqlite3.OperationalError where it is time to."""
        if self.committed is not None and (word, moment) == ("COMMIT", "after"):
            self.committed()
        if word in _NEVER or (moment == "after" and word != "COMMIT"):
            return
        odds = self._odds[moment]
        if (word, moment) in self._orders:
            self._orders.remove((word, moment))
        elif not odds or self._chance.random() >= odds:
            return
        self.struck[f"{moment} {word}"] += 1
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR"
        raise error


class DiskCursor(sqlite3.Cursor):
    """A cursor whose statements may fail."""

    connection: DiskConnection

    def execute(self, sql: str, parameters: Any = ()) -> DiskCursor:
        """As the library's."""
        word = first_word(sql)
        self.connection.strike(word, "before")
        super().execute(sql, parameters)
        self.connection.strike(word, "after")
        return self

    def executemany(self, sql: str, parameters: Iterable[Any]) -> DiskCursor:
        """As the library's."""
        self.connection.strike(first_word(sql), "before")
        super().executemany(sql, parameters)
        return self


class DiskConnection(sqlite3.Connection):
    """A connection whose statements may fail."""

    faults: Faults

    def cursor(self, factory: Any = DiskCursor) -> Any:
        """As the library's."""
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """As the library's, whose own would pass by the DiskCursor."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """The same."""
        return self.cursor().executemany(sql, parameters)

    def commit(self) -> None:
        """As the library's."""
        if self.in_transaction:
            self.strike("COMMIT", "before")
            super().commit()
            self.strike("COMMIT", "after")

    def strike(self, word: str, moment: Moment) -> None:
        """Fail where it is time to. SQLite rolls the whole transaction back by itself where the disk fails, whatever
        the statement (sqlite.org/lang_transaction.html, Response To Errors Within A Transaction)."""
        try:
            self.faults.strike(word, moment)
        except sqlite3.OperationalError:
            super().rollback()
            raise


def connect(path: Path, faults: Faults, pragmas: Sequence[str] = ()) -> DiskConnection:
    """A raw connection on which nothing is begun or committed but by a statement that says so.

    synchronous=OFF: what it could lose is lost when the machine loses its power, and that is not simulated. A killed
    process leaves what it wrote to the operating system, with or without it.
    """
    made = sqlite3.connect(path, timeout=0.0, isolation_level=None, factory=DiskConnection)
    made.faults = faults
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON", "temp_store=MEMORY", *pragmas):
        made.execute(f"PRAGMA {pragma}")
    return made


def first_word(sql: str) -> str:
    """The kind of a statement."""
    return sql.split(None, 1)[0].rstrip(";").upper()


def is_locked(error: BaseException) -> bool:
    """True where another connection holds the lock and waiting helps. A reader that became stale is not such a case."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


def let_go(connection: sqlite3.Connection) -> None:
    """Roll back and close, as the kernel and the next opener would after a kill."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.close()
