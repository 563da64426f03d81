"""Webhooks: what a message says to the sandbox's endpoints, of a release and of what follows it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from distributor.core.channel import Action
from distributor.core.outcome import Receipt, Sent
from distributor.core.release import Kind, LanguageVersion, Notice, Revision, Status
from tests.adapters.support import LEAD, TITLE, URL, Recorder
from tests.adapters.webhook_stage import TOKEN, Stage, follow, on_stage


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


def two_languages(revision: Revision) -> Revision:
    english = LanguageVersion("en", "A fire is out", "", "Nobody was **hurt**.")
    return replace(revision, versions=(*revision.versions, english), regions=("GE-TB",), topics=("fire",))


async def test_a_message_is_signed_taken_once_and_says_everything(stage: Stage) -> None:
    desk, hooks, sandbox = stage.all
    revision = two_languages(await desk.release(photo_count=1, videos=1, kind=Kind.EMERGENCY))
    job = stage.job(await desk.rendering(hooks, revision))
    assert await hooks.prepare(job, Recorder()) is None
    done = await hooks.publish(job, Recorder())
    assert isinstance(done, Sent)
    assert await hooks.publish(job, Recorder()) == done  # the same id: the endpoint knows it again
    (event,) = sandbox.webhook.events
    assert (event.id, event.verified, sandbox.webhook.repeats) == (done.receipt.remote_ids[0], True, [event.id])
    assert (event.body["type"], event.body["timestamp"]) == ("release.published", job.approved_at.isoformat())
    data = event.body["data"]
    names = ("release", "revision", "replaces", "slug", "url", "pubStatus", "kind", "status")
    told = ("abcdefghjk", 1, None, "khandzari-abcdefghjk", URL, "usable", "emergency", "actual")
    assert tuple(data[name] for name in names) == told
    assert (data["regions"], data["topics"], data["embargo"]) == (["GE-TB"], ["fire"], None)
    georgian, english = data["languages"]["ka"], data["languages"]["en"]
    assert (georgian["title"], georgian["lead"], data["main_language"]) == (TITLE, LEAD, "ka")
    assert (english["html"], english["text"]) == ("<p>Nobody was <strong>hurt</strong>.</p>", "Nobody was hurt.")
    assert "notice" not in georgian
    photo, film = data["media"]
    assert photo["url"].startswith("https://newsroom.example/media/")
    assert photo["url"].endswith(".jpg")
    assert (photo["alt"], photo["caption"], photo["credit"]) == (
        {"ka": "აღწერა 1"}, {"ka": "წარწერა 1"}, "შსს / ნ. ბერიძე",
    )  # fmt: skip
    assert (film["kind"], film["media_type"]) == ("video", "video/mp4")
    assert film["duration"] == pytest.approx(2, abs=0.2)


async def test_a_correction_names_what_changed_and_carries_the_new_version(stage: Stage) -> None:
    desk, hooks, sandbox = stage.all
    revision = two_languages(await desk.release(photo_count=2))
    source = await desk.source(hooks, revision)
    rendering = hooks.render(source)
    job = stage.job(rendering)
    await hooks.publish(job, Recorder())
    gone = revision.media[1].asset.digest
    notice = Notice(Action.CORRECT, {"ka": "შეიცვალა სათაური"}, "internal words", (gone,))
    georgian = replace(revision.versions[0], title="ახალი სათაური")
    changed = replace(
        revision, number=2, versions=(georgian, revision.versions[1]), media=revision.media[:1], notice=notice
    )
    follows = follow(job, hooks, source, changed)
    assert isinstance(await hooks.publish(follows, Recorder()), Sent)
    body = sandbox.webhook.of("radio")[1]
    data = body["data"]
    assert (body["type"], data["revision"], data["replaces"], data["pubStatus"]) == (
        "release.corrected",
        2,
        1,
        "usable",
    )
    assert data["changed"] == ["ka.title", "media"]
    assert (data["withdrawn_media"], [one["id"] for one in data["media"]]) == ([gone], [revision.media[0].asset.digest])
    assert data["languages"]["ka"]["notice"] == "შეიცვალა სათაური"
    assert data["languages"]["en"]["notice"] == "This release was corrected."
    assert "internal words" not in json.dumps(body, ensure_ascii=False)
    # Who never had the first version gets the new one as a release like any other.
    sandbox.webhook.secrets["paper"] = hooks.secret_of(TOKEN)
    await hooks.publish(replace(follows, before=None, destination=stage.at("paper"), key="other"), Recorder())
    (fresh,) = sandbox.webhook.of("paper")
    assert (fresh["type"], fresh["data"]["replaces"]) == ("release.published", None)
    assert not {"changed", "withdrawn_media"} & set(fresh["data"])
    assert fresh["data"]["languages"]["ka"]["title"] == "ახალი სათაური"
    assert "notice" not in fresh["data"]["languages"]["ka"]


@pytest.mark.parametrize(
    ("action", "kind", "may"),
    [
        (Action.WITHDRAW, "release.withdrawn", "canceled"),
        (Action.HOLD, "release.held", "withheld"),
        (Action.LIFT, "release.lifted", "usable"),
    ],
)
async def test_a_notice_tells_what_may_be_done_and_shows_no_media(
    stage: Stage, action: Action, kind: str, may: str
) -> None:
    desk, hooks, sandbox = stage.all
    source = await desk.source(hooks, two_languages(await desk.release(photo_count=1)))
    job = stage.job(hooks.render(source))
    await hooks.publish(job, Recorder())
    told = follow(job, hooks, source, replace(source.revision, number=2, notice=Notice(action, {"ka": "სიტყვები"})))
    assert not told.rendering.needs_preparing
    assert isinstance(await hooks.publish(told, Recorder()), Sent)
    body = sandbox.webhook.of("radio")[1]
    assert (body["type"], body["data"]["pubStatus"]) == (kind, may)
    assert body["data"]["languages"]["ka"] == {"title": TITLE, "notice": "სიტყვები"}
    assert body["data"]["languages"]["en"]["notice"]
    assert "media" not in body["data"]
    # Where nothing stands there is nothing to withdraw, and nobody is called.
    nothing = await hooks.publish(replace(told, before=None), Recorder())
    assert nothing == Sent(Receipt((), detail={"nothing": "stood there"}))
    assert sandbox.calls("webhook") == 2


async def test_embargo_and_exercise_are_marked_in_every_language(stage: Stage) -> None:
    desk, hooks, sandbox = stage.all
    revision = two_languages(await desk.release(status=Status.EXERCISE))
    until = datetime(2026, 11, 26, 8, tzinfo=UTC)
    rendering = await desk.rendering(hooks, replace(revision, embargo=until))
    await hooks.publish(stage.job(rendering), Recorder())
    data = sandbox.webhook.of("radio")[0]["data"]
    assert (data["status"], data["embargo"]) == ("exercise", until.isoformat())
    said = [(data["languages"][code]["title"], data["languages"][code]["embargo_note"]) for code in ("ka", "en")]
    assert said == [
        (f"[სწავლება] {TITLE}", "ემბარგო: არ გამოაქვეყნოთ 2026-11-26 12:00 Asia/Tbilisi-მდე."),
        ("[EXERCISE] A fire is out", "Embargo: not for publication before 2026-11-26 12:00 Asia/Tbilisi."),
    ]
