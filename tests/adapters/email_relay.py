"""A relay whose every byte the test decides: what no well-behaved server can be asked to do.

Real TCP on the loopback address. The sandbox's relay serves everything that a relay may properly do or refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OFFERED = ("250-relay", "250-SIZE 10000000", "250-SMTPUTF8", "250 PIPELINING")
ONE_BY_ONE = ("250-relay", "250 SMTPUTF8")


@dataclass
class Talk:
    """The relay's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def greet(self, offered: tuple[str, ...] = OFFERED) -> None:
        """Greeting and EHLO."""
        self.say("220 relay")
        assert (await self.until(b"\r\n")).startswith(b"EHLO ")
        self.say(*offered)

    def say(self, *lines: str) -> None:
        """Answers, in one write."""
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def until(self, mark: bytes) -> bytes:
        """What comes up to and with the mark."""
        return await asyncio.wait_for(self.reader.readuntil(mark), 5)

    async def envelope(self) -> bytes:
        """The commands up to and with DATA."""
        return await self.until(b"DATA\r\n")

    async def content(self) -> bytes:
        """Everything after 354 up to and with the final dot."""
        first = await self.until(b"\n")
        return first if first == b".\r\n" else first + await self.until(b"\r\n.\r\n")

    async def taken(self, *answers: str) -> bytes:
        """Takes one mail, its commands in a group; 250 to the dot. Gives the commands."""
        commands = await self.envelope()
        self.say(*(answers or ("250 ok", "250 ok", "354 go on")))
        await self.content()
        self.say("250 queued")
        return commands

    async def quiet(self, seconds: float = 0.05) -> bool:
        """Whether nothing comes for so long."""
        try:
            return await asyncio.wait_for(self.reader.read(1), seconds) is None
        except TimeoutError:
            return True

    def hang_up(self) -> None:
        """No good-bye."""
        self.writer.transport.abort()


Play = Callable[[Talk], Awaitable[None]]


@dataclass
class Relay:
    """Listens. The first connection gets the first play, and so on; the last play serves all that follow."""

    plays: tuple[Play, ...]
    port: int = 0
    connections: int = 0
    errors: list[BaseException] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        play = self.plays[min(self.connections, len(self.plays) - 1)]
        self.connections += 1
        task = asyncio.create_task(self.play(play, Talk(reader, writer)))
        self.tasks.add(task)
        try:
            await asyncio.wait({task})
        finally:
            writer.close()

    async def play(self, play: Play, talk: Talk) -> None:
        """One play, a good-bye, and the end of the connection."""
        try:
            await play(talk)
            while data := await talk.reader.read(1 << 16):
                if data.endswith(b"QUIT\r\n"):
                    talk.say("221 bye")
        except ConnectionError:
            pass  # the other side was quicker
        except Exception as error:
            self.errors.append(error)


@asynccontextmanager
async def relay(*plays: Play) -> AsyncIterator[Relay]:
    """A relay for one test. What goes wrong within a play fails the test."""
    made = Relay(plays)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=1 << 24)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    for task in made.tasks:
        task.cancel()  # its connection is of no interest any more
    await asyncio.gather(*made.tasks, return_exceptions=True)
    assert made.errors == [], made.errors
