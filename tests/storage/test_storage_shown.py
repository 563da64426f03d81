"""Renderings that a claim needs: however many there are, and whatever other lanes read meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from distributor.core.ports import Claimed, Wish
from distributor.storage import shown
from tests.storage.world import LEASE, NOW, World


async def promise(world: World, channel: str, count: int) -> dict[str, int]:
    """So many releases to one reader of a channel; release → its rendering."""
    await world.subscriber(f"reader@{channel}.example", channel)
    made = {}
    for _ in range(count):
        revision, value = await world.approved(channel)
        await world.promise(revision, value)
        made[revision.release_id] = int((await world.rows(revision.release_id))[0]["rendering_id"])
    return made


async def claim_all(world: World, channel: str, most: int, pieces: int) -> list[Claimed]:
    found: list[Claimed] = []
    for _ in range(pieces):
        found += (await world.store.claim(Wish(channel, most), channel, NOW, LEASE)).claimed
    return found


async def test_one_claim_takes_more_renderings_than_are_kept(world: World) -> None:
    made = await promise(world, "press", shown.KEPT + 6)
    claimed = await claim_all(world, "press", 500, 1)
    assert {one.job.release_id for one in claimed} == set(made)
    assert all(one.bytes_hash == one.rendering_hash for one in claimed)
    assert len(world.store._renderings._kept) <= shown.KEPT


async def test_lanes_that_claim_at_once_take_nothing_from_each_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "KEPT", 2)
    lanes = {name: await promise(world, name, 12) for name in ("press", "wire", "radio")}
    found = await asyncio.gather(*(claim_all(world, name, 3, 4) for name in lanes))
    for name, claimed in zip(lanes, found, strict=True):
        assert {one.job.release_id for one in claimed} == set(lanes[name])
        assert {one.job.rendering.channel for one in claimed} == {name}
    looks = await world.store.recover(NOW.replace(hour=23))
    assert looks == 36
    again = await world.store.unknown(NOW.replace(hour=23), "w", LEASE, 50)
    assert len(again) == 36
