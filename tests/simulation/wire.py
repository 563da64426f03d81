"""The wire between a simulated process and the simulated Redis: its link, and the line on which it hears news.

Touches nothing outside of the run. A command may be lost on its way, or its answer on the way back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisGone

from distributor.queue.line import Line
from distributor.queue.link import Command, Link
from tests.simulation.chance import stream
from tests.simulation.process import Holder
from tests.simulation.queue import SimulatedRedis

_WAY = 0.0015  # a command's way there, and back, at the most; seconds
_FOR_EVER = 3600.0  # nobody is that patient
_AGAIN = 0.5  # seconds until a broken line is tried again


class SimulatedLine(Line):
    """The subscription of one process. After a break it says that it may have missed something."""

    def __init__(
        self, server: SimulatedRedis, name: str, heard: Callable[[bytes], None], again: Callable[[], None]
    ) -> None:
        self.subscribed = asyncio.Event()
        self._server = server
        self._name = name
        self._heard = heard
        self._again = again
        self._inbox: deque[bytes] = deque()
        self._stirred = asyncio.Event()
        self._broken = False

    def push(self, raw: bytes) -> None:
        """Something was published; it is read when the process runs."""
        self._inbox.append(raw)
        self._stirred.set()

    def snap(self) -> None:
        """The server closed the connection."""
        self._broken = True
        self._stirred.set()

    async def run(self) -> None:
        """See Line.run."""
        first = True
        while True:
            if self._server.here:
                self._broken = False
                self._server.attach(self._name, self)
                self.subscribed.set()
                if not first:
                    self._again()
                await self._hear()
                self._inbox.clear()
            first = False
            await asyncio.sleep(_AGAIN)

    async def _hear(self) -> None:
        while not self._broken:
            self._stirred.clear()
            while self._inbox:
                self._heard(self._inbox.popleft())
            await self._stirred.wait()


class SimulatedLink(Link):
    """The service's own link on a wire of the simulation's."""

    def __init__(self, server: SimulatedRedis, holder: Holder) -> None:
        super().__init__("redis://simulated.invalid")
        self.token = holder.unique.replace(" ", "-")
        self._server = server
        self._chance = stream(holder.world.seed, f"wire of {holder.unique}")
        self._line = SimulatedLine(server, self.token, self._read, lambda: self._hear("again", None))
        holder.on_death(lambda: server.detach(self.token))

    async def _send(self, commands: Sequence[Command], whole: bool = False) -> list[Any]:
        await self._way()
        answers = [self._server.execute(command) for command in commands]
        await self._way()  # the answer may be lost, and what was asked stands all the same
        return answers

    async def _way(self) -> None:
        await asyncio.sleep(self._chance.uniform(0, _WAY))
        if not self._server.here:
            if self._server.hangs:
                await asyncio.sleep(_FOR_EVER)
            raise RedisGone("connection refused")
