"""The reckoning of what follows a publication: corrections, photos that go, holds, withdrawals. Each fault is put in on
purpose, at one platform after the other, and seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distributor.sandbox.effects import Effect
from tests.chaos import desk as people
from tests.chaos.brought import PROMISED, WRITING, Brought
from tests.chaos.plan import OWN_CHANNELS, Care, Writing
from tests.chaos.wording import version

PICTURED = replace(WRITING, photos=2, long=False)
SUPERSEDED = "UPDATE deliveries SET state = 'cancelled', code = 'superseded' WHERE channel = 'x' AND revision = 1"
HELD = (
    """UPDATE pages SET page = json_set(page, '$.held', json('{"at": "2026-01-01T00:00:00+00:00", "languages": {}}'))"""
)
LOST, DOUBLED = "lost", "doubled"


def mails(brought: Brought, beginning: str) -> list[Effect]:
    """Those whose subject begins so."""
    return [one for one in brought.effects if one.platform == "smtp" and one["subject"].startswith(beginning)]


async def alter(brought: Brought, statement: str) -> None:
    """Change what the database says, as nobody may."""
    async with brought.stage.parts.database.transaction() as connection:
        await connection.exec_driver_sql(statement)
        await connection.commit()


async def test_a_corrected_release_stands_in_its_newest_form_and_every_reader_has_it(brought: Brought) -> None:
    await brought.bring(writing=PICTURED, course=(Care.HOLD, Care.LIFT, Care.CORRECT, Care.PHOTO))
    tally = await brought.tally()
    assert (tally.findings, tally.sound) == ([], True)
    assert tally.deliveries > 3 * PROMISED
    box = brought.stage.sandbox
    assert len(brought.chat) == 1
    message = next(iter(brought.chat.values()))
    new = message.caption
    message.caption = new.replace("სამი", "ორი")  # the old version stands there
    assert await brought.faults() == {("telegram", LOST), ("telegram", DOUBLED)}
    message.caption = new
    post = box.facebook.page.standing()[0]
    (photo,) = post.photos
    post.photos.append(replace(photo, file=replace(photo.file, data=b"another photo")))
    assert await brought.faults() == {("facebook", LOST), ("facebook", DOUBLED)}
    post.photos.pop()
    (tweet,) = box.x.posts.standing()
    box.x.posts.all.append(tweet)
    assert await brought.faults() == {("x", DOUBLED)}
    box.x.posts.all.pop()
    tweet.deleted = True
    assert await brought.faults() == {("x", LOST)}
    tweet.deleted = False
    assert await brought.faults() == set()


async def test_a_readers_last_word_is_the_newest_and_comes_once(brought: Brought) -> None:
    await brought.bring(writing=replace(PICTURED, channels=("newsroom", "press")), course=(Care.CORRECT,))
    assert (await brought.tally(PROMISED - 3)).sound
    first, second, _ = mails(brought, "შესწორება")
    brought.effects.remove(first)
    assert (await brought.tally(PROMISED - 3)).count(LOST) == 1
    brought.effects.append(first)
    await brought.send_again(brought.stage.sandbox.mail.messages[second["number"] - 1])
    tally = await brought.tally(PROMISED - 3)
    assert (tally.count(LOST), tally.count(DOUBLED)) == (0, 1)
    brought.effects.pop()
    at = brought.effects.index(second)
    plain = second["subject"].partition(": ")[2]
    brought.effects[at] = replace(second, details=second.details | {"subject": plain})  # it does not say what it is
    tally = await brought.tally(PROMISED - 3)
    assert [finding.words.partition(";")[2].strip() for finding in tally.findings] == [
        f"correct 2 says of itself '{plain}'"
    ]
    brought.effects[at] = second
    await alter(brought, HELD)
    (finding,) = (await brought.tally(PROMISED - 3)).findings
    assert (finding.kind, "held=True" in finding.words) == (LOST, True)


async def test_a_withdrawn_release_stands_nowhere_and_every_reader_is_told_once(brought: Brought) -> None:
    await brought.bring(course=(Care.CORRECT,))
    kept = dict(brought.chat)
    box = brought.stage.sandbox
    post, tweets = box.facebook.page.standing()[0], box.x.posts.standing()
    assert len(tweets) == 2  # the second one answers the first
    await brought.go_on(Care.WITHDRAW)
    tally = await brought.tally()
    assert (tally.findings, tally.sound) == ([], True)
    brought.chat.update(kept)
    assert await brought.faults() == {("telegram", DOUBLED)}
    brought.chat.clear()
    for tweet in tweets:
        tweet.deleted = False
        assert await brought.faults() == {("x", DOUBLED)}
        tweet.deleted = True
    post.deleted = False
    assert await brought.faults() == {("facebook", DOUBLED)}
    post.deleted = True
    first, *_ = mails(brought, "გამოთხოვილია")
    brought.effects.remove(first)
    assert await brought.faults() == {("press", LOST)}
    brought.effects += [first, first]
    assert await brought.faults() == {("press", DOUBLED)}
    brought.effects.pop()
    await alter(brought, "DELETE FROM pages")
    assert await brought.faults() == {("newsroom", DOUBLED)}


async def test_what_a_person_confirmed_may_stand_beside_the_notice_about_it(
    brought: Brought, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "LOOKS_AFTER", 0.0)
    brought.stage.sandbox.faults.order("telegram", "sendMediaGroup", "reset_after")
    await brought.bring("case", writing=replace(PICTURED, channels=("telegram",)))
    await brought.desk.answer_cases(brought.watch, lambda: people.QUIET_FOR)
    await brought.go_on(Care.CORRECT)
    assert (await brought.tally(1)).sound
    assert len(brought.chat) == 3  # the album, whose numbers nobody knows, and the labelled correction
    number, notice = brought.chat.popitem()
    assert {finding.kind for finding in (await brought.tally(1)).findings} == {LOST, DOUBLED}
    brought.chat.update({number: notice, number + 1: notice})
    assert {finding.kind for finding in (await brought.tally(1)).findings} == {LOST, DOUBLED}
    del brought.chat[number + 1]
    await brought.go_on(Care.PHOTO, states=("rejected",))  # out of reach, and said so
    assert (await brought.tally(1)).sound
    await brought.go_on(Care.WITHDRAW, states=("rejected",))
    tally = await brought.tally(1)
    assert tally.sound, tally.findings
    brought.chat.popitem()
    assert [finding.kind for finding in (await brought.tally(1)).findings] == [DOUBLED]


async def test_what_was_cancelled_without_a_reason_and_what_was_done_twice_is_seen(brought: Brought) -> None:
    await brought.bring(writing=replace(WRITING, channels=OWN_CHANNELS, photos=0, long=False))
    await alter(brought, SUPERSEDED)
    assert ("x", LOST) in {(one.words.partition(" ")[0], one.kind) for one in (await brought.tally(4)).findings}
    await brought.go_on(Care.CORRECT)
    brought.follow.done.clear()  # as if the answer had been lost and it was done once more
    tally = await brought.tally(4)
    assert "1 times correct, done was ()" in tally.faults[0]


def test_a_correction_corrects_a_word_in_title_and_text() -> None:
    writing = Writing(0.0, 7, ("x",))
    first, second, third = (version(writing, number) for number in range(3))
    assert len({first.title, second.title, third.title}) == len({first.body, second.body, third.body}) == 3
    assert all(writing.mark in one.title and writing.mark in one.body for one in (first, second, third))
