"""X's rate limits: counts in windows of fixed length, and the headers that tell of them.

Source: X API v2, "Rate limits" (docs.x.com, read October 2026): for each end point a user's calls in 15 minutes and,
for some, the app's in 24 hours. Their names are those that X's answers carry; the user's day is that of plans of old.
Remembers counts only; asks for the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

USER_QUARTER, APP_DAY, USER_DAY = "x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour"
QUARTER, DAY = 900, 86_400
FAR_AWAY = 1_000_000
"""What each window holds where the sandbox runs without limits: counted and told all the same."""

ENDPOINTS: Mapping[str, tuple[str, str]] = {
    "tweets.create": ("POST", "/2/tweets"),
    "tweets.delete": ("DELETE", "/2/tweets/{id}"),
    "tweets.get": ("GET", "/2/tweets/{id}"),
    "users.me": ("GET", "/2/users/me"),
    "users.tweets": ("GET", "/2/users/{id}/tweets"),
    "media.initialize": ("POST", "/2/media/upload/initialize"),
    "media.append": ("POST", "/2/media/upload/{id}/append"),
    "media.finalize": ("POST", "/2/media/upload/{id}/finalize"),
    "media.status": ("GET", "/2/media/upload"),
    "media.metadata": ("POST", "/2/media/metadata"),
}
LIMITS: Mapping[str, Mapping[str, int]] = {
    "tweets.create": {USER_QUARTER: 100, APP_DAY: 10_000},
    "tweets.delete": {USER_QUARTER: 50},
    "tweets.get": {USER_QUARTER: 900},
    "users.me": {USER_QUARTER: 75},
    "users.tweets": {USER_QUARTER: 900},
    "media.initialize": {USER_QUARTER: 1_875, APP_DAY: 180_000},
    "media.append": {USER_QUARTER: 1_875, APP_DAY: 180_000},
    "media.finalize": {USER_QUARTER: 1_875, APP_DAY: 180_000},
    "media.status": {USER_QUARTER: 1_000, APP_DAY: 100_000},
    "media.metadata": {USER_QUARTER: 500, APP_DAY: 50_000},
}


@dataclass
class Window:
    """At most `limit` calls between two resets, `seconds` apart; the first call after a reset begins the next one."""

    limit: int
    seconds: float = QUARTER
    used: int = 0
    reset: float = 0.0

    def room(self, now: float) -> bool:
        """Whether one more call fits now."""
        if now >= self.reset:
            self.used, self.reset = 0, now + self.seconds
        return self.used < self.limit

    def headers(self, name: str) -> dict[str, str]:
        """What the window holds, what is left, and when (Unix seconds) it begins anew."""
        return {
            f"{name}-limit": str(self.limit),
            f"{name}-remaining": str(max(0, self.limit - self.used)),
            f"{name}-reset": str(math.ceil(self.reset)),
        }


@dataclass
class Quota:
    """All windows of one end point, by the name of their headers."""

    windows: dict[str, Window] = field(default_factory=dict)

    def take(self, now: float) -> bool:
        """Counts a call where it fits in every window; else counts nothing and is False."""
        rooms = [window.room(now) for window in self.windows.values()]  # every window looks at the time
        if not all(rooms):
            return False
        for window in self.windows.values():
            window.used += 1
        return True

    def headers(self) -> dict[str, str]:
        """What an answer tells."""
        return {key: value for name, window in self.windows.items() for key, value in window.headers(name).items()}

    def refusing(self, until: float) -> Quota:
        """The same, told as if the user's window were used up until a time."""
        user = self.windows[USER_QUARTER]
        return Quota(self.windows | {USER_QUARTER: Window(user.limit, user.seconds, user.limit, until)})


def quotas(*, limits: bool) -> dict[str, Quota]:
    """A quota for each method: X's own, or one that no test reaches."""
    length = {USER_QUARTER: QUARTER, APP_DAY: DAY}
    return {
        method: Quota({name: Window(count if limits else FAR_AWAY, length[name]) for name, count in windows.items()})
        for method, windows in LIMITS.items()
    }
