"""The peers: no-op jobs drained by one worker process of SAQ and of taskiq, on the Redis that we would use.

May touch: a Redis of its own in a temporary folder, and the loopback address. All jobs are there before the worker
starts; it is measured from its first completion to its last. Nothing of Distributor runs here: these are the figures
that ours are held against in the same run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from saq.queue.redis import RedisQueue
from taskiq.kicker import AsyncKicker
from taskiq_redis import RedisStreamBroker

from benchmarks import child
from benchmarks.peers_worker import CONCURRENCY, TASK
from benchmarks.results import Result, median, result
from benchmarks.spent import commands
from tests.services import RedisServer, redis_server

SETUP = (
    f"No-op jobs, all enqueued before; one worker process, {CONCURRENCY} at a time, with the peer's own settings "
    "otherwise; Redis with AOF, fsync every second; first completion to last, medians of 3."
)
RUNS = 3
WORKER_SECONDS = 120.0


@dataclass(frozen=True)
class Peer:
    """A queue to measure: how its name is written, how many jobs it gets, and how they are enqueued."""

    name: str
    label: str
    jobs: int
    enqueue: Callable[[str, int], Awaitable[None]]


async def measure(*, quick: bool = False) -> list[Result]:
    """Jobs a second for each peer on both event loops, and the Redis commands that a job costs."""
    results: list[Result] = []
    with redis_server(appendonly=True) as server:
        for peer in PEERS:
            jobs = peer.jobs // 10 if quick else peer.jobs
            for loop in child.LOOPS:
                runs = [await _drain(server, peer, loop, jobs) for _ in range(1 if quick else RUNS)]
                name = f"no-op jobs drained, {peer.label}, {loop}"
                results.append(result(name, median(run["rate"] for run in runs), "jobs/s"))
            commands = median(run["commands"] for run in runs)
            results.append(result(f"Redis commands for a job, {peer.label}", commands, "commands"))
    return results


async def _drain(server: RedisServer, peer: Peer, loop: str, jobs: int) -> dict[str, float]:
    """One run from an empty Redis."""
    async with redis.asyncio.from_url(server.url) as client:
        await client.flushall()
        await peer.enqueue(server.url, jobs)
        before = await commands(client)
        done = await child.ask(
            "benchmarks.peers_worker", peer.name, loop, server.url, str(jobs), seconds=WORKER_SECONDS
        )
        spent = await commands(client) - before
    assert done["jobs"] == jobs - 1, f"{peer.label} completed {done['jobs'] + 1} of {jobs}"
    return {"rate": done["jobs"] / done["seconds"], "commands": spent / jobs}


async def _enqueue_saq(url: str, jobs: int) -> None:
    queue: Any = RedisQueue.from_url(url)
    try:
        for start in range(0, jobs, CONCURRENCY):
            await asyncio.gather(*(queue.enqueue(TASK) for _ in range(start, min(start + CONCURRENCY, jobs))))
        assert await queue.count("queued") == jobs
    finally:
        await queue.disconnect()


async def _enqueue_taskiq(url: str, jobs: int) -> None:
    # From the stream's beginning: the jobs are there before the worker is.
    broker: Any = RedisStreamBroker(url, consumer_id="0")
    kicker: Any = AsyncKicker(TASK, broker, {})
    await broker.startup()
    try:
        for start in range(0, jobs, CONCURRENCY):
            await asyncio.gather(*(kicker.kiq() for _ in range(start, min(start + CONCURRENCY, jobs))))
        async with redis.asyncio.from_url(url) as client:
            assert await client.xlen(broker.queue_name) == jobs
    finally:
        await broker.shutdown()


PEERS = (
    Peer("saq", "SAQ", 5_000, _enqueue_saq),
    Peer("taskiq", "taskiq (Redis streams, acknowledged)", 10_000, _enqueue_taskiq),
)
