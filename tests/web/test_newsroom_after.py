"""After a publication, over real HTTP: what readers, feeds and search engines see of a correction, a withdrawn photo, a
withdrawal, a hold and its lifting."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import update

from distributor.core.approval import Decision
from distributor.core.release import LanguageVersion, Status
from distributor.storage.schema import pages
from distributor.web import feed_items
from tests.web.after import at_revision, correct, decide, page_when, withdraw, withdraw_photo
from tests.web.conftest import ENGLISH, GEORGIAN, Site
from tests.web.test_feeds import ATOM, tree
from tests.web.test_newsroom_pages import linked_data

AT = "{http://purl.org/atompub/tombstones/1.0}"
FIXED = dataclasses.replace(GEORGIAN, title="მაშველებმა სამი ტურისტი იპოვეს", lead="სამივე უვნებელია.")
LISTS = ("/", "/archive", "/?q=ტურის", "/sitemap.xml", "/news-sitemap.xml")
FEEDS = ("/feeds/rss.xml", "/feeds/atom.xml", "/feeds/feed.json")


async def items_of(site: Site) -> tuple[list[ET.Element], ET.Element, list[dict[str, Any]]]:
    """The items of RSS, the Atom feed, the items of JSON Feed."""
    channel = (await tree(site, "/feeds/rss.xml", "application/rss+xml")).find("channel")
    assert channel is not None
    atom = await tree(site, "/feeds/atom.xml", "application/atom+xml")
    _, text = await site.get("/feeds/feed.json")
    return channel.findall("item"), atom, json.loads(text)["items"]


def media_paths(row: dict[str, Any], place: int) -> list[str]:
    """The addresses of one picture in all its forms."""
    entry = row["page"]["languages"]["ka"]["media"][place]
    return [entry["download"]["path"], *(file["path"] for file in entry["sizes"])]


async def test_a_correction_is_on_the_page_in_its_data_and_in_every_feed(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH)
    (rss_before,), _, (json_before,) = await items_of(site)
    site.time.ahead += timedelta(minutes=10)
    words = {"ka": "ტურისტი სამი იყო.", "en": "There were three."}
    await correct(site.stage, row["release_id"], words, versions=(FIXED, ENGLISH))
    row = await page_when(site.stage, row["release_id"], at_revision(2))
    path = f"/releases/{row['slug']}"
    _, text = await site.get(path)
    for part in (FIXED.title, FIXED.lead, words["ka"], "შესწორება", f"შეიცვალა სათაური: <q>{FIXED.title}</q>"):
        assert part in text, part
    assert GEORGIAN.title not in text
    data = linked_data(text)
    assert data["correction"] == [
        {"@type": "CorrectionComment", "text": words["ka"], "datePublished": row["page"]["corrections"][0]["at"]}
    ]
    assert datetime.fromisoformat(str(data["dateModified"])) > datetime.fromisoformat(str(data["datePublished"]))
    assert row["page"]["corrections"][0]["at"] in text
    _, text = await site.get(f"{path}?lang=en")
    assert words["en"] in text
    (item,), atom, (entry,) = await items_of(site)
    assert item.findtext("title") == f"შესწორება: {FIXED.title}"
    assert words["ka"] in (item.findtext("description") or "")
    assert item.findtext("guid") != rss_before.findtext("guid")
    assert item.findtext("pubDate") == rss_before.findtext("pubDate")
    updated = datetime.fromisoformat(atom.findtext(f"{ATOM}entry/{ATOM}updated") or "")
    assert updated == row["updated_at"] > row["published_at"]
    assert updated == datetime.fromisoformat(atom.findtext(f"{ATOM}updated") or "")
    assert entry["id"] == json_before["id"]
    assert datetime.fromisoformat(entry["date_modified"]) > datetime.fromisoformat(json_before["date_modified"])
    assert words["ka"] in entry["content_html"]


async def test_no_older_note_and_no_feed_repeats_what_a_later_correction_took_back(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH, photos=1)
    release_id, path = row["release_id"], f"/releases/{row['slug']}"
    wrong = dataclasses.replace(FIXED, title="მაშველებმა ას ტურისტს მიაგნეს")
    await correct(site.stage, release_id, versions=(wrong, ENGLISH))
    written = (await page_when(site.stage, release_id, at_revision(2)))["page"]["corrections"]
    assert wrong.title in json.dumps(written, ensure_ascii=False)
    await correct(site.stage, release_id, versions=(FIXED, ENGLISH))
    page = (await page_when(site.stage, release_id, at_revision(3)))["page"]
    shown = (path, f"{path}?lang=en", "/", "/archive", *FEEDS)
    for address in shown:
        assert wrong.title not in (await site.get(address))[1], address
    # A page from before notes were mended as they were written is right as soon as somebody reads it.
    notes = [*written, page["corrections"][1]]
    async with site.stage.parts.office.context.database.transaction() as connection:
        await connection.execute(update(pages).values(page=page | {"corrections": notes}))
        await connection.commit()
    for address in shown:
        assert wrong.title not in (await site.get(address))[1], address
    _, text = await site.get(path)
    assert text.count("შეიცვალა სათაური") == 2
    assert text.count("შეიცვალა სათაური: <q>") == 1
    assert f"<q>{FIXED.lead}</q>" in text  # which the older note says, and which still stands


async def test_an_old_release_is_in_the_feeds_again_when_it_is_corrected(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_items, "MOST", 1)
    row = await site.publish(GEORGIAN)
    await site.publish(LanguageVersion("ka", "უფრო ახალი"))
    for path in FEEDS:
        assert row["release_id"] not in (await site.get(path))[1], path
    await correct(site.stage, row["release_id"], versions=(FIXED,))
    await page_when(site.stage, row["release_id"], at_revision(2))
    for path in FEEDS:
        assert FIXED.title in (await site.get(path))[1], path


async def test_a_withdrawn_photo_is_gone_from_page_feeds_previews_and_files_at_once(site: Site) -> None:
    row = await site.publish(GEORGIAN, photos=2)
    gone, kept = media_paths(row, 0), media_paths(row, 1)
    answers = [(await site.get(path))[0] for path in gone]
    for answer in answers:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "public, no-cache"
    tag = {"If-None-Match": answers[0].headers["ETag"]}
    answer, _ = await site.get(gone[0], headers=tag)
    assert answer.status == 304  # a cache that asks again pays nothing
    assert gone[-1] in (await site.get("/"))[1]
    await withdraw_photo(site.stage, row["release_id"], 0)
    row = await page_when(site.stage, row["release_id"], at_revision(2))
    for path in (f"/releases/{row['slug']}", "/", "/archive", *FEEDS):
        _, text = await site.get(path)
        assert row["slug"] in text
        assert not [file for file in gone if file in text], path
    for path in gone:
        for headers in ({}, tag, {"Range": "bytes=0-9"}):
            answer, _ = await site.get(path, headers=headers)
            assert answer.status == 404
            assert "max-age" not in answer.headers["Cache-Control"]
    for path in kept:
        assert (await site.get(path))[0].status == 200
    _, text = await site.get(f"/releases/{row['slug']}")
    assert kept[-1] in text.partition("og:image")[2][:300]
    assert "ამოღებულია ფოტო" in text


async def test_a_withdrawal_answers_410_everywhere_and_tells_feeds(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH, photos=1)
    files = media_paths(row, 0)
    (rss_before,), _, (json_before,) = await items_of(site)
    await withdraw(site.stage, row["release_id"], {"ka": "სხვა პირი იყო."})
    row = await page_when(site.stage, row["release_id"], lambda found: found["state"] == "withdrawn")
    addresses = (row["slug"], row["release_id"], f"other-words-{row['release_id']}")
    for slug in addresses:
        for language, words in (("ka", "სხვა პირი იყო."), ("en", "This release was withdrawn."), ("ru", "სხვა პირი")):
            answer, text = await site.get(f"/releases/{slug}?lang={language}")
            assert answer.status == 410
            assert words in text
            assert '<meta name="robots" content="noindex">' in text
            assert answer.headers["X-Robots-Tag"] == "noindex"
            assert "max-age" not in answer.headers["Cache-Control"]
            assert row["page"]["withdrawn"]["at"] in text
            assert "wrong person" not in text  # the office's own reason
            for secret in (GEORGIAN.title, GEORGIAN.lead, ENGLISH.title, "og:title", "/media/"):
                assert secret not in text, secret
    for path in files:
        assert (await site.get(path))[0].status == 404
    for path in LISTS:
        _, text = await site.get(path)
        assert row["release_id"] not in text, path
    (item,), atom, (entry,) = await items_of(site)
    assert item.findtext("title") == "გამოთხოვილია"
    assert item.findtext("guid") != rss_before.findtext("guid")
    assert atom.find(f"{ATOM}entry") is None
    deleted = atom.find(f"{AT}deleted-entry")
    assert deleted is not None
    assert deleted.get("ref") == json_before["id"] == entry["id"]
    assert datetime.fromisoformat(deleted.get("when") or "") == row["updated_at"]
    assert (entry["content_text"], entry["_distributor"]) == ("სხვა პირი იყო.", {"status": "withdrawn"})
    for path in FEEDS:
        _, text = await site.get(path)
        assert not [file for file in files if file in text]
        assert GEORGIAN.title not in text
    link = (item.findtext("link") or "").removeprefix(site.stage.parts.office.context.base_url)
    assert row["slug"] not in link
    assert (await site.get(link))[0].status == 410
    site.time.ahead += timedelta(days=31)
    rss, atom, entries = await items_of(site)
    assert (rss, atom.find(f"{AT}deleted-entry"), entries) == ([], None, [])


async def test_a_hold_warns_and_its_lifting_takes_the_warning_away(site: Site) -> None:
    row = await site.publish(GEORGIAN)
    release_id, path = row["release_id"], f"/releases/{row['slug']}"
    await decide(site.stage, release_id, Decision.HOLD)
    await page_when(site.stage, release_id, lambda found: found["state"] == "held")
    _, text = await site.get(path)
    assert 'role="alert"' in text
    assert "მოწმდება: ნუ გამოიყენებთ" in text
    assert GEORGIAN.title in text
    assert "checking" not in text  # the office's own reason
    for shown in ("/", "/archive"):
        assert "მოწმდება: ნუ გამოიყენებთ" in (await site.get(shown))[1], shown
    assert row["slug"] not in (await site.get("/news-sitemap.xml"))[1]
    (item,), atom, (entry,) = await items_of(site)
    title = f"მოწმდება, ნუ გამოიყენებთ: {GEORGIAN.title}"
    assert (item.findtext("title"), atom.findtext(f"{ATOM}entry/{ATOM}title"), entry["title"]) == (title,) * 3
    guid = item.findtext("guid")
    await decide(site.stage, release_id, Decision.RESUME)
    await page_when(site.stage, release_id, lambda found: found["state"] == "published")
    for shown in (path, "/", *FEEDS):
        assert "მოწმდება" not in (await site.get(shown))[1], shown
    (item,), _, _ = await items_of(site)
    assert item.findtext("guid") != guid
    assert row["slug"] in (await site.get("/news-sitemap.xml"))[1]


async def test_a_withdrawn_exercise_is_told_by_no_feed(site: Site) -> None:
    row = await site.publish(GEORGIAN, status=Status.EXERCISE)
    await withdraw(site.stage, row["release_id"])
    await page_when(site.stage, row["release_id"], lambda found: found["state"] == "withdrawn")
    for path in FEEDS:
        assert row["release_id"] not in (await site.get(path))[1], path


async def test_a_page_has_cards_for_social_previews(site: Site) -> None:
    row = await site.publish(GEORGIAN, photos=1)
    _, text = await site.get(f"/releases/{row['slug']}")
    base = site.stage.parts.office.context.base_url
    picture = media_paths(row, 0)[-1]
    for tag in (
        f'<meta property="og:title" content="{GEORGIAN.title}">',
        f'<meta property="og:image" content="{base}{picture}">',
        '<meta name="twitter:card" content="summary_large_image">',
        f'<meta name="twitter:image" content="{base}{picture}">',
        '<meta name="twitter:image:alt" content="მთის ხედი">',
        '<meta property="article:published_time"',
    ):
        assert tag in text, tag
    row = await site.publish(LanguageVersion("ka", "უსურათო"))
    _, text = await site.get(f"/releases/{row['slug']}")
    assert '<meta name="twitter:card" content="summary">' in text
    assert "og:image" not in text
