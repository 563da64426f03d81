"""The newsroom: a release's page on our own website, in every language that it has.

May touch: the newsroom's pages, through their port. Repeatable: the same key twice makes one page. A correction
overwrites the page and leaves a note on it, a withdrawal leaves a tombstone, a hold a banner (newsroom_page says how).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, Field, field_validator

from distributor.adapters.newsroom_changes import changes
from distributor.adapters.newsroom_page import DOWNLOAD, after
from distributor.adapters.newsroom_words import sentence
from distributor.adapters.site import clean_html, download_profile
from distributor.core.asset import Asset, MediaKind, Profile
from distributor.core.channel import Action, Allowance, Health, Job, Progress, Source, Traits
from distributor.core.markup import html, parse, plain
from distributor.core.outcome import Absent, Deferred, Finding, Outcome, Receipt, Rejected, Sent, nothing_stood
from distributor.core.ports import Page, PageMark, Surroundings
from distributor.core.refusal import PageHeld
from distributor.core.release import LanguageVersion, MediaItem
from distributor.core.rendering import Part, Placed, Problem, Rendering, Severity

# The parts of what shows no content, by action: a notice at the page's place, or on it.
_BESIDE = {Action.WITHDRAW: "tombstone", Action.HOLD: "banner", Action.LIFT: "banner_gone"}
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)  # of a page that is made only to be compared


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
        self.traits = Traits(repeatable=True, all_languages=True, prepares=False, actions=frozenset(Action))
        self._settings = settings
        self._around = surroundings

    def own_address(self) -> str:
        """The website itself."""
        return self._around.base_url

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """What readers download, and the picture (of a video, its poster) in every size."""
        return (download_profile(asset), *(_size(width) for width in self._settings.sizes))

    def render(self, source: Source) -> Rendering | None:
        """The page, or what is said at its place; a part for each language: first those in the order wished."""
        versions = sorted(source.revision.versions, key=lambda version: _rank(source.languages, version.language))
        if not versions:
            return None
        make = self._notice if source.revision.action in _BESIDE else self._part
        parts = tuple(make(source, version) for version in versions)
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
        if revision.action is Action.CORRECT:
            found = changes(source.before, revision, version.language) if source.before else []
            fields |= {"notice": "correct", "words": _words(source, version.language), "changes": _packed(found)}
        media = tuple(placed for item in revision.media for placed in self._placed(source, item, version.language))
        return Part("page", plain(blocks), html=clean_html(html(blocks)), media=media, fields=fields)

    def _notice(self, source: Source, version: LanguageVersion) -> Part:
        """A withdrawal, a hold or its lifting: the words alone, and nothing of the content."""
        action, words = source.revision.action, _words(source, version.language)
        fields = {"language": version.language, "office": source.office_name, "notice": action.value, "words": words}
        return Part(_BESIDE[action], words, fields=fields)

    def _placed(self, source: Source, item: MediaItem, language: str) -> list[Placed]:
        made = source.renditions[item.asset.digest]
        said = {
            "alt": item.alt.get(language, ""),
            "credit": item.credit,
            "caption": item.caption.get(language, ""),
            "name": source.revision.file_name(item),
        }
        placed = [Placed(made[download_profile(item.asset).key], item.asset.kind, role=DOWNLOAD, **said)]
        for width in self._settings.sizes:
            role = "poster" if item.asset.kind is MediaKind.VIDEO else str(width)
            placed.append(Placed(made[_size(width).key], MediaKind.PHOTO, role=role, **said))
        return placed

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """A page without a title, or with nothing below it."""
        found = []
        for part in rendering.parts:
            if part.kind != "page":
                continue
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
        """Put the page, or what the action makes of it. A repeat with the same key changes nothing."""
        now = self._around.clock()
        mark = PageMark(job.key, job.delivery_id, job.revision, job.action in (Action.HOLD, Action.LIFT))
        try:
            path = await self._around.pages.put(
                job.release_id, mark, lambda before: after(job.action, before, job.rendering, now), now
            )
        except PageHeld:
            return Deferred("held", "the release is held; its words wait for the end of the hold", 5.0, throttled=True)
        if path:
            return self._sent(path)
        if job.action in _BESIDE:
            return nothing_stood()
        return Rejected("withdrawn", "the release was withdrawn before this page came to be")

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

    def page(self, action: Action, before: Page | None, rendering: Rendering) -> Page | None:
        """See core.paged.Paged."""
        return after(action, before, rendering, _NO_TIME)

    def page_url(self, slug: str) -> str:
        """See core.paged.Paged."""
        return f"{self._around.base_url}/releases/{slug}"

    async def aclose(self) -> None:
        """Nothing is open."""


def _size(width: int) -> Profile:
    # Twice as high as wide at most; wider pictures are limited by their width alone.
    return Profile(f"w{width}", MediaKind.PHOTO, "image/jpeg", width, width * 2, max(200_000, width * 800))


def _rank(languages: tuple[str, ...], language: str) -> int:
    return languages.index(language) if language in languages else len(languages)


def _packed(values: Sequence[object]) -> str:
    """A list as one field: the fields of a part are texts."""
    return json.dumps(values, ensure_ascii=False)


def _words(source: Source, language: str) -> str:
    """What readers are told of a notice, in a language."""
    notice = source.revision.notice
    return (notice.words.get(language, "") if notice else "") or sentence(source.revision.action, language)
