"""Live news inside one process (core.ports.Events).

Touches nothing outside. A listener that fails is logged and stays; news are hints, the database is the truth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

Heard = Callable[[str, str], Awaitable[None]]


class LocalEvents:
    """Listeners in this process, each called in a task of its own."""

    def __init__(self) -> None:
        self._listeners: dict[int, tuple[frozenset[str], Heard]] = {}
        self._next = 0
        self._running: set[asyncio.Task[None]] = set()

    def publish(self, topic: str, subject: str) -> None:
        """See Events.publish."""
        for topics, heard in list(self._listeners.values()):
            if topic in topics:
                task = asyncio.get_running_loop().create_task(self._tell(heard, topic, subject))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    def listen(self, topics: frozenset[str], heard: Heard) -> Callable[[], None]:
        """See Events.listen."""
        self._next += 1
        number = self._next
        self._listeners[number] = (topics, heard)

        def end() -> None:
            self._listeners.pop(number, None)

        return end

    async def _tell(self, heard: Heard, topic: str, subject: str) -> None:
        try:
            await heard(topic, subject)
        except Exception:
            log.exception("a listener failed", topic=topic, subject=subject)

    async def aclose(self) -> None:
        """Let running listeners finish."""
        self._listeners.clear()
        if self._running:
            await asyncio.wait(self._running, timeout=5)
