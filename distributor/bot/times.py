"""A time as people write it to the bot, in the office's time zone.

Pure. Understood: "14:30" (the next one), "5.03 14:30", "5.03.2026 14:30", "2026-03-05 14:30", "+2h", "+45m", "+1d".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from distributor.core.refusal import Refused

_CLOCK = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})"
_FORMS = (
    re.compile(_CLOCK),
    re.compile(rf"(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})(\.(?P<year>\d{{4}}))?,?\s+{_CLOCK}"),
    re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})[T ]\s*{_CLOCK}"),
)
_AHEAD = re.compile(r"\+\s*(\d{1,4})\s*([mhdწსდ])\w*", re.IGNORECASE)
_UNITS = {"m": "minutes", "წ": "minutes", "h": "hours", "ს": "hours", "d": "days", "დ": "days"}


def moment_of(text: str, now: datetime, time_zone: str) -> datetime:
    """The moment in UTC. Refused('bad_time') where it cannot be read, ('time_passed') where it is not ahead.

    A time that the clocks skip or pass twice (a change of the zone's offset) is refused too: nobody can know which one
    was meant.
    """
    clean = " ".join(text.split())
    if ahead := _AHEAD.fullmatch(clean):
        return now + timedelta(**{_UNITS[ahead[2].lower()]: int(ahead[1])})
    zone = ZoneInfo(time_zone)
    here = now.astimezone(zone)
    for form in _FORMS:
        if found := form.fullmatch(clean):
            local = _local({name: int(value) for name, value in found.groupdict().items() if value}, here)
            break
    else:
        raise Refused("bad_time", text=clean[:40])
    earlier, later = (local.replace(fold=fold, tzinfo=zone) for fold in (0, 1))
    if earlier.utcoffset() != later.utcoffset():
        raise Refused("bad_time", text=clean[:40])
    if earlier.astimezone(UTC) <= now:
        raise Refused("time_passed", text=clean[:40])
    return earlier.astimezone(UTC)


def _local(parts: dict[str, int], here: datetime) -> datetime:
    """The naive local time that was written; without a date the next one, without a year this year's or the next."""
    hour, minute, now = parts["hour"], parts["minute"], here.replace(tzinfo=None)
    try:
        if "day" not in parts:
            today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return today if today > now else today + timedelta(days=1)
        found = datetime(parts.get("year", now.year), parts["month"], parts["day"], hour, minute)  # noqa: DTZ001
        # In December somebody writes "5.01": next year's.
        return found if "year" in parts or found > now - timedelta(days=180) else found.replace(year=now.year + 1)
    except ValueError:
        raise Refused("bad_time", text=f"{parts.get('day', '')} {hour}:{minute:02}".strip()) from None
