"""The administrators' pages: the delivery log, one delivery, one release, lanes, the audit log.

Reads through the office; what changes anything is a POST with the session's form token, for people with the right.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from distributor.core.delivery import DeliveryState
from distributor.core.people import Right
from distributor.core.refusal import Refused
from distributor.locale import refusal_text
from distributor.storage import audit, outcomes, reports
from distributor.storage.reports import DeliveryFilter
from distributor.web.signin import form_token
from distributor.web.site import PERSON, SESSION, SITE, language_of, render

routes = web.RouteTableDef()
PAGE = 50


@routes.get("/admin")
async def home(_request: web.Request) -> web.StreamResponse:
    """The log is the first page."""
    raise web.HTTPSeeOther("/admin/deliveries")


@routes.get("/admin/deliveries")
async def deliveries(request: web.Request) -> web.StreamResponse:
    """Was it sent, when, to whom? Filters: release, channel, state, from, to (the office's time)."""
    site, query = request.app[SITE], request.query
    zone = ZoneInfo(site.office.context.time_zone)
    before = query.get("before", "")
    wanted = DeliveryFilter(
        release_id=query.get("release", "")[:16],
        channel=query.get("channel", ""),
        state=query.get("state", ""),
        since=_moment(query.get("from", ""), zone),
        until=_moment(query.get("to", ""), zone),
        before_id=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
        most=PAGE + 1,
    )
    rows = await site.office.reading.deliveries(wanted)
    kept = {name: value for name, value in query.items() if name != "before" and value}
    more = str(request.rel_url.with_query(kept | {"before": str(rows[PAGE - 1]["id"])})) if len(rows) > PAGE else ""
    values = {
        "rows": rows[:PAGE],
        "channels": list(site.office.context.seats),
        "states": [state.value for state in DeliveryState],
        "query": query,
        "more": more,
        "form_token": form_token(request[SESSION]),
    }
    return render(request, "deliveries.html", values)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    """A time of a form (datetime-local, in the office's zone); what is no time filters nothing."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def _number(request: web.Request) -> int:
    text = request.match_info["id"]
    if len(text) > 18:
        raise web.HTTPNotFound
    return int(text)


@routes.get(r"/admin/deliveries/{id:\d+}")
async def delivery(request: web.Request) -> web.StreamResponse:
    """One delivery with every attempt, what was to be shown, by whose decision, and the log's events about it."""
    site, number = request.app[SITE], _number(request)
    async with site.office.context.database.read() as connection:
        row = await reports.one_delivery(connection, number)
        if row is None:
            raise web.HTTPNotFound
        tries = await outcomes.attempts_of(connection, number)
        events = await audit.recent(connection, f"delivery:{number}")
    standing = await site.office.reading.standing(row["release_id"])
    values = {
        "row": row,
        "tries": tries,
        "events": [(audit.event_moment(event), event) for event in events],
        "decisions": standing.decisions,
        "people": {person.id: person.name for person in await site.office.people.everyone()},
        "may_operate": request[PERSON].may(Right.OPERATE),
        "may_resolve": request[PERSON].may(Right.RESOLVE),
        "form_token": form_token(request[SESSION]),
    }
    return render(request, "delivery.html", values)


@routes.post(r"/admin/deliveries/{id:\d+}/{act:retry|there|not-there}")
async def act(request: web.Request) -> web.StreamResponse:
    """Send a dead letter again, or end a case."""
    office, number, person = request.app[SITE].office, _number(request), request[PERSON]
    try:
        if request.match_info["act"] == "retry":
            await office.operations.retry([number], person)
        else:
            await office.operations.resolve(number, request.match_info["act"] == "there", person)
    except Refused as refused:
        return _refusal(request, refused)
    raise web.HTTPSeeOther(f"/admin/deliveries/{number}")


@routes.get("/admin/releases/{id}")
async def release(request: web.Request) -> web.StreamResponse:
    """Where a release stands: decisions, hashes, channels."""
    site = request.app[SITE]
    try:
        standing = await site.office.reading.standing(request.match_info["id"])
    except Refused:
        raise web.HTTPNotFound from None
    people = {person.id: person.name for person in await site.office.people.everyone()}
    values = {"standing": standing, "people": people, "form_token": form_token(request[SESSION])}
    return render(request, "release_log.html", values)


@routes.get("/admin/lanes")
async def lanes(request: web.Request) -> web.StreamResponse:
    """The lanes and their pauses."""
    found = await request.app[SITE].office.operations.lanes()
    values = {
        "lanes": list(found.values()),
        "may_operate": request[PERSON].may(Right.OPERATE),
        "form_token": form_token(request[SESSION]),
    }
    return render(request, "lanes.html", values)


@routes.post("/admin/lanes/{name}/{act:pause|resume}")
async def turn(request: web.Request) -> web.StreamResponse:
    """Pause or resume a lane."""
    operations, name = request.app[SITE].office.operations, request.match_info["name"]
    try:
        if request.match_info["act"] == "pause":
            await operations.pause(name, request[PERSON])
        else:
            await operations.resume(name, request[PERSON])
    except Refused as refused:
        return _refusal(request, refused)
    raise web.HTTPSeeOther("/admin/lanes")


@routes.get("/admin/audit")
async def audit_page(request: web.Request) -> web.StreamResponse:
    """The audit log's checkpoints; ?verify checks everything now."""
    auditing = request.app[SITE].office.auditing
    verdict = await auditing.verify() if "verify" in request.query else None
    points = list(reversed(await auditing.checkpoints()))[:50]
    values = {"verdict": verdict, "points": points, "form_token": form_token(request[SESSION])}
    return render(request, "audit.html", values)


def _refusal(request: web.Request, refused: Refused) -> web.Response:
    sentence = refusal_text(refused, language_of(request))
    return render(request, "error.html", {"status": 403, "sentence": sentence}, 403)
