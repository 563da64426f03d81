"""A correction or withdrawal of which a restored database does not know what became of it: edits and deletions are made
again, and no post is made before it was looked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor.adapters.email import Email, EmailSettings
from distributor.adapters.facebook import Facebook, FacebookSettings
from distributor.adapters.telegram import Telegram
from distributor.adapters.x import X, XSettings
from distributor.core.channel import RESTORED, Action
from distributor.core.outcome import Absent, CannotTell, LookAgain, Sent, Unknown
from distributor.sandbox import Sandbox
from distributor.sandbox.telegram import WITNESS_TOKEN
from tests.adapters.after_support import corrected, correction, go, published, withdrawal
from tests.adapters.support import Desk, Recorder
from tests.adapters.telegram_after import Kept, calls, numbers, sent
from tests.adapters.telegram_after import published as posted
from tests.adapters.telegram_stage import Stage, settings

NEW = "ხანძარი 45 წუთში ჩააქრეს."
GROUP_FORBIDS = {"ok": False, "error_code": 400, "description": "Bad Request: message can't be edited"}


def old() -> Recorder:
    """What a backup knows of a delivery that was still queued."""
    return Recorder({RESTORED: {"asked": []}})


class Platforms:
    """The sandbox, and channels before it."""

    def __init__(self, sandbox: Sandbox, desk: Desk, closing: AsyncExitStack) -> None:
        self.sandbox, self.desk, self._closing = sandbox, desk, closing

    def x(self, **changes: Any) -> X:
        keys = self.sandbox.accounts.x_keys
        names = ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
        facts = {"api_url": self.sandbox.x.api_url, "account": "mia_sandbox"} | {
            one: getattr(keys, one) for one in names
        }
        return self._kept(X("x", XSettings.model_validate(facts | changes), self.desk.surroundings))

    def facebook(self) -> Facebook:
        accounts = self.sandbox.accounts
        facts = {"page": accounts.facebook_page, "token": accounts.facebook_token}
        facts["api_url"] = self.sandbox.facebook.api_url
        return self._kept(Facebook("facebook", FacebookSettings.model_validate(facts), self.desk.surroundings))

    def telegram(self, **changes: Any) -> Stage:
        made = Telegram("public", settings(self.sandbox, **changes), self.desk.surroundings, settles=timedelta(0))
        return Stage(self.sandbox, self.desk, self._kept(made))

    def _kept(self, channel: Any) -> Any:
        self._closing.push_async_callback(channel.aclose)
        return channel


@pytest.fixture
async def at(folder: Path) -> AsyncIterator[Platforms]:
    async with AsyncExitStack() as closing:
        sandbox = await closing.enter_async_context(Sandbox())
        desk = Desk.at(folder)
        closing.push_async_callback(desk.aclose)
        yield Platforms(sandbox, desk, closing)


@pytest.mark.parametrize("setting", ["reply", "repost"])
@pytest.mark.parametrize("doubt", [False, True])
async def test_a_correction_that_x_has_is_found(at: Platforms, setting: str, doubt: bool) -> None:
    x = at.x(correction=setting)
    out = await published(at.desk, x)
    before = out.before(doubt=doubt)
    job = await correction(at.desk, x, out, corrected(out.revision, lead=NEW), before=before)
    assert isinstance(await go(x, job, Recorder()), Sent)
    there = [post["id"] for post in reversed(at.sandbox.x.timeline())]
    progress = old()
    finding = await x.reconcile(job, progress)
    assert isinstance(finding, Sent)
    assert list(finding.receipt.remote_ids) == there
    assert isinstance(await go(x, job, progress), Sent)
    assert [post["id"] for post in reversed(at.sandbox.x.timeline())] == there


async def test_a_correction_that_went_on_its_own_is_found_too(at: Platforms) -> None:
    x = at.x()
    out = await published(at.desk, x)
    at.sandbox.x.posts.delete(out.ids[0])
    job, first = await correction(at.desk, x, out, corrected(out.revision, lead=NEW)), Recorder()
    await go(x, job, first)
    assert isinstance(await go(x, job, first), Sent)
    finding = await x.reconcile(job, old())
    assert isinstance(finding, Sent)
    assert finding.receipt.remote_ids == tuple(post["id"] for post in at.sandbox.x.timeline())
    assert len(finding.receipt.remote_ids) == 1


async def test_a_correction_that_x_does_not_have_goes_again_after_its_time(at: Platforms) -> None:
    x = at.x()
    out = await published(at.desk, x)
    job, progress = await correction(at.desk, x, out, corrected(out.revision, lead=NEW)), old()
    assert isinstance(await x.reconcile(job, progress), LookAgain)
    at.desk.time.pass_by(16)
    assert isinstance(await x.reconcile(job, progress), Absent)
    assert isinstance(await go(x, job, progress), Sent)
    assert len(at.sandbox.x.timeline()) == 2


async def test_x_that_cannot_be_read_is_read_again(at: Platforms) -> None:
    x = at.x()
    out = await published(at.desk, x)
    job, progress = await correction(at.desk, x, out, corrected(out.revision, lead=NEW)), old()
    assert isinstance(await go(x, job, Recorder()), Sent)
    at.sandbox.faults.order("x", "users.tweets", "error", status=503)
    assert isinstance(await x.reconcile(job, progress), LookAgain)
    assert isinstance(await x.reconcile(job, progress), Sent)


@pytest.mark.parametrize("gone", [False, True])
async def test_a_labelled_post_on_the_page_is_found(at: Platforms, gone: bool) -> None:
    page = at.facebook()
    out = await published(at.desk, page, photo_count=1)
    change: dict[str, Any] = {"lead": NEW} if gone else {"media": []}
    job, first = await correction(at.desk, page, out, corrected(out.revision, **change)), Recorder()
    if gone:  # somebody deleted it by hand, so that it could not be edited
        at.sandbox.facebook.page.delete(out.ids[0])
        await go(page, job, first)
    assert isinstance(await go(page, job, first), Sent)
    (post,) = at.sandbox.facebook.page.standing()
    finding = await page.reconcile(job, old())
    assert isinstance(finding, Sent)
    assert finding.receipt.remote_ids == (post.id,)


async def test_an_edit_on_the_page_is_made_again(at: Platforms) -> None:
    page = at.facebook()
    out = await published(at.desk, page)
    job, progress = await correction(at.desk, page, out, corrected(out.revision, lead=NEW)), old()
    assert isinstance(await go(page, job, Recorder()), Sent)
    assert isinstance(await page.reconcile(job, progress), Absent)
    outcome = await go(page, job, progress)
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == out.ids
    assert [effect.kind for effect in at.sandbox.effects("facebook")].count("post") == 1


async def test_deletions_are_made_again(at: Platforms) -> None:
    for channel in (at.x(), at.facebook()):
        out = await published(at.desk, channel)
        job, progress = await withdrawal(at.desk, channel, out), old()
        assert isinstance(await go(channel, job, Recorder()), Sent)
        assert isinstance(await channel.reconcile(job, progress), Absent)
        assert isinstance(await go(channel, job, progress), Sent)


async def test_messages_are_edited_again_and_a_labelled_correction_is_asked_about_by_its_number(at: Platforms) -> None:
    stage = at.telegram()
    release = await posted(stage)
    new, before = release.changed(body="სხვა"), replace(release.before, doubt=True)
    sent(await release.correct(new, before=before))
    job = await release.job(new, Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი", before=before)
    progress = Kept({RESTORED: {"asked": []}})
    assert isinstance(await stage.channel.reconcile(job, progress), Absent)
    asked = await stage.channel.publish(job, progress)
    assert isinstance(asked, Unknown)
    assert asked.step == f"part:{len(job.rendering.parts) - 1}"
    assert len(stage.posts) == 2
    assert isinstance(await stage.channel.reconcile(job, progress), CannotTell)
    seen = progress.revived()
    seen.kept[asked.step] = {"confirmed": "person:3"}
    sent(await stage.channel.publish(job, seen))
    assert len(stage.posts) == 2
    sent(await stage.channel.publish(job, progress))  # the person says that it is not there
    assert len(stage.posts) == 3


async def test_a_refused_edit_leads_to_no_second_labelled_correction(at: Platforms) -> None:
    stage = at.telegram()
    release = await posted(stage)
    for times in (1, 2):
        stage.order("editMessageText", "error", status=400, body=GROUP_FORBIDS)
        if times == 1:
            sent(await release.correct(release.changed(body="სხვა")))
    job = await release.job(release.changed(body="სხვა"), Action.CORRECT, "დაზუსტდა დაშავებულთა რიცხვი")
    progress = Kept({RESTORED: {"asked": []}})
    assert isinstance(await stage.channel.reconcile(job, progress), Absent)
    assert isinstance(await stage.channel.publish(job, progress), Unknown)
    assert calls(stage).count("sendMessage") == 2


async def test_the_witness_finds_what_was_posted_since(at: Platforms) -> None:
    stage = at.telegram(witness_token=WITNESS_TOKEN)
    release = await posted(stage)
    before = replace(release.before, doubt=True)
    sent(await release.withdraw("მცდარი", before=before))
    job = await release.job(replace(release.revision, number=9), Action.WITHDRAW, "მცდარი", before=before)
    progress, other = Kept({RESTORED: {"asked": []}}), at.telegram(witness_token=WITNESS_TOKEN).channel
    assert isinstance(await other.reconcile(job, progress), Absent)
    assert isinstance(await other.publish(job, progress), Unknown)
    found = sent(await other.reconcile(job, progress))  # type: ignore[arg-type]  # a finding that is an outcome too
    assert found.remote_ids == tuple(map(str, numbers(stage)))


async def test_a_correction_that_publishes_asks_about_each_of_its_messages(at: Platforms) -> None:
    stage = at.telegram()
    release = await posted(stage)
    new = release.changed(body="\n\n".join(f"სართული {number}: სრულად დათვალიერდა შენობა." for number in range(150)))
    job = await release.job(new, Action.CORRECT, "დაზუსტდა", before=None)
    progress = Kept({RESTORED: {"asked": []}})
    assert isinstance(await stage.channel.reconcile(job, progress), CannotTell)
    progress.kept["part:0"] = {"confirmed": "person:3"}
    before = len(stage.posts)
    asked = await stage.channel.publish(job, progress)
    assert isinstance(asked, Unknown)
    assert (asked.step, len(stage.posts)) == ("part:1", before)
    assert isinstance(await stage.channel.reconcile(job, progress), CannotTell)
    assert isinstance(await stage.channel.publish(job, progress), Sent)


async def test_a_mail_for_whom_nothing_stands_is_not_asked_about(at: Platforms) -> None:
    facts = {"host": "127.0.0.1", "port": at.sandbox.mail.port, "security": "none", "sender": "press@mia.example"}
    mail = Email("press", EmailSettings.model_validate(facts), at.desk.surroundings)
    out = await published(at.desk, at.x())
    job = await withdrawal(at.desk, mail, out, before=None)
    assert isinstance(await mail.reconcile(job, old()), Absent)
    await mail.aclose()
