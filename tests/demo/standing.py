"""What stands on each of the demo's platforms, and what readers and newsrooms have got: looked at from outside.

May touch: the stage's sandbox and its newsroom's pages. Reads only.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from html import unescape
from typing import Any

import aiohttp

from distributor.demo.stage import CHANNEL_CHAT, Stage

PATIENCE = 30.0  # seconds until the last platform shows it, on a busy machine
TAG = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.DOTALL)

# What each platform must come to: words that it says, words that it no longer says, photos, and how many posts, mails
# or messages there are by then (or the page's status).
TWO, THREE = "ორი ტურისტი", "სამი ტურისტი"
Wanted = dict[str, tuple[str, str, int, Any]]
APPROVED: Wanted = {
    "telegram": (TWO, THREE, 3, 3),
    "x": (TWO, THREE, 3, 1),
    "facebook": (TWO, THREE, 3, 1),
    "wordpress": (TWO, THREE, 3, 1),
    "newsroom": (TWO, THREE, 3, 200),
    "mail": (TWO, THREE, 0, 3),
    "webhooks": (TWO, THREE, 3, 2),
}
CORRECTED: Wanted = {
    "telegram": (THREE, TWO, 3, 3),
    "x": (THREE, "", 3, 2),  # the old post stands above its correction
    "facebook": (THREE, TWO, 3, 1),
    "wordpress": (THREE, TWO, 3, 1),
    "newsroom": (THREE, TWO, 3, 200),
    "mail": (THREE, TWO, 0, 6),
    "webhooks": (THREE, TWO, 3, 4),
}
PHOTO_WITHDRAWN: Wanted = {
    "telegram": (THREE, TWO, 2, 2),
    "x": (THREE, TWO, 2, 1),  # made anew
    "facebook": (THREE, TWO, 2, 1),
    "wordpress": (THREE, TWO, 2, 1),
    "newsroom": (THREE, TWO, 2, 200),
    "mail": ("ფოტო 2", TWO, 0, 9),
    "webhooks": (THREE, TWO, 2, 6),
}
WITHDRAWN: Wanted = {
    **dict.fromkeys(("telegram", "x", "facebook", "wordpress"), ("", "ტურისტი", 0, 0)),
    "newsroom": ("გამოთხოვილია", "ტურისტი", 0, 410),
    "mail": ("არ გამოიყენოთ", TWO, 0, 12),
    "webhooks": ("canceled", TWO, 0, 8),
}
EXERCISE: Wanted = {
    **dict.fromkeys(("telegram", "x", "facebook", "wordpress"), ("სწავლება", "ტურისტი", 0, 1)),
    "newsroom": ("სწავლება", "ტურისტი", 0, 200),
    "mail": ("[სწავლება] წყალდიდობა: გორი", "ტურისტი", 0, 15),
    "webhooks": ("exercise", "ტურისტი", 0, 10),
}


@dataclass(frozen=True)
class Shown:
    """One platform: what it says of one release, with how many photos; `note` is what only this platform has: how many
    posts, messages or mails there are, or the page's status."""

    text: str
    photos: int
    note: Any


class Platforms:
    """All seven, for the newest release."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._box = stage.sandbox

    async def look(self) -> dict[str, Shown]:
        """Each platform as it stands now."""
        box = self._box
        chat = box.telegram.messages(CHANNEL_CHAT)
        posts, page = box.x.timeline(), box.facebook.page.standing()
        return {
            "telegram": _shown([(one.get("text") or one.get("caption", ""), one["media"]) for one in chat]),
            "x": _shown([(post["text"], post["media"]) for post in posts]),
            "facebook": _shown([(post.message, post.photos) for post in page]),
            "wordpress": _shown([(_words(f"{one.title} {one.content}"), self._files(one)) for one in self._articles()]),
            "newsroom": await self._page(),
            "mail": self._mail(),
            "webhooks": self._messages(),
        }

    async def come_to(self, wanted: Wanted) -> None:
        """Wait until every platform says the one, does not say the other, and has so many photos and such a note;
        fails with the platforms that do not, as they are."""
        ends = time.monotonic() + PATIENCE
        while True:
            found = await self.look()
            wrong = {name: found[name] for name, fact in wanted.items() if not _is(found[name], *fact)}
            if not wrong:
                assert set(found) == set(wanted), "every platform is looked at"
                return
            assert time.monotonic() < ends, {name: (wanted[name], one) for name, one in wrong.items()}
            await asyncio.sleep(0.1)

    def _articles(self) -> list[Any]:
        return self._box.wordpress.site.standing()

    def _files(self, post: Any) -> list[Any]:
        return [
            one for one in self._box.wordpress.site.media.values()
            if one.id == post.featured_media or f"/{one.name}" in post.content
        ]  # fmt: skip

    async def address(self) -> str:
        """The newest release's page in the newsroom."""
        newest = (await self._stage.parts.office.reading.releases())[0]
        return f"{self._stage.service.url}/releases/{newest.slug}"

    async def files(self) -> dict[str, int]:
        """Every file that the release's page names, and the status with which the newsroom answers for it."""
        _, html = await _read(await self.address())
        paths = sorted(set(re.findall(r'/media/[^"\s?#]+', html)))
        return {path: await self.status(path) for path in paths}

    async def status(self, path: str) -> int:
        """With which status the newsroom answers for a path."""
        return (await _read(f"{self._stage.service.url}{path}"))[0]

    async def _page(self) -> Shown:
        status, html = await _read(await self.address())
        return Shown(_words(html), html.count("<figure"), status)

    def _mail(self) -> Shown:
        mails = self._box.mail.messages
        if not mails:
            return Shown("", 0, 0)
        body = mails[-1].message.get_body(("html",))
        words = _words(str(body.get_content())) if body is not None else ""
        return Shown(f"{mails[-1].message['Subject']} {words}", 0, len(mails))

    def _messages(self) -> Shown:
        events = self._box.webhook.events
        if not events:
            return Shown("", 0, 0)
        assert all(event.verified for event in events)
        data = events[-1].body["data"]
        return Shown(json.dumps(data, ensure_ascii=False), len(data.get("media", [])), len(events))


async def _read(address: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as web, web.get(address) as answer:
        return answer.status, (await answer.read()).decode("utf-8", "replace")


def _shown(posts: list[tuple[str, Any]]) -> Shown:
    return Shown("\n".join(text for text, _ in posts), sum(len(media) for _, media in posts), len(posts))


def _words(html: str) -> str:
    return " ".join(unescape(TAG.sub(" ", html)).split())


def _is(shown: Shown, words: str, never: str, photos: int, note: Any) -> bool:
    said = words in shown.text and not (never and never in shown.text)
    return said and (shown.photos, shown.note) == (photos, note)
