"""Virtual time: it jumps, it is never stuck in silence, and it has no threads."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.simulation.clock import START, Deadlock, NotDeterministic, Overrun, WallClock
from tests.simulation.process import Unhandled, World


def test_a_week_costs_nothing(world: World) -> None:
    async def main() -> float:
        await asyncio.sleep(7 * 86400)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert world.run(main()) == pytest.approx(7 * 86400, abs=0.01)
    assert time.monotonic() - began < 1


def test_timers_run_in_the_order_of_their_times_then_as_they_were_set(world: World) -> None:
    seen: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number, when in ((1, 5.0), (2, 3.0), (3, 5.0), (4, 3.0), (5, 3.0)):
            loop.call_at(when, seen.append, number)
        loop.call_at(4.0, seen.append, 6).cancel()
        await asyncio.sleep(6)

    world.run(main())
    assert seen == [2, 4, 5, 1, 3]


def test_a_cancelled_timer_does_not_move_time(world: World) -> None:
    async def main() -> None:
        async with asyncio.timeout(3600):
            await asyncio.sleep(1)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        world.run(main())
    assert world.loop.time() == pytest.approx(1, abs=0.01)


def test_who_spins_does_not_stop_time(world: World) -> None:
    async def main() -> int:
        turns = 0
        try:
            async with asyncio.timeout(0.1):
                while True:
                    await asyncio.sleep(0)
                    turns += 1
        except TimeoutError:
            return turns

    assert 1000 < world.run(main()) < 10_000


def test_waiting_for_what_nothing_will_do_is_a_deadlock_with_a_name(world: World) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.gather(never(), asyncio.sleep(1))

    with pytest.raises(Deadlock, match=r"2 tasks wait at 1\.\d+ s(.|\n)*never, line"):
        world.run(main())


def test_who_works_for_ever_overruns(world: World) -> None:
    async def main() -> None:
        turns = 0
        while turns >= 0:
            await asyncio.sleep(60)
            turns += 1

    with pytest.raises(Overrun, match="864000 s"):
        world.run(main())


def test_threads_are_refused(world: World) -> None:
    async def main() -> None:
        await asyncio.to_thread(time.sleep, 0)

    with pytest.raises(NotDeterministic, match="thread"):
        world.run(main())


def test_so_are_names_and_sockets(world: World) -> None:
    async def main() -> None:
        await asyncio.open_connection("localhost", 9)

    with pytest.raises(NotDeterministic, match="getaddrinfo"):
        world.run(main())


def test_the_wall_clock_follows_and_can_be_wrong(world: World) -> None:
    wrong = WallClock(world.loop)

    async def main() -> None:
        wrong.jump(-3600)
        await asyncio.sleep(10)

    world.run(main())
    assert (world.clock() - START).total_seconds() == pytest.approx(10, abs=0.01)
    assert (world.clock() - wrong()).total_seconds() == 3600
    assert world.clock().utcoffset() is not None


def test_a_set_of_tasks_has_one_order() -> None:
    async def main(between: int) -> list[str]:
        tasks, junk = set(), []
        for index in range(200):
            tasks.add(asyncio.create_task(asyncio.sleep(0), name=str(index)))
            junk.append([object() for _ in range(index % between)])  # other addresses, and so another order by address
        done, _ = await asyncio.wait(tasks)
        futures = {asyncio.get_running_loop().create_future(): str(index) for index in range(200)}
        return [task.get_name() for task in done] + [futures[future] for future in set(futures)]

    orders = []
    for between in (3, 5, 7):
        with World(1) as world:
            orders.append(world.run(main(between)))
    assert orders[0] == orders[1] == orders[2]
    assert len(orders[0]) == 400


def test_an_error_that_nobody_takes_fails_the_run() -> None:
    async def fails() -> None:
        raise LookupError("nobody sees this")

    async def main() -> None:
        failing = asyncio.create_task(fails())
        await asyncio.sleep(1)
        assert failing.done()

    with pytest.raises(Unhandled, match="nobody sees this"), World(1) as world:
        world.run(main())
