"""Facebook's refusals: Graph error bodies, and checks of fields.

Source: Graph API "Handle errors". Pure.
"""

from __future__ import annotations

import hashlib
from typing import Any

JSON = dict[str, Any]


class GraphError(Exception):
    """A call is refused with this Graph error."""

    def __init__(
        self, status: int, code: int, message: str, *, subcode: int | None = None, kind: str = "OAuthException",
        is_transient: bool = False, data: JSON | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.error: JSON = {"message": message, "type": kind, "code": code}
        if subcode is not None:
            self.error["error_subcode"] = subcode
        if data is not None:
            self.error["error_data"] = data
        self.error["is_transient"] = is_transient

    def body(self, trace: int) -> JSON:
        """The answer's JSON, with an fbtrace_id."""
        return {"error": self.error | {"fbtrace_id": "A" + hashlib.sha256(str(trace).encode()).hexdigest()[:22]}}


def bad_parameter(text: str, subcode: int | None = None) -> GraphError:
    """400, code 100."""
    return GraphError(400, 100, f"(#100) {text}", subcode=subcode)


def no_object(object_id: str) -> GraphError:
    """400, code 100, subcode 33: what does not exist or may not be seen."""
    return GraphError(
        400, 100, f"Unsupported get request. Object with ID '{object_id}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation", subcode=33, kind="GraphMethodException",
    )  # fmt: skip


def too_many_calls() -> GraphError:
    """400, code 80001: the page's quota for calls with its own token is used up."""
    return GraphError(400, 80001, "(#80001) There have been too many calls to this Page account.", is_transient=True)


def ordered(options: JSON) -> GraphError:
    """The error of a "graph_error" fault. Codes 1 and 2 are transient and answered with 500, as Graph does."""
    code = int(options.get("code", 1))
    transient = bool(options.get("is_transient", code in (1, 2, 4, 17, 32, 341, 613)))
    messages = {
        1: "An unknown error occurred", 2: "Service temporarily unavailable",
        4: "(#4) Application request limit reached",
        10: "(#10) Application does not have permission for this action", 17: "(#17) User request limit reached",
        32: "(#32) Page request limit reached", 102: "Session key invalid or no longer valid",
        190: "Error validating access token: Session has expired", 200: "(#200) Permissions error",
        368: "(#368) The action attempted has been deemed abusive or is otherwise disallowed",
        506: "(#506) Duplicate status message", 613: "(#613) Calls to this api have exceeded the rate limit.",
    }  # fmt: skip
    status = {1: 500, 2: 500, 190: 401, 102: 401, 10: 403, 200: 403}.get(code, 400)
    return GraphError(
        int(options.get("status", status)), code, str(options.get("message", messages.get(code, f"(#{code}) Ordered"))),
        subcode=options.get("subcode"), is_transient=transient,
    )  # fmt: skip


def split_fields(text: str) -> dict[str, str]:
    """`id,message,attachments{media_type,url}` → name to what stands in its braces ("" without)."""
    fields, name, depth, inner = dict[str, str](), "", 0, ""
    for character in text + ",":
        if character == "{":
            depth += 1
            if depth == 1:
                continue
        if character == "}":
            depth -= 1
            if depth == 0:
                continue
        if depth:
            inner += character
        elif character == ",":
            if name.strip():
                fields[name.strip().partition(".")[0]] = inner
            name, inner = "", ""
        else:
            name += character
    return fields
