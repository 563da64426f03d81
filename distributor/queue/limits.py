"""A lane's own rates: never more than so many in any window of so many seconds.

Pure state in this process, over a monotonic clock given by the caller. A sliding window, not a bucket: a bucket
lets twice its size pass around a refill, which the platforms answer with 429.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Rates:
    """Several windows at once; a call must fit in all of them."""

    def __init__(self, rates: Iterable[tuple[int, float]]) -> None:
        self._windows = [(count, seconds, deque[float]()) for count, seconds in rates]

    def room(self, now: float) -> int:
        """How many calls fit now. A large number where no rate is set."""
        return min((self._free(window, now) for window in self._windows), default=1_000_000)

    def wait(self, now: float) -> float:
        """Seconds until at least one call fits; 0 where one fits now."""
        waits = [
            window[0] + seconds - now
            for count, seconds, window in self._windows
            if self._free((count, seconds, window), now) < 1
        ]
        return max(waits, default=0.0)

    def spend(self, now: float, calls: int = 1) -> None:
        """Count calls that begin now. More than fit push the next ones further away: an album counts each photo."""
        for _count, _seconds, window in self._windows:
            window.extend([now] * calls)

    def _free(self, window: tuple[int, float, deque[float]], now: float) -> int:
        count, seconds, spent = window
        while spent and spent[0] <= now - seconds:
            spent.popleft()
        return max(count - len(spent), 0)
