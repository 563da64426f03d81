"""Presses on the desk's cards: approve, reject with a reason, hold, resume, preview.

May touch: the office's approvals, and the conversation in which a reason is awaited. Decides nothing: the token is
judged by the office, which also writes every refused press down.
"""

from __future__ import annotations

from telegram.error import BadRequest, Forbidden

from distributor.bot.board import Board
from distributor.bot.memory import State
from distributor.bot.room import Press, Room
from distributor.bot.voice import Note
from distributor.core.approval import Decision
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.office.approvals import Pressed


class ApprovalButtons:
    """Presses of 'd:<token>' and 'p:<release>'."""

    def __init__(self, room: Room, board: Board) -> None:
        self._room = room
        self._board = board

    async def pressed(self, press: Press) -> None:
        """A decision. The press goes to the office first of all: nothing stands between a person and the channels."""
        try:
            pressed = await self._room.office.approvals.press(press.data[2:], press.telegram_id)
        except Refused as refused:
            await self._room.refuse(press, refused)
            return
        words = self._room.words(pressed.person.language)
        done = words.get(f"bot.pressed.{pressed.decision.value}", count=pressed.deliveries)
        await self._room.voice.answer(press.query_id, done)
        self._board.changed(pressed.release_id)
        if not pressed.done:
            await self._ask_reason(press, pressed)

    async def _ask_reason(self, press: Press, pressed: Pressed) -> None:
        person = pressed.person
        release = await self._room.office.drafts.get(pressed.release_id)
        words = self._room.words(person.language)
        question = Note(words.get("bot.ask.reason", name=person.name, title=release.draft.title), asks=True)
        asked = await self._room.voice.send(press.chat, question, reply_to=press.message_id)
        asking = {
            "what": "reason",
            "release": pressed.release_id,
            "revision": pressed.revision,
            "hash": pressed.content_hash,
            "message": asked,
        }
        state = await self._room.memory.conversation(press.chat, person.id)
        await self._room.memory.remember(press.chat, person.id, state | {"asking": asking})

    async def reason_given(self, chat: int, person: Person, asking: State, text: str) -> None:
        """The reason of a rejection came."""
        words = self._room.words(person.language)
        state = await self._room.memory.conversation(chat, person.id)
        await self._room.memory.remember(chat, person.id, state | {"asking": None})
        try:
            await self._room.office.approvals.decide(
                person.id,
                Decision.REJECT,
                str(asking["release"]),
                int(asking["revision"]),
                str(asking["hash"]),
                " ".join(text.split()),
            )
        except Refused as refused:
            await self._room.voice.send(chat, Note(words.refusal(refused)))
            return
        await self._room.voice.send(chat, Note(words.get("bot.reason_kept")))
        self._board.changed(str(asking["release"]))

    async def preview(self, press: Press, person: Person) -> None:
        """The frozen renderings, into the private chat of whoever asks."""
        words = self._room.words(person.language)
        if not person.may(Right.DECIDE):
            await self._room.voice.answer(press.query_id, words.get("refused.not_editor"), alert=True)
            return
        try:
            renderings = await self._room.office.reading.renderings(press.data[2:])
            await self._room.voice.answer(press.query_id, words.get("bot.preview_in_private"))
            await self._room.show(press.telegram_id, renderings, words)
        except Refused as refused:
            await self._room.voice.answer(press.query_id, words.refusal(refused), alert=True)
        except (Forbidden, BadRequest):
            where = f"https://t.me/{self._room.username}"
            text = words.get("bot.open_private", name=person.name, address=where)
            await self._room.voice.send(press.chat, Note(text))
