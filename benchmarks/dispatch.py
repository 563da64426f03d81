"""How the ids to deliver reach a worker: claimed from the database by a cursor, or through a Redis stream first.

May touch: a PostgreSQL and a Redis of its own, on the loopback address. Either way the claim is the store's own:
intents committed, rule 7 checked. Through a stream the ids are read from the database, added, read by a group, claimed
by id, and acknowledged and deleted after the commit, all in pipelines of 500.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import redis.asyncio
from sqlalchemy import text

from benchmarks.engine import STANDS, servers
from benchmarks.ground import Ground, ground
from benchmarks.results import Result, median, result
from distributor.core.ports import Wish
from distributor.storage.deliveries import Deliveries

SETUP = (
    "50,000 deliveries claimed in batches of 500 by one process on PostgreSQL with fsync; from the database lane by "
    "lane with a cursor, and with their ids through a Redis stream with a consumer group; medians of 3."
)
DELIVERIES = 50_000
BATCH = 500
RUNS = 3
NEXT = "SELECT id FROM deliveries WHERE channel = 'press' AND state = 'queued' AND id > :after ORDER BY id LIMIT :most"


async def measure(*, quick: bool = False) -> list[Result]:
    """Claims a second, both ways."""
    count = DELIVERIES // 10 if quick else DELIVERIES
    runs = 1 if quick else RUNS
    cursor = median([await _run(count, by_stream=False) for _ in range(runs)])
    stream = median([await _run(count, by_stream=True) for _ in range(runs)])
    return [
        result("claims from the database by a cursor, PostgreSQL", cursor, "claims/s"),
        result("claims with ids through a Redis stream, PostgreSQL + Redis", stream, "claims/s", cursor),
    ]


async def _run(count: int, *, by_stream: bool) -> float:
    async with servers(STANDS[2]) as (database_url, queue_url, _), ground(database_url) as made:
        await made.readers(count)
        assert await made.promised() == count
        began = time.perf_counter()
        claimed = await (_by_stream(made, queue_url) if by_stream else _by_cursor(made))
        seconds = time.perf_counter() - began
    assert claimed == count, f"{claimed} of {count} were claimed"
    return count / seconds


async def _by_cursor(made: Ground) -> int:
    store, claimed = Deliveries(made.database, "https://press.example"), 0
    while found := (await store.claim(Wish("press", BATCH), "bench", datetime.now(UTC), 60)).claimed:
        claimed += len(found)
    return claimed


async def _by_stream(made: Ground, url: str) -> int:
    store, claimed, after = Deliveries(made.database, "https://press.example"), 0, 0
    async with redis.asyncio.from_url(url) as client:
        await client.xgroup_create("press", "workers", id="0", mkstream=True)
        while True:
            async with made.database.read() as connection:
                rows = await connection.execute(text(NEXT), {"after": after, "most": BATCH})
                ids = [int(row[0]) for row in rows.all()]
            if not ids:
                return claimed
            after = ids[-1]
            async with client.pipeline(transaction=False) as pipe:
                for number in ids:
                    pipe.xadd("press", {"id": number})
                await pipe.execute()
            found: Any = await client.xreadgroup("workers", "bench", {"press": ">"}, count=BATCH)
            ((_, entries),) = found
            wanted = tuple(int(fields[b"id"]) for _, fields in entries)
            wish = Wish("", BATCH, ids=wanted)
            claimed += len((await store.claim(wish, "bench", datetime.now(UTC), 60)).claimed)
            async with client.pipeline(transaction=False) as pipe:
                pipe.xack("press", "workers", *(entry for entry, _ in entries))
                pipe.xdel("press", *(entry for entry, _ in entries))
                await pipe.execute()
