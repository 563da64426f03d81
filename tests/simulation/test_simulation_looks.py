"""Looking for what nobody answered: the truth once it has settled, or that nobody can tell."""

from __future__ import annotations

import asyncio

from distributor.core.outcome import Absent, CannotTell, Deferred, LookAgain, Sent, Unknown
from tests.simulation.channel import SimulatedChannel
from tests.simulation.platform import Platform
from tests.simulation.process import World
from tests.simulation.trial import Kept, call, job


def test_a_look_finds_the_truth_when_it_has_settled(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        again = 0
        for number in range(20):
            kept = Kept()
            outcome = await channel.publish(job("page", number), kept)
            assert isinstance(outcome, Unknown)
            while isinstance(finding := await channel.reconcile(job("page", number), kept), LookAgain):
                again += 1
                await asyncio.sleep(finding.retry_after)
            there = platform.times(f"abc-1-publish-{number}") == 1
            assert isinstance(finding, Sent if there else Absent)
        assert again > 5
        assert 0 < len(platform.effects) < 20

    call(world, "page", check, answer_lost=0.5, call_lost=0.5)


def test_a_look_while_the_request_is_on_its_way_decides_nothing(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        said = set()
        for number in range(20):
            process = world.process("worker")
            process.start(channel.publish(job("page", number), Kept()))
            await asyncio.sleep(0.001)
            process.kill()
            first = await channel.reconcile(job("page", number), Kept())
            await asyncio.sleep(400)
            there = platform.times(f"abc-1-publish-{number}") == 1
            assert isinstance(await channel.reconcile(job("page", number), Kept()), Sent if there else Absent)
            assert not (isinstance(first, Absent) and there), "it was called absent and came all the same"
            said.add(type(first))
        assert said == {LookAgain, Absent}

    call(world, "page", check, hangs=1.0)


def test_some_places_cannot_be_looked_at(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        await channel.publish(job("chat"), Kept())
        assert isinstance(await channel.reconcile(job("chat"), Kept()), CannotTell)

    call(world, "chat", check)


def test_an_outage_refuses_calls_and_looks_and_ends(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        platform.fail("page", 600)
        outcome = await channel.publish(job("page"), Kept())
        assert isinstance(outcome, Deferred)
        assert outcome.code == "connection"
        assert isinstance(await channel.reconcile(job("page"), Kept()), LookAgain)
        await asyncio.sleep(600)
        assert isinstance(await channel.reconcile(job("page"), Kept()), Absent)
        assert isinstance(await channel.publish(job("page"), Kept()), Sent)

    call(world, "page", check)


def test_a_rendering_of_several_parts_goes_on_where_it_stopped(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        steps = set()
        for number in range(30):
            kept, wanted = Kept(), job("timeline", number)
            while not isinstance(outcome := await channel.publish(wanted, kept), Sent):
                assert isinstance(outcome, Unknown)
                steps.add(outcome.step)
                await asyncio.sleep(60)
                await channel.reconcile(wanted, kept)
            assert [platform.times(wanted.key, part) for part in range(3)] == [1, 1, 1]
        assert steps == {"publish", "part:1", "part:2"}

    call(world, "timeline", check, answer_lost=0.2, call_lost=0.2)
