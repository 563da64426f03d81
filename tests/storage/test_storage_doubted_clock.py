"""While the clock is doubted embargoes are closed, but not for those who have had the release since its embargo ended:
what is public and wrong is corrected at any hour. On both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from distributor.core.delivery import DeliveryState, Next
from distributor.core.outcome import Receipt, Sent
from distributor.core.ports import EMBARGO, LaneState, Wish
from distributor.core.release import Action
from distributor.storage.schema import deliveries, destinations
from tests.storage.world import NOW, World, later

EMBARGO_ENDED = later(-3600)
SENT = Sent(Receipt(("42",), ("https://t.me/ministry/42",)))
DOUBT = LaneState(EMBARGO, True, None, "clock", "the clock jumped ahead")


async def change(world: World, statement: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement)
        await connection.commit()


async def followed(
    world: World, action: Action, *, embargo: datetime = EMBARGO_ENDED, sent: datetime | None = NOW
) -> int:
    """A release with an embargo, sent at that moment or not at all, and what follows it at the same place; its id."""
    await world.own()
    revision, value = await world.approved(embargo=embargo)
    await world.promise(revision, value)
    (first,) = await world.rows(revision.release_id)
    if sent:
        (claimed,) = await world.claim(first["id"], at=max(embargo, NOW))
        await world.record(claimed, SENT, Next(DeliveryState.SENT))
        await change(world, update(deliveries).values(intended_at=sent))
    else:
        await change(world, update(deliveries).values(state="rejected", code="x"))
    await world.promise(revision, value, action=action.value)
    await world.store.pause(DOUBT, "worker:w1", NOW)
    return int((await world.rows(revision.release_id))[-1]["id"])


@pytest.mark.parametrize("action", [Action.CORRECT, Action.LIFT])
async def test_what_follows_goes_where_the_release_went_out_after_its_embargo(world: World, action: Action) -> None:
    number = await followed(world, action)
    assert [claimed.job.delivery_id for claimed in await world.claim(number, at=later(60))] == [number]


async def test_also_in_the_turn_of_its_lane(world: World) -> None:
    number = await followed(world, Action.CORRECT)
    batch = await world.store.claim(Wish("telegram", 10), "w1", later(60), 60.0)
    assert [claimed.job.delivery_id for claimed in batch.claimed] == [number]


async def test_a_publication_waits_however_long_ago_its_embargo_ended(world: World) -> None:
    await world.own()
    revision, value = await world.approved(embargo=later(-86400 * 30))
    await world.promise(revision, value)
    await world.store.pause(DOUBT, "worker:w1", NOW)
    (row,) = await world.rows(revision.release_id)
    assert await world.claim(row["id"], at=later(60)) == []
    assert (await world.row(row["id"]))["due"] == later(120), "it asks again in a minute"


async def test_where_it_never_went_out_what_follows_waits(world: World) -> None:
    assert await world.claim(await followed(world, Action.CORRECT, sent=None), at=later(60)) == []


async def test_who_had_it_before_the_embargo_ended_waits(world: World) -> None:
    """A subscriber who was trusted and is no more; or a correction whose embargo is a later one."""
    number = await followed(world, Action.CORRECT, sent=EMBARGO_ENDED - timedelta(seconds=1))
    assert await world.claim(number, at=later(60)) == []


async def test_an_embargo_that_has_not_ended_by_any_clock_is_kept(world: World) -> None:
    number = await followed(world, Action.CORRECT, embargo=later(600), sent=later(600))
    assert await world.claim(number, at=later(60)) == []
    assert (await world.row(number))["due"] == later(600)


async def test_another_destination_of_the_release_does_not_count(world: World) -> None:
    number = await followed(world, Action.CORRECT)
    await world.own(address="@other")
    async with world.database.read() as connection:
        other = (await connection.execute(destinations.select().where(destinations.c.address == "@other"))).one()
    await change(world, update(deliveries).where(deliveries.c.id == number).values(destination_id=other.id))
    assert await world.claim(number, at=later(60)) == []
