"""What an author sends: text, photos, video, albums become a draft, or add to the one that is open.

May touch: the office's drafts, the media library through `files`, the conversation. Whatever cannot be taken is named,
and the rest is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from telegram import Message, MessageEntity

from distributor.bot.draft_card import DraftCard
from distributor.bot.files import Incoming, NotFetched, TooBig, file_in
from distributor.bot.message_text import version_of
from distributor.bot.room import Room
from distributor.bot.voice import Note
from distributor.core.asset import DiskFull, MediaKind, MediaRefused
from distributor.core.people import Person
from distributor.core.release import Kind, LanguageVersion, MediaItem, ReleaseState
from distributor.core.text import normalise
from distributor.office.checks import MOST_MEDIA
from distributor.storage.releases import ReleaseRow

log = structlog.get_logger(__name__)

MEGABYTE = 1024 * 1024


class Intake:
    """From messages to drafts."""

    def __init__(self, room: Room, card: DraftCard) -> None:
        self._room = room
        self._card = card

    async def received(self, chat: int, person: Person, bodies: Sequence[dict[str, Any]]) -> None:
        """One message, or the parts of an album. Asks where it could mean two things."""
        messages = [self._message(body) for body in bodies]
        version = _version(messages)
        if version is None and not any(file_in(message, 1) for message in messages):
            await self._say(chat, person, "bot.not_understood")
            return
        opened = await self._card.open_release(chat, person)
        if opened is None:
            await self._create(chat, person, messages, version)
        elif version is not None and opened.draft.versions:
            await self._ask(chat, person, opened, version, bodies)
        else:
            await self._add(chat, person, opened, messages, version)

    async def chosen(self, chat: int, person: Person, choice: str) -> bool:
        """The answer to what was asked: 'add' to the open draft, or 'new'. False where nothing is asked any more."""
        state = await self._room.memory.conversation(chat, person.id)
        bodies = state.pop("pending", None)
        if not bodies:
            return False
        messages = [self._message(body) for body in bodies]
        version = _version(messages)
        opened = await self._card.open_release(chat, person)
        if choice == "add" and opened is not None:
            await self._add(chat, person, opened, messages, version)
        else:
            await self._create(chat, person, messages, version)
        # Only now: a crash on the way asks the person's press again, and loses no message.
        state = await self._room.memory.conversation(chat, person.id)
        await self._room.memory.remember(chat, person.id, state | {"pending": None})
        return True

    async def _ask(
        self, chat: int, person: Person, opened: ReleaseRow, version: LanguageVersion, bodies: Sequence[dict[str, Any]]
    ) -> None:
        words = self._room.words(person.language)
        written = [item.language for item in opened.draft.versions]
        name = words.language_name(version.language)
        add = "bot.button.replace_text" if version.language in written else "bot.button.add_version"
        rows = (
            ((words.get(add, language=name), "n:add"),),
            ((words.get("bot.button.new_release"), "n:new"),),
        )
        state = await self._room.memory.conversation(chat, person.id)
        await self._room.memory.remember(chat, person.id, state | {"pending": list(bodies)})
        await self._room.voice.send(chat, Note(words.get("bot.add_or_new", title=opened.draft.title), rows))

    async def _create(
        self, chat: int, person: Person, messages: list[Message], version: LanguageVersion | None
    ) -> None:
        items = await self._take(chat, person, messages, MOST_MEDIA, ())
        if version is None and not items:
            return  # every file was refused, and each was named
        made = await self._made_before(person, version, items)
        if made is None:
            versions = (version,) if version else ()
            made = await self._room.office.drafts.create(
                person, kind=_kind(version, items), versions=versions, media=tuple(items)
            )
        await self._finish(chat, person, made.id, version)

    async def _made_before(
        self, person: Person, version: LanguageVersion | None, items: Sequence[MediaItem]
    ) -> ReleaseRow | None:
        """A fresh draft of exactly this: a crash after it was made, and before that was noted, brings us here again."""
        words = [normalise(text) for text in (version.title, version.lead, version.body)] if version else []
        for row in await self._room.office.drafts.mine(person, most=3):
            had = [text for item in row.draft.versions for text in (item.title, item.lead, item.body)]
            same = [item.asset.digest for item in row.draft.media] == [item.asset.digest for item in items]
            if row.state is ReleaseState.DRAFT and had == words and same:
                return row
        return None

    async def _add(
        self,
        chat: int,
        person: Person,
        opened: ReleaseRow,
        messages: list[Message],
        version: LanguageVersion | None,
    ) -> None:
        room = self._room.office.drafts
        have = tuple(item.asset.digest for item in opened.draft.media)
        items = await self._take(chat, person, messages, MOST_MEDIA - len(have), have)
        if items:
            await room.add_media(opened.id, person, tuple(items))
        if version is not None:
            versions = with_version(opened.draft.versions, version)
            await room.change(opened.id, person, versions=versions)
        if items or version is not None:
            await self._finish(chat, person, opened.id, version)

    async def _finish(self, chat: int, person: Person, release_id: str, version: LanguageVersion | None) -> None:
        await self._card.fresh(chat, person, release_id)
        release = await self._room.office.drafts.get(release_id)
        if not release.draft.versions:
            await self._say(chat, person, "bot.text_wanted")
        elif version is not None and not version.title:
            await self._say(chat, person, "bot.title_wanted")

    async def _take(
        self, chat: int, person: Person, messages: list[Message], room: int, have: tuple[str, ...]
    ) -> list[MediaItem]:
        """The files that are accepted; a sentence for each that is not."""
        items: list[MediaItem] = []
        known = set(have)
        for number, message in enumerate(messages, len(have) + 1):
            incoming = file_in(message, number)
            if incoming is None:
                continue
            if len(items) >= room:
                await self._say(chat, person, "bot.too_many", name=incoming.name, limit=MOST_MEDIA)
                continue
            item = await self._one(chat, person, incoming)
            if item is not None and item.asset.digest not in known:
                known.add(item.asset.digest)
                items.append(item)
        return items

    async def _one(self, chat: int, person: Person, incoming: Incoming) -> MediaItem | None:
        words = self._room.words(person.language)
        try:
            return MediaItem(await self._room.files.take(incoming))
        except TooBig:
            size = f"{incoming.size / MEGABYTE:.0f}" if incoming.size else "> 20"
            await self._say(chat, person, "bot.file_too_big", name=incoming.name, size=size)
        except MediaRefused as refused:
            why = words.media_refused(refused)
            await self._say(chat, person, "bot.file_refused", name=incoming.name, why=why)
        except DiskFull:
            log.error("the disk is full: a file was not taken", name=incoming.name)
            await self._say(chat, person, "bot.disk_full", name=incoming.name)
        except NotFetched as error:
            log.warning("a file could not be fetched from Telegram", name=incoming.name, error=str(error))
            await self._say(chat, person, "bot.file_not_fetched", name=incoming.name)
        return None

    def _message(self, body: dict[str, Any]) -> Message:
        message = Message.de_json(body, self._room.voice.bot)
        if message is None:
            raise ValueError("an update without its message")
        return message

    async def _say(self, chat: int, person: Person, msgid: str, **params: object) -> None:
        await self._room.voice.send(chat, Note(self._room.words(person.language).get(msgid, **params)))


def with_version(versions: tuple[LanguageVersion, ...], new: LanguageVersion) -> tuple[LanguageVersion, ...]:
    """The versions with one replaced in its place, or added."""
    if any(item.language == new.language for item in versions):
        return tuple(new if item.language == new.language else item for item in versions)
    return (*versions, new)


def words_of(message: Message) -> tuple[str, Sequence[MessageEntity]]:
    """A message's text or caption with its formatting."""
    if message.text:
        return message.text, message.entities
    return message.caption or "", message.caption_entities


def _version(messages: Sequence[Message]) -> LanguageVersion | None:
    """The version that the messages' words make; of an album every caption counts, in order."""
    found: LanguageVersion | None = None
    for message in messages:
        text, entities = words_of(message)
        if not text.strip():
            continue
        if found is None:
            found = version_of(text, entities)
        else:
            more = version_of(f"—\n\n{text}", [])
            found = replace(found, body=f"{found.body}\n\n{more.body}".strip())
    return found


def _kind(version: LanguageVersion | None, items: Sequence[MediaItem]) -> Kind:
    """A first guess, which the author may change: pictures with hardly any words are a story of their own."""
    if version is not None and (version.body or version.lead):
        return Kind.NEWS
    if any(item.asset.kind is MediaKind.VIDEO for item in items):
        return Kind.VIDEO
    return Kind.PHOTO_STORY if len(items) > 1 else Kind.NEWS
