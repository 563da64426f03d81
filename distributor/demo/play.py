"""The whole job by itself: Nino writes, Giorgi approves, every platform is looked at.

May touch: the stage. Works only through what people have: messages and buttons of the simulated Telegram. Ends with 0
only if every channel holds the release.
"""

from __future__ import annotations

import asyncio
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
        missing = [*self._missing(title, rows), *await self._missing_at_newsroom(title)]
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

    def _missing(self, title: str, rows: list[dict[str, Any]]) -> Iterator[str]:
        """Look at the platforms themselves, as their users would; the delivery log alone proves nothing."""
        box = self._stage.sandbox
        for row in rows:
            if row["state"] != "sent":
                yield f"{row['channel']} ({row['address']}): {row['state']} {row['reason']}"
        channel = [_words_of(message) for message in self._telegram.messages(CHANNEL_CHAT)]
        if not any(title in words for words in channel):
            yield "the Telegram channel does not show the release"
        for name, count in (("x", 1), ("facebook", 1)):
            posts = [effect for effect in box.effects(name, kind="post") if title[:60] in str(effect["text"])]
            if len(posts) != count:
                yield f"{name} shows the release {len(posts)} times instead of once"
        for address, _, _ in SUBSCRIBERS:
            if len(box.mail.to(address)) != 1:
                yield f"{address} got {len(box.mail.to(address))} mails instead of one"

    async def _missing_at_newsroom(self, title: str) -> list[str]:
        """Read the front page as anybody would."""
        async with aiohttp.ClientSession() as session, session.get(self._stage.service.url) as answer:
            shown = title in await answer.text()
        return [] if shown else ["the newsroom's front page does not show the release"]


def _words_of(message: Message) -> str:
    return f"{message.get('text', '')} {message.get('caption', '')}"


def button_of(message: Message, label: str) -> str | None:
    """The text of the message's button that carries the label (it may have a sign before it)."""
    for row in message.get("buttons", []):
        for button in row:
            if label in button["text"]:
                return str(button["text"])
    return None
