"""Telegram's rates: one message a second in a chat, twenty a minute in a group or channel, thirty a second overall.

Source: Bots FAQ, "My bot is hitting limits". An album counts as its items. Remembers times only; asks the clock it
was given.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Window:
    """At most `count` in any `seconds`."""

    count: int
    seconds: float
    times: deque[float] = field(default_factory=deque)

    def wait(self, now: float, items: int) -> float:
        """Seconds until `items` more fit; 0 when they fit now. More than fit at all wait for an empty window."""
        while self.times and self.times[0] <= now - self.seconds:
            self.times.popleft()
        over = len(self.times) + min(items, self.count) - self.count
        return 0.0 if over <= 0 else self.times[over - 1] + self.seconds - now

    def take(self, now: float, items: int) -> None:
        """Counts `items`."""
        self.times.extend([now] * items)


@dataclass
class Bucket:
    """One a second, and up to `burst` at once after a silence. An album may overdraw; the debt is waited for."""

    burst: float
    left: float
    at: float

    def wait(self, now: float, items: int) -> float:
        """Seconds until `items` more fit; 0 when they fit now."""
        self.left, self.at = min(self.burst, self.left + now - self.at), now
        return max(0.0, min(float(items), self.burst) - self.left)

    def take(self, now: float, items: int) -> None:
        """Counts `items`."""
        self.left -= items


class Rates:
    """The limits of one bot. `burst` messages may follow one another in a chat before one a second holds."""

    def __init__(self, clock: Callable[[], float], burst: int = 3) -> None:
        self._clock = clock
        self._burst = float(burst)
        self._overall = Window(30, 1.0)
        self._chats: dict[int, Bucket] = {}
        self._groups: dict[int, Window] = {}

    def retry_after(self, chat_id: int, items: int, *, group: bool) -> int:
        """0 and the message counted, or the seconds to wait (rounded up) and nothing counted."""
        now = self._clock()
        limits: list[Window | Bucket] = [self._overall]
        limits.append(self._chats.setdefault(chat_id, Bucket(self._burst, self._burst, now)))
        if group:
            limits.append(self._groups.setdefault(chat_id, Window(20, 60.0)))
        wait = max(limit.wait(now, items) for limit in limits)
        if wait > 0:
            return max(1, math.ceil(wait))
        for limit in limits:
            limit.take(now, items)
        return 0
