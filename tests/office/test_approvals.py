"""Decisions, and the promise that an approval makes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from distributor.core.approval import Decision
from distributor.core.people import Role
from distributor.core.release import Kind, ReleaseState
from distributor.office.approvals import BUTTON_LASTS
from distributor.storage import promises, releases
from distributor.storage.schema import deliveries, nonces, revisions
from tests.office.press_office import ADMINISTRATOR, AUTHOR, EDITOR, EN, KA, START, PressOffice, refusal


async def button(office: PressOffice, release_id: str, decision: Decision = Decision.APPROVE) -> str:
    return (await office.office.approvals.buttons(release_id, (decision,)))[decision]


async def state(office: PressOffice, release_id: str) -> ReleaseState:
    return (await office.office.drafts.get(release_id)).state


async def test_a_second_person_approves_and_everything_is_promised_in_one_go(office: PressOffice) -> None:
    submitted = await office.submitted()
    assert await office.decide(submitted.release.id, Decision.APPROVE) == 2
    rows = await office.rows(submitted.release.id)
    assert {(row["channel"], row["address"], row["state"]) for row in rows} == {
        ("website", "https://press.example", "queued"),
        ("telegram", "@ministry", "queued"),
    }
    assert {row["content_hash"] for row in rows} == {submitted.content_hash}
    assert {row["deadline"] for row in rows} == {None}
    (event,) = await office.log("release.approve")
    assert event.actor == f"person:{office.people[EDITOR].id}"
    assert event.data["content_hash"] == submitted.content_hash
    assert event.data["deliveries"] == 2
    assert await state(office, submitted.release.id) is ReleaseState.DISTRIBUTING
    assert office.woken == 1


async def test_a_promise_that_fails_leaves_nothing_of_the_approval(
    office: PressOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted = await office.submitted()
    real, calls = promises.promise, 0

    async def second_one_fails(*args: Any, **kwargs: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("disk full")
        return await real(*args, **kwargs)

    monkeypatch.setattr(promises, "promise", second_one_fails)
    token = await button(office, submitted.release.id)
    with pytest.raises(OSError, match="disk full"):
        await office.office.approvals.press(token, EDITOR)
    assert calls == 2
    assert await office.rows() == []
    assert await state(office, submitted.release.id) is ReleaseState.SUBMITTED
    assert await office.log("release.approve") == []
    monkeypatch.undo()
    assert (await office.office.approvals.press(token, EDITOR)).deliveries == 2, "the button was not used up"


async def test_an_approval_that_reaches_nobody_is_refused_and_logged(office: PressOffice) -> None:
    await office.office.subscriptions.add("press", "a@example.org", None, facets={"region": ["GE-KA"]})
    submitted = await office.submitted(channels=("press",))
    token = await button(office, submitted.release.id)
    assert await refusal(office.office.approvals.press(token, EDITOR)) == "nobody_to_send_to"
    assert await state(office, submitted.release.id) is ReleaseState.SUBMITTED
    assert [event.data["code"] for event in await office.log("press.refused")] == ["nobody_to_send_to"]
    async with office.database.read() as connection:
        assert (await connection.execute(select(revisions.c.approved_hash))).scalars().all() == [""]


async def test_f23_a_double_tap_is_one_approval_even_at_the_same_moment(office: PressOffice) -> None:
    submitted = await office.submitted()
    token = await button(office, submitted.release.id)
    taps = (office.office.approvals.press(token, who) for who in (EDITOR, EDITOR, ADMINISTRATOR))
    results = await asyncio.gather(*taps, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Pressed", "Refused", "Refused"]
    assert len(await office.rows()) == 2
    assert len(await office.log("release.approve")) == 1


async def test_f23_two_editors_with_two_buttons_make_one_approval(office: PressOffice) -> None:
    submitted = await office.submitted()
    one, two = [await button(office, submitted.release.id) for _ in range(2)]
    press = office.office.approvals.press
    results = await asyncio.gather(press(one, EDITOR), press(two, ADMINISTRATOR), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Pressed", "Refused"]
    assert len(await office.rows()) == 2


async def test_f24_an_approval_and_a_change_at_the_same_moment_never_both_stand(office: PressOffice) -> None:
    for _ in range(5):
        submitted = await office.submitted(at=START + timedelta(days=1))
        release_id = submitted.release.id
        change = office.office.drafts.change(release_id, office.people[AUTHOR], topics=("fire",))
        await asyncio.gather(change, office.decide(release_id, Decision.APPROVE), return_exceptions=True)
        standing = await office.office.reading.standing(release_id)
        assert standing.revision is not None
        assert standing.release.state is ReleaseState.DRAFT
        assert standing.revision.approved_hash == ""
        assert {row["state"] for row in await office.rows(release_id)} <= {"cancelled"}


async def test_f25_the_author_and_whoever_submitted_never_approve(office: PressOffice) -> None:
    await office.office.people.set_role(office.people[AUTHOR].id, Role.EDITOR, None)
    submitted = await office.submitted()
    token = await button(office, submitted.release.id)
    assert await refusal(office.office.approvals.press(token, AUTHOR)) == "own_release"
    release_id = await office.draft()
    await office.office.drafts.submit(release_id, office.people[EDITOR])
    assert await refusal(office.decide(release_id, Decision.APPROVE, EDITOR)) == "own_release"
    assert await office.decide(release_id, Decision.APPROVE, ADMINISTRATOR) == 2
    assert [event.data["code"] for event in await office.log("press.refused")] == ["own_release"]
    assert [event.data["code"] for event in await office.log("decision.refused")] == ["own_release"]


async def test_f26_f27_every_refused_press_is_logged_with_its_code(office: PressOffice) -> None:
    submitted = await office.submitted()
    approvals, release_id = office.office.approvals, submitted.release.id
    assert await refusal(approvals.press("forged", EDITOR)) == "forged_button"
    assert await refusal(approvals.press(await button(office, release_id), 999)) == "not_a_member"
    assert await refusal(approvals.press(await button(office, release_id), AUTHOR)) == "not_editor"
    bound = await approvals.buttons(release_id, (Decision.APPROVE,), office.people[ADMINISTRATOR])
    assert await refusal(approvals.press(bound[Decision.APPROVE], EDITOR)) == "not_your_button"
    old = await button(office, release_id)
    office.now += BUTTON_LASTS
    assert await refusal(approvals.press(old, EDITOR)) == "button_expired"
    token = await button(office, release_id)
    await office.office.people.set_role(office.people[EDITOR].id, Role.AUTHOR, None)
    assert await refusal(approvals.press(token, EDITOR)) == "not_editor"
    codes = [event.data["code"] for event in await office.log("press.refused")]
    assert codes == ["forged_button", "not_a_member", "not_editor", "not_your_button", "button_expired", "not_editor"]
    assert await office.rows() == []


async def test_f26_the_button_of_a_case_does_not_approve(office: PressOffice) -> None:
    submitted = await office.submitted()
    await office.office.operations.case_buttons(1)
    token = await button(office, submitted.release.id)
    async with office.database.transaction() as connection:
        await connection.execute(update(nonces).values(purpose="there"))
        await connection.commit()
    assert await refusal(office.office.approvals.press(token, EDITOR)) == "forged_button"


async def test_f24_an_old_button_over_an_older_revision_is_refused(office: PressOffice) -> None:
    submitted = await office.submitted()
    old = await button(office, submitted.release.id)
    await office.office.drafts.change(submitted.release.id, office.people[AUTHOR], versions=(EN,))
    assert await refusal(office.office.approvals.press(old, EDITOR)) == "wrong_state"
    await office.office.drafts.submit(submitted.release.id, office.people[AUTHOR])
    assert await refusal(office.office.approvals.press(old, EDITOR)) == "changed_since"


async def test_a_rejection_wants_a_reason_and_keeps_it(office: PressOffice) -> None:
    submitted = await office.submitted()
    release_id = submitted.release.id
    pressed = await office.office.approvals.press(await button(office, release_id, Decision.REJECT), EDITOR)
    assert not pressed.done
    assert await state(office, release_id) is ReleaseState.SUBMITTED
    assert await refusal(office.decide(release_id, Decision.REJECT, reason="  ")) == "reason_wanted"
    await office.decide(release_id, Decision.REJECT, reason=" names a suspect ")
    standing = await office.office.reading.standing(release_id)
    assert standing.release.state is ReleaseState.REJECTED
    assert [(made["decision"], made["reason"]) for made in standing.decisions] == [("reject", "names a suspect")]
    changed = await office.office.drafts.change(release_id, office.people[AUTHOR], topics=("fire",))
    assert changed.state is ReleaseState.DRAFT


async def test_a_held_release_waits_and_goes_on(office: PressOffice) -> None:
    release_id = await office.approved()
    await office.decide(release_id, Decision.HOLD)
    async with office.database.transaction() as connection:
        later = office.now + timedelta(hours=1)
        await connection.execute(update(deliveries).values(due=later))
        await connection.commit()
    office.wait(minutes=5)
    await office.decide(release_id, Decision.RESUME)
    assert await state(office, release_id) is ReleaseState.DISTRIBUTING
    assert {row["due"] for row in await office.rows()} == {office.now}


async def test_a_release_that_was_held_before_its_approval_goes_back_to_the_desk(office: PressOffice) -> None:
    submitted = await office.submitted()
    await office.decide(submitted.release.id, Decision.HOLD)
    assert await refusal(office.decide(submitted.release.id, Decision.APPROVE)) == "wrong_state"
    await office.decide(submitted.release.id, Decision.RESUME)
    assert await state(office, submitted.release.id) is ReleaseState.SUBMITTED


async def test_a_release_that_was_held_when_all_was_sent_is_distributed_again_at_once(office: PressOffice) -> None:
    # By a channel that cannot be told of a hold: else the notices are still to be sent.
    release_id = await office.approved(channels=("telegram",))
    async with office.database.transaction() as connection:
        await connection.execute(update(deliveries).values(state="sent"))
        await connection.commit()
    await office.decide(release_id, Decision.HOLD)
    await office.decide(release_id, Decision.RESUME)
    assert await state(office, release_id) is ReleaseState.DISTRIBUTED


async def test_a_schedule_and_an_embargo_set_the_time_and_the_later_one_counts(office: PressOffice) -> None:
    at, embargo = START + timedelta(hours=2), START + timedelta(hours=5)
    release_id = await office.approved(at=at, embargo=embargo)
    assert {row["due"] for row in await office.rows(release_id)} == {embargo}
    assert await state(office, release_id) is ReleaseState.APPROVED
    past = await office.approved(at=START - timedelta(hours=2))
    assert {row["due"] for row in await office.rows(past)} == {START}
    assert await state(office, past) is ReleaseState.DISTRIBUTING


async def test_the_earlier_deadline_counts_and_the_channels_own_runs_from_the_schedule(office: PressOffice) -> None:
    office.seat("telegram", deadline=timedelta(hours=3))
    mine = START + timedelta(hours=8)
    release_id = await office.approved(deadline=mine, at=START + timedelta(hours=2))
    found = {row["channel"]: row["deadline"] for row in await office.rows(release_id)}
    assert found == {"website": mine, "telegram": START + timedelta(hours=5)}
    soon = await office.approved()
    assert {row["channel"]: row["deadline"] for row in await office.rows(soon)} == {
        "website": None,
        "telegram": START + timedelta(hours=3),
    }


async def test_subscribers_get_what_they_asked_for_by_region_topic_kind_and_language(office: PressOffice) -> None:
    async def asks(name: str, language: str = "", **facets: list[str]) -> None:
        await office.office.subscriptions.add("press", f"{name}@e.org", None, language=language, facets=facets)

    await asks("all")
    await asks("tbilisi", region=["GE-TB"])
    await asks("kakheti", region=["GE-KA"])
    await asks("fire", topic=["fire"])
    await asks("forest", topic=["fire.forest"])
    await asks("appeals", kind=["appeal"])
    await asks("english", "en", region=["GE-TB"])
    await asks("russian", "ru")
    await asks("left")
    (left,) = [row for row in await office.office.subscriptions.everyone() if row["address"] == "left@e.org"]
    await office.office.subscriptions.unsubscribe(left["token"])
    release_id = await office.approved(KA, EN, topics=("fire.forest",), channels=("press",), kind=Kind.NEWS)
    async with office.database.read() as connection:
        made = dict(await releases.get_renderings(connection, release_id, 1))
    got = {row["address"].partition("@")[0]: made[row["rendering_id"]].language for row in await office.rows()}
    assert got == {"all": "ka", "tbilisi": "ka", "fire": "ka", "forest": "ka", "english": "en", "russian": "ka"}


async def test_who_asked_for_a_city_gets_what_happens_in_its_districts(office: PressOffice) -> None:
    regions = office.office.context.regions
    district = regions.children("GE-TB")[0].code
    await office.office.subscriptions.add("press", "a@e.org", None, facets={"region": ["GE-TB"]})
    await office.office.subscriptions.add("press", "b@e.org", None, facets={"region": [district]})
    await office.approved(regions=(district,), channels=("press",))
    assert {row["address"] for row in await office.rows()} == {"a@e.org", "b@e.org"}
    await office.approved(regions=("GE-TB",), channels=("press",))
    assert [row["address"] for row in await office.rows()] == ["a@e.org", "b@e.org", "a@e.org"]


async def test_an_emergency_has_the_first_place(office: PressOffice) -> None:
    await office.approved(kind=Kind.EMERGENCY)
    await office.approved(kind=Kind.NEWS)
    assert [row["priority"] for row in await office.rows()] == [0, 0, 20, 20]
