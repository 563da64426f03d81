"""Leaving the mailing list: GET asks, POST acts (RFC 8058). No sign-in; the link's token is the proof.

May touch: the subscription behind the token.
"""

from __future__ import annotations

from aiohttp import web

from distributor.web.site import SITE, render

routes = web.RouteTableDef()


@routes.get(r"/unsubscribe/{token:[A-Za-z0-9_-]{1,64}}")
async def ask(request: web.Request) -> web.StreamResponse:
    """Ask. Mail scanners follow links: nothing happens here, and an unknown token looks like any other."""
    return render(request, "unsubscribe.html", {"done": False})


@routes.post(r"/unsubscribe/{token:[A-Za-z0-9_-]{1,64}}")
async def leave(request: web.Request) -> web.StreamResponse:
    """Act, for the page's button and for a mail program's one click alike."""
    await request.app[SITE].office.subscriptions.unsubscribe(request.match_info["token"])
    return render(request, "unsubscribe.html", {"done": True})
