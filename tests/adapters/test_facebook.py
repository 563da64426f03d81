"""A Facebook page over real HTTP, when all goes well: text, photos, video, the look back, the probe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from pydantic import ValidationError

from distributor.adapters.facebook import Facebook, FacebookSettings
from distributor.adapters.facebook_media import step_of
from distributor.core.channel import Channel
from distributor.core.outcome import Absent, CannotTell, Deferred, LookAgain, Sent, Unknown
from distributor.core.release import Kind
from distributor.sandbox import Sandbox
from tests.adapters.support import LEAD, TITLE, URL, Desk, Recorder

APP_SECRET = "sandbox-app-secret"


def settings(sandbox: Sandbox, **changes: object) -> FacebookSettings:
    facts: dict[str, object] = {
        "api_url": sandbox.facebook.api_url,
        "page": sandbox.accounts.facebook_page,
        "token": sandbox.accounts.facebook_token,
        "app_secret": APP_SECRET,
    }
    return FacebookSettings.model_validate(facts | changes)


@pytest_asyncio.fixture
async def page(sandbox: Sandbox, desk: Desk) -> AsyncIterator[Facebook]:
    made = Facebook("facebook", settings(sandbox), desk.surroundings)
    yield made
    await made.aclose()


async def test_a_text_is_posted_and_the_receipt_says_where(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    channel: Channel = page
    job = await desk.claimed(channel, body="ტანი")
    progress = Recorder()
    assert await channel.prepare(job, progress) is None
    outcome = await channel.publish(job, progress)
    (post,) = sandbox.effects("facebook", "post")
    assert post["text"] == f"{TITLE}\n\n{LEAD}\n\nტანი"
    assert isinstance(outcome, Sent)
    assert outcome.receipt.remote_ids == (post["id"],)
    assert outcome.receipt.links == (f"https://www.facebook.com/{post['id']}",)
    assert outcome.receipt.detail == {}


async def test_a_link_is_attached(sandbox: Sandbox, desk: Desk) -> None:
    page = Facebook("facebook", settings(sandbox, link=True), desk.surroundings)
    assert isinstance(await page.publish(await desk.claimed(page), Recorder()), Sent)
    await page.aclose()
    assert sandbox.effects("facebook", "post")[0]["link"] == URL


@pytest.mark.parametrize("photos", [1, 4, 10])
async def test_photos_arrive_in_one_post_with_their_alternative_texts(
    page: Facebook, sandbox: Sandbox, desk: Desk, photos: int
) -> None:
    job = await desk.claimed(page, photo_count=photos)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    assert sandbox.effects("facebook") == []  # nobody sees them yet
    assert isinstance(await page.publish(job, progress), Sent)
    (post,) = sandbox.facebook.page.standing()
    assert [one.file.sha256 for one in post.photos] == [item.rendition.digest for item in job.rendering.parts[0].media]
    assert [one.alt_text for one in post.photos] == [f"აღწერა {number}" for number in range(1, photos + 1)]
    assert post.photos[0].caption == "წარწერა 1\nშსს / ნ. ბერიძე"
    assert len(sandbox.effects("facebook")) == 1


async def test_a_video_goes_in_chunks_and_its_last_phase_publishes(sandbox: Sandbox, desk: Desk) -> None:
    sandbox.facebook.page.chunk_bytes = 40_000
    page = Facebook("facebook", settings(sandbox, chunk_bytes=16_384), desk.surroundings)
    job = await desk.claimed(page, videos=1, kind=Kind.VIDEO)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    assert sandbox.effects("facebook") == []
    outcome = await page.publish(job, progress)
    await page.aclose()
    (post,) = sandbox.facebook.page.standing()
    rendition = job.rendering.parts[0].media[0].rendition
    assert post.video is not None
    assert post.video.file is not None
    assert (post.video.file.sha256, post.message) == (rendition.digest, job.rendering.parts[0].text)
    assert sandbox.calls("facebook", "videos.transfer") == -(-rendition.size // 16_384) > 1
    assert isinstance(outcome, Sent)
    assert outcome.receipt.links == (f"https://www.facebook.com/{page.own_address()}/videos/{post.video.id}",)


@pytest.mark.parametrize(("span", "chunk"), [(10_000, 4_194_304), (40_000, 16_384), (1_048_576, 33_554_432)])
async def test_a_chunk_is_never_larger_than_facebook_asks_for_nor_than_the_setting_allows(
    sandbox: Sandbox, desk: Desk, span: int, chunk: int
) -> None:
    sandbox.facebook.page.chunk_bytes = span
    page = Facebook("facebook", settings(sandbox, chunk_bytes=chunk), desk.surroundings)
    job = await desk.claimed(page, videos=1, kind=Kind.VIDEO)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    assert isinstance(await page.publish(job, progress), Sent)
    await page.aclose()
    size = job.rendering.parts[0].media[0].rendition.size
    assert sandbox.calls("facebook", "videos.transfer") == -(-size // min(span, chunk))


async def test_of_eleven_photos_ten_go_in_their_order(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    revision = await desk.release(photo_count=10)
    again = replace(revision, media=(*revision.media[::-1], revision.media[0]))
    job = desk.job(page, await desk.rendering(page, again))
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    assert isinstance(await page.publish(job, progress), Sent)
    (post,) = sandbox.facebook.page.standing()
    assert [one.alt_text for one in post.photos] == [f"აღწერა {number}" for number in range(10, 0, -1)]


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "html", "empty"])
async def test_f17_an_interrupted_video_goes_on_where_it_stopped(sandbox: Sandbox, desk: Desk, kind: str) -> None:
    page = Facebook("facebook", settings(sandbox, chunk_bytes=16_384), desk.surroundings)
    job = await desk.claimed(page, videos=1)
    progress = Recorder()
    sandbox.faults.order("facebook", "videos.transfer", kind, after=2)
    assert isinstance(await page.prepare(job, progress), Deferred)
    assert await page.prepare(job, progress) is None
    assert isinstance(await page.publish(job, progress), Sent)
    await page.aclose()
    post = sandbox.facebook.page.standing()[0]
    assert post.video is not None
    assert post.video.file is not None
    assert post.video.file.sha256 == job.rendering.parts[0].media[0].rendition.digest
    assert sandbox.calls("facebook", "videos.start") == 1


async def test_a_session_that_facebook_forgot_is_begun_anew(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(page, videos=1)
    kept = {"id": "9", "session": "9", "at": desk.time().isoformat(), "start": 10, "end": 20}
    progress = Recorder({step_of(job.rendering.parts[0].media[0]): kept})
    assert await page.prepare(job, progress) is None
    assert isinstance(await page.publish(job, progress), Sent)


async def test_uploads_older_than_twenty_hours_are_not_used(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(page, photo_count=1)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    desk.time.pass_by(timedelta(hours=20, seconds=1).total_seconds())
    assert isinstance(await page.publish(job, progress), Deferred)
    assert await page.prepare(job, progress) is None
    assert sandbox.calls("facebook", "photos.create") == 2


async def test_photos_that_facebook_no_longer_holds_are_uploaded_again(
    page: Facebook, sandbox: Sandbox, desk: Desk
) -> None:
    job = await desk.claimed(page, photo_count=2)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    sandbox.facebook.page.photos.clear()
    outcome = await page.publish(job, progress)
    assert isinstance(outcome, Deferred)
    assert outcome.code == "media_expired"
    assert await page.prepare(job, progress) is None
    assert isinstance(await page.publish(job, progress), Sent)


async def test_a_photo_already_uploaded_is_not_uploaded_again(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(page, photo_count=3)
    progress = Recorder()
    sandbox.faults.order("facebook", "photos.create", "html", after=2)
    assert isinstance(await page.prepare(job, progress), Deferred)
    assert await page.prepare(job, progress) is None
    assert sandbox.calls("facebook", "photos.create") == 4


async def test_a_quota_nearly_used_up_is_noted_in_the_receipt(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    sandbox.facebook.usage = {"call_count": 96, "total_cputime": 10, "total_time": 12}
    outcome = await page.publish(await desk.claimed(page), Recorder())
    assert isinstance(outcome, Sent)
    assert outcome.receipt.detail == {"usage": "96"}


async def test_what_a_person_confirmed_is_not_sent_again(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    outcome = await page.publish(await desk.claimed(page), Recorder({"part:0": {"confirmed": "person:2"}}))
    assert isinstance(outcome, Sent)
    assert sandbox.effects("facebook") == []


@pytest.mark.parametrize("media", [{}, {"photo_count": 2}, {"videos": 1}])
async def test_a_lost_post_is_found(page: Facebook, sandbox: Sandbox, desk: Desk, media: dict[str, int]) -> None:
    job = await desk.claimed(page, **media)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    sandbox.faults.order("facebook", "*", "reset_after")
    assert isinstance(await page.publish(job, progress), Unknown)
    finding = await page.reconcile(job, progress)
    assert isinstance(finding, Sent)
    (post,) = sandbox.facebook.page.standing()
    assert finding.receipt.remote_ids == (post.video.id if post.video else post.id,)


@pytest.mark.parametrize("tags", [False, True], ids=["on_the_page", "tagging_it"])
async def test_a_visitor_who_repeats_our_words_is_not_taken_for_us(
    page: Facebook, sandbox: Sandbox, desk: Desk, tags: bool
) -> None:
    job, progress = await desk.claimed(page), Recorder()
    sandbox.faults.order("facebook", "feed.create", "reset_before")
    assert isinstance(await page.publish(job, progress), Unknown)
    sandbox.facebook.page.visit(job.rendering.parts[0].text, tags=tags)
    desk.time.pass_by(60)
    assert isinstance(await page.reconcile(job, progress), Absent)


@pytest.mark.parametrize(("media", "settles"), [({}, 15), ({"videos": 1}, 120)])
async def test_a_post_is_absent_only_after_it_had_time_to_appear(
    page: Facebook, sandbox: Sandbox, desk: Desk, media: dict[str, int], settles: int
) -> None:
    job = await desk.claimed(page, **media)
    progress = Recorder()
    assert await page.prepare(job, progress) is None
    sandbox.faults.order("facebook", "*", "reset_before")
    assert isinstance(await page.publish(job, progress), Unknown)
    first = await page.reconcile(job, progress)
    assert isinstance(first, LookAgain)
    assert settles - 5 < first.retry_after <= settles
    desk.time.pass_by(settles + 1)
    assert isinstance(await page.reconcile(job, progress), Absent)
    assert isinstance(await page.publish(job, progress), Sent)
    assert len(sandbox.effects("facebook", "post")) == 1


async def test_a_second_attempt_waits_anew_before_it_is_absent(page: Facebook, sandbox: Sandbox, desk: Desk) -> None:
    job = await desk.claimed(page)
    desk.time.pass_by(3600)
    again = desk.job(page, job.rendering, attempt=2, intended_at=job.intended_at)
    progress = Recorder()
    sandbox.faults.order("facebook", "feed.create", "reset_before")
    assert isinstance(await page.publish(again, progress), Unknown)
    assert isinstance(await page.reconcile(again, progress), LookAgain)


async def test_an_older_post_with_the_same_text_is_not_taken_for_ours(page: Facebook, desk: Desk) -> None:
    job = await desk.claimed(page)
    assert isinstance(await page.publish(job, Recorder()), Sent)
    desk.time.pass_by(3600)
    later = desk.job(page, job.rendering)
    desk.time.pass_by(16)
    assert isinstance(await page.reconcile(later, Recorder()), Absent)


@pytest.mark.parametrize("kind", ["html", "error", "reset_before", "wrong_type", "empty", "429", "graph_error"])
async def test_a_feed_that_cannot_be_read_decides_nothing(
    page: Facebook, sandbox: Sandbox, desk: Desk, kind: str
) -> None:
    job = await desk.claimed(page)
    desk.time.pass_by(3600)
    sandbox.faults.order("facebook", "feed.read", kind)
    assert isinstance(await page.reconcile(job, Recorder()), LookAgain)


async def test_a_feed_too_long_to_read_asks_a_person(
    page: Facebook, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.adapters.facebook_feed.MOST_PAGES", 0)
    job = await desk.claimed(page)
    desk.time.pass_by(16)
    assert isinstance(await page.reconcile(job, Recorder()), CannotTell)


async def test_the_probe_names_the_page(page: Facebook, sandbox: Sandbox) -> None:
    health = await page.probe()
    assert (health.ok, health.problems) == (True, ())
    assert (health.account, health.facts["can_post"]) == ("შინაგან საქმეთა სამინისტრო", "True")
    assert sandbox.effects("facebook") == []


async def test_the_probe_notices_a_page_that_may_not_be_posted_to(page: Facebook, sandbox: Sandbox) -> None:
    sandbox.facebook.views.about |= {"can_post": False, "is_published": False}
    health = await page.probe()
    assert not health.ok
    assert "pages_manage_posts" in health.problems[0]


async def test_the_probe_says_that_the_token_is_refused(page: Facebook, sandbox: Sandbox) -> None:
    sandbox.facebook.revoked = True
    health = await page.probe()
    assert not health.ok
    assert "password was changed" in health.problems[0]


def test_videos_go_to_facebooks_host_for_videos_unless_told_otherwise() -> None:
    facts = {"page": "1", "token": "t"}
    assert FacebookSettings.model_validate(facts).video_host == "https://graph-video.facebook.com"
    own = FacebookSettings.model_validate(facts | {"api_url": "http://127.0.0.1:1/facebook"})
    assert own.video_host == "http://127.0.0.1:1/facebook"


@pytest.mark.parametrize("wrong", [{"page": "a page"}, {"version": "26"}, {"tokn": "t"}])
def test_a_wrong_setting_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        FacebookSettings.model_validate({"page": "1", "token": "t"} | wrong)
