"""Cases and lanes at the desk: what needs a person, once each, and what became of it.

May touch: the desk's chat, the office's operations. Which cases and lanes the desk was told of stands in the database,
as a conversation that belongs to nobody.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from distributor.bot.memory import NOBODY, State
from distributor.bot.room import Press, Room
from distributor.bot.voice import Note
from distributor.core.clock import CODE as CLOCK
from distributor.core.people import Person
from distributor.core.ports import EMBARGO, EVERY, LaneState
from distributor.core.refusal import Refused
from distributor.core.text import cut_at_word
from distributor.locale import why_text
from distributor.office.restoring import CODE as RESTORED

log = structlog.get_logger(__name__)


class Cases:
    """One message for each open case and each lane that waits for a person."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Compare what the desk was told with what stands in the database, and tell the difference."""
        async with self._turn:
            state = await self._room.memory.conversation(self._room.desk_chat, NOBODY)
            before = repr(state)
            await self._cases(state)
            await self._lanes(state)
            if repr(state) != before:
                await self._room.memory.remember(self._room.desk_chat, NOBODY, state)

    async def pressed(self, press: Press) -> None:
        """'It is there' or 'it is not: send again'."""
        async with self._turn:  # the news of this very press must not close the message before its name is on it
            try:
                resolved = await self._room.office.operations.press_case(press.data[2:], press.telegram_id)
            except Refused as refused:
                await self._room.refuse(press, refused)
                return
            words = self._room.words(resolved.person.language)
            await self._room.voice.answer(press.query_id, words.get("bot.case.thanks"))
            state = await self._room.memory.conversation(self._room.desk_chat, NOBODY)
            told = state.get("cases", {})
            found = next((key for key, kept in told.items() if kept["delivery"] == resolved.delivery_id), None)
            if found is None:
                return
            code = "bot.case.there_by" if resolved.there else "bot.case.again_by"
            await self._close(told.pop(found), self._room.desk_words().get(code, name=resolved.person.name))
            await self._room.memory.remember(self._room.desk_chat, NOBODY, state)

    async def resume(self, press: Press, person: Person) -> None:
        """The button under a lane's alert."""
        words = self._room.words(person.language)
        try:
            await self._room.office.operations.resume(press.data[2:], person)
        except Refused as refused:
            await self._room.voice.answer(press.query_id, words.refusal(refused), alert=True)
            return
        await self._room.voice.answer(press.query_id, words.get("bot.lane_goes_on"))
        await self.look()

    async def _cases(self, state: State) -> None:
        told: dict[str, Any] = state.setdefault("cases", {})
        open_now = {str(case["id"]): case for case in await self._room.office.operations.open_cases()}
        words = self._room.desk_words()
        for key in [key for key in told if key not in open_now]:
            await self._close(told.pop(key), words.get("bot.case.closed"))
        for key, case in open_now.items():
            if key in told:
                continue
            text = words.get(
                "bot.case.open",
                title=case["title"],
                channel=words.channel(case["channel"]),
                id=case["delivery_id"],
                reason=cut_at_word(why_text(case["code"], str(case.get("reason") or ""), words.language), 300),
            )
            buttons = await self._room.office.operations.case_buttons(int(case["delivery_id"]))
            rows = (
                ((words.get("bot.button.there"), f"c:{buttons.there}"),),
                ((words.get("bot.button.not_there"), f"c:{buttons.not_there}"),),
            )
            message_id = await self._room.voice.send(self._room.desk_chat, Note(text, rows, headed=True))
            told[key] = {"message": message_id, "delivery": case["delivery_id"], "text": text}
            # At once: a crash between two cases must not tell the first one twice.
            await self._room.memory.remember(self._room.desk_chat, NOBODY, state)

    async def _close(self, kept: State, line: str) -> None:
        note = Note(f"{kept['text']}\n\n{line}", headed=True)
        await self._room.voice.edit(self._room.desk_chat, int(kept["message"]), note)

    async def _lanes(self, state: State) -> None:
        told: dict[str, Any] = state.setdefault("lanes", {})
        words = self._room.desk_words()
        everything = {EVERY: LaneState(EVERY), EMBARGO: LaneState(EMBARGO)}
        for name, lane in (everything | await self._room.office.operations.lanes()).items():
            waits = lane.paused and lane.until is None and lane.code != CLOCK  # of which an alarm speaks
            if waits and name not in told:
                note = self._alert(lane)
                message_id = await self._room.voice.send(self._room.desk_chat, note)
                told[name] = {"message": message_id, "text": note.text}
                await self._room.memory.remember(self._room.desk_chat, NOBODY, state)
            elif not waits and name in told:
                text = words.get("bot.lane_resumed", channel=self._name(name))
                await self._close(told.pop(name), text)
                await self._room.voice.send(self._room.desk_chat, Note(text))

    def _name(self, lane: str) -> str:
        words = self._room.desk_words()
        known = {EVERY: "bot.every_channel", EMBARGO: "bot.every_embargo"}
        return words.get(known[lane]) if lane in known else words.channel(lane)

    def _alert(self, lane: LaneState) -> Note:
        words = self._room.desk_words()
        head = words.get("bot.lane_paused", channel=self._name(lane.name), reason=cut_at_word(lane.reason, 300))
        told = "bot.lanes_stopped" if lane.name == EVERY else "bot.lane_by_person"
        told = {"person": told, RESTORED: "bot.lane_restored"}.get(lane.code, "bot.lane_credential")
        what = words.get(told, name=f"'{EMBARGO}'" if lane.name == EMBARGO else lane.name)
        data = f"o:{lane.name}"
        fits = len(data.encode()) <= 64 and lane.code != RESTORED  # that is no matter of a button
        rows = (((words.get("bot.button.resume_lane"), data),),) if fits else ()
        return Note(f"{head}\n{what}", rows, headed=True)
