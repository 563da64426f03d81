"""How the simulated Telegram tells bots: webhooks with their secret, the witness of a channel, raw calls."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from aiohttp import FormData, web
from telegram import Bot

from distributor.sandbox import Sandbox
from distributor.sandbox.telegram_errors import Refused

NINO, DESK, CHANNEL = 501, -100200, -100300


async def test_a_webhook_gets_updates_in_order_with_the_secret_and_again_after_a_failure(
    sandbox: Sandbox, bot: Bot
) -> None:
    got: list[tuple[str, str]] = []
    done = asyncio.Event()

    async def hook(request: web.Request) -> web.Response:
        text = (await request.json())["message"]["text"]
        got.append((request.headers["X-Telegram-Bot-Api-Secret-Token"], text))
        if len(got) == 3:
            done.set()
        return web.Response(status=500 if len(got) == 1 else 200)

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await bot.set_webhook(
        f"http://127.0.0.1:{runner.addresses[0][1]}/hook", secret_token="s-1", allowed_updates=["message"]
    )
    await sandbox.telegram.say(NINO, "one")
    await sandbox.telegram.say(NINO, "two")
    async with asyncio.timeout(3):
        await done.wait()
    assert got == [("s-1", "one"), ("s-1", "one"), ("s-1", "two")]
    assert "500" in str((await bot.get_webhook_info()).last_error_message)
    await bot.delete_webhook()
    await runner.cleanup()


async def test_a_second_bot_witnesses_what_was_posted_in_the_channel(sandbox: Sandbox, bot: Bot) -> None:
    witness = sandbox.telegram.bot("1000002:sandbox-witness-token")
    await bot.send_message(CHANNEL, "public")
    await bot.send_message(DESK, "not for other bots")
    async with Bot(witness.token, base_url=f"{sandbox.telegram.api_url}/bot") as other:
        posts = [update.channel_post for update in await other.get_updates()]
    assert [post.text for post in posts if post] == ["public"]
    assert await bot.get_updates() == ()


async def test_a_file_id_belongs_to_one_bot(sandbox: Sandbox, bot: Bot, make_picture: Any, desk: Any) -> None:
    sent = await bot.send_photo(CHANNEL, make_picture())
    other = sent.photo[-1].file_id.replace("bot1000001", "bot1000002")
    answer = await desk("POST", "/sendPhoto", json={"chat_id": CHANNEL, "photo": other})
    assert (answer.status, answer.body["description"]) == (
        400,
        "Bad Request: wrong file identifier/HTTP URL specified",
    )


async def test_json_form_and_query_are_read_alike_and_unknown_parameters_ignored(desk: Any) -> None:
    for options in (
        {"json": {"chat_id": DESK, "text": "a", "strange": 1}},
        {"data": {"chat_id": str(DESK), "text": "a", "entities": '[{"type":"bold","offset":0,"length":1}]'}},
        {"params": {"chat_id": DESK, "text": "a"}},
    ):
        answer = await desk("POST", "/sendmessage", **options)
        assert answer.body["result"]["text"] == "a"


async def test_unknown_methods_and_broken_bodies_are_refused(desk: Any) -> None:
    assert (await desk("POST", "/sendPigeon")).body["error_code"] == 404
    broken = await desk("POST", "/sendMessage", data=b"{", headers={"Content-Type": "application/json"})
    assert broken.body == {"ok": False, "error_code": 400, "description": "Bad Request: can't parse JSON object"}


async def test_an_upload_beyond_fifty_megabytes_is_refused(desk: Any) -> None:
    form = FormData({"chat_id": str(DESK)})
    form.add_field("document", io.BytesIO(b"\0" * (50 * 1024 * 1024 + 1)), filename="large.bin")
    answer = await desk("POST", "/sendDocument", data=form)
    assert answer.body == {"ok": False, "error_code": 413, "description": "Request Entity Too Large"}


async def test_people_outside_of_a_group_cannot_write_there(sandbox: Sandbox) -> None:
    with pytest.raises(PermissionError, match="Desk"):
        await sandbox.telegram.say(504, "x", DESK)


async def test_a_persons_caption_has_a_length_too(sandbox: Sandbox, make_picture: Any) -> None:
    with pytest.raises(Refused, match="caption is too long"):
        await sandbox.telegram.send_photos(NINO, [make_picture()], caption="x" * 1025)
