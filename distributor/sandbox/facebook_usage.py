"""Facebook's rate limit of a page: calls in a window that slides, and the headers that tell how much of it is used.

Source: Graph API, "Rate Limits" (read November 2026): percent in X-App-Usage and, by business object and product,
in X-Business-Use-Case-Usage, which also says in minutes when access is regained; calls refused count as well. The
shares of processor time and total time are told as 0: the sandbox measures none. Remembers times only.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable
from typing import Any

HOUR = 3600
CALLS_AN_HOUR = 200
"""What an app with one user may do: the smallest quota that Facebook gives."""
FAR_AWAY = 1_000_000
"""What the window holds where the sandbox runs without limits: counted and told all the same."""


class Usage:
    """The calls of one page and its app, which share one count here."""

    def __init__(self, page_id: str, clock: Callable[[], float], count: int, seconds: float = HOUR) -> None:
        self.count = count
        self.seconds = seconds
        self._page_id = page_id
        self._clock = clock
        self._times: deque[float] = deque()

    def take(self) -> bool:
        """Counts a call; False where it is one too many."""
        self._times.append(self._clock())
        return self._used() <= self.count

    def headers(self) -> dict[str, str]:
        """What an answer tells."""
        percent = 100 * self._used() // self.count
        shares: dict[str, Any] = {"call_count": percent, "total_cputime": 0, "total_time": 0}
        record = {"type": "pages", **shares, "estimated_time_to_regain_access": self._minutes()}
        return {
            "X-App-Usage": json.dumps(shares),
            "X-Business-Use-Case-Usage": json.dumps({self._page_id: [record]}),
        }

    def _used(self) -> int:
        now = self._clock()
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        return len(self._times)

    def _minutes(self) -> int:
        """Until one more call would fit; 0 as long as none was refused."""
        over = self._used() - self.count
        return math.ceil((self._times[over] + self.seconds - self._clock()) / 60) if over > 0 else 0
