"""What every part of the desk works with, and who is speaking.

Holds references; the rules stand in the office.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from telegram.error import TelegramError

from distributor.bot.files import Files
from distributor.bot.memory import Memory
from distributor.bot.voice import Note, Voice
from distributor.bot.words import Words
from distributor.core.channel import Previewer
from distributor.core.refusal import Refused
from distributor.core.rendering import Rendering
from distributor.office.office import Office

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Room:
    """The desk's parts. `desk_chat` is the editors' group."""

    office: Office
    voice: Voice
    memory: Memory
    files: Files
    desk_chat: int
    previewer: Previewer | None = None
    username: str = ""
    _words: dict[str, Words] = field(default_factory=dict)

    def words(self, language: str) -> Words:
        """The texts of a language."""
        if language not in self._words:
            self._words[language] = Words(self.office.context, language)
        return self._words[language]

    def desk_words(self) -> Words:
        """The texts of the desk, which speaks the office's first language."""
        return self.words(self.office.context.languages[0])

    async def refuse(self, press: Press, refused: Refused) -> None:
        """Say in the presser's language why a press is refused."""
        person = await self.office.people.by_telegram(press.telegram_id)
        words = self.words(person.language if person else press.language)
        await self.voice.answer(press.query_id, words.refusal(refused), alert=True)

    async def show(self, chat: int, renderings: Sequence[Rendering], words: Words) -> None:
        """What each channel will show: Telegram's as it is, of the others their words."""
        for rendering in renderings:
            seat = self.office.context.seats.get(rendering.channel)
            real = seat is not None and hasattr(seat.adapter, "preview") and self.previewer is not None
            if real and self.previewer is not None:
                await self.voice.send(chat, Note(words.rendering_head(rendering)))
                try:
                    await self.previewer.preview(rendering, chat)
                except (Refused, TelegramError) as error:
                    log.warning("a preview could not be sent", channel=rendering.channel, error=str(error))
                    await self.voice.send(chat, Note(words.get("bot.preview_failed")))
            else:
                await self.voice.send(chat, Note(words.rendering(rendering), headed=True))


@dataclass(frozen=True, slots=True)
class Press:
    """A button was pressed: whose query, where, by whom, with which data."""

    query_id: str
    chat: int
    message_id: int
    telegram_id: int
    data: str
    language: str  # of the person's Telegram, for somebody whom the office does not know
