"""Shows the draft's card in its author's private chat, and remembers which draft is open.

May touch: the author's private chat, the conversation, and the office's preflight, which renders every channel.
"""

from __future__ import annotations

from distributor.bot import override_panel, panels
from distributor.bot.memory import State
from distributor.bot.room import Room
from distributor.bot.voice import Note, Rows
from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.core.release import ReleaseState
from distributor.core.rendering import Preflight
from distributor.office.drafts import CHANGEABLE
from distributor.storage.releases import ReleaseRow


class DraftCard:
    """One message, edited in place."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def open_release(self, chat: int, person: Person) -> ReleaseRow | None:
        """The release that the person is working on, where it is still a draft of theirs."""
        state = await self._room.memory.conversation(chat, person.id)
        if not state.get("release"):
            return None
        try:
            found = await self._room.office.drafts.get(str(state["release"]))
        except Refused:
            return None
        return found if found.following or found.state in (ReleaseState.DRAFT, ReleaseState.REJECTED) else None

    async def fresh(self, chat: int, person: Person, release_id: str) -> None:
        """A new card below what was just sent; the old one of the same draft loses its buttons."""
        room, words = self._room, self._room.words(person.language)
        release = await room.office.drafts.get(release_id)
        state = await room.memory.conversation(chat, person.id)
        old = state.get("card") if state.get("release") == release_id else None
        note = panels.card(words, release, None, (), words.get("bot.checking"))
        card = await room.voice.send(chat, note)
        await room.memory.remember(chat, person.id, _working(state, release_id, card))
        if old:
            await room.voice.edit(chat, int(old), Note(words.get("bot.card_below")))
        await self.main(chat, card, person, release)

    async def main(self, chat: int, card: int, person: Person, release: ReleaseRow, note: str = "") -> None:
        """The first panel with everything that preflight finds."""
        words = self._room.words(person.language)
        checked = (await self._room.office.drafts.preflight(release.id)).preflight
        rows = panels.main(words, release, blocked=checked.blocked)
        names: dict[int, str] = {}
        if release.state in CHANGEABLE or release.following:
            rows = (*override_panel.button(words, release, checked), *rows)
        if any(problem.override for problem in checked.problems):
            names = {one.id: one.name for one in await self._room.office.people.everyone()}
        await self._edit(chat, card, person, panels.card(words, release, checked, rows, note, names), release.id)

    async def panel(
        self, chat: int, card: int, person: Person, release: ReleaseRow, rows: Rows, note: str = ""
    ) -> None:
        """Another panel; the checks come back with the first."""
        words = self._room.words(person.language)
        checked: Preflight | None = None
        await self._edit(chat, card, person, panels.card(words, release, checked, rows, note), release.id)

    async def _edit(self, chat: int, card: int, person: Person, note: Note, release_id: str) -> None:
        if not await self._room.voice.edit(chat, card, note):
            card = await self._room.voice.send(chat, note)
            state = await self._room.memory.conversation(chat, person.id)
            await self._room.memory.remember(chat, person.id, _working(state, release_id, card))


def _working(state: State, release_id: str, card: int) -> State:
    return {**state, "release": release_id, "card": card}
