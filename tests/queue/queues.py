"""Queues as several processes have them, over a Redis of the test's own; and what counts what they let go."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from distributor.core.ports import Grant, Queue, Window
from distributor.queue.link import Link
from distributor.queue.redis import RedisQueue
from tests.services import RedisServer, redis_server

Make = Callable[..., Awaitable[RedisQueue]]
Made = list[tuple[float, int]]


def now() -> float:
    return asyncio.get_running_loop().time()


async def taken(queue: Queue, windows: Sequence[Window], most: int = 1, least: int = 1) -> Grant:
    """Leave in the lane, waiting for it as long as the queue says."""
    while not (grant := await queue.take("lane", windows, most, least)).calls:
        assert grant.wait > 0
        await asyncio.sleep(grant.wait)
    return grant


async def call_for(queue: Queue, windows: Sequence[Window], seconds: float, most: int = 1) -> list[tuple[float, int]]:
    """Calls as fast as leave is given: when each grant's began, and how many."""
    made, until = [], now() + seconds
    while now() < until:
        grant = await taken(queue, windows, most)
        queue.began(grant)
        made.append((now(), grant.calls))
    return made


def fullest(made: Sequence[tuple[float, int]], seconds: float) -> int:
    """The most calls in any window of so many seconds, as the platform would count them."""
    calls = sorted(at for at, number in made for _ in range(number))
    most = first = 0
    for last, at in enumerate(calls):
        while calls[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, to be maltreated."""
    with redis_server() as running:
        yield running


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
async def make(server: RedisServer) -> AsyncIterator[Make]:
    """Queues as several processes would have them."""
    made: list[RedisQueue] = []

    async def one(url: str = "", lanes: Sequence[str] = ("lane",)) -> RedisQueue:
        queue = RedisQueue(Link(url or server.url, "office"))
        await queue.start(f"worker{len(made)}", lanes)
        made.append(queue)
        return queue

    yield one
    for queue in made:
        await queue.aclose()


async def several(make: Make, number: int) -> list[RedisQueue]:
    """Queues that know of one another."""
    queues = [await make() for _ in range(number)]
    for queue in queues:
        await queue._beat()
    return queues


async def all_call(queues: Sequence[Queue], windows: Sequence[Window], seconds: float, most: int = 1) -> Made:
    parts = await asyncio.gather(*(call_for(queue, windows, seconds, most) for queue in queues))
    return sorted(item for part in parts for item in part)


def calls_in(made: Made, since: float, until: float) -> int:
    return sum(calls for at, calls in made if since <= at < until)


@contextlib.contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    """The server answers nothing, and closes nothing."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


async def until(true: Callable[[], Any], seconds: float = 6.0) -> None:
    """Wait until it is so; fails when it is not within so many seconds."""
    end = now() + seconds
    while not true():
        assert now() < end, "it did not become so"
        await asyncio.sleep(0.005)
