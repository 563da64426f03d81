"""WordPress in trouble: what each answer means, and that a lost one never makes a second post or file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from distributor.adapters.wordpress import WordPress
from distributor.core.channel import Action
from distributor.core.outcome import Absent, Deferred, LookAgain, Rejected, Scope, Sent, Unknown
from distributor.core.release import Notice
from tests.adapters.support import Recorder
from tests.adapters.wordpress_stage import Stage, follow, on_stage, settings_for, standing


@pytest_asyncio.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with on_stage(folder) as made:
        yield made


LOST = ["reset_after", "wrong_type", "no_id"]
STEPS = ["posts.list", "media.list", "media.create", "media.update", "posts.create", "posts.update"]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("method", STEPS)
async def test_a_lost_or_odd_answer_at_any_step_makes_nothing_twice(stage: Stage, method: str, kind: str) -> None:
    stage.order(method, kind)
    job = await stage.job(await stage.desk.release(photo_count=1))
    first = await stage.bring(job)
    if not isinstance(first, Sent):  # a list without ids is as good as an empty one
        assert isinstance(first, Deferred | Unknown), first
        assert first.code in {"connection", "unreadable", "no_id"}
        # A post that may be public already: should this be given up, what follows must look for it.
        assert isinstance(first, Unknown) or first.doubt == (method == "posts.update")
    done = await stage.bring(job)  # a worker that kept nothing
    assert isinstance(done, Sent)
    assert (len(stage.site.posts), len(stage.site.media)) == (1, 1)
    assert len(stage.sandbox.effects("wordpress", kind="post")) == 1


ERRORS: list[tuple[str, int, Any, Any]] = [
    ("posts.create", 401, "incorrect_password", Deferred("credential", "", scope=Scope.LANE)),
    ("posts.create", 401, "rest_not_logged_in", Deferred("credential", "", scope=Scope.LANE)),
    ("posts.create", 403, "rest_cannot_create", Deferred("permission", "", scope=Scope.LANE)),
    ("posts.update", 403, "rest_cannot_publish", Deferred("permission", "", scope=Scope.LANE)),
    ("posts.create", 404, "rest_no_route", Deferred("no_api", "", scope=Scope.LANE)),
    ("posts.create", 400, "rest_invalid_param", Rejected("refused", "")),
    ("posts.create", 400, "rest_invalid_featured_media", Rejected("refused", "")),
    ("media.create", 400, "rest_upload_file_too_big", Rejected("media_refused", "")),
    ("media.create", 500, "rest_upload_unknown_error", Rejected("media_refused", "")),
    ("media.create", 413, "", Rejected("media_refused", "")),
    ("posts.create", 403, "", Deferred("firewall", "")),
    ("posts.create", 404, "", Deferred("no_api", "", scope=Scope.LANE)),
    ("posts.create", 301, "", Deferred("redirected", "", scope=Scope.LANE)),
    ("posts.create", 500, "", Deferred("server", "")),
    ("posts.update", 502, "internal_server_error", Deferred("server", "", doubt=True)),
    ("posts.create", 503, "", Deferred("server", "")),
]


@pytest.mark.parametrize(("method", "status", "code", "wanted"), ERRORS)
async def test_every_error_has_its_outcome(stage: Stage, method: str, status: int, code: str, wanted: Any) -> None:
    if code:
        stage.order(method, "error", status=status, body={"code": code, "message": "Words of WordPress"})
    else:
        stage.order(method, "html", status=status)
    outcome = await stage.bring(await stage.job(await stage.desk.release(photo_count=1)))
    assert isinstance(outcome, Deferred | Rejected)
    assert replace(outcome, reason="") == wanted
    assert not code or "Words of WordPress" in outcome.reason
    assert stage.site.standing() == []


async def test_a_site_that_asks_to_wait_rests_the_lane(stage: Stage) -> None:
    stage.order("posts.create", "429", retry_after=9)
    outcome = await stage.bring(await stage.job(await stage.desk.release()))
    assert isinstance(outcome, Deferred)
    assert replace(outcome, reason="") == Deferred("throttled", "", 9.0, throttled=True, scope=Scope.LANE)


async def test_a_hanging_site_is_left_after_its_time(folder: Path) -> None:
    async with on_stage(folder, answer_timeout=0.3, connect_timeout=0.1) as stage:
        stage.order("posts.create", "hang", seconds=5)
        outcome = await stage.bring(await stage.job(await stage.desk.release()))
        assert isinstance(outcome, Deferred)
        assert (outcome.code, "within the time" in outcome.reason) == ("connection", True)


async def test_a_draft_that_somebody_deleted_is_made_again(stage: Stage) -> None:
    job, progress = await stage.job(await stage.desk.release()), Recorder()
    await stage.channel.prepare(job, progress)
    stage.site.posts.clear()
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Deferred)
    assert outcome.code == "draft_gone"
    assert isinstance(await stage.bring(job, progress), Sent)
    assert len(stage.site.standing()) == 1


async def test_a_site_that_holds_a_post_back_is_not_called_sent(stage: Stage) -> None:
    job, progress = await stage.job(await stage.desk.release()), Recorder()
    await stage.channel.prepare(job, progress)
    number = progress.kept["post"]["id"]
    stage.order("posts.update", "error", status=200, body={"id": number, "status": "pending", "link": "http://x/"})
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "not_published"


async def test_reconciling_reads_the_post_by_its_number(stage: Stage) -> None:
    job, progress = await stage.job(await stage.desk.release(photo_count=1)), Recorder()
    assert isinstance(await stage.channel.reconcile(job, progress), Absent)
    await stage.channel.prepare(job, progress)
    assert isinstance(await stage.channel.reconcile(job, progress), Absent)
    done = await stage.channel.publish(job, progress)
    assert await stage.channel.reconcile(job, progress) == done
    stage.order("posts.get", "html", status=502)
    assert isinstance(await stage.channel.reconcile(job, progress), LookAgain)


@pytest.mark.parametrize("method", ["posts.delete", "media.delete"])
@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "html"])
async def test_a_withdrawal_goes_on_where_it_stopped(stage: Stage, method: str, kind: str) -> None:
    revision = await stage.desk.release(photo_count=2)
    job, done = await stage.published(revision)
    withdrawn = replace(revision, number=2, notice=Notice(Action.WITHDRAW))
    told = await follow(stage, withdrawn, standing(job, done.receipt))
    stage.order(method, kind)
    # A deletion whose connection was lost is made again by aiohttp itself: it may be.
    assert isinstance(await stage.bring(told), Deferred if kind == "html" else Deferred | Sent)
    assert isinstance(await stage.bring(told), Sent)
    assert (stage.site.standing(), stage.site.media) == ([], {})
    assert len(stage.sandbox.effects("wordpress", kind="trash")) == 1


async def test_the_check_names_the_user_and_what_is_missing(stage: Stage) -> None:
    assert (await stage.channel.probe()).account == "Press office"
    stage.sandbox.wordpress.capabilities -= {"publish_posts", "upload_files"}
    health = await stage.channel.probe()
    assert not health.ok
    assert health.problems == ("the user may not publish posts", "the user may not upload files")
    stage.sandbox.wordpress.revoked = True
    health = await stage.channel.probe()
    assert not health.ok
    assert "incorrect_password" in health.problems[0]
    nowhere = WordPress("x", settings_for(stage.sandbox, api_url=stage.site.url), stage.desk.surroundings)
    assert not (await nowhere.probe()).ok
    await nowhere.aclose()
