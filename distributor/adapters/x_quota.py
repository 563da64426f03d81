"""What X's answers tell of its quota: the calls left, at each end point that publishing needs.

Keeps in memory what the newest answers said; touches nothing else. Sources: X API v2, "Rate limits" (x-rate-limit-…:
the user's 15 minutes; `reset` in Unix seconds); the two windows of 24 hours stand in X's answers, not in its
description. RFC 9110, 6.6.1: `Date` is the time of the server that answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from distributor.core.channel import Allowance
from distributor.core.ports import Clock

WINDOWS = ("x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour")
POSTS = "POST /2/tweets"
NEEDED = frozenset({
    POSTS,
    "POST /2/media/upload/initialize",
    "POST /2/media/upload/{id}/append",
    "POST /2/media/upload/{id}/finalize",
    "GET /2/media/upload",
    "POST /2/media/metadata",
})  # fmt: skip
"""The end points without which nothing is published; each has counts of its own. Timeline reads are none of them."""

_LONGEST = 25 * 3600  # seconds; no window of X is longer than a day
_MOST_DIGITS = 15
_MEDIA_ID = re.compile(r"(?<=/upload/)[0-9]+")


@dataclass(frozen=True, slots=True)
class Window:
    """One count: `left` calls until `until` (our clock). `reset` is that time as X wrote it."""

    left: int
    reset: int
    until: datetime


def told(headers: Mapping[str, str], now: datetime, *, refused: bool = False) -> dict[str, Window]:
    """The windows that an answer (header names in lower case) tells of; what makes no sense is left out.

    `refused`: the answer was a 429. Where no window is shown as used up it was the user's.
    """
    there = _date(headers.get("date", "")) or now
    found: dict[str, Window] = {}
    for name in WINDOWS:
        left, reset = _number(headers.get(f"{name}-remaining", "")), _number(headers.get(f"{name}-reset", ""))
        if refused and left is None and name == WINDOWS[0]:
            left = 0
        if left is None or reset is None or not 0 < (wait := reset - there.timestamp()) <= _LONGEST:
            continue
        found[name] = Window(left, reset, now + timedelta(seconds=wait))
    if refused and WINDOWS[0] in found and all(window.left for window in found.values()):
        found[WINDOWS[0]] = replace(found[WINDOWS[0]], left=0)
    return found


def wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds after a 429 until X takes calls again: the latest reset of the windows used up. None: X does not say."""
    ends = [window.until for window in told(headers, now, refused=True).values() if not window.left]
    if ends:
        return (max(ends) - now).total_seconds()
    after = _number(headers.get("retry-after", ""))
    return float(after) if after is not None and after <= _LONGEST else None


class Quotas:
    """What the newest answers said of every window, by end point."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], Window] = {}

    def note(self, method: str, route: str, status: int, headers: Mapping[str, str]) -> None:
        """Hear an answer. One of an end point that publishing does not need says nothing."""
        point = f"{method} {_MEDIA_ID.sub('{id}', route)}"
        if point not in NEEDED:
            return
        for name, window in told(headers, self._clock(), refused=status == 429).items():
            known = self._windows.get((point, name))
            if known is not None and known.reset == window.reset and known.left < window.left:
                continue  # answers overtake each other: within one window the lower count is the newer
            self._windows[point, name] = window

    def allowance(self) -> Allowance | None:
        """Posts left, and until when: of several windows the scarcest. 0 also where another end point that publishing
        needs has none left. Calls under way are not in it. None where X has said nothing that still holds."""
        now = self._clock()
        standing = {key: window for key, window in self._windows.items() if window.until > now}
        if ends := [window.until for window in standing.values() if not window.left]:
            return Allowance(0, max(ends))
        posts = [window for (point, _), window in standing.items() if point == POSTS]
        if not posts:
            return None
        scarcest = min(posts, key=lambda window: (window.left, -window.until.timestamp()))
        return Allowance(scarcest.left, scarcest.until)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
