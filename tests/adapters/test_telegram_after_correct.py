"""Corrections in Telegram, before the sandbox: every message of a release is edited, and where that cannot be, told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from telegram import Bot

from distributor.core.channel import Action, Destination
from distributor.core.outcome import Absent, CannotTell, Deferred, Receipt, Rejected, Scope, Sent, Unknown
from distributor.sandbox.telegram import DESK_TOKEN, WITNESS_TOKEN
from tests.adapters.telegram_after import DAYS, Clock, Kept, calls, numbers, of, pictures, published, sent, shown
from tests.adapters.telegram_stage import CHANNEL, GROUP, READER, STAGING, Stage

LABEL = "✏️ შესწორებულია: დაზუსტდა დაშავებულთა რიცხვი"
LONG = "\n\n".join(f"სართული {number}: მაშველებმა შენობა **სრულად** დაათვალიერეს." for number in range(60))
LONGER = "\n\n".join(f"სართული {number}: მაშველებმა შენობა **სრულად** დაათვალიერეს." for number in range(140))
Open = Callable[..., Awaitable[Stage]]


# ---- the same shape ----


async def test_a_text_is_edited_in_its_place_and_labelled(stage: Stage) -> None:
    release = await published(stage)
    receipt = sent(await release.correct(release.changed(body="დაშავებული **არავინაა**.")))
    (post,) = stage.posts
    assert shown(post).startswith(f"{LABEL}\n\n{release.revision.title}")
    assert "დაშავებული არავინაა." in shown(post)
    assert post["edit_date"]
    assert post["link_preview_options"] == {"is_disabled": True}
    assert receipt.remote_ids == release.before.receipt.remote_ids  # type: ignore[union-attr]  # it was sent
    assert receipt.links == (f"https://t.me/mia_sandbox/{post['message_id']}",)
    assert receipt.detail["done"] == f"{post['message_id']}: edited"
    assert calls(stage)[1:] == ["editMessageText"]


async def test_without_words_the_label_says_what_it_is(stage: Stage) -> None:
    release = await published(stage)
    sent(await release.correct(release.changed(title="სხვა სათაური"), words=""))
    assert shown(stage.posts[0]).startswith("✏️ შესწორებულია: ეს ცვლის ადრე გამოქვეყნებულს\n\nსხვა სათაური")


async def test_of_an_album_only_the_caption_is_edited(stage: Stage) -> None:
    release = await published(stage, photo_count=3)
    before = pictures(stage)
    receipt = sent(await release.correct(release.changed(title="სხვა სათაური")))
    assert calls(stage)[1:] == ["editMessageCaption"]
    assert pictures(stage) == before
    assert [shown(post).startswith(LABEL) for post in stage.posts] == [True, False, False]
    assert receipt.remote_ids == tuple(map(str, release.ids))
    assert len(receipt.links) == 1


async def test_every_message_of_a_long_text_is_edited_and_the_same_ones_are_left(stage: Stage) -> None:
    release = await published(stage, body=LONGER, photo_count=1)
    count = len(stage.posts)
    assert count >= 3
    body = LONGER.replace("სართული 0:", "სართული ნული:")
    sent(await release.correct(release.changed(body=body)))
    assert numbers(stage) == release.ids
    assert calls(stage)[count] == "editMessageCaption"
    assert set(calls(stage)[count + 1 :]) == {"editMessageText"}
    assert "ნული" in shown(stage.posts[1])
    told = await release.job(release.changed(body=body), Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი")
    assert [shown(post) for post in stage.posts] == [part.text for part in told.rendering.parts[:count]]


async def test_a_second_correction_touches_what_it_changes_alone(stage: Stage) -> None:
    first = await published(stage, photo_count=2)
    second = await first.corrected(first.changed(title="მეორე"))
    third = second.changed(title="მეორე", photos=[1, 0])
    before = pictures(stage)
    sent(await second.correct(third, words="დაზუსტდა"))
    assert pictures(stage) == before[::-1]
    assert calls(stage)[2:] == ["editMessageMedia", "editMessageMedia"]
    assert numbers(stage) == first.ids


async def test_where_nothing_stands_a_correction_publishes_the_new_version(stage: Stage) -> None:
    release = await published(stage)
    other = Destination(2, "public", str(READER), token="token")
    outcome = await release.correct(release.changed(body="ახალი"), before=None, destination=other)
    (post,) = stage.sandbox.telegram.messages(READER)
    assert sent(outcome).remote_ids == (str(post["message_id"]),)
    assert shown(post).startswith(LABEL)


# ---- media ----


async def test_a_photo_between_two_others_goes(stage: Stage) -> None:
    release = await published(stage, photo_count=3)
    before = pictures(stage)
    sent(await release.correct(release.changed(photos=[0, 2])))
    assert pictures(stage) == [before[0], before[2]]
    assert numbers(stage) == [release.ids[0], release.ids[2]]
    assert calls(stage)[1:] == ["deleteMessage", "editMessageCaption"]


@pytest.mark.parametrize("staging", ["", STAGING])
async def test_a_new_photo_takes_the_place_of_an_old_one_by_upload_or_file_id(opened: Open, staging: str) -> None:
    stage = await opened(staging_chat=staging)
    release = await published(stage, photo_count=3, photos=[0, 1])
    new = await release.with_photos(3)
    new = replace(new, media=(new.media[0], new.media[2]))
    job = await release.job(new, Action.CORRECT)
    stage = await opened(staging_chat=staging)  # another process: no file id in memory
    assert await stage.channel.prepare(job, release.progress) is None
    assert len(stage.sandbox.telegram.messages(STAGING)) == (1 if staging else 0), "the other one stands already"
    files = len(stage.sandbox.files.stored)
    receipt = sent(await stage.channel.publish(job, release.progress))
    assert len(stage.sandbox.files.stored) == files + (0 if staging else 1)
    assert pictures(stage) == of(job.rendering)
    assert numbers(stage) == release.ids
    assert receipt.remote_ids == tuple(map(str, release.ids))


async def test_the_first_photo_goes_and_the_caption_moves(stage: Stage) -> None:
    release = await published(stage, photo_count=3)
    receipt = sent(await release.correct(release.changed(photos=[1, 2])))
    assert numbers(stage) == release.ids[1:]
    assert [bool(shown(post)) for post in stage.posts] == [True, False]
    assert calls(stage)[1:] == ["deleteMessage", "editMessageCaption"]
    assert receipt.remote_ids == tuple(map(str, release.ids[1:]))
    assert receipt.links == (f"https://t.me/mia_sandbox/{release.ids[1]}",)


async def test_a_photo_older_than_two_days_is_covered(stage: Stage, clock: Clock) -> None:
    release = await published(stage, photo_count=3)
    before = pictures(stage)
    clock.ahead = DAYS
    receipt = sent(await release.correct(release.changed(photos=[0, 2])))
    after = pictures(stage)
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] not in before
    assert [bool(shown(post)) for post in stage.posts] == [True, False, False]
    assert receipt.remote_ids == tuple(map(str, release.ids))
    assert f"{release.ids[1]}: replaced by a notice" in receipt.detail["done"]


async def test_a_covered_photo_is_left_alone_by_the_next_correction(stage: Stage, clock: Clock) -> None:
    release = await published(stage, photo_count=2)
    clock.ahead = DAYS
    second = await release.corrected(release.changed(photos=[0]))
    done = len(calls(stage))
    covered = pictures(stage)
    receipt = sent(await second.correct(second.changed(title="მესამე")))
    assert calls(stage)[done:] == ["editMessageCaption"]
    assert pictures(stage) == covered
    assert len(receipt.remote_ids) == 2


@pytest.mark.parametrize("killed", [True, False])
async def test_a_correction_that_ended_half_way_is_not_taken_for_one_that_never_began(
    stage: Stage, killed: bool
) -> None:
    """The edit took place, its answer was lost, and the correction was cancelled for one that says what the first
    version said: the message is edited again, though by all that was sent it never changed."""
    release = await published(stage)
    second = release.changed(title="მეორე")
    stage.order("editMessageText", "reset_after", effect=True)
    job = await release.job(second, Action.CORRECT)
    outcome = await stage.channel.publish(job, release.progress)
    assert isinstance(outcome, Deferred)
    if killed:
        release.progress = Kept()
        assert isinstance(await release.look(job), Absent)
        release.progress = Kept()
        assert isinstance(await stage.channel.reconcile(job, release.progress), Absent)
    kept = release.progress.committed
    told = replace(release.before, rendering=job.rendering, receipt=None, progress=kept)
    before = told if "stands" in kept else release.before  # as the database gives it
    back = replace(second, number=3, versions=release.revision.versions)
    same = replace(job.rendering, parts=(release.before.rendering.parts[0], *job.rendering.parts[1:]))
    job = replace(await release.job(back, Action.CORRECT, before=before), rendering=same)
    sent(await stage.channel.publish(job, Kept()))
    (post,) = stage.posts
    assert shown(post) == release.before.rendering.parts[0].text


async def test_what_was_posted_before_a_refusal_is_known_to_whoever_comes_next(stage: Stage) -> None:
    """Nobody knows the photos' numbers, so one that had to go still stands. The labelled correction is posted; sent
    again by a person it is not posted twice, and a withdrawal deletes it."""
    release = await published(stage, photo_count=2)
    unknown = replace(release.before, receipt=None, progress={}, doubt=True)
    fewer = release.changed(photos=[0])
    outcome = await release.correct(fewer, before=unknown)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "still_visible"
    assert len(stage.posts) == 3
    release.progress = release.progress.revived()
    assert isinstance(await release.correct(fewer, before=unknown), Rejected)
    assert len(stage.posts) == 3


async def test_a_photo_that_telegram_lets_nobody_remove_is_never_called_sent(stage: Stage) -> None:
    release = await published(stage, photo_count=2)
    for method, words in (
        ("deleteMessage", "message can't be deleted for everyone"),
        ("editMessageMedia", "message can't be edited"),
    ):
        stage.order(method, "telegram_error", times=None, description=f"Bad Request: {words}")
    outcome = await release.correct(release.changed(photos=[0]))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "still_visible"
    assert f"https://t.me/mia_sandbox/{release.ids[1]}" in outcome.reason
    assert shown(stage.posts[0]).startswith(LABEL), "everything else was done"
    assert shown(stage.posts[-1]).startswith(LABEL), "and the correction was told"
    stage.sandbox.faults.clear()
    receipt = sent(await release.correct(release.changed(photos=[0])))  # a person sent it again
    assert numbers(stage) == [release.ids[0], *map(int, receipt.remote_ids[1:])]
    assert len(stage.posts) == 2


async def test_a_photo_behind_an_unknown_number_is_never_called_sent(stage: Stage) -> None:
    release = await published(stage, photo_count=2)
    before = replace(release.before, receipt=Receipt((), (), {"confirmed_by": "person:3"}))
    before = replace(before, progress={"part:0": {"confirmed": "person:3"}})
    outcome = await release.correct(release.changed(photos=[0]), before=before)
    assert isinstance(outcome, Rejected)
    assert "whose number nobody knows" in outcome.reason
    assert shown(stage.posts[-1]).startswith(LABEL)


async def test_photos_too_many_for_the_album_follow_as_a_labelled_answer(stage: Stage) -> None:
    release = await published(stage, photo_count=4, photos=[0, 1])
    new = await release.with_photos(4)
    receipt = sent(await release.correct(new))
    posts = stage.posts
    assert pictures(stage) == of((await release.job(new, Action.CORRECT)).rendering)
    assert [post.get("media_group_id") == posts[0]["media_group_id"] for post in posts] == [True, True, False, False]
    assert [shown(post) for post in posts[2:]] == [LABEL, ""]
    assert posts[2]["reply_to_message"]["message_id"] == posts[0]["message_id"]
    assert receipt.remote_ids == tuple(str(post["message_id"]) for post in posts)
    assert receipt.links == tuple(f"https://t.me/mia_sandbox/{posts[at]['message_id']}" for at in (0, 2))


async def test_a_text_becomes_a_photo_and_a_photo_with_a_short_text_keeps_its_place(stage: Stage) -> None:
    with_photo = await published(stage, photo_count=1)
    without = await published(stage)
    media = with_photo.revision.media
    sent(await without.correct(replace(without.changed(), media=media)))
    assert pictures(stage)[1] == pictures(stage)[0]
    assert shown(stage.posts[1]).startswith(LABEL)
    original = pictures(stage)[0]
    sent(await with_photo.correct(with_photo.changed(photos=[])))
    assert pictures(stage)[0] not in ("", original)
    assert shown(stage.posts[0]).startswith(LABEL)
    assert numbers(stage) == [*with_photo.ids, *without.ids]


async def test_a_photo_whose_text_stands_below_it_is_deleted(stage: Stage) -> None:
    release = await published(stage, body=LONG, photo_count=1)
    receipt = sent(await release.correct(release.changed(photos=[])))
    assert numbers(stage) == release.ids[1:]
    assert pictures(stage) == [""] * len(stage.posts)
    assert shown(stage.posts[0]).startswith(LABEL)
    assert receipt.remote_ids == tuple(map(str, numbers(stage)))


async def test_a_photo_and_a_film_change_places(stage: Stage) -> None:
    release = await published(stage, photo_count=1, videos=1)
    sent(await release.correct(release.changed(photos=[1, 0])))
    assert [sorted({"photo", "video"} & post.keys()) for post in stage.posts] == [["video"], ["photo"]]
    message = stage.sandbox.telegram.chat(CHANNEL).messages[release.ids[0]]
    assert message.album
    assert shown(stage.posts[0]).startswith(LABEL)


# ---- more and fewer messages ----


async def test_a_longer_text_goes_on_in_answers(stage: Stage) -> None:
    release = await published(stage, photo_count=1)
    receipt = sent(await release.correct(release.changed(body=LONGER)))
    first, *rest = stage.posts
    assert len(rest) >= 2
    assert all(post["reply_to_message"]["message_id"] == first["message_id"] for post in rest)
    assert receipt.remote_ids == tuple(map(str, numbers(stage)))
    assert ("begin", "part:1") in release.progress.asked
    assert "part:1" in release.progress.committed, "the database sees that something more may stand"
    assert "სართული 139" in shown(rest[-1])


@pytest.mark.parametrize("old", [False, True])
async def test_messages_too_many_are_deleted_or_say_nothing_more(stage: Stage, clock: Clock, old: bool) -> None:
    release = await published(stage, body=LONG, photo_count=1)
    clock.ahead = DAYS if old else 0
    receipt = sent(await release.correct(release.changed(body="მოკლე")))
    assert [shown(post) for post in stage.posts[1:]] == ([LABEL] if old else [])
    assert receipt.remote_ids == tuple(map(str, release.ids if old else release.ids[:1]))


# ---- where editing cannot do it ----


@pytest.mark.parametrize("words", ["message can't be edited", "SOMETHING_NEW", "message to edit not found"])
async def test_an_edit_that_is_refused_is_followed_by_the_labelled_correction(stage: Stage, words: str) -> None:
    release = await published(stage)
    stage.order("editMessageText", "telegram_error", description=f"Bad Request: {words}")
    receipt = sent(await release.correct(release.changed(body="დაშავებული არავინაა.")))
    old, new = stage.posts
    assert not shown(old).startswith(LABEL)
    assert shown(new).startswith(f"{LABEL}\n\n{release.revision.title}")
    assert "დაშავებული არავინაა." in shown(new)
    assert new["entities"][-1]["type"] == "text_link"
    gone = "not found" in words
    assert ("reply_to_message" in new) is not gone
    assert receipt.remote_ids == tuple(map(str, [new["message_id"]] if gone else [*release.ids, new["message_id"]]))


async def test_the_next_correction_edits_the_labelled_one_too(stage: Stage) -> None:
    release = await published(stage)
    stage.order("editMessageText", "telegram_error", description="Bad Request: message can't be edited")
    second = await release.corrected(release.changed(body="მეორე"))
    receipt = sent(await second.correct(second.changed(body="მესამე")))
    assert all(shown(post).startswith(LABEL) and "მესამე" in shown(post) for post in stage.posts)
    assert receipt.remote_ids == tuple(map(str, numbers(stage)))
    assert len(stage.posts) == 2


async def test_a_message_that_a_person_confirmed_gets_the_labelled_correction(stage: Stage) -> None:
    release = await published(stage, body=LONG, photo_count=1)
    kept = {"part:0": {"confirmed": "person:3"}}
    before = replace(release.before, receipt=Receipt(tuple(map(str, release.ids[1:]))), progress=kept)
    receipt = sent(await release.correct(release.changed(title="სხვა"), before=before))
    assert not shown(stage.posts[0]).startswith(LABEL)
    assert all(shown(post).startswith(LABEL) for post in stage.posts[1:])
    assert stage.posts[-1]["reply_to_message"]["message_id"] == release.ids[1]
    assert receipt.remote_ids == tuple(map(str, numbers(stage)[1:]))


async def test_of_a_publication_cut_short_what_is_known_is_edited_and_the_rest_told(stage: Stage) -> None:
    release = await published(stage, body=LONG, photo_count=1)
    kept = {"part:0": {"ids": release.ids[:1], "links": []}}
    before = replace(release.before, receipt=None, progress=kept, doubt=True)
    sent(await release.correct(release.changed(title="სხვა"), before=before))
    first, *_, told = stage.posts
    assert shown(first).startswith(LABEL)
    assert shown(told).startswith(LABEL)
    assert told["reply_to_message"]["message_id"] == first["message_id"]


async def test_what_may_stand_besides_is_answered_by_the_labelled_correction(stage: Stage) -> None:
    release = await published(stage)
    outcome = await release.correct(release.changed(body="სხვა"), before=replace(release.before, doubt=True))
    assert [shown(post).startswith(LABEL) for post in stage.posts] == [True, True]
    assert len(sent(outcome).remote_ids) == 2


# ---- faults ----


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "html", "empty", "no_id", "hang"])
async def test_an_edit_whose_answer_is_lost_is_made_again(opened: Open, fault: str) -> None:
    stage = await opened(read_timeout=0.3)
    release = await published(stage)
    stage.order("editMessageText", fault, **({"effect": True} if fault not in ("reset_before", "no_id") else {}))
    outcome = await release.correct(release.changed(body="სხვა"))
    assert isinstance(outcome, Deferred)
    assert outcome.code in ("no_answer", "odd_answer")
    sent(await release.correct(release.changed(body="სხვა")))
    assert len(stage.posts) == 1
    assert shown(stage.posts[0]).startswith(LABEL)


async def test_f07_throttling_in_the_middle_waits_and_goes_on(stage: Stage) -> None:
    release = await published(stage, photo_count=3)
    stage.order("editMessageMedia", "429", retry_after=17, after=1)
    new = release.changed(photos=[2, 1, 0])
    outcome = await release.correct(new)
    assert isinstance(outcome, Deferred)
    assert (outcome.throttled, outcome.retry_after, outcome.scope) == (True, 17.0, Scope.LANE)
    before = len(calls(stage))
    sent(await release.correct(new))
    assert calls(stage)[before:] == ["editMessageMedia"], "the first was kept"
    assert pictures(stage) == of((await release.job(new, Action.CORRECT)).rendering)


async def test_killed_between_two_edits_it_goes_on(opened: Open) -> None:
    stage = await opened()
    release = await published(stage, body=LONGER, photo_count=1)
    new = release.changed(title="სხვა სათაური")
    stage.order("editMessageText", "reset_after", effect=True)  # after the caption
    assert isinstance(await release.correct(new), Deferred)
    job = await release.job(new, Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი")
    again = await opened()  # another process: nothing in memory
    assert isinstance(await again.channel.reconcile(job, release.progress.revived()), Absent)
    before = calls(stage).count("editMessageCaption")
    sent(await again.channel.publish(job, release.progress.revived()))
    assert calls(stage).count("editMessageCaption") == before
    assert numbers(stage) == release.ids
    assert sum(shown(post).startswith(LABEL) for post in stage.posts) == 2  # the caption and the first text


async def test_a_lost_answer_to_the_labelled_correction_is_unknown_and_a_person_decides(stage: Stage) -> None:
    release = await published(stage)
    before = replace(release.before, doubt=True)
    stage.order("sendMessage", "reset_after")
    new = release.changed(body="სხვა")
    outcome = await release.correct(new, before=before)
    assert isinstance(outcome, Unknown)
    job = await release.job(new, Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი", before=before)
    assert outcome.step == f"part:{len(job.rendering.parts) - 1}"
    assert isinstance(await release.look(job), CannotTell)
    assert len(stage.posts) == 2
    kept = release.progress.revived()
    kept.kept[outcome.step] = {"confirmed": "person:3"}  # as a person's word is kept
    receipt = sent(await stage.channel.publish(job, kept))
    assert len(stage.posts) == 2
    assert receipt.remote_ids == tuple(map(str, release.ids))
    assert "seen by a person" in receipt.detail["done"]


async def test_a_lost_answer_to_an_added_text_goes_on_after_a_persons_word(stage: Stage) -> None:
    release = await published(stage, photo_count=1)
    stage.order("sendMessage", "reset_after")
    new = release.changed(body=LONGER)
    outcome = await release.correct(new)
    assert isinstance(outcome, Unknown)
    assert outcome.step == "part:1"
    kept = release.progress.revived()
    kept.kept["part:1"] = {"confirmed": "person:3"}
    job = await release.job(new, Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი")
    receipt = sent(await stage.channel.publish(job, kept))
    texts = [shown(post) for post in stage.posts[1:]]
    assert texts == [part.text for part in job.rendering.parts[1 : len(texts) + 1]]
    assert len(receipt.remote_ids) == len(stage.posts) - 1, "the number of what a person saw is not known"


async def test_the_witness_finds_a_labelled_correction(opened: Open) -> None:
    stage = await opened(witness_token=WITNESS_TOKEN)
    release = await published(stage)
    before = replace(release.before, doubt=True)
    stage.order("sendMessage", "reset_after")
    new = release.changed(body="სხვა")
    job = await release.job(new, Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი", before=before)
    assert isinstance(await stage.channel.publish(job, release.progress), Unknown)
    found = await release.look(job)
    assert isinstance(found, Sent)
    assert found.receipt.remote_ids == tuple(map(str, numbers(stage)))


async def test_the_witness_finds_an_added_album_and_what_is_left_follows(opened: Open) -> None:
    stage = await opened(witness_token=WITNESS_TOKEN)
    release = await published(stage)
    before = replace(release.before, doubt=True)
    stage.order("sendMediaGroup", "reset_after")
    new = await release.with_photos(3)
    job = await release.job(new, Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი", before=before)
    assert isinstance(await stage.channel.publish(job, release.progress), Unknown)
    revived = release.progress.revived()
    assert isinstance(await stage.channel.reconcile(job, revived), Absent)
    receipt = sent(await stage.channel.publish(job, revived))
    assert receipt.remote_ids == tuple(map(str, numbers(stage)))
    assert pictures(stage) == [*of(job.rendering), ""]


async def test_what_was_not_seen_is_a_persons_matter(opened: Open) -> None:
    stage = await opened(witness_token=WITNESS_TOKEN)
    release = await published(stage)
    before = replace(release.before, doubt=True)
    stage.order("sendMessage", "reset_before")
    job = await release.job(release.changed(body="სხვა"), Action.CORRECT, before=before)
    assert isinstance(await stage.channel.publish(job, release.progress), Unknown)
    assert isinstance(await release.look(job), CannotTell)


async def test_a_stale_file_id_is_uploaded_again(opened: Open) -> None:
    stage = await opened(staging_chat=STAGING)
    release = await published(stage)
    job = await release.job(await release.with_photos(1), Action.CORRECT)
    assert await stage.channel.prepare(job, release.progress) is None
    for step in release.progress.kept:
        release.progress.kept[step] = {"file_id": "photo-999-bot1"}
    stale = await stage.channel.publish(job, release.progress)
    assert isinstance(stale, Deferred)
    assert stale.code == "stale_file"
    assert await stage.channel.prepare(job, release.progress) is None
    sent(await stage.channel.publish(job, release.progress))
    assert pictures(stage) == of(job.rendering)


async def test_f09_a_bot_that_lost_its_channel_waits_for_an_administrator(stage: Stage) -> None:
    release = await published(stage)
    stage.sandbox.telegram.kick(CHANNEL)
    outcome = await release.correct(release.changed(body="სხვა"))
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.scope) == ("credential", Scope.LANE)


async def test_f10_a_reader_who_blocked_the_bot_is_suspended(stage: Stage) -> None:
    reader = Destination(7, "public", str(READER), token="token")
    release = await published(stage, reader)
    stage.sandbox.telegram.block(READER)
    outcome = await release.correct(release.changed(body="სხვა"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.scope) == ("blocked", Scope.DESTINATION)


async def test_a_subscriber_is_told_of_what_was_edited_by_a_label_that_answers_it(opened: Open) -> None:
    bulk = await opened(chat="")
    release = await published(bulk, Destination(7, "public", str(READER), token="token"))
    second = await release.corrected(release.changed(body="სხვა"))
    third = await second.corrected(second.changed(body="მესამე"), "დაზუსტდა კიდევ")
    post, first_label, label = bulk.sandbox.telegram.messages(READER)
    assert "მესამე" in shown(post)
    assert shown(first_label) == "✏️ შესწორებულია: დაზუსტდა"
    assert shown(label) == "✏️ შესწორებულია: დაზუსტდა კიდევ"
    assert {told["reply_to_message"]["message_id"] for told in (first_label, label)} == {post["message_id"]}
    assert third.ids == [post["message_id"], first_label["message_id"], label["message_id"]]


async def test_a_subscriber_who_gets_a_labelled_message_anyway_gets_no_second(opened: Open) -> None:
    bulk = await opened(chat="")
    release = await published(bulk, Destination(7, "public", str(READER), token="token"), photo_count=2)
    await release.corrected(await release.with_photos(3))
    assert [shown(post)[:2] for post in bulk.sandbox.telegram.messages(READER)] == ["✏️", "", "✏️"]


async def test_a_subscriber_whose_post_was_made_anew_gets_no_label_beside_it(opened: Open) -> None:
    bulk = await opened(chat="")
    release = await published(bulk, Destination(7, "public", str(READER), token="token"), photo_count=1)
    receipt = sent(await release.correct(release.changed(photos=[], body=LONG)))
    assert [shown(post)[:2] for post in bulk.sandbox.telegram.messages(READER)][:1] == ["✏️"]
    assert "notice posted" not in receipt.detail["done"], receipt.detail["done"]


async def test_a_subscriber_whose_label_has_no_answer_is_a_case_and_is_told_once(opened: Open) -> None:
    bulk = await opened(chat="")
    release = await published(bulk, Destination(7, "public", str(READER), token="token"))
    bulk.order("sendMessage", "reset_after", effect=True)
    new = release.changed(body="სხვა")
    job = await release.job(new, Action.CORRECT, "დაზუსტდა")
    outcome = await bulk.channel.publish(job, release.progress)
    assert isinstance(outcome, Unknown)
    assert isinstance(await release.look(job), CannotTell)
    await release.progress.save(outcome.step, {"confirmed": "by a person"})
    sent(await bulk.channel.publish(job, release.progress))
    assert len(bulk.sandbox.telegram.messages(READER)) == 2


async def test_f11_in_a_group_that_moved_the_labelled_correction_is_posted(stage: Stage) -> None:
    group = Destination(7, "public", str(GROUP), token="token")
    release = await published(stage, group)
    moved = stage.sandbox.telegram.migrate(GROUP)
    new = release.changed(body="სხვა")
    outcome = await release.correct(new)
    assert isinstance(outcome, Deferred)
    assert outcome.address == str(moved)
    receipt = sent(await release.correct(new, destination=replace(group, address=str(moved))))
    told = stage.sandbox.telegram.messages(moved)[-1]
    assert shown(told).startswith(LABEL)
    assert "reply_to_message" not in told
    assert receipt.remote_ids == (str(told["message_id"]),), "numbers of the old group mean nothing in the new one"
    job = await release.job(new, Action.CORRECT, destination=replace(group, address=str(moved)))
    second = release.follows(new, job.rendering, Sent(receipt))
    sent(await second.correct(second.changed(body="მესამე"), destination=job.destination))
    edited, label = stage.sandbox.telegram.messages(moved)[-2:]
    assert "მესამე" in shown(edited)
    assert edited["message_id"] == told["message_id"]
    assert label["reply_to_message"]["message_id"] == told["message_id"]


async def test_a_post_that_an_administrator_changed_is_corrected_all_the_same(stage: Stage) -> None:
    release = await published(stage)
    async with Bot(DESK_TOKEN, base_url=f"{stage.sandbox.telegram.api_url}/bot") as bot:
        await bot.edit_message_text("სხვისი სიტყვები", CHANNEL, release.ids[0])
    sent(await release.correct(release.changed(body="სხვა")))
    assert shown(stage.posts[0]).startswith(LABEL)
