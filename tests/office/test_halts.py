"""One stop for everything, all dead letters again, and what a restored database needs (fault 20), on both databases."""

from __future__ import annotations

import stat
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from distributor.core.ports import EVERY, Claimed, Wish
from distributor.core.release import LanguageVersion, ReleaseState
from distributor.office.operations import NEW_DEADLINE
from distributor.office.restoring import Restoring
from distributor.queue.mark import Mark, MarkFile
from distributor.storage.deliveries import Deliveries
from distributor.storage.schema import audit_events, deliveries, releases
from tests.office.press_office import ADMINISTRATOR, BASE, EDITOR, PressOffice, refusal

LONG = LanguageVersion("ka", "გრძელი", "შესავალი.", "სიტყვა და სიტყვა. " * 300)


async def claimed(office: PressOffice, *ids: int) -> list[Claimed]:
    """What a worker gets, lane by lane, or of these deliveries."""
    store = Deliveries(office.database, BASE)
    wishes = [Wish("", len(ids), ids=ids)] if ids else [Wish(name, 10) for name in office.seats]
    found = [await store.claim(wish, "worker", office.now, 60) for wish in wishes]
    return [one for batch in found for one in batch.claimed]


async def change(office: PressOffice, **values: Any) -> None:
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).values(**values))
        await connection.commit()


async def test_one_stop_for_everything_is_one_event_and_nothing_is_claimed_until_it_ends(office: PressOffice) -> None:
    operations, boss = office.office.operations, office.people[ADMINISTRATOR]
    await office.approved(channels=("website", "telegram"))
    ids = [row["id"] for row in await office.rows()]
    assert len(ids) == 2
    await operations.pause("telegram", None)
    await operations.stop(boss, "wrong figures went out")
    assert (await operations.lanes())[EVERY].reason == "wrong figures went out"
    assert await claimed(office) == await claimed(office, *ids) == []
    assert await refusal(operations.start(office.people[EDITOR])) == "not_administrator"
    assert await refusal(operations.stop(office.people[EDITOR])) == "not_administrator"
    await operations.start(boss)
    assert EVERY not in await operations.lanes()
    assert [one.job.destination.channel for one in await claimed(office)] == ["website"]  # the other is paused itself
    events = [(event.kind, event.subject) for event in await office.log() if event.kind.startswith("lane")]
    assert events == [("lane.paused", "lane:telegram"), ("lane.paused", "lane:*"), ("lane.resumed", "lane:*")]


async def test_stopped_while_media_is_prepared_the_publishing_call_is_not_begun(office: PressOffice) -> None:
    await office.approved(channels=("telegram",))
    await change(office, prepares=True)
    (one,) = await claimed(office)
    store = Deliveries(office.database, BASE)
    await office.office.operations.stop(None)
    assert not await store.begin(one, "publish", office.now)
    await office.office.operations.start(None)
    assert await store.begin(one, "publish", office.now)


async def test_while_everything_is_stopped_nothing_is_looked_for(office: PressOffice) -> None:
    await office.approved(channels=("telegram",))
    await change(office, state="unknown", step="publish", intended_at=office.now)
    store = Deliveries(office.database, BASE)
    await office.office.operations.stop(None)
    assert await store.unknown(office.now, "worker", 60, 10) == []
    await office.office.operations.start(None)
    assert len(await store.unknown(office.now, "worker", 60, 10)) == 1


async def test_all_dead_letters_go_again_by_channel_and_release_and_cancelled_ones_stay(office: PressOffice) -> None:
    operations = office.office.operations
    first, second = await office.approved(), await office.approved()
    rows = await office.rows()
    assert {row["channel"] for row in rows} == {"website", "telegram"}
    await change(office, state="rejected", attempts=7, code="400", reason="no")
    async with office.database.transaction() as connection:
        done = update(deliveries).where(deliveries.c.release_id == second)
        await connection.execute(done.values(state="expired", deadline=office.now - timedelta(hours=1)))
        gone = (deliveries.c.release_id == first) & (deliveries.c.channel == "telegram")
        await connection.execute(update(deliveries).where(gone).values(state="cancelled"))
        await connection.execute(update(releases).values(state=ReleaseState.DISTRIBUTED.value))
        await connection.commit()
    assert await refusal(operations.retry_all(office.people[EDITOR])) == "not_administrator"
    assert await operations.retry_all(None, "website", first) == {"rejected": 1}
    assert await operations.retry_all(None, "website", first) == {}
    assert await operations.retry_all(office.people[ADMINISTRATOR]) == {"expired": 2}
    states = [(row["state"], row["attempts"], row["code"]) for row in await office.rows()]
    assert sorted(states) == [("cancelled", 7, "400")] + [("queued", 0, "")] * 3
    late = [row["deadline"] for row in await office.rows(second)]
    assert late == [office.now + NEW_DEADLINE] * 2
    async with office.database.read() as connection:
        found = (await connection.execute(select(releases.c.state))).scalars().all()
    assert found == [ReleaseState.DISTRIBUTING.value] * 2
    told = [event.data["was"] for event in await office.log("deliveries.retried")]
    assert told == [{"rejected": 1}, {"expired": 2}]


class Aged:
    """An office whose database is older than its mark."""

    def __init__(self, office: PressOffice) -> None:
        self.office = office
        self.path = office.folder / "audit.key.head"
        self.restoring = Restoring(office.office.context, [MarkFile(self.path)])

    async def lose(self, events: int = 1) -> None:
        """As a restored backup would: the log's newest events are not there."""
        assert await self.restoring.look()
        self.office.wait(seconds=1)
        async with self.office.database.transaction() as connection:
            last = (await connection.execute(select(audit_events.c.seq).order_by(audit_events.c.seq.desc()))).scalars()
            gone = list(last)[:events]
            await connection.execute(delete(audit_events).where(audit_events.c.seq.in_(gone)))
            await connection.commit()


@pytest.fixture
def aged(office: PressOffice) -> Aged:
    return Aged(office)


async def test_f20_the_mark_follows_the_log_in_a_file_that_its_owner_alone_may_read(aged: Aged) -> None:
    for _ in range(2):
        assert await aged.restoring.look()
        log = await aged.office.log()
        mark = await MarkFile(aged.path).read()
        assert mark is not None
        assert (mark.seq, mark.hash) == (log[-1].seq, log[-1].hash)
        assert stat.S_IMODE(aged.path.stat().st_mode) == 0o600
        await aged.office.draft()
    assert list(aged.office.folder.glob("*.new")) == []


async def test_f20_a_log_that_lacks_the_mark_halts_everything_once_until_the_recovery(aged: Aged) -> None:
    office = aged.office
    await office.approved(channels=("website", "telegram"))
    await aged.lose()
    for _ in range(2):
        assert not await aged.restoring.look()
    assert (await office.office.operations.lanes())[EVERY].code == "restored"
    assert len(await office.log("lane.paused")) == 1
    assert await claimed(office) == []
    for refused in (office.office.operations.start(None), office.office.operations.resume("telegram", None)):
        assert await refusal(refused) == "restored"
    assert await refusal(office.office.operations.stop(None)) == "restored"
    assert await refusal(aged.restoring.recover(office.people[EDITOR])) == "not_administrator"
    plan = await aged.restoring.plan()
    assert (plan.detected, plan.doubt.unknown, plan.doubt.again) == (True, 1, 0)
    assert await aged.restoring.recover(office.people[ADMINISTRATOR]) == plan
    rows = {row["channel"]: row for row in await office.rows()}
    assert (rows["website"]["state"], rows["telegram"]["state"]) == ("queued", "unknown")
    assert rows["telegram"]["intended_at"] == rows["telegram"]["created_at"]
    assert rows["telegram"]["uncertain"]
    assert await aged.restoring.look()
    assert EVERY not in await office.office.operations.lanes()
    (event,) = await office.log("database.recovered")
    assert event.data == {"detected": True, "unknown": 1, "cases": 0, "again": 0}
    assert (await office.office.auditing.verify()).fault == ""


async def test_f20_another_event_at_the_marks_number_is_another_log(aged: Aged) -> None:
    await aged.lose(2)
    for _ in range(3):
        await aged.office.draft()
    assert not await aged.restoring.look()


async def test_f20_a_recovery_answers_for_the_older_marks_of_other_machines_and_not_for_newer_ones(aged: Aged) -> None:
    office = aged.office
    await office.draft()
    await aged.lose()
    old = await MarkFile(aged.path).read()
    assert old is not None
    await aged.restoring.recover()
    elsewhere = MarkFile(office.folder / "elsewhere.head")
    await elsewhere.keep(old)
    assert await Restoring(office.office.context, [elsewhere]).look()
    assert await elsewhere.read() == await MarkFile(aged.path).read()
    office.wait(seconds=1)
    await elsewhere.keep(Mark(old.seq + 99, "0" * 64, old.at + 10_000_000), anew=True)
    assert not await Restoring(office.office.context, [elsewhere]).look()


async def test_f20_what_is_scheduled_later_cannot_have_been_sent_and_stays_queued(aged: Aged) -> None:
    office = aged.office
    await office.approved(channels=("telegram",), at=office.now + timedelta(hours=2))
    await office.approved(channels=("telegram",), embargo=office.now + timedelta(hours=2))
    await aged.lose()
    assert not await aged.restoring.look()
    assert (await aged.restoring.recover()).doubt.unknown == 0
    assert {row["state"] for row in await office.rows()} == {"queued"}


async def test_f20_of_several_parts_a_person_decides_over_the_whole(aged: Aged) -> None:
    office = aged.office
    await office.approved(LONG, channels=("telegram",))
    await aged.lose()
    assert not await aged.restoring.look()
    plan = await aged.restoring.recover()
    assert (plan.doubt.unknown, plan.doubt.cases) == (0, 1)
    (row,) = await office.rows()
    assert row["state"] == "case"
    await office.office.operations.resolve(row["id"], True, office.people[EDITOR])
    (row,) = await office.rows()
    assert row["state"] == "sent"  # nothing of it goes again


async def test_f20_a_release_that_waits_for_approval_is_named(aged: Aged) -> None:
    waiting = (await aged.office.submitted()).release.id
    await aged.lose()
    assert list((await aged.restoring.plan()).submitted) == [waiting]


async def test_f20_a_mark_that_nobody_can_read_lets_no_worker_start(aged: Aged) -> None:
    aged.path.write_text("half a mar", "utf-8")
    with pytest.raises(ValueError, match=r"audit\.key\.head"):
        await aged.restoring.look()
