"""What a Facebook page will show: message, link, and the media that are left out."""

from __future__ import annotations

import pytest

from distributor.adapters import facebook_text
from distributor.core.asset import Asset, MediaKind, Rendition
from distributor.core.channel import Source
from distributor.core.release import Kind, LanguageVersion, MediaItem, Revision, Status
from distributor.core.rendering import Rendering, Severity

URL = "https://newsroom.gov.ge/releases/a"


def _source(
    photos: int = 0, videos: int = 0, kind: Kind = Kind.NEWS, *, status: Status = Status.ACTUAL, body: str = ""
) -> Source:
    media, made = [], {}
    for number in range(photos + videos):
        is_photo = number < photos
        form = MediaKind.PHOTO if is_photo else MediaKind.VIDEO
        profile = facebook_text.PHOTO if is_photo else facebook_text.VIDEO
        digest, seconds = f"{number:064x}", None if is_photo else 3.0
        asset = Asset(digest, form, "image/jpeg" if is_photo else "video/mp4", 1, 1, 1, seconds, f"{number}", False)
        media.append(MediaItem(asset, {"en": f"alt {number}"}, "MIA", {"ka": f"წარწერა {number}"}))
        made[digest] = {profile.key: Rendition(digest, profile.key, digest, profile.media_type, 1, 1, 1, seconds)}
    version = LanguageVersion("ka", "სათაური", "ლიდი", body)
    revision = Revision("abcdefghjk", 1, 1, kind, (version,), status, media=tuple(media))
    return Source(revision, ("ka",), made, URL, "შსს")


def _render(source: Source, *, link: bool = False) -> Rendering:
    rendering = facebook_text.render("facebook", source, link=link)
    assert rendering is not None
    return rendering


def test_the_message_is_title_lead_and_plain_body() -> None:
    part = _render(_source(body="**მუქი** [ბმული](https://police.ge/a)\n\n- ერთი\n- ორი")).parts[0]
    assert part.text == "სათაური\n\nლიდი\n\nმუქი ბმული (https://police.ge/a)\n\n• ერთი\n• ორი"
    assert (part.kind, part.fields) == ("post", {})


def test_a_link_is_attached_to_a_text_and_written_below_photos() -> None:
    alone = _render(_source(), link=True).parts[0]
    assert (alone.fields["link"], URL in alone.text) == (URL, False)
    with_photo = _render(_source(1), link=True).parts[0]
    assert ("link" in with_photo.fields, with_photo.text.endswith(f"\n\n{URL}")) == (False, True)


@pytest.mark.parametrize(("status", "label"), [(Status.TEST, "ტესტი: "), (Status.EXERCISE, "სწავლება: ")])
def test_a_message_that_is_not_meant_says_so_first(status: Status, label: str) -> None:
    assert _render(_source(status=status)).parts[0].text.startswith(f"{label}სათაური")


def test_f38_a_message_too_long_is_cut_at_a_word_and_the_editor_is_told() -> None:
    rendering = _render(_source(1, body="სიტყვა " * 10_000), link=True)
    text = rendering.parts[0].text
    assert len(text) <= facebook_text.LIMIT
    assert text.endswith(f"სიტყვა…\n\n{URL}")
    (problem,) = facebook_text.check(rendering)
    assert (problem.severity, problem.code) == (Severity.WARNING, "text_shortened")


@pytest.mark.parametrize(
    ("photos", "videos", "kind", "shown", "told"),
    [
        (10, 0, Kind.NEWS, ["photo"] * 10, {}),
        (11, 0, Kind.NEWS, ["photo"] * 10, {"photos_left_out": {"total": "11", "shown": "10", "left": "1"}}),
        (0, 1, Kind.NEWS, ["video"], {}),
        (2, 1, Kind.NEWS, ["photo"] * 2, {"videos_left_out": {"total": "1", "shown": "0", "left": "1"}}),
        (2, 1, Kind.VIDEO, ["video"], {"photos_left_out": {"total": "2", "shown": "0", "left": "2"}}),
    ],
)
def test_media_shown_and_left_out(
    photos: int, videos: int, kind: Kind, shown: list[str], told: dict[str, dict[str, str]]
) -> None:
    rendering = _render(_source(photos, videos, kind))
    assert [placed.kind.value for placed in rendering.parts[0].media] == shown
    assert {problem.code: problem.params for problem in facebook_text.check(rendering)} == told


def test_a_rendition_that_could_not_be_made_blocks() -> None:
    source = _source(2)
    lacking = Source(source.revision, source.languages, {}, source.permanent_url, source.office_name)
    (problem,) = facebook_text.check(_render(lacking))
    assert (problem.severity, problem.code, problem.params) == (Severity.BLOCKING, "media_missing", {"count": "2"})


def test_caption_and_credit_stand_under_a_photo_and_alt_text_falls_back() -> None:
    placed = _render(_source(1)).parts[0].media[0]
    assert (facebook_text.caption(placed), placed.alt) == ("წარწერა 0\nMIA", "alt 0")


def test_a_language_that_the_channel_does_not_want_gives_nothing() -> None:
    source = _source()
    other = Source(source.revision, ("en",), {}, URL, "MIA")
    assert facebook_text.render("facebook", other, link=False) is None
