"""How bots learn what happened: update queues, long polling, webhooks.

Keeps one queue for each bot. Sends over HTTP only to a webhook that the bot itself has set. An update stays queued
until it is confirmed (by a higher offset, or by the webhook's 2xx), as the Bot API promises.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from distributor.sandbox.effects import Record, Signal
from distributor.sandbox.telegram_errors import Refused, bad_request
from distributor.sandbox.telegram_world import JSON, BotAccount

NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
WEBHOOK_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass
class Queue:
    """The updates of one bot and its way to get them."""

    pending: list[JSON] = field(default_factory=list)
    again: list[JSON] = field(default_factory=list)
    past: dict[int, JSON] = field(default_factory=dict)
    allowed: list[str] | None = None
    url: str = ""
    secret: str = ""
    max_connections: int = 40
    last_error: tuple[int, str] | None = None
    poll: int = 0
    last_offset: int | None = None
    last_asked: float = -math.inf
    news: Signal = field(default_factory=Signal)

    def wants(self, kind: str) -> bool:
        """Whether the bot asked for updates of this kind (an empty list means the default)."""
        return kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT


class Updates:
    """The queues of all bots."""

    def __init__(self, record: Record, bots: dict[int, BotAccount], *, limits: bool = False) -> None:
        self.record = record
        self.limits = limits
        self.queues = {bot_id: Queue() for bot_id in bots}
        self._couriers: dict[int, asyncio.Task[None]] = {}
        self._next_id = 100_000

    def push(self, bot: BotAccount, kind: str, content: JSON) -> int | None:
        """Queues an update for `bot`; None when the bot does not want this kind."""
        queue = self.queues[bot.id]
        if not queue.wants(kind):
            return None
        self._next_id += 1
        update = {"update_id": self._next_id, kind: content}
        queue.pending.append(update)
        queue.past[self._next_id] = update
        queue.news.fire()
        return self._next_id

    def redeliver(self, update_id: int) -> None:
        """Delivers an update once more, whatever was confirmed. KeyError when it never existed."""
        for queue in self.queues.values():
            if update_id in queue.past:
                queue.again.append(queue.past[update_id])
                queue.news.fire()
                return
        raise KeyError(update_id)

    async def poll(
        self, bot: BotAccount, offset: int, limit: int, seconds: float, allowed: list[str] | None
    ) -> list[JSON]:
        """getUpdates. A second poll of the same bot ends the first with 409, as the server does."""
        queue = self.queues[bot.id]
        if queue.url:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; "
                               "use deleteWebhook to delete the webhook first")  # fmt: skip
        if allowed is not None:
            queue.allowed = allowed
        if self.limits:
            limit, seconds = self._throttled(queue, offset, limit, seconds)
        queue.poll += 1
        mine = queue.poll
        queue.news.fire()
        self._confirm(queue, offset)
        deadline = asyncio.get_running_loop().time() + seconds
        while not (queue.pending or queue.again):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or self.record.stopping.is_set():
                return []
            await queue.news.wait(left)
            if queue.poll != mine:
                raise Refused(409, "Conflict: terminated by other getUpdates request; "
                                   "make sure that only one bot instance is running")  # fmt: skip
        repeated, queue.again = queue.again, []
        return (repeated + queue.pending)[: max(1, min(limit, 100))]

    @staticmethod
    def _throttled(queue: Queue, offset: int, limit: int, seconds: float) -> tuple[int, float]:
        """Limit and wait for who asks the same again too soon: one update only within half a second, and a wait of
        three seconds where there is none (tdlib/telegram-bot-api, Client.cpp, process_get_updates_query)."""
        now = asyncio.get_running_loop().time()
        since = now - queue.last_asked if offset == queue.last_offset else math.inf
        queue.last_offset, queue.last_asked = offset, now
        return (1 if since < 0.5 else limit), (max(seconds, 3.0) if since < 3 else seconds)

    @staticmethod
    def _confirm(queue: Queue, offset: int) -> None:
        if offset < 0:
            queue.pending = queue.pending[offset:]
        elif offset > 0:
            queue.pending = [update for update in queue.pending if update["update_id"] >= offset]

    def set_webhook(self, bot: BotAccount, url: str, secret: str, allowed: list[str] | None, drop: bool) -> None:
        """Sets or (with an empty url) removes the webhook. Plain http is accepted here, unlike the real server."""
        queue = self.queues[bot.id]
        if url and not re.match(r"https?://[^/\s]+", url):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise bad_request("secret token contains unallowed characters")
        queue.url, queue.secret, queue.last_error = url, secret, None
        if allowed is not None:
            queue.allowed = allowed
        if drop:
            queue.pending.clear()
        courier = self._couriers.pop(bot.id, None)
        if courier is not None:
            courier.cancel()
        if url:
            self._couriers[bot.id] = asyncio.create_task(self._carry(queue))

    def webhook_info(self, bot: BotAccount) -> JSON:
        """The Bot API's WebhookInfo."""
        queue = self.queues[bot.id]
        info: JSON = {"url": queue.url, "has_custom_certificate": False, "pending_update_count": len(queue.pending)}
        if queue.url:
            info["max_connections"] = queue.max_connections
        if queue.allowed:
            info["allowed_updates"] = queue.allowed
        if queue.last_error:
            info |= {"last_error_date": queue.last_error[0], "last_error_message": queue.last_error[1]}
        return info

    async def _carry(self, queue: Queue) -> None:
        """Posts updates one after the other; after a failure waits a little and posts the same one again."""
        async with aiohttp.ClientSession(timeout=WEBHOOK_TIMEOUT) as session:
            while not self.record.stopping.is_set():
                waiting = queue.again or queue.pending
                if not waiting:
                    await queue.news.wait(60)
                    continue
                update = waiting[0]
                if await self._post(session, queue, update):
                    if waiting and waiting[0] is update:  # it may have been dropped meanwhile
                        waiting.pop(0)
                else:
                    await self.record.pause(0.2)

    async def _post(self, session: aiohttp.ClientSession, queue: Queue, update: dict[str, Any]) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": queue.secret} if queue.secret else {}
        try:
            async with session.post(queue.url, json=update, headers=headers) as answer:
                if answer.status < 300:
                    return True
                error = f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except (aiohttp.ClientError, TimeoutError):
            error = "Connection refused or timed out"
        queue.last_error = (int(self.record.clock()), error)
        return False

    async def stop(self) -> None:
        """Ends the couriers and wakes every waiting poll."""
        for queue in self.queues.values():
            queue.news.fire()
        for courier in self._couriers.values():
            courier.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await courier
        self._couriers.clear()
