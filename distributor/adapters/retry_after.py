"""The header `Retry-After`, as web servers send it. Pure; used by the adapters that speak plain HTTP."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(retry_after: str, now: datetime, longest: float) -> float | None:
    """Seconds to wait, from 1 to `longest`, out of seconds or a date (RFC 9110); None where it says nothing of use."""
    try:
        wait = float(retry_after)
    except ValueError:
        try:
            moment = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        wait = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(wait, 1.0), longest) if math.isfinite(wait) else None
