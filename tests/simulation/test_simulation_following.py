"""What follows a publication: the simulated channels' calls for it, and defects of the engine found by them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from distributor.core.channel import Action, Before
from distributor.core.outcome import Absent, CannotTell, Deferred, Outcome, Receipt, Rejected, Sent, Unknown
from distributor.core.ports import Wish
from distributor.queue.grip import Grip
from distributor.queue.progress import FenceLost, KeptProgress
from distributor.storage import promises
from distributor.storage.schema import deliveries
from tests.simulation.channel import SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.habits import KINDS, Habits
from tests.simulation.platform import Platform
from tests.simulation.process import World
from tests.simulation.test_simulation_mended import Stage
from tests.simulation.trial import Kept, call, job

NOTICES = (Action.WITHDRAW, Action.HOLD, Action.LIFT)


def before(name: str, ids: Sequence[str] | None, doubt: bool = False) -> Before:
    """What stands by the first publication; `ids` None: a person said that it does."""
    shown = job(name)
    receipt = Receipt((), (), {"confirmed_by": "person:1"}) if ids is None else Receipt(tuple(ids))
    return Before(1, shown.rendering, receipt, {}, START, START, shown.key, shown.key, doubt)


async def published(channel: SimulatedChannel) -> Before:
    """A first publication, and what it left."""
    outcome = await channel.publish(job(channel.name), Kept())
    assert isinstance(outcome, Sent)
    return before(channel.name, outcome.receipt.remote_ids)


def receipt(outcome: Outcome) -> Receipt:
    """Of what was sent."""
    assert isinstance(outcome, Sent)
    return outcome.receipt


@pytest.mark.parametrize("name", KINDS)
def test_what_stands_is_corrected_and_the_receipt_names_all_that_stands(world: World, name: str) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        stood = await published(channel)
        wanted = job(name, action=Action.CORRECT, before=stood)
        kept = Kept()
        assert await channel.prepare(wanted, kept) is None
        told = receipt(await channel.publish(wanted, kept))
        assert receipt(await channel.publish(wanted, kept)) == told
        assert set(told.remote_ids) <= set(platform.stands) or name == "site"
        match name:
            case "chat" | "page":
                assert stood.receipt is not None
                assert told.remote_ids == stood.receipt.remote_ids
                assert {there.revision for there in platform.stands.values()} == {2}
                assert len(platform.effects) == channel.kind.parts
            case "site":
                assert [there.revision for there in platform.stands.values()] == [2]
            case _:
                assert [effect.label for effect in platform.effects] == ["publish"] * channel.kind.parts + ["correct"]

    call(world, name, check)


@pytest.mark.parametrize("name", KINDS)
def test_where_nothing_stands_a_correction_publishes_and_a_notice_does_nothing(world: World, name: str) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        for action in NOTICES:
            told = receipt(await channel.publish(job(name, action=action), Kept()))
            assert told == Receipt((), detail={"nothing": "stood there"})
        assert platform.calls == []
        assert isinstance(await channel.publish(job(name, 2, Action.CORRECT), Kept()), Sent)
        assert [effect.label for effect in platform.effects] == ["publish"] * channel.kind.parts

    call(world, name, check)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if Action.WITHDRAW in kind.traits.actions])
def test_a_withdrawal_leaves_nothing_or_is_told(world: World, name: str) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        stood = await published(channel)
        assert isinstance(await channel.publish(job(name, action=Action.WITHDRAW, before=stood), Kept()), Sent)
        if name in ("chat", "page", "site"):
            assert all(there.gone for there in platform.stands.values())
        else:
            assert [effect.label for effect in platform.effects] == ["publish", "withdraw"]

    call(world, name, check)


def test_what_nobody_knows_the_id_of_gets_a_notice_or_is_refused_with_a_reason(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        stood = before(channel.name, None)
        corrected = job(channel.name, 2, Action.CORRECT, stood)
        kept = Kept()
        assert receipt(await channel.publish(corrected, kept)).remote_ids == (f"{corrected.key}:{channel.kind.notice}",)
        assert kept.get("stands") == {"ids": []}
        end = await channel.publish(job(channel.name, 3, Action.WITHDRAW, stood), Kept())
        assert isinstance(end, Sent if channel.kind.replaces else Rejected)
        labels = ["correct", "withdraw"] if channel.kind.replaces else ["correct"]
        assert [effect.label for effect in platform.effects] == labels

    for name in ("chat", "page"):
        call(world, name, check)


@pytest.mark.parametrize("fault", ["call_lost", "answer_lost", "hangs"])
def test_an_edit_whose_answer_is_lost_is_repeated_without_a_second_effect(world: World, fault: str) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        stood = await published(channel)
        odds: dict[str, Any] = {fault: 1.0}
        platform._habits["chat"] = Habits(**odds)
        wanted, kept = job("chat", action=Action.CORRECT, before=stood), Kept()
        outcome = await channel.publish(wanted, kept)
        assert isinstance(outcome, Deferred)
        assert kept.begun == []
        assert isinstance(await channel.reconcile(wanted, kept), Absent)
        platform.heal()
        assert isinstance(await channel.publish(wanted, kept), Sent)
        assert {there.revision for there in platform.stands.values()} == {2}
        assert len(platform.effects) == 2

    call(world, "chat", check)


def test_a_new_notice_whose_answer_is_lost_is_a_persons_matter(world: World) -> None:
    async def check(channel: SimulatedChannel, platform: Platform) -> None:
        platform._habits["chat"] = Habits(answer_lost=1.0)
        wanted, kept = job("chat", action=Action.CORRECT, before=before("chat", None)), Kept()
        outcome = await channel.publish(wanted, kept)
        assert isinstance(outcome, Unknown)
        assert kept.begun == ["part:2"]
        assert isinstance(await channel.reconcile(wanted, kept), CannotTell)

    call(world, "chat", check)


def test_who_may_have_it_by_a_call_without_an_answer_is_told_what_follows(world: World, path: Path) -> None:
    """A repeatable call that nobody answered waits for its repeat, which a withdrawal cancels: the reader who had got
    it was told nothing."""
    stage = Stage(world, path, channel="hook")

    async def main() -> None:
        await stage.open()
        stage.platform = Platform(world, {"hook": Habits(answer_lost=1.0)})
        stage.worker()
        await asyncio.sleep(1.5)  # the repeat comes after two seconds at the earliest
        assert await stage.states() == ["waiting"]
        assert len(stage.platform.effects) == 1
        (row,) = await stage.story.rows()
        async with stage.story.database.read() as connection:
            assert await promises.channels_out(connection, row["release_id"]) == {"hook"}

    world.run(main())


def test_who_surely_got_nothing_is_not(world: World, path: Path) -> None:
    stage = Stage(world, path, channel="hook")

    async def main() -> None:
        await stage.open()
        stage.platform.fail("hook", 60.0)
        stage.worker()
        await asyncio.sleep(1.5)  # the repeat comes after two seconds at the earliest
        assert await stage.states() == ["waiting"]
        (row,) = await stage.story.rows()
        async with stage.story.database.read() as connection:
            assert not await promises.channels_out(connection, row["release_id"])

    world.run(main())


@pytest.mark.parametrize("action", [Action.CORRECT, Action.PUBLISH])
def test_who_was_stopped_between_two_changes_makes_no_further_one(world: World, path: Path, action: Action) -> None:
    """Seed 107: stopped after its first edit for longer than its lease, it made the second when another had taken over
    and was done; after a later correction it would have put the old text back."""
    stage = Stage(world, path, channel="chat")

    async def main() -> None:
        await stage.open()
        await stage.change(update(deliveries).values(action=action.value))
        store, grip = stage.story.store, Grip(20.0, world.clock)
        asked = grip.now()
        (claimed,) = (await store.claim(Wish("chat", 1), "worker", world.clock(), 20.0)).claimed
        grip.keep([claimed], asked)
        progress = KeptProgress(store, claimed, world.clock, grip)
        await progress.begin("publish")
        await progress.save("changed", {"ids": ["1"]})
        await asyncio.sleep(60)
        await progress.save("changed", {"ids": ["2"]})  # it is late, and still its own
        await asyncio.sleep(60)
        await store.recover(world.clock())
        if action is Action.PUBLISH:  # what left is told of, as a late result
            await progress.save("part:0", {"id": "3"})
        else:
            with pytest.raises(FenceLost):
                await progress.save("changed", {"ids": ["3"]})

    world.run(main())


def test_a_claim_by_the_old_time_is_found_by_who_never_saw_the_clock_set_back(world: World, path: Path) -> None:
    """Seed 178: stopped between the look at its clock and its commit, which came when all who had seen the clock set
    back were gone; a withdrawal waited for an hour."""
    stage = Stage(world, path)

    async def main() -> None:
        await stage.open()
        store, now = stage.story.store, START - timedelta(hours=1)
        await store.recover(now, set_back=True)
        assert (await store.claim(Wish("mail", 1), "worker", START, 20.0)).claimed
        await store.recover(now + timedelta(seconds=1))
        (row,) = await stage.story.rows()
        assert row["lease_until"] == now + timedelta(seconds=21)

    world.run(main())
