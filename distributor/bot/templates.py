"""Emergency templates at the desk: one message for each that waits for an approval, and what became of it.

May touch: the desk's chat, the office's templates. Which templates the desk was told of stands in the database, as a
conversation that belongs to nobody.
"""

from __future__ import annotations

import asyncio
from typing import Any

from distributor.bot.room import Press, Room
from distributor.bot.template_card import template_lines
from distributor.bot.voice import Note, Rows
from distributor.core.refusal import Refused
from distributor.core.template_faults import free_word_faults
from distributor.core.text import cut_at_word
from distributor.storage.templates import TemplateRow

KEEPER = -2  # whose conversation at the desk holds the messages; no person has this number
LONGEST = 3500


class Templates:
    """What two people are to approve beforehand."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Compare what the desk was told with what stands in the database, and tell the difference."""
        async with self._turn:
            state = await self._room.memory.conversation(self._room.desk_chat, KEEPER)
            told: dict[str, Any] = state.setdefault("templates", {})
            waiting = {str(row.id): row for row in await self._room.office.templates.waiting()}
            for key in [*waiting, *(key for key in told if key not in waiting)]:
                row = waiting.get(key) or await self._room.office.templates.get(int(key))
                if await self._told(told, key, row):
                    # At once: a crash between two templates must not tell the first one twice.
                    await self._room.memory.remember(self._room.desk_chat, KEEPER, state)

    async def pressed(self, press: Press) -> None:
        """'Approve the template'. The office judges, and writes a refused press down."""
        try:
            pressed = await self._room.office.templates.press(press.data[2:], press.telegram_id)
        except Refused as refused:
            await self._room.refuse(press, refused)
            return
        words = self._room.words(pressed.person.language)
        await self._room.voice.answer(press.query_id, words.get("bot.template.thanks"))
        await self.look()

    async def _told(self, told: dict[str, Any], key: str, row: TemplateRow) -> bool:
        """Let the desk's message show how a template stands. True where something was sent or edited."""
        note = await self._note(row)
        kept = told.get(key)
        if kept and kept["shown"] == note.fingerprint:
            return False
        rows: Rows = ()
        if row.waits:
            token = await self._room.office.templates.button(row)
            rows = (((self._room.desk_words().get("bot.button.approve_template"), f"t:{token}"),),)
        shown = Note(note.text, rows, headed=True)
        chat = self._room.desk_chat
        if not kept or not await self._room.voice.edit(chat, int(kept["message"]), shown):
            if not row.waits:
                told.pop(key, None)
                return True
            kept = {"message": await self._room.voice.send(chat, shown)}
        told[key] = {"message": kept["message"], "shown": note.fingerprint}
        if not row.waits:
            told.pop(key)
        return True

    async def _note(self, row: TemplateRow) -> Note:
        words = self._room.desk_words()
        names = {person.id: person.name for person in await self._room.office.people.everyone()}
        about = {
            "name": row.label,
            "author": names.get(row.author_id, "—"),
            "first": names.get(row.first_by or 0, "—"),
            "second": names.get(row.second_by or 0, "—"),
        }
        code = "retired" if row.retired_at else "in_use" if not row.waits else "waits_one" if row.first_by else "waits"
        lines = [words.get(f"bot.template.{code}", **about)]
        if row.waits:
            explained = [] if free_word_faults(row.content) else [words.get("bot.template.explained"), ""]
            lines += [*explained, *template_lines(words, row)[1:]]
        return Note(cut_at_word("\n".join(lines), LONGEST), headed=True)
