"""What a receipt says of old content that still stands beside a correction, channel by channel, over real HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from distributor.adapters.facebook import Facebook
from distributor.adapters.x import X
from distributor.core.channel import Action, Before, Destination
from distributor.core.outcome import OLD_STANDS, Outcome, Receipt, Rejected, Sent
from distributor.core.release import Kind
from distributor.sandbox import Sandbox
from tests.adapters.after_support import Out, corrected, correction, follows, go, published, withdrawal
from tests.adapters.support import Desk, Recorder
from tests.adapters.telegram_after import published as posted
from tests.adapters.telegram_after import shown
from tests.adapters.telegram_stage import READER, Stage

SEEN: dict[str, Any] = {"part:0": {"confirmed": "person:3"}}
NEW = "ხანძარი 45 წუთში ჩააქრეს."
REFUSED = "Bad Request: message can't be edited"
NO_ANSWER = {"title": "Forbidden", "status": 403, "detail": "not allowed", "type": "about:blank"}


def old(outcome: Outcome) -> str | None:
    """What the receipt says of it."""
    assert isinstance(outcome, Sent), outcome
    return outcome.receipt.detail.get(OLD_STANDS)


# ---- X ----


@pytest.mark.parametrize(("setting", "says"), [("reply", "answered"), ("repost", None)])
async def test_below_an_answer_the_old_post_stands_and_after_a_repost_nothing(
    open_x: Callable[..., X], desk: Desk, setting: str, says: str | None
) -> None:
    x = open_x(correction=setting)
    out = await published(desk, x)
    assert old(out.outcome) is None
    job, progress = await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    assert old(await go(x, job, progress)) == says
    found = await x.reconcile(job, progress)  # a look says the same
    assert isinstance(found, Sent)
    assert found.receipt.detail.get(OLD_STANDS) == says


@pytest.mark.parametrize(("by_hand", "says"), [(True, None), (False, "answered")])
async def test_where_x_takes_no_answer_it_counts_whether_the_old_post_is_there(
    open_x: Callable[..., X], sandbox: Sandbox, desk: Desk, by_hand: bool, says: str | None
) -> None:
    x = open_x()
    out = await published(desk, x)
    if by_hand:
        sandbox.x.posts.delete(out.ids[0])
    else:
        sandbox.faults.order("x", "tweets.create", "error", status=403, body=NO_ANSWER)
    job, progress = await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    await go(x, job, progress)
    assert old(await go(x, job, progress)) == says


async def test_what_x_does_not_show_may_stand_through_all_that_follows(
    open_x: Callable[..., X], sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x(correction="repost")
    out = await published(desk, x)
    doubtful = out.before(doubt=True)  # an earlier delivery, of which nobody has said what came of it
    second, progress = corrected(out.revision, lead=NEW), Recorder()
    job = await correction(desk, x, out, second, before=doubtful)
    out = Out(second, job, await go(x, job, progress), progress)
    assert old(out.outcome) == "unknown"
    third, progress = corrected(second, lead="სხვა"), Recorder()
    job = await correction(desk, x, out, third)
    out = Out(third, job, await go(x, job, progress), progress)
    assert old(out.outcome) == "unknown"
    taken = await go(x, await withdrawal(desk, x, out), Recorder())
    assert isinstance(taken, Rejected)
    assert taken.code == "where_unknown"
    assert sandbox.x.timeline() == []


# ---- Facebook ----


@pytest.mark.parametrize("change", ["text", "added", "caption", "gone"])
async def test_photos_that_facebook_lets_nobody_change_are_told(page: Facebook, desk: Desk, change: str) -> None:
    out = await published(desk, page, photo_count=2)
    one, two = out.revision.media
    media = {
        "text": [one, two],
        "added": (await desk.release(photo_count=3)).media,
        "caption": [one, replace(two, caption={"ka": "სხვა"})],
        "gone": [one],  # it is deleted, and the other one stays as it should be
    }[change]
    second, progress = corrected(out.revision, lead=NEW, media=media), Recorder()
    job = await correction(desk, page, out, second)
    out = Out(second, job, await go(page, job, progress), progress)
    says = "media" if change in ("added", "caption") else None
    assert old(out.outcome) == says
    # The next one changes the text alone: the photos are still those of the first.
    job = await correction(desk, page, out, corrected(second, lead="სხვა", media=media))
    assert old(await go(page, job, Recorder())) == says


async def test_a_photo_that_a_text_could_not_be_given_is_told_each_time(page: Facebook, desk: Desk) -> None:
    out = await published(desk, page)
    media = (await desk.release(photo_count=1)).media
    second, progress = corrected(out.revision, media=media), Recorder()
    job = await correction(desk, page, out, second)
    out = Out(second, job, await go(page, job, progress), progress)
    assert old(out.outcome) == "media"
    job = await correction(desk, page, out, corrected(second, lead=NEW, media=media))
    assert old(await go(page, job, Recorder())) == "media"


async def test_the_film_of_a_video_that_is_corrected_is_the_right_one(page: Facebook, desk: Desk) -> None:
    out = await published(desk, page, videos=1, kind=Kind.VIDEO)
    job = await correction(desk, page, out, corrected(out.revision, lead=NEW))
    assert old(await go(page, job, Recorder())) is None


async def test_photos_of_a_post_made_anew_are_the_new_ones(open_page: Callable[..., Facebook], desk: Desk) -> None:
    page = open_page(photos="repost")
    out = await published(desk, page, photo_count=1)
    media = (await desk.release(photo_count=3)).media
    job = await correction(desk, page, out, corrected(out.revision, media=media))
    assert old(await go(page, job, Recorder())) is None


async def test_a_second_post_of_which_nobody_knows_is_told(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    out = await published(desk, page, photo_count=1)
    second, progress = corrected(out.revision, lead=NEW), Recorder()
    job = await correction(desk, page, out, second, before=out.before(doubt=True))
    out = Out(second, job, await go(page, job, progress), progress)
    assert old(out.outcome) == "unknown"
    rendering = await follows(desk, page, corrected(second, lead="სხვა"), second)
    job = desk.job(page, rendering, action=Action.CORRECT, before=out.before())
    assert old(await go(page, job, Recorder())) == "unknown"
    taken = await go(page, await withdrawal(desk, page, out), Recorder())
    assert isinstance(taken, Rejected)
    assert sandbox.facebook.page.standing() == []


# ---- Telegram ----


async def test_an_edit_that_works_leaves_nothing_old(stage: Stage) -> None:
    release = await posted(stage, photo_count=2)
    assert old(await release.correct(release.changed(title="სხვა სათაური", photos=[0]))) is None


async def test_a_refused_edit_leaves_the_old_text_above_the_labelled_one(stage: Stage) -> None:
    release = await posted(stage)
    stage.order("editMessageText", "telegram_error", description=REFUSED)
    second = release.changed(body="მეორე")
    job = await release.job(second, Action.CORRECT, "დაზუსტდა")
    outcome = await stage.channel.publish(job, release.progress)
    assert old(outcome) == "refused"
    then = release.follows(second, job.rendering, outcome)
    assert old(await then.correct(then.changed(body="მესამე"))) is None  # Telegram lets both be edited now


async def test_an_edit_of_what_somebody_deleted_leaves_nothing_old(stage: Stage) -> None:
    release = await posted(stage)
    stage.order("editMessageText", "telegram_error", description="Bad Request: message to edit not found")
    assert old(await release.correct(release.changed(body="მეორე"))) is None


async def test_a_labelled_message_that_cannot_be_edited_either_is_followed_by_another(stage: Stage) -> None:
    release = await posted(stage)
    stage.order("editMessageText", "telegram_error", times=None, description=REFUSED)
    second = await release.corrected(release.changed(body="მეორე"))
    outcome = await second.correct(second.changed(body="მესამე"))
    assert old(outcome) == "refused"
    assert ["მესამე" in shown(post) for post in stage.posts] == [False, False, True]


@pytest.mark.parametrize("reader", [False, True])
async def test_where_a_number_is_unknown_or_in_doubt_something_old_may_stand(
    opened: Callable[..., Awaitable[Stage]], reader: bool
) -> None:
    stage = await opened(**({"chat": ""} if reader else {}))
    where = Destination(7, "public", str(READER), token="token") if reader else None
    for change in ({"doubt": True}, {"receipt": Receipt((), (), {"confirmed_by": "person:3"}), "progress": SEEN}):
        release = await posted(stage, where)
        before: Before = replace(release.before, **change)
        assert old(await release.correct(release.changed(body="სხვა"), before=before)) == "unknown"
        release = await posted(stage, where)
        # A subscriber who was told is told, as by mail; in public what nobody could delete may stand.
        says = None if reader else "unknown"
        assert old(await release.withdraw("სხვა", before=replace(release.before, **change))) == says
