"""The calls that change what stands in a chat: edits of texts, captions and media, and deletions.

Touches the Bot API, and reads renditions from disk while it uploads them. Each call may be repeated without a second
effect, so none is irrevocable; none is repeated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from telegram import InputFile, InputMediaPhoto, Message
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from distributor.adapters.telegram_blank import blank
from distributor.adapters.telegram_calls import Calls, caption_of, chat_id, entities_of, preview_of
from distributor.adapters.telegram_errors import Call, Change, change_refused, outcome_of
from distributor.adapters.telegram_plan import Edit
from distributor.adapters.telegram_slots import BLANK, Slot
from distributor.core.outcome import Deferred, Outcome, Sent, Unknown
from distributor.core.rendering import Part


class Edits:
    """The changing methods of one bot, over the same media as `Calls`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._bot = calls.bot

    async def edit(
        self, chat: str, slot: Slot, op: Edit, file_ids: Mapping[str, str], *, own: bool, here: bool
    ) -> Change | Outcome:
        """Change a message to what `op` says. `here`: the message is in the delivery's own chat; one in another chat,
        which it left, is out of reach where that one takes nothing."""
        what, where = f"message {slot.id}", {"chat_id": chat_id(chat), "message_id": slot.id}
        with ExitStack() as files:
            try:
                answer = await self._edited(where, slot, op, file_ids, files)
            except TelegramError as error:
                return _failed(error, what, op, own=own, here=here)
            except OSError as error:
                return Deferred("media_missing", f"a file to upload cannot be read: {error.strerror}")
            except (TypeError, KeyError, ValueError, AttributeError) as error:  # python-telegram-bot read the answer
                return Deferred("odd_answer", f"{what}: the answer holds no message ({type(error).__name__})")
        self._learn(op, answer)
        return Change.DONE

    async def delete(self, chat: str, slot: Slot, *, own: bool, here: bool) -> Change | Outcome:
        """Delete a message."""
        try:
            await self._bot.delete_message(chat_id(chat), slot.id)
        except TelegramError as error:
            return _failed(error, f"message {slot.id}", None, own=own, here=here)
        return Change.DONE

    async def _edited(
        self, where: dict[str, Any], slot: Slot, op: Edit, file_ids: Mapping[str, str], files: ExitStack
    ) -> Message | bool:
        if op.item is not None:
            media = self._calls.media_of(op.item, op.words, self._calls.known(file_ids), files)
            return await self._bot.edit_message_media(media, **where)
        if op.blank:
            known = self._calls.file_id(BLANK)
            file = known or InputFile(blank(), filename="blank.jpg", attach=True)
            return await self._bot.edit_message_media(InputMediaPhoto(file, **caption_of(op.words)), **where)
        if slot.media:
            return await self._bot.edit_message_caption(**caption_of(op.words), **where)
        words = op.words or Part("message")
        return await self._bot.edit_message_text(
            words.text, entities=entities_of(words.entities), link_preview_options=preview_of(words), **where
        )

    def _learn(self, op: Edit, answer: Message | bool) -> None:
        """The file id of what was uploaded."""
        if not isinstance(answer, Message):
            return
        if op.item is not None:
            self._calls.learn(op.item[0], answer)
        elif op.blank and answer.photo:
            self._calls.remember(BLANK, answer.photo[-1].file_id)


def _failed(error: TelegramError, what: str, op: Edit | None, *, own: bool, here: bool) -> Change | Outcome:
    change = change_refused(error)
    if change is not None:
        return change
    if not here and isinstance(error, ChatMigrated | Forbidden | BadRequest):
        return Change.REFUSED
    items = [op.item[0]] if op and op.item else []
    outcome = outcome_of(error, Call(step="", own=own, items=items, what=what))
    if isinstance(outcome, Sent | Unknown):  # no table says so of a repeatable call
        return Deferred("odd_answer", error.message)
    return outcome
