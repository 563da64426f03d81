"""Simulated processes: killed without a word, stopped and continued, and the same in every run of a seed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from contextvars import copy_context

import pytest

from tests.simulation.clock import OWNER
from tests.simulation.process import Process, World, current_process


def test_a_killed_process_runs_no_finally_and_sees_no_cancellation(world: World) -> None:
    said: list[str] = []

    @contextlib.asynccontextmanager
    async def guarded() -> AsyncIterator[None]:
        try:
            yield
        finally:
            said.append("context left")

    async def child() -> None:
        try:
            await asyncio.sleep(3)
        finally:
            said.append("child ended")

    async def work() -> None:
        try:
            async with guarded(), asyncio.TaskGroup() as group:
                group.create_task(child())
                said.append("begun")
                await asyncio.sleep(2)
                said.append("woke up")
        except asyncio.CancelledError:
            said.append("cancelled")
            raise
        finally:
            said.append("ended")

    async def main() -> None:
        process = world.process("worker")
        process.start(work())
        await asyncio.sleep(1)
        process.kill()
        steps = process.steps
        await asyncio.sleep(10)
        gc.collect()
        assert process.steps == steps

    world.run(main())
    assert said == ["begun"]


def test_what_a_killed_process_left_is_gone_after_the_run() -> None:
    left: list[weakref.ref[asyncio.Task[None]]] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(1)
            finally:
                # Dying code does this and more; none of it may reach another run, or warn.
                await asyncio.sleep(1)
                await asyncio.shield(asyncio.sleep(1))
                async with asyncio.timeout(1):
                    await asyncio.Event().wait()

    async def main(world: World) -> None:
        process = world.process("worker")
        for _ in range(3):
            left.append(weakref.ref(process.start(stubborn())))
        await asyncio.sleep(0.5)
        process.kill()
        process.start(stubborn())  # never begins

    with World(1) as world:
        world.run(main(world))
        gc.collect()
        assert all(ref() is not None for ref in left)
    assert [ref() for ref in left] == [None, None, None]


@pytest.mark.parametrize("fatal", range(1, 8))
def test_a_kill_falls_between_any_two_awaits(world: World, fatal: int) -> None:
    reached: list[int] = []

    async def work() -> None:
        for place in range(5):
            reached.append(place)
            await asyncio.sleep(0)
        reached.append(5)

    def strike(process: Process, step: int) -> None:
        if step == fatal:
            process.kill()

    async def main() -> None:
        world.process("worker").start(work())
        await asyncio.sleep(1)

    world.before_step = strike
    world.run(main())
    assert reached == list(range(min(fatal - 1, 6)))


def test_a_process_that_kills_itself_ends_at_its_next_await(world: World) -> None:
    said: list[str] = []

    async def work() -> None:
        process = current_process()
        assert process is not None
        process.on_death(lambda: said.append("connection closed"))
        process.on_death(lambda: said.append("never: taken back"))()
        process.kill()
        said.append("the step goes on")
        await asyncio.sleep(0)
        said.append("and no further")

    process = world.process("worker")

    async def main() -> None:
        process.start(work())
        await asyncio.sleep(1)

    world.run(main())
    assert process.steps == 1
    assert said == ["the step goes on", "connection closed"]


def test_tasks_of_tasks_belong_to_the_process_and_others_do_not(world: World) -> None:
    names: list[str] = []

    async def note() -> None:
        await asyncio.sleep(0)
        process = current_process()
        names.append(process.name if process else "-")

    async def work() -> None:
        asyncio.get_running_loop().call_later(1, lambda: asyncio.ensure_future(note()))
        await asyncio.gather(note(), asyncio.wait_for(note(), 1))
        await asyncio.sleep(2)

    async def main() -> None:
        world.process("a").start(work())
        await note()
        await asyncio.sleep(5)

    world.run(main())
    assert sorted(names) == ["-", "a", "a", "a"]


def test_a_stopped_process_goes_on_in_its_order(world: World) -> None:
    seen: list[tuple[str, int]] = []
    process = world.process("worker")
    inside = copy_context()
    inside.run(OWNER.set, process)

    def note(name: str) -> None:
        seen.append((name, round(world.loop.time())))

    async def main() -> None:
        for name, when in (("second", 5), ("first", 3), ("last", 30)):
            world.loop.call_at(when, note, name, context=inside)
        await asyncio.sleep(1)
        # Due at the very moment at which it goes on, set before and after: both come after all that waits.
        world.loop.call_later(19, note, "third", context=inside)
        process.freeze(10)
        process.freeze(19)  # the longer one counts
        world.loop.call_later(19, note, "fourth", context=inside)
        await asyncio.sleep(5)
        note("outside")
        await asyncio.sleep(60)

    world.run(main())
    assert seen == [("outside", 6), ("first", 20), ("second", 20), ("third", 20), ("fourth", 20), ("last", 30)]


def test_a_stopped_process_can_be_killed(world: World) -> None:
    woke: list[bool] = []

    async def work() -> None:
        await asyncio.sleep(2)
        woke.append(True)

    async def main() -> None:
        process = world.process("worker")
        process.start(work())
        await asyncio.sleep(1)
        process.freeze(5)
        await asyncio.sleep(3)
        process.kill()
        await asyncio.sleep(10)

    world.run(main())
    assert woke == []


def test_two_processes_of_one_name_cannot_live_together(world: World) -> None:
    first = world.process("worker")
    with pytest.raises(ValueError, match="alive"):
        world.process("worker")
    first.kill()
    assert world.process("worker").alive


def test_the_loop_of_a_run_is_closed_and_the_collector_is_back() -> None:
    async def main() -> bool:
        return gc.isenabled()

    with World(1) as world:
        assert world.run(main()) is False
    assert gc.isenabled()
    assert world.loop.is_closed()
