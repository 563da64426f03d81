"""What the answers to alarms do: send what expired, let embargoes end again, stop everything."""

from __future__ import annotations

from datetime import timedelta

from distributor.core.ports import EMBARGO, EVERY, LaneState, Wish
from distributor.office.operations import NEW_DEADLINE
from distributor.storage import lanes
from distributor.storage.alarms import Alarm
from distributor.storage.deliveries import Deliveries
from tests.office.press_office import ADMINISTRATOR, EDITOR, EN, KA, PressOffice


async def claim(office: PressOffice, *channels: str) -> int:
    """What a worker would claim now."""
    store = Deliveries(office.database, "")
    batches = [await store.claim(Wish(name, 10), "w", office.now, 30.0) for name in channels]
    return sum(len(batch.claimed) for batch in batches)


async def expired(office: PressOffice) -> tuple[str, Alarm]:
    """News of which two deliveries expired; the alarm."""
    release = await office.approved(KA, EN, deadline=office.now + timedelta(hours=1))
    office.wait(hours=2)
    assert await claim(office, "website", "telegram") == 0
    (alarm,) = await office.office.alarms.open()
    return release, alarm


async def test_what_expired_asks_once_for_its_release(office: PressOffice) -> None:
    release, alarm = await expired(office)
    assert [row["state"] for row in await office.rows()] == ["expired", "expired"]
    assert (alarm.kind, alarm.subject, alarm.params["title"]) == ("expired", f"release:{release}", KA.title)
    assert alarm.every == 3600


async def test_send_all_the_same_sends_those_that_expired_with_a_new_deadline(office: PressOffice) -> None:
    release, alarm = await expired(office)
    other = await office.approved(deadline=office.now + timedelta(hours=1), channels=("website",))
    await office.office.alarms.resolve(alarm.id, office.people[EDITOR], "send")
    rows = await office.rows(release)
    assert [(row["state"], row["deadline"]) for row in rows] == [("queued", office.now + NEW_DEADLINE)] * 2
    assert await claim(office, "website", "telegram") == 3
    (event,) = await office.log("deliveries.retried")
    assert event.data == {"release": release, "revision": 1, "was": {"expired": 2}}
    assert other != release


async def test_leaving_it_leaves_it_and_what_expires_after_an_answer_asks_again(office: PressOffice) -> None:
    release, alarm = await expired(office)
    await office.office.alarms.resolve(alarm.id, None, "leave")
    assert [row["state"] for row in await office.rows(release)] == ["expired", "expired"]
    assert await claim(office, "website", "telegram") == 0
    assert await office.office.alarms.open() == []
    await office.office.operations.retry_all(None, release=release)
    office.wait(hours=25)
    assert await claim(office, "website", "telegram") == 0
    (again,) = await office.office.alarms.open()
    assert again.key != alarm.key


async def test_the_clocks_answer_lets_embargoes_end_again_or_leaves_them_closed(office: PressOffice) -> None:
    operations, boss = office.office.operations, office.people[ADMINISTRATOR]
    for word, closed in (("closed", True), ("open", False)):
        async with office.database.transaction(logged=True) as connection:
            await lanes.pause(connection, LaneState(EMBARGO, True, None, "clock", "it jumped"), "worker", office.now)
            await connection.commit()
        await office.office.alarms.raise_alarm("clock", "office", f"clock:{word}", {"reason": "x"})
        (alarm,) = await office.office.alarms.open()
        await office.office.alarms.resolve(alarm.id, boss, word)
        assert (EMBARGO in await operations.lanes()) is closed


async def test_embargoes_are_opened_by_hand_like_a_channel(office: PressOffice) -> None:
    operations, boss = office.office.operations, office.people[ADMINISTRATOR]
    assert EMBARGO not in await operations.lanes()
    await operations.pause(EMBARGO, boss, "we ask the ministry first")
    assert (await operations.lanes())[EMBARGO].reason == "we ask the ministry first"
    release = await office.approved(embargo=office.now + timedelta(hours=1), channels=("website",))
    office.wait(hours=2)
    assert await claim(office, "website") == 0
    await operations.resume(EMBARGO, boss)
    assert EMBARGO not in await operations.lanes()
    assert await claim(office, "website") == 1
    assert release


async def test_a_foreign_post_can_stop_everything(office: PressOffice) -> None:
    await office.office.alarms.raise_alarm("foreign", "channel:x", "foreign:x:1", {"channel": "x"})
    (alarm,) = await office.office.alarms.open()
    await office.office.alarms.resolve(alarm.id, office.people[ADMINISTRATOR], "stop")
    assert (await office.office.operations.lanes())[EVERY].paused
