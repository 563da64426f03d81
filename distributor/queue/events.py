"""Live news inside one process, and between all of an office (core.ports.Events).

May touch: the Redis server through `queue.link`, for the second form alone. A listener that fails is logged and stays;
news are hints, the database is the truth. Equal ones within `GATHER` seconds are told once, after the last of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from distributor.queue.link import Link

log = structlog.get_logger(__name__)

Heard = Callable[[str, str], Awaitable[None]]
GATHER = 0.02
MOST = 1000  # news that wait, and listeners that run, at once


class LocalEvents:
    """Listeners in this process, each called in a task of its own."""

    def __init__(self) -> None:
        self._listeners: dict[int, tuple[frozenset[str], Heard]] = {}
        self._next = 0
        self._waiting: dict[tuple[str, str], bool] = {}  # → they are ours, to be told to other processes
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    def publish(self, topic: str, subject: str) -> None:
        """See Events.publish."""
        self._gather(topic, subject, ours=True)

    def listen(self, topics: frozenset[str], heard: Heard) -> Callable[[], None]:
        """See Events.listen."""
        self._next += 1
        number = self._next
        self._listeners[number] = (topics, heard)

        def end() -> None:
            self._listeners.pop(number, None)

        return end

    async def aclose(self) -> None:
        """Tell what waits, and let running listeners finish."""
        self._pass_on()
        self._listeners.clear()
        if self._running:
            await asyncio.wait(self._running, timeout=5)

    def _gather(self, topic: str, subject: str, *, ours: bool) -> None:
        news = (topic, subject)
        while len(self._waiting) >= MOST and news not in self._waiting:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            log.warning("too much news at once; the oldest was left out", topic=oldest[0], subject=oldest[1])
        self._waiting[news] = ours or self._waiting.get(news, False)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._pass_on)

    def _pass_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        for (topic, subject), ours in waiting.items():
            if ours:
                self._tell_others(topic, subject)
            for topics, heard in list(self._listeners.values()):
                if topic in topics:
                    self._start(heard, topic, subject)

    def _start(self, heard: Heard, topic: str, subject: str) -> None:
        if len(self._running) >= MOST:
            log.warning("listeners are too slow; a piece of news was left out", topic=topic, subject=subject)
            return
        task = asyncio.get_running_loop().create_task(self._tell(heard, topic, subject))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _tell(self, heard: Heard, topic: str, subject: str) -> None:
        try:
            await heard(topic, subject)
        except Exception:
            log.exception("a listener failed", topic=topic, subject=subject)

    def _tell_others(self, topic: str, subject: str) -> None:
        """Nobody else is there."""


class RedisEvents(LocalEvents):
    """Listeners in every process of the office. Here they hear it directly, elsewhere through Redis; while Redis is
    away the newest news wait for it, so that nothing here waits. The link is its queue's to start and to close: close
    this before the queue."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        link.on("event", self._from_elsewhere)

    def publish(self, topic: str, subject: str) -> None:
        """See Events.publish."""
        self._link.begin()
        super().publish(topic, subject)

    def listen(self, topics: frozenset[str], heard: Heard) -> Callable[[], None]:
        """See Events.listen. Others' news are heard once the link has been started."""
        return super().listen(topics, heard)

    def _tell_others(self, topic: str, subject: str) -> None:
        self._link.tell("event", [topic, subject])

    def _from_elsewhere(self, news: Any) -> None:
        topic, subject = news
        self._gather(str(topic), str(subject), ours=False)
