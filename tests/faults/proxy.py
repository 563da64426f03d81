"""A wire between a service and a server that a test can hold, cut, or make lose an answer.

Forwards bytes between a port of its own and a server's, on the loopback address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

log = structlog.get_logger(__name__)

Heard = Callable[[bytes], bool]


class CommitLost:
    """PostgreSQL's wire: the first transactions in which a statement is prepared commit, and nobody hears that they
    did. Made anew for each connection by calling it."""

    def __init__(self, statement: str, times: int = 1) -> None:
        self.left = times
        self._statement = statement.encode()

    def __call__(self) -> Heard:
        inside = False

        def heard(said: bytes) -> bool:
            nonlocal inside
            inside = inside or self._statement in said
            if self.left and inside and b"COMMIT" in said:
                self.left -= 1
                return True
            return False

        return heard


class Proxy:
    """Listens while it is entered. `port` 0 chooses one.

    `lose` is called for each connection, and what it returns with all that the client writes: where that answers True,
    the bytes are still brought to the server, but its answer is not brought back: when it comes, both ends are cut.
    """

    def __init__(self, target: int, port: int = 0, lose: Callable[[], Heard] | None = None) -> None:
        self.port = port
        self.lose = lose
        self.lost = 0  # answers
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        while self._open:
            for end in self._open:
                end.transport.abort()
            await asyncio.sleep(0.01)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        ends = {to_client}
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
            ends.add(to_server)
            self._open |= ends
            await self._carry(client, to_client, server, to_server)
        except OSError as gone:
            log.debug("an end of the wire is gone", error=type(gone).__name__)
        finally:
            for end in ends:
                end.transport.abort()
            self._open -= ends

    async def _carry(
        self,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        """Until one end is gone."""
        losing = asyncio.Event()
        heard = self.lose() if self.lose else None

        async def up() -> None:
            while said := await client.read(65536):
                if heard is not None and heard(said):
                    losing.set()
                to_server.write(said)

        async def down() -> None:
            while said := await server.read(65536):
                if losing.is_set():
                    self.lost += 1
                    return
                to_client.write(said)

        ways = [asyncio.create_task(up()), asyncio.create_task(down())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
