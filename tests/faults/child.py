"""A worker in a process of its own, for tests that kill it: `python -m tests.faults.child SETTINGS DIE POLL LEASE`.

DIE names the moment at which it kills itself: 'commit' (the intent is written, its COMMIT has not begun) or 'call' (the
intent is committed, no byte left), '' for never. POLL and LEASE in seconds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import asyncpg

from distributor.adapters import registry
from distributor.app import open_parts
from distributor.config import load
from distributor.storage import Database
from tests.faults.engine import make_worker


def die() -> None:
    """As the kernel would end it: no handler, no farewell."""
    os.kill(os.getpid(), signal.SIGKILL)


class Watch:
    """Looks at statements as they reach the driver; dies at the COMMIT of a transaction that wrote an intent."""

    def __init__(self) -> None:
        self.intended = False

    def see(self, statement: str) -> None:
        """A statement is about to be carried out."""
        if statement.strip().startswith("UPDATE deliveries SET state = 'sending'"):
            self.intended = True
        elif statement.startswith("COMMIT") and self.intended:
            die()


def watch_sqlite(watch: Watch) -> None:
    """SQLite itself tells each statement before its first step."""
    connect = Database._connect_hot

    def watched(database: Database) -> sqlite3.Connection:
        connection = connect(database)
        connection.set_trace_callback(watch.see)
        return connection

    Database._connect_hot = watched  # type: ignore[method-assign,assignment]


def watch_postgres(watch: Watch) -> None:
    """asyncpg's connection, through which its transactions commit too."""

    def watched(call: Any) -> Any:
        def calling(connection: Any, query: str, *more: Any, **options: Any) -> Any:
            watch.see(query)
            return call(connection, query, *more, **options)

        return calling

    real = asyncpg.connection.Connection
    real.execute, real.fetch = watched(real.execute), watched(real.fetch)


async def main(settings_file: Path, when: str, poll: float, lease: float) -> None:
    """Work until killed."""
    settings = load(settings_file, {}, registry.settings_model, registry.names())
    parts = await open_parts(settings, settings_file)
    if when == "commit":
        (watch_sqlite if parts.database.sqlite else watch_postgres)(Watch())
    if when == "call":
        for channel in parts.channels.values():
            channel.publish = lambda *_: die()  # type: ignore[method-assign,assignment]
    await make_worker(parts, "child", poll=poll, lease=lease).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
