"""Telegram's refusals, in the words of its server.

One exception that carries the error code, description and parameters of an answer `{"ok": false, ...}`. Pure.
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A call is refused. `parameters` is the Bot API's ResponseParameters."""

    def __init__(self, error_code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.error_code = error_code
        self.description = description
        self.parameters = parameters or {}

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        answer: dict[str, Any] = {"ok": False, "error_code": self.error_code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


def bad_request(text: str) -> Refused:
    """400 with "Bad Request: …"."""
    return Refused(400, f"Bad Request: {text}")


def forbidden(text: str) -> Refused:
    """403 with "Forbidden: …"."""
    return Refused(403, f"Forbidden: {text}")


def too_many_requests(retry_after: int) -> Refused:
    """429 with its ResponseParameters."""
    return Refused(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})
