"""Withdrawals and holds in Telegram, before the sandbox: every message is deleted, or says that it was withdrawn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from telegram import Bot

from distributor.core.channel import Action, Destination
from distributor.core.outcome import (
    Absent,
    CannotTell,
    Deferred,
    Rejected,
    Scope,
    Sent,
    Unknown,
    nothing_stood,
)
from distributor.sandbox.telegram import DESK_TOKEN, WITNESS_TOKEN
from tests.adapters.telegram_after import DAYS, Clock, calls, numbers, pictures, published, sent, shown
from tests.adapters.telegram_stage import CHANNEL, GROUP, READER, Stage

LABEL = "⛔ გამოთხოვილია: ინფორმაცია არ დადასტურდა"
WORDS = "ინფორმაცია არ დადასტურდა"
LONG = "\n\n".join(f"სართული {number}: მაშველებმა შენობა **სრულად** დაათვალიერეს." for number in range(60))
Open = Callable[..., Awaitable[Stage]]


# ---- withdrawal ----


async def test_every_message_is_deleted(stage: Stage) -> None:
    release = await published(stage, body=LONG, photo_count=2)
    assert len(release.ids) >= 3
    receipt = sent(await release.withdraw(WORDS))
    assert stage.posts == []
    assert receipt.remote_ids == receipt.links == ()
    assert receipt.detail["done"].split("; ") == [f"{number}: deleted" for number in release.ids]
    assert set(calls(stage)[-len(release.ids) :]) == {"deleteMessage"}


async def test_what_telegram_deletes_no_more_is_replaced_by_a_notice(stage: Stage, clock: Clock) -> None:
    release = await published(stage, body=LONG, photo_count=2, videos=1)
    before = pictures(stage)
    clock.ahead = DAYS
    receipt = sent(await release.withdraw(WORDS))
    assert numbers(stage) == release.ids
    assert [shown(post) for post in stage.posts] == [LABEL, "", "", *[LABEL] * (len(release.ids) - 3)]
    assert not set(pictures(stage)[:3]) & set(before)
    assert len(set(pictures(stage)[:3])) == 1
    assert release.revision.title not in "".join(map(shown, stage.posts)), "the title may be what was wrong"
    assert receipt.remote_ids == tuple(map(str, release.ids))
    assert all(f"{number}: replaced by a notice" in receipt.detail["done"] for number in release.ids)


async def test_an_empty_picture_is_uploaded_once(stage: Stage, clock: Clock) -> None:
    release = await published(stage, photo_count=3)
    clock.ahead = DAYS
    files = len(stage.sandbox.files.stored)
    sent(await release.withdraw(WORDS))
    assert len(stage.sandbox.files.stored) == files + 1


async def test_without_words_of_the_office_it_says_what_to_do(stage: Stage, clock: Clock) -> None:
    release = await published(stage)
    clock.ahead = DAYS
    sent(await release.withdraw())
    assert shown(stage.posts[0]).startswith("⛔ გამოთხოვილია: გთხოვთ, ნუ გამოიყენებთ ამ მასალას")


async def test_what_somebody_deleted_before_is_withdrawn(stage: Stage) -> None:
    release = await published(stage, photo_count=2)
    async with Bot(DESK_TOKEN, base_url=f"{stage.sandbox.telegram.api_url}/bot") as bot:
        await bot.delete_message(CHANNEL, release.ids[0])
    receipt = sent(await release.withdraw())
    assert stage.posts == []
    assert receipt.detail["done"].startswith(f"{release.ids[0]}: was deleted by somebody before")


async def test_where_nothing_stands_nothing_is_done(stage: Stage) -> None:
    release = await published(stage)
    receipt = sent(await release.withdraw(before=None))
    assert receipt == nothing_stood().receipt
    assert len(calls(stage)) == 1


@pytest.mark.parametrize("action", [Action.CORRECT, Action.WITHDRAW])
async def test_a_rendering_that_was_made_for_something_else_is_refused_in_words(stage: Stage, action: Action) -> None:
    release = await published(stage)
    job = stage.desk.job(stage.channel, release.before.rendering, action=action, delivery_id=2, before=release.before)
    outcome = await stage.channel.publish(job, release.progress)
    assert isinstance(outcome, Rejected)
    assert "no words for this action" in outcome.reason
    assert isinstance(await release.look(job), Absent)
    assert len(stage.posts) == 1


async def test_messages_whose_numbers_nobody_knows_are_answered_by_a_notice_that_names_the_release(
    stage: Stage,
) -> None:
    release = await published(stage, body=LONG, photo_count=1)
    kept = {"part:0": {"ids": release.ids[:1], "links": []}}
    before = replace(release.before, receipt=None, progress=kept, doubt=True)
    receipt = sent(await release.withdraw(WORDS, before=before))
    assert release.ids[0] not in numbers(stage)
    notice = stage.posts[-1]
    assert shown(notice).startswith(f"{LABEL}\n\n{release.revision.title}")
    assert receipt.remote_ids == (str(notice["message_id"]),)
    assert receipt.detail["done"] == f"{release.ids[0]}: deleted; {notice['message_id']}: notice posted"


async def test_what_may_stand_besides_is_answered_by_a_notice(stage: Stage) -> None:
    release = await published(stage)
    sent(await release.withdraw(WORDS, before=replace(release.before, doubt=True)))
    (notice,) = stage.posts
    assert shown(notice).startswith(LABEL)


async def test_what_a_correction_left_is_withdrawn_whole(stage: Stage) -> None:
    release = await published(stage, photo_count=2)
    stage.order("editMessageCaption", "telegram_error", description="Bad Request: message can't be edited")
    second = await release.corrected(replace(await release.with_photos(4)))
    assert len(stage.posts) == 5  # two, two that were added, and the labelled correction
    sent(await second.withdraw(WORDS))
    assert stage.posts == []


async def test_what_can_neither_be_deleted_nor_changed_is_never_called_sent(stage: Stage) -> None:
    release = await published(stage, photo_count=2)
    for method, words in (("deleteMessage", "can't be deleted"), ("editMessageMedia", "can't be edited")):
        stage.order(method, "telegram_error", times=None, description=f"Bad Request: message {words}")
    outcome = await release.withdraw(WORDS)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "still_visible"
    assert all(f"https://t.me/mia_sandbox/{number}" in outcome.reason for number in release.ids)
    assert shown(stage.posts[-1]).startswith(LABEL), "readers are told at least"
    stage.sandbox.faults.clear()
    sent(await release.withdraw(WORDS))  # a person sent it again
    assert not set(release.ids) & set(numbers(stage))


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "html"])
async def test_a_deletion_whose_answer_is_lost_is_made_again(stage: Stage, fault: str) -> None:
    release = await published(stage, photo_count=3)
    stage.order("deleteMessage", fault, after=1, **({"effect": True} if fault != "reset_before" else {}))
    outcome = await release.withdraw()
    assert isinstance(outcome, Deferred)
    job = await release.job(release.revision, Action.WITHDRAW)
    assert isinstance(await release.look(job), Absent)
    before = len(calls(stage))
    sent(await release.withdraw())
    assert stage.posts == []
    assert len(calls(stage)) == before + 2, "the first was kept"


async def test_f07_throttling_in_the_middle_waits_and_goes_on(stage: Stage) -> None:
    release = await published(stage, photo_count=3)
    stage.order("deleteMessage", "429", retry_after=9, after=1)
    outcome = await release.withdraw()
    assert isinstance(outcome, Deferred)
    assert (outcome.throttled, outcome.retry_after, outcome.scope) == (True, 9.0, Scope.LANE)
    sent(await release.withdraw())
    assert calls(stage).count("deleteMessage") == 4


async def test_a_lost_answer_to_the_notice_is_unknown_and_the_witness_finds_it(opened: Open) -> None:
    stage = await opened(witness_token=WITNESS_TOKEN)
    release = await published(stage)
    before = replace(release.before, doubt=True)
    stage.order("sendMessage", "reset_after")
    outcome = await release.withdraw(WORDS, before=before)
    assert isinstance(outcome, Unknown)
    assert outcome.step == "part:1"
    job = await release.job(replace(release.revision, number=9), Action.WITHDRAW, WORDS, before=before)
    found = await release.look(job)
    assert isinstance(found, Sent)
    assert found.receipt.remote_ids == tuple(map(str, numbers(stage)))


async def test_without_a_witness_a_person_is_asked_for_the_notice(stage: Stage) -> None:
    release = await published(stage)
    before = replace(release.before, doubt=True)
    stage.order("sendMessage", "reset_after")
    assert isinstance(await release.withdraw(WORDS, before=before), Unknown)
    job = await release.job(replace(release.revision, number=9), Action.WITHDRAW, WORDS, before=before)
    assert isinstance(await release.look(job), CannotTell)
    gone = await stage.channel.reconcile(replace(job, before=None), release.progress)
    assert isinstance(gone, Absent)


async def test_f11_what_stands_in_a_group_that_moved_is_told_and_named(stage: Stage) -> None:
    group = Destination(7, "public", str(GROUP), token="token")
    release = await published(stage, group)
    moved = stage.sandbox.telegram.migrate(GROUP)
    outcome = await release.withdraw(WORDS)
    assert isinstance(outcome, Deferred)
    assert outcome.address == str(moved)
    left = await release.withdraw(WORDS, destination=replace(group, address=str(moved)))
    assert isinstance(left, Rejected)
    assert left.code == "still_visible"
    assert shown(stage.sandbox.telegram.messages(moved)[-1]).startswith(LABEL)
    again = await release.withdraw(WORDS, destination=replace(group, address=str(moved)))
    assert isinstance(again, Rejected), "a repeat does not make it true"


async def test_a_subscriber_who_may_have_used_it_is_told_that_it_is_gone(opened: Open) -> None:
    bulk = await opened(chat="")
    release = await published(bulk, Destination(7, "public", str(READER), token="token"), photo_count=2)
    corrected = await release.corrected(release.changed(body="სხვა"))
    receipt = sent(await corrected.withdraw(WORDS))
    (notice,) = bulk.sandbox.telegram.messages(READER)
    assert shown(notice).startswith(f"{LABEL}\n\n{release.revision.title}")
    assert receipt.remote_ids == (str(notice["message_id"]),)
    again = await corrected.withdraw(WORDS)
    assert len(bulk.sandbox.telegram.messages(READER)) == 1, again


# ---- hold and lift ----


@pytest.mark.parametrize("action", [Action.HOLD, Action.LIFT, Action.WITHDRAW])
async def test_a_subscriber_who_never_had_it_is_told_nothing(opened: Open, action: Action) -> None:
    bulk = await opened(chat="")
    release = await published(bulk, Destination(7, "public", str(READER), token="token"))
    job = await release.job(replace(release.revision, number=2), action, before=None)
    assert await bulk.channel.publish(job, release.progress.revived()) == nothing_stood()
    assert isinstance(await release.look(job), Absent)
    assert numbers(bulk, READER) == release.ids


async def test_a_hold_is_told_to_subscribers_and_not_in_a_public_channel(opened: Open) -> None:
    public, bulk = await opened(), await opened(chat="")
    assert Action.HOLD not in public.channel.traits.actions
    assert {Action.HOLD, Action.LIFT, Action.CORRECT, Action.WITHDRAW} < bulk.channel.traits.actions
    release = await published(bulk, Destination(7, "public", str(READER), token="token"))
    for action, label in ((Action.HOLD, "⏸ შეჩერებულია"), (Action.LIFT, "▶️ შეჩერება მოხსნილია")):
        job = await release.job(replace(release.revision, number=2), action)
        receipt = sent(await bulk.channel.publish(job, release.progress.revived()))
        told = bulk.sandbox.telegram.messages(READER)[-1]
        assert shown(told).startswith(label)
        assert release.revision.title in shown(told)
        assert told["reply_to_message"]["message_id"] == release.ids[0]
        assert receipt.remote_ids == (str(told["message_id"]),)


async def test_a_lost_answer_to_a_hold_is_unknown(opened: Open) -> None:
    stage = await opened(chat="")
    release = await published(stage, Destination(7, "public", str(READER), token="token"))
    stage.order("sendMessage", "reset_after")
    job = await release.job(replace(release.revision, number=2), Action.HOLD)
    outcome = await stage.channel.publish(job, release.progress)
    assert isinstance(outcome, Unknown)
    assert outcome.step == "publish"
    assert isinstance(await stage.channel.reconcile(job, release.progress), CannotTell)
