"""The newsroom over real HTTP: what readers see, and what nobody may see yet."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest

from distributor.core.release import LanguageVersion, Status
from tests.web.conftest import ENGLISH, GEORGIAN, Site

RUSSIAN = LanguageVersion("ru", "Спасатели нашли двух туристов", "Оба невредимы.", "Их нашли утром.")


class Tags(HTMLParser):
    """The attributes and links of a page, as a browser finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag begins."""
        self.attributes += [name for name, _ in attrs]
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def linked_data(text: str) -> dict[str, object]:
    """The page's JSON-LD."""
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


async def test_a_release_is_a_page_in_each_of_its_languages(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH, RUSSIAN, photos=1, videos=1, regions=("GE-MM",))
    path = f"/releases/{row['slug']}"
    answer, text = await site.get(path)
    assert answer.status == 200
    assert GEORGIAN.title in text
    assert "<strong>დილით</strong>" in text
    assert 'srcset="/media/' in text
    assert 'alt="მთის ხედი"' in text
    assert "შსს / ნ. ბერიძე" in text
    assert "სამძებრო სამუშაოები" in text
    assert 'poster="/media/' in text
    assert "controls" in text
    assert "?download" in text
    assert re.search(r'<time datetime="20\d\d-[^"]+\+00:00">\d+ \w+, 20\d\d, \d\d:\d\d</time>', text)
    assert linked_data(text)["headline"] == GEORGIAN.title
    for version in (ENGLISH, RUSSIAN):
        assert f'hreflang="{version.language}"' in text
        _, other = await site.get(f"{path}?lang={version.language}")
        assert version.title in other
        assert f'<article class="release" lang="{version.language}">' in other
        base = site.stage.parts.office.context.base_url
        assert f'<link rel="canonical" href="{base}{path}?lang={version.language}">' in other


async def test_the_front_page_and_the_archive_list_it_and_a_search_finds_beginnings_of_words(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH)
    for path in ("/", "/archive", "/?q=ტურის", "/?q=RESC"):
        answer, text = await site.get(path)
        assert answer.status == 200
        assert f"/releases/{row['slug']}" in text, path
    _, text = await site.get("/?q=მოსკოვი")
    assert row["slug"] not in text
    _, text = await site.get("/?lang=en")
    assert ENGLISH.title in text
    assert '<html lang="en">' in text


async def test_other_words_before_the_right_id_lead_to_the_right_address(site: Site) -> None:
    row = await site.publish(GEORGIAN, ENGLISH)
    answer, _ = await site.get(f"/releases/other-words-{row['release_id']}?lang=en")
    assert (answer.status, answer.headers["Location"]) == (301, f"/releases/{row['slug']}?lang=en")
    answer, text = await site.get("/releases/nothing-0123456789")
    assert answer.status == 404
    assert "Traceback" not in text


async def test_an_exercise_says_so_and_stays_out_of_feeds_and_search_engines(site: Site) -> None:
    row = await site.publish(GEORGIAN, status=Status.EXERCISE)
    _, text = await site.get(f"/releases/{row['slug']}")
    assert "სწავლება" in text
    assert '<meta name="robots" content="noindex">' in text
    for path in ("/feeds/rss.xml", "/feeds/atom.xml", "/feeds/feed.json", "/sitemap.xml", "/news-sitemap.xml"):
        _, feed = await site.get(path)
        assert row["slug"] not in feed, path


async def test_f35_a_script_in_the_text_is_text_on_the_page(site: Site) -> None:
    evil = '<script>alert("1")</script></title><img src=x onerror=alert(2)>'
    body = f"{evil}\n\n[press](javascript:alert(3))\n\n</script><script>alert(4)</script>"
    row = await site.publish(LanguageVersion("ka", evil, evil, body))
    paths = (f"/releases/{row['slug']}", "/", "/archive", "/?q=%3Cscript%3Ealert(5)%3C/script%3E")
    for path in paths:
        answer, text = await site.get(path)
        assert answer.status == 200
        assert [
            kind for kind in re.findall(r"<script([^>]*)>", text) if kind.strip() != 'type="application/ld+json"'
        ] == []
        seen = Tags(text)
        assert not [name for name in seen.attributes if name.startswith("on")], path
        assert not [link for link in seen.links if not link.startswith(("/", "?", "http"))], path
        assert "script-src 'none'" in answer.headers["Content-Security-Policy"]
    _, text = await site.get(paths[0])
    assert linked_data(text)["headline"] == evil
    assert html.escape(evil, quote=False) in text.replace("&#34;", '"')


async def test_media_comes_in_ranges_with_its_type_and_a_safe_name_and_originals_never_do(site: Site) -> None:
    row = await site.publish(GEORGIAN, photos=1)
    file = row["page"]["languages"]["ka"]["media"][0]["download"]
    answer, _ = await site.get(file["path"], headers={"Range": "bytes=0-9"})
    assert (answer.status, answer.headers["Content-Length"]) == (206, "10")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Disposition" not in answer.headers
    answer, _ = await site.get(f"{file['path']}?download")
    assert re.fullmatch(
        r"attachment; filename=\"[\w.-]+\.jpg\"; filename\*=UTF-8''[\w.%-]+", answer.headers["Content-Disposition"]
    )
    async with site.http.head(site.url + file["path"]) as head:
        assert (head.status, head.headers["Content-Length"]) == (200, str(file["size"]))
    standing = await site.stage.parts.office.reading.standing(row["release_id"])
    original = standing.release.draft.media[0].asset.digest
    for path in (
        f"/media/{original}.jpg",
        f"/media/{'0' * 64}.jpg",
        "/media/../distributor.toml",
        f"/media/{original}",
    ):
        answer, _ = await site.get(path)
        assert answer.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "//evil.example/",
        "/archive?before=nonsense",
        "/archive?before=0001-01-01T00:00:00%2B14:00",
        "/archive?before=2026-01-01T00:00:00",
        "/releases/%00",
        "/archive?q=%00",
        "/feeds/cap.xml?status=%00",
        "/releases/%ED%A0%80%FF",
        "/static/../app.py",
    ],
)
async def test_strange_addresses_get_words_and_no_way_out(site: Site, path: str) -> None:
    answer, text = await site.get(path)
    assert answer.status == 404
    assert "<main" in text
    assert '="//' not in text  # no link to whatever host was asked for
    assert answer.headers["Content-Security-Policy"]


async def test_the_host_header_builds_no_link(site: Site) -> None:
    row = await site.publish(GEORGIAN)
    for path in ("/", f"/releases/{row['slug']}", "/feeds/rss.xml", "/feeds/feed.json", "/sitemap.xml", "/verify"):
        answer, text = await site.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        assert answer.status == 200
        assert "evil.example" not in text


async def test_the_checkpoints_are_public_and_say_how_to_use_them(site: Site) -> None:
    _, text = await site.get("/verify")
    assert "ed25519" in text.casefold()
    point = await site.stage.parts.office.auditing.checkpoint()
    assert point is not None
    _, text = await site.get("/verify")
    for part in (point.public_key, point.head, point.signature):
        assert part in text
    assert re.search(r"<time datetime=", text)
    signed = re.search(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)
    assert signed is not None
    assert len(signed[1].splitlines()) == 5
    _, listed = await site.get("/verify?json")
    assert json.loads(listed)["checkpoints"][0]["signature"] == point.signature
