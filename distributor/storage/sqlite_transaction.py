"""A transaction on a raw SQLite connection, for the hot path.

May touch: the connection that it is given.
"""

from __future__ import annotations

import sqlite3


class Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            # Also where the commit itself was refused: the next BEGIN on this connection, and every one after it, would
            # be too.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
