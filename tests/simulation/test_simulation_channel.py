"""Simulated platforms: what they say, what they do, and that the two may differ only where nothing was said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import fields, replace
from typing import Any

import pytest

from distributor.core.channel import Action, Channel, Destination, Job, Source
from distributor.core.outcome import Absent, CannotTell, Deferred, LookAgain, Rejected, Scope, Sent, Unknown
from distributor.core.release import Kind, LanguageVersion, Revision
from distributor.core.rendering import Part, Rendering
from tests.simulation.chance import stream
from tests.simulation.channel import AdapterBroken, SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.habits import KINDS, Habits, some_habits
from tests.simulation.platform import Platform
from tests.simulation.process import World


class Kept:
    """Progress in memory, with what was begun."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self.begun: list[str] = []

    def get(self, step: str) -> dict[str, Any] | None:
        return self.steps.get(step)

    async def save(self, step: str, value: dict[str, Any]) -> None:
        self.steps[step] = value

    async def begin(self, step: str) -> None:
        self.begun.append(step)


def job(name: str, number: int = 1) -> Job:
    parts = tuple(Part("message", text=f"words {part}") for part in range(KINDS[name].parts))
    return Job(
        delivery_id=number,
        action=Action.PUBLISH,
        key=f"abc-1-publish-{number}",
        rendering=Rendering(name, "ka", parts),
        destination=Destination(number, name, f"@{name}"),
        release_id="abc",
        revision=1,
        slug="words",
        permanent_url="",
        attempt=1,
        approved_at=START,
    )


def made(world: World, name: str, **habits: Any) -> tuple[SimulatedChannel, Platform]:
    platform = Platform(world, {name: Habits(**habits)})
    return SimulatedChannel(name, KINDS[name], platform, world.clock), platform


def call(
    world: World, name: str, check: Callable[[SimulatedChannel, Platform], Coroutine[Any, Any, None]], **habits: Any
) -> None:
    """Run a check against one channel."""
    world.run(check(*made(world, name, **habits)))


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
