"""Preflight: every rendering of a revision, and the problems in it and in them.

May touch: media through its port (renditions), adapters' pure halves, and reads destinations. Sends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

from distributor.core.approval import content_hash
from distributor.core.asset import Asset, MediaRefused, Rendition
from distributor.core.channel import Action, Source
from distributor.core.release import Revision, Status
from distributor.core.rendering import Preflight, Problem, Rendering, Severity
from distributor.core.text import faults_in, slug
from distributor.office.context import Context, Seat
from distributor.storage import subscribers
from distributor.storage.releases import Frozen

MOST_MEDIA = 10


@dataclass(frozen=True, slots=True)
class Checked:
    """A preflight with the hash over it, and to whom it goes."""

    revision: Revision
    preflight: Preflight
    content_hash: str
    slug: str
    audience: tuple[tuple[str, str], ...] = ()

    @property
    def frozen(self) -> Frozen:
        """As the revision keeps it."""
        made = self.preflight
        return Frozen(self.content_hash, self.slug, made.renderings, made.problems, self.audience)


@dataclass(frozen=True, slots=True)
class Following:
    """What a revision follows: the one that is out, and the channels where something of it stands."""

    before: Revision
    out: frozenset[str]


async def check(
    context: Context,
    revision: Revision,
    known_slug: str = "",
    *,
    before: Revision | None = None,
    out: frozenset[str] = frozenset(),
) -> Checked:
    """Render a revision for every channel that will show it, and say what is wrong.

    `known_slug`: the release's address, which never changes once it was given: links in the world must keep working.
    `before` and `out` where it corrects or withdraws: the revision that stands, and the channels where it does.
    """
    follows = Following(before, out) if before is not None else None
    if follows and revision.action is not Action.CORRECT:
        return notice_beside(context, revision, known_slug, follows.before, out)
    problems = [*_own_problems(context, revision), *(_following_problems(revision, follows) if follows else ())]
    renderings: list[Rendering] = []
    audience: list[tuple[str, str]] = []
    address = known_slug or slug(revision.title, revision.release_id)
    for seat in _chosen(context, revision, out):
        if seat.withheld(revision):
            problems.append(Problem(Severity.NOTE, "live_withheld", {"status": revision.status.value}, seat.name))
            continue
        async with context.database.read() as connection:
            count = await subscribers.count_active(connection, seat.name)
        own = seat.adapter.own_address()
        if not count and not own:
            problems.append(Problem(Severity.NOTE, "no_subscribers", {}, seat.name))
            continue
        made, found = await _render(context, seat, revision, address, follows)
        problems += found
        if made:
            renderings += made
            audience.append((seat.name, own or "*"))
    if not renderings:
        problems.append(Problem(Severity.BLOCKING, "no_channel"))
    return _checked(revision, renderings, problems, audience, address)


def notice_beside(context: Context, revision: Revision, address: str, before: Revision, out: frozenset[str]) -> Checked:
    """Render a notice (a withdrawal, a hold, its lifting) for the channels where the release stands. It shows no media,
    so nothing is waited for. A channel that can do nothing of the kind is named, and not silently left out."""
    problems: list[Problem] = []
    renderings: list[Rendering] = []
    audience: list[tuple[str, str]] = []
    for seat in context.seats.values():
        if seat.name not in out or seat.withheld(revision):
            continue
        if revision.action not in seat.adapter.traits.actions:
            problems.append(Problem(Severity.NOTE, f"cannot_{revision.action.value}", {}, seat.name))
            continue
        made, found = _versions(context, seat, revision, address, {}, Following(before, out))
        renderings += made
        problems += found
        audience += [(seat.name, seat.adapter.own_address() or "*")] if made else []
    return _checked(revision, renderings, problems, audience, address)


def _chosen(context: Context, revision: Revision, out: frozenset[str]) -> list[Seat]:
    """The channels that accept it, and those where an earlier version stands."""
    seats = context.seats.values()
    return [seat for seat in seats if seat.name in out or seat.accepts(revision, context.regions, context.topics)]


def _checked(
    revision: Revision,
    renderings: list[Rendering],
    problems: list[Problem],
    audience: list[tuple[str, str]],
    address: str,
) -> Checked:
    order = {Severity.BLOCKING: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    problems.sort(key=lambda problem: order[problem.severity])
    whole = content_hash(revision, renderings, audience)
    return Checked(revision, Preflight(tuple(renderings), tuple(problems)), whole, address, tuple(audience))


async def _render(
    context: Context, seat: Seat, revision: Revision, address: str, follows: Following | None
) -> tuple[list[Rendering], list[Problem]]:
    renditions, problems = await _renditions(context, seat, revision)
    if problems:
        return [], problems
    made, found = _versions(context, seat, revision, address, renditions, follows)
    if follows and seat.name in follows.out and Action.CORRECT not in seat.adapter.traits.actions:
        found.append(Problem(Severity.WARNING, "cannot_correct", {}, seat.name))
    return made, found


def _versions(
    context: Context,
    seat: Seat,
    revision: Revision,
    address: str,
    renditions: dict[str, dict[str, Rendition]],
    follows: Following | None,
) -> tuple[list[Rendering], list[Problem]]:
    """A rendering for each language that the channel shows, and the problems in them."""
    made: list[Rendering] = []
    problems: list[Problem] = []
    for languages in _language_orders(seat, revision):
        language = languages[0] if languages else context.languages[0]
        source = Source(
            revision=revision,
            languages=languages,
            renditions=renditions,
            permanent_url=f"{context.base_url}/releases/{address}",
            office_name=context.office_name,
            region_names=tuple(context.regions.name(code, language) for code in revision.regions),
            topic_names=tuple(context.topics.name(code, language) for code in revision.topics),
            before=follows.before if follows else None,
        )
        rendering = seat.adapter.render(source)
        if rendering is not None and all(rendering.language != other.language for other in made):
            made.append(rendering)
            problems += seat.adapter.check(rendering)
    if not made:
        wanted = ", ".join(seat.languages)
        problems.append(Problem(Severity.WARNING, "no_language", {"languages": wanted}, seat.name))
    return made, problems


def _following_problems(revision: Revision, follows: Following) -> Iterator[Problem]:
    before = follows.before
    if replace(revision, number=before.number, notice=before.notice) == before:
        yield Problem(Severity.BLOCKING, "nothing_changed")
    for version in revision.versions:
        words = revision.notice.words.get(version.language, "") if revision.notice else ""
        for code in faults_in(words, one_line=True):
            where = {"language": version.language, "field": "notice"}
            yield Problem(Severity.BLOCKING, f"text_{code}", where)
        if not words:
            yield Problem(Severity.NOTE, "no_correction_words", {"language": version.language})


def _language_orders(seat: Seat, revision: Revision) -> Iterator[tuple[str, ...]]:
    """The default order first; then, for subscribers who may wish otherwise, each language version by itself."""
    yield seat.languages
    if not seat.adapter.own_address() and not seat.adapter.traits.all_languages:
        for version in revision.versions:
            yield (version.language, *seat.languages)


async def _renditions(
    context: Context, seat: Seat, revision: Revision
) -> tuple[dict[str, dict[str, Rendition]], list[Problem]]:
    problems: list[Problem] = []

    async def of(number: int, asset: Asset) -> tuple[str, dict[str, Rendition]]:
        made: dict[str, Rendition] = {}
        for profile in seat.adapter.profiles(asset):
            try:
                made[profile.key] = await context.media.render(asset, profile)
            except MediaRefused as refused:
                params = {name: str(value) for name, value in refused.params.items()}
                params |= {"item": str(number), "name": asset.name, "why": refused.code}
                problems.append(Problem(Severity.BLOCKING, f"media.{refused.code}", params, seat.name))
                break
        return asset.digest, made

    done = await asyncio.gather(*(of(number, item.asset) for number, item in enumerate(revision.media, 1)))
    return dict(done), problems


def _own_problems(context: Context, revision: Revision) -> Iterator[Problem]:
    """What is wrong with the revision itself, whatever the channel."""
    if context.exercise and revision.status is Status.ACTUAL:
        yield Problem(Severity.BLOCKING, "exercise_only")
    if not revision.versions:
        yield Problem(Severity.BLOCKING, "no_text")
    for version in revision.versions:
        where = {"language": version.language}
        if not version.title.strip():
            yield Problem(Severity.BLOCKING, "no_title", where)
        for field, text in (("title", version.title), ("lead", version.lead), ("body", version.body)):
            for code in faults_in(text, one_line=field != "body"):
                yield Problem(Severity.BLOCKING, f"text_{code}", where | {"field": field})
        if len(version.title) > 300:
            yield Problem(
                Severity.BLOCKING, "title_too_long", where | {"length": str(len(version.title)), "limit": "300"}
            )
        if not version.body.strip() and not version.lead.strip():
            yield Problem(Severity.NOTE, "title_only", where)
    written = {version.language for version in revision.versions}
    for language in context.languages:
        if revision.versions and language not in written:
            yield Problem(Severity.NOTE, "language_missing", {"language": language})
    yield from _media_problems(revision, written)
    yield from _data_problems(context, revision)


def _media_problems(revision: Revision, written: set[str]) -> Iterator[Problem]:
    if len(revision.media) > MOST_MEDIA:
        counts = {"count": str(len(revision.media)), "limit": str(MOST_MEDIA)}
        yield Problem(Severity.BLOCKING, "too_many_media", counts)
    for number, item in enumerate(revision.media, 1):
        where = {"item": str(number), "name": item.asset.name}
        words = [item.credit, *item.alt.values(), *item.caption.values()]
        for code in sorted({code for text in words for code in faults_in(text, one_line=True)}):
            yield Problem(Severity.BLOCKING, f"text_{code}", where | {"field": "media", "language": ""})
        for language in sorted(written):
            if not item.alt.get(language, "").strip():
                yield Problem(Severity.WARNING, "no_alt", where | {"language": language})
        if not item.credit.strip():
            yield Problem(Severity.WARNING, "no_credit", where)
        if item.asset.has_location:
            yield Problem(Severity.NOTE, "location_removed", where)


def _data_problems(context: Context, revision: Revision) -> Iterator[Problem]:
    for code in revision.regions:
        if context.regions.by_code and code not in context.regions.by_code:
            yield Problem(Severity.BLOCKING, "unknown_region", {"code": code})
    for code in revision.topics:
        if context.topics.by_code and code not in context.topics.by_code:
            yield Problem(Severity.BLOCKING, "unknown_topic", {"code": code})
    for name in revision.channels:
        if name not in context.seats:
            yield Problem(Severity.BLOCKING, "unknown_channel", {"code": name})
    now = context.clock()
    if revision.deadline is not None and revision.deadline <= max(filter(None, (now, revision.at, revision.embargo))):
        yield Problem(Severity.BLOCKING, "deadline_passed", {"deadline": revision.deadline.isoformat()})
