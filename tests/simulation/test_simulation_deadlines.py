"""A deadline that passes while nothing is claimed: a running worker ends what waits, and asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from distributor.core.ports import LaneState
from distributor.storage import alarms
from distributor.storage.schema import audit_events, deliveries, releases
from tests.simulation.clock import START
from tests.simulation.process import World
from tests.simulation.test_simulation_mended import Stage

DEADLINE = START + timedelta(seconds=20)
HOUR = START + timedelta(hours=1)


async def standing(stage: Stage) -> tuple[list[str], Counter[str], int]:
    """The deliveries' states, how often each was called expired in the log, and how often a person is asked."""
    async with stage.story.database.read() as connection:
        query = select(audit_events.c.subject).where(audit_events.c.kind == "delivery.expired")
        told = Counter((await connection.execute(query)).scalars().all())
        asked = await alarms.open_alarms(connection, "expired")
    return await stage.states(), told, len(asked)


@pytest.mark.parametrize("why", ["paused", "throttled", "all stopped", "held", "told to wait"])
@pytest.mark.parametrize("workers", [1, 2])
def test_it_expires_and_asks_within_a_poll(world: World, path: Path, why: str, workers: int) -> None:
    stage = Stage(world, path, releases=2)

    async def main() -> None:
        await stage.open()
        store = stage.story.store
        values = {"state": "waiting", "due": HOUR} if why == "told to wait" else {"due": START + timedelta(seconds=10)}
        await stage.change(update(deliveries).values(deadline=DEADLINE, **values))
        if why == "held":
            await stage.change(update(releases).values(state="held"))
        pauses = {
            "paused": LaneState("mail", True, None, "person", "x"),
            "all stopped": LaneState("*", True, None, "person", "x"),
            "throttled": LaneState("mail", True, HOUR, "429", "x"),
        }
        if why in pauses:
            await store.pause(pauses[why], "system", START)
        for number in range(workers):
            stage.worker(f"worker{number}")
        await asyncio.sleep(19)
        assert not {"expired", "sent"} & set(await stage.states())
        await asyncio.sleep(4)
        states, told, asked = await standing(stage)
        assert states == ["expired"] * 2
        assert sorted(told.values()) == [1, 1]
        assert asked == 2, "once for each release"
        assert stage.platform.calls == []

    world.run(main())
