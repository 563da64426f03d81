"""What every handler of the website works with, and what every answer carries.

Touches nothing. Links are built from the settings' base_url, never from what a browser says its host is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup, escape
from pydantic import SecretStr

from distributor.core.people import Person
from distributor.locale import LANGUAGES, moment, texts, why_text
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
        "default-src 'none'; script-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def language_of(request: web.Request) -> str:
    """The language of ?lang= where there are words in it; else, in the console, the person's; else the office's first.

    The language is part of the address: one address is one page, and caches need neither cookies nor Accept-Language.
    """
    wanted, person = request.query.get("lang", ""), request.get(PERSON)
    if wanted not in LANGUAGES and person is not None:
        wanted = person.language
    return wanted if wanted in LANGUAGES else main_language(request)


def main_language(request: web.Request) -> str:
    """The language of addresses without ?lang=."""
    return request.app[SITE].office.context.languages[0]


def release_path(row: dict[str, Any], code: str, main: str) -> str:
    """A page's address in one of its languages. Without ?lang= it shows its main one, which is usually the office's."""
    shown = row["page"]["main_language"]
    return f"/releases/{row['slug']}" if code == shown == main else f"/releases/{row['slug']}?lang={code}"


def render(request: web.Request, template: str, values: dict[str, Any], status: int = 200) -> web.Response:
    """A page in the reader's language."""
    site, language = request.app[SITE], language_of(request)
    words = texts(language)

    def exact(value: datetime) -> Markup:
        # Attempts follow each other within a second: the log shows their order.
        local = value.astimezone(ZoneInfo(site.office.context.time_zone))
        return Markup('<time datetime="{}">{}</time>').format(
            value.isoformat(), local.isoformat(" ", "milliseconds")[:23]
        )

    def when(value: datetime | str) -> str:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment(found, language, site.office.context.time_zone)

    def stamp(value: datetime) -> Markup:
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), when(value))

    frame = {
        "t": lambda code, **params: words.get(f"web.{code}", **params),
        "word": lambda code: words.get(code),
        "why": lambda code, reason: why_text(code or "", reason or "", language),
        "many": words.many,
        "when": when,
        "exact": exact,
        "stamp": stamp,
        "out": _outward,
        "lang": language,
        "main_language": main_language(request),
        "base_url": site.office.context.base_url,
        "office_name": site.office.context.office_name,
        # Two slashes at the beginning would make a link to another host of it.
        "path": "/" + quote(request.path.lstrip("/")),
        "person": request.get(PERSON),
    }
    response = aiohttp_jinja2.render_template(template, request, frame | values)
    response.set_status(status)
    return response


def _outward(link: str) -> Markup:
    """A platform's link, which may be pressed only where it leads to the web: it came from outside."""
    if not link.startswith(("https://", "http://")):
        return escape(link)
    return Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(link)
