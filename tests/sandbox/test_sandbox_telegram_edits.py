"""The simulated Bot API after a post: what may still be edited or deleted, and in which words it says no."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import pytest
from telegram import Bot, InputMediaAnimation, InputMediaDocument, InputMediaPhoto, InputMediaVideo, LinkPreviewOptions
from telegram.error import BadRequest

from distributor.sandbox import Sandbox
from distributor.sandbox.telegram import DESK_TOKEN

NINO, DESK, CHANNEL = 501, -100200, -100300
TWO_DAYS = 48 * 3600
Picture = Callable[..., bytes]


class Clock:
    """The sandbox's time, which a test may move."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    async with Bot(DESK_TOKEN, base_url=f"{sandbox.telegram.api_url}/bot") as running:
        yield running


@pytest.mark.parametrize("chat", [CHANNEL, DESK, NINO])
async def test_a_message_of_two_days_is_deleted_no_more_and_edited_for_ever(
    bot: Bot, sandbox: Sandbox, clock: Clock, chat: int
) -> None:
    young, old = [await bot.send_message(chat, text) for text in ("young", "old")]
    clock.ahead = TWO_DAYS - 60
    assert await bot.delete_message(chat, young.message_id)
    clock.ahead = TWO_DAYS + 60
    with pytest.raises(BadRequest, match=r"(?i)message can't be deleted for everyone"):
        await bot.delete_message(chat, old.message_id)
    clock.ahead = 365 * 86400
    await bot.edit_message_text("new", chat, old.message_id)
    assert sandbox.telegram.messages(chat)[-1]["text"] == "new"


async def test_an_item_of_an_album_becomes_only_what_may_be_in_one(
    bot: Bot, sandbox: Sandbox, make_picture: Picture, short_film: bytes
) -> None:
    sent = await bot.send_media_group(
        CHANNEL, [InputMediaPhoto(make_picture(), caption="a"), InputMediaPhoto(make_picture(colour=(1, 2, 3)))]
    )
    first = sent[0].message_id
    await bot.edit_message_media(InputMediaVideo(short_film, caption="b"), CHANNEL, first)
    shown = sandbox.telegram.messages(CHANNEL)[0]
    assert "video" in shown
    assert (shown["caption"], shown["media_group_id"]) == ("b", sent[0].media_group_id)
    with pytest.raises(BadRequest, match=r"(?i)can't change media type in the album"):
        await bot.edit_message_media(InputMediaDocument(b"x", filename="x.txt"), CHANNEL, first)
    with pytest.raises(BadRequest, match=r"(?i)content type can't be used in an album"):
        await bot.edit_message_media(InputMediaAnimation(short_film), CHANNEL, first)


async def test_media_is_changed_by_upload_and_by_file_id(bot: Bot, sandbox: Sandbox, make_picture: Picture) -> None:
    one = await bot.send_photo(CHANNEL, make_picture(), caption="one")
    two = await bot.send_photo(CHANNEL, make_picture(colour=(9, 9, 9)))
    await bot.edit_message_media(InputMediaPhoto(two.photo[-1].file_id, caption="one"), CHANNEL, one.message_id)
    assert len({post["media"][0]["sha256"] for post in sandbox.telegram.messages(CHANNEL)}) == 1
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_media(InputMediaPhoto(two.photo[-1].file_id, caption="one"), CHANNEL, one.message_id)
    with pytest.raises(BadRequest, match=r"(?i)wrong file identifier"):
        await bot.edit_message_media(InputMediaPhoto("photo-999-bot1"), CHANNEL, one.message_id)
    await bot.edit_message_media(InputMediaPhoto(two.photo[-1].file_id), CHANNEL, one.message_id)
    assert "caption" not in sandbox.telegram.messages(CHANNEL)[0], "an edit that brings no caption takes it away"


async def test_a_text_becomes_a_photo_and_never_the_other_way(
    bot: Bot, sandbox: Sandbox, make_picture: Picture
) -> None:
    text = await bot.send_message(CHANNEL, "text")
    await bot.edit_message_media(InputMediaPhoto(make_picture(), caption="photo"), CHANNEL, text.message_id)
    (post,) = sandbox.telegram.messages(CHANNEL)
    assert ("text" in post, post["caption"]) == (False, "photo")
    with pytest.raises(BadRequest, match=r"(?i)no text in the message"):
        await bot.edit_message_text("text", CHANNEL, text.message_id)


async def test_an_edited_text_has_the_preview_that_the_edit_asks_for(bot: Bot, sandbox: Sandbox) -> None:
    sent = await bot.send_message(CHANNEL, "one", link_preview_options=LinkPreviewOptions(is_disabled=True))
    await bot.edit_message_text(
        "two", CHANNEL, sent.message_id, link_preview_options=LinkPreviewOptions(url="https://police.example/")
    )
    (post,) = sandbox.telegram.messages(CHANNEL)
    assert post["link_preview_options"] == {"url": "https://police.example/"}
