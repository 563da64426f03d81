"""A clock that leaps ahead opens no embargo (fault 19): nothing leaves, the desk is asked, a person decides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from distributor.core.ports import EMBARGO
from distributor.demo import Stage
from distributor.demo.stage import ADMINISTRATOR, DESK_CHAT, EDITOR
from distributor.queue.clockwatch import ClockWatch
from distributor.queue.uptime import uptime
from distributor.storage.alarms import Alarm
from distributor.storage.deliveries import Deliveries
from tests.faults.conftest import MakeStage
from tests.faults.engine import ask, lane_of, seen, tell, tries, working
from tests.queue.acts import all_in, approve, one, rows, until, write

DAY = timedelta(days=1)


class Time:
    """The present, which a test may move."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """UTC."""
        return datetime.now(UTC) + self.ahead


async def embargoed(stage: Stage, time: Time, **content: Any) -> str:
    """A release that is approved and waits for its embargo's end, tomorrow."""
    embargo = time() + DAY - timedelta(minutes=1)
    release = await write(stage, embargo=embargo, channels=("newsroom", "telegram"), **content)
    assert await approve(stage, release) == 2
    await asyncio.sleep(0.1)
    return release


async def alarm(stage: Stage) -> Alarm:
    """The alarm about the clock, as soon as it stands."""
    for _ in range(250):
        if found := await stage.parts.office.alarms.open("clock"):
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError("nobody was asked about the clock")


async def public(stage: Stage) -> int:
    """What anybody could see: pages of the newsroom and posts in the channel."""
    (row,) = await ask(stage, "SELECT count(*) AS n FROM pages")
    return int(row["n"]) + len(stage.sandbox.telegram.messages(-100300))


def asked(stage: Stage) -> list[dict[str, Any]]:
    """The desk's messages about the clock."""
    found = stage.sandbox.telegram.messages(DESK_CHAT)
    return [message for message in found if "საათი საეჭვოა" in (message.get("text") or "")]


async def test_f19_a_clock_that_leaps_a_day_opens_no_embargo_until_a_person_has_looked(make_stage: MakeStage) -> None:
    time = Time()
    stage = await make_stage(frozenset({"worker", "bot"}), clock=time)
    release = await embargoed(stage, time)
    assert await public(stage) == 0
    time.ahead = DAY
    await stage.parts.queue.wake()
    found = await alarm(stage)
    assert (found.params["cause"], 86390 < found.params["seconds"] < 86410) == ("jumped", True)
    # A newly approved one, the embargo of which is over by this clock, waits like the others.
    other = await write(stage, embargo=time() - timedelta(hours=1), channels=("newsroom",))
    await approve(stage, other)
    await stage.parts.queue.wake()
    await asyncio.sleep(1.2)  # a poll of every lane
    assert await public(stage) == 0
    assert {row["state"] for row in [*await rows(stage, release), *await rows(stage, other)]} == {"queued"}
    await seen(lambda: asked(stage))
    assert "1 დღე" in asked(stage)[0]["text"]
    assert len(asked(stage)) == 1
    # A person says that the clock is right: everything leaves.
    button = next(b for row in asked(stage)[0]["buttons"] for b in row if "საათი სწორია" in b["text"])
    message = asked(stage)[0]["message_id"]
    query = await stage.sandbox.telegram.press(EDITOR, DESK_CHAT, message, button["callback_data"])
    assert (await stage.sandbox.telegram.wait_for_answer(query, 5))["show_alert"]
    query = await stage.sandbox.telegram.press(ADMINISTRATOR, DESK_CHAT, message, button["callback_data"])
    await stage.sandbox.telegram.wait_for_answer(query, 5)
    await until(stage, all_in("sent"), release)
    await until(stage, all_in("sent"), other)
    assert EMBARGO not in await stage.parts.office.operations.lanes()


async def test_f19_the_embargo_of_a_trusted_reader_and_the_lanes_without_one_go_on(make_stage: MakeStage) -> None:
    time = Time()
    stage = await make_stage(clock=time)
    await embargoed(stage, time)
    time.ahead = DAY
    await alarm(stage)
    plain = await write(stage, channels=("newsroom",))
    await approve(stage, plain)
    await until(stage, all_in("sent"), plain)


async def test_f19_left_closed_it_stays_closed_and_is_opened_like_a_channel(make_stage: MakeStage) -> None:
    time = Time()
    stage = await make_stage(clock=time)
    release = await embargoed(stage, time)
    time.ahead = DAY
    office = stage.parts.office
    await office.alarms.resolve((await alarm(stage)).id, stage.people[EDITOR], "closed")
    time.ahead += timedelta(seconds=50)
    await asyncio.sleep(1.2)
    assert await public(stage) == 0
    assert "left closed" in (await office.operations.lanes())[EMBARGO].reason
    await office.operations.resume(EMBARGO, stage.people[ADMINISTRATOR])
    await until(stage, all_in("sent"), release)


async def test_f19_an_embargo_that_ended_while_the_service_was_away_asks_at_the_start(idle: Stage) -> None:
    time = Time()
    release = await write(idle, embargo=time() + timedelta(seconds=1), channels=("newsroom",))
    await approve(idle, release)
    # As if the last sign of life were older than the embargo by a day.
    values = {"at": int((time() - DAY).timestamp() * 1e6)}
    await tell(idle, "INSERT INTO workers (name, started_at, beat_at) VALUES ('gone', :at, :at)", **values)
    await asyncio.sleep(1.1)
    async with working(idle):
        assert (await alarm(idle)).params["cause"] == "away"
        await asyncio.sleep(0.5)
        assert await public(idle) == 0
        await idle.parts.office.operations.resume(EMBARGO, idle.people[ADMINISTRATOR])
        assert await idle.parts.office.alarms.open("clock") == []


async def test_f19_a_leap_of_minutes_across_a_restart_opens_no_embargo(make_stage: MakeStage) -> None:
    """Shorter than a restart may take; the machine's uptime shows it all the same. It matters most on SQLite, which
    has no server whose clock could be asked."""
    time = Time()
    stage = await make_stage(frozenset(), clock=time)
    release = await write(stage, embargo=time() + timedelta(minutes=2), channels=("newsroom",))
    await approve(stage, release)
    async with working(stage, "before"):
        await asyncio.sleep(0.2)
    time.ahead = timedelta(minutes=3)
    async with working(stage, "after"):
        assert (await alarm(stage)).params["cause"] == "jumped"
        await asyncio.sleep(0.5)
        assert await public(stage) == 0
    async with working(stage, "again"):  # asked once, and still closed
        await asyncio.sleep(0.5)
        assert await public(stage) == 0
        await stage.parts.office.operations.resume(EMBARGO, stage.people[ADMINISTRATOR])
        await until(stage, all_in("sent"), release)


async def test_f19_a_restart_that_takes_long_asks_nobody_where_the_machine_was_up(make_stage: MakeStage) -> None:
    time = Time()
    stage = await make_stage(frozenset(), clock=time)
    async with working(stage, "before"):
        pass
    release = await write(stage, embargo=time() + timedelta(seconds=1), channels=("newsroom",))
    await approve(stage, release)
    # As if the last sign of life, and the machine's uptime at that moment, were ten minutes older.
    minutes = 10 * 60 * 1_000_000
    await tell(stage, "UPDATE workers SET beat_at = beat_at - :by, up = up - :by", by=minutes)
    await asyncio.sleep(1.1)
    async with working(stage, "after"):
        await until(stage, all_in("sent"), release)
    assert await stage.parts.office.alarms.open("clock") == []


async def test_f19_where_the_doubt_cannot_be_kept_nothing_is_claimed(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time()
    stage = await make_stage(clock=time)
    release = await embargoed(stage, time)
    await tell(stage, "ALTER TABLE alarms RENAME TO hidden")  # every INSERT of an alarm fails, and the pause with it
    time.ahead = DAY
    await stage.parts.queue.wake()
    await asyncio.sleep(1.5)
    assert await public(stage) == 0
    await tell(stage, "ALTER TABLE hidden RENAME TO alarms")
    await alarm(stage)
    await asyncio.sleep(0.5)
    assert await public(stage) == 0
    assert {row["state"] for row in await rows(stage, release)} == {"queued"}


async def test_f19_a_leap_that_is_no_doubt_yet_gives_no_sign_of_life(make_stage: MakeStage) -> None:
    """Who starts after it would take the leapt clock for the right one."""
    time = Time()
    stage = await make_stage(frozenset(), clock=time)
    parts = stage.parts
    watch = ClockWatch(Deliveries(parts.database, ""), parts.events, time, "w1", uptime)
    await watch.begin()
    await watch.beat()
    (before,) = await ask(stage, "SELECT beat_at, up FROM workers")
    await tell(stage, "ALTER TABLE alarms RENAME TO hidden")
    time.ahead = timedelta(minutes=3)
    with pytest.raises(DBAPIError):
        await watch.beat()
    assert await ask(stage, "SELECT beat_at, up FROM workers") == [before]
    await tell(stage, "ALTER TABLE hidden RENAME TO alarms")
    await watch.beat()
    assert (await alarm(stage)).params["cause"] == "jumped"
    (after,) = await ask(stage, "SELECT beat_at, up FROM workers")
    assert after["beat_at"] - before["beat_at"] > 150 * 1_000_000 > after["up"] - before["up"]


async def test_a_call_under_way_is_not_taken_for_lost_when_the_clock_leaps(make_stage: MakeStage) -> None:
    time = Time()
    stage = await make_stage(clock=time)
    lane_of(stage, "telegram")
    stage.sandbox.faults.order("telegram", "sendMessage", "latency", seconds=3.0)
    release = await write(stage, channels=("telegram",))
    await approve(stage, release)
    await until(stage, all_in("sending"), release)
    time.ahead = timedelta(hours=1)
    await until(stage, all_in("sent"), release)
    assert await tries(stage, one(await rows(stage, release), "telegram")["id"]) == [("sent", "", False, False)]
