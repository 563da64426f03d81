"""The connection under a conversation: bytes out, replies in, a time-out for what is awaited, one end.

Touches one connection. Knows nothing of mails: `Conversation`, its only heir, decides what is written and what a reply
means. Our own protocol, because the library's drops what arrives while nothing is awaited, and hides how much of what
was written is still here when a connection is lost.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from distributor.adapters.email_replies import Replies, Reply

_FARE_WELL_SECONDS = 2.0


class Line(asyncio.Protocol, ABC):
    """Takes over a transport that is connected. `least_wait`: no wait is ever shorter, seconds."""

    def __init__(self, transport: asyncio.WriteTransport, least_wait: float) -> None:
        self.closed = False
        self.paused = False  # something is left to write
        self._transport = transport
        self._least_wait = least_wait
        self._loop = asyncio.get_running_loop()
        self._replies = Replies()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._quitting = False
        self._over = asyncio.Event()
        # At a high mark of 0 the transport says at once when something could not be written, and when all was.
        transport.set_write_buffer_limits(high=0)
        transport.set_protocol(self)

    # For the heir to fill

    @abstractmethod
    def heard(self, reply: Reply) -> None:
        """A whole reply came."""

    @abstractmethod
    def heard_all(self) -> None:
        """After one or more replies: there is no further whole one."""

    @abstractmethod
    def written(self) -> None:
        """What was left to write has left this process."""

    @abstractmethod
    def lost(self, reason: str) -> None:
        """The connection is over, once, for whatever reason."""

    # For the heir to use

    @property
    def pending(self) -> bool:
        """True where bytes have come that were not heard yet."""
        return self._replies.pending

    @property
    def broken(self) -> bool:
        """True where nothing can be written any more, which may be known before the end is told."""
        return self.closed or self._transport.is_closing()

    @property
    def idle_seconds(self) -> float:
        """Since the last reply."""
        return self._loop.time() - self._heard_at

    def write(self, data: bytes) -> None:
        """Hand over to the transport. `paused` tells whether something of it is left."""
        self._transport.write(data)

    def wait(self, seconds: float | None) -> None:
        """From now on so long for the next reply or for the rest of what is written; None: nothing is awaited."""
        self._deadline = None if seconds is None else self._loop.time() + seconds
        if self._timer is None and self._deadline is not None:
            self._set_timer(self._deadline)

    def close(self, reason: str) -> None:
        """End it at once. Without the final dot the relay forgets what it got."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()
        self._over.set()
        self.lost(reason)

    async def quit(self) -> None:
        """Say good-bye, without waiting long for the answer."""
        if self.broken:
            self.close("closed by us")
            return
        self._quitting = True
        self.write(b"QUIT\r\n")
        timer = self._loop.call_later(_FARE_WELL_SECONDS, self.close, "closed by us")
        try:
            await self._over.wait()
        finally:
            timer.cancel()
            self.close("closed by us")

    # What the loop tells

    def data_received(self, data: bytes) -> None:
        """Replies, or parts of them."""
        if self._quitting:
            self.close("closed by us")
            return
        self._replies.feed(data)
        any_heard = False
        while not self.closed and (reply := self._replies.next()) is not None:
            any_heard = True
            self.heard(reply)
        if any_heard and not self.closed:
            self._heard_at = self._loop.time()
            self.heard_all()

    def eof_received(self) -> bool:
        """The relay says no more."""
        self.close("the relay hung up")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self.close(str(error or "") or "the connection was lost")

    def pause_writing(self) -> None:
        """Something is left to write."""
        self.paused = True

    def resume_writing(self) -> None:
        """Nothing is left to write."""
        self.paused = False
        if not self.closed:
            self.written()

    # One timer for each connection and not one for each reply: it never fires after the deadline that is set when it
    # fires, for it is set no further than the shortest wait there is.

    def _set_timer(self, deadline: float) -> None:
        self._timer = self._loop.call_at(min(deadline, self._loop.time() + self._least_wait), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() >= self._deadline:
            self.close("no answer came in time")
        else:
            self._set_timer(self._deadline)
