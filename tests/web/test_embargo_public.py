"""Before an embargo ends nothing public shows anything of a release, whatever is asked for; then everything does.

Every public address is taken from the application itself, so that a page which somebody adds is asked too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor.core.ports import EMBARGO
from distributor.core.release import Kind, LanguageVersion
from distributor.demo.stage import ADMINISTRATOR
from tests.queue.backends import backend, changes
from tests.web.after import page_when
from tests.web.conftest import ENGLISH, GEORGIAN, Site, website

__all__ = ["backend", "changes"]

OTHER = LanguageVersion("ka", "სხვა ამბავი", "სხვა შესავალი.", "სხვა ტექსტი.")
TRUSTED = "wire@trusted.example"
SIGNED_IN = ("/admin",)
API = ("/api/v1/releases", "/api/v1/releases/{id}", "/api/v1/openapi.json", "/feeds/ninjs.json")


@pytest.fixture
async def public(tmp_path: Path, changes: Mapping[str, Any]) -> AsyncIterator[Site]:
    async with website(tmp_path / "stage", changes) as made:
        yield made


async def embargoed(site: Site) -> dict[str, Any]:
    """An approved release whose embargo ends in an hour: what nobody may see of it, and how it might be asked for."""
    press = site.stage.parts.office.subscriptions
    await press.add("press", TRUSTED, None, trusted=True)
    content = {"kind": Kind.NEWS, "regions": ("GE-MM",), "channels": ("newsroom", "press")}
    release_id = await site.write(
        GEORGIAN, ENGLISH, photos=2, videos=1, embargo=site.time() + timedelta(hours=1), **content
    )
    await site.approve(release_id)
    reading = site.stage.parts.office.reading
    standing = await reading.standing(release_id)
    made = await reading.renderings(release_id)
    placed = [(one, each.channel) for each in made for part in each.parts for one in part.media]
    return {
        "id": release_id,
        "slug": standing.release.slug,
        "files": {one.rendition.digest: one.rendition.media_type for one, _ in placed},
        "shown": {one.rendition.digest for one, channel in placed if channel == "newsroom"},
        "originals": [item.asset.digest for item in standing.release.draft.media],
        "words": [GEORGIAN.title, GEORGIAN.lead, ENGLISH.title, ENGLISH.lead, "მთის ხედი", "ნ. ბერიძე", "were found"],
    }


def secrets(found: dict[str, Any]) -> list[str]:
    """Nothing public may hold any of these."""
    return [found["id"], found["slug"], *found["files"], *found["originals"], *found["words"]]


def guesses(found: dict[str, Any]) -> dict[str, list[str]]:
    """What somebody might put into each part of an address."""
    files = [*found["files"], *found["originals"]]
    ends = (".jpg", ".mp4")
    return {
        "slug": [found["slug"], found["id"], f"x-{found['id']}", found["slug"][:-1], f"{found['slug']}?lang=en"],
        "name": [digest + end for digest in files for end in ends] + [files[0], f"{files[0]}.jpg?download"],
        "identifier": [found["id"], f"{found['id']}-1", f"{found['id']}.1", found["slug"]],
        "token": ["guess"],
    }


def addresses(site: Site, found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Every public GET address of the application: those without a part to guess, and all guesses at the others."""
    plain, guessed = set(), set()
    for route in site.app.router.routes():
        assert route.resource is not None
        pattern = route.resource.canonical
        if route.method != "GET" or pattern.startswith((*SIGNED_IN, "/static")):
            continue
        parts = re.findall(r"\{(\w+)\}", pattern)
        assert len(parts) <= 1, pattern
        if not parts:
            words = ("", "?lang=en", "?lang=ru", "?json=1", "?status=actual", "?before=2100-01-01T00:00:00%2B00:00")
            plain |= {pattern + query for query in words}
        for part in parts:
            # A part that nobody thought of here is asked for by everything that is known.
            known = guesses(found).get(part) or [found["id"], found["slug"]]
            guessed |= {pattern.replace(f"{{{part}}}", guess) for guess in known}
    plain |= {"/?q=ტურის", "/?q=tourist", "/archive?before=2020-01-01T00:00:00%2B00:00"}
    guessed |= {path.replace("{id}", found["id"]) for path in API}
    return sorted(plain), sorted(guessed)


async def assert_closed(site: Site, found: dict[str, Any], every: int = 1) -> int:
    """Ask everything, or every so many-th guess. Returns how many addresses were asked."""
    plain, guessed = addresses(site, found)
    guessed = guessed[::every]
    for path in plain:
        answer, text = await site.get(path)
        said = text + str(answer.headers)
        assert not [secret for secret in secrets(found) if secret in said], path
    nothing = (await site.get("/releases/nothing-0123456789"))[0]
    for path in guessed:
        answer, text = await site.get(path)
        asked = path.partition("?")[0].rpartition("/")[2]
        # What was asked for may stand in the answer (its links to the other language), but nothing else.
        said = (text + str(answer.headers)).replace(asked, "")
        assert not [secret for secret in secrets(found) if secret not in asked and secret in said], path
        if not path.startswith("/unsubscribe/"):  # which looks the same for every token
            assert answer.status == 404, path
            assert sorted(answer.headers) == sorted(nothing.headers), path
    for path in ("", "/coverage"):
        answer, text = await site.get(f"/admin/releases/{found['id']}{path}")
        assert answer.status == 401
        assert GEORGIAN.title not in text
    return len(plain) + len(guessed)


async def assert_open(site: Site, found: dict[str, Any]) -> None:
    """Everything shows."""
    slug = found["slug"]
    answer, text = await site.get(f"/releases/{slug}")
    assert answer.status == 200
    assert GEORGIAN.title in text
    assert re.search(r'<meta property="og:image" content="[^"]+/media/[0-9a-f]{64}\.jpg">', text)
    assert found["shown"]
    for digest in found["shown"]:
        media_type = found["files"][digest]
        end = ".mp4" if media_type == "video/mp4" else ".jpg"
        answer, _ = await site.get(f"/media/{digest}{end}")
        assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)
    for digest in found["originals"]:
        assert (await site.get(f"/media/{digest}.jpg"))[0].status == 404  # never
    feeds = ("/feeds/rss.xml", "/feeds/atom.xml", "/feeds/feed.json")
    for path in ("/", "/archive", "/?q=ტურის", "/sitemap.xml", "/news-sitemap.xml", *feeds):
        assert slug in (await site.get(path))[1], path
    for path in feeds:
        assert GEORGIAN.title in (await site.get(path))[1], path


async def mails(site: Site) -> list[str]:
    """Who has got mail."""
    return [to for mail in site.stage.sandbox.mail.messages for to in mail.rcpt]


async def test_f19_nothing_public_shows_anything_before_the_embargo_ends_even_where_the_clock_leaps(
    public: Site,
) -> None:
    await public.publish(OTHER)  # the pages and feeds are not empty
    found = await embargoed(public)
    for _ in range(500):  # the engine has worked on it: a trusted subscriber has it
        if TRUSTED in await mails(public):
            break
        await asyncio.sleep(0.02)
    assert set(await mails(public)) == {TRUSTED}
    assert await assert_closed(public, found) > 80
    assert OTHER.title in (await public.get("/"))[1]
    public.time.ahead += timedelta(minutes=61)
    for _ in range(500):  # the clock leapt: it is doubted, and the embargo stays closed
        lanes = await public.stage.parts.office.operations.lanes()
        if EMBARGO in lanes:
            break
        await asyncio.sleep(0.02)
    assert lanes[EMBARGO].paused
    await assert_closed(public, found, every=5)
    await public.stage.parts.office.operations.resume(EMBARGO, public.stage.people[ADMINISTRATOR])
    await page_when(public.stage, found["id"], lambda row: True)
    await assert_open(public, found)
