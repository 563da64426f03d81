"""After publishing, at the desk: correct, withdraw a photo, withdraw the whole.

May touch: the office's aftercare and drafts, the conversation in which words are awaited. Everything is written in the
private chat of whoever presses, also where the button stood in the group; what is proposed then comes to the desk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from telegram import Message
from telegram.error import BadRequest, Forbidden

from distributor.bot import panels
from distributor.bot.draft_card import DraftCard
from distributor.bot.intake import words_of
from distributor.bot.memory import State
from distributor.bot.room import Press, Room
from distributor.bot.voice import Note
from distributor.bot.wording import reworded, wrong_and_right
from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.core.release import Action, Notice
from distributor.storage.releases import ReleaseRow

Verb = Callable[[int, Person, ReleaseRow, str], Awaitable[None]]
PREFIX = "after:"  # of what is asked in a conversation


class AftercareButtons:
    """Presses of 'f:<release>:<verb>[:<argument>]', and the answers to what they ask."""

    def __init__(self, room: Room, card: DraftCard) -> None:
        self._room = room
        self._card = card
        self._verbs: dict[str, Verb] = {
            "correct": self._correct,
            "photos": self._photos,
            "photo": self._photo,
            "withdraw": self._withdraw,
            "fix": self._fix,
            "words": self._words,
            "drop": self._drop,
            "nowords": self._no_words,
        }

    async def pressed(self, press: Press, person: Person) -> None:
        """One press. The office judges whether this person may do it, each time."""
        room, words = self._room, self._room.words(person.language)
        _, release_id, verb, argument = (*press.data.split(":", 3), "", "")[:4]
        if verb not in self._verbs:
            await room.voice.answer(press.query_id, words.get("refused.forged_button"), alert=True)
            return
        private = press.telegram_id
        try:
            release = await room.office.drafts.get(release_id)
            await self._verbs[verb](private, person, release, argument)
        except Refused as refused:
            await room.voice.answer(press.query_id, words.refusal(refused), alert=True)
        except (Forbidden, BadRequest):
            address = f"https://t.me/{room.username}"
            await room.voice.answer(press.query_id)
            await room.voice.send(press.chat, Note(words.get("bot.open_private", name=person.name, address=address)))
        else:
            told = "" if press.chat == private else words.get("bot.goes_on_in_private")
            await room.voice.answer(press.query_id, told)

    async def answered(self, chat: int, person: Person, asking: State, message: Message) -> bool:
        """The person's message is the answer to what was asked. False where it cannot be one."""
        text, _ = words_of(message)
        if not text.strip() or message.photo or message.video or message.document:
            return False
        release = await self._room.office.drafts.get(str(asking["release"]))
        step = str(asking["what"]).removeprefix(PREFIX)
        if step == "reason":
            await self._ask(chat, person, asking | {"what": f"{PREFIX}told", "reason": " ".join(text.split())})
        elif step == "told":
            await self._propose(chat, person, asking, _by_language(text, release))
        elif step == "fix":
            await self._put(chat, person, release, text)
        elif step == "words":
            notice = Notice(Action.CORRECT, _by_language(text, release))
            await self._room.office.drafts.change(release.id, person, notice=notice)
            await self._done(chat, person, release.id)
        else:
            return False
        return True

    async def _correct(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        if not release.following or release.draft.action is not Action.CORRECT:
            release = await self._room.office.aftercare.begin_correction(release.id, person)
        await self._card.fresh(chat, person, release.id)

    async def _photos(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        words = self._room.words(person.language)
        rows = panels.out_photos(words, release)
        await self._room.voice.send(chat, Note(words.get("bot.after.which_photo", title=release.draft.title), rows))

    async def _photo(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        digests = [item.asset.digest for item in release.draft.media if item.asset.digest[:16] == argument]
        if not digests:
            raise Refused("unknown_media")
        await self._ask(chat, person, {"what": f"{PREFIX}reason", "release": release.id, "photo": digests[0]})

    async def _withdraw(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        await self._ask(chat, person, {"what": f"{PREFIX}reason", "release": release.id, "photo": ""})

    async def _fix(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        await self._ask(chat, person, {"what": f"{PREFIX}fix", "release": release.id})

    async def _words(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        await self._ask(chat, person, {"what": f"{PREFIX}words", "release": release.id})

    async def _drop(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        await self._room.office.aftercare.abandon(release.id, person)
        await self._room.memory.remember(chat, person.id, {})
        words = self._room.words(person.language)
        await self._room.voice.send(chat, Note(words.get("bot.after.dropped", title=release.draft.title)))

    async def _no_words(self, chat: int, person: Person, release: ReleaseRow, argument: str) -> None:
        """Nothing is to be told to readers beyond the sentence that every channel has."""
        asking = (await self._room.memory.conversation(chat, person.id)).get("asking") or {}
        if asking.get("what") != f"{PREFIX}told" or asking.get("release") != release.id:
            raise Refused("already_pressed")
        await self._propose(chat, person, asking, {})

    async def _ask(self, chat: int, person: Person, asking: State) -> None:
        """Remember what is asked, then ask it. The question of what readers are told may be left out."""
        words = self._room.words(person.language)
        release = await self._room.office.drafts.get(str(asking["release"]))
        state = await self._room.memory.conversation(chat, person.id)
        await self._room.memory.remember(chat, person.id, state | {"asking": asking})
        step = str(asking["what"]).removeprefix(PREFIX)
        question = words.get(f"bot.after.ask.{step}", title=release.draft.title)
        if step == "told":
            rows = (((words.get("bot.button.after.nowords"), f"f:{release.id}:nowords"),),)
            await self._room.voice.send(chat, Note(question, rows))
        else:
            await self._room.voice.send(chat, Note(question, asks=True))

    async def _propose(self, chat: int, person: Person, asking: State, told: dict[str, str]) -> None:
        """Reason and words are there: lay it before a second person."""
        care, release_id = self._room.office.aftercare, str(asking["release"])
        reason, photo = str(asking.get("reason", "")), str(asking.get("photo", ""))
        if photo:
            await care.withdraw_media(release_id, person, [photo], reason, told)
        else:
            await care.withdraw(release_id, person, reason, told)
        await self._room.memory.remember(chat, person.id, {})
        words = self._room.words(person.language)
        release = await self._room.office.drafts.get(release_id)
        rows = (((words.get("bot.button.after.drop"), f"f:{release_id}:drop"),),)
        await self._room.voice.send(chat, Note(words.get("bot.after.proposed", title=release.draft.title), rows))

    async def _put(self, chat: int, person: Person, release: ReleaseRow, text: str) -> None:
        wrong, right = wrong_and_right(text)
        versions, media, count = reworded(release.draft.versions, release.draft.media, wrong, right)
        await self._room.office.drafts.change(release.id, person, versions=versions, media=media)
        words = self._room.words(person.language)
        await self._room.voice.send(chat, Note(words.get("bot.after.replaced", count=count)))
        await self._done(chat, person, release.id)

    async def _done(self, chat: int, person: Person, release_id: str) -> None:
        state = await self._room.memory.conversation(chat, person.id)
        await self._room.memory.remember(chat, person.id, state | {"asking": None})
        await self._card.fresh(chat, person, release_id)


def _by_language(text: str, release: ReleaseRow) -> dict[str, str]:
    """Lines that begin with a language's code and a colon are that language's words; else all is in the first one."""
    written = [version.language for version in release.draft.versions]
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        code, colon, rest = line.partition(":")
        if colon and code.strip().lower() in written and rest.strip():
            found[code.strip().lower()] = " ".join(rest.split())
    return found or {written[0]: " ".join(text.split())}
