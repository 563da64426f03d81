"""The connections to the relay: few, kept open, made anew when they are old or broken.

Touches only conversations. Mails wait in one line for all connections: each takes the next one itself when it has room,
so that nothing waits behind a slow connection, and a busy one always has something to pipeline.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from distributor.adapters.email_conversation import Conversation
from distributor.adapters.email_message import Mail
from distributor.adapters.email_smtp import NotOpened
from distributor.adapters.email_transaction import Transaction
from distributor.core.outcome import Deferred, Outcome

_GROW_AFTER = 50  # transactions without a busy signal, then one connection more again
_PAUSE_SECONDS = 1.0  # after a connection could not be opened while others are there


class Pool:
    """At most `most` conversations at once; fewer after the relay asked for it."""

    def __init__(self, open_one: Callable[[], Awaitable[Conversation]], most: int, most_transactions: int) -> None:
        self.limit = most
        self._most = most
        self._most_transactions = most_transactions
        self._open_one = open_one
        self._waiting: deque[Transaction] = deque()
        self._all: set[Conversation] = set()
        self._idle: list[Conversation] = []
        self._leaving: set[Conversation] = set()  # old, or one too many: they take nothing more
        self._opening = 0
        self._open_after = 0.0  # the loop's time
        self._calm = 0
        self._closed = False
        # The loop keeps only a weak hold of its tasks.
        self._opens: set[asyncio.Task[None]] = set()
        self._quits: set[asyncio.Task[None]] = set()

    @property
    def in_use(self) -> int:
        """Conversations with a mail under way."""
        return len(self._all) - len(self._idle)

    async def deliver(self, mail: Mail) -> Outcome:
        """One transaction with one recipient. Raises nothing but a cancellation, which stops it."""
        about = Transaction(mail)
        self._waiting.append(about)
        self._serve()
        try:
            outcome = await about.done
        except asyncio.CancelledError:
            for conversation in list(self._all):
                conversation.abandon(about)
            raise
        if self.limit < self._most:
            self._grow(outcome)
        return outcome

    def take(self, conversation: Conversation) -> Transaction | None:
        """The next mail for a conversation; None where none waits, or the conversation is old or one too many."""
        if conversation.transactions >= self._most_transactions or len(self._all) - len(self._leaving) > self.limit:
            self._leaving.add(conversation)
        if conversation in self._leaving:
            return None
        while self._waiting:
            about = self._waiting.popleft()
            if not about.done.done():  # else it was cancelled while it waited
                return about
        return None

    def rests(self, conversation: Conversation) -> None:
        """Keep it for the next mail, or say good-bye to it."""
        if self._closed or conversation in self._leaving:
            self._do(conversation.quit(), self._quits)
        else:
            self._idle.append(conversation)

    def gone(self, conversation: Conversation) -> None:
        """Forget it. What waits gets another one."""
        self._all.discard(conversation)
        self._leaving.discard(conversation)
        if conversation in self._idle:
            self._idle.remove(conversation)
        if conversation.busy:
            self._shrink()
        self._serve()

    async def aclose(self) -> None:
        """Close what is idle now, and the others when they have answered."""
        self._closed = True
        for task in self._opens:
            task.cancel()
        for conversation in self._idle:
            self._do(conversation.quit(), self._quits)
        self._idle.clear()
        await asyncio.gather(*self._opens, *self._quits, return_exceptions=True)

    def _serve(self) -> None:
        """Wake and open as many conversations as there are mails that wait."""
        for _ in range(min(len(self._waiting), len(self._idle))):
            self._idle.pop().wake()  # the last used: the others grow old, and the relay lets them go
        room = self.limit - len(self._all) - self._opening
        if self._all and asyncio.get_running_loop().time() < self._open_after:
            room = 0
        for _ in range(min(room, len(self._waiting) - self._opening)):
            self._opening += 1
            self._do(self._open(), self._opens)

    async def _open(self) -> None:
        outcome: Outcome = Deferred("connection", "connect: given up")  # the end of the service, or a fault of ours
        try:
            conversation = await self._open_one()
        except NotOpened as problem:
            outcome = problem.outcome
            if problem.busy:
                self._shrink()
            loop = asyncio.get_running_loop()
            self._open_after = loop.time() + _PAUSE_SECONDS
            loop.call_later(_PAUSE_SECONDS, self._serve)
        else:
            self._all.add(conversation)
            conversation.begin(self)
        finally:
            self._opening -= 1
            while self._waiting and not self._all and not self._opening:  # nobody is left to take what waits
                self._waiting.popleft().settle(outcome)

    def _do(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _shrink(self) -> None:
        self.limit, self._calm = max(1, self.limit - 1), 0

    def _grow(self, outcome: Outcome) -> None:
        if isinstance(outcome, Deferred) and outcome.code == "relay_busy":
            return
        self._calm += 1
        if self._calm >= _GROW_AFTER:
            self.limit, self._calm = self.limit + 1, 0
            self._serve()
