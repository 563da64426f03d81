"""How a call of the Bot API may fail, by the phase it fell into.

Pure. The phase decides what may follow: after `NotWritten` a repeat is safe, after `MaybeDone` nothing tells whether
the call took effect (Telegram has no idempotency keys: tdlib/telegram-bot-api #482, python-telegram-bot #1045). They
are subclasses of python-telegram-bot's own exceptions, which its long polling knows how to wait for. No text of theirs
holds a token.
"""

from __future__ import annotations

from datetime import timedelta

from telegram.error import NetworkError, RetryAfter, TimedOut


class NotWritten(NetworkError):
    """Nothing of the request left this machine: a repeat is safe."""


class MaybeDone(NetworkError):
    """The request was written, wholly or in part, and no answer tells what came of it."""


class NoAnswer(MaybeDone, TimedOut):
    """The time ran out after writing began."""


class OddAnswer(MaybeDone):
    """An answer that is not the Bot API's: HTML, an empty body, JSON of another shape, or a server error."""


class TooLarge(NetworkError):
    """413: the server refused the body for its size, before it looked at it."""


class Throttled(RetryAfter):
    """429 with the wait that Telegram named; `retry_after` is a timedelta."""

    @property
    def retry_after(self) -> timedelta:
        """How long to wait."""
        return self._retry_after
