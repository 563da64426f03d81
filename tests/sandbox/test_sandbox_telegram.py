"""The simulated Bot API, called by the real python-telegram-bot: what it does and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    MessageEntity,
)
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter

from distributor.sandbox import Sandbox

NINO, GIORGI, DAVIT = 501, 502, 504
DESK, CHANNEL, STAGING = -100200, -100300, -100400
Picture = Callable[..., bytes]


def keyboard(data: str = "yes") -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("Approve", callback_data=data)]])


async def test_a_message_keeps_text_entities_and_buttons(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(DESK, "<b>გამარჯობა</b> 😀 <i>x</i>", parse_mode="HTML", reply_markup=keyboard())
    assert sent.text == "გამარჯობა 😀 x"
    assert [(entity.type, entity.offset, entity.length) for entity in sent.entities] == [
        ("bold", 0, 9),
        ("italic", 13, 1),
    ]
    assert sandbox.telegram.messages(DESK)[-1]["buttons"][0][0]["text"] == "Approve"
    assert len(sandbox.effects("telegram", "message", chat_id=DESK)) == 1


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "text is empty"),
        ("x" * 4097, {}, "message is too long"),
        ("<b>x", {"parse_mode": "HTML"}, "can't find end tag"),
        ("<p>x</p>", {"parse_mode": "HTML"}, "unsupported start tag"),
        ("ab", {"entities": [MessageEntity("bold", 0, 3)]}, "ends after the end of the text"),
        ("😀", {"entities": [MessageEntity("bold", 0, 1)]}, "middle of a utf-16 symbol"),
        ("x", {"reply_markup": keyboard("ა" * 22)}, "button_data_invalid"),
    ],
)
async def test_texts_that_telegram_refuses(bot: Bot, text: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        await bot.send_message(DESK, text or " ", **options)
    assert words in refused.value.message.lower()


async def test_length_is_counted_after_parsing(bot: Bot) -> None:
    sent = await bot.send_message(DESK, "<b>" + "ა" * 4096 + "</b>", parse_mode="HTML")
    assert sent.text is not None
    assert len(sent.text) == 4096


async def test_files_of_every_kind(sandbox: Sandbox, bot: Bot, make_picture: Picture, short_film: bytes) -> None:
    photo = await bot.send_photo(CHANNEL, make_picture(1000, 500), caption="ფოტო")
    assert (photo.photo[-1].width, photo.photo[-1].height, photo.caption) == (1000, 500, "ფოტო")
    video = await bot.send_video(CHANNEL, short_film, caption="ვიდეო", supports_streaming=True)
    assert video.video is not None
    assert (video.video.width, video.video.height) == (64, 48)
    document = await bot.send_document(CHANNEL, b"%PDF-1.4 x", filename="a.pdf")
    assert document.document is not None
    assert document.document.mime_type == "application/pdf"
    assert (await bot.send_animation(CHANNEL, short_film)).animation is not None
    again = await bot.send_photo(DESK, photo.photo[-1].file_id)
    assert again.photo[-1].file_unique_id == photo.photo[-1].file_unique_id
    with pytest.raises(BadRequest, match=r"(?i)can't use file of type"):
        await bot.send_video(DESK, photo.photo[-1].file_id)


async def test_pictures_that_telegram_refuses(bot: Bot, make_picture: Picture) -> None:
    for data, words in (
        (make_picture(9000, 1200), "photo_invalid_dimensions"),
        (make_picture(2100, 100), "photo_invalid_dimensions"),
        (b"no picture", "image_process_failed"),
        (make_picture() + b"\0" * 10 * 1024 * 1024, "is too big for a photo"),
    ):
        with pytest.raises(BadRequest) as refused:
            await bot.send_photo(DESK, data)
        assert words in refused.value.message.lower()
    with pytest.raises(BadRequest, match=r"(?i)caption is too long"):
        await bot.send_photo(DESK, make_picture(), caption="ა" * 1025)


async def test_albums(sandbox: Sandbox, bot: Bot, make_picture: Picture, short_film: bytes) -> None:
    sent = await bot.send_media_group(
        CHANNEL, [InputMediaPhoto(make_picture(), caption="<b>ა</b>", parse_mode="HTML"), InputMediaVideo(short_film)]
    )
    assert len({message.media_group_id for message in sent}) == 1
    assert [effect["message_ids"] for effect in sandbox.effects("telegram", "album")] == [[m.message_id for m in sent]]
    mixed: list[InputMediaPhoto | InputMediaDocument] = [
        InputMediaPhoto(make_picture()),
        InputMediaDocument(b"x", filename="x.txt"),
    ]
    with pytest.raises(BadRequest, match=r"(?i)can't be mixed"):
        await bot.send_media_group(CHANNEL, mixed)
    for count in (1, 11):
        with pytest.raises(BadRequest, match=r"(?i)album"):
            await bot.send_media_group(CHANNEL, [InputMediaPhoto(sent[0].photo[-1].file_id)] * count)


async def test_edits_and_what_is_not_modified(sandbox: Sandbox, bot: Bot, make_picture: Picture) -> None:
    text = await bot.send_message(CHANNEL, "one")
    edited = await bot.edit_message_text("two", CHANNEL, text.message_id, reply_markup=keyboard())
    assert edited.text == "two"  # type: ignore[union-attr]  # a Message for a chat's message
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_text("two", CHANNEL, text.message_id, reply_markup=keyboard())
    await bot.edit_message_reply_markup(CHANNEL, text.message_id)
    assert sandbox.telegram.messages(CHANNEL)[-1]["buttons"] == []
    photo = await bot.send_photo(CHANNEL, make_picture(), caption="one")
    await bot.edit_message_caption(CHANNEL, photo.message_id, caption="two")
    await bot.edit_message_media(InputMediaPhoto(make_picture(colour=(1, 2, 3))), CHANNEL, photo.message_id)
    with pytest.raises(BadRequest, match=r"(?i)no text in the message"):
        await bot.edit_message_text("x", CHANNEL, photo.message_id)
    await bot.delete_message(CHANNEL, photo.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await bot.edit_message_caption(CHANNEL, photo.message_id, caption="x")
    with pytest.raises(BadRequest, match=r"(?i)message to delete not found"):
        await bot.delete_message(CHANNEL, photo.message_id)
    kinds = [effect.kind for effect in sandbox.effects("telegram")]
    assert kinds == ["message", "edit", "edit", "message", "edit", "edit", "delete"]


async def test_copy_reply_and_chat_questions(bot: Bot) -> None:
    first = await bot.send_message(STAGING, "prepared")
    copy = await bot.copy_message(CHANNEL, STAGING, first.message_id)
    reply = await bot.send_message(CHANNEL, "reply", reply_to_message_id=copy.message_id)
    assert reply.reply_to_message is not None
    assert (await bot.get_chat("@mia_sandbox")).id == CHANNEL
    assert (await bot.get_chat_member(DESK, GIORGI)).status == "member"
    assert (await bot.get_chat_member(DESK, DAVIT)).status == "left"
    assert bot.id in [member.user.id for member in await bot.get_chat_administrators(CHANNEL)]
    assert await bot.set_my_commands([BotCommand("start", "Begin")])
    assert (await bot.get_my_commands())[0].command == "start"
    assert await bot.send_chat_action(DESK, "typing")


async def test_people_write_and_the_bot_downloads_what_they_sent(
    sandbox: Sandbox, bot: Bot, make_picture: Picture, short_film: bytes
) -> None:
    photos = [make_picture(), make_picture(colour=(9, 9, 9))]
    await sandbox.telegram.send_photos(NINO, photos, caption="ტექსტი")
    await sandbox.telegram.send_video(NINO, short_film)
    await sandbox.telegram.say(NINO, "/start invitation")
    updates = await bot.get_updates(timeout=1)
    messages = [update.message for update in updates if update.message]
    assert len({message.media_group_id for message in messages[:2]}) == 1
    file = await bot.get_file(messages[1].photo[-1])
    assert bytes(await file.download_as_bytearray()) == photos[1]
    assert messages[3].entities[0].type == "bot_command"
    assert await bot.get_updates(offset=updates[-1].update_id + 1) == ()
    sandbox.telegram.redeliver(updates[0].update_id)
    assert [update.update_id for update in await bot.get_updates(offset=updates[-1].update_id + 1)] == [
        updates[0].update_id
    ]


async def test_a_large_file_is_not_handed_over(sandbox: Sandbox, bot: Bot) -> None:
    sent = await sandbox.telegram.send_document(NINO, b"\0" * (20 * 1024 * 1024 + 1))
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await bot.get_file(sent["document"]["file_id"])


async def test_presses_true_and_forged(sandbox: Sandbox, bot: Bot) -> None:
    message = await bot.send_message(DESK, "?", reply_markup=keyboard("nonce-1"))
    query = await sandbox.telegram.press(GIORGI, DESK, message.message_id, "Approve")
    await sandbox.telegram.press(DAVIT, DESK, message.message_id, "forged")
    updates = await bot.get_updates()
    assert [(one.callback_query.from_user.id, one.callback_query.data) for one in updates if one.callback_query] == [
        (GIORGI, "nonce-1"),
        (DAVIT, "forged"),
    ]
    await bot.answer_callback_query(query, "Approved", show_alert=True)
    answer = await sandbox.telegram.wait_for_answer(query)
    assert (answer["person_id"], answer["text"], answer["show_alert"]) == (GIORGI, "Approved", True)
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query("1")


async def test_a_long_poll_ends_with_the_first_update(sandbox: Sandbox, bot: Bot) -> None:
    waiting = asyncio.create_task(bot.get_updates(timeout=10))
    await asyncio.sleep(0.05)
    await sandbox.telegram.say(NINO, "hello")
    async with asyncio.timeout(2):
        assert (await waiting)[0].message.text == "hello"  # type: ignore[union-attr]  # it is a message


async def test_of_two_polls_the_first_ends_with_a_conflict(bot: Bot, desk: Any) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=10))
    await asyncio.sleep(0.05)
    await desk("POST", "/getUpdates")
    with pytest.raises(Conflict):
        await first


async def test_who_may_not_write_is_told_so(sandbox: Sandbox, bot: Bot) -> None:
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(DAVIT, "x")
    await sandbox.telegram.say(DAVIT, "/start")
    await bot.send_message(DAVIT, "x")
    sandbox.telegram.block(DAVIT)
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(DAVIT, "x")
    sandbox.telegram.kick(CHANNEL)
    with pytest.raises(Forbidden, match="bot was kicked from the channel chat"):
        await bot.send_message(CHANNEL, "x")
    assert (await bot.get_updates())[-1].my_chat_member is not None
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(-1, "x")


async def test_a_group_becomes_a_supergroup(sandbox: Sandbox, bot: Bot) -> None:
    new = sandbox.telegram.migrate(DESK)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(DESK, "x")
    assert moved.value.new_chat_id == new
    assert (await bot.send_message(new, "x")).chat.type == "supergroup"
    assert sandbox.telegram.messages(new)[-1]["text"] == "x"


async def test_a_wrong_token_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidToken):
        async with Bot("1000001:wrong", base_url=f"{sandbox.telegram.api_url}/bot"):
            raise AssertionError("the token was accepted")


async def test_rates_hold_when_they_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    now = [1_000_000.0]
    async with Sandbox(limits=True, clock=lambda: now[0]) as strict:
        async with Bot(strict.telegram.default_bot.token, base_url=f"{strict.telegram.api_url}/bot") as bot:
            for _ in range(3):
                await bot.send_message(CHANNEL, "x")
            with pytest.raises(RetryAfter) as wait:
                await bot.send_message(CHANNEL, "x")
            assert wait.value.retry_after == timedelta(seconds=1)
            for _ in range(17):
                now[0] += 1
                await bot.send_message(CHANNEL, "x")
            now[0] += 3
            with pytest.raises(RetryAfter) as minute:
                await bot.send_message(CHANNEL, "x")
            assert minute.value.retry_after == timedelta(seconds=40)
        assert len(strict.effects("telegram")) == 20
