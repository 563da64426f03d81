"""What X will show: weights, cuts, threads, and the media that it leaves out."""

from __future__ import annotations

import pytest

from distributor.adapters import x_text
from distributor.core.asset import Asset, MediaKind, Rendition
from distributor.core.channel import Source
from distributor.core.release import Kind, LanguageVersion, MediaItem, Revision, Status
from distributor.core.rendering import Rendering, Severity

WORD = "გამოძიება"


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("ა" * 280, 280),  # Mkhedruli
        ("Ა" * 140, 280),  # Mtavruli
        ("https://newsroom.gov.ge/releases/a-very-long-address-that-goes-on-and-on", 23),
        ("police.ge", 23),
        ("👨\u200d👩\u200d👧", 2),
        ("🚒🚒", 4),
        ("…", 2),
        ("e\u0301", 1),
    ],
)
def test_a_text_weighs_what_twitter_text_says(text: str, weight: int) -> None:
    assert x_text.weight(text) == weight


def test_a_text_that_fits_exactly_is_not_cut() -> None:
    text = "ა" * 280
    assert x_text.fit(text, 280) == text


def test_a_text_one_sign_too_long_is_cut_at_a_word() -> None:
    text = " ".join([WORD] * 28) + " ბ"
    assert x_text.weight(text) == 281
    cut = x_text.fit(text, 280)
    assert cut == " ".join([WORD] * 27) + "…"
    assert x_text.weight(cut) <= 280


def test_a_cut_leaves_no_stray_sign_before_the_mark() -> None:
    assert x_text.fit("ერთი, ორი", 8) == "ერთი…"


@pytest.mark.parametrize("cluster", ["👨\u200d👩\u200d👧", "👍🏽", "e\u0301"])
def test_one_endless_word_is_cut_between_signs_and_never_inside_one(cluster: str) -> None:
    cut = x_text.fit(cluster * 300, 280)
    assert cut.endswith("…")
    assert cut.removesuffix("…").replace(cluster, "") == ""
    assert x_text.weight(cut) <= 280


def test_a_thread_keeps_every_word_in_order() -> None:
    text = "\n\n".join(" ".join(f"{WORD}{number}" for number in range(row, row + 20)) for row in range(0, 100, 20))
    posts = x_text.split(text, 280, 10)
    assert len(posts) > 2
    assert all(0 < x_text.weight(post) <= 280 for post in posts)
    assert " ".join(posts).replace("…", "").split() == text.split()


def test_an_endless_thread_ends_with_a_mark() -> None:
    posts = x_text.split(f"{WORD} " * 1000, 280, 10)
    assert len(posts) == 10
    assert posts[-1].endswith("…")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("https://a.gov.ge/b", "a.gov.ge/b"),
        ("See police.ge now", "See http://police.ge now"),
        ("ერთი\n\nორი", "ერთი ორი"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_the_same_text_compares_equal_however_x_shows_it(ours: str, theirs: str) -> None:
    assert x_text.comparable(ours) == x_text.comparable(theirs)


def test_different_texts_compare_different() -> None:
    assert x_text.comparable("See https://a.gov.ge/b") != x_text.comparable("See https://a.gov.ge/c")


def _asset(kind: MediaKind, number: int, seconds: float | None = None) -> MediaItem:
    digest = f"{number:064x}"
    media_type = "image/jpeg" if kind is MediaKind.PHOTO else "video/mp4"
    return MediaItem(
        Asset(digest, kind, media_type, 1, 1, 1, seconds, f"{number}.bin", False), {"ka": f"აღწერა {number}"}
    )


def _source(
    photos: int = 0,
    videos: int = 0,
    kind: Kind = Kind.NEWS,
    *,
    status: Status = Status.ACTUAL,
    title: str = "სათაური",
    lead: str = "ლიდი",
    body: str = "",
    seconds: float = 3.0,
    language: str = "ka",
) -> Source:
    media = [_asset(MediaKind.PHOTO, number) for number in range(photos)]
    media += [_asset(MediaKind.VIDEO, 100 + number, seconds) for number in range(videos)]
    made = {}
    for item in media:
        profile = x_text.PHOTO if item.asset.kind is MediaKind.PHOTO else x_text.VIDEO
        one = Rendition(
            item.asset.digest, profile.key, item.asset.digest, profile.media_type, 1, 1, 1, item.asset.duration
        )
        made[item.asset.digest] = {profile.key: one}
    version = LanguageVersion(language, title, lead, body)
    revision = Revision("abcdefghjk", 1, 1, kind, (version,), status, media=tuple(media))
    return Source(revision, ("ka", "en"), made, "https://newsroom.gov.ge/releases/a", "შსს")


def _render(source: Source, *, link: bool = False, thread: bool = False) -> Rendering:
    rendering = x_text.render("x", source, link=link, thread=thread)
    assert rendering is not None
    return rendering


def _codes(rendering: Rendering) -> dict[str, dict[str, str]]:
    return {problem.code: problem.params for problem in x_text.check(rendering)}


def test_a_language_that_the_channel_does_not_want_gives_nothing() -> None:
    assert x_text.render("x", _source(language="az"), link=False, thread=False) is None


def test_the_post_is_title_and_lead_without_a_link() -> None:
    rendering = _render(_source())
    assert [part.text for part in rendering.parts] == ["სათაური\n\nლიდი"]
    assert _codes(rendering) == {}


def test_a_link_has_its_room_and_its_price_is_noted() -> None:
    rendering = _render(_source(lead="სიტყვა " * 80), link=True)
    text = rendering.parts[0].text
    assert text.endswith("…\n\nhttps://newsroom.gov.ge/releases/a")
    assert x_text.weight(text) <= 280
    assert set(_codes(rendering)) == {"link_costs_more", "text_shortened"}


def test_a_bare_domain_in_the_text_costs_as_much_as_a_link() -> None:
    assert "link_costs_more" in _codes(_render(_source(lead="დეტალები: police.ge")))


@pytest.mark.parametrize(("status", "label"), [(Status.TEST, "ტესტი: "), (Status.EXERCISE, "სწავლება: ")])
def test_a_message_that_is_not_meant_says_so_first(status: Status, label: str) -> None:
    assert _render(_source(status=status)).parts[0].text.startswith(f"{label}სათაური")


def test_four_photos_of_ten_and_the_editor_is_told() -> None:
    rendering = _render(_source(10))
    assert [placed.alt for placed in rendering.parts[0].media] == [f"აღწერა {number}" for number in range(4)]
    (problem,) = x_text.check(rendering)
    assert problem.severity is Severity.WARNING
    assert (problem.code, problem.params) == ("photos_left_out", {"total": "10", "shown": "4", "left": "6"})


@pytest.mark.parametrize(
    ("photos", "videos", "kind", "shown", "told"),
    [
        (0, 1, Kind.NEWS, ["video"], {}),
        (2, 1, Kind.NEWS, ["photo", "photo"], {"videos_left_out": {"total": "1", "shown": "0", "left": "1"}}),
        (2, 1, Kind.VIDEO, ["video"], {"photos_left_out": {"total": "2", "shown": "0", "left": "2"}}),
        (0, 2, Kind.VIDEO, ["video"], {"videos_left_out": {"total": "2", "shown": "1", "left": "1"}}),
    ],
)
def test_mixed_media(photos: int, videos: int, kind: Kind, shown: list[str], told: dict[str, dict[str, str]]) -> None:
    rendering = _render(_source(photos, videos, kind))
    assert [placed.kind.value for placed in rendering.parts[0].media] == shown
    assert _codes(rendering) == told


def test_a_rendition_that_could_not_be_made_blocks() -> None:
    source = _source(2)
    lacking = Source(source.revision, source.languages, {}, source.permanent_url, source.office_name)
    (problem,) = x_text.check(_render(lacking))
    assert (problem.severity, problem.code, problem.params) == (Severity.BLOCKING, "media_missing", {"count": "2"})


@pytest.mark.parametrize(("seconds", "blocked"), [(0.4, True), (0.5, False), (140.0, False), (140.5, True)])
def test_the_length_of_a_video_is_checked(seconds: float, blocked: bool) -> None:
    assert ("video_duration" in _codes(_render(_source(0, 1, seconds=seconds)))) is blocked


def test_a_thread_carries_the_body_and_the_link_in_the_first_post() -> None:
    body = "\n\n".join(f"აბზაცი {number}. " + "სიტყვა " * 30 for number in range(4))
    rendering = _render(_source(3, body=body), link=True, thread=True)
    assert len(rendering.parts) > 2
    assert rendering.parts[0].text.endswith("/releases/a")
    assert [len(part.media) for part in rendering.parts] == [3] + [0] * (len(rendering.parts) - 1)
    assert all(x_text.weight(part.text) <= 280 for part in rendering.parts)
    assert "text_shortened" not in _codes(rendering)


def test_a_rendering_is_the_same_each_time() -> None:
    assert _render(_source(4)).hash == _render(_source(4)).hash
