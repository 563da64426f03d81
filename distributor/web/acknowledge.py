"""I have read this: GET asks, POST acts. No sign-in; the token of the reader's own link is the proof.

May touch: the acknowledgement of the reader behind the token. Every link that is none of ours gets the same page.
"""

from __future__ import annotations

import re

from aiohttp import web

from distributor.web.site import SITE, render

routes = web.RouteTableDef()

_FORMS = {"token": "[A-Za-z0-9_-]{1,64}", "release": "[a-z0-9]{1,16}", "revision": "[1-9][0-9]{0,8}"}


@routes.get("/acknowledge")
async def ask(request: web.Request) -> web.StreamResponse:
    """Ask. Mail scanners follow links: nothing is kept here."""
    if not await request.app[SITE].office.acknowledging.asked(*_link(request)):
        raise web.HTTPNotFound
    return render(request, "acknowledge.html", {"done": False})


@routes.post("/acknowledge")
async def keep(request: web.Request) -> web.StreamResponse:
    """Act, for the page's button. The form goes to the address of the page, which names everything."""
    if not await request.app[SITE].office.acknowledging.acknowledge(*_link(request)):
        raise web.HTTPNotFound
    return render(request, "acknowledge.html", {"done": True})


def _link(request: web.Request) -> tuple[str, str, int]:
    """Token, release and revision; what does not look like ours is a page that does not exist."""
    given = {name: request.query.get(name, "") for name in _FORMS}
    if not all(re.fullmatch(form, given[name], re.ASCII) for name, form in _FORMS.items()):
        raise web.HTTPNotFound
    return given["token"], given["release"], int(given["revision"])
