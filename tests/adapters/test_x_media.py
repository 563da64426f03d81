"""X's media in depth: the states of a video's processing, which media a post takes, and what the uploads say."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from distributor.adapters.x import X
from distributor.core.asset import MediaKind
from distributor.core.outcome import Deferred, Rejected, Sent
from distributor.core.release import MediaItem
from distributor.sandbox import Sandbox
from tests.adapters.after_support import go
from tests.adapters.support import Desk, Recorder

Open = Callable[..., X]


@pytest.mark.parametrize("polls", [1, 2, 6])
async def test_a_video_is_posted_only_when_its_processing_succeeded(
    open_x: Open, sandbox: Sandbox, desk: Desk, polls: int
) -> None:
    x = open_x()
    sandbox.x.media.polls = polls  # pending, in_progress as often as it takes, succeeded
    assert isinstance(await go(x, await desk.claimed(x, videos=1), Recorder()), Sent)
    assert sandbox.calls("x", "media.status") == polls
    assert [one["kind"] for one in sandbox.x.timeline()[0]["media"]] == ["video"]


async def test_a_pause_that_x_names_is_kept_and_the_whole_wait_is_bounded(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x(processing_patience=1.5)
    sandbox.x.media.check_after_secs, sandbox.x.media.polls = 1, 9
    progress, job = Recorder(), await desk.claimed(x, videos=1)
    outcome = await x.prepare(job, progress)
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.retry_after, outcome.throttled) == ("processing", 1.0, True)
    assert sandbox.calls("x", "media.status") == 1  # one pause of a second, and no time for another


async def test_long_processing_is_asked_for_again_and_again_without_a_second_upload(
    open_x: Open, sandbox: Sandbox, desk: Desk
) -> None:
    x = open_x()
    sandbox.x.media.check_after_secs, sandbox.x.media.polls = 60, 4
    progress, job = Recorder(), await desk.claimed(x, videos=1)
    asked = 0
    while isinstance(outcome := await x.prepare(job, progress), Deferred):
        assert outcome.code == "processing"
        asked += 1
    assert outcome is None
    assert asked == 4  # after finalize, and after three looks
    assert (sandbox.calls("x", "media.initialize"), sandbox.calls("x", "media.finalize")) == (1, 1)
    assert isinstance(await x.publish(job, progress), Sent)


@pytest.mark.parametrize("polls", [1, 3])
async def test_failed_processing_is_told_in_the_words_of_x_and_nothing_is_posted(
    open_x: Open, sandbox: Sandbox, desk: Desk, polls: int
) -> None:
    x = open_x()
    sandbox.x.media.failure, sandbox.x.media.polls = "InvalidMedia: the codec is not supported", polls
    outcome = await x.prepare(await desk.claimed(x, videos=1), Recorder())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "media_refused"
    assert "InvalidMedia: the codec is not supported" in outcome.reason
    assert "video 1 of 1" in outcome.reason
    assert sandbox.effects("x") == []


@pytest.mark.parametrize("kind", ["reset_after", "html", "empty", "wrong_type"])
async def test_a_look_at_the_processing_that_is_lost_is_made_again(
    open_x: Open, sandbox: Sandbox, desk: Desk, kind: str
) -> None:
    x = open_x()
    sandbox.faults.order("x", "media.status", kind)
    progress, job = Recorder(), await desk.claimed(x, videos=1)
    assert isinstance(await x.prepare(job, progress), Deferred)
    assert isinstance(await go(x, job, progress), Sent)
    assert sandbox.calls("x", "media.initialize") == 1


async def test_a_finalize_whose_answer_was_lost_is_no_second_post(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    sandbox.faults.order("x", "media.finalize", "reset_after")
    progress, job = Recorder(), await desk.claimed(x, videos=1)
    assert isinstance(await x.prepare(job, progress), Deferred)
    assert isinstance(await go(x, job, progress), Sent)
    assert len(sandbox.effects("x", "post")) == 1


async def test_photos_and_a_video_are_never_mixed(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    # X takes four photos, or one GIF, or one video.
    x = open_x()
    assert isinstance(await go(x, await desk.claimed(x, photo_count=5, videos=1), Recorder()), Sent)
    assert [one["kind"] for one in sandbox.x.timeline()[0]["media"]] == ["photo"] * 4


async def test_a_still_gif_is_a_photo_among_photos(open_x: Open, sandbox: Sandbox, desk: Desk) -> None:
    x = open_x()
    buffer = io.BytesIO()
    Image.new("P", (320, 200), 3).save(buffer, "GIF")
    gif = await desk.library.ingest(buffer.getvalue(), "map.gif")
    revision = await desk.release(photo_count=1)
    revision = replace(revision, media=(MediaItem(gif, {"ka": "რუკა"}), *revision.media))
    job = desk.job(x, await desk.rendering(x, revision))
    assert isinstance(await go(x, job, Recorder()), Sent)
    categories = [upload.category for upload in sandbox.x.media.uploads.values()]
    assert (gif.kind, categories) == (MediaKind.PHOTO, ["tweet_image", "tweet_image"])
    assert [one["mime"] for one in sandbox.x.timeline()[0]["media"]] == ["image/jpeg", "image/jpeg"]
