"""Public warnings for machines: CAP 1.2 documents (OASIS), and the Atom feed that lists them.

Reads what the newsroom has shown. Of each warning (cap_chain) its newest message is served: an Alert, an Update that
refers to all before it, or a Cancel; an older one is gone, for what was corrected, is being checked or was withdrawn
must not be read again. What is no real warning is listed only where it is asked for (?status=exercise, ?status=test),
and never from a newsroom that is live, where it cannot have come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring
from zoneinfo import ZoneInfo

from aiohttp import web

from distributor.core.data import EPOCH
from distributor.core.markup import parse, plain
from distributor.core.release import Action, LanguageVersion, Revision, Status
from distributor.core.warning import Warning
from distributor.locale import texts
from distributor.office.context import Context
from distributor.storage.cap import Message, Warnings
from distributor.web.cap_chain import CANCEL, is_held, kind_of, status_of, warnings_of, while_held
from distributor.web.site import SITE

routes = web.RouteTableDef()

CAP, ATOM = "urn:oasis:names:tc:emergency:cap:1.2", "http://www.w3.org/2005/Atom"
TYPE = "application/cap+xml"
SHOWN_FOR, MOST = timedelta(days=30), 100
_ISO_REGION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_STATUS = {Status.ACTUAL: "Actual", Status.EXERCISE: "Exercise", Status.TEST: "Test"}
_BESIDE = {Action.HOLD: "web.cap_held", Action.LIFT: "web.cap_lifted"}
register_namespace("cap", CAP)


@routes.get("/feeds/cap.xml")
async def feed(request: web.Request) -> web.StreamResponse:
    """Atom (RFC 4287): an entry for each warning, with a link to its newest message."""
    context = request.app[SITE].office.context
    wanted = request.query.get("status", Status.ACTUAL.value)
    since = context.clock() - SHOWN_FOR
    found = [_warnings(context, messages) for messages in await Warnings(context.database).newest(since, MOST)]
    newest = [warnings[-1] for warnings in found if warnings]
    chains = [messages for messages in newest if status_of(messages) == wanted]
    root = Element(f"{{{ATOM}}}feed")
    own = f"{context.base_url}/feeds/cap.xml" + (f"?status={wanted}" if wanted in _OTHERS else "")
    _atom(root, "id", own)
    _atom(root, "title", context.office_name)
    _atom(root, "updated", max((messages[-1].shown_at for messages in chains), default=EPOCH).isoformat())
    _atom(_atom(root, "author"), "name", context.office_name)
    _atom(root, "link", rel="self", href=own)
    for messages in chains:
        _entry(root, context, messages)
    return _answer(root, "application/atom+xml")


@routes.get("/feeds/cap/{identifier}.xml")
async def document(request: web.Request) -> web.StreamResponse:
    """One message, for as long as it is the newest of its release."""
    context = request.app[SITE].office.context
    release_id, _, number = request.match_info["identifier"].rpartition(".")
    found = await Warnings(context.database).of(release_id) if release_id else []
    warnings = _warnings(context, found)
    if number not in {str(message.content.number) for messages in warnings for message in messages}:
        raise web.HTTPNotFound
    newest = warnings[-1]
    if number != str(newest[-1].content.number):
        latest = f'<{_address(context, newest[-1])}>; rel="latest-version"'  # RFC 5829
        return web.Response(status=410, text="Replaced by a later message.\n", headers={"Link": latest})
    return _answer(alert(context, newest), TYPE)


_OTHERS = frozenset({Status.EXERCISE.value, Status.TEST.value})


def _warnings(context: Context, messages: Sequence[Message]) -> list[list[Message]]:
    """What a release was as a warning: nothing but real ones from a newsroom that is live, or of which nothing is known
    any more."""
    seat = context.seats.get(messages[-1].channel) if messages else None
    live = seat is None or seat.live
    return [one for one in warnings_of(messages) if not live or status_of(one) is Status.ACTUAL]


def alert(context: Context, messages: Sequence[Message]) -> Element:
    """The CAP document of the newest of a warning's messages. A Cancel repeats nothing of what it cancels, and what is
    being checked is not repeated either."""
    *earlier, message = messages
    content, kind = message.content, kind_of(messages)
    root = Element(f"{{{CAP}}}alert")
    _cap(root, "identifier", _identifier(message))
    _cap(root, "sender", _sender(context))
    _cap(root, "sent", _time(context, message.sent))
    _cap(root, "status", _STATUS[status_of(messages)])
    _cap(root, "msgType", kind)
    _cap(root, "scope", "Public")
    words = _note(messages)
    if any(words.values()):
        _cap(root, "note", " / ".join(words[code] for code in sorted(words) if words[code]))
    if earlier:
        named = (f"{_sender(context)},{_identifier(one)},{_time(context, one.sent)}" for one in earlier)
        _cap(root, "references", " ".join(named))
    if kind != CANCEL:
        content = while_held(content) if is_held(messages) else content
        for version in content.versions:
            _info(root, context, message.slug, content, version)
    return root


def _note(messages: Sequence[Message]) -> dict[str, str]:
    """What the newest message is for, by language: the notice's words, or those of a hold and of its end."""
    content = messages[-1].content
    if content.action in _BESIDE:
        said = _BESIDE[content.action]
        return {version.language: texts(version.language).get(said) for version in content.versions}
    return content.notice.words if content.notice else {}


def _info(root: Element, context: Context, slug: str, content: Revision, version: LanguageVersion) -> None:
    code = version.language
    warning = content.warning or Warning()
    info = _cap(root, "info")
    _cap(info, "language", code)
    for category in warning.categories:
        _cap(info, "category", category.value)
    _cap(info, "event", warning.event.get(code) or version.title)
    for response in warning.responses:
        _cap(info, "responseType", response.value)
    _cap(info, "urgency", warning.urgency.value)
    _cap(info, "severity", warning.severity.value)
    _cap(info, "certainty", warning.certainty.value)
    ends = warning.expires or content.deadline
    for name, moment in (("onset", warning.onset), ("expires", ends)):
        if moment:
            _cap(info, name, _time(context, moment))
    _cap(info, "senderName", context.office_name)
    _cap(info, "headline", version.title)
    told = "\n\n".join(filter(None, (version.lead, plain(parse(version.body)).strip())))
    if told:
        _cap(info, "description", told)
    if warning.instruction.get(code):
        _cap(info, "instruction", warning.instruction[code])
    _cap(info, "web", f"{context.base_url}/releases/{slug}")
    names = ", ".join(context.regions.name(region, code) for region in content.regions)
    if names or warning.area.get(code):
        area = _cap(info, "area")
        _cap(area, "areaDesc", ": ".join(filter(None, (names, warning.area.get(code)))))
        for name, value in _geocodes(content.regions):
            geocode = _cap(area, "geocode")
            _cap(geocode, "valueName", name)
            _cap(geocode, "value", value)


def _geocodes(regions: Sequence[str]) -> Iterator[tuple[str, str]]:
    for code in regions:
        yield ("ISO3166-2" if _ISO_REGION.fullmatch(code) else "region"), code


def _entry(root: Element, context: Context, messages: Sequence[Message]) -> None:
    message = messages[-1]
    content = message.content
    title, lead = content.title, content.versions[0].lead if content.versions else ""
    if kind_of(messages) == CANCEL:  # the title of what was withdrawn is withdrawn too
        title, lead = content.release_id, ""
    elif is_held(messages):
        language = content.versions[0].language if content.versions else ""
        title, lead = texts(language).get("web.feed_held", title=title), ""
    address = _address(context, message)
    entry = _atom(root, "entry")
    _atom(entry, "id", address)
    _atom(entry, "title", title)
    _atom(entry, "updated", message.shown_at.isoformat())
    _atom(entry, "published", message.sent.isoformat())
    _atom(entry, "summary", lead)
    _atom(entry, "link", rel="alternate", type=TYPE, href=address)


def _identifier(message: Message) -> str:
    """Unique for this sender, without spaces, commas, '<' and '&', as CAP wants it."""
    return f"{message.content.release_id}.{message.content.number}"


def _address(context: Context, message: Message) -> str:
    return f"{context.base_url}/feeds/cap/{_identifier(message)}.xml"


def _sender(context: Context) -> str:
    return urlsplit(context.base_url).netloc


def _time(context: Context, moment: datetime) -> str:
    """Whole seconds with the offset in figures; CAP writes UTC as -00:00 and knows no Z."""
    local = moment.astimezone(ZoneInfo(context.time_zone)).isoformat(timespec="seconds")
    return local.removesuffix("+00:00") + "-00:00" if local.endswith("+00:00") else local


def _cap(parent: Element, name: str, text: str = "") -> Element:
    child = SubElement(parent, f"{{{CAP}}}{name}")
    child.text = text or None
    return child


def _atom(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    child = SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    child.text = text or None
    return child


def _answer(root: Element, content_type: str) -> web.Response:
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="utf-8")
    return web.Response(body=body, headers={"Content-Type": f"{content_type}; charset=utf-8"})
