"""Faults 16, 18, 21: a full disk, a clock set back, rows that cannot be read, bytes that were changed."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from distributor.core.outcome import Unknown
from distributor.demo import Stage
from tests.faults.conftest import MakeStage
from tests.faults.engine import ask, count_events, lane_of, seen, sound, tell, tries
from tests.queue.acts import all_in, approve, one, rows, until, write

NO_ROOM = """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"""
WRITTEN = ("releases", "deliveries", "attempts", "audit_events")


@contextlib.asynccontextmanager
async def full_disk(stage: Stage) -> AsyncIterator[None]:
    """No file of this process grows beyond a page: what SQLite meets on a full disk, at the same call. PostgreSQL's
    disk is the server's: its tables refuse every write with the code that it has for that."""
    if not stage.parts.database.sqlite:
        await tell(stage, NO_ROOM)
        for table in WRITTEN:
            on = f"BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION no_room()"
            await tell(stage, f"CREATE TRIGGER no_room {on}")
        yield
        await tell(stage, "DROP FUNCTION no_room CASCADE")
        return
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


async def test_f16_disk_full_intake_is_refused_and_nothing_acknowledged(stage: Stage) -> None:
    async with full_disk(stage):
        with pytest.raises(DBAPIError):
            await write(stage)
    kept = await ask(stage, "SELECT count(*) AS n FROM releases")
    told = await count_events(stage, "release.drafted")
    assert (kept[0]["n"], told) == (0, 0)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    await sound(stage)


async def test_f16_outcomes_wait_for_room_and_are_not_lost(stage: Stage) -> None:
    stage.sandbox.faults.order("x", "tweets.create", "latency", seconds=0.5)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    await seen(lambda: stage.sandbox.calls("x", "tweets.create"))
    async with full_disk(stage):
        await seen(lambda: stage.sandbox.effects("x", kind="post"))
        await asyncio.sleep(0.7)
        assert one(await rows(stage, release_id), "x")["state"] == "sending"
    row = one(await until(stage, all_in("sent"), release_id), "x")
    assert await tries(stage, row["id"]) == [("sent", "", False, False)]
    assert stage.sandbox.calls("x", "tweets.create") == 1
    await sound(stage)


async def test_f16_no_room_for_the_intent_no_byte_leaves(stage: Stage) -> None:
    release_id = await write(stage, photos=1, channels=("telegram",))
    store = stage.service.worker._store  # type: ignore[union-attr]
    begin = store.begin

    async def begin_when_full(*arguments):  # type: ignore[no-untyped-def]
        store.begin = begin  # type: ignore[method-assign]
        raise OSError(28, "No space left on device")

    store.begin = begin_when_full  # type: ignore[method-assign]
    await approve(stage, release_id)
    row = one(await until(stage, all_in("waiting"), release_id), "telegram")
    assert (row["code"], row["attempts"]) == ("storage", 0)
    assert not stage.sandbox.effects("telegram", chat_id=-100300)


async def test_f18_the_clock_jumps_back_an_hour_nothing_stalls_nothing_repeats_the_schedule_stays(
    make_stage: MakeStage,
) -> None:
    shift = timedelta()
    stage = await make_stage(clock=lambda: datetime.now(UTC) + shift)
    lane_of(stage, "telegram")
    now = stage.parts.clock()
    sent = await write(stage, title="გასული", channels=("x",))
    await approve(stage, sent)
    await until(stage, all_in("sent"), sent)
    scheduled = await write(stage, title="დაგეგმილი", channels=("x",), at=now + timedelta(minutes=10))
    await approve(stage, scheduled)
    stage.sandbox.faults.order("telegram", "sendMessage", "429", retry_after=2)
    throttled = await write(stage, title="შეჩერებული", channels=("telegram",))
    await approve(stage, throttled)
    await until(stage, all_in("waiting"), throttled)
    await stage.parts.office.operations.pause("facebook", None)
    queued = await write(stage, title="რიგში", channels=("facebook",))
    await approve(stage, queued)
    shift = timedelta(hours=-1)
    await stage.parts.office.operations.resume("facebook", None)
    await until(stage, all_in("sent"), queued, seconds=4)
    await until(stage, all_in("sent"), throttled, seconds=6)
    assert one(await rows(stage, scheduled), "x")["state"] == "queued"
    shift = timedelta(minutes=9, seconds=58)
    await until(stage, all_in("sent"), scheduled, seconds=8)
    assert stage.parts.clock() >= now + timedelta(minutes=10)
    assert len(stage.sandbox.effects("x", kind="post")) == 2
    assert stage.sandbox.calls("telegram", "sendMessage") == 2
    await sound(stage)


async def test_f21_a_rendering_that_cannot_be_read_is_a_dead_letter_and_the_queue_goes_on(stage: Stage) -> None:
    await stage.parts.office.operations.pause("press", None)
    bad = await write(stage, title="გაფუჭებული", channels=("press",))
    await approve(stage, bad)
    good = await write(stage, title="კარგი", channels=("press",))
    await approve(stage, good)
    # PostgreSQL keeps no JSON that is none; what is no rendering is as unreadable.
    body = "{not json" if stage.parts.database.sqlite else "[7]"
    await tell(stage, f"UPDATE renderings SET body = '{body}' WHERE release_id = :id", id=bad)  # noqa: S608  # words of ours
    await stage.parts.office.operations.resume("press", None)
    found = await until(stage, lambda got: {row["state"] for row in got} == {"sent", "rejected"})
    assert {row["release_id"] for row in found if row["state"] == "rejected"} == {bad}
    assert {row["code"] for row in found if row["release_id"] == bad} == {"poison"}
    assert len(stage.sandbox.mail.messages) == 3
    told = (await stage.parts.office.auditing.verify()).fault
    assert told.startswith(f"revision 1 of release {bad} (approved by event "), told
    assert told.endswith(": altered, so that it cannot be read any more")


async def test_f21_an_unknown_delivery_that_cannot_be_read_is_a_case_and_the_next_is_looked_for(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    both = [await write(stage, title=title, channels=("x",)) for title in ("ერთი", "ორი")]
    for release_id in both:
        await approve(stage, release_id)
    await tell(stage, "UPDATE deliveries SET state = 'unknown', step = 'publish', intended_at = due, due = 0")
    await tell(stage, "UPDATE renderings SET body = '[]' WHERE release_id = :id", id=both[0])
    await stage.parts.office.operations.resume("x", None)
    row = one(await until(stage, all_in("case"), both[0]), "x")
    assert row["code"] == "unreadable"
    await seen(lambda: stage.sandbox.calls("x", "users.tweets"))


async def test_f21_an_adapter_that_always_raises_ends_as_a_dead_letter(stage: Stage) -> None:
    lane = lane_of(stage, "telegram")
    real = lane.channel.prepare

    async def broken(job, progress):  # type: ignore[no-untyped-def]
        if "ცუდი" in job.rendering.text:
            raise ZeroDivisionError
        return await real(job, progress)

    lane.channel.prepare = broken  # type: ignore[method-assign]
    for title in ("ცუდი", "კარგი"):
        await approve(stage, await write(stage, photos=1, title=title, channels=("telegram",)))
    found = await until(stage, all_in("sent", "rejected"))
    assert [(row["state"], row["code"]) for row in found] == [("rejected", "poison"), ("sent", "")]
    assert [told[0] for told in await tries(stage, found[0]["id"])] == ["deferred", "deferred", "rejected"]


async def test_f21_words_that_no_database_can_hold_are_recorded_all_the_same(stage: Stage) -> None:
    lane = lane_of(stage, "x")
    real = lane.channel.publish

    async def odd(job, progress):  # type: ignore[no-untyped-def]
        lane.channel.publish = real  # type: ignore[method-assign]
        return Unknown("odd", "half a character: " + chr(0xD83D) + " and a NUL: " + chr(0), "publish")

    lane.channel.publish = odd  # type: ignore[method-assign]
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    found = await until(stage, all_in("unknown"), release_id, seconds=3)
    assert (await tries(stage, found[0]["id"]))[0][:2] == ("unknown", "odd")
    await sound(stage)


async def test_bytes_that_are_not_the_approved_ones_are_not_sent(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    changed = """replace(CAST(body AS TEXT), '"text": "', '"text": "!')"""
    changed = changed if stage.parts.database.sqlite else f"CAST({changed} AS JSON)"
    await tell(stage, f"UPDATE renderings SET body = {changed} WHERE release_id = :id", id=release_id)  # noqa: S608  # words of ours
    await stage.parts.office.operations.resume("x", None)
    row = one(await until(stage, all_in("rejected"), release_id), "x")
    assert row["code"] == "bytes_changed"
    assert stage.sandbox.calls("x", "tweets.create") == 0
