"""The second bot of the simulated Telegram: what it sees, where it is, and how often it may ask."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import pytest
from telegram import Bot, InputMediaPhoto, Update
from telegram.error import BadRequest, Conflict, Forbidden

from distributor.sandbox import Sandbox
from distributor.sandbox.telegram import DESK_TOKEN, WITNESS_TOKEN

NINO, DESK, CHANNEL, STAGING = 501, -100200, -100300, -100400


@pytest.fixture
async def strict() -> AsyncIterator[Sandbox]:
    """A sandbox as it comes, with the platform's limits."""
    async with Sandbox(limits=True) as running:
        yield running


@pytest.fixture
async def desk_bot(strict: Sandbox) -> AsyncIterator[Bot]:
    async with Bot(DESK_TOKEN, base_url=f"{strict.telegram.api_url}/bot") as running:
        yield running


@pytest.fixture
async def witness(strict: Sandbox) -> AsyncIterator[Bot]:
    async with Bot(WITNESS_TOKEN, base_url=f"{strict.telegram.api_url}/bot") as running:
        yield running


def seen(updates: tuple[Update, ...]) -> list[int]:
    return [update.channel_post.message_id for update in updates if update.channel_post]


async def test_the_witness_sees_posts_of_the_other_bot_and_its_own_ones_not(desk_bot: Bot, witness: Bot) -> None:
    posted = await desk_bot.send_message(CHANNEL, "public")
    await witness.send_message(CHANNEL, "by the witness")
    (update,) = await witness.get_updates(allowed_updates=["channel_post"])
    post = update.channel_post
    assert post is not None
    assert (post.text, post.message_id, post.date) == ("public", posted.message_id, posted.date)
    assert (post.chat.username, post.sender_chat and post.sender_chat.id) == ("mia_sandbox", CHANNEL)
    assert [one.channel_post.text for one in await desk_bot.get_updates() if one.channel_post] == ["by the witness"]


async def test_an_album_reaches_the_witness_item_by_item_with_files_of_its_own(
    desk_bot: Bot, witness: Bot, make_picture: Callable[..., bytes]
) -> None:
    sent = await desk_bot.send_media_group(CHANNEL, [InputMediaPhoto(make_picture(), caption="ა")] * 3)
    posts = [update.channel_post for update in await witness.get_updates() if update.channel_post]
    assert [post.message_id for post in posts] == [message.message_id for message in sent]
    assert {post.media_group_id for post in posts} == {sent[0].media_group_id}
    for post, message in zip(posts, sent, strict=True):
        assert post.photo[-1].file_id != message.photo[-1].file_id
        assert post.photo[-1].file_unique_id == message.photo[-1].file_unique_id


async def test_the_witness_is_nowhere_but_in_the_channel(strict: Sandbox, desk_bot: Bot, witness: Bot) -> None:
    me = await witness.get_me()
    assert (await desk_bot.get_chat_member(CHANNEL, me.id)).status == "administrator"
    for chat in (DESK, STAGING):
        assert (await desk_bot.get_chat_member(chat, me.id)).status == "left"
        with pytest.raises(Forbidden, match="bot is not a member of the"):
            await witness.get_chat(chat)
    await strict.telegram.say(NINO, "for the desk only", DESK)
    await desk_bot.send_message(STAGING, "staged")
    assert await witness.get_updates() == ()


async def test_a_witness_that_was_removed_sees_nothing_and_is_told_why(
    strict: Sandbox, desk_bot: Bot, witness: Bot
) -> None:
    account = strict.telegram.bot(WITNESS_TOKEN)
    strict.telegram.kick(CHANNEL, account)
    await witness.get_updates(offset=-1)
    await desk_bot.send_message(CHANNEL, "unseen")
    assert seen(await witness.get_updates()) == []
    with pytest.raises(Forbidden, match="bot was kicked from the channel chat"):
        await witness.get_chat_member(CHANNEL, account.id)
    strict.telegram.admit(CHANNEL, account, status="left")  # it is public: whoever is outside may look at it
    assert (await witness.get_chat_member("@mia_sandbox", account.id)).status == "left"


async def test_what_the_witness_did_not_ask_for_is_lost_until_it_asks(desk_bot: Bot, witness: Bot) -> None:
    await witness.get_updates(allowed_updates=["message"])
    await desk_bot.send_message(CHANNEL, "one")
    assert seen(await witness.get_updates(allowed_updates=["channel_post"], timeout=0, offset=1)) == []
    second = await desk_bot.send_message(CHANNEL, "two")
    assert seen(await witness.get_updates()) == [second.message_id]


async def test_who_asks_again_within_half_a_second_gets_one_update_only(desk_bot: Bot, witness: Bot) -> None:
    sent = [(await desk_bot.send_message(CHANNEL, f"{number}")).message_id for number in range(3)]
    updates = await witness.get_updates()
    assert seen(updates) == sent
    assert seen(await witness.get_updates()) == sent[:1]
    assert seen(await witness.get_updates(offset=updates[0].update_id)) == sent  # another offset, nothing confirmed
    assert seen(await witness.get_updates()) == sent


async def test_who_asks_an_empty_queue_again_waits_three_seconds(witness: Bot) -> None:
    await witness.get_updates()
    begun = time.monotonic()
    await witness.get_updates()
    assert 2.5 < time.monotonic() - begun < 4


async def test_a_webhook_and_asking_exclude_each_other(witness: Bot) -> None:
    await witness.set_webhook("http://127.0.0.1:9/hook", drop_pending_updates=True)
    with pytest.raises(Conflict, match="webhook is active"):
        await witness.get_updates()
    await witness.delete_webhook()
    assert await witness.get_updates() == ()


async def test_a_channel_where_the_bot_never_was_is_not_found(witness: Bot) -> None:
    with pytest.raises(BadRequest, match="not found"):
        await witness.get_chat(-100999)
