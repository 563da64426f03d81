"""Fault 41: Redis is flushed, restarted empty, hangs, or is gone for a while. Delay only: nothing is lost, nothing is
doubled, no worker dies of it.

On Redis alone: the memory queue is gone with its process (test_lifecycle, after a restart).
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping

import pytest
from redis.asyncio import Redis

from distributor.demo import Stage
from tests.faults.engine import ask, child, seen, sound, tell, working
from tests.faults.test_workers import READERS
from tests.queue.acts import all_in, approve, one, rows, until, write
from tests.queue.backends import SERVERS
from tests.services import RedisServer, redis_server

pytestmark = pytest.mark.parametrize("backend", [SERVERS], indirect=True)
READERS_HERE = 300


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A server of the test's own, to be maltreated."""
    with redis_server() as server:
        yield server


@pytest.fixture
def changes(changes: Mapping[str, str], redis: RedisServer) -> Mapping[str, str]:
    """PostgreSQL, and that Redis."""
    return {**changes, "queue.url": redis.url}


async def flushed(server: RedisServer) -> None:
    """Emptied again and again."""
    async with Redis.from_url(server.url) as client:
        for _ in range(20):
            await client.flushall()
            await asyncio.sleep(0.05)


async def restarted(server: RedisServer) -> None:
    """In order, and empty afterwards."""
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)


async def gone(server: RedisServer) -> None:
    """Killed, and away for some seconds: longer than anybody waits for an answer, and than the grace of the quotas."""
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(4.0)
    await asyncio.to_thread(server.start)


async def hanging(server: RedisServer) -> None:
    """It answers nothing, and closes nothing."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2.0)
    server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("trouble", [flushed, restarted, gone, hanging])
async def test_f41_redis_that_forgets_or_is_away_only_delays(
    stage: Stage,
    redis: RedisServer,
    trouble: Callable[[RedisServer], Coroutine[None, None, None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await tell(stage, READERS, count=READERS_HERE)
    async with working(stage, "second", own_queue=True, lease=5):
        release_id = await write(stage, channels=("press", "x", "telegram"))
        await approve(stage, release_id)
        await seen(lambda: len(stage.sandbox.mail.messages) > 20)
        during = asyncio.create_task(trouble(redis))
        await seen(lambda: len(stage.sandbox.mail.messages) > 100)
        assert trouble is not gone or not during.done()  # a lane without a quota asks nobody
        later = await write(stage, title="შემდეგი", channels=("x", "newsroom"))
        await approve(stage, later)
        await until(stage, all_in("sent"), later, seconds=20)
        await until(stage, lambda found: all(row["state"] == "sent" for row in found), release_id, seconds=20)
        await during
        began = time.monotonic()
        last = await write(stage, title="ბოლო", channels=("x",))
        await approve(stage, last)
        await until(stage, all_in("sent"), last, seconds=10)
    assert time.monotonic() - began < 8  # the grace in which all workers put back what they spent
    mails = [mail.rcpt for mail in stage.sandbox.mail.messages]
    assert len(mails) == len(set(mails)) == READERS_HERE + 3
    assert len(stage.sandbox.effects("x", kind="post")) == 3
    assert len(stage.sandbox.effects("telegram", chat_id=-100300)) == 1
    told = await ask(stage, "SELECT outcome, count(*) AS n FROM attempts GROUP BY outcome")
    assert told == [{"outcome": "sent", "n": READERS_HERE + 8}]
    assert "a loop of the worker failed" not in caplog.text
    await sound(stage)


async def test_pausing_and_resuming_reach_another_process_at_once_through_redis(idle: Stage) -> None:
    """Its own poll comes every half a minute: what it does sooner it was told."""
    await tell(idle, READERS, count=3000)
    operations, box = idle.parts.office.operations, idle.sandbox
    async with child(idle, poll=30.0):
        bulk = await write(idle, channels=("press",))
        await approve(idle, bulk)
        await seen(lambda: len(box.mail.messages) > 50, 20)
        await operations.pause("press", None)
        await asyncio.sleep(0.5)  # what was claimed ahead ends
        sent = len(box.mail.messages)
        await asyncio.sleep(0.5)
        assert len(box.mail.messages) == sent < 3003
        await operations.resume("press", None)
        await seen(lambda: len(box.mail.messages) > sent, 2)

        await operations.stop(None, "a drill")
        release_id = await write(idle, channels=("x",))
        await approve(idle, release_id)
        await asyncio.sleep(0.5)
        sent = len(box.mail.messages)
        await asyncio.sleep(0.5)
        assert len(box.mail.messages) == sent < 3003
        assert one(await rows(idle, release_id), "x")["state"] == "queued"
        await operations.start(None)
        await until(idle, all_in("sent"), release_id, seconds=2)
        await seen(lambda: len(box.mail.messages) > sent, 2)
