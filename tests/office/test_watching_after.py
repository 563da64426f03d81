"""The watch after publishing: which words may stand there is what was approved and sent last, and nothing older."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from telegram import Bot

from distributor.core.approval import Decision
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, EDITOR
from distributor.sandbox import Sandbox
from distributor.sandbox.telegram import DESK_TOKEN, WITNESS_TOKEN
from distributor.storage.alarms import Alarm
from tests.faults.engine import working
from tests.office.test_watching import CHANNELS, EACH, Office, Time
from tests.queue.acts import TEXT, all_in, until

OLD, NEW = TEXT.body, "გუშინ დილით ორი ტურისტი იპოვეს."
HOUR = timedelta(hours=1)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Three channels that can be read back; the platforms live in the same time as the office."""
    changes = {"channels.telegram.witness_token": WITNESS_TOKEN}
    time = Time()
    stage = Stage(tmp_path / "stage", roles=frozenset(), changes=changes, clock=time)
    await stage.start()
    stage.sandbox.record.clock = lambda: time().timestamp()
    yield Office(stage, time)
    await stage.stop()


async def propose(office: Office, release: str, decision: Decision = Decision.APPROVE, title: str = TEXT.title) -> None:
    """Other words for the body, an hour later, and what the editor says of them."""
    office.time.ahead += HOUR
    parts, people = office.stage.parts.office, office.stage.people
    await parts.aftercare.begin_correction(release, people[AUTHOR])
    await parts.drafts.change(release, people[AUTHOR], versions=(replace(TEXT, title=title, body=NEW),))
    made = await parts.drafts.submit(release, people[AUTHOR])
    number, seen = made.release.decided_over, made.content_hash
    await parts.approvals.decide(people[EDITOR].id, decision, release, number, seen, reason="no")


async def propose_withdrawal(office: Office, release: str) -> None:
    """Everything is to go, an hour later."""
    office.time.ahead += HOUR
    parts, people = office.stage.parts.office, office.stage.people
    made = await parts.aftercare.withdraw(release, people[AUTHOR], "wrong")
    number, seen = made.release.decided_over, made.content_hash
    await parts.approvals.decide(people[EDITOR].id, Decision.APPROVE, release, number, seen)


async def bring(office: Office, release: str) -> None:
    """What was approved goes out."""
    async with working(office.stage):
        await until(office.stage, all_in("sent"), release)


def kinds(alarms: list[Alarm]) -> list[str]:
    """What the alarms are about."""
    return [alarm.kind for alarm in alarms]


def words_at(box: Sandbox, channel: str) -> str:
    """What the only post of a channel says."""
    if channel == "x":
        return box.x.posts.standing()[0].written
    if channel == "facebook":
        return box.facebook.page.standing()[0].message
    return str(box.telegram.messages(CHANNEL_CHAT)[0]["text"])


async def test_the_words_of_a_correction_that_was_rejected_are_not_ours(office: Office) -> None:
    release = await office.publish("facebook")
    await propose(office, release, Decision.REJECT)
    page = office.stage.sandbox.facebook.page
    (post,) = page.standing()
    page.update(post.id, {"message": post.message.replace(OLD, NEW)})
    assert kinds(await office.look("facebook")) == ["changed"]
    page.add_post({"message": post.message + " "})
    assert kinds(await office.look("facebook")) == ["changed", "foreign"]


async def test_what_was_corrected_must_not_come_back(office: Office) -> None:
    release = await office.publish("facebook")
    page = office.stage.sandbox.facebook.page
    (post,) = page.standing()
    before = post.message
    await propose(office, release)
    await bring(office, release)
    assert post.message != before
    assert await office.look("facebook") == []
    page.update(post.id, {"message": before})
    (alarm,) = await office.look("facebook")
    assert (alarm.kind, alarm.params["release"]) == ("changed", release)


async def test_what_was_read_just_before_a_correction_came_is_no_finding(office: Office) -> None:
    """The platform was asked a moment before the edit, and the database a moment after its outcome."""
    release = await office.publish("facebook")
    page = office.stage.sandbox.facebook.page
    (post,) = page.standing()
    before = post.message
    await propose(office, release)
    await bring(office, release)
    post.message = before
    assert await office.stage.parts.office.watching.look_at("facebook") == []


async def test_what_was_corrected_in_telegram_must_not_come_back(office: Office) -> None:
    release = await office.publish("telegram")
    (post,) = office.stage.sandbox.telegram.messages(CHANNEL_CHAT)
    before = post["text"]
    await propose(office, release)
    await bring(office, release)
    assert await office.look("telegram") == []
    office.time.ahead += HOUR
    async with Bot(DESK_TOKEN, base_url=f"{office.stage.sandbox.telegram.api_url}/bot") as thief:
        await thief.edit_message_text(before, CHANNEL_CHAT, post["message_id"])
    assert kinds(await office.look("telegram")) == ["changed"]


async def test_a_message_that_telegram_did_not_let_us_edit_may_keep_its_words(office: Office) -> None:
    release = await office.publish("telegram")
    box = office.stage.sandbox
    (post,) = box.telegram.messages(CHANNEL_CHAT)
    before = post["text"]
    refusal = "Bad Request: message can't be edited"
    box.faults.order("telegram", "editMessageText", "telegram_error", description=refusal)
    await propose(office, release)
    await bring(office, release)
    assert len(box.telegram.messages(CHANNEL_CHAT)) == 2, "a labelled correction beside it"
    office.time.ahead += HOUR
    async with Bot(DESK_TOKEN, base_url=f"{box.telegram.api_url}/bot") as bot:
        await bot.edit_message_text(before + "!", CHANNEL_CHAT, post["message_id"])
        assert kinds(await office.look("telegram")) == ["changed"]
        office.time.ahead += HOUR
        await bot.edit_message_text(before, CHANNEL_CHAT, post["message_id"])
        assert len(await office.look("telegram")) == 1, "its words are right again"


async def test_on_x_the_old_post_keeps_its_words_beside_the_correction_and_has_no_other(office: Office) -> None:
    release = await office.publish("x")
    (post,) = office.stage.sandbox.x.posts.standing()
    before = post.shown
    await propose(office, release, title="მაშველებმა სამი ტურისტი იპოვეს")
    await bring(office, release)
    assert len(office.stage.sandbox.x.posts.standing()) == 2
    assert await office.look("x") == []
    post.shown = "Send money to this address"
    assert kinds(await office.look("x")) == ["changed"]
    post.shown = before
    assert len(await office.look("x")) == 1


@EACH
async def test_withdrawn_words_that_somebody_posts_again_are_asked_about(office: Office, channel: str) -> None:
    release = await office.publish(channel)
    words = words_at(office.stage.sandbox, channel)
    await propose_withdrawal(office, release)
    await bring(office, release)
    assert await office.look(channel) == [], "the witness of Telegram is told of no deletion"
    office.time.ahead += HOUR
    await office.post_as_somebody_else(channel, words)
    (alarm,) = await office.look(channel)
    assert (alarm.kind, alarm.params["title"]) == ("returned", TEXT.title)
    assert len(await office.look(channel)) == 1, "once"


@pytest.mark.parametrize("channel", ["x", "facebook"])
async def test_a_withdrawn_post_that_stands_again_is_asked_about(office: Office, channel: str) -> None:
    release = await office.publish(channel)
    box = office.stage.sandbox
    post = box.x.posts.standing()[0] if channel == "x" else box.facebook.page.standing()[0]
    await propose_withdrawal(office, release)
    await bring(office, release)
    post.deleted = False
    (alarm,) = await office.look(channel)
    assert (alarm.kind, alarm.params["release"]) == ("returned", release)


@pytest.mark.parametrize("happened", [True, False])
async def test_between_an_edit_and_its_outcome_both_words_are_right(office: Office, happened: bool) -> None:
    release = await office.publish("facebook")
    office.stage.sandbox.faults.order(
        "facebook", "object.update", "reset_after" if happened else "reset_before", times=None
    )
    await propose(office, release)
    async with working(office.stage):
        await until(
            office.stage, lambda found: any(row["tries"] for row in found if row["action"] == "correct"), release
        )
    assert (NEW in office.stage.sandbox.facebook.page.standing()[0].message) is happened
    assert await office.look("facebook") == []


async def test_a_withdrawal_that_nobody_began_changes_nothing(office: Office) -> None:
    release = await office.publish(*CHANNELS)
    await propose_withdrawal(office, release)
    assert await office.look(*CHANNELS) == []


@pytest.mark.parametrize("photos", [0, 2])
async def test_an_emptied_post_is_a_changed_one(office: Office, photos: int) -> None:
    await office.publish("facebook", photos=photos)
    page = office.stage.sandbox.facebook.page
    page.update(page.standing()[0].id, {"message": ""})
    assert kinds(await office.look("facebook")) == ["changed"]


@pytest.mark.parametrize("photos", [0, 2])
async def test_our_own_correction_and_withdrawal_raise_nothing(office: Office, photos: int) -> None:
    release = await office.publish(*CHANNELS, photos=photos)
    await propose(office, release)
    await bring(office, release)
    assert await office.look(*CHANNELS) == []
    await propose_withdrawal(office, release)
    await bring(office, release)
    assert await office.look(*CHANNELS) == []
    office.time.ahead += 2 * HOUR
    assert await office.look(*CHANNELS) == []
