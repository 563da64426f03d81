"""What the simulated Facebook says about the page's token: how long it lasts, what it may do, who may ask.

Source: Graph API, "Debug-Token" and "Debugging and error handling" (read November 2026); among the machine-readable
descriptions there is none of this node. The app itself may ask, and whoever has a role in it. Memory only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from distributor.sandbox.facebook_errors import JSON, GraphError, bad_parameter

APP_ID = "310200100400300"
DAY = 86_400
DATA_ACCESS_DAYS = 90
"""How long an app may see a person's data after that person last used it."""


@dataclass
class PageToken:
    """The page's token. Times as Graph has them: seconds since 1970, 0 for one that never ends."""

    token: str = field(repr=False)
    page_id: str
    clock: Callable[[], float]
    developer: bool = True
    """Whether the person behind the token has a role in the app, and so may ask about it."""
    expires_at: int = 0
    data_access_expires_at: int = field(init=False)
    scopes: list[str] = field(
        default_factory=lambda: ["pages_show_list", "pages_read_engagement", "pages_manage_posts", "public_profile"]
    )

    def __post_init__(self) -> None:
        self.data_access_expires_at = int(self.clock()) + DATA_ACCESS_DAYS * DAY

    @property
    def expired(self) -> bool:
        """Whether its own end has passed."""
        return 0 < self.expires_at <= self.clock()

    def debug(self, given: dict[str, str], *, by_app: bool) -> JSON:
        """GET /debug_token."""
        if not (by_app or self.developer):
            raise bad_parameter(
                "You must provide an app access token, or a user access token that is an owner or developer of the app"
            )
        if not (asked := given.get("input_token", "")):
            raise bad_parameter("The parameter input_token is required")
        if asked != self.token:
            wrong = {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}
            return {"data": {"error": wrong, "is_valid": False, "scopes": []}}
        return {
            "data": {
                "app_id": APP_ID, "type": "PAGE", "application": "Distributor", "profile_id": self.page_id,
                "data_access_expires_at": self.data_access_expires_at, "expires_at": self.expires_at,
                "is_valid": not self.expired, "scopes": self.scopes, "user_id": "100000000000501",
            }
        }  # fmt: skip


def app_alone() -> GraphError:
    """400, code 2500: the app's own token was used for what only a page or a person may do."""
    return GraphError(400, 2500, "An active access token must be used to query information about the current user.")
