"""The bot's own messages: sent, edited, answered, with the patience that Telegram asks for.

May touch: the Bot API. A 429 is waited out and the call goes on; what surely never left is tried again; 'message is not
modified' is success. Nothing here logs a text of a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog
from telegram import Bot, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, RetryAfter, TelegramError

from distributor.adapters.telegram_failures import NotWritten
from distributor.core.text import cut_at_word, fingerprint, utf16_length

log = structlog.get_logger(__name__)

T = TypeVar("T")
Rows = tuple[tuple[tuple[str, str], ...], ...]  # rows of buttons: what stands on it, its data or its address

TEXT_AT_MOST = 4096
ANSWER_AT_MOST = 200
_TRIES = 4
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")


@dataclass(frozen=True, slots=True)
class Note:
    """A message to be: its text, the first line in bold where `headed`, and rows of buttons."""

    text: str
    rows: Rows = ()
    headed: bool = False
    asks: bool = False  # the person's next message is the answer

    @property
    def fingerprint(self) -> str:
        """What it shows, apart from the data behind its buttons, which is new each time."""
        return fingerprint(self.text, *(label for row in self.rows for label, _ in row))


class Voice:
    """The desk's bot, speaking."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self._moved: dict[int, int] = {}  # groups that became supergroups

    async def send(self, chat: int, note: Note, *, reply_to: int | None = None) -> int:
        """Send a note; the number of the message. Raises TelegramError where it cannot be known to have arrived."""
        text = cut_at_word(note.text, TEXT_AT_MOST)
        reply = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to else None
        message = await self._patiently(
            chat,
            lambda to: self.bot.send_message(
                to,
                text,
                entities=_entities(note, text),
                reply_markup=ForceReply(selective=True) if note.asks and not note.rows else _keyboard(note.rows),
                reply_parameters=reply,
                disable_web_page_preview=True,
            ),
        )
        return message.message_id

    async def send_photo(self, chat: int, picture: Path, note: Note) -> int:
        """Send a picture with a note under it."""

        async def call(to: int) -> Any:
            data = await asyncio.to_thread(picture.read_bytes)
            return await self.bot.send_photo(to, data, caption=note.text, reply_markup=_keyboard(note.rows))

        return int((await self._patiently(chat, call)).message_id)

    async def edit(self, chat: int, message_id: int, note: Note) -> bool:
        """Let a message show this. False where the message is gone."""
        text = cut_at_word(note.text, TEXT_AT_MOST)
        try:
            await self._patiently(
                chat,
                lambda to: self.bot.edit_message_text(
                    text,
                    to,
                    message_id,
                    entities=_entities(note, text),
                    reply_markup=_keyboard(note.rows),
                    disable_web_page_preview=True,
                ),
            )
        except BadRequest as error:
            words = str(error).casefold()
            if "not modified" in words:
                return True
            if any(gone in words for gone in _GONE):
                return False
            raise
        return True

    async def without_buttons(self, chat: int, message_id: int) -> None:
        """Take a message's buttons away; one that has none, or is gone, is as wanted."""
        try:
            await self._patiently(chat, lambda to: self.bot.edit_message_reply_markup(to, message_id))
        except BadRequest as error:
            log.info("buttons were gone already", error=str(error))

    async def answer(self, query_id: str, text: str = "", *, alert: bool = False) -> None:
        """Answer a press, so that the button stops turning. Too late is no error: the person sees the rest."""
        try:
            await self._patiently(
                0,
                lambda _: self.bot.answer_callback_query(
                    query_id, text=cut_at_word(text, ANSWER_AT_MOST) or None, show_alert=alert
                ),
            )
        except TelegramError as error:
            log.info("a press could not be answered", error=str(error))

    async def _patiently(self, chat: int, call: Callable[[int], Awaitable[T]]) -> T:
        tries = 0
        while True:
            try:
                return await call(self._moved.get(chat, chat))
            except RetryAfter as error:
                wait = error.retry_after
                await asyncio.sleep(wait.total_seconds() if isinstance(wait, timedelta) else float(wait))
            except ChatMigrated as error:
                self._moved[chat] = error.new_chat_id
                log.warning("a group became a supergroup: change the settings", old=chat, new=error.new_chat_id)
            except NotWritten:
                tries += 1
                if tries >= _TRIES:
                    raise
                await asyncio.sleep(0.2 * 3**tries)


def _entities(note: Note, text: str) -> list[MessageEntity] | None:
    first = text.partition("\n")[0]
    if not note.headed or not first:
        return None
    return [MessageEntity(MessageEntity.BOLD, 0, utf16_length(first))]


def _keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup([[_button(label, target) for label, target in row] for row in rows])


def _button(label: str, target: str) -> InlineKeyboardButton:
    if target.startswith(("https://", "http://")):
        return InlineKeyboardButton(label, url=target)
    return InlineKeyboardButton(label, callback_data=target)
