"""What platforms call: Telegram's webhook.

May touch: the desk, by handing it an update. Without the secret nothing is read, stored or processed.
"""

from __future__ import annotations

import hmac
import json

from aiohttp import web

from distributor.web.site import SITE

routes = web.RouteTableDef()


@routes.post("/hooks/telegram")
async def telegram(request: web.Request) -> web.StreamResponse:
    """An update. 401 without its secret; answered only after it was stored."""
    site = request.app[SITE]
    given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "").encode("utf-8", "surrogateescape")
    secret = site.hook_secret.get_secret_value() if site.hook_secret else ""
    if site.hook is None or not secret or not hmac.compare_digest(given, secret.encode()):
        return web.json_response({"error": "unauthorized"}, status=401)
    try:
        update = json.loads(await request.read())
    except (ValueError, RecursionError):  # broken, no UTF-8, or brackets without end
        return web.json_response({"error": "not JSON"}, status=400)
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        return web.json_response({"error": "not an update"}, status=400)
    await site.hook(update)
    return web.json_response({"ok": True})
