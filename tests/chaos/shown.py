"""What readers see now, and what they were sent: posts as they stand, mails, pages.

May touch: reads the sandbox; the newsroom's pages by HTTP, which it serves for that moment. Every release has a mark in
its title and in its notices, and a mail the number of its delivery in its Message-ID.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import aiohttp

from distributor.app import Service
from distributor.demo import Stage
from distributor.demo.stage import CHANNEL_CHAT
from distributor.sandbox import Sandbox
from distributor.sandbox.files import StoredFile

POSTS = {"telegram": frozenset({"message", "album", "photo", "video"}), "x": frozenset({"post"})}
POSTS |= {"facebook": frozenset({"post"})}
"""The kinds of effects that are new posts, by platform; the others are edits and deletions."""

_MARK = re.compile(r"R\d{6}")
_KEY = re.compile(r".+-(\d+)")  # release-revision-action-delivery
_HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
_HELD = '<aside class="note hold"'

Place = tuple[str, str]  # a channel, and the release's mark


@dataclass(frozen=True, slots=True)
class Item:
    """One post: its words, and the pictures that it shows, by their digests."""

    words: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail: to whom, and its subject."""

    address: str
    subject: str


@dataclass(frozen=True, slots=True)
class Page:
    """What an address of the newsroom answers: status, heading, how many pictures, and whether it says 'held'."""

    status: int
    heading: str = ""
    pictures: int = 0
    held: bool = False


@dataclass(slots=True)
class Shown:
    """`standing`: what stands now, in order. `posted`: the words of every post that ever came. `letters`: by delivery,
    in the order in which they came. `pages`: by release."""

    standing: dict[Place, list[Item]] = field(default_factory=dict)
    posted: dict[Place, list[str]] = field(default_factory=dict)
    letters: dict[str, list[Letter]] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)


def look(sandbox: Sandbox) -> Shown:
    """At the sandbox, without the pages."""
    shown = Shown()
    for channel, items in (("telegram", _chat(sandbox)), ("x", _timeline(sandbox)), ("facebook", _feed(sandbox))):
        for item in items:
            shown.standing.setdefault((channel, mark_of(item.words)), []).append(item)
    for effect in sandbox.record.effects:
        if effect.platform == "smtp":
            key = _KEY.fullmatch(effect["message_id"].strip("<>").partition("@")[0])
            letter = Letter(", ".join(effect["rcpt"]), effect["subject"])
            shown.letters.setdefault(key[1] if key else "", []).append(letter)
        elif (
            effect.kind in POSTS.get(effect.platform, ())
            and effect.details.get("chat_id", CHANNEL_CHAT) == CHANNEL_CHAT
        ):
            place = effect.platform, mark_of(effect["text"])
            shown.posted.setdefault(place, []).append(effect["text"])
    return shown


def mark_of(words: str) -> str:
    """The release that a text is of; '' where it says nothing of that."""
    found = _MARK.search(words)
    return found[0] if found else ""


def _chat(sandbox: Sandbox) -> Iterator[Item]:
    """The public channel's messages. An album is one post, whose words stand under any of its pictures."""
    gathered: list[tuple[str | None, list[str], list[str]]] = []
    for _, message in sorted(sandbox.telegram.chat(CHANNEL_CHAT).messages.items()):
        if message.album is None or not gathered or gathered[-1][0] != message.album:
            gathered.append((message.album, [], []))
        gathered[-1][1].append(f"{message.text or ''}{message.caption}")
        gathered[-1][2].extend([_digest(message.attached.file)] if message.attached else [])
    for _, words, pictures in gathered:
        yield Item("".join(words), tuple(pictures))


def _timeline(sandbox: Sandbox) -> Iterator[Item]:
    for post in reversed(sandbox.x.posts.standing()):
        yield Item(post.written, tuple(_digest(picture.file) for picture in post.media if picture.file))


def _feed(sandbox: Sandbox) -> Iterator[Item]:
    for post in reversed(sandbox.facebook.page.standing()):
        yield Item(post.message, tuple(_digest(photo.file) for photo in post.photos))


@lru_cache(maxsize=10_000)
def _digest(file: StoredFile) -> str:
    """A picture is looked at again and again, and never changes."""
    return file.sha256


async def read_pages(stage: Stage, slugs: Mapping[str, str]) -> dict[str, Page]:
    """The page of every release, as anybody reads it; `slugs`: release → the last part of its address."""
    service = Service(stage.parts, frozenset({"web"}))
    await service.start()
    try:
        async with aiohttp.ClientSession() as web:
            return {
                release_id: await _page(web, f"{service.url}/releases/{slug}") for release_id, slug in slugs.items()
            }
    finally:
        await service.stop()


async def _page(web: aiohttp.ClientSession, address: str) -> Page:
    async with web.get(address, allow_redirects=False) as answer:
        html = await answer.text()
        heading = _HEADING.search(html)
        return Page(answer.status, heading[1].strip() if heading else "", html.count("<figure>"), _HELD in html)


def less(items: Iterable[Item], gone: Iterable[Item]) -> list[Item]:
    """Those that are left after each of the others was taken away once."""
    rest = list(items)
    for item in gone:
        if item in rest:
            rest.remove(item)
    return rest
