"""The raw limits: what Redis Streams and the two databases do when nothing of ours is in the way.

May touch: a Redis and a PostgreSQL of its own, and an SQLite file, in temporary folders; the loopback address. The
messages and rows are of a delivery's size, and nothing is decided about them: an engine that keeps every rule of
delivery stays below these figures, and the ratio says how far.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import redis.asyncio

from benchmarks.results import Result, median, result
from tests.services import postgres_server, redis_server

SETUP = (
    "One connection, one process, medians of 3. Streams: XADD 500 to a pipeline; then XREADGROUP with the XACK and "
    "XDEL of the batch before it in one pipeline; Redis with AOF, fsync every second. Rows: UPDATE of state, fence and "
    "time by key on 100,000 rows; SQLite by the standard library, WAL, synchronous=FULL, one writer; PostgreSQL by "
    "asyncpg and UPDATE … FROM unnest, fsync on, synchronous_commit on."
)
RUNS = 3
MESSAGES = 100_000
ADDED_AT_ONCE = 500
READ_AT_ONCE = (100, 500)
ROWS = 100_000
UPDATES = {1: 3_000, 50: 50_000, 500: 100_000}  # rows a commit → rows in a run

_TABLE = """CREATE TABLE delivery (
    id BIGINT PRIMARY KEY, channel TEXT NOT NULL, address TEXT NOT NULL,
    state TEXT NOT NULL, fence BIGINT NOT NULL, changed BIGINT NOT NULL
)"""
_UPDATE = """UPDATE delivery SET state = new.state, fence = new.fence, changed = new.changed
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS new (id, state, fence, changed)
    WHERE delivery.id = new.id"""

Change = tuple[int, str, int, int]
"""id, state, fence, changed"""


async def measure(*, quick: bool = False) -> list[Result]:
    """Messages and row updates a second."""
    part, runs = (10, 1) if quick else (1, RUNS)
    updates = {size: rows // part for size, rows in UPDATES.items()}
    return [
        *await _streams(MESSAGES // part, runs),
        *await asyncio.to_thread(_sqlite, updates, runs),
        *await _postgresql(updates, runs),
    ]


# Redis Streams


async def _streams(count: int, runs: int) -> list[Result]:
    results: list[Result] = []
    with redis_server(appendonly=True) as server:
        async with redis.asyncio.from_url(server.url) as client:
            added, drained, spent = [], dict[int, list[float]](), dict[int, float]()
            for size in READ_AT_ONCE:
                for _ in range(runs):
                    await client.flushall()
                    added.append(count / await _add(client, count))
                    before = await _commands(client)
                    drained.setdefault(size, []).append(count / await _read(client, count, size))
                    spent[size] = (await _commands(client) - before) / count
    results.append(result(f"raw: stream messages added, {ADDED_AT_ONCE} a pipeline", median(added), "messages/s"))
    for size in READ_AT_ONCE:
        results.append(result(f"raw: stream messages drained, {size} at once", median(drained[size]), "messages/s"))
        results.append(result(f"raw: Redis commands for a drained message, {size} at once", spent[size], "commands"))
    return results


async def _add(client: Any, count: int) -> float:
    """Seconds to put `count` ids and priorities into the stream."""
    await client.xgroup_create("lane", "workers", id="0", mkstream=True)
    began = time.perf_counter()
    for start in range(0, count, ADDED_AT_ONCE):
        pipe = client.pipeline(transaction=False)
        for number in range(start, start + ADDED_AT_ONCE):
            pipe.xadd("lane", {"id": number, "priority": number % 3})
        await pipe.execute()
    return time.perf_counter() - began


async def _read(client: Any, count: int, size: int) -> float:
    """Seconds until every message was read, acknowledged and deleted."""
    seen, held = 0, list[bytes]()
    began = time.perf_counter()
    while seen < count or held:
        pipe = client.pipeline(transaction=False)
        pipe.xreadgroup("workers", "one", {"lane": ">"}, count=size)
        if held:
            pipe.xack("lane", "workers", *held)
            pipe.xdel("lane", *held)
        batches = (await pipe.execute())[0]
        held = [number for _, messages in batches for number, _ in messages]
        seen += len(held)
    taken = time.perf_counter() - began
    assert seen == count
    assert await client.xlen("lane") == 0
    assert (await client.xpending("lane", "workers"))["pending"] == 0
    return taken


async def _commands(client: Any) -> int:
    return int((await client.info("stats"))["total_commands_processed"])


# rows


def _changes(size: int, rows: int) -> Iterator[list[Change]]:
    """`rows` changes in batches, over keys that lie apart by a prime: as due deliveries do, not one after the other."""
    for start in range(0, rows, size):
        yield [(n * 7919 % ROWS, "sent", n, 1_800_000_000_000_000 + n) for n in range(start, min(start + size, rows))]


def _first_rows() -> Iterator[tuple[int, str, str, str, int, int]]:
    return ((number, "email", f"reader{number}@example.org", "queued", 0, 0) for number in range(ROWS))


def _results(database: str, rates: dict[int, list[float]]) -> list[Result]:
    return [
        result(f"raw: row updates, {database}, {size} a commit", median(found), "rows/s")
        for size, found in rates.items()
    ]


def _sqlite(updates: dict[int, int], runs: int) -> list[Result]:
    rates: dict[int, list[float]] = {size: [] for size in updates}
    with tempfile.TemporaryDirectory(prefix="distributor-bench-") as folder:
        path = Path(folder) / "rows.sqlite"
        with closing(sqlite3.connect(path, isolation_level=None)) as link:
            link.execute("PRAGMA journal_mode=WAL")
            link.execute("PRAGMA synchronous=FULL")
            link.execute(_TABLE)
            link.execute("BEGIN")
            link.executemany("INSERT INTO delivery VALUES (?, ?, ?, ?, ?, ?)", _first_rows())
            link.execute("COMMIT")
            for _ in range(runs):
                for size, rows in updates.items():
                    rates[size].append(rows / _update_sqlite(link, size, rows))
    return _results("SQLite", rates)


def _update_sqlite(link: sqlite3.Connection, size: int, rows: int) -> float:
    update = "UPDATE delivery SET state = ?2, fence = ?3, changed = ?4 WHERE id = ?1"
    link.execute("UPDATE delivery SET fence = -1")
    began = time.perf_counter()
    for batch in _changes(size, rows):
        link.execute("BEGIN IMMEDIATE")
        link.executemany(update, batch)
        link.execute("COMMIT")
    taken = time.perf_counter() - began
    assert link.execute("SELECT count(*) FROM delivery WHERE fence >= 0").fetchone() == (rows,)
    return taken


async def _postgresql(updates: dict[int, int], runs: int) -> list[Result]:
    rates: dict[int, list[float]] = {size: [] for size in updates}
    with postgres_server(durable=True) as server:
        link = await asyncpg.connect(server.create_database())
        try:
            await link.execute(_TABLE)
            await link.copy_records_to_table("delivery", records=_first_rows())
            await link.execute("VACUUM ANALYZE delivery")
            for _ in range(runs):
                for size, rows in updates.items():
                    rates[size].append(rows / await _update_postgresql(link, size, rows))
        finally:
            await link.close()
    return _results("PostgreSQL", rates)


async def _update_postgresql(link: Any, size: int, rows: int) -> float:
    await link.execute("UPDATE delivery SET fence = -1")
    await link.execute("VACUUM delivery")
    update = await link.prepare(_UPDATE)
    began = time.perf_counter()
    for batch in _changes(size, rows):
        # Outside of a transaction each statement is one, and commits before it answers.
        await update.fetch(*map(list, zip(*batch, strict=True)))
    taken = time.perf_counter() - began
    assert await link.fetchval("SELECT count(*) FROM delivery WHERE fence >= 0") == rows
    return taken
