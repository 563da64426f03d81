"""Albums in Telegram at their limits: photos and films mixed, captions and entities that end at the last unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distributor.adapters.telegram import Telegram
from distributor.core.markup import Entity
from distributor.core.outcome import Deferred, Sent, Unknown
from distributor.core.rendering import Rendering
from distributor.core.text import utf16_length
from distributor.sandbox import Sandbox
from tests.adapters.support import Desk, Recorder
from tests.adapters.telegram_after import of, pictures, shown
from tests.adapters.telegram_stage import CHANNEL, STAGING, Stage, settings


@pytest.fixture(params=["", STAGING], ids=["uploaded", "staged"])
async def stage(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A channel that uploads with its posts, and one that stages its media first."""
    async with AsyncExitStack() as closing:
        sandbox = await closing.enter_async_context(Sandbox())
        desk = Desk.at(folder)
        closing.push_async_callback(desk.aclose)
        channel = Telegram("public", settings(sandbox, staging_chat=request.param), desk.surroundings)
        closing.push_async_callback(channel.aclose)
        yield Stage(sandbox, desk, channel)


async def mixed(stage: Stage, order: str, **facts: Any) -> Rendering:
    """A release whose media are photos (p) and films (v) in this order."""
    revision = await stage.desk.release(photo_count=order.count("p"), videos=order.count("v"), **facts)
    photos = [item for item in revision.media if item.asset.kind == "photo"]
    films = [item for item in revision.media if item.asset.kind == "video"]
    media = tuple((photos if letter == "p" else films).pop(0) for letter in order)
    return await stage.desk.rendering(stage.channel, replace(revision, media=media))


async def sent(stage: Stage, rendering: Rendering) -> Sent:
    """Prepared and published."""
    job, progress = stage.desk.job(stage.channel, rendering), Recorder()
    assert await stage.channel.prepare(job, progress) is None
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Sent), outcome
    return outcome


@pytest.mark.parametrize("order", ["vp", "pv", "vppvp", "ppppvpppvp"])
async def test_photos_and_films_keep_their_order(stage: Stage, order: str) -> None:
    rendering = await mixed(stage, order)
    outcome = await sent(stage, rendering)
    kinds = "".join("v" if "video" in post else "p" for post in stage.posts)
    assert kinds == order
    assert pictures(stage) == of(rendering)
    assert [bool(shown(post)) for post in stage.posts] == [True] + [False] * (len(order) - 1)
    assert len(outcome.receipt.remote_ids) == len(order)
    assert stage.sandbox.calls("telegram", "sendMediaGroup") == 1
    covers = [message.attached for message in stage.sandbox.telegram.chat(CHANNEL).messages.values()]
    staged = bool(stage.channel.settings.staging_chat)
    assert [bool(one and one.cover) for one in covers] == [letter == "v" and not staged for letter in order]


@pytest.mark.parametrize("order", ["p", "v", "pv"])
async def test_a_caption_of_1024_with_an_entity_at_its_very_end(stage: Stage, order: str) -> None:
    rendering = await mixed(stage, order)
    (part,) = rendering.parts
    text = "🚒" * 10 + "ა" * (1024 - 20 - 4) + "🇬🇪"
    assert utf16_length(text) == 1024
    entities = (Entity("bold", 0, 20, ""), Entity("text_link", 1020, 4, "https://police.example/"))
    await sent(stage, replace(rendering, parts=(replace(part, text=text, entities=entities),)))
    (captioned,) = [post for post in stage.posts if shown(post)]
    assert captioned["caption"] == text
    assert [(item["type"], item["offset"], item["length"]) for item in captioned["caption_entities"]] == [
        ("bold", 0, 20),
        ("text_link", 1020, 4),
    ]


async def test_one_unit_more_goes_into_a_message_of_its_own(stage: Stage) -> None:
    short = await mixed(stage, "pv", lead="", body="ა")
    room = 1024 - utf16_length(short.parts[0].text)
    fits = await mixed(stage, "pv", lead="", body="ა" + " ბ" * (room // 2) + "ა" * (room % 2))
    assert [utf16_length(part.text) for part in fits.parts] == [1024]
    await sent(stage, fits)
    over = await mixed(stage, "pv", lead="", body="ა" + " ბ" * (room // 2) + "ა" * (room % 2 + 1))
    assert [part.kind for part in over.parts] == ["album", "message"]
    await sent(stage, over)
    assert len(stage.posts) == 2 + 3
    assert "reply_to_message" in stage.posts[-1]


async def test_f43_a_mixed_album_that_failed_in_part_is_unknown_and_names_the_film(stage: Stage) -> None:
    rendering = await mixed(stage, "pvp")
    job, progress = stage.desk.job(stage.channel, rendering), Recorder()
    assert await stage.channel.prepare(job, progress) is None
    stage.order("sendMediaGroup", "partial_album", posted=1)
    outcome = await stage.channel.publish(job, progress)
    assert isinstance(outcome, Unknown)
    assert "video 2 of 3" in outcome.reason


async def test_f07_an_album_that_is_throttled_is_posted_once(stage: Stage) -> None:
    rendering = await mixed(stage, "vpp")
    job, progress = stage.desk.job(stage.channel, rendering), Recorder()
    assert await stage.channel.prepare(job, progress) is None
    stage.order("sendMediaGroup", "429", retry_after=3)
    assert isinstance(await stage.channel.publish(job, progress), Deferred)
    assert isinstance(await stage.channel.publish(job, progress), Sent)
    assert len(stage.posts) == 3
