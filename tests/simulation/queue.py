"""A Redis of the simulation's own, shared by all processes of a run; it may be emptied, hang, or be gone.

Touches nothing outside of the run. The queue over it is the service's own (`queue.redis`, `queue.link`, on `wire`);
here is the server. It answers the commands that the queue sends, with the arithmetic of `queue.limits` and
`queue.circuit`, of which the scripts in Redis are a translation (`queue.counting`, `queue.scripts`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from distributor.core.ports import Window
from distributor.queue.circuit import Health
from distributor.queue.counting import BEGAN, PUT, REFUND, TAKE
from distributor.queue.limits import MOST_SLACK, SLACK, Spent, length
from distributor.queue.link import Command
from distributor.queue.scripts import FAILED, HEALED, JOIN, ROSTER
from tests.simulation.process import World


class Subscriber(Protocol):
    """Who hears what is published."""

    def push(self, raw: bytes) -> None:
        """Something was published."""

    def snap(self) -> None:
        """The connection is broken."""


@dataclass(slots=True)
class _State:
    """What a lane's hash holds."""

    epoch: str
    lost: float = float("-inf")
    health: Health = field(default_factory=Health)


class SimulatedRedis:
    """The server. `hangs`: while it is gone it answers nothing, instead of refusing."""

    def __init__(self, world: World) -> None:
        self.here = True
        self.hangs = False
        self.troubles: list[tuple[float, float]] = []  # from, until; a flush is a trouble without length
        self._loop = world.loop
        self._lines: dict[str, Subscriber] = {}
        self._empty()

    def _empty(self) -> None:
        self._lanes: dict[str, _State] = {}
        self._spent: dict[str, Spent] = {}
        self._marks: dict[str, dict[str, tuple[float, int]]] = {}  # what `_spent` is made of: mark → at, calls
        self._roster: dict[str, tuple[float, str]] = {}

    def flush(self) -> None:
        """FLUSHALL: lines stay."""
        self._empty()
        self.troubles.append((self._loop.time(), self._loop.time()))

    def leave(self, *, hangs: bool) -> None:
        """Gone; every line breaks."""
        self.here, self.hangs = False, hangs
        self.troubles.append((self._loop.time(), math.inf))
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.snap()

    def come(self, *, empty: bool) -> None:
        """There again, with what it knew or without."""
        if self.here:
            return
        self.here = True
        self.troubles[-1] = (self.troubles[-1][0], self._loop.time())
        if empty:
            self._empty()

    def attach(self, name: str, line: Subscriber) -> None:
        """A subscriber."""
        self._lines[name] = line

    def detach(self, name: str) -> None:
        """A subscriber is gone."""
        self._lines.pop(name, None)

    def execute(self, command: Command) -> Any:
        """The answer to one command, as redis gives it."""
        what, *words = command
        if what == "SET":
            return b"OK"
        if what == "PUBLISH":
            for line in self._lines.values():
                line.push(str(words[1]).encode())
            return len(self._lines)
        if what == "HDEL":
            return sum(self._roster.pop(str(name), None) is not None for name in words[1:])
        doers: dict[Any, Callable[..., Any]] = {
            TAKE: self._take,
            REFUND: self._refund,
            BEGAN: self._put,
            PUT: self._put,
            JOIN: self._join,
            ROSTER: self._see,
            FAILED: lambda key: math.ceil(self._state(key).health.failed(self._loop.time()) * 1e6),
            HEALED: lambda key: int(self._state(key).health.healed()),
        }
        return doers[what](*words[1:])  # after the number of keys

    def _state(self, key: str) -> _State:
        return self._lanes.setdefault(key, _State(""))

    def _join(self, key: str, known: str, rest: float) -> list[bytes]:
        now = self._loop.time()
        state = self._state(key)
        state.epoch = state.epoch or str(self._loop.micros)
        if known and known != state.epoch and state.lost < 0:
            state.lost = now
        if rest > 0:
            state.health.rest(float(rest), now)
        return [state.epoch.encode(), str(self._loop.micros).encode()]

    def _take(
        self,
        key: str,
        times: str,
        _calls: str,
        epoch: str,
        mark: str,
        most: int,
        least: int,
        whole: int,
        grace: float,
        deadline: int,
        *words: int,
    ) -> list[Any]:
        now, state = self._loop.time(), self._lanes.get(key)

        def answer(what: bytes, given: int, wait: float) -> list[Any]:
            failures = state.health.failures if state else 0
            return [what, given, math.ceil(wait * 1e6), failures, str(self._loop.micros).encode()]

        if self._loop.micros > deadline:
            return answer(b"late", 0, 0)
        if state is None or state.epoch != epoch:
            return answer(b"lost", 0, 0)
        windows = [_window(words[place], words[place + 1]) for place in range(0, len(words), 5)]
        settled = state.lost + min(grace, max(map(length, windows), default=0.0))
        if windows and now < settled:
            return answer(b"settling", 0, settled - now)
        wait = state.health.obstacle(now) if whole else 0.0
        if wait > 0:
            return answer(b"rest" if state.health.rest_until > now else b"open", 0, wait)
        probing = bool(whole) and state.health.broken
        most = least if probing else most
        spent = self._spent.setdefault(times, Spent())
        given, wait = spent.room(windows, now, most, least) if windows else (most, 0.0)
        if not given:
            return answer(b"full", 0, wait)
        if windows:
            spent.spend(mark, given, now)
            self._marks.setdefault(times, {})[mark] = (now, given)
        if probing:
            state.health.probes(mark, now)
        return answer(b"given", given, 0)

    def _refund(self, key: str, times: str, _calls: str, mark: str, calls: int, whole: int) -> int:
        if whole:
            self._state(key).health.unused(mark)
        at, had = self._marks.get(times, {}).get(mark, (0.0, 0))
        if had:
            self._marks[times][mark] = (at, had - min(calls, had))
            self._spent[times].refund(mark, calls)
        return min(calls, had)

    def _put(self, times: str, _calls: str, _life: int, *words: Any) -> int:
        """The counts hold what was spent in the order of time, so they are made anew."""
        now, marks = self._loop.time(), self._marks.setdefault(times, {})
        for place in range(0, len(words), 3):
            mark, calls, age = words[place : place + 3]
            marks[mark] = (now - age / 1e6, calls)
        self._spent[times] = spent = Spent()
        for mark, (at, calls) in sorted(marks.items(), key=lambda item: item[1]):
            spent.spend(mark, calls, at)
        return 1

    def _see(self, _key: str, gone: float, *words: str) -> list[bytes]:
        now = self._loop.time()
        for worker, lanes in zip(words[::2], words[1::2], strict=True):
            self._roster[worker] = (now, lanes)
        self._roster = {worker: seen for worker, seen in self._roster.items() if now - seen[0] <= gone}
        return [word.encode() for worker, (_, lanes) in self._roster.items() for word in (worker, lanes)]


def _window(count: int, micros: int) -> Window:
    """The window whose length, with its slack, was sent."""
    long = micros / 1e6
    seconds = long / (1 + SLACK)
    return Window(count, round(seconds if seconds * SLACK <= MOST_SLACK else long - MOST_SLACK, 6))
