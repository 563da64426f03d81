"""What only the Redis form has: several processes' queues share quotas, rests, circuits and the roster."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import ClusterDownError
from structlog.testing import capture_logs

from distributor.core.ports import Window
from distributor.queue import standing
from distributor.queue.link import Link
from distributor.queue.redis import RedisQueue
from tests.queue.queues import (
    Make,
    all_call,
    calls_in,
    fullest,
    make,
    now,
    redis,
    server,
    several,
)
from tests.services import free_port, redis_server

pytestmark = pytest.mark.redis
__all__ = ["make", "redis", "server"]  # fixtures


@pytest.mark.parametrize("number", [1, 2, 4])
async def test_workers_share_a_quota_use_nearly_all_of_it_and_never_more(make: Make, number: int) -> None:
    queues = await several(make, number)
    used: list[float] = []
    while not used or (max(used) < 0.98 and len(used) < 3):  # a neighbour on the machine may disturb one run
        made = await all_call(queues, [Window(50, 1.0)], 4.6)
        assert fullest(made, 1.0) <= 50
        start = made[0][0] + 0.5
        used.append(calls_in(made, start, start + 4) / 200)
    assert max(used) >= 0.98, used


async def test_leases_of_many_workers_are_large_and_share_the_quota(make: Make) -> None:
    queues = await several(make, 4)
    made = await all_call(queues, [Window(1000, 1.0)], 2.6, most=64)
    assert fullest(made, 1.0) <= 1000
    start = made[0][0] + 0.5
    assert calls_in(made, start, start + 2) >= 0.97 * 2000
    assert len(made) < sum(calls for _, calls in made) / 8


async def test_of_many_questions_at_once_none_starves(make: Make) -> None:
    (queue,) = await several(make, 1)
    end, slowest = now() + 1.5, 0.0

    async def ask_on_and_on() -> None:
        nonlocal slowest
        while (start := now()) < end:
            assert (await queue.take("lane", [Window(10**9, 1.0)], 1)).calls == 1
            slowest = max(slowest, now() - start)

    await asyncio.gather(*(ask_on_and_on() for _ in range(64)))
    assert slowest < 0.2


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
    both = {"worker0": ("lane", "other"), "worker1": ()}
    async with asyncio.timeout(6):  # a busy machine may cost the first sign of life; the next one comes
        while not (await first.workers() == await second.workers() == both):  # noqa: ASYNC110  # they beat by themselves
            await asyncio.sleep(0.05)
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
