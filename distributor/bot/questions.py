"""Questions that the bot asks an author: alternative text and credit photo by photo, and texts anew.

May touch: the conversation, the office's drafts, small pictures made by the media library. What is asked stands in the
conversation, so that a restart loses no question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from telegram import Message

from distributor.bot.draft_card import DraftCard
from distributor.bot.intake import with_version, words_of
from distributor.bot.memory import State
from distributor.bot.message_text import version_of
from distributor.bot.room import Room
from distributor.bot.times import moment_of
from distributor.bot.voice import Note
from distributor.core.asset import DiskFull, MediaKind, MediaRefused, Profile
from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.core.release import MediaItem
from distributor.storage.releases import ReleaseRow

# The picture that a question is about: small, because it is sent for every photo.
_SMALL = Profile("question", MediaKind.PHOTO, "image/jpeg", 640, 640, 150_000)

Step = tuple[int, str]  # place of the item, and a language for its alternative text, or '' for the credit


class Questions:
    """Asks, and takes answers."""

    def __init__(self, room: Room, card: DraftCard) -> None:
        self._room = room
        self._card = card

    async def begin_words(self, chat: int, person: Person, release: ReleaseRow) -> None:
        """Go through the photos: what each shows, and who made it."""
        await self._next(chat, person, release, (-1, ""))

    async def begin_text(self, chat: int, person: Person, release: ReleaseRow, language: str) -> None:
        """Ask for the text of a language version."""
        words = self._room.words(person.language)
        await self._remember(chat, person, {"what": "text", "release": release.id, "language": language})
        question = words.get("bot.ask.text", language=words.language_name(language))
        await self._room.voice.send(chat, Note(question, asks=True))

    async def begin_time(self, chat: int, person: Person, release: ReleaseRow, name: str) -> None:
        """Ask for a time: 'at', 'embargo' or 'deadline'."""
        words = self._room.words(person.language)
        await self._remember(chat, person, {"what": "time", "release": release.id, "time": name})
        await self._room.voice.send(chat, Note(words.get(f"bot.ask.time.{name}"), asks=True))

    async def answered(self, chat: int, person: Person, asking: State, message: Message) -> bool:
        """The person's message is the answer to what was asked. False where it cannot be one."""
        text, entities = words_of(message)
        if not text.strip() or message.photo or message.video or message.document:
            return False
        drafts = self._room.office.drafts
        release = await drafts.get(str(asking["release"]))
        if asking["what"] == "override":
            return await self._answered_for(chat, person, asking, text)
        if asking["what"] == "text":
            version = version_of(text, entities, str(asking["language"]))
            await drafts.change(release.id, person, versions=with_version(release.draft.versions, version))
            await self._remember(chat, person, None)
            await self._card.fresh(chat, person, release.id)
            return True
        if asking["what"] == "time":
            context = self._room.office.context
            moment = moment_of(text, context.clock(), context.time_zone)
            await drafts.change(release.id, person, **{str(asking["time"]): moment})
            await self._remember(chat, person, None)
            await self._card.fresh(chat, person, release.id)
            return True
        place, language = int(asking["place"]), str(asking["language"])
        line = " ".join(text.split())
        if language:
            media = _changed(release, place, lambda item: replace(item, alt={**item.alt, language: line}))
        elif asking.get("all"):
            media = tuple(replace(item, credit=line) for item in release.draft.media)
        else:
            media = _changed(release, place, lambda item: replace(item, credit=line))
        changed = await drafts.change(release.id, person, media=media)
        await self._next(chat, person, changed, (place, language))
        return True

    async def _answered_for(self, chat: int, person: Person, asking: State, text: str) -> bool:
        """A reason to publish what the privacy gate found. More than a line is no reason, but another release."""
        if "\n" in text.strip():
            await self._remember(chat, person, None)
            return False
        release_id = str(asking["release"])
        try:
            await self._room.office.overriding.override(release_id, person, str(asking["finding"]), text)
        except Refused as refused:
            if refused.code not in {"reason_private", "bad_words"}:  # those may be put otherwise
                await self._remember(chat, person, None)
            raise
        await self._remember(chat, person, None)
        await self._card.fresh(chat, person, release_id)
        return True

    async def pressed(self, chat: int, person: Person, verb: str) -> bool:
        """'skip', 'all' (same credit for all) or 'stop' under a question. False where nothing is asked any more."""
        state = await self._room.memory.conversation(chat, person.id)
        asking = state.get("asking")
        if not asking or asking.get("what") != "words":
            return False
        release = await self._room.office.drafts.get(str(asking["release"]))
        here: Step = (int(asking["place"]), str(asking["language"]))
        if verb == "skip":
            await self._next(chat, person, release, here)
        elif verb == "all":
            await self._for_all(chat, person, release, asking)
        else:
            await self._remember(chat, person, None)
            await self._card.fresh(chat, person, release.id)
        return True

    async def _for_all(self, chat: int, person: Person, release: ReleaseRow, asking: State) -> None:
        """The credit that is known goes to every photo without one; where none is, the next answer does."""
        known = next((item.credit for item in release.draft.media if item.credit), "")
        if known:
            media = tuple(item if item.credit else replace(item, credit=known) for item in release.draft.media)
            release = await self._room.office.drafts.change(release.id, person, media=media)
            await self._next(chat, person, release, (int(asking["place"]), ""))
            return
        await self._remember(chat, person, asking | {"all": True})
        words = self._room.words(person.language)
        await self._room.voice.send(chat, Note(words.get("bot.ask.credit_all"), asks=True))

    async def _next(self, chat: int, person: Person, release: ReleaseRow, after: Step) -> None:
        steps = [step for step in _missing(release) if _later(step, after, release)]
        if not steps:
            await self._remember(chat, person, None)
            await self._card.fresh(chat, person, release.id)
            return
        place, language = steps[0]
        asking = {"what": "words", "release": release.id, "place": place, "language": language}
        await self._remember(chat, person, asking)
        words = self._room.words(person.language)
        item, count = release.draft.media[place], len(release.draft.media)
        about = {"number": place + 1, "count": count, "name": item.asset.name}
        rows: list[tuple[tuple[str, str], ...]] = [
            ((words.get("bot.button.skip"), "q:skip"), (words.get("bot.button.stop"), "q:stop"))
        ]
        if language:
            text = words.get("bot.ask.alt", language=words.language_name(language), **about)
        else:
            text = words.get("bot.ask.credit", **about)
            if count > 1:
                rows.insert(0, ((words.get("bot.button.credit_all"), "q:all"),))
        await self._ask(chat, item, Note(text, tuple(rows)))

    async def _ask(self, chat: int, item: MediaItem, note: Note) -> None:
        media = self._room.office.context.media
        try:
            small = await media.render(item.asset, _SMALL)
        except (MediaRefused, DiskFull):
            await self._room.voice.send(chat, note)  # the question matters, its picture is a help
            return
        await self._room.voice.send_photo(chat, media.open(small.digest), note)

    async def _remember(self, chat: int, person: Person, asking: State | None) -> None:
        state = await self._room.memory.conversation(chat, person.id)
        await self._room.memory.remember(chat, person.id, state | {"asking": asking})


def _missing(release: ReleaseRow) -> Iterator[Step]:
    for place, item in enumerate(release.draft.media):
        for version in release.draft.versions:
            if not item.alt.get(version.language):
                yield place, version.language
        if not item.credit:
            yield place, ""


def _later(step: Step, after: Step, release: ReleaseRow) -> bool:
    order = [version.language for version in release.draft.versions] + [""]

    def rank(item: Step) -> tuple[int, int]:
        return item[0], order.index(item[1]) if item[1] in order else len(order)

    return after[0] < 0 or rank(step) > rank(after)


def _changed(release: ReleaseRow, place: int, change: Callable[[MediaItem], MediaItem]) -> tuple[MediaItem, ...]:
    return tuple(change(item) if at == place else item for at, item in enumerate(release.draft.media))
