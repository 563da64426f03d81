"""The simulated Redis under the service's own queue: shared quotas, wake-ups, flushes and absences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from distributor.core.ports import Window
from distributor.queue.circuit import OPENS_AFTER
from distributor.queue.link import Command
from distributor.queue.redis import GRACE, RedisQueue
from tests.simulation.process import World
from tests.simulation.queue import SimulatedRedis
from tests.simulation.wire import SimulatedLink

WINDOWS = [Window(2, 10.0)]


def run(world: World, check: Callable[[SimulatedRedis, list[RedisQueue]], Coroutine[Any, Any, None]]) -> None:
    """A check with a server and the queues of three processes that have joined."""

    async def main() -> None:
        server = SimulatedRedis(world)
        queues = [RedisQueue(SimulatedLink(server, world.process(name))) for name in "abc"]
        for name, queue in zip("abc", queues, strict=True):
            await queue.start(name, ["mail"])
        await check(server, queues)

    world.run(main())


async def taken(queues: list[RedisQueue], windows: list[Window] = WINDOWS) -> int:
    """Calls that all of them get leave for now, one by one."""
    return sum([(await queue.take("mail", windows, 1)).calls for queue in queues])


def test_a_quota_is_shared_and_outlives_who_used_it(world: World) -> None:
    async def check(server: SimulatedRedis, queues: list[RedisQueue]) -> None:
        first = await queues[0].take("mail", WINDOWS, 5)
        assert first.calls == 2
        assert await taken(queues) == 0
        await queues[0].refund(first, 1)
        world.processes[0].kill()
        assert await taken(queues[1:]) == 1
        await asyncio.sleep(10.2)
        assert await taken(queues[1:]) == 2

    run(world, check)


def test_a_wake_up_reaches_every_process_and_a_break_is_told_of(world: World) -> None:
    async def check(server: SimulatedRedis, queues: list[RedisQueue]) -> None:
        heard: list[str] = []
        for name, queue in zip("abc", queues, strict=True):
            queue.listen(lambda lane, name=name: heard.append(f"{name} {lane}"))  # type: ignore[misc]
        await queues[0].wake("mail")
        await asyncio.sleep(1)
        assert sorted(heard) == ["a mail", "b mail", "c mail"]
        heard.clear()
        server.leave(hangs=False)
        await asyncio.sleep(5)
        server.come(empty=True)
        await asyncio.sleep(5)
        assert "b " in heard, "who missed something may look for anything"

    run(world, check)


def test_the_circuit_is_shared(world: World) -> None:
    async def check(server: SimulatedRedis, queues: list[RedisQueue]) -> None:
        for _ in range(OPENS_AFTER):
            rest = await queues[0].failed("mail")
        assert rest == 5.0
        assert await taken(queues) == 0
        await asyncio.sleep(5.1)
        assert await taken(queues) == 1, "one probes"
        await queues[1].healed("mail")
        assert await taken(queues) == 1, "and one more is left of the quota"

    run(world, check)


def test_after_a_flush_every_process_puts_back_what_it_spent(world: World) -> None:
    async def check(server: SimulatedRedis, queues: list[RedisQueue]) -> None:
        assert await taken(queues) == 2
        server.flush()
        assert await taken(queues) == 0
        await asyncio.sleep(GRACE + 0.5)
        assert await taken(queues) == 0, "the window has not passed, though the server forgot it"
        await asyncio.sleep(7)
        assert await taken(queues) == 2

    run(world, check)


def test_while_it_is_gone_everybody_keeps_to_a_fair_part(world: World) -> None:
    windows = [Window(6, 10.0)]

    async def check(server: SimulatedRedis, queues: list[RedisQueue]) -> None:
        await asyncio.sleep(3)  # each has seen the others
        server.leave(hangs=True)
        assert await taken(queues, windows) == 0, "first nobody gets leave"
        await asyncio.sleep(GRACE + 0.5)
        grants = [(await queue.take("mail", windows, 6)).calls for queue in queues]
        assert grants == [2, 2, 2]
        server.come(empty=False)
        await asyncio.sleep(4)
        assert await taken(queues, windows) == 0, "what was spent meanwhile was told"
        assert server.troubles[0][1] < world.loop.time()

    run(world, check)


def test_an_answer_that_is_lost_leaves_what_was_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(server: SimulatedRedis, queues: list[RedisQueue]) -> None:
        execute = server.execute

        def answer_and_go(command: Command) -> Any:
            answer = execute(command)
            server.leave(hangs=False)
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(server, "execute", answer_and_go)
            assert await taken(queues[:1]) == 0
        assert sum(calls for marks in server._marks.values() for _, calls in marks.values()) == 1
        server.come(empty=False)
        await asyncio.sleep(4)
        assert await taken(queues) == 1, "it was counted"

    run(world, check)


@pytest.mark.parametrize("after", [0.02, 0.4], ids=["asleep between two tries", "asleep in the midst of one"])
def test_who_slept_asks_before_it_helps_itself(world: World, after: float) -> None:
    """Seed 8798: stopped when it had just lost sight of Redis, a worker woke up a minute later and took its part,
    while the others had the whole quota."""

    async def check(server: SimulatedRedis, queues: list[RedisQueue]) -> None:
        sleeper, granted = world.processes[0], list[int]()

        async def work() -> None:
            while True:
                granted.append((await queues[0].take("mail", WINDOWS, 1)).calls)
                await asyncio.sleep(0.01)

        await asyncio.sleep(3)
        server.leave(hangs=True)
        sleeper.start(work())
        await asyncio.sleep(after)
        server.come(empty=False)
        sleeper.freeze(60.0)
        await asyncio.sleep(59.9)
        assert await taken(queues[1:]) == 2
        granted.clear()
        await asyncio.sleep(3.0)
        assert len(granted) > 10
        assert sum(granted) == 0

    run(world, check)
