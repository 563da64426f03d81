"""The buttons of a draft's card.

May touch: the office's drafts. Every press is checked against the database: the person must be the author or an editor,
and the release must still be changeable. What an old card says counts for nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from distributor.bot import override_panel, panels
from distributor.bot.draft_card import DraftCard
from distributor.bot.questions import Questions
from distributor.bot.room import Press, Room
from distributor.bot.voice import Note
from distributor.core.people import Person, Right
from distributor.core.places import Places
from distributor.core.refusal import Refused
from distributor.core.release import Kind, Status
from distributor.office.drafts import CHANGEABLE
from distributor.storage.releases import ReleaseRow

Verb = Callable[[Press, Person, ReleaseRow, str], Awaitable[None]]

_READING = frozenset({"main", "preview"})


class DraftButtons:
    """Presses of 'a:<release>:<verb>[:<argument>]'."""

    def __init__(self, room: Room, card: DraftCard, questions: Questions) -> None:
        self._room = room
        self._card = card
        self._questions = questions
        self._verbs: dict[str, Verb] = {
            "main": self._main,
            "kind": self._kinds,
            "k": self._kind,
            "status": self._status,
            "regions": self._regions,
            "ro": self._regions,
            "r": self._region,
            "topics": self._topics,
            "to": self._topics,
            "t": self._topic,
            "channels": self._channels,
            "c": self._channel,
            "texts": self._texts,
            "w": self._write,
            "x": self._remove_text,
            "media": self._media,
            "unphoto": self._photos,
            "y": self._remove_photo,
            "times": self._times,
            "when": self._when,
            "never": self._never,
            "override": self._overrides,
            "o": self._override,
            "ou": self._not_override,
            "preview": self._preview,
            "submit": self._submit,
            "discard": self._sure,
            "discard!": self._discard,
        }

    async def pressed(self, press: Press, person: Person) -> None:
        """One press: authorise, answer, then work."""
        words = self._room.words(person.language)
        _, release_id, verb, argument = (*press.data.split(":", 3), "", "", "")[:4]
        try:
            release = await self._authorised(person, release_id, verb)
        except Refused as refused:
            await self._room.voice.answer(press.query_id, words.refusal(refused), alert=True)
            return
        await self._room.voice.answer(press.query_id)
        try:
            await self._verbs[verb](press, person, release, argument)
        except Refused as refused:
            await self._room.voice.send(press.chat, Note(words.refusal(refused)))
            await self._main(press, person, await self._room.office.drafts.get(release_id), "")

    async def _authorised(self, person: Person, release_id: str, verb: str) -> ReleaseRow:
        release = await self._room.office.drafts.get(release_id)
        if verb not in self._verbs:
            raise Refused("forged_button")
        if not person.may(Right.WRITE) or (person.id != release.author_id and not person.may(Right.DECIDE)):
            raise Refused("not_yours")
        if verb not in _READING and release.state not in CHANGEABLE and not release.following:
            raise Refused("already_distributing", state=release.state.value)
        return release

    async def _change(self, person: Person, release: ReleaseRow, **content: object) -> ReleaseRow:
        return await self._room.office.drafts.change(release.id, person, **content)

    async def _main(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        state = await self._room.memory.conversation(press.chat, person.id)
        if (release.state in CHANGEABLE and person.id == release.author_id) or release.following:
            state |= {"release": release.id, "card": press.message_id}
            await self._room.memory.remember(press.chat, person.id, state)
        await self._card.main(press.chat, press.message_id, person, release)

    async def _kinds(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        rows = panels.kinds(self._room.words(person.language), release)
        await self._card.panel(press.chat, press.message_id, person, release, rows)

    async def _kind(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        kind = panels.meant(argument, [kind.value for kind in Kind])
        if kind:
            release = await self._change(person, release, kind=Kind(kind))
        await self._main(press, person, release, "")

    async def _status(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        """From real to an exercise, to a test, and back; the card says which."""
        order = tuple(Status)
        following = order[(order.index(release.draft.status) + 1) % len(order)]
        await self._main(press, person, await self._change(person, release, status=following), "")

    async def _tree(
        self, press: Press, person: Person, release: ReleaseRow, verb: str, places: Places, parent: str
    ) -> None:
        chosen = release.draft.regions if verb == "r" else release.draft.topics
        rows = panels.tree(self._room.words(person.language), release, verb, places, chosen, parent)
        await self._card.panel(press.chat, press.message_id, person, release, rows)

    async def _regions(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        places = self._room.office.context.regions
        await self._tree(press, person, release, "r", places, panels.meant(argument, places.by_code))

    async def _topics(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        places = self._room.office.context.topics
        await self._tree(press, person, release, "t", places, panels.meant(argument, places.by_code))

    async def _region(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        places = self._room.office.context.regions
        code = panels.meant(argument, places.by_code)
        if code:
            release = await self._change(person, release, regions=_toggled(release.draft.regions, code))
        await self._tree(press, person, release, "r", places, _panel_of(places, code))

    async def _topic(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        places = self._room.office.context.topics
        code = panels.meant(argument, places.by_code)
        if code:
            release = await self._change(person, release, topics=_toggled(release.draft.topics, code))
        await self._tree(press, person, release, "t", places, _panel_of(places, code))

    async def _channels(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        rows = panels.channels(self._room.words(person.language), release, self._room.office.context)
        await self._card.panel(press.chat, press.message_id, person, release, rows)

    async def _channel(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        seats = tuple(self._room.office.context.seats)
        name = panels.meant(argument, seats)
        if name:
            chosen = _toggled(release.draft.channels or seats, name)
            # All, or none, means every channel that accepts it: nobody can mean a release for no channel.
            wanted = () if not chosen or set(chosen) == set(seats) else chosen
            release = await self._change(person, release, channels=wanted)
        await self._channels(press, person, release, "")

    async def _texts(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        rows = panels.texts(self._room.words(person.language), release, self._room.office.context)
        await self._card.panel(press.chat, press.message_id, person, release, rows)

    async def _write(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        written = [version.language for version in release.draft.versions]
        language = panels.meant(argument, [*self._room.office.context.languages, *written])
        if language:
            await self._questions.begin_text(press.chat, person, release, language)

    async def _remove_text(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        kept = tuple(version for version in release.draft.versions if version.language != argument)
        if kept:
            release = await self._change(person, release, versions=kept)
        await self._texts(press, person, release, "")

    async def _media(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        await self._questions.begin_words(press.chat, person, release)

    async def _photos(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        rows = panels.photos(self._room.words(person.language), release)
        await self._card.panel(press.chat, press.message_id, person, release, rows)

    async def _remove_photo(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        kept = tuple(item for item in release.draft.media if item.asset.digest[:16] != argument)
        release = await self._change(person, release, media=kept)
        await self._photos(press, person, release, "")

    async def _times(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        rows = panels.times(self._room.words(person.language), release)
        await self._card.panel(press.chat, press.message_id, person, release, rows)

    async def _when(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        if argument in panels.TIMES:
            await self._questions.begin_time(press.chat, person, release, argument)

    async def _never(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        if argument in panels.TIMES:
            release = await self._change(person, release, **{argument: None})
        await self._times(press, person, release, "")

    async def _overrides(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        words = self._room.words(person.language)
        checked = (await self._room.office.drafts.preflight(release.id)).preflight
        rows, note = override_panel.panel(words, release, checked), words.get("bot.override_panel")
        await self._card.panel(press.chat, press.message_id, person, release, rows, note)

    async def _override(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        problem = await override_panel.meant(self._room, release, argument)
        await override_panel.ask(self._room, press.chat, person, problem, release)

    async def _not_override(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        problem = await override_panel.meant(self._room, release, argument)
        await self._room.office.overriding.take_back(release.id, person, problem.key)
        await self._main(press, person, release, "")

    async def _preview(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        checked = await self._room.office.drafts.preflight(release.id)
        words = self._room.words(person.language)
        if not checked.preflight.renderings:
            await self._room.voice.send(press.chat, Note(words.get("bot.nothing_to_preview")))
        await self._room.show(press.chat, checked.preflight.renderings, words)

    async def _submit(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        submitted = await self._room.office.drafts.submit(release.id, person)
        words = self._room.words(person.language)
        state = await self._room.memory.conversation(press.chat, person.id)
        await self._room.memory.remember(press.chat, person.id, state | {"release": None, "card": None, "asking": None})
        rows = (((words.get("bot.button.change"), panels.data(release.id, "main")),),)
        note = panels.card(words, submitted.release, None, rows, words.get("bot.submitted"))
        await self._room.voice.edit(press.chat, press.message_id, note)

    async def _sure(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        rows = panels.sure(self._room.words(person.language), release.id)
        await self._card.panel(press.chat, press.message_id, person, release, rows)

    async def _discard(self, press: Press, person: Person, release: ReleaseRow, argument: str) -> None:
        await self._room.office.drafts.discard(release.id, person)
        words = self._room.words(person.language)
        await self._room.memory.remember(press.chat, person.id, {})
        await self._room.voice.edit(
            press.chat, press.message_id, Note(words.get("bot.discarded", title=release.draft.title or release.id))
        )


def _toggled(codes: tuple[str, ...], code: str) -> tuple[str, ...]:
    return tuple(item for item in codes if item != code) if code in codes else (*codes, code)


def _panel_of(places: Places, code: str) -> str:
    """The panel in which a code stands: its own where it has parts, else its parent's."""
    if code not in places.by_code:
        return ""
    return code if places.children(code) else places.by_code[code].parent
