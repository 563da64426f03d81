"""How fast leave is given: tokens of a shared quota a second, one at a time and leased 64 at a time.

Starts a Redis of its own on the loopback address and stops it by its process id. The window is so large that it never
fills: what is measured is the way to Redis and the count there, not the quota.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from benchmarks.results import Result, median, result
from distributor.core.ports import Window
from distributor.queue.link import Link
from distributor.queue.memory import MemoryQueue
from distributor.queue.redis import RedisQueue
from tests.services import redis_server

SETUP = "one process, 64 tasks that take at once, a window of a second that never fills, Redis on the same machine"
TASKS, LEASE = 64, 64
WINDOWS = (Window(1_000_000_000, 1.0),)


async def measure(*, quick: bool = False) -> list[Result]:
    """Medians of several runs, one after another."""
    memory = MemoryQueue()
    runs, seconds = (1, 0.5) if quick else (5, 2.0)
    found: dict[str, list[float]] = {"one": [], "leased": [], "raw": [], "memory": [], "alone": []}
    with redis_server() as server:
        queue = RedisQueue(Link(server.url))
        await queue.start("bench", ["lane"])
        async with Redis.from_url(server.url) as client:
            for _ in range(runs):
                found["raw"].append(await _rate(lambda: _increment(client), TASKS, seconds))
                found["one"].append(await _rate(lambda: _take(queue, 1), TASKS, seconds))
                found["leased"].append(await _rate(lambda: _take(queue, LEASE), TASKS, seconds))
                found["alone"].append(1000 / await _rate(lambda: _take(queue, 1), 1, seconds))
                found["memory"].append(await _rate(lambda: _take(memory, 1), 1, seconds))
        await queue.aclose()
    middle = {name: median(values) for name, values in found.items()}
    return [
        result("quota: tokens one at a time, against a bare INCR", middle["one"], "tokens/s", middle["raw"]),
        result("quota: tokens leased 64 at a time, against one", middle["leased"], "tokens/s", middle["one"]),
        result("quota: one take and its answer", middle["alone"], "ms"),
        result("quota: tokens one at a time, memory queue", middle["memory"], "tokens/s", middle["one"]),
    ]


async def _take(queue: MemoryQueue | RedisQueue, most: int) -> int:
    grant = await queue.take("lane", WINDOWS, most)
    assert grant.calls == most
    return grant.calls


async def _increment(client: Redis) -> int:
    await client.incr("bench")
    return 1


async def _rate(act: Callable[[], Awaitable[int]], tasks: int, seconds: float) -> float:
    """What so many tasks get together in a second."""
    start, got = time.perf_counter(), 0

    async def go() -> None:
        nonlocal got
        turns = 0
        while time.perf_counter() - start < seconds:
            given = await act()
            got += given
            turns += 1
            if turns % 100 == 0:
                await asyncio.sleep(0)  # the memory queue never waits by itself

    await asyncio.gather(*(go() for _ in range(tasks)))
    return got / (time.perf_counter() - start)
