"""The application: routes, templates, headers on every answer, errors in words.

May touch: the socket it listens on. Every route under /admin needs a session, but for those that a
person signs in by; a test holds the list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
import structlog
from aiohttp import web
from pydantic import SecretStr

from distributor.office.office import Office
from distributor.storage.pages import NewsroomPages
from distributor.web import acknowledge, cap, console, coverage, feeds, health, hooks, newsroom, signin, subscriptions
from distributor.web.requests_seen import SEEN, RequestsSeen, route_of
from distributor.web.site import HEADERS, SITE, Site, render

log = structlog.get_logger(__name__)
_HERE = Path(__file__).parent
MOST_BODY = 1024 * 1024  # a Telegram update is far smaller


def build(
    office: Office,
    pages: NewsroomPages,
    *,
    hook: Callable[[dict[str, Any]], Awaitable[None]] | None = None,
    hook_secret: SecretStr | None = None,
    secure_cookies: bool,
    ready: Callable[[], Awaitable[health.Readiness]],
    trusted_proxies: Sequence[str] = (),
) -> web.Application:
    """The whole website as an aiohttp application. `trusted_proxies` are networks (CIDR) whose X-Forwarded-For is
    believed, in the access log and nowhere else."""
    seen = RequestsSeen(trusted_proxies)
    app = web.Application(middlewares=[seen.middleware, _answers, signin.gate], client_max_size=MOST_BODY)
    app[SEEN] = seen
    app[SITE] = Site(office, pages, hook, hook_secret, secure_cookies)
    app[health.READY] = ready
    loader = jinja2.FileSystemLoader(_HERE / "templates")
    aiohttp_jinja2.setup(app, loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    app.router.add_static("/static", _HERE / "static", append_version=False)
    for part in (newsroom, feeds, cap, subscriptions, acknowledge, signin, console, coverage, hooks, health):
        app.add_routes(part.routes)
    return app


@web.middleware
async def _answers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Errors become pages in words, and every answer carries the protecting headers."""
    response: web.StreamResponse
    try:
        if _unkeepable(request):
            raise web.HTTPNotFound
        response = await handler(request)
    except web.HTTPRedirection as redirection:
        response = web.Response(status=redirection.status, headers={"Location": redirection.headers["Location"]})
    except web.HTTPException as error:
        response = render(request, "error.html", {"status": error.status}, error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except Exception:
        log.exception("a page failed", route=route_of(request))
        response = render(request, "error.html", {"status": 500}, 500)
    if not response.prepared:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.path.startswith(("/admin", "/unsubscribe", "/acknowledge")):
            response.headers["Cache-Control"] = "no-store"
            response.headers["Referrer-Policy"] = "no-referrer"
        elif not request.path.startswith("/static/"):
            # What is out may be corrected or withdrawn at any moment: nobody shows an old copy without asking.
            response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _unkeepable(request: web.Request) -> bool:
    """True for an address with a NUL in it: PostgreSQL takes none in any text, so nothing of ours is called so."""
    return "\x00" in request.path or any("\x00" in name + value for name, value in request.query.items())


class Server:
    """The application on a socket."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, app: web.Application, host: str, port: int) -> None:
        """Listen. aiohttp's own access log would hold query strings, and with them tokens; ours is requests_seen."""
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Answer what is under way, then close."""
        if self._runner:
            await self._runner.cleanup()
