"""Keeps the desk's cards and the authors' news true to the database.

May touch: the desk's chat, authors' private chats, status_messages. State-driven: a card is posted because a release
stands submitted and has none, whoever submitted it and however often the process restarted. News only say where to
look.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from telegram.error import Forbidden, TelegramError

from distributor.bot import panels
from distributor.bot.desk_card import DECISIONS, channel_lines, decision_line, desk_text
from distributor.bot.proposal_card import proposal_text
from distributor.bot.room import Room
from distributor.bot.voice import Note, Rows
from distributor.bot.words import Words
from distributor.core.approval import Decision
from distributor.core.people import Person
from distributor.core.release import ReleaseState
from distributor.core.text import fingerprint
from distributor.office.reading import ReleaseStanding
from distributor.storage import subscribers

log = structlog.get_logger(__name__)

BETWEEN_EDITS = 1.0  # seconds; Telegram: one message a second in a chat
BEFORE_DRAWING = 0.05  # seconds: what was just approved leaves first, and news that come together are drawn once
LOOKED_AT = 50  # releases at a start, the last changed first
_NEEDS_CARD = frozenset({ReleaseState.SUBMITTED, ReleaseState.HELD, ReleaseState.APPROVED, ReleaseState.DISTRIBUTING})
_MOVING = frozenset({ReleaseState.APPROVED, ReleaseState.DISTRIBUTING})


@dataclass(frozen=True, slots=True)
class _Card:
    """A message at the desk: which one, what it says, what may be decided there; `after`: with what follows a
    publication."""

    role: str
    text: str
    decisions: tuple[Decision, ...]
    after: bool = False


class Board:
    """One task a release, which draws at most once a second and always draws the last state."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._dirty: set[str] = set()
        self._seen: dict[str, datetime] = {}
        self._closing = asyncio.Event()

    def changed(self, release_id: str) -> None:
        """Something about a release changed, or may have."""
        if self._closing.is_set():
            return
        self._dirty.add(release_id)
        if release_id not in self._tasks:
            self._tasks[release_id] = asyncio.get_running_loop().create_task(self._draw(release_id))

    async def look(self) -> None:
        """Find what changed without news: after a restart, and what other processes did."""
        for release in await self._room.office.reading.releases(most=LOOKED_AT):
            if release.state in _MOVING or self._seen.get(release.id) != release.updated_at:
                self._seen[release.id] = release.updated_at
                self.changed(release.id)

    async def stop(self, seconds: float = 5.0) -> None:
        """Draw no more. What is being drawn ends first: a card sent and not remembered would be sent again."""
        self._closing.set()
        self._dirty.clear()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _draw(self, release_id: str) -> None:
        try:
            await self._rest(BEFORE_DRAWING)
            while release_id in self._dirty:
                self._dirty.discard(release_id)
                began = time.monotonic()
                if await self._once(release_id):
                    await self._rest(BETWEEN_EDITS - (time.monotonic() - began))
        except Exception:
            # What was not shown is shown at the next look.
            self._seen.pop(release_id, None)
            log.exception("a card could not be brought up to date", release=release_id)
        finally:
            self._tasks.pop(release_id, None)
            if release_id in self._dirty:
                self.changed(release_id)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _once(self, release_id: str) -> bool:
        """Bring everything about a release up to date. True where a message was sent or edited."""
        standing = await self._room.office.reading.standing(release_id)
        if standing.revision is None:
            return False
        names = {person.id: person.name for person in await self._room.office.people.everyone()}
        drawn = await self._desk(standing, names)
        if standing.author is not None and standing.author.telegram_id is not None:
            await self._author(standing, standing.author, standing.author.telegram_id, names)
        return drawn

    async def _desk(self, standing: ReleaseStanding, names: Mapping[int, str]) -> bool:
        room, release = self._room, standing.release
        cards = {f"desk:{release.revision}", *((f"desk:{release.proposed}",) if release.proposed else ())}
        kept = [row for row in await room.memory.messages(release.id) if str(row["role"]).startswith("desk:")]
        for row in kept:
            if row["role"] not in cards:
                await self._replaced(int(row["chat_id"]), int(row["message_id"]), standing)
        words = room.desk_words()
        here = {str(row["role"]): row for row in kept}
        text = desk_text(words, standing, await self._audience(standing), names)
        main = _Card(f"desk:{release.revision}", text, DECISIONS.get(release.state, ()), after=True)
        drawn = await self._card(standing, main, here, words, needed=release.state in _NEEDS_CARD)
        if not release.proposed:
            return drawn
        over = (Decision.APPROVE, Decision.REJECT)
        proposal = _Card(f"desk:{release.proposed}", proposal_text(words, standing, names), over)
        return await self._card(standing, proposal, here, words, needed=True) or drawn

    async def _card(
        self,
        standing: ReleaseStanding,
        card: _Card,
        here: Mapping[str, Mapping[str, Any]],
        words: Words,
        *,
        needed: bool,
    ) -> bool:
        """One card as it should be: posted where it is needed and not there, edited where it shows something else."""
        room, release, current = self._room, standing.release, here.get(card.role)
        shown = fingerprint(card.text, *card.decisions)
        if current is None:
            if needed:
                await self._post(standing, card, shown, words)
            return needed
        if current["shown"] == shown:
            return False
        chat, message_id = int(current["chat_id"]), int(current["message_id"])
        note = Note(card.text, await self._buttons(standing, card, words), headed=True)
        if not await room.voice.edit(chat, message_id, note):
            await room.memory.forget_message(chat, message_id)
            self._dirty.add(release.id)
            return True
        await room.memory.shown(chat, message_id, shown)
        return True

    async def _post(self, standing: ReleaseStanding, card: _Card, shown: str, words: Words) -> None:
        room, release = self._room, standing.release
        over = standing.proposed or standing.revision
        if over is not None and over.content.media and Decision.APPROVE in card.decisions:
            await self._pictures(release.id, words)
        note = Note(card.text, await self._buttons(standing, card, words), headed=True)
        message_id = await room.voice.send(room.desk_chat, note)
        await room.memory.keep_message(room.desk_chat, message_id, release.id, card.role, shown)

    async def _pictures(self, release_id: str, words: Words) -> None:
        """The photos as the Telegram channel will show them, before the card with the buttons."""
        room = self._room
        frozen = await room.office.reading.renderings(release_id)
        seats = room.office.context.seats
        real = [one for one in frozen if one.channel in seats and hasattr(seats[one.channel].adapter, "preview")]
        if real and room.previewer is not None:
            await room.show(room.desk_chat, real[:1], words)

    async def _replaced(self, chat: int, message_id: int, standing: ReleaseStanding) -> None:
        """An older revision's card loses its buttons, so that nobody decides over what is no longer there."""
        words = self._room.desk_words()
        text = words.get("bot.replaced", title=standing.release.draft.title, id=standing.release.id)
        await self._room.voice.edit(chat, message_id, Note(text))
        await self._room.memory.forget_message(chat, message_id)

    async def _buttons(self, standing: ReleaseStanding, card: _Card, words: Words) -> Rows:
        release = standing.release
        preview = ((words.get("bot.button.preview"), f"p:{release.id}"),)
        after = panels.after(words, release) if card.after else ()
        if not card.decisions:
            return (preview, *after)
        tokens = await self._room.office.approvals.buttons(release.id, card.decisions)
        row = tuple((words.get(f"decision.{decision.value}"), f"d:{tokens[decision]}") for decision in card.decisions)
        return (row, preview, *after)

    async def _audience(self, standing: ReleaseStanding) -> dict[str, int]:
        """Channels of a release that is still to be decided over, with how many subscribers each has."""
        if standing.channels or standing.revision is None:
            return {}
        names = dict.fromkeys(one.channel for one in await self._room.office.reading.renderings(standing.release.id))
        found = {}
        async with self._room.office.context.database.read() as connection:
            for name in names:
                seat = self._room.office.context.seats.get(name)
                own = seat is not None and seat.adapter.own_address()
                found[name] = 0 if own else await subscribers.count_active(connection, name)
        return found

    async def _author(self, standing: ReleaseStanding, author: Person, chat: int, names: Mapping[int, str]) -> None:
        """News for the author, each told once."""
        words, release = self._room.words(author.language), standing.release
        told = {str(row["role"]) for row in await self._room.memory.messages(release.id)}
        title = release.draft.title or release.id
        for row in standing.decisions:
            role = f"told:{row['id']}"
            if role not in told and row["person_id"] != author.id:
                text = f"{title}\n{decision_line(words, row, names)}"
                if row["decision"] == Decision.REJECT.value:
                    text += f"\n{words.get('bot.rejected_now')}"
                await self._tell(chat, release.id, role, Note(text, headed=True))
        role = f"done:{release.revision}"
        if release.state is ReleaseState.DISTRIBUTED and role not in told:
            lines = [line for channel in standing.channels for line in channel_lines(words, channel)]
            text = "\n".join([title, words.get("bot.distributed"), "", *lines])
            await self._tell(chat, release.id, role, Note(text, headed=True))

    async def _tell(self, chat: int, release_id: str, role: str, note: Note) -> None:
        try:
            message_id = await self._room.voice.send(chat, note)
        except Forbidden:
            # The author has blocked the bot: told as far as it can be.
            message_id = -time.time_ns() // 1000
            log.info("an author cannot be written to", release=release_id)
        except TelegramError as error:
            log.warning("an author could not be told", release=release_id, error=str(error))
            return
        await self._room.memory.keep_message(chat, message_id, release_id, role)
