"""A Facebook page after publishing, over real HTTP: edits, photos that disappear, posting again, withdrawals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from distributor.adapters.facebook import Facebook
from distributor.core.channel import Action
from distributor.core.outcome import Absent, Deferred, LookAgain, Rejected, Scope, Sent, Unknown
from distributor.core.release import Kind, Notice
from distributor.core.rendering import Severity
from distributor.sandbox import Sandbox
from distributor.sandbox.facebook_page import PagePost
from tests.adapters.after_support import WORDS, Out, corrected, correction, follows, go, published, withdrawal
from tests.adapters.support import TITLE, Desk, Recorder

NEW = "ხანძარი 45 წუთში ჩააქრეს."


Open = Callable[..., Facebook]


def _only(sandbox: Sandbox) -> PagePost:
    (post,) = sandbox.facebook.page.standing()
    return post


def _alts(post: PagePost) -> list[str]:
    return [photo.alt_text for photo in post.photos]


def _kinds(sandbox: Sandbox) -> list[str]:
    return [effect.kind for effect in sandbox.effects("facebook")]


def _code(outcome: object) -> str:
    return str(getattr(outcome, "code", type(outcome).__name__))


def _body(text: str) -> str:
    return text.partition("\n\nშემთხვევის")[0]


async def test_a_correction_is_written_over_the_old_text_with_its_label(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page, photo_count=2)
    outcome = await go(page, await correction(desk, page, out, corrected(out.revision, lead=NEW)), Recorder())
    assert _kinds(sandbox) == ["post", "edit"]
    assert _body(_only(sandbox).message) == f"შესწორება: {WORDS}\n\n{TITLE}\n\n{NEW}"
    assert _alts(_only(sandbox)) == ["აღწერა 1", "აღწერა 2"]
    assert isinstance(outcome, Sent)
    assert isinstance(out.outcome, Sent)
    assert (outcome.receipt.remote_ids, outcome.receipt.links) == (out.ids, out.outcome.receipt.links)
    assert outcome.receipt.detail == {"form": "edit"}
    assert sandbox.calls("facebook", "photos.create") == 2  # an edit uploads nothing


async def test_without_words_the_label_stands_before_the_title(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    out = await published(desk, page)
    job = await correction(desk, page, out, corrected(out.revision, lead=NEW, words=""))
    assert isinstance(await go(page, job, Recorder()), Sent)
    assert _body(_only(sandbox).message) == f"შესწორება: {TITLE}\n\n{NEW}"


async def test_the_description_of_a_video_is_edited(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    out = await published(desk, page, videos=1, kind=Kind.VIDEO)
    outcome = await go(page, await correction(desk, page, out, corrected(out.revision, lead=NEW)), Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == out.ids
    assert "/videos/" in outcome.receipt.links[0]
    post = _only(sandbox)
    assert post.video is not None
    assert NEW in post.message
    assert _kinds(sandbox) == ["post", "edit"]


@pytest.mark.parametrize("withdrawn", [True, False])
async def test_one_photo_disappears_and_its_post_stays(
    page: Facebook, sandbox: Sandbox, desk: Desk, withdrawn: bool
) -> None:
    out = await published(desk, page, photo_count=3)
    first, gone, last = out.revision.media
    notice: dict[str, Any] = {"withdrawn": (gone.asset.digest,)} if withdrawn else {}
    job = await correction(desk, page, out, corrected(out.revision, media=[first, last], **notice))
    assert page.check(job.rendering) == ()
    outcome = await go(page, job, Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == out.ids
    assert _alts(_only(sandbox)) == ["აღწერა 1", "აღწერა 3"]
    assert [photo.alt_text for photo in sandbox.facebook.page.album()] == ["აღწერა 1", "აღწერა 3"]
    assert _kinds(sandbox) == ["post", "delete", "edit"]


@pytest.mark.parametrize("photos", [1, 2])
async def test_where_no_photo_would_stay_the_post_is_deleted_and_made_anew(
    page: Facebook, sandbox: Sandbox, desk: Desk, photos: int
) -> None:
    out = await published(desk, page, photo_count=photos)
    job = await correction(desk, page, out, corrected(out.revision, media=[]))
    (problem,) = page.check(job.rendering)
    assert (problem.severity, problem.code) == (Severity.NOTE, "corrects_by_repost")
    outcome = await go(page, job, Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == (_only(sandbox).id,) != out.ids
    assert _only(sandbox).message.startswith("შესწორება: ")
    assert sandbox.facebook.page.album() == []  # a photo is an object of its own: it would outlive its post


async def test_a_video_that_must_disappear_is_deleted_and_the_text_posted_anew(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page, videos=1)
    job = await correction(desk, page, out, corrected(out.revision, media=[]))
    assert isinstance(await go(page, job, Recorder()), Sent)
    assert _only(sandbox).video is None
    assert out.ids[0] not in sandbox.facebook.page.videos


async def test_new_photos_are_left_out_with_a_warning_unless_the_setting_says_repost(
    open_page: Open, sandbox: Sandbox, desk: Desk
) -> None:
    more = (await desk.release(photo_count=3)).media
    for setting, alts, codes in (
        ("keep", ["აღწერა 1"], [("warning", "photos_stay")]),
        ("repost", ["აღწერა 1", "აღწერა 2", "აღწერა 3"], [("note", "corrects_by_repost")]),
    ):
        page = open_page(photos=setting)
        out = await published(desk, page, photo_count=1)
        job = await correction(desk, page, out, corrected(out.revision, media=more))
        assert [(problem.severity.value, problem.code) for problem in page.check(job.rendering)] == codes
        progress = Recorder()
        outcome = await go(page, job, progress)
        assert isinstance(outcome, Sent)
        assert _alts(_only(sandbox)) == alts
        following = Out(out.revision, job, outcome, progress)
        assert isinstance(await go(page, await withdrawal(desk, page, following), Recorder()), Sent)
        assert (sandbox.facebook.page.standing(), sandbox.facebook.page.album()) == ([], [])


@pytest.mark.parametrize("change", ["order", "caption"])
async def test_another_order_or_caption_is_told_too(page: Facebook, desk: Desk, change: str) -> None:
    revision = await desk.release(photo_count=2)
    first, last = revision.media
    media = [last, first] if change == "order" else [first, replace(last, caption={"ka": "სხვა"})]
    rendering = await follows(desk, page, corrected(revision, media=media), revision)
    assert [problem.code for problem in page.check(rendering)] == ["photos_stay"]


async def test_what_the_post_really_shows_decides_and_not_what_the_revision_wished(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    # The second revision added a photo, which a post cannot be given; the third keeps that one alone.
    one, two = (await desk.release(photo_count=2)).media
    out = await published(desk, page, photo_count=1)
    second, progress = corrected(out.revision, media=[one, two]), Recorder()
    job = await correction(desk, page, out, second)
    out = Out(second, job, await go(page, job, progress), progress)
    job = await correction(desk, page, out, corrected(second, media=[two], lead=NEW))
    assert isinstance(await go(page, job, Recorder()), Sent)
    assert _alts(_only(sandbox)) == ["აღწერა 2"]
    assert [photo.alt_text for photo in sandbox.facebook.page.album()] == ["აღწერა 2"]


async def test_a_photo_goes_after_an_edit_as_well(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    out = await published(desk, page, photo_count=3)
    for media in (out.revision.media, out.revision.media[:2], out.revision.media[:1]):
        revision, progress = corrected(out.revision, media=media, words=f"{len(media)}"), Recorder()
        job = await correction(desk, page, out, revision)
        out = Out(revision, job, await go(page, job, progress), progress)
    assert _kinds(sandbox) == ["post", "edit", "delete", "edit", "delete", "edit"]
    assert _alts(_only(sandbox)) == ["აღწერა 1"]
    assert isinstance(await go(page, await withdrawal(desk, page, out), Recorder()), Sent)
    assert sandbox.facebook.page.album() == []


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "hang", "html", "wrong_type", "empty", "graph_error"])
@pytest.mark.parametrize("method", ["object.update", "object.delete"])
async def test_f03_an_edit_or_a_deletion_whose_answer_was_lost_is_made_again(
    open_page: Open, sandbox: Sandbox, desk: Desk, kind: str, method: str
) -> None:
    page = open_page(answer_timeout=0.2, connect_timeout=0.2)
    out = await published(desk, page, photo_count=2)
    job = await correction(desk, page, out, corrected(out.revision, media=out.revision.media[:1]))
    known: dict[str, dict[str, Any]] = {
        "hang": {"seconds": 0.5, "effect": True},
        "graph_error": {"code": 2, "effect": True},
    }
    options = known.get(kind, {})
    sandbox.faults.order("facebook", method, kind, **options)
    progress = Recorder()
    outcome = await go(page, job, progress)
    assert isinstance(outcome, Deferred)
    assert outcome.scope is Scope.DELIVERY
    assert isinstance(await page.reconcile(job, progress), Absent)  # killed meanwhile: again
    assert isinstance(await go(page, job, progress), Sent)
    assert isinstance(await page.reconcile(job, progress), Sent)  # killed before the outcome was kept
    assert _alts(_only(sandbox)) == ["აღწერა 1"]
    assert len(sandbox.effects("facebook", "post")) == 1


async def test_the_old_post_stays_until_the_new_one_can_follow(open_page: Open, sandbox: Sandbox, desk: Desk) -> None:
    page = open_page(photos="repost")
    out = await published(desk, page, photo_count=1)
    more = (await desk.release(photo_count=2)).media
    job, progress = await correction(desk, page, out, corrected(out.revision, media=more)), Recorder()
    assert _code(await page.publish(job, progress)) == "media_expired"
    sandbox.faults.order("facebook", "photos.create", "html")
    assert isinstance(await go(page, job, progress), Deferred)
    assert _only(sandbox).id == out.ids[0]
    assert isinstance(await go(page, job, progress), Sent)


async def test_f03_a_lost_repost_is_looked_for_and_absent_only_after_its_own_time(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page, photo_count=1)
    job, progress = await correction(desk, page, out, corrected(out.revision, media=[])), Recorder()
    desk.time.pass_by(3600)  # the intent is old: the deletions were throttled meanwhile
    assert isinstance(await page.reconcile(job, progress), Absent)  # killed before it was even planned
    sandbox.faults.order("facebook", "feed.create", "reset_before")
    assert isinstance(await go(page, job, progress), Unknown)
    assert isinstance(await page.reconcile(job, progress), LookAgain)
    desk.time.pass_by(16)
    assert isinstance(await page.reconcile(job, progress), Absent)
    sandbox.faults.order("facebook", "feed.create", "reset_after")
    assert isinstance(await go(page, job, progress), Unknown)
    desk.time.pass_by(-3616)  # the sandbox lives in the present
    finding = await page.reconcile(job, progress)
    assert isinstance(finding, Sent)
    assert finding.receipt.remote_ids == (_only(sandbox).id,)
    assert _kinds(sandbox) == ["post", "delete", "delete", "post"]


async def test_where_the_old_post_is_gone_the_labelled_one_is_posted(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page, photo_count=1)
    sandbox.facebook.page.delete(out.ids[0])  # somebody deleted it by hand
    job, progress = await correction(desk, page, out, corrected(out.revision, lead=NEW)), Recorder()
    assert _code(await go(page, job, progress)) == "gone"
    assert isinstance(await go(page, job, progress), Sent)
    assert _only(sandbox).message.startswith("შესწორება: ")
    assert _alts(_only(sandbox)) == ["აღწერა 1"]


async def test_a_post_that_the_app_may_not_change_is_not_posted_a_second_time(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page)
    sandbox.faults.order(
        "facebook", "object.update", "graph_error", code=100, subcode=33, message="missing permissions"
    )
    outcome = await go(page, await correction(desk, page, out, corrected(out.revision, lead=NEW)), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "not_editable"
    assert "fbtrace_id A" in outcome.reason
    assert _kinds(sandbox) == ["post"]


async def test_a_look_after_a_refused_edit_that_fails_decides_nothing(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page)
    job, progress = await correction(desk, page, out, corrected(out.revision, lead=NEW)), Recorder()
    sandbox.faults.order("facebook", "object.update", "graph_error", code=100, subcode=33)
    sandbox.faults.order("facebook", "object.get", "html")
    assert _code(await go(page, job, progress)) == "unreadable"
    assert isinstance(await go(page, job, progress), Sent)
    assert _kinds(sandbox) == ["post", "edit"]


async def test_a_correction_where_nothing_stands_is_the_plain_post(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    revision = await desk.release(photo_count=1)
    rendering = await follows(desk, page, corrected(revision, lead=NEW), revision)
    assert [part.kind for part in rendering.parts] == ["post", "corrected"]
    for action in (Action.CORRECT, Action.PUBLISH):
        job = desk.job(page, rendering, action=action, before=None)
        assert isinstance(await go(page, job, Recorder()), Sent)
        assert _body(_only(sandbox).message) == f"{TITLE}\n\n{NEW}"
        sandbox.facebook.page.delete(_only(sandbox).id)


async def test_a_first_publication_has_the_bytes_that_it_always_had(page: Facebook, desk: Desk) -> None:
    (part,) = (await desk.rendering(page, await desk.release())).parts
    assert (part.kind, part.fields, part.media) == ("post", {}, ())


async def test_a_withdrawal_shows_no_words_and_a_hold_is_not_offered(page: Facebook, desk: Desk) -> None:
    revision = await desk.release()
    rendering = await follows(desk, page, replace(revision, notice=Notice(Action.WITHDRAW)), revision)
    assert [(part.kind, part.text, part.media) for part in rendering.parts] == [("delete", "", ())]
    assert page.check(rendering) == ()
    held = replace(await desk.source(page, revision), revision=replace(revision, notice=Notice(Action.HOLD)))
    assert page.render(held) is None
    assert page.traits.actions == {Action.PUBLISH, Action.CORRECT, Action.WITHDRAW}
