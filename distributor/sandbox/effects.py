"""What happened: effects that the outside can see, calls that came in, and a signal for those who wait.

Pure record keeping in memory. Touches nothing outside, never forgets and never merges two effects into one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Effect:
    """One externally visible effect: a message, post, edit, deletion or mail."""

    platform: str
    kind: str
    at: datetime
    details: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.details[name]


@dataclass(frozen=True)
class Call:
    """One call that reached a platform, whatever came of it. `details` never holds a token."""

    platform: str
    method: str
    at: datetime
    details: dict[str, Any] = field(default_factory=dict)


class Signal:
    """Wakes everyone who waits for something to change; drives `wait_for`, long polling and the live page."""

    def __init__(self) -> None:
        self.version = 0
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Something changed."""
        self.version += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """True after the next change, False when `seconds` pass without one."""
        try:
            await asyncio.wait_for(self._event.wait(), max(seconds, 0))
        except TimeoutError:
            return False
        return True


class Record:
    """Effects and calls in order, the clock, and the signal that goes with them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.effects: list[Effect] = []
        self.calls: list[Call] = []
        self.changed = Signal()
        self.stopping = asyncio.Event()
        self._ids = 0

    def now(self) -> datetime:
        """The sandbox's time, UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def number(self) -> int:
        """The next number: ids are plain and rise, so that tests can read them."""
        self._ids += 1
        return self._ids

    def effect(self, platform: str, kind: str, **details: Any) -> Effect:
        """Notes an effect and wakes those who wait."""
        effect = Effect(platform, kind, self.now(), details)
        self.effects.append(effect)
        self.changed.fire()
        return effect

    def call(self, platform: str, method: str, **details: Any) -> None:
        """Notes that a call came in."""
        self.calls.append(Call(platform, method, self.now(), details))

    async def pause(self, seconds: float) -> None:
        """Waits, but no longer than the sandbox runs."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return
