"""Wake-ups between processes, and the ways to reach a Redis."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from distributor.queue.link import Link
from distributor.queue.redis import RedisQueue
from distributor.sandbox.mail_certificate import make_certificate
from tests.queue.queues import (
    Make,
    make,
    now,
    redis,
    server,
    several,
    until,
)
from tests.services import RedisServer, redis_server

pytestmark = pytest.mark.redis
__all__ = ["make", "redis", "server"]  # fixtures


async def test_a_question_that_is_cancelled_is_cancelled_at_any_moment(server: RedisServer) -> None:
    for steps in range(100):
        link = Link(server.url)
        asked = asyncio.create_task(link.ask(("PING",)))
        for _ in range(steps):
            await asyncio.sleep(0)
        over = asked.done()
        asked.cancel()
        if not over:
            with pytest.raises(asyncio.CancelledError):
                await asked
        await link.aclose()
        if over:
            break
    assert steps > 5
    assert over


CHILD = """
import asyncio, sys
from distributor.queue.link import Link
from distributor.queue.redis import RedisQueue
from distributor.sandbox.mail_certificate import make_certificate

async def main():
    queue = RedisQueue(Link(sys.argv[1], "office"))
    woken = asyncio.Event()
    queue.listen(lambda lane: woken.set() if lane == "lane" else None)
    await queue.start("child", ["lane"])
    print("listening", flush=True)
    async with asyncio.timeout(20):
        await woken.wait()
    await queue.wake("answer")
    await queue.aclose()

asyncio.run(main())
"""


async def test_a_broken_line_of_news_is_mended_and_woken_is_called_once(make: Make, redis: Redis) -> None:
    first, second = await several(make, 2)
    woken: list[str] = []
    first.listen(woken.append)
    await second.wake("lane")
    await until(lambda: woken == ["lane"])
    await redis.client_kill_filter(_type="pubsub")
    await until(lambda: woken == ["lane", ""])
    await asyncio.sleep(0.3)
    await second.wake("lane")
    await until(lambda: woken == ["lane", "", "lane"])


async def test_a_wake_up_reaches_another_process_and_back_within_a_moment(make: Make, server: RedisServer) -> None:
    (queue,) = await several(make, 1)
    answered: list[float] = []
    queue.listen(lambda lane: answered.append(now()) if lane == "answer" else None)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, server.url, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    try:
        assert child.stdout is not None
        assert await asyncio.wait_for(child.stdout.readline(), 20) == b"listening\n"
        start = now()
        await queue.wake("lane")
        await until(lambda: bool(answered))
        assert answered[0] - start < 0.2
        assert await asyncio.wait_for(child.wait(), 10) == 0
        assert "child" not in await queue.workers()  # it said that it left
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def test_the_password_stands_in_no_log_and_a_wrong_one_stops_nothing(server: RedisServer, redis: Redis) -> None:
    await redis.config_set("requirepass", "canary:word")
    with capture_logs() as said:
        for word, up in (("canary%3Awrong", False), ("canary%3Aword", True)):
            queue = RedisQueue(Link(f"redis://:{word}@127.0.0.1:{server.port}/3"))
            await queue.start("worker", ["lane"])
            assert queue._link.up is up
            assert (await queue.take("lane", [], 1)).calls == 1
            await asyncio.sleep(0.2)
            await queue.aclose()
    assert any("Redis is not there" in line["event"] for line in said)
    # redis itself names no password; should another version do, it is taken out
    words = Link("redis://:canary%3Aword@mq")._plain(OSError("no way to canary%3Aword or canary:word"))
    assert words == "OSError: no way to *** or ***"
    assert "canary" not in repr(said)


async def test_a_socket_file_works_and_databases_are_apart(tmp_path: Path) -> None:
    config = tmp_path / "redis.conf"
    config.write_text(f"unixsocket {tmp_path}/redis.sock\n", "utf-8")
    with redis_server(config):
        queues = [RedisQueue(Link(f"unix://{tmp_path}/redis.sock?db={number}")) for number in (0, 0, 1)]
        heard: list[list[str]] = [[], [], []]
        for number, queue in enumerate(queues):
            await queue.start(f"worker{number}", ["lane"])
            queue.listen(heard[number].append)
        await queues[0].wake("lane")
        await until(lambda: heard[1] == ["lane"])
        assert heard[2] == []
        assert set(await queues[0].workers()) == {"worker0", "worker1"}
        for queue in queues:
            await queue.aclose()


async def test_an_encrypted_link_works_and_trusts_nobody_else(server: RedisServer) -> None:
    context, authority = make_certificate("127.0.0.1")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.wait([asyncio.create_task(copy(reader, back)), asyncio.create_task(copy(there, writer))])

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(65536):
            target.write(chunk)
        target.close()

    before_it = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=context)
    try:
        address = f"rediss://127.0.0.1:{before_it.sockets[0].getsockname()[1]}"
        for url, up in ((f"{address}?ssl_ca_certs={authority}", True), (address, False)):
            queue = RedisQueue(Link(url))
            await queue.start("worker", ["lane"])
            assert queue._link.up is up
            assert (await queue.take("lane", [], 1)).calls == 1
            await queue.aclose()
    finally:
        before_it.close()
        authority.unlink()
