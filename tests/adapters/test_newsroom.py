"""The newsroom: what a page holds, and that a key makes one page however often it is put."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from distributor.adapters.newsroom import Newsroom, NewsroomSettings
from distributor.adapters.site import clean_html
from distributor.core.asset import Asset, MediaKind
from distributor.core.channel import Channel, Source
from distributor.core.markup import html, parse
from distributor.core.outcome import Absent, Receipt, Sent
from distributor.core.release import Kind, LanguageVersion, Revision
from distributor.core.rendering import Severity
from distributor.storage.database import Database
from distributor.storage.pages import NewsroomPages
from distributor.storage.schema import people, releases
from tests.adapters.support import LEAD, TITLE, URL, Desk, Recorder

NOW = datetime(2026, 3, 5, tzinfo=UTC)


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/test.db")
    await made.open()
    await made.migrate()
    async with made.transaction() as connection:
        person = {"id": 1, "name": "Author", "role": "author", "created_at": NOW}
        await connection.execute(insert(people).values(**person))
        release = {"id": "abcdefghjk", "state": "approved", "author_id": 1, "draft": {}, "slug": "khandzari-abcdefghjk"}
        await connection.execute(insert(releases).values(**release, created_at=NOW, updated_at=NOW))
        await connection.commit()
    yield made
    await made.close()


@pytest.fixture
def site(desk: Desk, database: Database) -> Newsroom:
    around = dataclasses.replace(desk.surroundings, pages=NewsroomPages(database))
    return Newsroom("site", NewsroomSettings(), around)


def two_languages(revision: Revision) -> Revision:
    english = LanguageVersion("en", "A fire is out", "", "Nobody was **hurt**.")
    return dataclasses.replace(revision, versions=(*revision.versions, english), regions=("GE-TB",), topics=("fire",))


async def test_a_page_is_put_once_and_read_back_whole(site: Newsroom, desk: Desk, database: Database) -> None:
    revision = two_languages(await desk.release(photo_count=2, videos=1))
    job = desk.job(site, await desk.rendering(site, revision))
    receipt = Sent(
        Receipt(("/releases/khandzari-abcdefghjk",), ("https://newsroom.example/releases/khandzari-abcdefghjk",))
    )
    assert await site.prepare(job, Recorder()) is None
    assert await site.publish(job, Recorder()) == receipt
    first = await NewsroomPages(database).get("khandzari-abcdefghjk")
    desk.time.pass_by(60)
    assert await site.publish(job, Recorder()) == receipt
    assert await NewsroomPages(database).get("khandzari-abcdefghjk") == first
    assert first is not None
    page = first["page"]
    assert (page["kind"], page["status"], page["main_language"]) == ("news", "actual", "ka")
    assert (page["regions"], page["topics"]) == (["GE-TB"], ["fire"])
    assert datetime.fromisoformat(page["published_at"]).utcoffset() is not None
    assert list(page["languages"]) == ["ka", "en"]
    georgian, english = page["languages"].values()
    assert (georgian["title"], georgian["lead"]) == (TITLE, LEAD)
    assert (
        georgian["html"]
        == "<p>შემთხვევის ადგილზე <strong>ოთხი</strong> ეკიპაჟი მუშაობდა.</p><p>მიმდინარეობს გამოძიება.</p>"
    )
    assert english["text"] == "Nobody was hurt."


async def test_the_pictures_of_a_page_are_served_in_sizes_and_nothing_else_is(
    site: Newsroom, desk: Desk, database: Database
) -> None:
    revision = await desk.release(photo_count=2, videos=1)
    await site.publish(desk.job(site, await desk.rendering(site, revision)), Recorder())
    pages = NewsroomPages(database)
    row = await pages.by_id("abcdefghjk")
    assert row is not None
    first, _, film = row["page"]["languages"]["ka"]["media"]
    assert (first["kind"], first["alt"], first["caption"], first["credit"]) == (
        "photo", "აღწერა 1", "წარწერა 1", "შსს / ნ. ბერიძე",
    )  # fmt: skip
    assert [file["width"] for file in first["sizes"]] == [480, 960, 1600]  # never enlarged
    assert first["download"]["width"] == 1600
    assert first["download"]["path"] == f"/media/{first['download']['digest']}.jpg"
    assert first["download"]["name"].endswith(".jpg")
    assert film["kind"] == "video"
    assert film["download"]["media_type"] == "video/mp4"
    assert film["download"]["path"].endswith(".mp4")
    assert film["download"]["duration"] == pytest.approx(2, abs=0.2)
    assert {file["media_type"] for file in film["sizes"]} == {"image/jpeg"}
    assert await pages.file(first["download"]["digest"]) is not None
    for item in revision.media:  # the original holds a place and a camera: it has no public address
        assert await pages.file(item.asset.digest) is None


async def test_reconciling_asks_our_own_database(site: Newsroom, desk: Desk) -> None:
    job = desk.job(site, await desk.rendering(site, await desk.release()))
    assert isinstance(await site.reconcile(job, Recorder()), Absent)
    done = await site.publish(job, Recorder())
    assert await site.reconcile(job, Recorder()) == done


async def test_everything_on_the_page_is_in_the_approved_rendering(site: Newsroom, desk: Desk) -> None:
    revision = await desk.release(photo_count=1)
    rendering = await desk.rendering(site, revision)
    renamed = dataclasses.replace(revision.media[0], alt={"ka": "სხვა"})
    for change in (
        {"kind": Kind.APPEAL},
        {"regions": ("GE-IM",)},
        {"topics": ("traffic",)},
        {"versions": (dataclasses.replace(revision.versions[0], lead="სხვა"),)},
        {"media": (renamed,)},
    ):
        changed = dataclasses.replace(revision, **change)
        assert (await desk.rendering(site, changed)).hash != rendering.hash
    assert (await desk.rendering(site, revision)).hash == rendering.hash


async def test_every_language_is_a_part_in_the_order_wished(site: Newsroom, desk: Desk) -> None:
    revision = two_languages(await desk.release())
    for languages, wanted in ((("en",), ["en", "ka"]), (("ka", "en"), ["ka", "en"]), ((), ["ka", "en"])):
        rendering = site.render(Source(revision, languages, {}, URL, "შსს", ("თბილისი",), ("ხანძარი",)))
        assert rendering is not None
        assert [part.fields["language"] for part in rendering.parts] == wanted
        assert rendering.language == wanted[0]
        assert json.loads(rendering.parts[0].fields["region_names"]) == ["თბილისი"]


async def test_a_small_picture_is_listed_once(desk: Desk, site: Newsroom) -> None:
    wide = Newsroom("site", NewsroomSettings(sizes=(1700, 1800, 1900)), site._around)
    job = desk.job(wide, await desk.rendering(wide, await desk.release(photo_count=1)))
    await wide.publish(job, Recorder())
    row = await NewsroomPages(site._around.pages._database).by_id("abcdefghjk")  # type: ignore[attr-defined]
    assert row is not None
    sizes = row["page"]["languages"]["ka"]["media"][0]["sizes"]
    assert len({file["digest"] for file in sizes}) == len(sizes)


def test_a_page_without_a_title_is_stopped(site: Newsroom) -> None:
    bare = Revision("abcdefghjk", 1, 1, Kind.NEWS, (LanguageVersion("ka", " "),))
    rendering = site.render(Source(bare, ("ka",), {}, URL, "შსს"))
    assert rendering is not None
    found = [(problem.severity, problem.code) for problem in site.check(rendering)]
    assert found == [(Severity.BLOCKING, "page.no_title"), (Severity.NOTE, "page.title_only")]
    assert site.render(Source(dataclasses.replace(bare, versions=()), ("ka",), {}, URL, "შსს")) is None


async def test_the_probe_finds_nothing_to_complain_of(site: Newsroom) -> None:
    channel: Channel = site
    assert (await channel.probe()).ok
    assert channel.own_address() == "https://newsroom.example"
    assert channel.traits.repeatable
    assert channel.traits.all_languages


@pytest.mark.parametrize("sizes", [(), (10,), (480, 9000)])
def test_sizes_that_no_page_could_use_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sizes"):
        NewsroomSettings(sizes=sizes)


@pytest.mark.parametrize(
    "dirty",
    [
        "<script>alert(1)</script>words",
        '<a href="javascript:alert(1)">words</a>',
        '<img src=x onerror="alert(1)">words',
        '<p style="position:fixed" onclick="x()">words</p>',
        '<iframe src="https://evil.example"></iframe>words',
        "<svg><style><img src=x onerror=alert(1)></style></svg>words",
    ],
)
def test_f35_the_second_wall_leaves_words_only(dirty: str) -> None:
    clean = clean_html(dirty)
    assert "words" in clean
    for evil in ("script", "javascript:", "onerror", "onclick", "style", "<i", "<svg"):
        assert evil not in clean


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=200))
@settings(max_examples=200, deadline=None)
def test_f35_the_second_wall_changes_nothing_that_markup_wrote(source: str) -> None:
    written = html(parse(source))
    once = clean_html(written)
    assert clean_html(once) == once
    assert once.count("<p>") == written.count("<p>")
    assert "<script" not in once


def test_profiles_are_a_download_and_the_sizes(site: Newsroom) -> None:
    film = Asset("a" * 64, MediaKind.VIDEO, "video/mp4", 1, 640, 360, 2.0, "film.mp4", False)
    download, *posters = site.profiles(film)
    assert (download.kind, download.media_type, download.max_sum) == (MediaKind.VIDEO, "video/mp4", 3000)
    assert [poster.max_width for poster in posters] == [480, 960, 1920]
