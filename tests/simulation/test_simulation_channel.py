"""Simulated platforms: what they say, what they do, and that the two may differ only where nothing was said."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace

import pytest

from distributor.core.channel import Channel, Source
from distributor.core.outcome import Deferred, Rejected, Scope, Sent, Unknown
from distributor.core.release import Kind, LanguageVersion, Revision
from tests.simulation.chance import stream
from tests.simulation.channel import AdapterBroken, SimulatedChannel
from tests.simulation.habits import KINDS, Habits, some_habits
from tests.simulation.platform import Platform
from tests.simulation.process import World
from tests.simulation.trial import Kept, call, job, made


@pytest.mark.parametrize("name", KINDS)
def test_a_calm_platform_shows_every_part_once(world: World, name: str) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        port: Channel = channel
        kept, wanted = Kept(), job(name)
        assert await port.prepare(wanted, kept) is None
        assert len(kept.steps) == channel.kind.steps
        first = await port.publish(wanted, kept)
        again = await port.publish(wanted, kept)
        assert isinstance(first, Sent)
        assert first == again
        assert kept.begun == [f"part:{index}" for index in range(1, channel.kind.parts)]
        assert [(effect.part, effect.text) for effect in platform.effects] == [
            (index, f"words {index}") for index in range(channel.kind.parts)
        ]
        assert (await port.probe()).ok

    call(world, name, check)


def test_it_renders_the_language_that_there_is(world: World) -> None:
    channel, _ = made(world, "timeline")
    revision = Revision("abc", 1, 1, Kind.NEWS, (LanguageVersion("en", "Title", "", "Body"),))
    source = Source(revision, ("ka", "en"), {}, "", "Office")
    rendering = channel.render(source)
    assert rendering is not None
    assert [part.text for part in rendering.parts] == ["Title (1)", "Title (2)", "Title (3)"]
    assert channel.render(replace(source, languages=("ka",))) is None
    assert channel.check(rendering) == ()


def test_refused_connections_and_rejections_do_nothing(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        outcome = await channel.publish(job("page"), Kept())
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.throttled, outcome.scope) == ("connection", False, Scope.DELIVERY)
        assert platform.effects == []

    call(world, "page", check, unreachable=1.0)


def test_rejections_may_reach_as_far_as_the_address(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        outcomes = [await channel.publish(job("mail", number), Kept()) for number in range(20)]
        assert all(isinstance(outcome, Rejected) for outcome in outcomes)
        assert {outcome.scope for outcome in outcomes if isinstance(outcome, Rejected)} == {
            Scope.DELIVERY,
            Scope.DESTINATION,
        }
        assert platform.effects == []

    call(world, "mail", check, rejected=1.0)


def test_who_is_throttled_is_throttled_in_every_process_for_as_long_as_it_was_told(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        outcome = await channel.publish(job("page"), Kept())
        assert isinstance(outcome, Deferred)
        assert outcome.throttled
        assert outcome.scope is Scope.LANE
        assert outcome.retry_after is not None
        assert 1 <= outcome.retry_after <= 30
        until = world.loop.time() + outcome.retry_after
        elsewhere = SimulatedChannel("page", KINDS["page"], platform, world.clock)
        await asyncio.sleep(outcome.retry_after / 2)
        told = await elsewhere.publish(job("page", 2), Kept())
        assert isinstance(told, Deferred)
        assert told.retry_after is not None
        assert world.loop.time() + told.retry_after == pytest.approx(until, abs=0.001)
        await asyncio.sleep(told.retry_after + 0.001)
        platform.heal()
        assert isinstance(await elsewhere.publish(job("page", 2), Kept()), Sent)

    call(world, "page", check, throttled=1.0)


def test_a_refused_credential_stays_refused_until_it_is_mended(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        for _ in range(2):
            outcome = await channel.publish(job("page"), Kept())
            assert isinstance(outcome, Deferred)
            assert (outcome.scope, outcome.throttled) == (Scope.LANE, False)
            assert not (await channel.probe()).ok
            await asyncio.sleep(3600)
        platform._habits.clear()
        platform.mend("page")
        assert isinstance(await channel.publish(job("page"), Kept()), Sent)

    call(world, "page", check, credential=1.0)


@pytest.mark.parametrize(("fault", "effects"), [("answer_lost", {1}), ("call_lost", {0}), ("hangs", {0, 1})])
def test_silence_is_unknown_and_the_truth_may_be_either(world: World, fault: str, effects: set[int]) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        seen = set()
        for number in range(20):
            outcome = await channel.publish(job("mail", number), Kept())
            assert isinstance(outcome, Unknown)
            assert outcome.step == "publish"
            seen.add(platform.times(f"abc-1-publish-{number}"))
        assert seen == effects
        if fault == "hangs":
            assert world.loop.time() > 20 * 20

    call(world, "mail", check, **{fault: 1.0})


def test_a_broken_adapter_may_break_before_or_after_it_wrote(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        seen = set()
        for number in range(40):
            with pytest.raises(AdapterBroken) as broken:
                await channel.publish(job("mail", number), Kept())
            seen.add((str(broken.value), platform.times(f"abc-1-publish-{number}")))
        assert seen == {
            ("before anything was written", 0),
            ("after the request was written", 0),
            ("after the request was written", 1),
        }

    call(world, "mail", check, broken=1.0)


def test_what_was_written_happens_though_the_sender_dies(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        for number in range(10):
            process = world.process("worker")
            process.start(channel.publish(job("mail", number), Kept()))
            await asyncio.sleep(0.001)
            assert platform.times(f"abc-1-publish-{number}") == 0
            process.kill()
            await asyncio.sleep(1)
            assert platform.times(f"abc-1-publish-{number}") == 1
        assert {effect.by for effect in platform.effects} == {"worker"}

    call(world, "mail", check, latency=(0.1, 0.5))


def test_a_repeatable_call_has_one_effect(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        for _ in range(3):
            assert isinstance(await channel.publish(job("hook"), Kept()), Sent)
        assert platform.times("abc-1-publish-1") == 1
        assert platform.repeats == 2
        other, second = made(world, "mail")
        for _ in range(3):
            assert isinstance(await other.publish(job("mail"), Kept()), Sent)
        assert second.times("abc-1-publish-1") == 3, "one that is not repeatable counts what readers see"

    call(world, "hook", check)


def test_preparing_may_fail_but_never_stays_in_doubt(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        codes = set()
        for number in range(60):
            kept = Kept()
            while (outcome := await channel.prepare(job("page", number), kept)) is not None:
                assert isinstance(outcome, Deferred)
                codes.add(outcome.code)
            assert len(kept.steps) == 3
        assert codes == {"connection", "no_answer", "processing"}
        assert platform.effects == []

    call(world, "page", check, unreachable=0.1, call_lost=0.1, answer_lost=0.1, processing=0.2)


def test_every_fault_is_missing_in_some_runs_and_there_in_others() -> None:
    drawn = [some_habits(stream(seed, "habits")) for seed in range(200)]
    odds = [field.name for field in fields(Habits) if isinstance(field.default, float)]
    assert len(odds) == 10
    for name in odds:
        values = [getattr(habits, name) for habits in drawn]
        assert 60 < values.count(0.0) < 140
        assert 0 < max(values) <= 0.3
