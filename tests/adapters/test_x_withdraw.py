"""Withdrawals on X, over real HTTP: every post is deleted; what is known of them, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from distributor.adapters.x import X
from distributor.core.outcome import Absent, Deferred, Receipt, Rejected, Scope, Sent, Unknown
from distributor.sandbox import Sandbox
from tests.adapters.after_support import Out, corrected, correction, go, published, withdrawal
from tests.adapters.support import Desk, Recorder

NEW = "ხანძარი 45 წუთში ჩააქრეს."
PROFILE = "https://x.com/mia_sandbox"


Open = Callable[..., X]


def _standing(sandbox: Sandbox) -> dict[str, str]:
    return {post["id"]: post["text"] for post in reversed(sandbox.x.timeline())}


def _code(outcome: object) -> str:
    return str(getattr(outcome, "code", type(outcome).__name__))


async def test_a_withdrawal_deletes_every_post_of_a_thread(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x(thread=True)
    out = await published(desk, x, body="სიტყვა " * 100, photo_count=1)
    assert isinstance(await go(x, await withdrawal(desk, x, out), Recorder()), Sent)
    assert _standing(sandbox) == {}
    assert sandbox.calls("x", "users.tweets") == 0  # the ids are known


@pytest.mark.parametrize("told", ["deleted: false", "404", "404 twice"])
async def test_what_is_gone_already_is_withdrawn(open_x: Open, sandbox: Sandbox, desk: Desk, told: str) -> None:
    x = open_x()
    out = await published(desk, x)
    sandbox.x.posts.delete(out.ids[0])
    kind = "https://api.x.com/2/problems/resource-not-found"
    body = {"title": "Not Found Error", "status": 404, "detail": "Could not find tweet.", "type": kind}
    for method in {"404": ["tweets.delete"], "404 twice": ["tweets.delete", "tweets.get"]}.get(told, []):
        sandbox.faults.order("x", method, "error", status=404, body=body)
    assert isinstance(await go(x, await withdrawal(desk, x, out), Recorder()), Sent)


@pytest.mark.parametrize("body", [{"data": {"deleted": False}}, {"title": "Not Found", "detail": "Not Found"}])
async def test_a_post_that_x_still_shows_is_not_called_withdrawn(
    open_x: Open, sandbox: Sandbox, desk: Desk, body: dict[str, Any]
) -> None:
    x = open_x()
    out = await published(desk, x)
    status = 200 if "data" in body else 404
    sandbox.faults.order("x", "tweets.delete", "error", status=status, body=body)
    outcome = await go(x, await withdrawal(desk, x, out), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "not_deleted"
    assert f"{PROFILE}/status/{out.ids[0]}" in outcome.reason


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "hang", "html", "wrong_type", "empty", "error"])
async def test_f39_a_deletion_whose_answer_was_lost_is_made_again(
    open_x: Open, sandbox: Sandbox, desk: Desk, kind: str
) -> None:
    x = open_x(answer_timeout=0.2, connect_timeout=0.2)
    out = await published(desk, x)
    job, progress = await withdrawal(desk, x, out), Recorder()
    options = {"seconds": 1, "effect": True} if kind == "hang" else {}
    sandbox.faults.order("x", "tweets.delete", kind, **options)
    outcome = await go(x, job, progress)
    assert isinstance(outcome, Deferred)
    # A kept connection that breaks is no reason to send the same signature twice: X answers a replay with 401.
    assert (outcome.scope, sandbox.calls("x", "tweets.delete")) == (Scope.DELIVERY, 1)
    assert isinstance(await x.reconcile(job, progress), Absent)  # killed meanwhile: again
    assert isinstance(await go(x, job, progress), Sent)
    assert len(sandbox.effects("x", "delete")) == 1


async def test_f07_fifty_deletions_used_up_wait_for_the_reset_and_go_on_where_they_stopped(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x(thread=True)
    out = await published(desk, x, body="სიტყვა " * 100)
    sandbox.x.limit("tweets.delete", 2)
    job, progress = await withdrawal(desk, x, out), Recorder()
    outcome = await go(x, job, progress)
    assert isinstance(outcome, Deferred)
    assert (outcome.throttled, outcome.scope) == (True, Scope.DELIVERY)  # posts have a window of their own
    assert outcome.retry_after is not None
    assert 890 < outcome.retry_after <= 901
    assert len(_standing(sandbox)) == len(out.ids) - 2
    sandbox.x.limit("tweets.delete", 50)
    before = sandbox.calls("x", "tweets.delete")
    assert isinstance(await go(x, job, progress), Sent)
    assert sandbox.calls("x", "tweets.delete") - before == len(out.ids) - 2


async def test_f09_a_revoked_token_pauses_the_lane_at_a_withdrawal_too(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    out = await published(desk, x)
    sandbox.x.revoked = True
    outcome = await go(x, await withdrawal(desk, x, out), Recorder())
    assert isinstance(outcome, Deferred)
    assert (outcome.scope, outcome.throttled) == (Scope.LANE, False)


async def test_a_withdrawal_where_nothing_stands_has_nothing_to_do(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    job = await withdrawal(desk, x, Out(await desk.release(), await desk.claimed(x), Absent("")), before=None)  # type: ignore[arg-type]  # nothing went out
    assert await go(x, job, Recorder()) == Sent(Receipt((), detail={"nothing": "stood there"}))
    assert sandbox.calls("x") == 0


@pytest.mark.parametrize("thread", [False, True])
async def test_f39_a_post_whose_answer_was_lost_is_found_by_its_text_and_deleted(
    open_x: Open, sandbox: Sandbox, desk: Desk, thread: bool
) -> None:
    x = open_x(thread=thread)
    sandbox.faults.order("x", "tweets.create", "reset_after", after=int(thread))
    out = await published(desk, x, body="სიტყვა " * 60)
    assert isinstance(out.outcome, Unknown)
    desk.time.pass_by(16)
    assert isinstance(await go(x, await withdrawal(desk, x, out), Recorder()), Sent)
    assert len(sandbox.effects("x", "delete")) == 1 + thread
    assert _standing(sandbox) == {}


async def test_f39_a_post_that_never_left_is_proved_absent_but_not_too_early(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    sandbox.faults.order("x", "tweets.create", "reset_before")
    out = await published(desk, x)
    job, progress = await withdrawal(desk, x, out), Recorder()
    early = await go(x, job, progress)
    assert isinstance(early, Deferred)
    assert (early.code, early.throttled) == ("settling", True)
    desk.time.pass_by(16)
    assert await go(x, job, progress) == Sent(Receipt((), detail={"nothing": "stood there"}))


@pytest.mark.parametrize("case", ["confirmed", "duplicate", "too_long"])
async def test_where_nobody_knows_a_person_is_told_where_to_look(
    open_x: Open, sandbox: Sandbox, desk: Desk, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = open_x()
    sandbox.faults.order("x", "tweets.create", "reset_before")
    out = await published(desk, x)
    desk.time.pass_by(60)
    before = out.before()
    if case == "confirmed":
        receipt = Receipt((), (), {"confirmed_by": "person:2"})
        before = out.before(receipt=receipt, progress={"part:0": {"confirmed": "person:2"}}, doubt=False)
    elif case == "duplicate":
        before = out.before(progress={"duplicate": {"at": desk.time().isoformat()}})
    else:
        monkeypatch.setattr("distributor.adapters.x_timeline.MOST_PAGES", 0)
    outcome = await go(x, await withdrawal(desk, x, out, before=before), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "where_unknown"
    assert f"look at {PROFILE} for posts of this release since" in outcome.reason


async def test_what_a_person_confirmed_is_found_by_its_text(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    out = await published(desk, x)
    receipt = Receipt((), (), {"confirmed_by": "person:2"})
    before = out.before(receipt=receipt, progress={"part:0": {"confirmed": "person:2"}})
    assert isinstance(await go(x, await withdrawal(desk, x, out, before=before), Recorder()), Sent)
    assert _standing(sandbox) == {}


async def test_a_correction_in_doubt_is_found_beside_its_post_but_our_other_answers_stay(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    out = await published(desk, x)
    job = await correction(desk, x, out, corrected(out.revision, lead=NEW))
    sandbox.faults.order("x", "tweets.create", "reset_after")
    assert isinstance(await go(x, job, Recorder()), Unknown)  # and became a case: nobody said yet what came of it
    said = {"text": "დიახ, გზა გახსნილია", "reply": {"in_reply_to_tweet_id": out.ids[0]}}
    other = sandbox.x.posts.create(said)["data"]["id"]
    outcome = await go(x, await withdrawal(desk, x, out, before=out.before(doubt=True)), Recorder())
    assert isinstance(outcome, Sent)
    assert list(_standing(sandbox)) == [other]


async def test_a_doubt_that_nothing_answers_is_told_although_what_is_known_was_deleted(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    out = await published(desk, x)
    outcome = await go(x, await withdrawal(desk, x, out, before=out.before(doubt=True)), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("what is known was deleted, but another post may stand")
    assert _standing(sandbox) == {}


async def test_a_correction_of_what_nobody_can_find_goes_on_its_own_unless_a_photo_must_go(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    sandbox.faults.order("x", "tweets.create", "reset_before", times=2)
    out = await published(desk, x, photo_count=1)
    before = out.before(progress={"duplicate": {"at": desk.time().isoformat()}})
    job = await correction(desk, x, out, corrected(out.revision, lead=NEW, media=()), before=before)
    desk.time.pass_by(60)
    assert _code(await go(x, job, Recorder())) == "where_unknown"
    sandbox.faults.clear()
    job = await correction(desk, x, out, corrected(out.revision, lead=NEW), before=before)
    assert isinstance(await go(x, job, Recorder()), Sent)
    (post,) = sandbox.x.timeline()
    assert post["text"].startswith("შესწორება: ")


@pytest.mark.parametrize("kind", ["html", "error", "reset_before", "wrong_type", "empty", "429"])
async def test_a_timeline_that_cannot_be_read_deletes_nothing_and_waits(
    open_x: Open, sandbox: Sandbox, desk: Desk, kind: str
) -> None:
    x = open_x()
    sandbox.faults.order("x", "tweets.create", "reset_after")
    out = await published(desk, x)
    desk.time.pass_by(60)
    sandbox.faults.order("x", "users.tweets", kind)
    job, progress = await withdrawal(desk, x, out), Recorder()
    assert isinstance(await go(x, job, progress), Deferred)
    assert len(_standing(sandbox)) == 1
    assert isinstance(await go(x, job, progress), Sent)
