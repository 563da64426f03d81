"""The connections to the relay: few, kept open, made anew when they are old or broken.

Touches only conversations. Never hands one to two deliveries at once, and never one whose state is not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from distributor.adapters.email_smtp import Conversation, NotOpened

_SURE_SECONDS = 5.0  # a connection used so lately is taken to be alive
_GROW_AFTER = 50  # transactions without a busy signal, then one connection more again


class Pool:
    """At most `most` conversations at once; fewer after the relay asked for it."""

    def __init__(self, open_one: Callable[[], Awaitable[Conversation]], most: int, most_transactions: int) -> None:
        self.limit = most
        self._most = most
        self._most_transactions = most_transactions
        self._open_one = open_one
        self._idle: list[Conversation] = []
        self._in_use = 0
        self._calm = 0
        self._turn = asyncio.Condition()
        self._closed = False

    @asynccontextmanager
    async def conversation(self) -> AsyncIterator[Conversation]:
        """A conversation for one transaction. Raises NotOpened."""
        async with self._turn:
            await self._turn.wait_for(lambda: self._in_use < self.limit)
            self._in_use += 1
        try:
            talk = await self._ready()
            try:
                yield talk
            finally:
                await self._back(talk)
        finally:
            async with self._turn:
                self._in_use -= 1
                self._turn.notify()

    async def _ready(self) -> Conversation:
        while self._idle:
            talk = self._idle.pop()  # the last used: the others grow old, and the relay lets them go
            sure = talk.clean and talk.idle_seconds < _SURE_SECONDS
            if talk.usable and (sure or await talk.reset()):
                return talk
        try:
            return await self._open_one()
        except NotOpened as problem:
            if problem.busy:
                self._shrink()
            raise

    def _shrink(self) -> None:
        self.limit, self._calm = max(1, self.limit - 1), 0

    async def _back(self, talk: Conversation) -> None:
        if talk.busy_signal:
            self._shrink()
        elif self.limit < self._most:
            self._calm += 1
            if self._calm >= _GROW_AFTER:
                self.limit, self._calm = self.limit + 1, 0
                async with self._turn:
                    self._turn.notify()
        if not talk.usable:
            return
        if self._closed or talk.transactions >= self._most_transactions or len(self._idle) >= self.limit:
            await talk.close()
        else:
            self._idle.append(talk)

    async def aclose(self) -> None:
        """Close what is idle now, and the others when they are given back."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(talk.close() for talk in idle))
