"""What waits past its deadline expires and asks, whatever its lane and its release do; on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from distributor.core.clock import ClockDoubt
from distributor.core.ports import EMBARGO, EVERY, LaneState
from distributor.core.release import ReleaseState, Status
from distributor.storage import alarms, late, releases, restored
from distributor.storage import schema as rows_of
from distributor.storage.schema import audit_events, deliveries
from tests.storage.world import NOW, World, later

DEADLINE = later(60)


async def late_ones(world: World, count: int = 1, *, deadline: Any = DEADLINE, **content: Any) -> str:
    """A release whose deliveries must be out within a minute; its id."""
    for number in range(count):
        await world.subscriber(f"reader{number}@example.org", "telegram")
    revision, value = await world.approved(**content)
    await world.promise(revision, value, deadline=deadline)
    return revision.release_id


async def change(world: World, statement: Any) -> None:
    async with world.database.transaction() as connection:
        await connection.execute(statement)
        await connection.commit()


async def events(world: World, kind: str) -> list[dict[str, Any]]:
    query = select(audit_events).where(audit_events.c.kind == kind).order_by(audit_events.c.seq)
    async with world.database.read() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def asked(world: World) -> list[str]:
    async with world.database.read() as connection:
        return [alarm.key for alarm in await alarms.open_alarms(connection, "expired")]


async def states(world: World) -> list[str]:
    return [row["state"] for row in await world.rows()]


@pytest.mark.parametrize("lane", ["telegram", EVERY])
async def test_in_a_paused_lane_it_expires_with_the_claims_own_reason_and_asks(world: World, lane: str) -> None:
    release_id = await late_ones(world)
    await world.store.pause(LaneState(lane, True, None, "person", "x"), "system", NOW)
    assert await world.store.expire(later(59), "w1", frozenset()) == 0
    assert await states(world) == ["queued"]
    assert await world.store.expire(DEADLINE, "w1", frozenset()) == 1
    (row,) = await world.rows()
    assert (row["state"], row["code"], row["updated_at"]) == ("expired", "deadline", DEADLINE)
    assert row["reason"] == f"the deadline {DEADLINE.isoformat()} has passed"
    (event,) = await events(world, "delivery.expired")
    assert (event["actor"], event["subject"]) == ("worker:w1", f"delivery:{row['id']}")
    assert event["data"] == {"code": "deadline", "reason": row["reason"]}
    assert await asked(world) == [f"expired:{release_id}:1:0"]
    async with world.database.read() as connection:
        found = await releases.get(connection, release_id)
    assert found is not None
    assert found.state is ReleaseState.DISTRIBUTED


async def test_what_waits_for_the_end_of_a_hold_expires_and_asks(world: World) -> None:
    release_id = await late_ones(world)
    await change(world, update(rows_of.releases).values(state="held"))
    await change(world, update(deliveries).values(due=later(3600)))
    assert await world.store.expire(later(61), "w1", frozenset()) == 1
    assert await states(world) == ["expired"]
    assert await asked(world) == [f"expired:{release_id}:1:0"]
    async with world.database.read() as connection:
        found = await releases.get(connection, release_id)
    assert found is not None
    assert found.state is ReleaseState.HELD, "the hold stands until a person lifts it"


async def test_a_throttled_one_that_may_go_after_its_deadline_only_expires_at_the_deadline(world: World) -> None:
    await late_ones(world)
    await change(world, update(deliveries).values(state="waiting", due=later(600), code="429"))
    assert await world.store.expire(later(61), "w1", frozenset()) == 1
    assert await states(world) == ["expired"]


@pytest.mark.parametrize("state", ["sending", "unknown", "case", "sent", "rejected", "cancelled"])
async def test_what_does_not_wait_is_left_alone(world: World, state: str) -> None:
    await late_ones(world)
    await change(world, update(deliveries).values(state=state))
    assert await world.store.expire(later(61), "w1", frozenset()) == 0
    assert await states(world) == [state]


async def test_it_decides_as_the_claim_does(world: World) -> None:
    """An exercise is no matter of a deadline where the lane reaches the public, nor is what was withdrawn."""
    exercise = await late_ones(world, status=Status.EXERCISE)
    assert await world.store.expire(later(61), "w1", frozenset({"telegram"})) == 1
    withdrawn = await late_ones(world)
    query = update(rows_of.releases).where(rows_of.releases.c.id == withdrawn).values(state="withdrawn")
    await change(world, query)
    assert await world.store.expire(later(61), "w1", frozenset()) == 1
    codes = {row["release_id"]: (row["state"], row["code"]) for row in await world.rows()}
    assert codes == {exercise: ("cancelled", "live_withheld"), withdrawn: ("cancelled", "withdrawn")}
    assert await asked(world) == []


async def test_a_doubt_stays_with_what_expires(world: World) -> None:
    """By these a withdrawal and a correction know that something of it may stand there (storage.promises)."""
    await late_ones(world)
    await change(world, update(deliveries).values(uncertain=True, progress={"part:0": {"id": "7"}}))
    await world.store.expire(later(61), "w1", frozenset())
    (row,) = await world.rows()
    assert (row["state"], bool(row["uncertain"]), row["progress"]) == ("expired", True, {"part:0": {"id": "7"}})


async def test_a_batch_is_bounded_and_the_rest_comes_at_the_next_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "MOST", 3)
    release_id = await late_ones(world, 5)
    assert [await world.store.expire(later(61), "w1", frozenset()) for _ in range(3)] == [3, 2, 0]
    assert await states(world) == ["expired"] * 5
    assert await asked(world) == [f"expired:{release_id}:1:0"], "one question for all of a release"


async def test_of_workers_that_sweep_at_once_one_ends_each(world: World) -> None:
    await late_ones(world, 4)
    found = await asyncio.gather(*(world.store.expire(later(61), name, frozenset()) for name in ("w1", "w2", "w3")))
    assert sum(found) == 4
    assert len(await events(world, "delivery.expired")) == 4
    assert len(await events(world, "alarm.raised")) == 1


async def test_in_a_restored_database_nothing_expires_before_its_recovery(world: World) -> None:
    """What waited then may have been sent since: its recovery must still find it waiting."""
    await late_ones(world)
    await world.store.pause(LaneState(EVERY, True, None, restored.CODE, "x"), "system", NOW)
    assert await world.store.expire(later(61), "w1", frozenset()) == 0
    assert await states(world) == ["queued"]


async def test_the_question_is_answered_by_an_index(world: World, dialect: str) -> None:
    await late_ones(world)
    explain = "EXPLAIN QUERY PLAN" if dialect == "sqlite" else "EXPLAIN"
    async with world.database.read() as connection:
        if dialect == "postgresql":
            await connection.execute(text("SET LOCAL enable_seqscan = off"))  # the table has one row
        query = late.overdue(DEADLINE).compile(connection.sync_engine, compile_kwargs={"literal_binds": True})
        plan = str((await connection.execute(text(f"{explain} {query}"))).all())
    assert "ix_deliveries_deadline" in plan


async def test_while_the_clock_is_doubted_nothing_is_ended(world: World) -> None:
    """It may have leapt: what was ended would not come back when it is set right."""
    await late_ones(world)
    await world.store.doubt_clock(ClockDoubt("jumped", timedelta(hours=1)), "w1", NOW)
    assert await world.store.expire(later(3600), "w1", frozenset()) == 0
    assert await states(world) == ["queued"]
    await world.store.resume(EMBARGO, "person", later(3600))
    assert await world.store.expire(later(3600), "w1", frozenset()) == 1
