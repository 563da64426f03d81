"""The sandbox's page, as a browser without JavaScript uses it, and what it must never do."""

from __future__ import annotations

import asyncio
import re
from email.message import EmailMessage
from typing import Any

import aiohttp
import aiosmtplib
import pytest
from telegram import Bot, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup

from distributor.sandbox import Sample, Sandbox
from distributor.sandbox.page_text import with_entities, with_links

NINO, GIORGI, DESK, CHANNEL = 501, 502, -100200, -100300


async def read(sandbox: Sandbox, web: aiohttp.ClientSession, query: str = "") -> str:
    async with web.get(f"{sandbox.http_url}/{query}") as answer:
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return await answer.text()


async def test_it_shows_every_platform(
    sandbox: Sandbox, web: aiohttp.ClientSession, bot: Bot, x: Any, graph: Any, make_picture: Any
) -> None:
    sandbox.page.links = [("Newsroom", "http://127.0.0.1:9/")]
    await bot.send_photo(CHANNEL, make_picture(), caption="<b>არხი</b>", parse_mode="HTML")
    await x("POST", "/2/tweets", json={"text": "პოსტი https://police.ge/1"})
    await graph("POST", "/me/feed", data={"message": "გვერდი"})
    page = await read(sandbox, web)
    for shown in ("<b>არხი</b>", "პოსტი", 'href="https://police.ge/1"', "გვერდი", "Newsroom", "No mail yet"):
        assert shown in page
    media = re.search(r'src="(/sandbox/media/\d+)"', page)
    assert media is not None
    async with web.get(sandbox.http_url + media[1]) as answer:
        assert (answer.headers["Content-Type"], await answer.read()) == ("image/jpeg", make_picture())


async def test_the_composer_sends_files_with_their_caption(
    sandbox: Sandbox, web: aiohttp.ClientSession, make_picture: Any, short_film: bytes
) -> None:
    form = aiohttp.FormData({"person": str(NINO), "chat": "private", "text": "ტექსტი\r\nორი", "me": str(NINO)})
    for name, data in (("a.jpg", make_picture()), ("b.mp4", short_film)):
        form.add_field("files", data, filename=name)
    async with web.post(f"{sandbox.http_url}/sandbox/say", data=form, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"/?me={NINO}&desk={GIORGI}")
    first, second = sandbox.telegram.messages(NINO)
    assert (first["caption"], first["media"][0]["kind"], second["media"][0]["kind"]) == (
        "ტექსტი\nორი",
        "photo",
        "video",
    )
    assert first["media_group_id"] == second["media_group_id"]


async def test_samples_are_sent_as_the_person_chosen(
    sandbox: Sandbox, web: aiohttp.ClientSession, make_picture: Any
) -> None:
    sandbox.page.samples = [Sample("Long", "ა" * 1500, [("a.jpg", make_picture())])]
    async with web.post(f"{sandbox.http_url}/sandbox/sample", data={"number": "0", "me": str(NINO)}) as answer:
        assert ">Long</button>" in await answer.text()
    text, photo = sandbox.telegram.messages(NINO)
    assert (len(text["text"]), photo["media"][0]["kind"]) == (1500, "photo")


async def test_a_button_pressed_on_the_page_reaches_the_bot_and_shows_its_answer(
    sandbox: Sandbox, web: aiohttp.ClientSession, bot: Bot
) -> None:
    buttons = InlineKeyboardMarkup([[InlineKeyboardButton("Approve", callback_data="nonce")]])
    message = await bot.send_message(DESK, "?", reply_markup=buttons)
    assert 'value="nonce">Approve</button>' in await read(sandbox, web)
    data = {"person": str(GIORGI), "chat": str(DESK), "message": str(message.message_id), "data": "nonce"}
    pressed = web.post(f"{sandbox.http_url}/sandbox/press", data=data, headers={"Accept": "application/json"})

    async def work() -> None:
        update = (await bot.get_updates(timeout=2))[0]
        assert update.callback_query is not None
        await bot.answer_callback_query(update.callback_query.id, "დამტკიცდა")

    answer, _ = await asyncio.gather(pressed, work())
    assert (await answer.json())["notice"] == "დამტკიცდა"


async def test_an_answer_to_a_forced_reply_is_a_reply(sandbox: Sandbox, web: aiohttp.ClientSession, bot: Bot) -> None:
    asked = await bot.send_message(DESK, "Why?", reply_markup=ForceReply())
    for text in ("because", "and so on"):
        async with web.post(
            f"{sandbox.http_url}/sandbox/say", data={"person": str(GIORGI), "chat": str(DESK), "text": text}
        ):
            pass
    messages = [update.message for update in await bot.get_updates() if update.message]
    replies = [message.reply_to_message.message_id if message.reply_to_message else None for message in messages]
    assert replies == [asked.message_id, None]


async def test_nothing_written_by_anyone_becomes_markup(
    sandbox: Sandbox, web: aiohttp.ClientSession, bot: Bot, x: Any, graph: Any
) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    await sandbox.telegram.say(NINO, evil)
    await sandbox.telegram.say(NINO, evil, DESK)
    await x("POST", "/2/tweets", json={"text": evil})
    await graph("POST", "/me/feed", data={"message": evil})
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = evil, "a@b.example", "c@d.example"
    mail.set_content("<p>text</p>")
    mail.add_alternative("<p>own html</p><script>alert(1)</script>", subtype="html")
    await aiosmtplib.send(mail, hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    page = await read(sandbox, web, f"?notice={evil}&me=x&desk=999")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "own html" not in page
    assert 'sandbox="allow-popups"' in page
    async with web.get(f"{sandbox.http_url}/sandbox/mail/1") as answer:
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "own html" in await answer.text()


async def test_it_loads_nothing_from_elsewhere(sandbox: Sandbox, web: aiohttp.ClientSession) -> None:
    page = await read(sandbox, web)
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(source.startswith("/") for source in sources)
    for name in ("page.css", "live.js"):
        async with web.get(f"{sandbox.http_url}/sandbox/static/{name}") as answer:
            text = await answer.text()
            assert answer.status == 200
            assert "http://" not in text
            assert "https://" not in text


async def test_changes_are_announced(sandbox: Sandbox, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{sandbox.http_url}/sandbox/events") as stream:
        first = await stream.content.readline()
        await stream.content.readline()
        await sandbox.telegram.say(NINO, "x")
        assert await stream.content.readline() != first


async def test_faults_are_ordered_on_the_page(sandbox: Sandbox, web: aiohttp.ClientSession) -> None:
    url = f"{sandbox.http_url}/sandbox/faults/form"
    async with web.post(url, data={"method": "x:tweets.create", "kind": "429", "times": "2"}) as answer:
        assert "tweets.create" in await answer.text()
    assert (sandbox.faults.ordered[0].kind, sandbox.faults.ordered[0].left) == ("429", 2)
    async with web.post(url, data={"method": "x:tweets.create", "kind": "graph_error"}) as answer:
        assert "has no fault" in await answer.text()
    async with web.post(url, data={"clear": "1"}):
        assert sandbox.faults.ordered == []


async def test_a_player_may_ask_for_a_part_of_a_video(
    sandbox: Sandbox, web: aiohttp.ClientSession, short_film: bytes
) -> None:
    await sandbox.telegram.send_video(NINO, short_film)
    url = f"{sandbox.http_url}/sandbox/media/1"
    async with web.get(url, headers={"Range": "bytes=10-19"}) as answer:
        assert (answer.status, await answer.read()) == (206, short_film[10:20])
        assert answer.headers["Content-Range"] == f"bytes 10-19/{len(short_film)}"


@pytest.mark.parametrize(
    ("text", "entities", "html"),
    [
        ("😀ab", [{"type": "bold", "offset": 2, "length": 1}], "😀<b>a</b>b"),
        ("<&>", [{"type": "italic", "offset": 0, "length": 3}], "<i>&lt;&amp;&gt;</i>"),
        (
            "abc",
            [{"type": "bold", "offset": 0, "length": 3}, {"type": "italic", "offset": 1, "length": 1}],
            "<b>a<i>b</i>c</b>",
        ),
        (
            "x",
            [{"type": "text_link", "offset": 0, "length": 1, "url": "javascript:alert(1)"}],
            '<span class="accent">x</span>',
        ),
    ],
)
def test_entities_become_safe_markup(text: str, entities: list[dict[str, Any]], html: str) -> None:
    assert with_entities(text, entities) == html


def test_links_of_posts() -> None:
    assert with_links('a "b" #თბილისი') == 'a &#34;b&#34; <span class="accent">#თბილისი</span>'
