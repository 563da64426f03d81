"""X over real HTTP, when all goes well: text, photos, video, alternative text, threads, the look back, the probe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from pydantic import ValidationError

from distributor.adapters.x import X, XSettings
from distributor.adapters.x_media import step_of
from distributor.core.channel import Channel
from distributor.core.outcome import Absent, CannotTell, LookAgain, Sent
from distributor.core.release import Kind
from distributor.sandbox import Sandbox
from tests.adapters.support import LEAD, TITLE, Desk, Recorder


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


def settings(sandbox: Sandbox, **changes: object) -> XSettings:
    keys = sandbox.accounts.x_keys
    facts: dict[str, object] = {
        "api_url": sandbox.x.api_url,
        "account": "@mia_sandbox",
        "consumer_key": keys.consumer_key,
        "consumer_secret": keys.consumer_secret,
        "access_token": keys.access_token,
        "access_token_secret": keys.access_token_secret,
    }
    return XSettings.model_validate(facts | changes)


@pytest_asyncio.fixture
async def x(sandbox: Sandbox, desk: Desk) -> AsyncIterator[X]:
    made = X("x", settings(sandbox), desk.surroundings)
    yield made
    await made.aclose()


async def test_a_text_is_posted_and_the_receipt_says_where(x: X, sandbox: Sandbox, desk: Desk) -> None:
    channel: Channel = x
    job = await desk.claimed(channel)
    progress = Recorder()
    assert await channel.prepare(job, progress) is None
    outcome = await channel.publish(job, progress)
    (post,) = sandbox.effects("x", "post")
    assert post["text"] == f"{TITLE}\n\n{LEAD}"
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == (post["id"],)
    assert outcome.receipt.links == (f"https://x.com/mia_sandbox/status/{post['id']}",)
    assert progress.get("part:0") == {"id": post["id"]}


@pytest.mark.parametrize(("photos", "shown"), [(1, 1), (4, 4), (10, 4)])
async def test_photos_arrive_with_their_alternative_texts(
    x: X, sandbox: Sandbox, desk: Desk, photos: int, shown: int
) -> None:
    job = await desk.claimed(x, photo_count=photos)
    progress = Recorder()
    assert await x.prepare(job, progress) is None
    assert sandbox.effects("x") == []  # an upload is seen by nobody
    assert isinstance(await x.publish(job, progress), Sent)
    (post,) = sandbox.x.timeline()
    assert [one["alt_text"] for one in post["media"]] == [f"აღწერა {number}" for number in range(1, shown + 1)]
    assert [one["sha256"] for one in post["media"]] == [item.rendition.digest for item in job.rendering.parts[0].media]


async def test_a_video_is_streamed_in_chunks_and_processed(sandbox: Sandbox, desk: Desk) -> None:
    x = X("x", settings(sandbox, chunk_bytes=16_384), desk.surroundings)
    job = await desk.claimed(x, videos=1, kind=Kind.VIDEO)
    progress = Recorder()
    assert await x.prepare(job, progress) is None
    assert isinstance(await x.publish(job, progress), Sent)
    await x.aclose()
    (video,) = sandbox.x.timeline()[0]["media"]
    size = job.rendering.parts[0].media[0].rendition.size
    assert (video["kind"], video["sha256"]) == ("video", job.rendering.parts[0].media[0].rendition.digest)
    assert sandbox.calls("x", "media.append") == -(-size // 16_384) > 1
    assert sandbox.calls("x", "media.status") == 2


async def test_f17_an_interrupted_upload_goes_on_where_it_stopped(sandbox: Sandbox, desk: Desk) -> None:
    x = X("x", settings(sandbox, chunk_bytes=16_384), desk.surroundings)
    job = await desk.claimed(x, videos=1)
    progress = Recorder()
    sandbox.faults.order("x", "media.append", "reset_before", after=2)
    outcome = await x.prepare(job, progress)
    assert outcome is not None
    assert await x.prepare(job, progress) is None
    await x.aclose()
    size = job.rendering.parts[0].media[0].rendition.size
    assert sandbox.calls("x", "media.initialize") == 1
    assert sandbox.calls("x", "media.append") == -(-size // 16_384) + 1


async def test_an_upload_that_x_forgot_is_begun_anew(x: X, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(x, photo_count=1)
    step = step_of(job.rendering.parts[0].media[0])
    progress = Recorder({step: {"id": "99", "at": desk.time().isoformat(), "sent": 10, "segment": 1}})
    assert await x.prepare(job, progress) is None
    assert isinstance(await x.publish(job, progress), Sent)
    assert sandbox.calls("x", "media.initialize") == 1


async def test_uploads_older_than_twenty_hours_are_not_used(x: X, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(x, photo_count=1)
    progress = Recorder()
    assert await x.prepare(job, progress) is None
    desk.time.pass_by(timedelta(hours=20, seconds=1).total_seconds())
    assert (await x.publish(job, progress)).__class__.__name__ == "Deferred"
    assert await x.prepare(job, progress) is None
    assert sandbox.calls("x", "media.initialize") == 2


async def test_media_that_x_no_longer_knows_at_the_post_is_uploaded_again(x: X, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(x, photo_count=1)
    progress = Recorder()
    assert await x.prepare(job, progress) is None
    sandbox.x.media.uploads.clear()
    outcome = await x.publish(job, progress)
    assert getattr(outcome, "code", "") == "media_expired"
    assert await x.prepare(job, progress) is None
    assert isinstance(await x.publish(job, progress), Sent)
    assert len(sandbox.effects("x", "post")) == 1


async def test_a_thread_begins_each_later_part_before_it_and_keeps_each_after_it(sandbox: Sandbox, desk: Desk) -> None:
    x = X("x", settings(sandbox, thread=True), desk.surroundings)
    body = "\n\n".join(f"აბზაცი {number}. " + "სიტყვა " * 30 for number in range(3))
    job = await desk.claimed(x, body=body)
    progress = Recorder()
    outcome = await x.publish(job, progress)
    await x.aclose()
    posts = sandbox.effects("x", "post")
    assert len(posts) == len(job.rendering.parts) > 2
    assert [post["reply_to"] for post in posts] == [None, *(post["id"] for post in posts[:-1])]
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == tuple(post["id"] for post in posts)
    steps = [entry for entry in progress.asked if "part:" in entry[1]]
    later = [(verb, f"part:{index}") for index in range(1, len(posts)) for verb in ("begin", "save")]
    assert steps == [("save", "part:0"), *later]


async def test_a_thread_goes_on_after_the_parts_that_are_out(sandbox: Sandbox, desk: Desk) -> None:
    x = X("x", settings(sandbox, thread=True), desk.surroundings)
    job = await desk.claimed(x, body="სიტყვა " * 100)
    progress = Recorder()
    sandbox.faults.order("x", "tweets.create", "429", after=1)
    assert (await x.publish(job, progress)).__class__.__name__ == "Deferred"
    assert len(sandbox.effects("x", "post")) == 1
    assert isinstance(await x.publish(job, progress), Sent)
    await x.aclose()
    assert len(sandbox.effects("x", "post")) == len(job.rendering.parts)


async def test_what_a_person_confirmed_is_not_sent_again(x: X, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(x)
    outcome = await x.publish(job, Recorder({"part:0": {"confirmed": "person:2"}}))
    assert isinstance(outcome, Sent)
    assert sandbox.effects("x") == []


@pytest.mark.parametrize("lead", [LEAD, "დეტალები & <ვიდეო>: police.ge, https://newsroom.gov.ge/releases/a"])
async def test_a_lost_post_is_found_in_the_timeline(x: X, sandbox: Sandbox, desk: Desk, lead: str) -> None:
    job = await desk.claimed(x, photo_count=1, lead=lead)
    progress = Recorder()
    assert await x.prepare(job, progress) is None
    sandbox.faults.order("x", "tweets.create", "reset_after")
    assert (await x.publish(job, progress)).__class__.__name__ == "Unknown"
    finding = await x.reconcile(job, progress)
    assert isinstance(finding, Sent)
    assert finding.receipt.remote_ids == (sandbox.effects("x", "post")[0]["id"],)


async def test_a_post_is_absent_only_after_it_had_time_to_appear(x: X, desk: Desk) -> None:
    job = await desk.claimed(x)
    first = await x.reconcile(job, Recorder())
    assert isinstance(first, LookAgain)
    assert 14 < first.retry_after <= 15
    desk.time.pass_by(16)
    assert isinstance(await x.reconcile(job, Recorder()), Absent)


async def test_a_second_attempt_waits_anew_before_it_is_absent(x: X, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(x)
    desk.time.pass_by(3600)
    progress = Recorder()
    sandbox.faults.order("x", "tweets.create", "reset_before")
    again = desk.job(x, job.rendering, attempt=2, intended_at=job.intended_at)
    assert (await x.publish(again, progress)).__class__.__name__ == "Unknown"
    assert isinstance(await x.reconcile(again, progress), LookAgain)


async def test_an_older_post_with_the_same_text_is_not_taken_for_ours(x: X, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(x)
    assert isinstance(await x.publish(job, Recorder()), Sent)
    desk.time.pass_by(3600)
    later = desk.job(x, job.rendering)
    desk.time.pass_by(16)
    assert isinstance(await x.reconcile(later, Recorder()), Absent)


@pytest.mark.parametrize("kind", ["html", "error", "reset_before", "wrong_type", "empty", "429"])
@pytest.mark.parametrize("method", ["users.me", "users.tweets"])
async def test_a_timeline_that_cannot_be_read_decides_nothing(
    x: X, sandbox: Sandbox, desk: Desk, method: str, kind: str
) -> None:
    job = await desk.claimed(x)
    desk.time.pass_by(3600)
    sandbox.faults.order("x", method, kind, times=None)
    assert isinstance(await x.reconcile(job, Recorder()), LookAgain)


async def test_a_thread_found_in_part_goes_on_with_the_rest(sandbox: Sandbox, desk: Desk) -> None:
    x = X("x", settings(sandbox, thread=True), desk.surroundings)
    job = await desk.claimed(x, body="სიტყვა " * 100)
    progress = Recorder()
    sandbox.faults.order("x", "tweets.create", "reset_after", after=1)
    outcome = await x.publish(job, progress)
    assert (outcome.__class__.__name__, getattr(outcome, "step", "")) == ("Unknown", "part:1")
    desk.time.pass_by(16)
    assert isinstance(await x.reconcile(job, progress), Absent)  # of the rest
    assert isinstance(await x.publish(job, progress), Sent)
    await x.aclose()
    texts = [post["text"] for post in sandbox.effects("x", "post")]
    assert texts == [part.text for part in job.rendering.parts]


async def test_a_timeline_too_long_to_read_asks_a_person(
    x: X, sandbox: Sandbox, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.adapters.x_timeline.MOST_PAGES", 0)
    job = await desk.claimed(x)
    desk.time.pass_by(16)
    assert isinstance(await x.reconcile(job, Recorder()), CannotTell)


async def test_the_probe_names_the_account(x: X, sandbox: Sandbox) -> None:
    health = await x.probe()
    assert (health.ok, health.account, health.problems) == (True, "@mia_sandbox", ())
    assert sandbox.effects("x") == []


async def test_the_probe_notices_the_keys_of_another_account(sandbox: Sandbox, desk: Desk) -> None:
    x = X("x", settings(sandbox, account="someone_else"), desk.surroundings)
    health = await x.probe()
    await x.aclose()
    assert not health.ok
    assert "@mia_sandbox" in health.problems[0]


async def test_the_probe_says_that_the_keys_are_refused(x: X, sandbox: Sandbox) -> None:
    sandbox.x.revoked = True
    health = await x.probe()
    assert not health.ok
    assert "401" in health.problems[0]


def test_an_unknown_setting_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValidationError, match="acount"):
        XSettings.model_validate({"acount": "x"})
