"""After publishing, over the real engine and the simulated platforms, with faults: what stands in the end is what was
approved last, or nothing. Fault 39: a withdrawal while the original is queued, sent or unknown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from distributor.adapters.email_notices import notice_words
from distributor.core.approval import Decision
from distributor.core.channel import Action
from distributor.core.release import Kind, LanguageVersion, Notice
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, EDITOR, SUBSCRIBERS
from distributor.office.drafts import Submitted
from tests.faults.conftest import MakeStage
from tests.faults.engine import lane_of, sound, tell
from tests.queue.acts import TEXT, all_in, approve, one, rows, until, write

WRONG, RIGHT = "ორი", "სამი"
FIXED = LanguageVersion("ka", TEXT.title.replace(WRONG, RIGHT), TEXT.lead, TEXT.body.replace(WRONG, RIGHT))
WHAT = Notice(Action.CORRECT, {"ka": "ტურისტი სამი იყო"})
FINAL = ("sent", "cancelled", "rejected", "expired")


async def correct(stage: Stage, release_id: str) -> None:
    """Nino corrects a word, Giorgi approves."""
    office, author = stage.parts.office, stage.people[AUTHOR]
    await office.aftercare.begin_correction(release_id, author)
    await office.drafts.change(release_id, author, versions=(FIXED,), notice=WHAT)
    await second(stage, await office.drafts.submit(release_id, author))


async def withdraw(stage: Stage, release_id: str, *photos: str) -> None:
    """Nino has photos withdrawn, or the whole; Giorgi approves."""
    care, author = stage.parts.office.aftercare, stage.people[AUTHOR]
    if photos:
        await second(stage, await care.withdraw_media(release_id, author, photos, "a victim is seen"))
    else:
        await second(stage, await care.withdraw(release_id, author, "it was wrong", {"ka": "ცნობა მცდარი იყო"}))


async def second(stage: Stage, proposed: Submitted) -> None:
    """Giorgi approves what was proposed."""
    await stage.parts.office.approvals.decide(
        stage.people[EDITOR].id,
        Decision.APPROVE,
        proposed.release.id,
        proposed.release.proposed,
        proposed.content_hash,
    )


async def ended(stage: Stage, release_id: str, revision: int) -> list[dict[str, Any]]:
    """Wait until every delivery of a revision is final; they."""

    def done(found: list[dict[str, Any]]) -> bool:
        mine = [row for row in found if row["revision"] == revision]
        return bool(mine) and all(row["state"] in FINAL for row in found)

    return [row for row in await until(stage, done, release_id, 25) if row["revision"] == revision]


def telegram(stage: Stage) -> list[str]:
    """What the public channel shows now."""
    shown = stage.sandbox.telegram.messages(CHANNEL_CHAT)
    return [f"{message.get('text') or ''}{message.get('caption') or ''}" for message in shown]


def pictures(stage: Stage) -> int:
    """How many pictures the public channel shows now."""
    return sum(len(message.get("media") or []) for message in stage.sandbox.telegram.messages(CHANNEL_CHAT))


async def page(stage: Stage, release_id: str) -> tuple[int, str]:
    """The release's page as anybody reads it: status, text."""
    release = await stage.parts.office.drafts.get(release_id)
    async with (
        aiohttp.ClientSession() as web,
        web.get(f"{stage.parts.office.context.base_url}/releases/{release.slug}") as answer,
    ):
        return answer.status, await answer.text()


@pytest.fixture
async def office(make_stage: MakeStage) -> Stage:
    """With a worker and the website."""
    stage = await make_stage(frozenset({"worker", "web"}))
    for name in stage.parts.channels:
        lane_of(stage, name)
    return stage


async def test_a_word_a_photo_and_the_whole_on_every_channel(office: Stage) -> None:
    release_id = await write(office, photos=2)
    await approve(office, release_id)
    await until(office, all_in("sent"), release_id)
    first = await office.parts.office.drafts.get(release_id)

    await correct(office, release_id)
    found = await ended(office, release_id, 2)
    assert {(row["action"], row["state"]) for row in found} == {("correct", "sent")}
    assert len(found) == 4 + len(SUBSCRIBERS)
    assert any(RIGHT in words for words in telegram(office))
    assert not any(TEXT.title in words for words in telegram(office))
    assert RIGHT in office.sandbox.facebook.page.standing()[0].message
    status, shown = await page(office, release_id)
    assert (status, FIXED.title in shown, "ტურისტი სამი იყო" in shown) == (200, True, True)

    await withdraw(office, release_id, first.draft.media[1].asset.digest)
    found = await ended(office, release_id, 3)
    assert {row["state"] for row in found} == {"sent"}
    assert pictures(office) == 1
    _, shown = await page(office, release_id)
    assert first.draft.media[1].asset.name not in shown

    await withdraw(office, release_id)
    found = await ended(office, release_id, 4)
    assert {(row["action"], row["state"]) for row in found} == {("withdraw", "sent")}
    assert telegram(office) == []
    assert office.sandbox.facebook.page.standing() == []
    assert office.sandbox.x.timeline() == []
    assert (await page(office, release_id))[0] == 410
    for address, _, _ in SUBSCRIBERS:
        assert len(office.sandbox.mail.to(address)) == 4
    await sound(office)


@pytest.mark.parametrize("there", [True, False])
async def test_f39_a_withdrawal_while_the_original_is_a_case(stage: Stage, there: bool) -> None:
    """Nobody knows whether it is there, so the withdrawal goes all the same; the person's word comes later."""
    stage.sandbox.faults.order("telegram", "sendMessage", "reset_after", effect=there)
    release_id = await write(stage, channels=("telegram",))
    await approve(stage, release_id)
    case = one(await until(stage, all_in("case"), release_id), "telegram")
    await withdraw(stage, release_id)
    await until(stage, lambda found: found[-1]["action"] == "withdraw" and found[-1]["state"] in FINAL, release_id)
    await stage.parts.office.operations.resolve(case["id"], there, stage.people[EDITOR])
    found = await until(stage, all_in(*FINAL), release_id)
    assert found[0]["state"] == ("sent" if there else "cancelled")
    # What could not be deleted is said to be wrong; nothing new of the release itself was posted.
    assert sum(TEXT.title in words for words in telegram(stage)) <= int(there) + 1
    await sound(stage)


async def test_f39_a_withdrawal_while_the_original_is_queued_and_the_lane_stands(stage: Stage) -> None:
    operations = stage.parts.office.operations
    await operations.pause("x", None)
    release_id = await write(stage, channels=("x", "newsroom"))
    await approve(stage, release_id)
    await until(stage, lambda found: one(found, "newsroom")["state"] == "sent", release_id)
    await withdraw(stage, release_id)
    await operations.resume("x", None)
    found = await ended(stage, release_id, 2)
    assert [(row["channel"], row["action"], row["state"]) for row in found] == [("newsroom", "withdraw", "sent")]
    assert stage.sandbox.x.timeline() == []
    assert one([row for row in await rows(stage, release_id) if row["revision"] == 1], "x")["code"] == "withdrawn"
    await sound(stage)


async def test_f39_a_withdrawal_overtakes_nothing_that_is_under_way(stage: Stage) -> None:
    """The post is being sent at this moment: it comes to stand there, and then it is deleted."""
    stage.sandbox.faults.order("x", "tweets.create", "latency", seconds=1.5)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    await until(stage, all_in("sending"), release_id)
    await withdraw(stage, release_id)
    await ended(stage, release_id, 2)
    assert stage.sandbox.calls("x", "tweets.create") == 1
    assert stage.sandbox.x.timeline() == []
    await sound(stage)


async def test_a_correction_whose_answers_are_lost_is_repeated_and_changes_nothing_twice(stage: Stage) -> None:
    release_id = await write(stage, channels=("telegram", "facebook"))
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    stage.sandbox.faults.order("telegram", "editMessageText", "reset_after", effect=True)
    stage.sandbox.faults.order("facebook", "object.update", "reset_after", effect=True)
    await correct(stage, release_id)
    found = await ended(stage, release_id, 2)
    assert {row["state"] for row in found} == {"sent"}
    assert len(telegram(stage)) == 1
    assert len(stage.sandbox.facebook.page.standing()) == 1
    await sound(stage)


async def test_a_correction_waits_while_its_release_is_unknown_and_follows_what_is_found(stage: Stage) -> None:
    stage.sandbox.faults.order("x", "tweets.create", "reset_after", effect=True)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    await until(stage, lambda found: found[0]["state"] in {"unknown", "sent"}, release_id)
    await correct(stage, release_id)
    found = await ended(stage, release_id, 2)
    assert [(row["action"], row["state"]) for row in found] == [("correct", "sent")]
    words = [post["text"] for post in stage.sandbox.x.timeline()]
    assert sum(TEXT.title in text for text in words) == 1
    assert any(RIGHT in text for text in words)
    await sound(stage)


async def test_a_chat_that_subscribed_is_told_of_everything_that_follows(make_stage: MakeStage) -> None:
    stage = await make_stage(changed={"channels.telegram.chat": "", "channels.telegram.staging_chat": ""})
    await stage.parts.office.subscriptions.add("telegram", str(AUTHOR), None, label="A radio station")
    before = len(stage.sandbox.telegram.messages(AUTHOR))

    def chat() -> list[str]:
        return [str(message.get("text") or "") for message in stage.sandbox.telegram.messages(AUTHOR)[before:]]

    release_id = await write(stage, channels=("telegram",))
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    await _decide(stage, release_id, Decision.HOLD)
    await ended(stage, release_id, 2)
    await _decide(stage, release_id, Decision.RESUME)
    await ended(stage, release_id, 3)
    assert [WRONG in chat()[0], *(words[:1] for words in chat()[1:])] == [True, "⏸", "▶"]
    await correct(stage, release_id)
    await ended(stage, release_id, 4)
    assert RIGHT in chat()[0]
    assert chat()[-1].startswith("✏️")
    await withdraw(stage, release_id)
    await ended(stage, release_id, 5)
    assert not any(RIGHT in words for words in chat()[:-1])
    assert chat()[-1].startswith("⛔")
    await sound(stage)


async def test_what_is_on_hold_does_not_leave_and_those_who_have_it_are_told(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    release_id = await write(stage, channels=("x", "press"))
    await approve(stage, release_id)
    await until(stage, lambda found: sum(row["state"] == "sent" for row in found) == len(SUBSCRIBERS), release_id)
    await _decide(stage, release_id, Decision.HOLD)
    await stage.parts.office.operations.resume("x", None)
    await until(stage, lambda found: sum(row["action"] == "hold" and row["state"] == "sent" for row in found) == 3)
    await asyncio.sleep(0.5)
    assert stage.sandbox.x.timeline() == []
    await _decide(stage, release_id, Decision.RESUME)
    found = await until(stage, all_in("sent"), release_id)
    assert len(stage.sandbox.x.timeline()) == 1
    assert sum(row["action"] == "lift" for row in found) == len(SUBSCRIBERS)
    await sound(stage)


async def _decide(stage: Stage, release_id: str, decision: Decision) -> None:
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.revision is not None
    number, seen = standing.release.revision, standing.revision.content_hash
    await stage.parts.office.approvals.decide(stage.people[EDITOR].id, decision, release_id, number, seen)


async def test_a_correction_does_not_bring_an_appeal_out_after_its_time(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    deadline = stage.parts.clock() + timedelta(seconds=4)
    release_id = await write(stage, channels=("x", "newsroom"), kind=Kind.APPEAL, deadline=deadline)
    await approve(stage, release_id)
    await until(stage, lambda found: one(found, "newsroom")["state"] == "sent", release_id)
    await tell(stage, "UPDATE deliveries SET state = 'sending', lease_until = 9000000000000000 WHERE channel = 'x'")
    await correct(stage, release_id)
    # What was under way came to nothing: the platform refused it for now, and then its approval was void.
    await tell(stage, "UPDATE deliveries SET state = 'cancelled' WHERE channel = 'x' AND revision = 1")
    await asyncio.sleep(max((deadline - stage.parts.clock()).total_seconds(), 0) + 0.1)
    await stage.parts.office.operations.resume("x", None)
    found = {row["channel"]: row for row in await ended(stage, release_id, 2)}
    assert (found["x"]["action"], found["x"]["state"], found["x"]["code"]) == ("correct", "rejected", "deadline")
    assert found["newsroom"]["state"] == "sent"
    assert stage.sandbox.x.timeline() == []


async def test_a_hold_reaches_those_who_may_have_it_while_their_mail_waits(stage: Stage) -> None:
    await stage.parts.office.operations.pause("press", None)
    release_id = await write(stage, channels=("press",))
    await approve(stage, release_id)
    await tell(stage, "UPDATE deliveries SET state = 'waiting', uncertain = true, due = 9000000000000000")
    await _decide(stage, release_id, Decision.HOLD)
    await stage.parts.office.operations.resume("press", None)
    await until(stage, lambda found: sum(row["action"] == "hold" and row["state"] == "sent" for row in found) == 3)


async def test_who_heard_of_a_hold_hears_of_the_withdrawal_though_the_release_never_came(stage: Stage) -> None:
    await stage.parts.office.operations.pause("press", None)
    release_id = await write(stage, channels=("press",))
    await approve(stage, release_id)
    await tell(stage, "UPDATE deliveries SET state = 'case', uncertain = true")
    await _decide(stage, release_id, Decision.HOLD)
    await stage.parts.office.operations.resume("press", None)
    await until(stage, lambda found: sum(row["action"] == "hold" and row["state"] == "sent" for row in found) == 3)
    # A person looked: it is not there. It waits for the end of the hold, and goes with the withdrawal.
    await tell(stage, "UPDATE deliveries SET state = 'waiting', uncertain = false WHERE action = 'publish'")
    await withdraw(stage, release_id)
    found = await ended(stage, release_id, 3)
    assert {row["state"] for row in found} == {"sent"}
    assert len(found) == len(SUBSCRIBERS)
    first = notice_words("ka").first
    bodies = [mail.message.get_body(("plain",)) for mail in stage.sandbox.mail.messages[len(SUBSCRIBERS) :]]
    assert all(body is not None and first not in body.get_content() for body in bodies)
    subjects = [str(mail.message["Subject"]) for mail in stage.sandbox.mail.messages]
    assert sum("გამოთხოვილია" in subject for subject in subjects) == len(SUBSCRIBERS)
    assert len(subjects) == 2 * len(SUBSCRIBERS), "the hold and its end, and never the release"


async def test_a_correction_of_what_nobody_has_yet_simply_goes_in_its_place(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    release_id = await write(stage, channels=("x", "newsroom"))
    await approve(stage, release_id)
    await until(stage, lambda found: one(found, "newsroom")["state"] == "sent", release_id)
    await correct(stage, release_id)
    await stage.parts.office.operations.resume("x", None)
    found = await ended(stage, release_id, 2)
    assert {(row["channel"], row["action"], row["state"]) for row in found} == {
        ("x", "publish", "sent"),
        ("newsroom", "correct", "sent"),
    }
    assert [RIGHT in post["text"] for post in stage.sandbox.x.timeline()] == [True]
    await sound(stage)


def test_the_corrected_text_differs() -> None:
    assert replace(FIXED, title=TEXT.title, body=TEXT.body) == TEXT
