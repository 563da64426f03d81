"""WordPress through the whole service: killed between steps, revoked, answered with nonsense, corrected, withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from distributor.demo import Stage
from distributor.sandbox import Sandbox
from tests.faults.conftest import MakeStage
from tests.faults.engine import child, count_events, lane_of, seen, sound, tries, working
from tests.queue.acts import all_in, approve, one, until, write
from tests.web import after

OFF = {f"channels.{name}": None for name in ("x", "facebook", "telegram", "press", "newsroom")}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


async def open_stage(make: MakeStage, sandbox: Sandbox, roles: frozenset[str] = frozenset({"worker"})) -> Stage:
    """A stage whose only channel is the sandbox's WordPress site."""
    own = {
        "adapter": "wordpress", "live": False, "api_url": sandbox.wordpress.api_url,
        "user": sandbox.accounts.wordpress_user, "application_password": sandbox.accounts.wordpress_password,
    }  # fmt: skip
    stage = await make(roles, OFF | {f"channels.site.{name}": value for name, value in own.items()}, sandbox=sandbox)
    if roles:
        lane_of(stage, "site")
    return stage


@pytest.mark.parametrize("method", ["posts.create", "posts.update"])
async def test_killed_after_the_site_acted_nothing_stands_there_twice(
    make_stage: MakeStage, sandbox: Sandbox, method: str
) -> None:
    stage = await open_stage(make_stage, sandbox, frozenset())
    sandbox.faults.order("wordpress", method, "hang", seconds=30, effect=True)
    release_id = await write(stage, photos=1)
    await approve(stage, release_id)
    kind = {"posts.create": "draft", "posts.update": "post"}[method]
    async with child(stage) as process:
        await seen(lambda: sandbox.effects("wordpress", kind=kind))
        process.kill()
        await process.wait()
    async with working(stage):
        await until(stage, all_in("sent"), release_id)
    site = sandbox.wordpress.site
    assert (len(site.posts), len(site.media)) == (1, 1)
    assert len(sandbox.effects("wordpress", kind="post")) == 1
    assert await count_events(stage, "case.opened") == 0
    await sound(stage)


async def test_f09_a_revoked_password_pauses_the_lane_and_keeps_the_backlog(
    make_stage: MakeStage, sandbox: Sandbox
) -> None:
    stage = await open_stage(make_stage, sandbox)
    sandbox.wordpress.revoked = True
    release_id = await write(stage)
    await approve(stage, release_id)
    await until(stage, all_in("waiting"), release_id)
    lane = (await stage.parts.office.operations.lanes())["site"]
    assert (lane.paused, lane.code) == (True, "credential")
    sandbox.wordpress.revoked = False
    await stage.parts.office.operations.resume("site", None)
    await until(stage, all_in("sent"), release_id)
    assert len(sandbox.wordpress.site.standing()) == 1
    await sound(stage)


async def test_f42_an_odd_answer_to_the_publishing_call_is_never_sent(make_stage: MakeStage, sandbox: Sandbox) -> None:
    stage = await open_stage(make_stage, sandbox)
    sandbox.faults.order("wordpress", "posts.update", "wrong_type")
    release_id = await write(stage)
    await approve(stage, release_id)
    row = one(await until(stage, all_in("sent"), release_id), "site")
    told = [outcome for outcome, *_ in await tries(stage, row["id"])]
    assert told == ["deferred", "sent"]  # the same post, published by its number once more
    assert len(sandbox.effects("wordpress", kind="post")) == 1
    await sound(stage)


async def test_corrected_and_withdrawn_the_site_follows(make_stage: MakeStage, sandbox: Sandbox) -> None:
    stage = await open_stage(make_stage, sandbox)
    release_id = await write(stage, photos=2)
    await approve(stage, release_id)
    await until(stage, all_in("sent"), release_id)
    site = sandbox.wordpress.site
    await after.withdraw_photo(stage, release_id, 1)
    await until(stage, lambda got: len(got) == 2 and all_in("sent")(got), release_id)
    (post,) = site.standing()
    assert "ეს მასალა შესწორდა." in post.content
    assert len(site.media) == 1
    await after.correct(stage, release_id, {"ka": "ტექსტი დაზუსტდა"}, media=())
    await until(stage, lambda got: len(got) == 3 and all_in("sent")(got), release_id)
    assert "შესწორება: ტექსტი დაზუსტდა" in post.content
    assert site.media == {}
    await after.withdraw(stage, release_id)
    await until(stage, lambda got: len(got) == 4 and all_in("sent")(got), release_id)
    assert site.standing() == []
    assert len(site.posts) == 1  # in the trash
    await sound(stage)
