"""What a Telegram chat will show, and what Telegram would refuse: pure, without a network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distributor.adapters.telegram_check import check
from distributor.adapters.telegram_render import (
    LOCAL_BYTES,
    VIDEO_BYTES,
    Manner,
    photo_profile,
    profiles,
    render,
    thumbnail_profile,
    video_profile,
)
from distributor.adapters.telegram_words import WORDS
from distributor.core.asset import Asset, MediaKind, Rendition
from distributor.core.channel import Source
from distributor.core.release import Kind, LanguageVersion, MediaItem, Revision, Status
from distributor.core.rendering import Part, Placed, Rendering
from distributor.core.text import utf16_length

MANNER = Manner("public")
URL = "https://newsroom.example/releases/a"


def asset(number: int, kind: MediaKind = MediaKind.PHOTO) -> Asset:
    """An original that was never stored."""
    return Asset(f"{number:064x}", kind, "image/jpeg", 9, 1600, 1067, None, "a.jpg", False)


def source(
    version: LanguageVersion, *, media: int = 0, caption: str = "", manner: Manner = MANNER, **facts: object
) -> Source:
    """A release in one language, with so many photos."""
    items = tuple(
        MediaItem(asset(number), {"ka": "აღწერა"}, f"ავტორი {number % 2}", {version.language: caption})
        for number in range(media)
    )
    revision = replace(Revision("abcdefghjk", 1, 1, Kind.NEWS, (version,), media=items), **facts)  # type: ignore[arg-type]
    made = {
        item.asset.digest: {
            profile.key: Rendition(item.asset.digest, profile.key, f"{n:064x}", "image/jpeg", 9, 1600, 1067, None)
            for n, profile in enumerate(profiles(item.asset, MANNER), 1)
        }
        for item in items
    }
    return Source(revision, ("ka", "en"), made, URL, "შსს")


def rendered(given: Source, manner: Manner = MANNER) -> Rendering:
    """The rendering, which there is."""
    made = render(given, manner)
    assert made is not None
    return made


def test_the_same_source_gives_the_same_hash() -> None:
    version = LanguageVersion("ka", "სათაური", "შესავალი", "ტექსტი")
    assert rendered(source(version, media=3)).hash == rendered(source(version, media=3)).hash
    silent = replace(MANNER, silent=True)
    assert rendered(source(version), silent).hash != rendered(source(version)).hash


def test_credits_are_named_once_and_captions_are_numbered() -> None:
    text = rendered(source(LanguageVersion("en", "Title"), media=3, caption="On the scene")).text
    assert "1. On the scene\n2. On the scene\n3. On the scene" in text
    assert "Photo: ავტორი 0, ავტორი 1" in text
    assert text.endswith(WORDS["en"]["page"])


def test_every_language_has_every_word_and_others_read_english() -> None:
    assert all(words.keys() == WORDS["en"].keys() for words in WORDS.values())
    other = source(LanguageVersion("az", "Başlıq"), status=Status.TEST)
    assert rendered(replace(other, languages=("az",))).text.startswith("🔷 TEST")


def test_an_emergency_exercise_says_both() -> None:
    text = rendered(source(LanguageVersion("en", "Flood"), kind=Kind.EMERGENCY, status=Status.EXERCISE)).text
    assert text.startswith("⚠️ EMERGENCY\n\n🔷 EXERCISE: this is not a real event\n\nFlood")


@pytest.mark.parametrize("long_text", ["caption_then_message", "link"])
@pytest.mark.parametrize(
    ("title", "lead", "body"), [(30, 0, 5000), (30, 2000, 0), (1020, 900, 900), (2000, 0, 0), (5000, 9, 9)]
)
@pytest.mark.parametrize("media", [0, 1, 10])
def test_no_text_is_ever_too_long(long_text: str, title: int, lead: int, body: int, media: int) -> None:
    version = LanguageVersion("ka", *("სიტყვა 🚒 " * (size // 10) for size in (title, lead, body)))
    manner = replace(MANNER, long_text=long_text)  # type: ignore[arg-type]
    rendering = rendered(source(version, media=media, caption="წარწერა " * 30), manner)
    for part in rendering.parts:
        assert utf16_length(part.text) <= (1024 if part.media else 4096)
        assert all(item.offset + item.length <= utf16_length(part.text) for item in part.entities)
    assert not [problem for problem in check(rendering, VIDEO_BYTES) if problem.severity == "blocking"]
    assert len(rendering.parts) == 1 or long_text == "caption_then_message"


def test_a_caption_of_exactly_1024_is_one_message_and_one_more_makes_two() -> None:
    manner = replace(MANNER, page_link=False)

    def kinds(size: int) -> list[tuple[str, int]]:
        parts = rendered(source(LanguageVersion("ka", "ა", "", "ბ" * size), media=1), manner).parts
        return [(part.kind, utf16_length(part.text)) for part in parts]

    around = 1024 - (kinds(1)[0][1] - 1)  # what title, gaps and credit leave to the body
    assert kinds(around) == [("photo", 1024)]
    assert [kind for kind, _ in kinds(around + 1)] == ["photo", "message"]


def test_a_shortened_text_always_leads_to_the_page() -> None:
    manner = replace(MANNER, long_text="link", page_link=False)
    rendering = rendered(source(LanguageVersion("ka", "სათაური", "", "სიტყვა " * 900)), manner)
    assert [entity.href for entity in rendering.parts[0].entities if entity.href] == [URL]
    assert [problem.code for problem in check(rendering, VIDEO_BYTES)] == ["text_shortened"]


def test_settings_that_bear_on_the_post_are_part_of_the_rendering() -> None:
    manner = replace(MANNER, silent=True, link_preview=True)
    rendering = rendered(source(LanguageVersion("ka", "სათაური", "", "სიტყვა " * 900)), manner)
    assert [part.fields for part in rendering.parts] == [
        {"preview": URL, "silent": "1"},
        {"preview": URL, "silent": "1", "reply_to": "0"},
    ]


def test_a_video_is_followed_by_its_thumbnail_and_profiles_hold_telegrams_limits() -> None:
    film = asset(1, MediaKind.VIDEO)
    assert profiles(film, MANNER) == (video_profile(), thumbnail_profile())
    assert profiles(film, replace(MANNER, video_bytes=LOCAL_BYTES))[0].max_bytes == 2_000_000_000
    photo = photo_profile()
    assert (photo.max_bytes, photo.max_sum, photo.max_ratio) == (10_000_000, 10_000, 20)
    still = thumbnail_profile()
    assert (still.max_width, still.max_height, still.max_bytes) == (320, 320, 200_000)


@pytest.mark.parametrize(
    ("rendition", "kind", "code"),
    [
        ({"size": 10_000_001}, MediaKind.PHOTO, "media_too_large"),
        ({"size": VIDEO_BYTES + 1}, MediaKind.VIDEO, "media_too_large"),
        ({"width": 9000, "height": 1001}, MediaKind.PHOTO, "photo_too_wide"),
        ({"width": 2100, "height": 100}, MediaKind.PHOTO, "photo_ratio"),
    ],
)
def test_what_telegram_would_refuse_stops_the_release(rendition: dict[str, int], kind: MediaKind, code: str) -> None:
    made = replace(Rendition("a", "p", "b", "image/jpeg", 9, 100, 100, None), **rendition)  # type: ignore[arg-type]
    (problem,) = check(Rendering("public", "ka", (Part("photo", "ა", media=(Placed(made, kind),)),)), VIDEO_BYTES)
    assert (problem.code, problem.severity, problem.params["number"]) == (code, "blocking", "1")


def test_texts_out_of_bounds_stop_the_release() -> None:
    photo = Placed(Rendition("a", "p", "b", "image/jpeg", 9, 100, 100, None), MediaKind.PHOTO)
    parts = (Part("message", " "), Part("message", "ა" * 4097), Part("photo", "ა" * 1025, media=(photo,)))
    codes = [problem.code for problem in check(Rendering("public", "ka", parts), VIDEO_BYTES)]
    assert codes == ["empty_text", "text_too_long", "caption_too_long", "several_messages"]
