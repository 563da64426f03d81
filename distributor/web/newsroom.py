"""The newsroom: front page, releases, archive, media files, the audit log's public checkpoints.

Reads the published pages only. A file is served while a published page names it, and under no other condition.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web

from distributor.adapters.newsroom_changes import only_what_stands
from distributor.core.data import from_micros
from distributor.storage.pages import WITHDRAWN
from distributor.web.site import SITE, language_of, main_language, release_path, render

routes = web.RouteTableDef()
FRONT = 12
ARCHIVE = 50


def summary(row: dict[str, Any], language: str) -> dict[str, Any]:
    """One page as lists show it, in the language or else in its main one."""
    page = row["page"]
    code = language if language in page["languages"] else page["main_language"]
    version = page["languages"][code]
    cover: list[dict[str, Any]] = next((item["sizes"] for item in version["media"] if item["sizes"]), [])
    alt = next((item["alt"] for item in version["media"] if item["sizes"]), "")
    return {
        "slug": row["slug"],
        "code": code,
        "title": version["title"],
        "lead": version["lead"],
        "cover": cover,
        "alt": alt,
        "kind": page["kind"],
        "status": page["status"],
        "regions": version["region_names"],
        "published_at": row["published_at"],
        "held": row["state"] == "held",
        "corrected": bool(page.get("corrections")),
    }


@routes.get("/")
async def front(request: web.Request) -> web.StreamResponse:
    """The newest releases; ?q= searches by beginnings of words."""
    words = request.query.get("q", "")[:200]
    language = language_of(request)
    rows = await request.app[SITE].pages.newest(FRONT, words=words)
    return render(request, "front.html", {"items": [summary(row, language) for row in rows], "q": words})


@routes.get("/archive")
async def archive(request: web.Request) -> web.StreamResponse:
    """Everything, newest first; ?before= pages back in time."""
    before = None
    if request.query.get("before"):
        try:
            before = datetime.fromisoformat(request.query["before"])
        except ValueError:
            raise web.HTTPNotFound from None
        if before.tzinfo is None or not 1970 <= before.year < 9999:
            raise web.HTTPNotFound
    language = language_of(request)
    rows = await request.app[SITE].pages.newest(ARCHIVE + 1, before=before)
    more = quote(rows[ARCHIVE - 1]["published_at"].isoformat()) if len(rows) > ARCHIVE else ""
    return render(request, "archive.html", {"items": [summary(row, language) for row in rows[:ARCHIVE]], "more": more})


@routes.get("/releases/{slug}")
async def release(request: web.Request) -> web.StreamResponse:
    """One release. Its id, at the end of the address, decides; other words lead to the right address. One that was
    withdrawn is gone, by every address, and says so."""
    site, slug = request.app[SITE], request.match_info["slug"]
    row = await site.pages.get(slug)
    if row is None:
        row = await site.pages.by_id(slug.rpartition("-")[2][:16])
        if row is None:
            raise web.HTTPNotFound
        wanted = request.query.get("lang", "")
        known = wanted in row["page"]["languages"]
        if row["state"] != WITHDRAWN:
            raise web.HTTPMovedPermanently(f"/releases/{row['slug']}" + (f"?lang={wanted}" if known else ""))
    page, main = row["page"], main_language(request)
    wanted = request.query.get("lang", page["main_language"])
    code = wanted if wanted in page["languages"] else page["main_language"]
    version = page["languages"][code]
    values = {"row": row, "page": page, "code": code, "version": version}
    if row["state"] == WITHDRAWN:
        return _gone(request, values)
    base_url = site.office.context.base_url
    addresses = {other: base_url + release_path(row, other, main) for other in page["languages"]}
    notes = corrections_in(page, code)
    values |= {
        "others": [other for other in page["languages"] if other != code],
        "addresses": addresses,
        "notes": notes,
        "linked_data": _escaped(linked_data(base_url, row, code, addresses[code], notes)),
    }
    return render(request, "release.html", values)


def _gone(request: web.Request, values: dict[str, Any]) -> web.Response:
    """A tombstone: when and why, and nothing of what stood there."""
    response = render(request, "withdrawn.html", values, 410)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def corrections_in(page: dict[str, Any], code: str) -> list[dict[str, Any]]:
    """The correction notes of a page in a language, newest first. A language that a correction did not speak yet has
    that note in the main one. Pages are written so that a note repeats only what still stands; what was written before
    that was so is mended here."""
    found = []
    for note in reversed(page.get("corrections", [])):
        said = note["languages"]
        spoken = next((one for one in (code, page["main_language"]) if one in said), next(iter(said)))
        stands = only_what_stands(said[spoken]["changes"], page["languages"].get(spoken))
        found.append({"at": note["at"], "words": said[spoken]["words"], "changes": stands})
    return found


def linked_data(
    base_url: str, row: dict[str, Any], code: str, address: str, notes: list[dict[str, Any]]
) -> dict[str, Any]:
    """schema.org NewsArticle, with its corrections."""
    version = row["page"]["languages"][code]
    made: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": version["title"],
        "description": version["lead"],
        "inLanguage": code,
        "datePublished": row["published_at"].isoformat(),
        "dateModified": row["updated_at"].isoformat(),
        "mainEntityOfPage": address,
        "image": [f"{base_url}{item['sizes'][-1]['path']}" for item in version["media"] if item["sizes"]],
        "publisher": {"@type": "GovernmentOrganization", "name": version["office"]},
    }
    if notes:
        made["correction"] = [
            {"@type": "CorrectionComment", "text": note["words"], "datePublished": note["at"]} for note in notes
        ]
    return made


def _escaped(data: dict[str, Any]) -> str:
    """JSON that cannot end its own script element."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026")


@routes.get(r"/media/{name:[0-9a-f]{64}\.[a-z0-9]{2,5}}")
async def media(request: web.Request) -> web.StreamResponse:
    """A file of a published page, with ranges; ?download saves it under its name."""
    site, digest = request.app[SITE], request.match_info["name"].partition(".")[0]
    found = await site.pages.file(digest)
    if found is None:
        raise web.HTTPNotFound
    try:
        path = await site.office.context.media.read(digest)
    except FileNotFoundError:
        raise web.HTTPNotFound from None
    # A cache may keep it, but asks again each time (304 costs nothing): a file may be withdrawn at any moment.
    headers = {"Content-Type": found["media_type"], "Cache-Control": "public, no-cache"}
    if "download" in request.query:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", found["name"]) or request.match_info["name"]
        headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(found['name'])}"
    return web.FileResponse(path, headers=headers)


@routes.get("/verify")
async def verify(request: web.Request) -> web.StreamResponse:
    """The signed checkpoints of the audit log: whoever keeps one can prove that nothing was cut off later."""
    office = request.app[SITE].office
    points = await office.auditing.checkpoints()
    if "json" in request.query:
        return web.json_response({"office": office.context.office_name, "checkpoints": [asdict(p) for p in points]})
    newest = [(point, from_micros(point.at)) for point in reversed(points[-200:])]
    return render(request, "verify.html", {"points": newest})


@routes.get("/robots.txt")
async def robots(request: web.Request) -> web.StreamResponse:
    """Where crawlers should not go, and where the site maps are."""
    base_url = request.app[SITE].office.context.base_url
    maps = "".join(f"Sitemap: {base_url}/{name}\n" for name in ("sitemap.xml", "news-sitemap.xml"))
    closed = "".join(f"Disallow: /{name}\n" for name in ("admin", "unsubscribe", "acknowledge"))
    return web.Response(text=f"User-agent: *\n{closed}\n{maps}")
