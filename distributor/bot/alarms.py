"""Alarms at the desk: one message each with its answers, said again until somebody answers, and closed with the answer.

May touch: the desk's chat, the office's alarms. What was said stands in the database with the alarm.
"""

from __future__ import annotations

import asyncio

from distributor.bot.room import Press, Room
from distributor.bot.voice import Note, Rows
from distributor.core.refusal import Refused
from distributor.office.alarm_words import sentence
from distributor.office.alarms import OVER
from distributor.storage.alarms import Alarm


class Alarms:
    """What waits for an answer, told once and then in its interval."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Compare what the desk was told with what stands in the database, and tell the difference."""
        async with self._turn:
            waiting = await self._room.office.alarms.waiting()
            for alarm in waiting.to_say:
                await self._say(alarm)
            for alarm, name in waiting.to_close:
                await self._close(alarm, name)

    async def pressed(self, press: Press) -> None:
        """One of an alarm's buttons."""
        async with self._turn:
            try:
                answered = await self._room.office.alarms.pressed(press.data[2:], press.telegram_id)
            except Refused as refused:
                await self._room.refuse(press, refused)
                return
            language = answered.person.language if answered.person else press.language
            await self._room.voice.answer(press.query_id, self._room.words(language).get("bot.alarm.thanks"))
        await self.look()

    async def _say(self, alarm: Alarm) -> None:
        words, again = self._room.desk_words(), alarm.message_id is not None
        text = self._text(alarm)
        if again:
            text += "\n\n" + words.get("bot.alarm.again", count=alarm.chased + 2)
        buttons = await self._room.office.alarms.buttons(alarm)
        rows: Rows = tuple(((words.get(f"alarm.answer.{word}"), f"l:{token}"),) for word, token in buttons)
        note = Note(text, rows, headed=True)
        message_id = await self._room.voice.send(self._room.desk_chat, note, reply_to=alarm.message_id)
        # At once: a crash between two alarms must not tell the first one twice.
        await self._room.office.alarms.said(alarm, message_id)
        if alarm.message_id is not None:
            await self._room.voice.without_buttons(self._room.desk_chat, alarm.message_id)

    async def _close(self, alarm: Alarm, name: str) -> None:
        words = self._room.desk_words()
        who, line = name or words.get("bot.alarm.operator"), words.get(f"alarm.answer.{alarm.resolution}")
        if alarm.resolution != OVER:
            line = words.get("bot.alarm.answered", answer=line, name=who)
        note = Note(f"{self._text(alarm)}\n\n{line}", headed=True)
        if alarm.message_id is not None:
            await self._room.voice.edit(self._room.desk_chat, alarm.message_id, note)
        await self._room.office.alarms.closed(alarm)

    def _text(self, alarm: Alarm) -> str:
        return sentence(alarm, self._room.office.context, self._room.desk_words().language)
