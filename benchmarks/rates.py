"""How much of a platform's quota all workers together use, and how often they are refused.

May touch: a server with a sliding window, a PostgreSQL, a Redis and worker processes of its own, on the loopback
address. There is always more to send than the quota allows.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from benchmarks import child
from benchmarks.engine import CONCURRENCY, STANDS, servers
from benchmarks.ground import ground
from benchmarks.results import Result, result

SETUP = (
    "A lane with a quota, before a server that enforces it by a sliding window and refuses with 429; PostgreSQL + "
    "Redis; the part of the quota that was used from the second window on, and the calls refused."
)
USED = 0.98  # at least; and no call refused
SECONDS = 120.0


@dataclass(frozen=True)
class Quota:
    """So many calls in so many seconds, for so many windows."""

    count: int
    seconds: float
    windows: int


QUOTAS = (Quota(30, 1.0, 15), Quota(20, 5.0, 4), Quota(500, 1.0, 8))


async def measure(*, quick: bool = False) -> list[Result]:
    """For each quota with 1 and with 4 workers."""
    results: list[Result] = []
    for quota in QUOTAS[:1] if quick else QUOTAS:
        for workers in (1, 4):
            taken, refused = await _run(quota, workers, quota.windows // 3 if quick else quota.windows)
            # No call may come sooner than a window after the one that stood `count` before it. How much later it came
            # is what was left unused, whether a window is spent in a burst or evenly.
            cycles = [later - earlier for earlier, later in zip(taken, taken[quota.count :], strict=False)]
            used = quota.seconds / (sum(cycles) / len(cycles))
            name = f"{quota.count} calls in {quota.seconds:g} s, {workers} worker{'s' if workers > 1 else ''}"
            results.append(result(f"quota used, {name}", used, "of 1", USED))
            results.append(result(f"calls refused, {name}", refused, "calls"))
    return results


async def _run(quota: Quota, workers: int, windows: int) -> tuple[list[float], int]:
    """When the calls were taken, and how many were refused."""
    count = quota.count * windows
    server = child.serving("benchmarks.quota_server", str(quota.count), str(quota.seconds))
    async with server as ready, servers(STANDS[2]) as (database_url, queue_url, _), ground(database_url) as made:
        await made.readers(count)
        assert await made.promised() == count
        way = f"{quota.count}/{quota.seconds:g}"
        arguments = ("asyncio", database_url, queue_url, str(CONCURRENCY), way, ready["url"])
        await asyncio.gather(
            *(child.ask("benchmarks.engine_worker", *arguments, seconds=SECONDS) for _ in range(workers))
        )
        async with aiohttp.ClientSession() as session, session.get(f"{ready['url']}told") as answer:
            told = await answer.json()
    assert len(told["taken"]) == count, f"{len(told['taken'])} of {count} calls were taken"
    return told["taken"], told["refused"]
