"""The name of an original may say more than the release does (a suspect, a plate): no channel ever shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from distributor.adapters import email_render, facebook_text, telegram_render, webhook_render, wordpress_render, x_text
from distributor.adapters.newsroom import Newsroom, NewsroomSettings
from distributor.adapters.site import download_profile
from distributor.core.asset import Asset, MediaKind, Profile, Rendition
from distributor.core.channel import Source
from distributor.core.data import to_data
from distributor.core.release import Kind, LanguageVersion, MediaItem, Revision
from distributor.core.rendering import Rendering
from tests.adapters.support import URL, Desk

NAMES = ("ბერიძე გიორგი 01001012345 599123456.jpg", "suspect Giorgi Beridze AB-123-CD.mp4")
BYTES, MANNER = 9_000_000, telegram_render.Manner("telegram")


def revision(*kinds: MediaKind) -> Revision:
    """A release of originals that were named by somebody who knew too much."""
    media = []
    for number, kind in enumerate(kinds, 1):
        name = NAMES[kind is MediaKind.VIDEO]
        asset = Asset(f"{number}f".ljust(64, "0"), kind, "image/jpeg", 9, 1600, 1067, None, name, has_location=False)
        media.append(MediaItem(asset, {"ka": "აღწერა"}, "შსს", {"ka": "წარწერა"}))
    version = LanguageVersion("ka", "სათაური", "ლიდი", "ტექსტი")
    return Revision("abcdefghjk", 1, 1, Kind.NEWS, (version,), media=tuple(media))


def source(release: Revision, profiles: Callable[[Asset], tuple[Profile, ...]]) -> Source:
    """The release with renditions of the profiles that a channel asks for."""
    made = {item.asset.digest: {one.key: _made(item, one) for one in profiles(item.asset)} for item in release.media}
    return Source(release, ("ka",), made, URL, "შსს")


def _made(item: MediaItem, profile: Profile) -> Rendition:
    return Rendition(item.asset.digest, profile.key, "b" * 64, profile.media_type, 9, 800, 600, None)


def _of_kind(photo: Profile, video: Profile) -> Callable[[Asset], tuple[Profile, ...]]:
    return lambda asset: (video if asset.kind is MediaKind.VIDEO else photo,)


def telegram(release: Revision) -> Rendering | None:
    return telegram_render.render(source(release, lambda asset: telegram_render.profiles(asset, MANNER)), MANNER)


def mail(release: Revision) -> Rendering | None:
    whole = source(release, lambda asset: email_render.profiles(asset, BYTES))
    return email_render.render(whole, "mail", "https://newsroom.example", "mia.example", BYTES, "Asia/Tbilisi")


def webhook(release: Revision) -> Rendering | None:
    return webhook_render.render(source(release, lambda asset: (download_profile(asset),)), "hooks", "Asia/Tbilisi")


def wordpress(release: Revision) -> Rendering | None:
    whole = source(release, lambda asset: (wordpress_render.profile(asset, BYTES, BYTES),))
    return wordpress_render.render(whole, "blog", BYTES, BYTES)


def facebook(release: Revision) -> Rendering | None:
    whole = source(release, _of_kind(facebook_text.PHOTO, facebook_text.VIDEO))
    return facebook_text.render("facebook", whole, link=True)


def x(release: Revision) -> Rendering | None:
    return x_text.render("x", source(release, _of_kind(x_text.PHOTO, x_text.VIDEO)), link=True, thread=False)


def newsroom(release: Revision) -> Rendering | None:
    site = Newsroom("site", NewsroomSettings(), Desk.at(Path("unused")).surroundings)
    return site.render(source(release, site.profiles))


CHANNELS = (telegram, mail, webhook, wordpress, facebook, x, newsroom)


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_shows_the_name_of_an_original(channel: Callable[[Revision], Rendering | None]) -> None:
    for kinds in ([MediaKind.PHOTO, MediaKind.PHOTO], [MediaKind.VIDEO], [MediaKind.PHOTO, MediaKind.VIDEO]):
        rendering = channel(revision(*kinds))
        assert rendering is not None
        shown = json.dumps(to_data(rendering), ensure_ascii=False)
        assert not [word for word in ("ბერიძე", "01001012345", "suspect", "Beridze", "AB-123-CD") if word in shown]


@pytest.mark.parametrize("channel", [telegram, webhook, wordpress, facebook, x, newsroom])
def test_a_published_file_is_called_after_its_release(channel: Callable[[Revision], Rendering | None]) -> None:
    rendering = channel(revision(MediaKind.PHOTO, MediaKind.PHOTO))
    assert rendering is not None
    names = [placed.name for placed in rendering.parts[0].media]
    assert list(dict.fromkeys(names)) == ["abcdefghjk-1f000000.jpg", "abcdefghjk-2f000000.jpg"]


def test_a_correction_gives_no_file_the_name_of_another() -> None:
    whole = revision(MediaKind.PHOTO, MediaKind.VIDEO)
    rendering = newsroom(replace(whole, number=2, media=whole.media[1:]))
    assert rendering is not None
    assert list(dict.fromkeys(placed.name for placed in rendering.parts[0].media)) == ["abcdefghjk-2f000000.mp4"]


def test_nothing_that_publishes_reads_the_name_of_an_original() -> None:
    root = Path(__file__).parents[2] / "distributor"
    files = [path for folder in ("adapters", "web") for path in (root / folder).rglob("*.py")]
    assert [path.name for path in files if "asset.name" in path.read_text(encoding="utf-8")] == []
