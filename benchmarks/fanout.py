"""A million recipients: expanded inside the database, then sent by a channel that does nothing, with flat memory.

May touch: a temporary folder, servers of its own, the loopback address. The expansion is the very statement of an
approval (storage.promises).
"""

from __future__ import annotations

import time

from benchmarks import child
from benchmarks.engine import CONCURRENCY, SPAN, STANDS, servers
from benchmarks.ground import ground
from benchmarks.results import Result, result

SETUP = (
    "A release promised to 1,000,000 readers in one transaction, then drained by one worker process with a channel "
    "that does nothing, 64 at a time; one run on each database."
)
READERS = 1_000_000
SECONDS = 600.0
EXPANDED = {"SQLite": 10.0, "PostgreSQL": 16.0}  # aims in seconds
DRAINED = 60.0
RESIDENT = 200.0  # MiB


async def measure(*, quick: bool = False) -> list[Result]:
    """Seconds for the expansion and for the sending, and the largest resident size."""
    results: list[Result] = []
    count = READERS // 20 if quick else READERS
    for stand in (STANDS[0], STANDS[2]):
        name = stand.name.partition(" ")[0]
        async with servers(stand) as (database_url, queue_url, _), ground(database_url) as made:
            await made.readers(count)
            began = time.perf_counter()
            assert await made.promised() == count
            expanded = time.perf_counter() - began
            arguments = (stand.loop, database_url, queue_url, str(CONCURRENCY), "noop")
            told = await child.ask("benchmarks.engine_worker", *arguments, seconds=SECONDS)
            ((sent,),) = await made.ask("SELECT count(*) FROM deliveries WHERE state = 'sent' AND tries = 1")
            assert sent == count, f"{sent} of {count} were sent at the first try"
            ((first, last),) = await made.ask(SPAN)
        drained = (int(str(last)) - int(str(first))) / 1e6
        many = f"{count:,} recipients"
        results.append(result(f"{many} expanded, {name}", expanded, "s", EXPANDED[name]))
        results.append(result(f"{many} sent, {name}", drained, "s", DRAINED))
        results.append(result(f"resident size with {many}, {name}", told["resident"] / 2**20, "MiB", RESIDENT))
    return results
