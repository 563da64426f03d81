"""The whole job by itself: Nino writes, Giorgi approves, every platform is looked at.

May touch: the stage. Works only through what people have: messages and buttons of the simulated Telegram. Ends with 0
only if every channel holds the release.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp

from distributor.core.delivery import FINAL
from distributor.demo.samples import samples
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR, SUBSCRIBERS, Stage
from distributor.locale import texts
from distributor.storage.reports import DeliveryFilter

Message = dict[str, Any]
PATIENCE = 60.0  # seconds for one step, on a slow machine


class Play:
    """One release from an author's message to every platform. `show` prints the delivery rows."""

    def __init__(
        self,
        stage: Stage,
        say: Callable[[str], None],
        complain: Callable[[str], None],
        show: Callable[[list[dict[str, Any]]], None],
    ) -> None:
        self._stage = stage
        self._telegram = stage.sandbox.telegram
        self._say, self._complain, self._show = say, complain, show
        self._words = texts("ka")

    async def run(self) -> int:
        """Play it; 0 where every channel holds the release, 1 with what is missing otherwise."""
        sample = samples()[0]
        title = sample.text.split("\n", 1)[0]
        self._say(f"Nino writes to the bot: «{title}», with {len(sample.files)} photos.")
        await self._telegram.send_photos(AUTHOR, [data for _, data in sample.files], caption=sample.text)
        await self._press(AUTHOR, AUTHOR, self._words.get("bot.button.submit"), title)
        self._say("Nino presses Submit; the desk sees the release.")
        began = time.monotonic()
        await self._press(EDITOR, DESK_CHAT, self._words.get("decision.approve"), title)
        self._say("Giorgi presses Approve.")
        rows = await self._wait_for_deliveries()
        self._show(rows)
        count = len(sample.files)
        missing = [*self._missing(title, count, rows), *await self._missing_at_newsroom(title, count, rows)]
        for fault in missing:
            self._complain(f"MISSING: {fault}")
        verdict = await self._stage.parts.office.auditing.verify()
        if verdict.fault:
            missing.append(verdict.fault)
            self._complain(f"The audit log is not intact: {verdict.fault}")
        if missing:
            return 1
        self._say(f"Every channel holds the release, {time.monotonic() - began:.1f} s after the approval.")
        self._say(f"The audit log is intact: {verdict.events} events, {verdict.outcomes} outcomes.")
        return 0

    async def _press(self, person: int, chat: int, label: str, title: str) -> None:
        """Wait until a message in the chat names the release and has the button, then press it."""

        def wanted(message: Message) -> bool:
            words = f"{message.get('text', '')} {message.get('caption', '')}"
            return title in words and button_of(message, label) is not None

        message = await self._telegram.wait_for(chat, wanted, PATIENCE)
        await self._telegram.press(person, chat, message["message_id"], button_of(message, label) or label)

    async def _wait_for_deliveries(self) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE
        rows: list[dict[str, Any]] = []
        final = {state.value for state in FINAL} | {"case"}
        while time.monotonic() < deadline:
            rows = await self._stage.parts.office.reading.deliveries(DeliveryFilter(most=500))
            if rows and all(row["state"] in final for row in rows):
                break
            await asyncio.sleep(0.05)
        return rows

    def _missing(self, title: str, photos: int, rows: list[dict[str, Any]]) -> Iterator[str]:
        """Look at the platforms themselves, as their users would; the delivery log alone proves nothing."""
        box = self._stage.sandbox
        for row in rows:
            if row["state"] != "sent":
                yield f"{row['channel']} ({row['address']}): {row['state']} {row['reason']}"
        shown = self._telegram.messages(CHANNEL_CHAT)
        named = sum(title in _words_of(message) for message in shown)
        pictures = sum(bool(message.get("media")) for message in shown)
        if named != 1 or pictures != photos:
            yield f"telegram: the channel names the release {named} times, with {pictures} of {photos} photos"
        for name, media in (("x", "media"), ("facebook", "photos")):
            posts = [effect for effect in box.effects(name, kind="post") if title[:60] in str(effect["text"])]
            if len(posts) != 1:
                yield f"{name}: the release stands there {len(posts)} times instead of once"
            elif len(posts[0][media]) != photos:
                yield f"{name}: {len(posts[0]['media'])} of {photos} photos"
        for address, _, _ in SUBSCRIBERS:
            mails = box.mail.to(address)
            if len(mails) != 1 or title not in str(mails[0].message["Subject"]):
                yield f"press: {address} got {len(mails)} mails instead of one about the release"

    async def _missing_at_newsroom(self, title: str, photos: int, rows: list[dict[str, Any]]) -> list[str]:
        """Read the front page, the release's page and its pictures, as anybody would."""
        links = [row["receipt"]["links"] for row in rows if row["channel"] == "newsroom" and row["receipt"]]
        if not links or not links[0]:
            return ["newsroom: no address of a page is known"]
        async with aiohttp.ClientSession() as session:
            async with session.get(self._stage.service.url) as answer:
                if title not in await answer.text():
                    return ["newsroom: the front page does not show the release"]
            async with session.get(links[0][0]) as answer:
                pictures = re.findall(r'<img src="(/media/[^"]+)"', await answer.text())
            if len(pictures) != photos:
                return [f"newsroom: the page shows {len(pictures)} of {photos} photos"]
            for path in pictures:
                async with session.get(self._stage.service.url + path) as answer:
                    if answer.status != 200 or answer.content_type != "image/jpeg":
                        return [f"newsroom: {path} is not served ({answer.status})"]
        return []


def _words_of(message: Message) -> str:
    return f"{message.get('text', '')} {message.get('caption', '')}"


def button_of(message: Message, label: str) -> str | None:
    """The text of the message's button that carries the label (it may have a sign before it)."""
    for row in message.get("buttons", []):
        for button in row:
            if label in button["text"]:
                return str(button["text"])
    return None
