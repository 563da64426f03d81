"""Operating what was promised: dead letters, lanes, cases, subscribers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from distributor.core.people import Role
from distributor.core.release import ReleaseState
from distributor.office.operations import BUTTON_LASTS, NEW_DEADLINE
from distributor.storage.schema import cases, deliveries, releases
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, PressOffice, refusal


async def set_rows(office: PressOffice, **values: Any) -> None:
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).values(**values))
        await connection.commit()


async def case(office: PressOffice, step: str = "publish") -> int:
    """A delivery whose outcome a person must tell."""
    if not await office.rows():
        await office.approved(channels=("telegram",))
    delivery = int((await office.rows())[0]["id"])
    await set_rows(office, state="case", step=step)
    async with office.database.transaction() as connection:
        values = {"delivery_id": delivery, "step": step, "code": "x", "reason": "x", "opened_at": office.now}
        await connection.execute(insert(cases).values(**values))
        await connection.commit()
    return delivery


async def test_only_dead_letters_are_sent_again_and_each_is_logged(office: PressOffice) -> None:
    await office.approved()
    first, second = [row["id"] for row in await office.rows()]
    await set_rows(office, state="rejected", code="400", reason="no", attempts=7)
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).where(deliveries.c.id == second).values(state="sent"))
        await connection.commit()
    boss = office.people[ADMINISTRATOR]
    assert await office.office.operations.retry([first, second, 99], boss) == {
        first: "rejected",
        second: "sent",
        99: "",
    }
    rows = await office.rows()
    assert [(row["state"], row["attempts"], row["code"]) for row in rows] == [("queued", 0, ""), ("sent", 7, "400")]
    assert [event.subject for event in await office.log("delivery.retried")] == [f"delivery:{first}"]
    for who in (AUTHOR, EDITOR):
        assert await refusal(office.office.operations.retry([first], office.people[who])) == "not_administrator"


async def test_a_dead_letter_past_its_deadline_gets_a_day(office: PressOffice) -> None:
    await office.approved()
    await set_rows(office, state="expired", deadline=office.now - timedelta(hours=1))
    first = (await office.rows())[0]["id"]
    await office.office.operations.retry([first], None)
    assert (await office.rows())[0]["deadline"] == office.now + NEW_DEADLINE


async def test_a_lane_is_paused_and_resumed_by_an_administrator_alone(office: PressOffice) -> None:
    operations, boss = office.office.operations, office.people[ADMINISTRATOR]
    await operations.pause("telegram", boss)
    assert (await operations.lanes())["telegram"].paused
    assert not (await operations.lanes())["website"].paused
    await operations.resume("telegram", None)
    assert not (await operations.lanes())["telegram"].paused
    assert await refusal(operations.pause("fax", boss)) == "unknown_channel"
    assert await refusal(operations.resume("telegram", office.people[EDITOR])) == "not_administrator"
    assert [event.kind for event in await office.log() if event.kind.startswith("lane")] == [
        "lane.paused",
        "lane.resumed",
    ]


async def test_it_is_there_ends_a_case_as_sent_on_a_persons_word(office: PressOffice) -> None:
    delivery = await case(office)
    buttons = await office.office.operations.case_buttons(delivery)
    resolved = await office.office.operations.press_case(buttons.there, EDITOR)
    assert (resolved.delivery_id, resolved.there) == (delivery, True)
    (row,) = await office.rows()
    assert (row["state"], row["receipt"]["detail"]) == ("sent", {"confirmed_by": f"person:{office.people[EDITOR].id}"})
    assert await office.office.operations.open_cases() == []
    async with office.database.read() as connection:
        assert (await connection.execute(select(releases.c.state))).scalar() == ReleaseState.DISTRIBUTED.value
    assert (await office.office.auditing.verify()).fault == "", "a person's word is proof"


async def test_it_is_not_there_sends_again(office: PressOffice) -> None:
    delivery = await case(office)
    buttons = await office.office.operations.case_buttons(delivery)
    await office.office.operations.press_case(buttons.not_there, ADMINISTRATOR)
    (row,) = await office.rows()
    assert (row["state"], row["step"], row["due"]) == ("queued", "", office.now)


async def test_a_case_is_ended_once_whoever_presses_and_however_often(office: PressOffice) -> None:
    delivery = await case(office)
    press = office.office.operations.press_case
    buttons = await office.office.operations.case_buttons(delivery)
    results = await asyncio.gather(
        press(buttons.there, EDITOR),
        press(buttons.there, ADMINISTRATOR),
        press(buttons.not_there, ADMINISTRATOR),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Refused", "Refused", "Resolved"]
    assert len(await office.log("case.resolved")) == 1
    assert len(await office.log("press.refused")) == 2


async def test_f26_f27_a_case_is_not_ended_by_others_nor_by_old_buttons(office: PressOffice) -> None:
    delivery = await case(office)
    operations = office.office.operations
    buttons = await operations.case_buttons(delivery)
    assert await refusal(operations.press_case("forged", EDITOR)) == "forged_button"
    assert await refusal(operations.press_case(buttons.there, 999)) == "not_a_member"
    assert await refusal(operations.press_case(buttons.there, AUTHOR)) == "not_editor"
    await office.office.people.set_role(office.people[EDITOR].id, Role.NONE, None)
    assert await refusal(operations.press_case(buttons.there, EDITOR)) == "not_editor"
    office.now += BUTTON_LASTS
    assert await refusal(operations.press_case(buttons.there, ADMINISTRATOR)) == "button_expired"
    codes = [event.data["code"] for event in await office.log("press.refused")]
    assert codes == ["forged_button", "not_a_member", "not_editor", "not_editor", "button_expired"]
    assert (await office.rows())[0]["state"] == "case"


async def test_the_buttons_of_an_earlier_case_decide_nothing_over_a_later_one(office: PressOffice) -> None:
    delivery = await case(office)
    operations = office.office.operations
    old = await operations.case_buttons(delivery)
    await operations.press_case(old.not_there, EDITOR)
    assert await case(office) == delivery
    assert await refusal(operations.press_case(old.there, EDITOR)) == "no_open_case"
    assert (await office.rows())[0]["state"] == "case"
    await operations.press_case((await operations.case_buttons(delivery)).there, EDITOR)
    assert (await office.rows())[0]["state"] == "sent"


async def test_a_case_may_be_ended_from_the_command_line_and_by_an_editor_but_no_author(office: PressOffice) -> None:
    delivery = await case(office)
    operations = office.office.operations
    assert await refusal(operations.resolve(delivery, True, office.people[AUTHOR])) == "not_editor"
    await operations.resolve(delivery, True, None)
    assert await refusal(operations.resolve(delivery, True, None)) == "no_open_case"
    (event,) = await office.log("case.resolved")
    assert event.actor == "system"


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b", "a b@c.de", "a@b.de\nBcc: x@y.de", "<a@b.de>", "a@b.de,c@d.de"]
)
async def test_f34_an_address_that_could_break_a_header_is_refused(office: PressOffice, address: str) -> None:
    assert await refusal(office.office.subscriptions.add("press", address, None)) == "bad_address"
    assert await refusal(office.office.subscriptions.add("press", "a@b.de", None, label="x\ny")) == "bad_address"


async def test_a_subscription_names_what_exists(office: PressOffice) -> None:
    add = office.office.subscriptions.add
    assert await refusal(add("fax", "a@b.de", None)) == "unknown_channel"
    assert await refusal(add("telegram", "a@b.de", None)) == "no_subscribers_here"
    assert await refusal(add("press", "a@b.de", None, facets={"region": ["GE-XX"]})) == "unknown_region"
    assert await refusal(add("press", "a@b.de", None, facets={"topic": ["magic"]})) == "unknown_topic"
    assert await refusal(add("press", "a@b.de", None, facets={"kind": ["gossip"]})) == "unknown_kind"
    assert await refusal(add("press", "a@b.de", None, language="klingon-and-more")) == "unknown_language"
    assert await refusal(add("press", "a@b.de", office.people[EDITOR])) == "not_administrator"
    assert await office.office.subscriptions.everyone() == []


async def test_a_subscriber_who_is_added_again_replaces_the_old_wishes(office: PressOffice) -> None:
    subscriptions = office.office.subscriptions
    first = await subscriptions.add("press", "a@b.de", None, facets={"region": ["GE-TB"], "kind": ["news"]})
    second = await subscriptions.add("press", "a@b.de", None, language="en", facets={"region": ["GE-KA"]})
    assert first == second
    (row,) = await subscriptions.everyone("press")
    assert (row["facets"], row["language"]) == ({"region": ["GE-KA"]}, "en")
    assert await subscriptions.everyone("elsewhere") == []


async def test_unsubscribing_needs_the_token_and_counts_once(office: PressOffice) -> None:
    subscriptions = office.office.subscriptions
    await subscriptions.add("press", "a@b.de", None)
    (row,) = await subscriptions.everyone()
    assert len(row["token"]) >= 32
    for wrong in ("", "x", row["token"][:-1]):
        assert not await subscriptions.unsubscribe(wrong)
    assert await subscriptions.unsubscribe(row["token"])
    assert await subscriptions.unsubscribe(row["token"])
    found = await subscriptions.by_token(row["token"])
    assert found is not None
    assert found["status"] == "unsubscribed"
    assert len(await office.log("subscriber.left")) == 1
