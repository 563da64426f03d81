"""Withdrawals on a Facebook page, over real HTTP: posts, photos and videos go; what is known of them, and what not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from distributor.adapters.facebook import Facebook
from distributor.core.outcome import Deferred, Receipt, Rejected, Scope, Sent, Unknown
from distributor.sandbox import Sandbox
from tests.adapters.after_support import corrected, correction, go, published, withdrawal
from tests.adapters.support import Desk, Recorder

NEW = "ხანძარი 45 წუთში ჩააქრეს."
OLD_POST = "look at https://www.facebook.com/100200300400500 for posts of this release since"


Open = Callable[..., Facebook]


def _kinds(sandbox: Sandbox) -> list[str]:
    return [effect.kind for effect in sandbox.effects("facebook")]


@pytest.mark.parametrize("media", [{}, {"photo_count": 3}, {"videos": 1}])
async def test_a_withdrawal_deletes_the_post_and_all_that_it_showed(
    page: Facebook, sandbox: Sandbox, desk: Desk, media: dict[str, int]
) -> None:
    out = await published(desk, page, **media)
    outcome = await go(page, await withdrawal(desk, page, out), Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == ()
    assert outcome.receipt.detail["deleted"].split()[0] == out.ids[0]
    assert (sandbox.facebook.page.standing(), sandbox.facebook.page.album()) == ([], [])
    assert sandbox.facebook.page.videos == {}
    assert sandbox.calls("facebook", "feed.read") == 0  # the ids are known


async def test_what_is_gone_already_is_withdrawn(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    out = await published(desk, page, photo_count=1)
    sandbox.facebook.page.delete(out.ids[0])
    assert isinstance(await go(page, await withdrawal(desk, page, out), Recorder()), Sent)
    assert sandbox.facebook.page.album() == []


@pytest.mark.parametrize(
    ("fault", "code", "scope"),
    [
        ({"code": 190}, "credential", Scope.LANE),
        ({"code": 200}, "permission", Scope.LANE),
        ({"code": 80001}, "throttled", Scope.LANE),
        ({"code": 1}, "server", Scope.DELIVERY),
    ],
)
async def test_f39_an_error_at_a_deletion_waits_and_the_withdrawal_goes_on(
    page: Facebook, sandbox: Sandbox, desk: Desk, fault: dict[str, int], code: str, scope: Scope
) -> None:
    out = await published(desk, page, photo_count=2)
    job, progress = await withdrawal(desk, page, out), Recorder()
    sandbox.faults.order("facebook", "object.delete", "graph_error", after=1, **fault)
    outcome = await go(page, job, progress)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.scope) == (code, scope)
    assert "fbtrace_id" in outcome.reason
    assert sandbox.facebook.page.standing() == []  # the post, which everybody sees, went first
    assert isinstance(await go(page, job, progress), Sent)
    assert sandbox.facebook.page.album() == []
    assert len(sandbox.effects("facebook", "delete")) == 3


async def test_a_deletion_that_facebook_does_not_confirm_is_made_again(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page)
    sandbox.faults.order("facebook", "object.delete", "error", status=200, body={"success": False})
    job, progress = await withdrawal(desk, page, out), Recorder()
    assert isinstance(await go(page, job, progress), Deferred)
    assert isinstance(await go(page, job, progress), Sent)


async def test_a_withdrawal_where_nothing_stands_has_nothing_to_do(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page)
    calls = sandbox.calls("facebook")
    outcome = await go(page, await withdrawal(desk, page, out, before=None), Recorder())
    assert outcome == Sent(Receipt((), detail={"nothing": "stood there"}))
    assert sandbox.calls("facebook") == calls


@pytest.mark.parametrize("media", [{}, {"photo_count": 2}, {"videos": 1}])
async def test_f39_a_post_whose_answer_was_lost_is_found_and_deleted(
    page: Facebook, sandbox: Sandbox, desk: Desk, media: dict[str, int]
) -> None:
    last = "videos.finish" if "videos" in media else "feed.create"
    sandbox.faults.order("facebook", last, "reset_after")
    out = await published(desk, page, **media)
    assert isinstance(out.outcome, Unknown)
    assert isinstance(await go(page, await withdrawal(desk, page, out), Recorder()), Sent)
    assert (sandbox.facebook.page.standing(), sandbox.facebook.page.album()) == ([], [])


async def test_f39_a_post_that_never_left_is_proved_absent_but_not_too_early(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    sandbox.faults.order("facebook", "feed.create", "reset_before")
    out = await published(desk, page, photo_count=1)
    job, progress = await withdrawal(desk, page, out), Recorder()
    early = await go(page, job, progress)
    assert isinstance(early, Deferred)
    assert (early.code, early.throttled) == ("settling", True)
    desk.time.pass_by(16)
    assert isinstance(await go(page, job, progress), Sent)
    assert sandbox.facebook.page.photos == {}  # nor does what nobody saw stay behind


async def test_f39_a_video_in_doubt_is_deleted_by_its_own_id(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    sandbox.faults.order("facebook", "videos.finish", "reset_after")
    out = await published(desk, page, videos=1)
    (post,) = sandbox.facebook.page.standing()
    post.message = "changed by hand"  # so that the feed does not show our text
    before = out.before(progress=out.progress.kept | {"duplicate": {"at": desk.time().isoformat()}})
    assert isinstance(await go(page, await withdrawal(desk, page, out, before=before), Recorder()), Sent)
    assert sandbox.facebook.page.standing() == []


async def test_f39_a_post_far_back_in_the_feed_is_found(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    sandbox.faults.order("facebook", "feed.create", "reset_after")
    out = await published(desk, page)
    for number in range(100):
        sandbox.facebook.page.add_post({"message": f"{number}"})
    assert isinstance(await go(page, await withdrawal(desk, page, out), Recorder()), Sent)
    assert len(sandbox.facebook.page.standing()) == 100


async def test_a_visitors_post_with_our_words_is_not_deleted(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    sandbox.faults.order("facebook", "feed.create", "reset_after")
    out = await published(desk, page)
    citizen = sandbox.facebook.page.visit(sandbox.facebook.page.standing()[0].message)
    assert isinstance(await go(page, await withdrawal(desk, page, out), Recorder()), Sent)
    assert sandbox.facebook.page.feed() == [citizen]


async def test_an_invalid_deletion_is_not_taken_for_a_post_that_is_gone(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page)
    sandbox.faults.order("facebook", "object.delete", "graph_error", code=100)
    outcome = await go(page, await withdrawal(desk, page, out), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "invalid"


@pytest.mark.parametrize("case", ["confirmed", "duplicate", "too_long"])
async def test_where_nobody_knows_a_person_is_told_where_to_look(
    page: Facebook, sandbox: Sandbox, desk: Desk, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.faults.order("facebook", "feed.create", "reset_before")
    out = await published(desk, page)
    desk.time.pass_by(60)
    before = out.before()
    if case == "confirmed":
        receipt = Receipt((), (), {"confirmed_by": "person:2"})
        before = out.before(receipt=receipt, progress={"part:0": {"confirmed": "person:2"}}, doubt=False)
    elif case == "duplicate":
        before = out.before(progress={"duplicate": {"at": desk.time().isoformat()}})
    else:
        monkeypatch.setattr("distributor.adapters.facebook_feed.MOST_PAGES", 0)
    for job in (
        await withdrawal(desk, page, out, before=before),
        await correction(desk, page, out, corrected(out.revision, lead=NEW), before=before),
    ):
        outcome = await go(page, job, Recorder())
        assert isinstance(outcome, Rejected)
        assert outcome.code == "where_unknown"
        assert OLD_POST in outcome.reason


async def test_what_a_person_confirmed_is_found_by_its_text_and_corrected(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page)
    receipt = Receipt((), (), {"confirmed_by": "person:2"})
    before = out.before(receipt=receipt, progress={"part:0": {"confirmed": "person:2"}})
    job = await correction(desk, page, out, corrected(out.revision, lead=NEW), before=before)
    outcome = await go(page, job, Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == out.ids
    assert _kinds(sandbox) == ["post", "edit"]


async def test_a_doubt_that_nothing_answers_is_told_although_what_is_known_was_deleted(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    out = await published(desk, page)
    outcome = await go(page, await withdrawal(desk, page, out, before=out.before(doubt=True)), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("what is known was deleted, but another post may stand")
    assert sandbox.facebook.page.standing() == []


@pytest.mark.parametrize("kind", ["html", "error", "reset_before", "wrong_type", "empty", "429", "graph_error"])
async def test_a_feed_that_cannot_be_read_deletes_nothing_and_waits(
    page: Facebook, sandbox: Sandbox, desk: Desk, kind: str
) -> None:
    sandbox.faults.order("facebook", "feed.create", "reset_after")
    out = await published(desk, page)
    sandbox.faults.order("facebook", "feed.read", kind)
    job, progress = await withdrawal(desk, page, out), Recorder()
    assert isinstance(await go(page, job, progress), Deferred)
    assert len(sandbox.facebook.page.standing()) == 1
    assert isinstance(await go(page, job, progress), Sent)
