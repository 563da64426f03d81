"""X's refusals, as its API v2 words them, and checks of request fields.

Problem documents (RFC 7807) with X's titles, types and details. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

JSON = dict[str, Any]
INVALID = "https://api.x.com/2/problems/invalid-request"
NUMBER = re.compile(r"[0-9]{1,19}")


class Problem(Exception):
    """A call is refused with this status and problem document."""

    def __init__(self, status: int, body: JSON) -> None:
        super().__init__(str(body.get("detail", "")))
        self.status = status
        self.body = body


def unauthorized() -> Problem:
    """401: missing, wrong or repeated signature."""
    return Problem(401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"})


def forbidden(detail: str) -> Problem:
    """403 with a detail."""
    return Problem(403, {"title": "Forbidden", "type": "about:blank", "status": 403, "detail": detail})


def too_many() -> Problem:
    """429."""
    return Problem(
        429, {"title": "Too Many Requests", "type": "about:blank", "status": 429, "detail": "Too Many Requests"}
    )


def invalid(parameter: str, value: Any, message: str) -> Problem:
    """400 that names the parameter at fault."""
    return Problem(400, {
        "errors": [{"parameters": {parameter: [str(value)]}, "message": message}], "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.", "type": INVALID, "status": 400,
    })  # fmt: skip


def not_found(parameter: str, value: str, kind: str) -> JSON:
    """The error object for a thing that does not exist; X sends it with status 200 in `errors`."""
    return {
        "value": value, "detail": f"Could not find {kind} with {parameter}: [{value}].", "title": "Not Found Error",
        "resource_type": kind, "parameter": parameter, "resource_id": value, "status": 404,
        "type": "https://api.x.com/2/problems/resource-not-found",
    }  # fmt: skip


def only(body: JSON, fields: Mapping[str, type | tuple[type, ...]], path: str = "$") -> None:
    """Refuses fields that the schema does not define, and values of another type."""
    for name, value in body.items():
        if name not in fields:
            raise invalid(name, value, f"{path}.{name}: is not defined in the schema and the schema does not allow "
                                       "additional properties")  # fmt: skip
        wanted = fields[name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is int):
            names = "/".join(one.__name__ for one in (wanted if isinstance(wanted, tuple) else (wanted,)))
            raise invalid(name, value, f"{path}.{name}: {type(value).__name__} found, {names} expected")


def numbers(values: list[Any], path: str) -> list[str]:
    """Ids as X wants them: strings of up to 19 digits."""
    for value in values:
        if not isinstance(value, str) or not NUMBER.fullmatch(value):
            raise invalid(path, value, f"$.{path}: does not match the regex pattern ^[0-9]{{1,19}}$")
    return values


def only_query(query: Mapping[str, str], known: frozenset[str]) -> None:
    """Refuses query parameters that X does not know."""
    for name, value in query.items():
        if name not in known:
            raise invalid(name, value, f"The query parameter [{name}] is not one of [{','.join(sorted(known))}]")
