"""Live news, in one process and between several: each is heard once, whatever becomes of Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from distributor.queue.events import MOST, LocalEvents, RedisEvents
from distributor.queue.forms import queue_and_events
from distributor.queue.link import KEPT
from distributor.queue.memory import MemoryQueue
from distributor.queue.redis import RedisQueue
from tests.queue.queues import redis, server, until
from tests.services import RedisServer

__all__ = ["redis", "server"]  # fixtures


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self, events: LocalEvents, *topics: str) -> None:
        self.heard: list[tuple[str, str]] = []
        self.end = events.listen(frozenset(topics or ("release", "lane")), self._hear)

    async def _hear(self, topic: str, subject: str) -> None:
        self.heard.append((topic, subject))


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def events(request: pytest.FixtureRequest) -> AsyncIterator[LocalEvents]:
    url = "memory://" if request.param == "memory" else request.getfixturevalue("server").url
    queue, made = queue_and_events(url)
    await queue.start("worker", [])
    yield made
    await made.aclose()
    await queue.aclose()


@pytest.fixture
async def two(server: RedisServer) -> AsyncIterator[tuple[LocalEvents, LocalEvents]]:
    """Those of two processes."""
    parts = [queue_and_events(server.url) for _ in range(2)]
    for number, (queue, _) in enumerate(parts):
        await queue.start(f"worker{number}", [])
    yield parts[0][1], parts[1][1]
    for queue, made in parts:
        await made.aclose()
        await queue.aclose()


async def test_news_reach_who_listens_to_their_topic_until_he_ends(events: LocalEvents) -> None:
    one, other = Ear(events, "release"), Ear(events, "lane", "case")
    events.publish("release", "r1")
    events.publish("case", "7")
    await asyncio.sleep(0.1)
    one.end()
    events.publish("release", "r2")
    events.publish("lane", "x")
    await asyncio.sleep(0.1)
    assert one.heard == [("release", "r1")]
    assert other.heard == [("case", "7"), ("lane", "x")]


async def test_equal_news_at_once_are_told_once_and_after_the_last(events: LocalEvents) -> None:
    ear = Ear(events)
    for _ in range(50):
        events.publish("release", "r1")
    events.publish("release", "r2")
    assert ear.heard == []
    await asyncio.sleep(0.1)
    assert ear.heard == [("release", "r1"), ("release", "r2")]
    events.publish("release", "r1")
    await asyncio.sleep(0.1)
    assert len(ear.heard) == 3


async def test_a_listener_that_fails_stops_nobody(events: LocalEvents) -> None:
    async def broken(topic: str, subject: str) -> None:
        raise ValueError(subject)

    events.listen(frozenset({"release"}), broken)
    ear = Ear(events)
    with capture_logs() as said:
        events.publish("release", "r1")
        await asyncio.sleep(0.1)
    assert ear.heard == [("release", "r1")]
    assert [line["event"] for line in said] == ["a listener failed"]


async def test_what_waits_is_told_before_the_end(events: LocalEvents) -> None:
    ear = Ear(events)
    events.publish("release", "last")
    await events.aclose()
    assert ear.heard == [("release", "last")]


async def test_too_much_news_at_once_leaves_the_oldest_out(events: LocalEvents) -> None:
    ear = Ear(events)
    with capture_logs() as said:
        for number in range(MOST + 5):
            events.publish("release", str(number))
    assert len(said) == 5
    await asyncio.sleep(0.3)
    assert [subject for _, subject in ear.heard] == [str(number) for number in range(5, MOST + 5)]


@pytest.mark.redis
async def test_each_process_hears_each_piece_of_news_once(two: tuple[LocalEvents, LocalEvents]) -> None:
    first, second = two
    here, there = Ear(first), Ear(second)
    first.publish("release", "ქართული")
    second.publish("lane", "telegram")
    await until(lambda: len(here.heard) == 2 and len(there.heard) == 2)
    await asyncio.sleep(0.1)
    assert sorted(here.heard) == sorted(there.heard) == [("lane", "telegram"), ("release", "ქართული")]


@pytest.mark.redis
async def test_while_redis_is_away_news_stay_here_and_the_newest_follow(
    two: tuple[LocalEvents, LocalEvents], server: RedisServer
) -> None:
    first, second = two
    here, there = Ear(first), Ear(second)
    server.kill()
    for number in range(10):
        first.publish("release", str(number % 5))
        await asyncio.sleep(0.03)
    assert len(here.heard) == 10
    server.start()
    await until(lambda: len(there.heard) == 5)
    await asyncio.sleep(0.3)
    assert len(there.heard) == 5


@pytest.mark.redis
async def test_what_waits_for_redis_is_bounded(two: tuple[LocalEvents, LocalEvents], server: RedisServer) -> None:
    server.kill()
    first = two[0]
    assert isinstance(first, RedisEvents)
    for number in range(KEPT + 500):
        first.publish("release", str(number))
        if number % 500 == 499:
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)
    assert len(first._link._posts) == KEPT
    server.start()


@pytest.mark.redis
async def test_news_that_nobody_of_ours_wrote_are_left_aside(
    two: tuple[LocalEvents, LocalEvents], redis: Redis
) -> None:
    first, second = two
    here = Ear(first)
    channel = (await redis.pubsub_channels())[0]
    with capture_logs() as said:
        for text in ("no json", "[1]", '["x","event",[1,2,3]]', '["x","unheard",null]'):
            await redis.publish(channel, text)
        second.publish("release", "r1")
        await until(lambda: here.heard == [("release", "r1")])
    assert any("nobody of ours wrote" in line["event"] for line in said)


def test_the_url_says_which_form() -> None:
    queue, events = queue_and_events("memory://")
    assert isinstance(queue, MemoryQueue)
    assert type(events) is LocalEvents
    for url in ("redis://127.0.0.1:1/0", "rediss://127.0.0.1:1", "unix:///run/none.sock"):
        queue, events = queue_and_events(url)
        assert isinstance(queue, RedisQueue)
        assert isinstance(events, RedisEvents)
    with pytest.raises(ValueError, match="scheme"):
        queue_and_events("amqp://mq")
