"""The console's proof: who has which version of a release, who still shows an old one, and why.

Reads only, for editors and administrators.
"""

from __future__ import annotations

from aiohttp import web

from distributor.core.refusal import Refused
from distributor.office.coverage import PAGE, Status
from distributor.web.signin import form_token
from distributor.web.site import SESSION, SITE, render

routes = web.RouteTableDef()


@routes.get("/admin/releases/{id}/coverage")
async def coverage(request: web.Request) -> web.StreamResponse:
    """Counts by channel, and the destinations page by page. Filters: channel, status."""
    office, query = request.app[SITE].office, request.query
    release_id = request.match_info["id"]
    wanted = query.get("status", "")
    status = wanted if wanted in {one.value for one in Status} else ""
    channel = query.get("channel", "")[:64]
    after = query.get("after", "")
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    try:
        found = await office.coverage.of_release(release_id)
        rows = await office.coverage.holders(release_id, status=status, channel=channel, after=start, most=PAGE + 1)
    except Refused:
        raise web.HTTPNotFound from None
    kept = {name: value for name, value in (("status", status), ("channel", channel)) if value}
    more = ""
    if len(rows) > PAGE:
        more = str(request.rel_url.with_query(kept | {"after": str(rows[PAGE - 1]["destination_id"])}))
    values = {
        "found": found,
        "rows": rows[:PAGE],
        "statuses": [one.value for one in Status],
        "status": status,
        "channel": channel,
        "more": more,
        "form_token": form_token(request[SESSION]),
    }
    return render(request, "coverage.html", values)
