"""How much of a quota is left: sliding windows, over what was spent.

Pure; the caller gives the time (monotonic seconds). A sliding window and not a bucket alone: a bucket lets twice its
size pass around a refill, which the platforms answer with 429. The Redis form does the same arithmetic in
`queue.scripts` and keeps its own share of the count here.

An entry is one grant, not one call: a window of 10,000 calls a day holds 10,000 entries at the very most.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from distributor.core.ports import Window

SLACK, MOST_SLACK = 0.01, 0.5  # of a window's length: 99 % of a quota can be used; seconds
SMOOTH_SECONDS, SMOOTH_COUNT = 2.0, 10  # windows so short and so large are taken in tenths
LEAST_WAIT = 0.001
_TINY = 1e-9  # what rounding may take away from a sum of seconds
_SWEEP = 1024  # new keys after which those that count no more are dropped


def slack(seconds: float) -> float:
    """What a window is longer here than at the platform, seconds: calls do not arrive as evenly as they leave."""
    return min(seconds * SLACK, MOST_SLACK)


def length(window: Window) -> float:
    """For how many seconds a call counts."""
    return window.seconds + slack(window.seconds)


@dataclass(frozen=True, slots=True)
class Pace:
    """The derived limit that keeps a saturated lane from spending its window in one burst and then resting.

    At most `size` calls at once, each comes back after `each` seconds. Who asks for many gets `step` or none, so that
    leases stay large where several workers ask. The window itself holds the quota: a pace may be late or generous.
    """

    size: int
    each: float
    step: int


def pace(window: Window) -> Pace | None:
    """The pace of a short window; None for the others."""
    if window.seconds > SMOOTH_SECONDS or window.count < SMOOTH_COUNT:
        return None
    size = math.ceil(window.count / 10)
    return Pace(size, window.seconds / window.count, max(size // 4, 1))


def share(window: Window, workers: int) -> Window:
    """One worker's fair part of a window; below one call, one call in a correspondingly longer time."""
    if workers <= 1:
        return window
    if window.count >= workers:
        return Window(window.count // workers, window.seconds)
    return Window(1, window.seconds * workers / window.count)


@dataclass(slots=True)
class Entry:
    """One grant: when its calls began, and how many they are."""

    at: float
    calls: int


class _Sum:
    """The calls inside one window. `inside` in the order of time."""

    __slots__ = ("inside", "length", "total")

    def __init__(self, length: float, entries: OrderedDict[str, Entry]) -> None:
        self.length = length
        self.inside = OrderedDict(entries)
        self.total = sum(entry.calls for entry in entries.values())

    def trim(self, now: float) -> None:
        edge = now - self.length + _TINY
        gone = []
        for mark, entry in self.inside.items():
            if entry.at > edge:
                break
            gone.append(mark)
        for mark in gone:
            self.total -= self.inside.pop(mark).calls

    def until(self, calls: int, now: float) -> float:
        """Seconds until so many calls have left the window."""
        for entry in self.inside.values():
            calls -= entry.calls
            if calls <= 0:
                return entry.at + self.length - now
        return self.length


class Spent:
    """What was spent of one key, over all its windows."""

    __slots__ = ("_entries", "_keep", "_paces", "_sums", "windows")

    def __init__(self) -> None:
        self.windows: tuple[Window, ...] = ()  # as last asked for
        # In the order of time. No plain dict: what it lost at its front it passes over again and again.
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._sums: dict[float, _Sum] = {}
        self._paces: dict[Window, tuple[float, float]] = {}  # calls left, at
        self._keep = 0.0

    def room(self, windows: Sequence[Window], now: float, most: int, least: int) -> tuple[int, float]:
        """How many calls, `least` to `most`, fit now; or 0 and the seconds until they may. Spends nothing."""
        self._turn_to(tuple(windows), now)
        free, wait = most, 0.0
        for window in windows:
            inside = self._sums[length(window)]
            left = window.count - inside.total
            if least > window.count and inside.total == 0:
                left = least  # larger than the whole window: it goes alone
            if left < least:
                wanted = inside.total if least > window.count else least - left
                wait = max(wait, inside.until(wanted, now))
            free = min(free, left)
            paced = pace(window)
            if paced is not None:
                leave, rest = _paced(paced, self._left(window, paced, now), most, least)
                free, wait = min(free, leave), max(wait, rest)
        return (free, 0.0) if free >= least else (0, max(wait, LEAST_WAIT))

    def note(self, windows: Sequence[Window], mark: str, calls: int, now: float) -> None:
        """Count a grant that somebody else gave."""
        self._turn_to(tuple(windows), now)
        self.spend(mark, calls, now)

    def spend(self, mark: str, calls: int, now: float) -> None:
        """Count a grant that `room` had room for now."""
        self._entries[mark] = entry = Entry(now, calls)
        for inside in self._sums.values():
            inside.inside[mark] = entry
            inside.total += calls
        for window in self._paces:
            paced = pace(window)
            if paced is not None:
                self._paces[window] = (self._left(window, paced, now) - calls, now)

    def refund(self, mark: str, calls: int) -> int:
        """So many calls of a grant were not made. Returns how many of it are left, 0 for one that counts no more."""
        entry = self._entries.get(mark)
        if entry is None:
            return 0
        calls = min(calls, entry.calls)
        entry.calls -= calls
        for inside in self._sums.values():
            if mark in inside.inside:
                inside.total -= calls
                if not entry.calls:
                    del inside.inside[mark]
        for window, (left, at) in self._paces.items():
            self._paces[window] = (left + calls, at)
        if not entry.calls:
            del self._entries[mark]
        return entry.calls

    def began(self, mark: str, calls: int, now: float) -> float:
        """A grant's calls begin now: they count from now. Returns by how many seconds that is later; infinite for a
        grant that counted no more, so long ago was it given: it counts again."""
        entry = self._entries.pop(mark, None)
        if entry is None:
            self.spend(mark, calls, now)
            return math.inf
        late = now - entry.at
        entry.at = now
        self._entries[mark] = entry
        for inside in self._sums.values():
            if inside.inside.pop(mark, None) is None:
                inside.total += entry.calls
            inside.inside[mark] = entry
        return late

    def entry(self, mark: str) -> Entry | None:
        """A grant that still counts."""
        return self._entries.get(mark)

    def keep(self) -> float:
        """For how many seconds an entry counts in the longest window."""
        return self._keep

    def entries(self, now: float) -> dict[str, Entry]:
        """Every grant that still counts, by its mark, the oldest first."""
        self._prune(now)
        return self._entries

    def _turn_to(self, windows: tuple[Window, ...], now: float) -> None:
        """Bring the sums up to now; those of windows that nobody asks for any more go."""
        lengths = [length(window) for window in windows]
        self._keep = max(self._keep, *lengths, 0.0)
        self._prune(now)
        if windows != self.windows:
            self.windows = windows
            self._sums = {long: self._sums.get(long) or _Sum(long, self._entries) for long in lengths}
            self._paces = {window: left for window, left in self._paces.items() if window in windows}
        for inside in self._sums.values():
            inside.trim(now)

    def _prune(self, now: float) -> None:
        edge = now - self._keep + _TINY
        gone = []
        for mark, entry in self._entries.items():
            if entry.at > edge:
                break
            gone.append(mark)
        for mark in gone:
            del self._entries[mark]

    def _left(self, window: Window, paced: Pace, now: float) -> float:
        """The calls that the pace allows at once now."""
        left, at = self._paces.get(window, (float(paced.size), now))
        left = min(left + max(now - at, 0.0) / paced.each, float(paced.size))
        self._paces[window] = (left, now)
        return left


def _paced(paced: Pace, left: float, most: int, least: int) -> tuple[int, float]:
    """What a pace lets go now, and the seconds until it lets enough go (0 where it does)."""
    leave = math.floor(left + _TINY * 1000)
    wanted = min(max(least, min(most, paced.step)), paced.size)
    if leave < wanted:
        return 0, (wanted - left) * paced.each
    return max(leave, least), 0.0


class Ledger:
    """What was spent of every key. A key whose windows have passed is forgotten."""

    def __init__(self) -> None:
        self._keys: dict[str, Spent] = {}
        self._sweep_at = _SWEEP

    def of(self, key: str, now: float) -> Spent:
        """What was spent of a key."""
        spent = self._keys.get(key)
        if spent is None:
            if len(self._keys) >= self._sweep_at:
                self._keys = {name: kept for name, kept in self._keys.items() if kept.entries(now)}
                self._sweep_at = 2 * len(self._keys) + _SWEEP
            spent = self._keys[key] = Spent()
        return spent

    def find(self, key: str) -> Spent | None:
        """The same, None for a key that nothing was spent of."""
        return self._keys.get(key)

    def counting(self, now: float, chosen: Callable[[str], bool]) -> Iterator[tuple[str, Spent]]:
        """The chosen keys of which something still counts."""
        for key, spent in list(self._keys.items()):
            if chosen(key) and spent.entries(now):
                yield key, spent
