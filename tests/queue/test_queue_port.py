"""The queue port: one suite over both forms, in this process and over a real Redis."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator

import pytest

from distributor.core.ports import Queue, Window
from distributor.queue.link import Link
from distributor.queue.memory import MemoryQueue
from distributor.queue.redis import RedisQueue
from tests.queue.queues import all_call, call_for, calls_in, fullest, now, server, taken

__all__ = ["server"]  # a fixture


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    made: Queue
    if request.param == "memory":
        made = MemoryQueue()
    else:
        made = RedisQueue(Link(request.getfixturevalue("server").url, f"test-{uuid.uuid4().hex[:8]}"))
    await made.start("first", ["lane"])
    yield made
    await made.aclose()


async def test_a_burst_goes_at_once_and_the_next_call_waits_as_long_as_it_is_told(queue: Queue) -> None:
    windows = [Window(3, 0.4)]
    first = now()
    assert [(await queue.take("lane", windows, 1)).calls for _ in range(3)] == [1, 1, 1]
    refused = await queue.take("lane", windows, 1)
    assert refused.calls == 0
    assert 0.2 < refused.wait <= 0.41
    await taken(queue, windows)
    assert 0.4 <= now() - first < 0.6


async def test_no_window_ever_holds_more_than_its_count_and_nearly_all_of_it_is_used(queue: Queue) -> None:
    used: list[float] = []
    while not used or (max(used) < 0.98 and len(used) < 3):  # a neighbour on the machine may disturb one run
        made = await all_call([queue] * 3, [Window(50, 1.0)], 3.6)
        assert fullest(made, 1.0) <= 50
        start = made[0][0] + 0.5
        used.append(calls_in(made, start, start + 3) / 150)
    assert max(used) >= 0.98, used


async def test_a_saturated_lane_never_rests_long(queue: Queue) -> None:
    made = await call_for(queue, [Window(50, 1.0)], 2.5)
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(made)]
    assert max(gaps) < 0.2, sorted(gaps)[-5:]


async def test_every_window_holds(queue: Queue) -> None:
    made = await call_for(queue, [Window(2, 0.1), Window(5, 1.0)], 1.5)
    assert fullest(made, 0.1) <= 2
    assert fullest(made, 1.0) == 5


async def test_leases_stay_large(queue: Queue) -> None:
    made = await call_for(queue, [Window(1000, 1.0)], 1.6, most=64)
    assert fullest(made, 1.0) <= 1000
    total = sum(calls for _, calls in made)
    assert total > 1400
    assert len(made) < total / 8


async def test_a_quota_that_is_never_reached_holds_nobody_up(queue: Queue) -> None:
    assert [(await queue.take("lane", [Window(10**9, 1.0)], 64)).calls for _ in range(100)] == [64] * 100


async def test_leave_for_many_is_all_or_nothing(queue: Queue) -> None:
    windows = [Window(5, 5.0)]
    assert (await queue.take("lane", windows, 3)).calls == 3
    refused = await queue.take("lane", windows, 4, least=3)
    assert (refused.calls, refused.wait > 4) == (0, True)
    assert (await queue.take("lane", windows, 4, least=2)).calls == 2


async def test_more_than_a_window_holds_goes_when_the_window_is_empty(queue: Queue) -> None:
    windows = [Window(5, 0.3)]
    assert (await queue.take("lane", windows, 1)).calls == 1
    start = now()
    grant = await taken(queue, windows, most=8, least=8)
    assert grant.calls == 8
    assert 0.25 < now() - start < 0.6
    assert (await queue.take("lane", windows, 1)).calls == 0


async def test_what_is_given_back_may_be_taken_again(queue: Queue) -> None:
    windows = [Window(5, 5.0)]
    grant = await queue.take("lane", windows, 5)
    await queue.refund(grant, 2)
    assert (await queue.take("lane", windows, 5)).calls == 2
    await queue.refund(grant, 3)
    assert (await queue.take("lane", windows, 5)).calls == 3


async def test_calls_that_begin_late_count_from_when_they_begin(queue: Queue) -> None:
    windows = [Window(1, 0.5)]
    grant = await queue.take("lane", windows, 1)
    await asyncio.sleep(0.3)
    queue.began(grant)
    began = now()
    await asyncio.sleep(0.05)
    await taken(queue, windows)
    assert 0.5 <= now() - began < 0.7


async def test_calls_that_begin_after_their_window_passed_count_again(queue: Queue) -> None:
    windows = [Window(1, 0.2), Window(9, 2.0)]
    grant = await queue.take("lane", windows, 1)
    await asyncio.sleep(0.3)
    assert (await queue.take("lane", windows, 99, least=99)).calls == 0
    queue.began(grant)
    await asyncio.sleep(0.05)
    refused = await queue.take("lane", windows, 1)
    assert refused.calls == 0
    assert 0.05 < refused.wait < 0.21


async def test_without_a_window_all_that_is_asked_for_goes(queue: Queue) -> None:
    grant = await queue.take("lane", [], 500)
    assert grant.calls == 500
    queue.began(grant)
    await queue.refund(grant, 500)


async def test_destinations_and_lanes_have_windows_of_their_own(queue: Queue) -> None:
    windows = [Window(1, 5.0)]
    for lane, part in [("lane", ""), ("lane", "7"), ("lane", "8"), ("other", ""), ("other", "7")]:
        assert (await queue.take(lane, windows, 2, part=part)).calls == 1, (lane, part)
        assert (await queue.take(lane, windows, 2, part=part)).calls == 0, (lane, part)


async def test_a_rest_holds_the_lane_alone_and_is_never_shortened(queue: Queue) -> None:
    await queue.rest("lane", 0.5)
    await queue.rest("lane", 0.1)
    refused = await queue.take("lane", [Window(5, 1.0)], 1)
    assert refused.calls == 0
    assert 0.3 < refused.wait <= 0.5
    assert (await queue.take("lane", [Window(5, 1.0)], 1, part="7")).calls == 1
    assert (await queue.take("other", [], 1)).calls == 1
    start = now()
    await taken(queue, [])
    assert 0.3 < now() - start < 0.7


async def test_five_failures_in_a_row_open_the_circuit_and_an_answer_closes_it(queue: Queue) -> None:
    for _ in range(4):
        assert await queue.failed("lane") == 0
    await queue.healed("lane")
    for _ in range(4):
        assert await queue.failed("lane") == 0
    assert (await queue.take("lane", [], 9)).calls == 9
    assert await queue.failed("lane") == pytest.approx(5.0, abs=0.2)
    refused = await queue.take("lane", [], 9)
    assert refused.calls == 0
    assert 4.5 < refused.wait <= 5.0
    assert (await queue.take("other", [], 9)).calls == 9
    woken: list[str] = []
    queue.listen(woken.append)
    await queue.healed("lane")
    assert woken == ["lane"]
    assert (await queue.take("lane", [], 9)).calls == 9


async def test_after_its_rest_an_open_circuit_lets_one_probe_at_a_time_through(queue: Queue) -> None:
    for _ in range(5):
        await queue.failed("lane")
    # What was under way when it opened fails too, and lengthens nothing.
    assert 4.5 < await queue.failed("lane") <= 5.0
    await asyncio.sleep(5.05)
    grants = await asyncio.gather(*(queue.take("lane", [Window(99, 1.0)], 9) for _ in range(10)))
    (probe,) = [grant for grant in grants if grant.calls]
    assert probe.calls == 1
    assert all(0 < grant.wait <= 1.0 for grant in grants if not grant.calls)
    await queue.refund(probe, 1)  # it found nothing to send: the next one may probe
    assert (await queue.take("lane", [], 9, least=3)).calls == 3
    assert (await queue.take("lane", [], 9)).calls == 0
    assert await queue.failed("lane") == pytest.approx(10.0, abs=0.2)
    assert 9 < (await queue.take("lane", [], 9)).wait <= 10
    await queue.healed("lane")
    assert (await queue.take("lane", [], 9)).calls == 9


async def test_wake_ups_reach_every_listener_until_it_ends(queue: Queue) -> None:
    first: list[str] = []
    second: list[str] = []

    def broken(lane: str) -> None:
        raise ValueError(lane)

    queue.listen(broken)
    end = queue.listen(first.append)
    queue.listen(second.append)
    await queue.wake("lane")
    await queue.wake()
    end()
    await queue.wake("other")
    await asyncio.sleep(0.1)  # one's own are not heard twice
    assert first == ["lane", ""]
    assert second == ["lane", "", "other"]


async def test_who_is_there_and_what_each_serves(queue: Queue) -> None:
    await queue.start("second", ["lane", "other"])
    assert await queue.workers() == {"first": ("lane",), "second": ("lane", "other")}
