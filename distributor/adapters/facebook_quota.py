"""What Facebook's usage headers tell: how much of the quota is used, when to slow down, when to rest.

Keeps in memory what the newest answers said; touches nothing else. Source: Graph API, "Rate Limits": percent of calls,
processor time and total time, of an app in X-App-Usage, of a page in X-Page-Usage, and by business object and product
in X-Business-Use-Case-Usage, which alone says (in minutes) when access is regained. All windows slide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from distributor.core.channel import Allowance
from distributor.core.ports import Clock

NEARLY_USED_UP = 95  # percent: nothing is sent any more, for Facebook lengthens a block by what is sent into it
BUSY = 80  # percent: calls are counted out by the minute
# One call a minute for each 5 percent that are left below NEARLY_USED_UP: 3, 2, 1. Three a minute are 180 an hour, less
# than the smallest quota that Facebook gives (200 an hour, an app with one user) wins back as its window slides.
_STEP = 5
PAUSE = 60.0  # seconds to rest where Facebook does not say how long; then one answer tells where the window has slid to

_WHOLE = ("x-app-usage", "x-page-usage")
_BUSINESS = "x-business-use-case-usage"
_SHARES = ("call_count", "total_cputime", "total_time")
_OURS = ("pages", None)  # products of the business header that a page's calls count into
_SENSE_ENDS = 10**15
_MINUTES_AT_MOST = 24 * 60  # the longest window; a longer wait is asked about again after a day


def usage(headers: Mapping[str, str]) -> float:
    """Percent of the quota used, the highest figure told (header names in lower case); 0 where none is."""
    return max((_percent(headers, name) or 0.0 for name in (*_WHOLE, _BUSINESS)), default=0.0)


def wait(headers: Mapping[str, str]) -> float:
    """Seconds after a refusal until Facebook takes calls again."""
    return _regain(headers) or PAUSE


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one header said: percent used, and until when nothing is taken."""

    percent: float
    at: datetime
    rests_until: datetime


class Usage:
    """What the newest answers said, header by header, and how many calls this minute has seen."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._readings: dict[str, _Reading] = {}
        self._minute = 0
        self._calls = 0

    def note(self, headers: Mapping[str, str]) -> None:
        """Hear an answer. A header that is absent, or makes no sense, leaves standing what it said last."""
        now = self._clock()
        minute = _minute(now)
        self._calls = self._calls + 1 if minute == self._minute else 1
        self._minute = minute
        for name in (*_WHOLE, _BUSINESS):
            percent, regain = _percent(headers, name), _regain(headers) if name == _BUSINESS else 0.0
            if percent is None and not regain:
                continue
            percent = percent or 0.0
            rest = regain or (PAUSE if percent >= NEARLY_USED_UP else 0.0)
            self._readings[name] = _Reading(percent, now, now + timedelta(seconds=rest))

    def allowance(self) -> Allowance | None:
        """0 until access is regained, or for a minute from 95 percent on; from 80 percent on the calls left in this
        minute (of the clock, so that it is the same for every worker). None below, and where nothing was said lately.
        Every call to Graph counts, an upload too."""
        now = self._clock()
        rests_until = max((reading.rests_until for reading in self._readings.values()), default=now)
        if rests_until > now:
            return Allowance(0, rests_until)
        lately = now - timedelta(seconds=PAUSE)
        percent = max((one.percent for one in self._readings.values() if one.at > lately), default=0.0)
        if not BUSY <= percent < NEARLY_USED_UP:
            return None
        minute = _minute(now)
        made = self._calls if minute == self._minute else 0
        calls = math.ceil((NEARLY_USED_UP - percent) / _STEP)
        return Allowance(max(calls - made, 0), datetime.fromtimestamp((minute + 1) * 60, UTC))


def _minute(now: datetime) -> int:
    return int(now.timestamp() // 60)


def _percent(headers: Mapping[str, str], name: str) -> float | None:
    """The highest share that a header tells, or None where it tells none."""
    return max(_numbers(_records(headers, name), *_SHARES), default=None)


def _regain(headers: Mapping[str, str]) -> float:
    """Seconds until access is regained, the longest told; 0 where nothing is blocked."""
    minutes = max(_numbers(_records(headers, _BUSINESS), "estimated_time_to_regain_access"), default=0.0)
    return min(minutes, _MINUTES_AT_MOST) * 60


def _numbers(records: list[dict[str, Any]], *names: str) -> list[float]:
    """Those values that are numbers and make sense: JSON as Python reads it may hold NaN and the infinite too."""
    values = [one.get(name) for one in records for name in names]
    return [float(value) for value in values if isinstance(value, int | float) and 0 <= value <= _SENSE_ENDS]


def _records(headers: Mapping[str, str], name: str) -> list[dict[str, Any]]:
    """The usage records of a header: one, or with the business header those of our product, of every object."""
    try:
        found = json.loads(headers.get(name) or "{}")
    except (ValueError, RecursionError):  # the latter where brackets are nested by the thousand
        return []
    if not isinstance(found, dict):
        return []
    if name != _BUSINESS:
        return [found]
    lists = [value if isinstance(value, list) else [value] for value in found.values()]
    return [one for each in lists for one in each if isinstance(one, dict) and one.get("type") in _OURS]
