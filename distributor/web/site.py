"""What every handler of the website works with, and what every answer carries.

Touches nothing. Links are built from the settings' base_url, never from what a browser says its host is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from pydantic import SecretStr

from distributor.core.people import Person
from distributor.locale import moment, texts
from distributor.office.office import Office
from distributor.storage.pages import NewsroomPages


@dataclass(frozen=True, slots=True)
class Site:
    """The parts behind the pages."""

    office: Office
    pages: NewsroomPages
    hook: Callable[[dict[str, Any]], Awaitable[None]] | None
    hook_secret: SecretStr | None
    secure_cookies: bool


SITE: web.AppKey[Site] = web.AppKey("site", Site)
PERSON: web.RequestKey[Person] = web.RequestKey("person", Person)
SESSION: web.RequestKey[str] = web.RequestKey("session", str)

# Nothing from elsewhere, no scripts at all, no frames around us; forms go to us alone.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def language_of(request: web.Request) -> str:
    """The language asked for by ?lang=, else the office's first; only languages that have words here."""
    wanted = request.query.get("lang", "")
    return wanted if wanted in {"ka", "en"} else request.app[SITE].office.context.languages[0]


def render(request: web.Request, template: str, values: dict[str, Any], status: int = 200) -> web.Response:
    """A page in the reader's language."""
    site, language = request.app[SITE], language_of(request)
    words = texts(language)

    def when(value: datetime | str) -> str:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment(found, language, site.office.context.time_zone)

    frame = {
        "t": lambda code, **params: words.get(f"web.{code}", **params),
        "word": lambda code: words.get(code),
        "when": when,
        "lang": language,
        "base_url": site.office.context.base_url,
        "office_name": site.office.context.office_name,
        "path": request.path,
        "person": request.get(PERSON),
    }
    response = aiohttp_jinja2.render_template(template, request, frame | values)
    response.set_status(status)
    return response
