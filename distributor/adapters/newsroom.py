"""The newsroom: a release's page on our own website, in every language that it has.

May touch: the newsroom's pages, through their port. Repeatable: the same key twice makes one page. Everything that
the page shows comes from the rendering, which is what was approved; only the time of publishing is added.

The page, as the web part reads it (JSON):

    {"kind": "news", "status": "actual", "regions": ["GE-TB"], "topics": ["fire"], "published_at": "2026-…+00:00",
     "main_language": "ka",
     "languages": {"ka": {
        "title", "lead", "html" (clean, may stand in the page as it is), "text" (the body without markup),
        "office", "region_names": [..], "topic_names": [..],
        "media": [{
            "kind": "photo" | "video", "alt", "credit", "caption", "name",
            "download": FILE,                       what a reader may take away; of a video also what is played
            "sizes": [FILE, …]                      narrow to wide; of a video, its poster
        }]}}}

    FILE = {"path": "/media/…", "digest", "media_type", "name" (for whoever saves it), "size" (bytes), "width",
            "height", "duration" (s, or null)}

A file is served while a page names it (by `digest` and `media_type`), and under no other condition.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, Field, field_validator

from distributor.adapters.site import clean_html, download_profile, file_path
from distributor.core.asset import Asset, MediaKind, Profile
from distributor.core.channel import Allowance, Health, Job, Progress, Source, Traits
from distributor.core.markup import html, parse, plain
from distributor.core.outcome import Absent, Finding, Outcome, Receipt, Sent
from distributor.core.ports import Surroundings
from distributor.core.release import LanguageVersion, MediaItem
from distributor.core.rendering import Part, Placed, Problem, Rendering, Severity

_DOWNLOAD = "download"


class NewsroomSettings(BaseModel, extra="forbid"):
    """`sizes`: widths in pixels in which pictures are offered to browsers."""

    sizes: tuple[int, ...] = Field(default=(480, 960, 1920), min_length=1, max_length=8)

    @field_validator("sizes")
    @classmethod
    def _reasonable(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 64 <= width <= 6000 for width in value):
            raise ValueError("widths are from 64 to 6000 pixels")
        return tuple(sorted(set(value)))


class Newsroom:
    """The channel (core.channel.Channel)."""

    def __init__(self, name: str, settings: NewsroomSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.traits = Traits(repeatable=True, all_languages=True, prepares=False)
        self._settings = settings
        self._around = surroundings

    def own_address(self) -> str:
        """The website itself."""
        return self._around.base_url

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """What readers download, and the picture (of a video, its poster) in every size."""
        return (download_profile(asset), *(_size(width) for width in self._settings.sizes))

    def render(self, source: Source) -> Rendering | None:
        """The page, a part for each language: first those in the order wished, then the others."""
        versions = sorted(source.revision.versions, key=lambda version: _rank(source.languages, version.language))
        if not versions:
            return None
        parts = tuple(self._part(source, version) for version in versions)
        return Rendering(self.name, versions[0].language, parts)

    def _part(self, source: Source, version: LanguageVersion) -> Part:
        blocks = parse(version.body)
        revision = source.revision
        fields = {
            "language": version.language,
            "title": version.title,
            "lead": version.lead,
            "slug": source.permanent_url.rsplit("/", 1)[-1],
            "office": source.office_name,
            "kind": revision.kind.value,
            "status": revision.status.value,
            "regions": _packed(revision.regions),
            "topics": _packed(revision.topics),
            "region_names": _packed(source.region_names),
            "topic_names": _packed(source.topic_names),
        }
        media = tuple(placed for item in revision.media for placed in self._placed(source, item, version.language))
        return Part("page", plain(blocks), html=clean_html(html(blocks)), media=media, fields=fields)

    def _placed(self, source: Source, item: MediaItem, language: str) -> list[Placed]:
        made = source.renditions[item.asset.digest]
        said = {
            "alt": item.alt.get(language, ""),
            "credit": item.credit,
            "caption": item.caption.get(language, ""),
            "name": item.asset.name,
        }
        placed = [Placed(made[download_profile(item.asset).key], item.asset.kind, role=_DOWNLOAD, **said)]
        for width in self._settings.sizes:
            role = "poster" if item.asset.kind is MediaKind.VIDEO else str(width)
            placed.append(Placed(made[_size(width).key], MediaKind.PHOTO, role=role, **said))
        return placed

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """A page without a title, or with nothing below it."""
        found = []
        for part in rendering.parts:
            where = {"language": part.fields["language"]}
            if not part.fields["title"].strip():
                found.append(Problem(Severity.BLOCKING, "page.no_title", where, self.name))
            if not (part.fields["lead"].strip() or part.text.strip() or part.media):
                found.append(Problem(Severity.NOTE, "page.title_only", where, self.name))
        return tuple(found)

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Nothing: the files are where the website reads them."""
        return None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Put the page. A repeat with the same key changes nothing."""
        now = self._around.clock()
        page = _page(job.rendering) | {"published_at": now.isoformat()}
        path = await self._around.pages.put(job.release_id, job.key, job.revision, page, now)
        return self._sent(path)

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Our own database knows."""
        path = await self._around.pages.find(job.key)
        return Absent("no page was written by this delivery") if path is None else self._sent(path)

    def _sent(self, path: str) -> Sent:
        return Sent(Receipt((path,), (self._around.base_url + path,)))

    def allowance(self) -> Allowance | None:
        """Nothing: our own database has no quota."""
        return None

    async def probe(self) -> Health:
        """The website needs no credentials."""
        return Health(True, self._around.base_url)

    async def aclose(self) -> None:
        """Nothing is open."""


def _size(width: int) -> Profile:
    # Twice as high as wide at most; wider pictures are limited by their width alone.
    return Profile(f"w{width}", MediaKind.PHOTO, "image/jpeg", width, width * 2, max(200_000, width * 800))


def _rank(languages: tuple[str, ...], language: str) -> int:
    return languages.index(language) if language in languages else len(languages)


def _packed(values: tuple[str, ...]) -> str:
    """A list as one field: the fields of a part are texts."""
    return json.dumps(values, ensure_ascii=False)


def _page(rendering: Rendering) -> dict[str, Any]:
    first = rendering.parts[0].fields
    return {
        "kind": first["kind"],
        "status": first["status"],
        "regions": json.loads(first["regions"]),
        "topics": json.loads(first["topics"]),
        "main_language": rendering.language,
        "languages": {part.fields["language"]: _version(part) for part in rendering.parts},
    }


def _version(part: Part) -> dict[str, Any]:
    return {
        "title": part.fields["title"],
        "lead": part.fields["lead"],
        "html": part.html,
        "text": part.text,
        "office": part.fields["office"],
        "region_names": json.loads(part.fields["region_names"]),
        "topic_names": json.loads(part.fields["topic_names"]),
        "media": _media(part.media),
    }


def _media(placed: tuple[Placed, ...]) -> list[dict[str, Any]]:
    """The placed renditions gathered into one entry for each photo or video. A download begins an entry."""
    entries: list[dict[str, Any]] = []
    for one in placed:
        file = _file(one)
        if one.role == _DOWNLOAD:
            said = {"alt": one.alt, "credit": one.credit, "caption": one.caption, "name": one.name}
            entries.append({"kind": one.kind.value, **said, "download": file, "sizes": []})
        elif file not in entries[-1]["sizes"]:  # a small original is the same in several sizes
            entries[-1]["sizes"].append(file)
    return entries


def _file(placed: Placed) -> dict[str, Any]:
    rendition, path = placed.rendition, file_path(placed.rendition)
    return {
        "path": path,
        "name": PurePosixPath(placed.name or "file").stem + PurePosixPath(path).suffix,
        "digest": rendition.digest,
        "media_type": rendition.media_type,
        "size": rendition.size,
        "width": rendition.width,
        "height": rendition.height,
        "duration": rendition.duration,
    }
