"""Feeds and sitemaps: parsed by a reader's rules, not compared with strings."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

from tests.web.conftest import ENGLISH, GEORGIAN, Site

ATOM, MEDIA = "{http://www.w3.org/2005/Atom}", "{http://search.yahoo.com/mrss/}"
SITEMAP, NEWS = "{http://www.sitemaps.org/schemas/sitemap/0.9}", "{http://www.google.com/schemas/sitemap-news/0.9}"


async def tree(site: Site, path: str, kind: str) -> ET.Element:
    """A feed as a tree; its type is what readers expect."""
    answer, text = await site.get(path)
    assert answer.status == 200
    assert answer.content_type == kind
    return ET.fromstring(text)  # noqa: S314  # our own output


async def test_rss_carries_words_dates_and_media(site: Site) -> None:
    row = await site.publish(GEORGIAN, photos=2)
    channel = (await tree(site, "/feeds/rss.xml", "application/rss+xml")).find("channel")
    assert channel is not None
    assert all(channel.findtext(name) for name in ("title", "link", "description"))
    (item,) = channel.findall("item")
    base = site.stage.parts.office.context.base_url
    assert item.findtext("title") == GEORGIAN.title
    assert item.findtext("link") == f"{base}/releases/{row['slug']}"
    assert abs(parsedate_to_datetime(item.findtext("pubDate") or "") - row["published_at"]) < timedelta(seconds=1)
    media = item.findall(f"{MEDIA}content")
    assert len(media) == 2
    assert all((one.get("url") or "").startswith(f"{base}/media/") for one in media)
    assert media[0].findtext(f"{MEDIA}credit") == "შსს / ნ. ბერიძე"


async def test_a_feed_in_a_language_leads_to_that_language(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH)
    channel = (await tree(site, "/feeds/rss.xml?lang=en", "application/rss+xml")).find("channel")
    assert channel is not None
    (item,) = channel.findall("item")
    assert item.findtext("title") == ENGLISH.title
    assert (item.findtext("link") or "").endswith(f"/releases/{row['slug']}?lang=en")


async def test_atom_has_what_rfc_4287_requires(site: Site) -> None:
    await site.publish(GEORGIAN)
    feed = await tree(site, "/feeds/atom.xml", "application/atom+xml")
    (entry,) = feed.findall(f"{ATOM}entry")
    for element in (feed, entry):
        assert element.findtext(f"{ATOM}id")
        assert element.findtext(f"{ATOM}title")
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated") or "").tzinfo is not None
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    content = entry.find(f"{ATOM}content")
    assert content is not None
    assert content.get("type") == "html"
    assert "<strong>" in (content.text or "")


async def test_json_feed_is_version_1_1(site: Site) -> None:
    row = await site.publish(GEORGIAN, photos=1)
    answer, text = await site.get("/feeds/feed.json")
    assert answer.content_type == "application/feed+json"
    feed = json.loads(text)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    (item,) = feed["items"]
    assert item["url"].endswith(row["slug"])
    assert item["attachments"][0]["mime_type"] == "image/jpeg"
    assert datetime.fromisoformat(item["date_published"]) == row["published_at"]


async def test_the_news_sitemap_forgets_after_two_days_and_the_sitemap_does_not(site: Site) -> None:
    row = await site.publish(GEORGIAN)
    news = await tree(site, "/news-sitemap.xml", "application/xml")
    assert news.findtext(f"{SITEMAP}url/{NEWS}news/{NEWS}title") == GEORGIAN.title
    site.time.ahead += timedelta(days=2, minutes=1)
    assert (await tree(site, "/news-sitemap.xml", "application/xml")).find(f"{SITEMAP}url") is None
    whole = await tree(site, "/sitemap.xml", "application/xml")
    assert any((loc.text or "").endswith(row["slug"]) for loc in whole.iter(f"{SITEMAP}loc"))


async def test_empty_feeds_are_valid_too(site: Site) -> None:
    assert (await tree(site, "/feeds/atom.xml", "application/atom+xml")).findtext(f"{ATOM}updated")
    for path, kind in (("/feeds/rss.xml", "application/rss+xml"), ("/sitemap.xml", "application/xml")):
        await tree(site, path, kind)
