"""The people at the desk, as tests move them: they write, press buttons and read, in the simulated Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributor.app import utc_now
from distributor.core.people import Person
from distributor.core.ports import Clock
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, DESK_CHAT, EDITOR, Stage
from distributor.office.office import Office
from distributor.sandbox.telegram import Telegram
from distributor.storage.releases import ReleaseRow

Json = dict[str, Any]

TEXT = "Fire put out in Tbilisi\n\nNobody was hurt.\n\nFour crews worked for 40 minutes.\n\nThe cause is not known yet."

# Two channels, so that a test takes a second and not ten.
_FEW = {"channels.x": None, "channels.facebook": None, "channels.press": None}


@dataclass
class Desk:
    """One test's office with its people."""

    stage: Stage

    @property
    def telegram(self) -> Telegram:
        """The simulated Telegram."""
        return self.stage.sandbox.telegram

    @property
    def office(self) -> Office:
        """The real office."""
        return self.stage.parts.office

    async def say(self, who: int, text: str, chat: int | None = None, **more: Any) -> Json:
        """Somebody writes."""
        return await self.telegram.say(who, text, chat, **more)

    async def reads(self, chat: int, words: str, *, button: str = "") -> Json:
        """The newest message of the bot in a chat that holds these words (and a button whose data begins so)."""

        def fits(message: Json) -> bool:
            text = message.get("text") or message.get("caption") or ""
            return message["out"] and words in text and (not button or bool(data_of(message, button)))

        try:
            return await self.telegram.wait_for(chat, fits, 8.0)
        except TimeoutError:
            shown = [(m.get("text"), m["buttons"]) for m in self.telegram.messages(chat)]
            raise AssertionError(f"nobody read {words!r} ({button!r}) in {chat}: {shown}") from None

    async def press(self, who: int, message: Json, beginning: str, chat: int | None = None) -> Json:
        """Press the button whose data begins so (or whose label is this); the bot's answer."""
        where = message["chat"]["id"] if chat is None else chat
        data = data_of(message, beginning) or beginning
        query = await self.telegram.press(who, where, message["message_id"], data)
        return await self.telegram.wait_for_answer(query, 8.0)

    async def draft(self, text: str = TEXT, photos: list[bytes] | None = None) -> tuple[Json, ReleaseRow]:
        """The author sends a release; its card with every check done, and the release."""
        if photos:
            await self.telegram.send_photos(AUTHOR, photos, text)
        else:
            await self.say(AUTHOR, text)
        card = await self.reads(AUTHOR, text.split("\n")[0], button="a:")
        return card, (await self.mine())[0]

    async def mine(self) -> list[ReleaseRow]:
        """The author's releases."""
        return await self.office.drafts.mine(self.person(AUTHOR))

    async def submitted(self, text: str = TEXT, photos: list[bytes] | None = None) -> tuple[Json, ReleaseRow]:
        """The author submits a release; the desk's card."""
        return await self.submitted_again(*await self.draft(text, photos))

    async def submitted_again(self, card: Json, release: ReleaseRow) -> tuple[Json, ReleaseRow]:
        """The author presses Submit on a card; the desk's card."""
        await self.press(AUTHOR, card, f"a:{release.id}:submit")
        return await self.reads(DESK_CHAT, release.draft.title, button="d:"), release

    def person(self, telegram_id: int) -> Person:
        """Who it is in the office."""
        return self.stage.people[telegram_id]

    async def refusals(self) -> list[Json]:
        """What the audit log holds of refused presses."""
        return [line async for line in self.office.auditing.export() if line.get("kind") == "press.refused"]


def data_of(message: Json, beginning: str) -> str:
    """The data of the first button whose data begins so, or whose label is this."""
    for row in message["buttons"]:
        for button in row:
            data = str(button.get("callback_data", ""))
            if data.startswith(beginning) or button["text"] == beginning:
                return data
    return ""


async def open_desk(folder: Path, *, clock: Clock = utc_now, changes: Mapping[str, Any] | None = None) -> Desk:
    """An office with its people, who speak English here so that tests can be read."""
    settings = _FEW | {"office.languages": ["en", "ka"]} | dict(changes or {})
    stage = Stage(folder, roles=frozenset({"bot", "worker"}), changes=settings, clock=clock)
    await stage.start()
    for telegram_id in (AUTHOR, EDITOR, ADMINISTRATOR):
        await stage.parts.office.people.set_language(stage.people[telegram_id], "en")
    return Desk(stage)


async def ended(desk: Desk, release_id: str, wanted: Callable[[ReleaseRow], bool]) -> ReleaseRow:
    """The release, as soon as it stands as wanted."""
    async with asyncio.timeout(10):
        while True:
            found = await desk.office.drafts.get(release_id)
            if wanted(found):
                return found
            await asyncio.sleep(0.05)
