"""Feeds and site maps: RSS 2.0 with Media RSS, Atom, JSON Feed 1.1, sitemap, news sitemap.

Reads the newsroom's pages only. XML is built as a tree, which escapes everything. How corrections, holds and
withdrawals reach readers is said in feed_items.
"""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from html import escape
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from aiohttp import web

from distributor.core.data import EPOCH
from distributor.web.feed_items import Gone, Item, feed, gone, guid_of, items
from distributor.web.site import SITE, language_of

routes = web.RouteTableDef()
NEWS_DAYS, NEWS_MOST = 2, 1000  # Google News: two days, 1000 addresses
ATOM, MEDIA = "http://www.w3.org/2005/Atom", "http://search.yahoo.com/mrss/"
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"  # RFC 6721
SITEMAP, NEWS = "http://www.sitemaps.org/schemas/sitemap/0.9", "http://www.google.com/schemas/sitemap-news/0.9"
_JSON = partial(json.dumps, ensure_ascii=False)
for prefix, space in (("atom", ATOM), ("media", MEDIA), ("news", NEWS), ("at", TOMBSTONES)):
    register_namespace(prefix, space)


def _add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    child = SubElement(parent, name, attributes)
    child.text = text or None
    return child


def _xml(root: Element, content_type: str) -> web.Response:
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="utf-8")
    return web.Response(body=body, headers={"Content-Type": f"{content_type}; charset=utf-8"})


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
    for found in await feed(request):
        _rss_item(channel, found, context.base_url)
    for one in await gone(request):
        item = _add(channel, "item")
        _add(item, "title", one.title)
        _add(item, "link", one.link)
        _add(item, "guid", guid_of(one.row), isPermaLink="false")
        _add(item, "pubDate", format_datetime(one.at, usegmt=True))
        _add(item, "description", one.words)
    return _xml(root, "application/rss+xml")


def _rss_item(channel: Element, found: Item, base_url: str) -> None:
    row, version = found.row, found.version
    item = _add(channel, "item")
    _add(item, "title", found.title)
    _add(item, "link", found.address)
    _add(item, "guid", found.guid, isPermaLink="false")
    _add(item, "pubDate", format_datetime(row["published_at"], usegmt=True))
    _add(item, f"{{{ATOM}}}updated", row["updated_at"].isoformat())
    _add(item, "description", " ".join(filter(None, (found.words, version["lead"] or version["text"][:500]))))
    for entry in version["media"]:
        file = entry["download"]
        content = _add(
            item,
            f"{{{MEDIA}}}content",
            url=f"{base_url}{file['path']}",
            type=file["media_type"],
            fileSize=str(file["size"]),
            medium="video" if entry["kind"] == "video" else "image",
        )
        _add(content, f"{{{MEDIA}}}description", entry["alt"], type="plain")
        _add(content, f"{{{MEDIA}}}credit", entry["credit"])


@routes.get("/feeds/atom.xml")
async def atom(request: web.Request) -> web.StreamResponse:
    """Atom (RFC 4287), with deleted entries (RFC 6721)."""
    context = request.app[SITE].office.context
    found, withdrawn = await feed(request), await gone(request)
    changes = [*(item.row["updated_at"] for item in found), *(one.at for one in withdrawn)]
    newest = max(changes, default=EPOCH)
    root = Element(f"{{{ATOM}}}feed")
    _add(root, f"{{{ATOM}}}id", f"{context.base_url}/feeds/atom.xml")
    _add(root, f"{{{ATOM}}}title", context.office_name)
    _add(root, f"{{{ATOM}}}updated", newest.isoformat())
    author = _add(root, f"{{{ATOM}}}author")
    _add(author, f"{{{ATOM}}}name", context.office_name)
    _add(root, f"{{{ATOM}}}link", rel="self", href=f"{context.base_url}/feeds/atom.xml")
    for item in found:
        row, version = item.row, item.version
        entry = _add(root, f"{{{ATOM}}}entry")
        _add(entry, f"{{{ATOM}}}id", item.address)
        _add(entry, f"{{{ATOM}}}title", item.title)
        _add(entry, f"{{{ATOM}}}link", href=item.address)
        _add(entry, f"{{{ATOM}}}published", row["published_at"].isoformat())
        _add(entry, f"{{{ATOM}}}updated", row["updated_at"].isoformat())
        _add(entry, f"{{{ATOM}}}summary", " ".join(filter(None, (item.words, version["lead"]))))
        _add(entry, f"{{{ATOM}}}content", _labelled(item), type="html")
    for one in withdrawn:
        deleted = _add(root, f"{{{TOMBSTONES}}}deleted-entry", ref=one.address, when=one.at.isoformat())
        _add(deleted, f"{{{TOMBSTONES}}}comment", one.words)
    return _xml(root, "application/atom+xml")


def _labelled(item: Item) -> str:
    """The text, below what the newest notice says."""
    return (f"<p><strong>{escape(item.words)}</strong></p>" if item.words else "") + str(item.version["html"])


@routes.get("/feeds/feed.json")
async def json_feed(request: web.Request) -> web.StreamResponse:
    """JSON Feed 1.1."""
    context = request.app[SITE].office.context
    made = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": context.office_name,
        "home_page_url": context.base_url,
        "feed_url": f"{context.base_url}/feeds/feed.json",
        "items": [
            *(_json_item(item, context.base_url) for item in await feed(request)),
            *(_json_gone(one) for one in await gone(request)),
        ],
    }
    return web.json_response(made, content_type="application/feed+json", dumps=_JSON)


def _json_item(item: Item, base_url: str) -> dict[str, Any]:
    row, version = item.row, item.version
    return {
        "id": item.address,
        "url": item.address,
        "title": item.title,
        "summary": " ".join(filter(None, (item.words, version["lead"]))),
        "content_html": _labelled(item),
        "language": item.code,
        "date_published": row["published_at"].isoformat(),
        "date_modified": row["updated_at"].isoformat(),
        "_distributor": {"status": row["state"], "corrections": len(row["page"].get("corrections", []))},
        "attachments": [
            {
                "url": f"{base_url}{entry['download']['path']}",
                "mime_type": entry["download"]["media_type"],
                "title": entry["alt"],
                "size_in_bytes": entry["download"]["size"],
            }
            for entry in version["media"]
        ],
    }


def _json_gone(one: Gone) -> dict[str, Any]:
    return {
        "id": one.address,
        "url": one.link,
        "title": one.title,
        "content_text": one.words,
        "language": one.code,
        "date_published": one.row["published_at"].isoformat(),
        "date_modified": one.at.isoformat(),
        "_distributor": {"status": "withdrawn"},
    }


@routes.get("/sitemap.xml")
async def sitemap(request: web.Request) -> web.StreamResponse:
    """Every published page, as far as one site map goes."""
    root = Element(f"{{{SITEMAP}}}urlset")
    for item in await items(request, 50_000):
        url = _add(root, f"{{{SITEMAP}}}url")
        _add(url, f"{{{SITEMAP}}}loc", item.address)
        _add(url, f"{{{SITEMAP}}}lastmod", item.row["updated_at"].isoformat())
    return _xml(root, "application/xml")


@routes.get("/news-sitemap.xml")
async def news_sitemap(request: web.Request) -> web.StreamResponse:
    """The last two days, for news search; what is being checked is not offered to it."""
    context = request.app[SITE].office.context
    since = context.clock() - timedelta(days=NEWS_DAYS)
    root = Element(f"{{{SITEMAP}}}urlset")
    for item in await items(request, NEWS_MOST):
        row, version = item.row, item.version
        if row["published_at"] < since or row["state"] == "held":
            continue
        url = _add(root, f"{{{SITEMAP}}}url")
        _add(url, f"{{{SITEMAP}}}loc", item.address)
        news = _add(url, f"{{{NEWS}}}news")
        publication = _add(news, f"{{{NEWS}}}publication")
        _add(publication, f"{{{NEWS}}}name", context.office_name)
        _add(publication, f"{{{NEWS}}}language", item.code)
        _add(news, f"{{{NEWS}}}publication_date", row["published_at"].isoformat())
        _add(news, f"{{{NEWS}}}title", version["title"])
    return _xml(root, "application/xml")
