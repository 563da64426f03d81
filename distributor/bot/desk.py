"""The desk's life: updates come in by long polling or by the webhook, are stored, then handled.

May touch: the Bot API, the bot's memory, news of the office. An update is committed before it is acknowledged, and
handled once; what a stop cut off goes on at the next start. No error ends a loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import SecretStr
from telegram import BotCommand
from telegram.error import InvalidToken, TelegramError

from distributor.adapters.telegram_transport import close, open_bot
from distributor.bot.alarms import Alarms
from distributor.bot.board import Board
from distributor.bot.cases import Cases
from distributor.bot.dispatch import Dispatch
from distributor.bot.files import Files
from distributor.bot.memory import Memory
from distributor.bot.room import Room
from distributor.bot.templates import Templates
from distributor.bot.voice import Voice
from distributor.core.channel import Previewer
from distributor.office.office import Office

log = structlog.get_logger(__name__)

ALLOWED = ["message", "callback_query"]
TOPICS = frozenset({"release", "case", "lane", "alarm"})
POLL_SECONDS = 25  # how long Telegram holds an empty getUpdates
LOOK_SECONDS = 3.0  # news are hints, and other processes' news do not arrive: the database is looked at this often
ALBUM_SECONDS = 0.25
COMMANDS = ("help", "mine", "new", "emergency", "language", "log", "invite")


class Desk:
    """The editors' desk. `start`, then `stop`; `accept` takes updates from the webhook's route."""

    def __init__(
        self,
        office: Office,
        *,
        token: SecretStr,
        api_url: str,
        desk_chat: int,
        mode: Literal["polling", "webhook"],
        ca_file: str = "",
        previewer: Previewer | None = None,
        webhook_url: str = "",
        webhook_secret: SecretStr | None = None,
    ) -> None:
        trust = Path(ca_file) if ca_file else None
        self._bot = open_bot(token, api_url, ca_file=trust)
        voice, memory = Voice(self._bot), Memory(office.context)
        self._room = Room(office, voice, memory, Files(voice, office.context.media, token, trust), desk_chat, previewer)
        self._board, self._cases, self._alarms = Board(self._room), Cases(self._room), Alarms(self._room)
        self._templates = Templates(self._room)
        self._dispatch = Dispatch(self._room, self._board, self._cases, self._alarms, self._templates)
        self._mode, self._hook, self._secret = mode, webhook_url, webhook_secret
        self._offset: int | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._deaf: Callable[[], None] | None = None
        self._stir = asyncio.Event()

    @property
    def username(self) -> str:
        """The bot's name, for t.me/<bot>?start=… links; empty until Telegram has told it."""
        return self._room.username

    async def start(self) -> None:
        """Begin. What was received and not handled goes on; an unreachable Telegram is tried again, for ever."""
        if self._mode == "webhook" and (not self._hook or self._secret is None):
            raise ValueError("the webhook needs its address and its secret")
        try:
            await self._introduce()
        except TelegramError as error:
            log.error("Telegram does not answer for the bot; trying again", error=str(error))
        self._deaf = self._room.office.context.events.listen(
            frozenset({"release", "case", "lane", "alarm"}), self._heard
        )
        for update in await self._room.memory.unprocessed():
            self._dispatch.offer(update)
        turns: list[Callable[[], Awaitable[None]]] = [self._albums, self._look]
        turns.append(self._poll if self._mode == "polling" else self._set_hook)
        self._loops = [asyncio.create_task(self._forever(turn)) for turn in turns]

    async def stop(self) -> None:
        """Take nothing new; let what is under way end."""
        if self._deaf is not None:
            self._deaf()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._dispatch.stop()
        await self._board.stop()
        await close(self._bot)

    async def accept(self, update: dict[str, Any]) -> None:
        """An update from the webhook: returns once it is committed. The same update twice is handled once.

        Raises ValueError for what is no update, and the storage's error where it cannot be kept: then the webhook must
        not acknowledge it.
        """
        number = update.get("update_id")
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise ValueError("an update has a number")
        for fresh in await self._room.memory.receive([update]):
            self._dispatch.offer(fresh)

    async def _introduce(self) -> None:
        me = await self._bot.get_me()
        self._room.username = me.username or ""
        for language in ("ka", "en"):
            words = self._room.words(language)
            commands = [BotCommand(name, words.get(f"bot.command.{name}")) for name in COMMANDS]
            await self._bot.set_my_commands(commands, language_code=language if language == "en" else None)

    async def _poll(self) -> None:
        """One getUpdates. The offset, which acknowledges, moves on only after the updates are committed."""
        if self._offset is None:
            await self._bot.delete_webhook(drop_pending_updates=False)
            self._offset = 0
        if not self._room.username:
            await self._introduce()
        found = await self._bot.get_updates(offset=self._offset or None, timeout=POLL_SECONDS, allowed_updates=ALLOWED)
        if not found:
            return
        for fresh in await self._room.memory.receive([update.to_dict() for update in found]):
            self._dispatch.offer(fresh)
        self._offset = max(update.update_id for update in found) + 1

    async def _set_hook(self) -> None:
        """Name the webhook's address to Telegram once, then look now and then whether it is still there."""
        if not self._room.username:
            await self._introduce()
        info = await self._bot.get_webhook_info()
        if info.url != self._hook or self._offset is None:
            secret = self._secret.get_secret_value() if self._secret else None
            await self._bot.set_webhook(self._hook, allowed_updates=ALLOWED, secret_token=secret)
            self._offset = 0
        await asyncio.sleep(600)

    async def _albums(self) -> None:
        for album in await self._room.memory.complete_albums():
            self._dispatch.offer(album)
        await asyncio.sleep(ALBUM_SECONDS)

    async def _look(self) -> None:
        """The slow look at the database."""
        await self._board.look()
        await self._cases.look()
        await self._alarms.look()
        await self._templates.look()
        self._stir.clear()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._stir.wait()
        except TimeoutError:
            return

    async def _heard(self, topic: str, subject: str) -> None:
        if topic == "release":
            self._board.changed(subject)
        else:
            self._stir.set()

    async def _forever(self, turn: Callable[[], Awaitable[None]]) -> None:
        wait = 1.0
        while True:
            try:
                await turn()
                wait = 1.0
            except InvalidToken:
                log.error("Telegram refuses the bot's token: set telegram.token anew")
                await asyncio.sleep(30.0)
            except TelegramError as error:
                log.warning("the desk could not reach Telegram; trying again", error=str(error), seconds=wait)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 30.0)
            except Exception:
                log.exception("a loop of the desk failed; it goes on")
                await asyncio.sleep(wait)
                wait = min(wait * 2, 30.0)
