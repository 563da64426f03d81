"""Parameters of a Bot API call: query string, form, multipart or JSON, read alike.

Complex values may come JSON-encoded in a form field, as clients send them. Unknown parameters are ignored, as by the
real server. Touches the request body only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from distributor.sandbox.telegram_errors import Refused, bad_request


@dataclass(frozen=True)
class Upload:
    """One uploaded file of a multipart body."""

    name: str
    data: bytes


@dataclass
class Params:
    """Values by name, and uploads by part name."""

    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str, otherwise: str = "") -> str:
        """A string."""
        value = self.values.get(name)
        return otherwise if value is None else str(value)

    def integer(self, name: str, otherwise: int = 0) -> int:
        """A whole number; zero for what is none, as the server reads it."""
        try:
            return int(self.values.get(name, otherwise))
        except (TypeError, ValueError):
            return otherwise

    def flag(self, name: str) -> bool:
        """A boolean in any of the forms that clients send."""
        return str(self.values.get(name, "")).lower() in ("true", "1", "yes", "t")

    def structure(self, name: str) -> Any:
        """A JSON value, given as such or encoded in a string; None when absent. Refused when it is not JSON."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as wrong:
            raise bad_request(f"can't parse {name.replace('_', ' ')} JSON object") from wrong

    def texts(self, name: str) -> list[str] | None:
        """A list of strings, or None when absent."""
        value = self.structure(name)
        return [str(item) for item in value] if isinstance(value, list) else None


async def read_params(request: web.Request) -> Params:
    """Reads a call's parameters. Refused with 413 or 400 for a body that is too large or not readable."""
    params = Params(dict(request.query))
    try:
        if request.content_type == "application/json":
            body = await request.json() if request.can_read_body else {}
            if not isinstance(body, dict):
                raise bad_request("can't parse JSON object")
            params.values.update(body)
        elif request.can_read_body:
            for name, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    params.uploads[name] = Upload(value.filename, value.file.read())
                else:
                    params.values[name] = value.decode() if isinstance(value, bytes | bytearray) else value
    except web.HTTPRequestEntityTooLarge as large:
        raise Refused(413, "Request Entity Too Large") from large
    except ValueError as wrong:
        raise bad_request("can't parse JSON object") from wrong
    return params
