"""Feeds and site maps: RSS 2.0 with Media RSS, Atom, JSON Feed 1.1, sitemap, news sitemap.

Reads the published pages only. XML is built as a tree, which escapes everything.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from aiohttp import web

from distributor.core.data import EPOCH
from distributor.web.site import SITE, language_of, main_language, release_path

routes = web.RouteTableDef()
MOST = 50
NEWS_DAYS, NEWS_MOST = 2, 1000  # Google News: two days, 1000 addresses
ATOM, MEDIA = "http://www.w3.org/2005/Atom", "http://search.yahoo.com/mrss/"
SITEMAP, NEWS = "http://www.sitemaps.org/schemas/sitemap/0.9", "http://www.google.com/schemas/sitemap-news/0.9"
for prefix, space in (("atom", ATOM), ("media", MEDIA), ("news", NEWS)):
    register_namespace(prefix, space)


def _add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    child = SubElement(parent, name, attributes)
    child.text = text or None
    return child


def _xml(root: Element, content_type: str) -> web.Response:
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="utf-8")
    return web.Response(body=body, headers={"Content-Type": f"{content_type}; charset=utf-8"})


async def _items(request: web.Request, most: int = MOST) -> list[tuple[dict[str, Any], dict[str, Any], str]]:
    """(row, version, address) of the newest pages in the language asked for."""
    site, language = request.app[SITE], language_of(request)
    found = []
    for row in await site.pages.newest(most):
        page = row["page"]
        if page["status"] != "actual":  # a machine would take an exercise for the real thing
            continue
        code = language if language in page["languages"] else page["main_language"]
        address = site.office.context.base_url + release_path(row, code, main_language(request))
        found.append((row, page["languages"][code] | {"code": code}, address))
    return found


@routes.get("/feeds/rss.xml")
async def rss(request: web.Request) -> web.StreamResponse:
    """RSS 2.0 with Media RSS."""
    context = request.app[SITE].office.context
    root = Element("rss", {"version": "2.0"})
    channel = _add(root, "channel")
    _add(channel, "title", context.office_name)
    _add(channel, "link", context.base_url)
    _add(channel, "description", context.office_name)
    _add(channel, "language", language_of(request))
    _add(channel, f"{{{ATOM}}}link", href=f"{context.base_url}/feeds/rss.xml", rel="self", type="application/rss+xml")
    for row, version, address in await _items(request):
        item = _add(channel, "item")
        _add(item, "title", version["title"])
        _add(item, "link", address)
        _add(item, "guid", row["release_id"], isPermaLink="false")
        _add(item, "pubDate", format_datetime(row["published_at"], usegmt=True))
        _add(item, "description", version["lead"] or version["text"][:500])
        for entry in version["media"]:
            file = entry["download"]
            content = _add(
                item,
                f"{{{MEDIA}}}content",
                url=f"{context.base_url}{file['path']}",
                type=file["media_type"],
                fileSize=str(file["size"]),
                medium="video" if entry["kind"] == "video" else "image",
            )
            _add(content, f"{{{MEDIA}}}description", entry["alt"], type="plain")
            _add(content, f"{{{MEDIA}}}credit", entry["credit"])
    return _xml(root, "application/rss+xml")


@routes.get("/feeds/atom.xml")
async def atom(request: web.Request) -> web.StreamResponse:
    """Atom (RFC 4287)."""
    context = request.app[SITE].office.context
    items = await _items(request)
    newest = max((row["updated_at"] for row, _, _ in items), default=EPOCH)
    root = Element(f"{{{ATOM}}}feed")
    _add(root, f"{{{ATOM}}}id", f"{context.base_url}/feeds/atom.xml")
    _add(root, f"{{{ATOM}}}title", context.office_name)
    _add(root, f"{{{ATOM}}}updated", newest.isoformat())
    author = _add(root, f"{{{ATOM}}}author")
    _add(author, f"{{{ATOM}}}name", context.office_name)
    _add(root, f"{{{ATOM}}}link", rel="self", href=f"{context.base_url}/feeds/atom.xml")
    for row, version, address in items:
        entry = _add(root, f"{{{ATOM}}}entry")
        _add(entry, f"{{{ATOM}}}id", address)
        _add(entry, f"{{{ATOM}}}title", version["title"])
        _add(entry, f"{{{ATOM}}}link", href=address)
        _add(entry, f"{{{ATOM}}}published", row["published_at"].isoformat())
        _add(entry, f"{{{ATOM}}}updated", row["updated_at"].isoformat())
        _add(entry, f"{{{ATOM}}}summary", version["lead"])
        _add(entry, f"{{{ATOM}}}content", version["html"], type="html")
    return _xml(root, "application/atom+xml")


@routes.get("/feeds/feed.json")
async def json_feed(request: web.Request) -> web.StreamResponse:
    """JSON Feed 1.1."""
    context = request.app[SITE].office.context
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": context.office_name,
        "home_page_url": context.base_url,
        "feed_url": f"{context.base_url}/feeds/feed.json",
        "items": [
            {
                "id": address,
                "url": address,
                "title": version["title"],
                "summary": version["lead"],
                "content_html": version["html"],
                "language": version["code"],
                "date_published": row["published_at"].isoformat(),
                "date_modified": row["updated_at"].isoformat(),
                "attachments": [
                    {
                        "url": f"{context.base_url}{entry['download']['path']}",
                        "mime_type": entry["download"]["media_type"],
                        "title": entry["alt"],
                        "size_in_bytes": entry["download"]["size"],
                    }
                    for entry in version["media"]
                ],
            }
            for row, version, address in await _items(request)
        ],
    }
    return web.json_response(feed, content_type="application/feed+json")


@routes.get("/sitemap.xml")
async def sitemap(request: web.Request) -> web.StreamResponse:
    """Every published page, as far as one site map goes."""
    root = Element(f"{{{SITEMAP}}}urlset")
    for row, _, address in await _items(request, 50_000):
        url = _add(root, f"{{{SITEMAP}}}url")
        _add(url, f"{{{SITEMAP}}}loc", address)
        _add(url, f"{{{SITEMAP}}}lastmod", row["updated_at"].isoformat())
    return _xml(root, "application/xml")


@routes.get("/news-sitemap.xml")
async def news_sitemap(request: web.Request) -> web.StreamResponse:
    """The last two days, for news search."""
    context = request.app[SITE].office.context
    since = context.clock() - timedelta(days=NEWS_DAYS)
    root = Element(f"{{{SITEMAP}}}urlset")
    for row, version, address in await _items(request, NEWS_MOST):
        if row["published_at"] < since:
            continue
        url = _add(root, f"{{{SITEMAP}}}url")
        _add(url, f"{{{SITEMAP}}}loc", address)
        news = _add(url, f"{{{NEWS}}}news")
        publication = _add(news, f"{{{NEWS}}}publication")
        _add(publication, f"{{{NEWS}}}name", context.office_name)
        _add(publication, f"{{{NEWS}}}language", version["code"])
        _add(news, f"{{{NEWS}}}publication_date", row["published_at"].isoformat())
        _add(news, f"{{{NEWS}}}title", version["title"])
    return _xml(root, "application/xml")
