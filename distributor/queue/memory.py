"""The queue's embedded form: wake-ups, quotas and circuits of the workers in this process.

Touches nothing outside, holds nothing that the database does not know. All its times are the event loop's, so that a
simulation may run it under a clock of its own. After a restart the windows are empty: see `queue.redis` for what
outlives a process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from distributor.core.ports import Grant, Window
from distributor.queue.circuit import Health
from distributor.queue.limits import Ledger

log = structlog.get_logger(__name__)


class MemoryQueue:
    """core.ports.Queue in this process. `token` begins every mark, for who mixes them with others'."""

    def __init__(self, token: str = "") -> None:
        self.ledger = Ledger()
        self._health: dict[str, Health] = {}
        self._token = token
        self._marks = 0
        self._listeners: dict[int, Callable[[str], None]] = {}
        self._listened = 0
        self._workers: dict[str, tuple[str, ...]] = {}

    async def start(self, worker: str, lanes: Sequence[str]) -> None:
        """See Queue.start."""
        self._workers[worker] = tuple(lanes)

    async def wake(self, lane: str = "") -> None:
        """See Queue.wake."""
        self.tell(lane)

    def tell(self, lane: str) -> None:
        """Call every listener now."""
        for woken in list(self._listeners.values()):
            try:
                woken(lane)
            except Exception:
                log.exception("a listener to wake-ups failed", lane=lane)

    def listen(self, woken: Callable[[str], None]) -> Callable[[], None]:
        """See Queue.listen."""
        self._listened += 1
        number = self._listened
        self._listeners[number] = woken

        def end() -> None:
            self._listeners.pop(number, None)

        return end

    async def take(self, lane: str, windows: Sequence[Window], most: int, least: int = 1, part: str = "") -> Grant:
        """See Queue.take."""
        now = _now()
        key = key_of(lane, part)
        health = self.health(lane)
        wait = 0.0 if part else health.obstacle(now)
        if wait > 0:
            return Grant(key, 0, wait, at=now)
        probing = health.broken and not part
        most = least if probing else max(most, least)
        calls, wait = most, 0.0
        spent = self.ledger.of(key, now) if windows else None
        if spent is not None:
            calls, wait = spent.room(windows, now, most, least)
        if not calls:
            return Grant(key, 0, wait, at=now)
        mark = self.mark()
        if spent is not None:
            spent.spend(mark, calls, now)
        if probing:
            health.probes(mark, now)
        return Grant(key, calls, 0.0, mark, now)

    async def refund(self, grant: Grant, calls: int) -> None:
        """See Queue.refund."""
        self.give_back(grant, calls)

    def give_back(self, grant: Grant, calls: int) -> None:
        """The same, at once."""
        spent = self.ledger.find(grant.key)
        if spent is not None:
            spent.refund(grant.mark, calls)
        lane, part = place_of(grant.key)
        if calls >= grant.calls and grant.mark and not part:
            self.health(lane).unused(grant.mark)

    def began(self, grant: Grant) -> None:
        """See Queue.began."""
        spent = self.ledger.find(grant.key)
        if spent is not None:
            spent.began(grant.mark, grant.calls, _now())

    async def rest(self, lane: str, seconds: float) -> None:
        """See Queue.rest."""
        self.health(lane).rest(seconds, _now())

    async def failed(self, lane: str) -> float:
        """See Queue.failed."""
        return self.health(lane).failed(_now())

    async def healed(self, lane: str) -> None:
        """See Queue.healed. Who waits for the circuit is woken."""
        if self.health(lane).healed():
            self.tell(lane)

    async def workers(self) -> dict[str, tuple[str, ...]]:
        """See Queue.workers."""
        return dict(self._workers)

    async def aclose(self) -> None:
        """See Queue.aclose."""
        self._workers.clear()
        self._listeners.clear()

    def health(self, lane: str) -> Health:
        """A lane's rest and circuit."""
        return self._health.setdefault(lane, Health())

    def resting(self) -> dict[str, float]:
        """The lanes that rest, with the seconds left."""
        now = _now()
        return {lane: kept.rest_until - now for lane, kept in self._health.items() if kept.rest_until > now}

    def mark(self) -> str:
        """A name for one grant."""
        self._marks += 1
        return f"{self._token}{self._marks}"


def key_of(lane: str, part: str) -> str:
    """The name of what is counted together: a lane, or one destination in it."""
    return f"{lane}/{part}"


def place_of(key: str) -> tuple[str, str]:
    """The lane and the part that a key names."""
    lane, _, part = key.partition("/")
    return lane, part


def _now() -> float:
    return asyncio.get_running_loop().time()
