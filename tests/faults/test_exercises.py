"""An exercise reaches no channel that is live, by construction: also where a channel became live after the approval,
and whatever went wrong in between."""

from __future__ import annotations

import signal
from datetime import timedelta
from typing import Any

import pytest

from distributor.core.release import Kind, Status
from distributor.demo import Stage
from distributor.demo.stage import CHANNEL_CHAT, SUBSCRIBERS
from tests.faults.engine import child, working
from tests.queue.acts import all_in, approve, one, rows, until, write

EACH = pytest.mark.parametrize("status", [Status.EXERCISE, Status.TEST])


async def goes_live(stage: Stage) -> None:
    """The administrator names every channel live in the settings, and starts the service anew."""
    text = stage.settings_file.read_text("utf-8")
    assert "live = false" in text
    stage.settings_file.write_text(text.replace("live = false", "live = true"), "utf-8")
    await stage.stop_service()
    await stage.start_service()


async def exercise(stage: Stage, status: Status = Status.EXERCISE, **content: Any) -> str:
    """An emergency that is none, approved by two people."""
    release_id = await write(stage, kind=Kind.EMERGENCY, status=status, **content)
    await approve(stage, release_id)
    return release_id


def nothing_stands(stage: Stage) -> bool:
    """On no platform, and in nobody's mailbox."""
    box = stage.sandbox
    posts = (box.telegram.messages(CHANNEL_CHAT), box.x.timeline(), box.facebook.page.standing(), box.mail.messages)
    return not any(list(some) for some in posts)


@EACH
async def test_it_goes_to_channels_that_are_not_live_and_says_what_it_is(idle: Stage, status: Status) -> None:
    release_id = await exercise(idle, status)
    async with working(idle):
        found = await until(idle, all_in("sent"), release_id)
    assert len(found) == 4 + len(SUBSCRIBERS)
    (post,) = idle.sandbox.x.timeline()
    words = {Status.EXERCISE: "სწავლება", Status.TEST: "ტესტი"}[status]
    assert words in post["text"].lower()


@EACH
async def test_a_channel_that_became_live_after_the_approval_gets_nothing(idle: Stage, status: Status) -> None:
    release_id = await exercise(idle, status)
    await goes_live(idle)
    async with working(idle):
        found = await until(idle, all_in("cancelled"), release_id)
    assert {row["code"] for row in found} == {"live_withheld"}
    assert nothing_stands(idle)
    assert await idle.parts.pages.by_id(release_id) is None


async def test_an_exercise_in_doubt_is_looked_for_and_not_sent_again_where_the_channel_is_live_by_then(
    idle: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.adapters.x.SETTLES", timedelta(seconds=1))
    release_id = await exercise(idle, channels=("x",))
    async with child(idle, "call") as process:
        assert await process.wait() == -signal.SIGKILL
    assert one(await rows(idle, release_id), "x")["state"] == "sending"
    await goes_live(idle)
    async with working(idle):
        found = await until(idle, all_in("cancelled"), release_id)
    assert one(found, "x")["code"] == "live_withheld"
    assert idle.sandbox.calls("x", "tweets.create") == 0


async def test_an_exercise_that_waits_for_its_next_try_is_dropped_where_the_channel_is_live_by_then(
    idle: Stage,
) -> None:
    idle.sandbox.faults.order("facebook", "photos.create", "error", status=503, times=None)
    idle.sandbox.faults.order("facebook", "feed.create", "error", status=503, times=None)
    release_id = await exercise(idle, channels=("facebook",))
    async with working(idle):
        await until(idle, lambda found: bool(one(found, "facebook")["tries"]), release_id)
    await goes_live(idle)
    idle.sandbox.faults.clear()
    async with working(idle):
        found = await until(idle, lambda found: one(found, "facebook")["state"] in ("cancelled", "sent"), release_id)
    assert one(found, "facebook")["code"] == "live_withheld"
    assert nothing_stands(idle)
