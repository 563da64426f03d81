"""What this process has in Redis: the lanes as it knows them, its place among the workers, and what it spent.

May touch: Redis, through the link. Keys: `PREFIX:{LANE}:state`; `PREFIX:{LANE}:EPOCH:PART:times` and `…:calls` (a
lane's new epoch begins with new ones, and what was before expires); `PREFIX:roster`.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, Protocol

import structlog

from distributor.core.ports import Window
from distributor.queue.counting import PUT
from distributor.queue.limits import share
from distributor.queue.link import Command, Link
from distributor.queue.memory import MemoryQueue, place_of
from distributor.queue.scripts import JOIN, ROSTER

log = structlog.get_logger(__name__)

GONE = 10.0  # seconds after which a worker without a sign of life counts no more
MISSING = 5  # rounds after which one that is missing makes the others' parts grow
UNKNOWN = 4  # workers, while none was ever seen
ENTRIES, PUTS = 300, 20  # put back with one command; commands sent together


class Send(Protocol):
    """Link.ask or Link.execute."""

    def __call__(self, *commands: Command) -> Awaitable[list[Any]]: ...


class Standing:
    """The epochs of lanes, the roster, and the way to put back our own count."""

    def __init__(self, link: Link, own: MemoryQueue) -> None:
        self._link = link
        self._own = own
        self.names: dict[str, tuple[str, ...]] = {}  # the workers in this process
        self.epochs: dict[str, str] = {}
        self.ahead = 0.0  # seconds of the server's clock before ours; not less, and known with the first epoch
        self._roster: dict[str, tuple[tuple[str, ...], int]] = {}  # worker → lanes, rounds in which it was missing

    async def renew(self, send: Send, *, always: bool = False) -> None:
        """A sign of life; who else is there; whether the lanes are still those that we know."""
        self._see(roster((await send(self.roster_command()))[0]))
        served = (lane for lanes in self.names.values() for lane in lanes)
        await self.join(list(dict.fromkeys([*served, *self.epochs])), send, always=always)

    async def join(self, lanes: Sequence[str], send: Send, *, always: bool = False) -> None:
        """Learn the lanes' epochs, and tell of their rests. Where an epoch is new to us, or `always`, put back what we
        spent in the lane."""
        if not lanes:
            return
        rests = self._own.resting()
        known = {lane: self.epochs.get(lane, "") for lane in lanes}
        asked = _now()
        said = await send(*((JOIN, 1, self.state_key(lane), known[lane], rests.get(lane, 0)) for lane in lanes))
        self.ahead = int(said[-1][1]) / 1e6 - asked
        for lane, epoch in zip(lanes, (answer[0].decode() for answer in said), strict=True):
            if always or known[lane] != epoch:
                puts = list(self._puts(lane, epoch))
                for first in range(0, len(puts), PUTS):
                    await send(*puts[first : first + PUTS])
            if self.epochs.get(lane, epoch) != epoch:
                log.warning("Redis lost a lane's counts; ours are put back", lane=lane)
            self.epochs[lane] = epoch

    def _puts(self, lane: str, epoch: str) -> Iterator[Command]:
        """What tells Redis everything that we spent in a lane and that counts still."""
        now = _now()
        for key, spent in self._own.ledger.counting(now, lambda key: place_of(key)[0] == lane):
            keys = self.keys(lane, place_of(key)[1], epoch)[1:]
            entries = list(spent.entries(now).items())
            for first in range(0, len(entries), ENTRIES):
                words: list[str | int] = []
                for mark, entry in entries[first : first + ENTRIES]:
                    words += (mark, entry.calls, micro(now - entry.at))
                yield (PUT, 2, *keys, life(spent.keep()), *words)

    def _see(self, there: dict[str, tuple[str, ...]]) -> None:
        """Keep who is there. One that is missing is forgotten only after some rounds: after a loss the roster fills
        up again, and meanwhile nobody's part must grow."""
        kept = {worker: (lanes, missing + 1) for worker, (lanes, missing) in self._roster.items()}
        kept |= {worker: (lanes, 0) for worker, lanes in there.items()}
        self._roster = {worker: seen for worker, seen in kept.items() if seen[1] < MISSING}

    def workers(self) -> dict[str, tuple[str, ...]]:
        """Who was there when Redis was last seen."""
        return {worker: lanes for worker, (lanes, _) in self._roster.items()}

    def fair(self, lane: str, windows: Sequence[Window]) -> list[Window]:
        """This worker's part of a lane's windows."""
        serving = sum(1 for lanes, _ in self._roster.values() if lane in lanes) if self._roster else UNKNOWN
        return [share(window, serving) for window in windows]

    def roster_command(self) -> Command:
        """Says that our workers are there, and asks who is."""
        words = (word for worker, lanes in self.names.items() for word in (worker, json.dumps(lanes)))
        return (ROSTER, 1, self._roster_key(), GONE, *words)

    def leave_command(self) -> Command:
        """Says that our workers are gone."""
        return ("HDEL", self._roster_key(), *self.names)

    def _roster_key(self) -> str:
        return f"{self._link.prefix}:roster"

    def state_key(self, lane: str) -> str:
        """Of a lane's epoch, rest and circuit."""
        return f"{self._link.prefix}:{{{lane}}}:state"

    def keys(self, lane: str, part: str, epoch: str = "") -> tuple[str, str, str]:
        """The state, times and calls of a lane or of a part of it; they bear the lane as their hash tag."""
        stem = f"{self._link.prefix}:{{{lane}}}:{epoch or self.epochs[lane]}:{part}"
        return self.state_key(lane), f"{stem}:times", f"{stem}:calls"


def roster(said: Any) -> dict[str, tuple[str, ...]]:
    """Worker → lanes, from what Redis says."""
    words = [word.decode() for word in said]
    return {worker: tuple(json.loads(lanes)) for worker, lanes in zip(words[::2], words[1::2], strict=True)}


def micro(seconds: float) -> int:
    """Seconds in Redis' unit."""
    return round(seconds * 1e6)


def life(seconds: float) -> int:
    """For how many milliseconds Redis keeps what counts for so many seconds."""
    return math.ceil(seconds * 1000) + 1000


def _now() -> float:
    return asyncio.get_running_loop().time()
