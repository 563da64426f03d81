"""What only the Redis form has: several processes' queues over one server, and what becomes of them when it is emptied,
killed, stopped, full or gone. Every loss must cost time and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import ClusterDownError
from structlog.testing import capture_logs

from distributor.core.ports import Queue, Window
from distributor.queue import standing
from distributor.queue.link import Link
from distributor.queue.redis import RedisQueue
from tests.queue.test_queue_port import call_for, fullest, now
from tests.services import RedisServer, free_port, redis_server

pytestmark = pytest.mark.redis

Make = Callable[..., Awaitable[RedisQueue]]
Made = list[tuple[float, int]]


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


@pytest.mark.parametrize("number", [1, 2, 4])
async def test_workers_share_a_quota_use_nearly_all_of_it_and_never_more(make: Make, number: int) -> None:
    queues = await several(make, number)
    made = await all_call(queues, [Window(50, 1.0)], 4.6)
    assert fullest(made, 1.0) <= 50
    start = made[0][0] + 0.5
    assert calls_in(made, start, start + 4) >= 0.98 * 200


async def test_leases_of_many_workers_are_large_and_share_the_quota(make: Make) -> None:
    queues = await several(make, 4)
    made = await all_call(queues, [Window(1000, 1.0)], 2.6, most=64)
    assert fullest(made, 1.0) <= 1000
    start = made[0][0] + 0.5
    assert calls_in(made, start, start + 2) >= 0.97 * 2000
    assert len(made) < sum(calls for _, calls in made) / 8


async def test_rests_circuits_and_late_beginnings_are_shared(make: Make) -> None:
    first, second = await several(make, 2)
    await first.rest("lane", 0.4)
    assert 0.2 < (await second.take("lane", [], 1)).wait <= 0.4
    await asyncio.sleep(0.45)
    grant = await first.take("lane", [Window(1, 0.6)], 1)
    await asyncio.sleep(0.4)
    first.began(grant)
    await asyncio.sleep(0.05)
    assert 0.4 < (await second.take("lane", [Window(1, 0.6)], 1)).wait < 0.6
    await first.refund(grant, 1)
    assert (await second.take("lane", [Window(1, 0.6)], 1)).calls == 1
    woken: list[str] = []
    second.listen(woken.append)
    for queue in (first, second, first, second, first):
        opened = await queue.failed("lane")
    assert opened == pytest.approx(5.0, abs=0.1)
    assert (await second.take("lane", [], 1)).calls == 0
    await first.healed("lane")
    await asyncio.sleep(0.05)
    assert woken == ["lane"]
    assert (await second.take("lane", [], 1)).calls == 1


async def test_an_answer_to_one_worker_ends_the_row_of_failures_that_others_saw(make: Make) -> None:
    first, second = await several(make, 2)
    for _ in range(4):
        await first.failed("lane")
    await second.take("lane", [], 1)
    await second.healed("lane")
    assert await first.failed("lane") == 0


async def test_a_probe_that_nobody_answers_for_frees_its_place(make: Make, redis: Redis) -> None:
    (queue,) = await several(make, 1)
    for _ in range(5):
        await queue.failed("lane")
    await redis.hset("office:{lane}:state", "open", 1)
    assert (await queue.take("lane", [], 1)).calls == 1
    assert (await queue.take("lane", [], 1)).calls == 0
    seconds, micro = await redis.time()
    until = float(await redis.hget("office:{lane}:state", "probe_until") or 0)
    assert until / 1e6 == pytest.approx(seconds + micro / 1e6 + 60, abs=1)
    await redis.hset("office:{lane}:state", "probe_until", 1)
    assert (await queue.take("lane", [], 1)).calls == 1


async def test_who_is_there_is_seen_by_all_and_who_dies_is_gone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await make(lanes=("lane", "other"))
    second = await make(lanes=())
    assert await first.workers() == await second.workers() == {"worker0": ("lane", "other"), "worker1": ()}
    await second.aclose()
    assert set(await first.workers()) == {"worker0"}
    third = await make()
    assert third._beating is not None
    third._beating.cancel()  # as a process that was killed
    monkeypatch.setattr(standing, "GONE", 0.3)
    await asyncio.sleep(0.4)
    assert set(await first.workers()) == {"worker0"}


async def test_the_keys_of_a_lane_share_a_slot_and_all_of_them_end(make: Make, redis: Redis) -> None:
    (queue,) = await several(make, 1)
    for part in ("", "7"):
        await queue.take("telegram", [Window(5, 1.0), Window(20, 2.0)], 1, part=part)
    await queue.failed("telegram")
    keys = [key async for key in redis.scan_iter("office:*telegram*")]
    assert len(keys) == 5
    assert len({key_slot(key.encode()) for key in keys}) == 1
    lives = {key: await redis.pttl(key) for key in keys}
    assert [key for key, life in lives.items() if life < 0] == ["office:{telegram}:state"]
    assert all(life <= 2500 + 1000 for life in lives.values())


async def test_everything_runs_on_a_server_in_cluster_mode(tmp_path: Path) -> None:
    """One node with all slots: it refuses a script whose keys are in two slots."""
    config = tmp_path / "cluster.conf"
    config.write_text(f"cluster-enabled yes\ncluster-port {free_port()}\n", "utf-8")
    with redis_server(config) as server:
        async with Redis.from_url(server.url) as client:
            await client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call] # redis' own
            for _ in range(100):
                with contextlib.suppress(ClusterDownError):
                    if await client.set("any", 1):
                        break
                await asyncio.sleep(0.05)
        with capture_logs() as said:
            queue = RedisQueue(Link(server.url))
            await queue.start("worker", ["a", "b"])
            grant = await queue.take("a", [Window(50, 1.0)], 5, part="9")
            assert grant.calls == 5
            await asyncio.sleep(0.02)
            queue.began(grant)
            await queue.refund(grant, 2)
            await queue.rest("b", 0.1)
            assert await queue.failed("a") == 0
            await queue.healed("a")
            await queue._come_back()
            assert set(await queue.workers()) == {"worker"}
            await queue.aclose()
        assert [line for line in said if line["log_level"] != "debug"] == []


async def test_emptied_in_mid_run_no_quota_is_exceeded_and_the_work_goes_on(make: Make, redis: Redis) -> None:
    queues = await several(make, 2)
    with capture_logs() as said:
        running = asyncio.create_task(all_call(queues, [Window(50, 1.0)], 5.0))
        await asyncio.sleep(1.6)
        await redis.flushall()
        emptied = now()
        made = await running
    assert fullest(made, 1.0) <= 50
    assert calls_in(made, emptied + 1.3, emptied + 3.3) >= 0.9 * 100
    lost = [line for line in said if "lost a lane's counts" in line["event"]]
    assert len(lost) == 2  # each of the two processes, once


async def test_killed_and_started_again_empty_no_quota_is_exceeded(make: Make, server: RedisServer) -> None:
    queues = await several(make, 2)
    with capture_logs() as said:
        running = asyncio.create_task(all_call(queues, [Window(50, 1.0)], 8.0))
        await asyncio.sleep(1.3)
        server.kill()
        await asyncio.sleep(2.5)
        server.start()
        back = now()
        made = await running
    assert fullest(made, 1.0) <= 50
    assert calls_in(made, back - 1.3, back) > 30  # alone, each within its part
    assert calls_in(made, back + 2.5, back + 4.0) >= 0.9 * 75
    events = [line["event"] for line in said if line["log_level"] == "warning"]
    assert sorted({event: events.count(event) for event in events}.values()) == [2, 2]
    assert [line["event"] for line in said].count("Redis is back") == 2


async def test_a_server_that_hangs_costs_one_time_out_and_not_one_for_each_call(
    make: Make, server: RedisServer
) -> None:
    queues = await several(make, 2)
    slow: list[float] = []
    made: Made = []

    async def calls(queue: RedisQueue, until: float) -> None:
        while now() < until:
            start = now()
            grant = await queue.take("lane", [Window(20, 0.5)], 1)
            slow.append(now() - start)
            if grant.calls:
                queue.began(grant)
                made.append((now(), grant.calls))
            await asyncio.sleep(grant.wait)

    until = now() + 6.5
    running = asyncio.gather(*(calls(queue, until) for queue in queues))
    await asyncio.sleep(0.7)
    with stopped(server):
        hung = now()
        await asyncio.sleep(3)
        resumed = now()
    await running
    assert sum(1 for seconds in slow if seconds > 0.1) <= 2
    assert max(slow) < 0.45
    assert fullest(made, 0.5) <= 20
    assert calls_in(sorted(made), hung + 1.5, resumed) > 0.85 * 40 * (resumed - hung - 1.5)
    assert calls_in(sorted(made), resumed + 1.5, until) > 0.9 * 40 * (until - resumed - 1.5)


async def test_a_short_hang_gives_nobody_leave_that_others_do_not_know_of(make: Make, server: RedisServer) -> None:
    queues = await several(make, 2)
    running = asyncio.create_task(all_call(queues, [Window(50, 1.0)], 4.0))
    await asyncio.sleep(0.7)
    with stopped(server):
        await asyncio.sleep(0.4)
    made = await running
    assert fullest(made, 1.0) <= 50


async def test_what_was_spent_alone_is_put_back_when_the_server_returns(make: Make, server: RedisServer) -> None:
    first, second = await several(make, 2)
    windows = [Window(10, 30.0)]
    assert (await first.take("lane", windows, 2)).calls == 2
    with stopped(server):
        assert (await first.take("lane", windows, 9)).calls == 0
        assert (await second.take("lane", windows, 9)).calls == 0
        await asyncio.sleep(3.1)
        assert (await first.take("lane", windows, 9)).calls == 3  # five are its part
    await until(lambda: first._link.up and second._link.up)
    assert (await second.take("lane", windows, 9)).calls == 5  # its part, for now; ten in all
    assert (await second.take("lane", windows, 9)).calls == 0
    await asyncio.sleep(2.2)
    refused = await second.take("lane", windows, 1)
    assert refused.calls == 0
    assert 20 < refused.wait < 30


async def test_what_was_spent_before_the_loss_is_put_back_by_every_worker(make: Make, redis: Redis) -> None:
    first, second = await several(make, 2)
    windows = [Window(10, 30.0)]
    assert (await first.take("lane", windows, 6)).calls == 6
    assert (await second.take("lane", windows, 1)).calls == 1
    await redis.flushall()
    refused = await second.take("lane", windows, 9)
    assert refused.calls == 0
    assert 2 < refused.wait <= 3
    await asyncio.sleep(refused.wait + 0.02)  # `first` asks for nothing, and puts back its own all the same
    assert (await second.take("lane", windows, 9)).calls == 3
    assert (await first.take("lane", windows, 1)).calls == 0


async def test_a_rest_outlives_the_loss_of_redis(make: Make, redis: Redis) -> None:
    first, second = await several(make, 2)
    await first.rest("lane", 30)
    await redis.flushall()
    await first._beat()
    assert (await second.take("lane", [], 1)).wait == pytest.approx(30, abs=1)


async def test_gone_for_long_each_worker_keeps_to_its_part(make: Make, server: RedisServer) -> None:
    queues = await several(make, 2)
    stranger = await make()
    await stranger.aclose()
    server.stop()
    made = await all_call(queues, [Window(40, 0.5)], 4.0)
    assert fullest(made, 0.5) <= 40
    end = made[-1][0]
    assert calls_in(made, end - 2, end) > 0.6 * 160  # two parts of three: who left lately is still counted
    slow = [await queue.take("lane", [Window(1, 1.0)], 1, part="7") for queue in queues]
    assert [grant.calls for grant in slow] == [1, 1]
    assert [(await queue.take("lane", [Window(1, 1.0)], 1, part="7")).calls for queue in queues] == [0, 0]
    await asyncio.sleep(1.5)  # a third of one call a second is one in three seconds
    assert [(await queue.take("lane", [Window(1, 1.0)], 1, part="7")).calls for queue in queues] == [0, 0]


async def test_who_never_saw_redis_takes_itself_for_one_of_four_and_finds_it_when_it_comes(
    server: RedisServer,
) -> None:
    server.stop()
    with capture_logs() as said:
        queue = RedisQueue(Link(server.url, "office"))
        await queue.start("worker", ["lane"])
        woken: list[str] = []
        queue.listen(woken.append)
        await queue.wake("lane")
        await queue.failed("lane")
        await queue.healed("lane")
        assert await queue.workers() == {}
        await asyncio.sleep(1.2)
        assert (await queue.take("lane", [Window(36, 1.0)], 36)).calls == 9
        assert woken == ["lane"]
        server.start()
        await until(lambda: queue._link.up and "" in woken)
        assert set(await queue.workers()) == {"worker"}
        await queue.aclose()
    assert woken == ["lane", ""]
    told = [line["event"] for line in said if line["log_level"] in ("warning", "info", "error")]
    assert told == ["Redis is not there; the work goes on without it", "Redis is back"]


async def test_a_full_server_is_one_that_is_not_there(make: Make, redis: Redis) -> None:
    (queue,) = await several(make, 1)
    with capture_logs() as said:
        await redis.config_set("maxmemory", "1")
        assert (await queue.take("lane", [], 1)).calls == 1
        await asyncio.sleep(0.3)
        assert not queue._link.up
        await redis.config_set("maxmemory", "0")
        await until(lambda: queue._link.up)
    assert (await queue.take("lane", [Window(5, 1.0)], 1)).calls == 1
    told = [line["event"] for line in said if line["log_level"] != "debug"]
    assert told == ["Redis is not there; the work goes on without it", "Redis is back"]


async def test_a_clock_set_back_on_the_server_stalls_nothing(make: Make, redis: Redis) -> None:
    (queue,) = await several(make, 1)
    windows = [Window(5, 1.0)]
    assert (await queue.take("lane", windows, 5)).calls == 5
    seconds, _ = await redis.time()
    hour_on = (seconds + 3600) * 1_000_000
    await redis.hset("office:{lane}:state", mapping={"seen": hour_on, "rest": hour_on})
    refused = await queue.take("lane", windows, 5)
    assert refused.calls == 0
    assert refused.wait <= 1.1
    await asyncio.sleep(refused.wait + 0.02)
    assert (await queue.take("lane", windows, 5)).calls == 5


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


CHILD = """
import asyncio, sys
from distributor.queue.link import Link
from distributor.queue.redis import RedisQueue

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


async def until(true: Callable[[], Any], seconds: float = 6.0) -> None:
    """Wait until it is so; fails when it is not within so many seconds."""
    end = now() + seconds
    while not true():
        assert now() < end, "it did not become so"
        await asyncio.sleep(0.005)
