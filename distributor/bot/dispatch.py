"""Where an update goes: each to one handler, in order for a person in a chat, side by side otherwise.

May touch: the handlers. Marks an update as processed when its handler ended, well or not; an update whose handler was
cut off by a stop stays, and is taken up again at the next start. No error leaves this module.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import structlog
from telegram import Message, Update
from telegram.error import TelegramError

from distributor.bot.aftercare import PREFIX, AftercareButtons
from distributor.bot.alarms import Alarms
from distributor.bot.approval_buttons import ApprovalButtons
from distributor.bot.board import Board
from distributor.bot.cases import Cases
from distributor.bot.commands import Commands
from distributor.bot.draft_buttons import DraftButtons
from distributor.bot.draft_card import DraftCard
from distributor.bot.emergency import WHAT, Emergency
from distributor.bot.intake import Intake
from distributor.bot.questions import Questions
from distributor.bot.room import Press, Room
from distributor.bot.templates import Templates
from distributor.bot.voice import Note
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused

log = structlog.get_logger(__name__)

Lane = tuple[int, int, bool]  # chat, person, whether it is a preview


class Dispatch:
    """Handlers, and the lanes in which updates wait for them."""

    def __init__(self, room: Room, board: Board, cases: Cases, alarms: Alarms, templates: Templates) -> None:
        card = DraftCard(room)
        self._room = room
        self._emergency = Emergency(room)
        self._commands = Commands(room, card, self._emergency)
        self._intake = Intake(room, card)
        self._questions = Questions(room, card)
        self._drafts = DraftButtons(room, card, self._questions)
        self._approvals = ApprovalButtons(room, board)
        self._after = AftercareButtons(room, card)
        self._cases = cases
        self._alarms = alarms
        self._templates = templates
        self._waiting: dict[Lane, deque[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def offer(self, update: dict[str, Any]) -> None:
        """Handle an update after those of the same person in the same chat."""
        key = _lane(update)
        if key in self._waiting:
            self._waiting[key].append(update)
            return
        self._waiting[key] = deque([update])
        task = asyncio.get_running_loop().create_task(self._serve(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, seconds: float = 5.0) -> None:
        """Let what is under way end; what does not is cut off, and taken up after the next start."""
        for waiting in self._waiting.values():
            waiting.clear()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, key: Lane) -> None:
        waiting = self._waiting[key]
        try:
            while waiting:
                await self._one(waiting.popleft())
        finally:
            self._waiting.pop(key, None)

    async def _one(self, update: dict[str, Any]) -> None:
        try:
            await self._handle(update)
        except Exception:
            log.exception("an update could not be handled", update_id=update.get("update_id"))
            await self._apologise(update)
        try:
            await self._room.memory.processed(int(update["update_id"]))
        except Exception:
            log.exception("an update could not be marked as processed", update_id=update.get("update_id"))

    async def _handle(self, update: dict[str, Any]) -> None:
        if "album" in update:
            await self._album(update["album"])
            return
        parsed = Update.de_json(update, self._room.voice.bot)
        if parsed.callback_query is not None:
            await self._press(parsed)
        elif parsed.message is not None:
            await self._message(parsed.message, update)

    async def _press(self, update: Update) -> None:
        query = update.callback_query
        if query is None:
            return
        spoken = "en" if (query.from_user.language_code or "").startswith("en") else "ka"
        chat, message = (query.message.chat.id, query.message.message_id) if query.message else (query.from_user.id, 0)
        press = Press(query.id, chat, message, query.from_user.id, query.data or "", spoken)
        kind = press.data[:2]
        # These judge, and write down, strangers' and forged presses themselves; nothing is looked up before them.
        if kind == "d:":
            await self._approvals.pressed(press)
            return
        if kind == "c:":
            await self._cases.pressed(press)
            return
        if kind == "l:":
            await self._alarms.pressed(press)
            return
        if kind == "t:":
            await self._templates.pressed(press)
            return
        person = await self._room.office.people.by_telegram(query.from_user.id)
        if person is None or not person.may(Right.WRITE):
            code = "not_a_member" if person is None else "not_author"
            await self._room.voice.answer(query.id, self._room.words(spoken).refusal(Refused(code)), alert=True)
        else:
            await self._members_press(press, person)

    async def _members_press(self, press: Press, person: Person) -> None:
        kind = press.data[:2]
        if kind == "a:":
            await self._drafts.pressed(press, person)
        elif kind == "f:":
            await self._after.pressed(press, person)
        elif kind == "e:":
            await self._emergency.pressed(press, person)
        elif kind == "p:":
            await self._approvals.preview(press, person)
        elif kind == "o:":
            await self._cases.resume(press, person)
        elif kind == "g:":
            await self._commands.language_chosen(press, person)
        elif kind in ("n:", "q:"):
            taken = self._intake.chosen if kind == "n:" else self._questions.pressed
            await self._room.voice.answer(press.query_id)
            words = self._room.words(person.language)
            if await taken(press.chat, person, press.data[2:]):
                await self._room.voice.without_buttons(press.chat, press.message_id)
            else:
                await self._room.voice.send(press.chat, Note(words.get("bot.stale")))
        else:
            words = self._room.words(person.language)
            await self._room.voice.answer(press.query_id, words.get("refused.forged_button"), alert=True)

    async def _message(self, message: Message, update: dict[str, Any]) -> None:
        sender = message.from_user
        if sender is None or sender.is_bot:
            return
        private, text = message.chat.type == "private", message.text or ""
        if not private and message.chat.id != self._room.desk_chat:
            return
        if private and text.startswith("/start ") and text.split()[1].startswith("i_"):
            await self._commands.join(message, text.split()[1])
            return
        person = await self._room.office.people.by_telegram(sender.id)
        if not private:
            await self._at_desk(message, person)
        elif person is None or not person.may(Right.WRITE):
            await self._commands.stranger(message)
        elif text.startswith("/"):
            await self._commands.given(message.chat.id, person, text)
        elif message.media_group_id:
            body = update["message"]
            kept = {"update_id": update["update_id"], "message": body}
            await self._room.memory.keep_part(message.chat.id, message.media_group_id, message.message_id, kept)
        else:
            await self._private(message, person, update["message"])

    async def _private(self, message: Message, person: Person, body: dict[str, Any]) -> None:
        chat = message.chat.id
        state = await self._room.memory.conversation(chat, person.id)
        asking = state.get("asking")
        try:
            if asking and asking["what"] == "reason" and message.text:
                await self._approvals.reason_given(chat, person, asking, message.text)
            elif asking and asking["what"] == WHAT:
                if not await self._emergency.answered(chat, person, asking, message):
                    raise Refused("gap_choice")
            elif asking and str(asking["what"]).startswith(PREFIX):
                if not await self._after.answered(chat, person, asking, message):
                    await self._intake.received(chat, person, [body])
            elif not (
                asking and asking["what"] != "reason" and await self._questions.answered(chat, person, asking, message)
            ):
                await self._intake.received(chat, person, [body])
        except Refused as refused:
            await self._room.voice.send(chat, Note(self._room.words(person.language).refusal(refused)))

    async def _at_desk(self, message: Message, person: Person | None) -> None:
        """In the group only answers to the bot's own question for a reason are read."""
        if person is None or message.reply_to_message is None or not message.text:
            return
        state = await self._room.memory.conversation(message.chat.id, person.id)
        asking = state.get("asking")
        if asking and asking["what"] == "reason" and asking["message"] == message.reply_to_message.message_id:
            await self._approvals.reason_given(message.chat.id, person, asking, message.text)

    async def _album(self, bodies: list[dict[str, Any]]) -> None:
        chat, sender = int(bodies[0]["chat"]["id"]), int(bodies[0]["from"]["id"])
        person = await self._room.office.people.by_telegram(sender)
        if person is None or not person.may(Right.WRITE):
            return
        try:
            await self._intake.received(chat, person, bodies)
        except Refused as refused:
            await self._room.voice.send(chat, Note(self._room.words(person.language).refusal(refused)))

    async def _apologise(self, update: dict[str, Any]) -> None:
        """A plain sentence to whoever wrote or pressed; the log has the error."""
        chat, sender, _ = _lane(update)
        if not chat:
            return
        try:
            person = await self._room.office.people.by_telegram(sender)
            words = self._room.words(person.language if person else "ka")
            query = update.get("callback_query")
            if query:
                await self._room.voice.answer(str(query["id"]), words.get("bot.error"), alert=True)
            if chat == sender:
                await self._room.voice.send(chat, Note(words.get("bot.error")))
        except TelegramError as error:
            log.warning("nobody could be told that an update failed", error=str(error))
        except Exception:
            log.exception("nobody could be told that an update failed")


def _lane(update: dict[str, Any]) -> Lane:
    """What one person does in one chat is handled in order; a preview, which takes its time, holds up no decision."""
    query: dict[str, Any] = update.get("callback_query") or {}
    source: dict[str, Any] = query or update.get("message") or (update.get("album") or [{}])[0]
    message: dict[str, Any] = (query.get("message") or {}) if query else source
    sender = int((source.get("from") or {}).get("id", 0))
    preview = str(query.get("data", "")).startswith("p:")
    return int((message.get("chat") or {}).get("id", sender)), sender, preview
