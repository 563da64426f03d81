"""Durable deliveries a second: intent and outcome committed, audit included, by a channel that does nothing.

May touch: a temporary folder on disk, a PostgreSQL (durable) and a Redis of its own, the loopback address. All
deliveries are promised before the workers start; measured from the first attempt's beginning to the last commit's.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import redis.asyncio

from benchmarks import child
from benchmarks.ground import ground
from benchmarks.results import Result, median, result, value_of
from benchmarks.spent import commands
from distributor.core.rendering import Rendering
from tests.services import postgres_server, redis_server

SETUP = (
    "A release promised to 100,000 readers, drained by worker processes of ours with a channel that does nothing, 64 "
    "at a time; SQLite with synchronous=FULL, PostgreSQL with fsync, Redis with AOF, fsync every second; medians of 3."
)
DELIVERIES = 100_000
CONCURRENCY = 64
RUNS = 3
SECONDS = 300.0
SPAN = "SELECT min(started_at), (SELECT max(at) FROM audit_events WHERE kind = 'outcomes') FROM attempts"


@dataclass(frozen=True)
class Stand:
    """Where it runs: how the results name it, and how many workers."""

    name: str
    workers: int
    loop: str
    servers: bool


STANDS = (
    Stand("SQLite + memory, 1 worker", 1, "asyncio", False),
    Stand("SQLite + memory, 1 worker, uvloop", 1, "uvloop", False),
    Stand("PostgreSQL + Redis, 1 worker", 1, "asyncio", True),
    Stand("PostgreSQL + Redis, 1 worker, uvloop", 1, "uvloop", True),
    Stand("PostgreSQL + Redis, 2 workers", 2, "asyncio", True),
)
PEERS = {
    "SAQ": "no-op jobs drained, SAQ, asyncio",
    "taskiq": "no-op jobs drained, taskiq (Redis streams, acknowledged), asyncio",
}


@dataclass(frozen=True)
class Run:
    """One run: deliveries a second, bytes resident in the largest process, processor seconds and Redis commands of a
    delivery."""

    rate: float
    resident: float
    busy: float
    commands: float


async def measure(*, quick: bool = False, earlier: list[Result] | None = None) -> list[Result]:
    """Deliveries a second on each stand, with memory and, against the peers measured before, ratios."""
    results: list[Result] = []
    count = DELIVERIES // 10 if quick else DELIVERIES
    for stand in STANDS:
        runs = [await run(stand, count) for _ in range(1 if quick else RUNS)]
        rate = median(one.rate for one in runs)
        results.append(result(f"durable deliveries, {stand.name}", rate, "deliveries/s"))
        results.append(result(f"resident size, {stand.name}", median(one.resident for one in runs) / 2**20, "MiB"))
        busy = median(one.busy for one in runs) * 1e6
        results.append(result(f"processor time of a delivery, {stand.name}", busy, "µs"))
        if stand.servers:
            results.append(result(f"Redis commands of a delivery, {stand.name}", runs[-1].commands, "commands"))
        for label, peer in PEERS.items():
            with contextlib.suppress(LookupError):  # the peers were not measured in this run
                peers = value_of(earlier or [], peer)
                results.append(
                    result(f"durable deliveries, {stand.name}, against {label}", rate, "deliveries/s", peers)
                )
    return results


async def run(stand: Stand, count: int, way: str = "noop", address: str = "", shown: Rendering | None = None) -> Run:
    """One run on a fresh database: `count` deliveries by the channel of that way (benchmarks.engine_worker)."""
    channel = "chats" if way == "chats" else "press"
    async with servers(stand) as (database_url, queue_url, spent), ground(database_url) as made:
        await made.readers(count, channel)
        assert await made.promised(channel, shown=shown) == count
        before = await spent()
        arguments = (stand.loop, database_url, queue_url, str(CONCURRENCY), way, address)
        told = await asyncio.gather(
            *(child.ask("benchmarks.engine_worker", *arguments, seconds=SECONDS) for _ in range(stand.workers))
        )
        after = await spent()
        ((sent,),) = await made.ask("SELECT count(*) FROM deliveries WHERE state = 'sent' AND tries = 1")
        assert sent == count, f"{sent} of {count} were sent at the first try"
        ((began, ended),) = await made.ask(SPAN)
    seconds = (int(str(ended)) - int(str(began))) / 1e6
    resident, busy = max(one["resident"] for one in told), sum(one["busy"] for one in told)
    return Run(count / seconds, resident, busy / count, (after - before) / count)


@contextlib.asynccontextmanager
async def servers(stand: Stand) -> AsyncIterator[tuple[str, str, Callable[[], Awaitable[int]]]]:
    """Addresses of a fresh database and queue, and what counts Redis' commands."""
    if not stand.servers:

        async def none() -> int:
            return 0

        with tempfile.TemporaryDirectory(prefix="distributor-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'bench.db'}", "memory://", none
        return
    with postgres_server(durable=True) as postgres, redis_server(appendonly=True) as server:
        async with redis.asyncio.from_url(server.url) as client:

            async def counted() -> int:
                return await commands(client)

            yield postgres.create_database(), server.url, counted
