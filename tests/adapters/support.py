"""What every adapter's tests need: a real media library, sample releases, and a recorder of progress.

Nothing of ours is simulated here but the worker's side of the `Progress` port, which is a dictionary that remembers
in which order it was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from distributor.core.asset import Asset, Profile, Rendition
from distributor.core.channel import Action, Channel, Destination, Job, Source
from distributor.core.ports import MakePage, PageMark, Surroundings
from distributor.core.release import Kind, LanguageVersion, MediaItem, Revision, Status
from distributor.core.rendering import Rendering
from distributor.media.samples import sample_photos, sample_video
from distributor.media.service import MediaLibrary

TITLE = "თბილისში ხანძარი ლიკვიდირებულია"
LEAD = "მეხანძრე-მაშველებმა ხანძარი 40 წუთში ჩააქრეს, დაშავებული არავინაა."
BODY = "შემთხვევის ადგილზე **ოთხი** ეკიპაჟი მუშაობდა.\n\nმიმდინარეობს გამოძიება."
URL = "https://newsroom.example/releases/khandzari-abc"


@cache
def photos(count: int = 10) -> list[tuple[str, bytes]]:
    """Sample photos, drawn once."""
    return sample_photos(count)


@cache
def video() -> tuple[str, bytes]:
    """The sample video, encoded once."""
    return sample_video(2.0)


class NoPages:
    """A channel that is not the newsroom has no business with its pages."""

    async def put(self, release_id: str, mark: PageMark, make: MakePage, now: datetime) -> str:
        """Never."""
        raise AssertionError("only the newsroom adapter writes pages")

    async def standing(self, since: datetime) -> list[tuple[str, datetime, tuple[str, ...]]]:
        """Never."""
        raise AssertionError("only the newsroom adapter reads pages")

    async def find(self, key: str) -> str | None:
        """Never."""
        raise AssertionError("only the newsroom adapter reads pages")


@dataclass
class Time:
    """The present, which a test may move."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """UTC."""
        return datetime.now(UTC) + self.ahead

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Recorder:
    """The worker's side of the `Progress` port."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def get(self, step: str) -> dict[str, Any] | None:
        """What was saved."""
        return self.kept.get(step)

    async def save(self, step: str, value: dict[str, Any]) -> None:
        """Keep."""
        self.kept[step] = dict(value)
        self.asked.append(("save", step))

    def note(self, step: str, value: dict[str, Any]) -> None:
        """Keep until the end."""
        self.kept[step] = dict(value)
        self.asked.append(("note", step))

    async def begin(self, step: str) -> None:
        """Note."""
        self.asked.append(("begin", step))


@dataclass
class Desk:
    """A newsroom in a folder: releases with media, and what a channel makes of them."""

    library: MediaLibrary
    time: Time = field(default_factory=Time)

    @classmethod
    def at(cls, folder: Path) -> Desk:
        """A desk over a folder, which several may share: a rendition made once is found again."""
        return cls(MediaLibrary(folder))

    @property
    def surroundings(self) -> Surroundings:
        """What an adapter is given."""
        return Surroundings(self.library, NoPages(), self.time, "https://newsroom.example", "შსს")

    async def release(
        self,
        *,
        title: str = TITLE,
        lead: str = LEAD,
        body: str = BODY,
        photo_count: int = 0,
        videos: int = 0,
        kind: Kind = Kind.NEWS,
        status: Status = Status.ACTUAL,
        language: str = "ka",
    ) -> Revision:
        """A release with sample media."""
        files = [*photos()[:photo_count], *([video()] * videos)]
        media = []
        for number, (name, data) in enumerate(files, 1):
            asset = await self.library.ingest(data, name)
            alt = {language: f"აღწერა {number}"}
            media.append(MediaItem(asset, alt, "შსს / ნ. ბერიძე", {language: f"წარწერა {number}"}))
        version = LanguageVersion(language, title, lead, body)
        return Revision("abcdefghjk", 1, 1, kind, (version,), status, media=tuple(media))

    async def source(
        self, channel: Channel, revision: Revision, languages: tuple[str, ...] = ("ka", "en"), url: str = URL
    ) -> Source:
        """All that a channel's renderings are made of."""
        made: dict[str, dict[str, Rendition]] = {}
        for item in revision.media:
            made[item.asset.digest] = await self._made(item.asset, channel.profiles(item.asset))
        return Source(revision, languages, made, url, "შსს")

    async def _made(self, asset: Asset, profiles: Sequence[Profile]) -> dict[str, Rendition]:
        return {profile.key: await self.library.render(asset, profile) for profile in profiles}

    async def rendering(self, channel: Channel, revision: Revision) -> Rendering:
        """What the channel will show."""
        rendering = channel.render(await self.source(channel, revision))
        assert rendering is not None
        return rendering

    def job(self, channel: Channel, rendering: Rendering, **changes: Any) -> Job:
        """A claimed delivery of a rendering."""
        facts: dict[str, Any] = {
            "delivery_id": 1,
            "action": Action.PUBLISH,
            "key": "abcdefghjk-1-1",
            "rendering": rendering,
            "destination": Destination(1, channel.name, channel.own_address()),
            "release_id": "abcdefghjk",
            "revision": 1,
            "slug": "khandzari-abcdefghjk",
            "permanent_url": URL,
            "attempt": 1,
            "approved_at": self.time(),
            "intended_at": self.time(),
        }
        return Job(**(facts | changes))

    async def claimed(self, channel: Channel, **release: Any) -> Job:
        """A release, rendered and claimed."""
        return self.job(channel, await self.rendering(channel, await self.release(**release)))

    async def aclose(self) -> None:
        """End the library's child processes."""
        await self.library.aclose()
