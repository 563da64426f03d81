"""Signing in to the console, and the gate before it.

May touch: sign-in tokens and sessions, through the office. The gate denies every path under /admin unless listed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from distributor.core.refusal import Refused
from distributor.office.signin import SESSION_LASTS
from distributor.web.site import PERSON, SESSION, SITE, render

routes = web.RouteTableDef()
COOKIE = "distributor_session"
OPEN_PATHS = frozenset({"/admin/enter"})


@web.middleware
async def gate(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let a request under /admin through only with a session; a POST only with the session's form token."""
    if not request.path.startswith("/admin") or request.path in OPEN_PATHS:
        return await handler(request)
    session = request.cookies.get(COOKIE, "")
    person = await request.app[SITE].office.signin.who(session) if session else None
    if person is None:
        return render(request, "signin.html", {"token": "", "failed": False}, 401)
    request[PERSON], request[SESSION] = person, session
    if request.method == "POST":
        given = (await _form(request)).get("form_token", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), form_token(session).encode()):
            raise web.HTTPForbidden
    return await handler(request)


async def _form(request: web.Request) -> dict[str, str]:
    """The fields of a form; none for a body that is no form in UTF-8, and none that holds a NUL, which no database of
    ours keeps."""
    try:
        fields = (await request.post()).items()
        return {name: value for name, value in fields if isinstance(value, str) and "\x00" not in value}
    except ValueError:
        return {}


def form_token(session: str) -> str:
    """What every form of the console carries: only our own pages can know it (against cross-site requests)."""
    return hashlib.sha256(f"form:{session}".encode()).hexdigest()


@routes.get("/admin/enter")
async def ask(request: web.Request) -> web.StreamResponse:
    """Show one button. Programs that look at links before people do must not use the link up."""
    return render(request, "signin.html", {"token": request.query.get("token", "")[:100], "failed": False})


@routes.post("/admin/enter")
async def enter(request: web.Request) -> web.StreamResponse:
    """Use the link up and begin a session."""
    site = request.app[SITE]
    try:
        _, session = await site.office.signin.enter((await _form(request)).get("token", ""))
    except Refused:
        return render(request, "signin.html", {"token": "", "failed": True}, 403)
    response = web.Response(status=303, headers={"Location": "/admin/deliveries"})
    response.set_cookie(
        COOKIE,
        session,
        max_age=int(SESSION_LASTS.total_seconds()),
        path="/admin",
        httponly=True,
        samesite="Strict",
        secure=site.secure_cookies,
    )
    return response


@routes.post("/admin/leave")
async def leave(request: web.Request) -> web.StreamResponse:
    """End the session."""
    await request.app[SITE].office.signin.leave(request[SESSION])
    response = web.Response(status=303, headers={"Location": "/"})
    response.del_cookie(COOKIE, path="/admin")
    return response
