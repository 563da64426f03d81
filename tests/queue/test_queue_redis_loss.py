"""Redis emptied, killed, hanging, full or gone while queues share it: every loss costs time and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from distributor.core.ports import Window
from distributor.queue.link import Link
from distributor.queue.redis import RedisQueue
from tests.queue.queues import (
    Made,
    Make,
    all_call,
    calls_in,
    fullest,
    make,
    now,
    redis,
    server,
    several,
    stopped,
    until,
)
from tests.services import RedisServer

pytestmark = pytest.mark.redis
__all__ = ["make", "redis", "server"]  # fixtures


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
    spent = await first.take("lane", windows, 2)
    assert spent.calls == 2
    with stopped(server):
        assert (await first.take("lane", windows, 9)).calls == 0
        assert (await second.take("lane", windows, 9)).calls == 0
        await asyncio.sleep(3.1)
        assert (await first.take("lane", windows, 9)).calls == 3  # five are its part
        assert (await first.take("lane", windows, 9)).calls == 0
        assert (await second.take("lane", windows, 2)).calls == 2
    await until(lambda: first._link.up and second._link.up)
    await first.refund(spent, 2)
    assert (await second.take("lane", windows, 9)).calls == 3  # for a while no more than its part
    assert (await second.take("lane", windows, 9)).calls == 0
    await asyncio.sleep(2.2)
    assert (await second.take("lane", windows, 9)).calls == 2  # ten in all
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
