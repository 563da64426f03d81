"""X after publishing, over real HTTP: answers, deleting and posting again, withdrawals; what is known and what not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from distributor.adapters import x_text
from distributor.adapters.x import X
from distributor.core.channel import Action
from distributor.core.outcome import Absent, Deferred, LookAgain, Receipt, Sent, Unknown
from distributor.core.release import Notice
from distributor.core.rendering import Severity
from distributor.sandbox import Sandbox
from tests.adapters.after_support import WORDS, Out, corrected, correction, follows, go, published, withdrawal
from tests.adapters.support import TITLE, Desk, Recorder
from tests.adapters.test_x_text import _source

NEW = "ხანძარი 45 წუთში ჩააქრეს."
PROFILE = "https://x.com/mia_sandbox"


Open = Callable[..., X]


def _standing(sandbox: Sandbox) -> dict[str, str]:
    return {post["id"]: post["text"] for post in reversed(sandbox.x.timeline())}


def _code(outcome: object) -> str:
    return str(getattr(outcome, "code", type(outcome).__name__))


async def test_a_correction_answers_the_post_and_the_receipt_names_both(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    out = await published(desk, x, photo_count=2)
    outcome = await go(x, await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder())
    assert isinstance(outcome, Sent)
    first, answer = sandbox.effects("x", "post")
    assert (answer["text"], answer["reply_to"]) == (f"შესწორება: {WORDS}\n\n{TITLE}\n\n{NEW}", first["id"])
    assert answer["media"] == []  # the photos stand above it already
    assert outcome.receipt.remote_ids == (first["id"], answer["id"])
    assert outcome.receipt.links == tuple(f"{PROFILE}/status/{post}" for post in outcome.receipt.remote_ids)
    assert outcome.receipt.detail["form"] == "reply"


async def test_an_answer_shows_the_photo_that_is_new(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    whole = await desk.release(photo_count=2)
    out = await published(desk, x, photo_count=1)
    job = await correction(desk, x, out, corrected(out.revision, media=whole.media))
    assert isinstance(await go(x, job, Recorder()), Sent)
    (shown,) = sandbox.x.timeline()[0]["media"]
    assert shown["alt_text"] == "აღწერა 2"


async def test_the_second_correction_answers_the_first_and_a_withdrawal_takes_all_away(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    out = await published(desk, x)
    for lead in (NEW, "ხანძარი 50 წუთში ჩააქრეს."):
        revision, progress = corrected(out.revision, lead=lead), Recorder()
        job = await correction(desk, x, out, revision)
        out = Out(revision, job, await go(x, job, progress), progress)
    posts = sandbox.effects("x", "post")
    assert [post["reply_to"] for post in posts] == [None, posts[0]["id"], posts[1]["id"]]
    assert out.ids == tuple(post["id"] for post in posts)
    outcome = await go(x, await withdrawal(desk, x, out), Recorder())
    assert _standing(sandbox) == {}
    assert outcome == Sent(Receipt((), detail={"deleted": " ".join(out.ids)}))


async def test_an_answer_to_a_thread_hangs_on_its_last_post(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x(thread=True)
    out = await published(desk, x, body="სიტყვა " * 100)
    assert len(out.ids) > 2
    assert isinstance(await go(x, await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()), Sent)
    assert sandbox.effects("x", "post")[-1]["reply_to"] == out.ids[-1]


async def test_by_setting_the_old_post_goes_and_the_labelled_new_one_stands(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x(correction="repost")
    out = await published(desk, x, photo_count=1)
    outcome = await go(x, await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder())
    (post,) = sandbox.x.timeline()
    assert post["text"] == f"შესწორება: {TITLE}\n\n{WORDS}\n\n{NEW}"
    assert (len(post["media"]), post["reply_to"]) == (1, None)
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == (post["id"],)


@pytest.mark.parametrize("withdrawn", [True, False])
async def test_a_photo_that_must_disappear_is_never_left_in_the_old_post(
    open_x: Open, sandbox: Sandbox, desk: Desk, withdrawn: bool
) -> None:
    x = open_x(correction="reply")
    out = await published(desk, x, photo_count=3)
    gone, *rest = out.revision.media
    notice: dict[str, Any] = {"withdrawn": (gone.asset.digest,)} if withdrawn else {}
    job = await correction(desk, x, out, corrected(out.revision, media=rest, **notice))
    assert isinstance(await go(x, job, Recorder()), Sent)
    assert [effect.kind for effect in sandbox.effects("x")] == ["post", "delete", "post"]
    (post,) = sandbox.x.timeline()
    assert [one["alt_text"] for one in post["media"]] == ["აღწერა 2", "აღწერა 3"]
    assert [problem.code for problem in x.check(job.rendering)] == ["corrects_by_repost"]


async def test_a_photo_that_stands_by_an_older_version_goes_too(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    # The revision before had taken the photo out already, but its delivery never reached X.
    x = open_x()
    out = await published(desk, x, photo_count=2)
    second = corrected(out.revision, media=out.revision.media[:1])
    third = corrected(second, lead=NEW, media=second.media)
    job = desk.job(x, await follows(desk, x, third, second), action=Action.CORRECT, before=out.before())
    assert isinstance(await go(x, job, Recorder()), Sent)
    assert [len(post["media"]) for post in sandbox.x.timeline()] == [1]


async def test_the_old_post_stays_until_the_new_ones_photos_are_there(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x(correction="repost")
    out = await published(desk, x, photo_count=1)
    job, progress = await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    assert _code(await x.publish(job, progress)) == "media_expired"
    assert list(_standing(sandbox)) == list(out.ids)
    sandbox.faults.order("x", "media.finalize", "html")
    assert isinstance(await go(x, job, progress), Deferred)
    assert list(_standing(sandbox)) == list(out.ids)
    assert isinstance(await go(x, job, progress), Sent)


async def test_a_correction_where_nothing_stands_is_the_plain_post(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    revision = await desk.release(photo_count=1)
    rendering = await follows(desk, x, corrected(revision, lead=NEW), revision)
    for action, before in ((Action.CORRECT, None), (Action.PUBLISH, None)):
        job, progress = desk.job(x, rendering, action=action, before=before), Recorder()
        outcome = await go(x, job, progress)
        assert isinstance(outcome, Sent)
        assert _standing(sandbox) == {outcome.receipt.remote_ids[0]: f"{TITLE}\n\n{NEW}"}
        sandbox.x.posts.delete(outcome.receipt.remote_ids[0])


@pytest.mark.parametrize("setting", ["reply", "repost"])
async def test_f03_a_lost_correction_is_looked_for_and_not_sent_twice(
    open_x: Open, sandbox: Sandbox, desk: Desk, setting: str
) -> None:
    x = open_x(correction=setting)
    out = await published(desk, x)
    job, progress = await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    sandbox.faults.order("x", "tweets.create", "reset_after")
    lost = await go(x, job, progress)
    assert isinstance(lost, Unknown)
    finding = await x.reconcile(job, progress)
    assert isinstance(finding, Sent)
    assert finding.receipt.remote_ids == tuple(_standing(sandbox))
    assert len(sandbox.effects("x", "post")) == 2


async def test_a_correction_that_never_left_is_absent_only_after_its_own_time(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x(correction="repost")
    out = await published(desk, x)
    job, progress = await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    assert isinstance(await x.reconcile(job, progress), Absent)  # killed before it was even planned
    desk.time.pass_by(3600)  # the intent is old: deletions were throttled meanwhile
    sandbox.faults.order("x", "tweets.create", "reset_before")
    assert isinstance(await go(x, job, progress), Unknown)
    assert isinstance(await x.reconcile(job, progress), LookAgain)
    desk.time.pass_by(16)
    assert isinstance(await x.reconcile(job, progress), Absent)
    assert isinstance(await go(x, job, progress), Sent)
    assert [effect.kind for effect in sandbox.effects("x")] == ["post", "delete", "post"]


async def test_where_the_old_post_is_gone_the_labelled_correction_goes_on_its_own(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    out = await published(desk, x)
    sandbox.x.posts.delete(out.ids[0])  # somebody deleted it by hand
    job, progress = await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    refused = await go(x, job, progress)
    assert _code(refused) == "reply_refused"
    outcome = await go(x, job, progress)
    assert isinstance(outcome, Sent)
    assert _standing(sandbox) == {outcome.receipt.remote_ids[0]: f"შესწორება: {TITLE}\n\n{WORDS}\n\n{NEW}"}


async def test_where_x_takes_no_answer_both_posts_stand_and_the_receipt_names_both(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    out = await published(desk, x)
    detail = "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged."
    body = {"title": "Forbidden", "status": 403, "detail": detail, "type": "about:blank"}
    sandbox.faults.order("x", "tweets.create", "error", status=403, body=body)
    job, progress = await correction(desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    refused = await go(x, job, progress)
    assert isinstance(refused, Deferred)
    assert detail in refused.reason
    outcome = await go(x, job, progress)
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == tuple(_standing(sandbox))
    assert len(outcome.receipt.remote_ids) == 2


# Words


@pytest.mark.parametrize("language", ["ka", "en"])
def test_the_answer_keeps_the_limit_whatever_must_be_said(language: str) -> None:
    source = _source()
    version = replace(source.revision.versions[0], language=language, title="სათაური " * 20, lead="ტექსტი " * 60)
    notice = Notice(Action.CORRECT, {language: "განმარტება " * 27})
    revision = replace(source.revision, versions=(version,), notice=notice)
    rendering = x_text.render("x", replace(source, revision=revision, languages=(language,)), link=True, thread=False)
    assert rendering is not None
    assert [part.kind for part in rendering.parts] == ["post", "repost", "reply"]
    assert all(x_text.weight(part.text) <= 280 for part in rendering.parts)
    label = {"ka": "შესწორება: ", "en": "CORRECTION: "}[language]
    assert [part.text.startswith(label) for part in rendering.parts] == [False, True, True]
    assert all(part.text.endswith(source.permanent_url) for part in rendering.parts)
    codes = [(problem.severity, problem.code) for problem in x_text.check(rendering)]
    assert codes.count((Severity.NOTE, "text_shortened")) == 1


async def test_a_first_publication_has_the_bytes_that_it_always_had(open_x: Open, desk: Desk) -> None:
    rendering = await desk.rendering(open_x(), await desk.release())
    (part,) = rendering.parts
    assert (part.kind, part.fields, part.media) == ("post", {}, ())


async def test_a_withdrawal_shows_no_words_and_a_hold_is_not_offered(open_x: Open, desk: Desk) -> None:
    x = open_x()
    revision = await desk.release()
    rendering = await follows(desk, x, replace(revision, notice=Notice(Action.WITHDRAW)), revision)
    assert [(part.kind, part.text, part.media) for part in rendering.parts] == [("delete", "", ())]
    assert x.check(rendering) == ()
    held = replace(await desk.source(x, revision), revision=replace(revision, notice=Notice(Action.HOLD)))
    assert x.render(held) is None
    assert x.traits.actions == {Action.PUBLISH, Action.CORRECT, Action.WITHDRAW}
