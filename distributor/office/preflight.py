"""Preflight: every rendering of a revision, and the problems in it and in them.

May touch: media through its port (renditions), adapters' pure halves, the addresses of links (by HTTP, where the office
wants that); reads destinations and overrides. Sends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from distributor.core.approval import content_hash
from distributor.core.asset import Asset, MediaRefused, Rendition
from distributor.core.channel import Action, Source
from distributor.core.privacy import overridden
from distributor.core.release import Revision
from distributor.core.rendering import Preflight, Problem, Rendering, Severity
from distributor.core.text import slug
from distributor.office.checks import (
    following_problems,
    link_problems,
    notice_problems,
    own_problems,
    privacy_problems,
    shown_problems,
)
from distributor.office.context import Context, Seat
from distributor.storage import overrides, promises, subscribers
from distributor.storage.releases import Frozen


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
        stranded = await stranded_problems(context, revision.release_id, out)
        return notice_beside(context, revision, known_slug, follows.before, out, stranded)
    problems = [*own_problems(context, revision), *await privacy_problems(context, revision)]
    if before is not None:
        problems = await _eased(context, problems, before)
        problems += following_problems(revision, before)
        problems += await stranded_problems(context, revision.release_id, out)
    asking = asyncio.create_task(link_problems(context, revision))  # while everything is rendered
    try:
        renderings, found, audience = await _all_renderings(context, revision, follows, known_slug)
        problems += [*found, *shown_problems(revision, renderings), *await asking]
    finally:
        asking.cancel()
    async with context.database.read() as connection:
        answers = await overrides.given(connection, revision.release_id)
    problems = [overridden(problem, answers) for problem in problems]
    if not renderings:
        problems.append(Problem(Severity.BLOCKING, "no_channel"))
    return _checked(revision, renderings, problems, audience, known_slug or slug(revision.title, revision.release_id))


async def _eased(context: Context, problems: list[Problem], before: Revision) -> list[Problem]:
    """What stops a first publication and was so already in what stands there stops nothing that follows: a photo must
    be withdrawn also when the deadline has passed. It is shown as a warning."""
    known = [*own_problems(context, before), *await privacy_problems(context, before)]
    keys = {problem.key for problem in known}
    return [
        replace(problem, severity=Severity.WARNING) if problem.blocks and problem.key in keys else problem
        for problem in problems
    ]


async def _all_renderings(
    context: Context, revision: Revision, follows: Following | None, known_slug: str
) -> tuple[list[Rendering], list[Problem], list[tuple[str, str]]]:
    """What every channel that gets it would show, the problems in that, and whom it reaches."""
    out = follows.out if follows else frozenset[str]()
    problems: list[Problem] = []
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
    return renderings, problems, audience


async def stranded_problems(context: Context, release_id: str, out: frozenset[str]) -> list[Problem]:
    """Where something stands that nothing can reach any more: a channel that is gone from the settings, an account that
    they no longer name. Somebody has to look there by hand."""
    async with context.database.read() as connection:
        accounts = await promises.stranded(connection, release_id)
    gone = [Problem(Severity.WARNING, "channel_gone", {"name": name}) for name in sorted(out - set(context.seats))]
    here = [(channel, address) for channel, address in accounts if channel in context.seats]
    return gone + [Problem(Severity.WARNING, "account_gone", {"address": address}, name) for name, address in here]


def notice_beside(
    context: Context,
    revision: Revision,
    address: str,
    before: Revision,
    out: frozenset[str],
    further: Sequence[Problem] = (),
) -> Checked:
    """Render a notice (a withdrawal, a hold, its lifting) for the channels where the release stands. It shows no media,
    so nothing is waited for. A channel that can do nothing of the kind is named, and not silently left out. `further`
    problems were found before."""
    problems = [*notice_problems(context, revision.notice), *further]
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
    answered = [(problem.key, problem.override) for problem in problems if problem.override]
    whole = content_hash(revision, renderings, audience, answered)
    return Checked(revision, Preflight(tuple(renderings), tuple(problems)), whole, address, tuple(audience))


async def _render(
    context: Context, seat: Seat, revision: Revision, address: str, follows: Following | None
) -> tuple[list[Rendering], list[Problem]]:
    renditions, problems = await _renditions(context, seat, revision)
    if problems:
        return [], problems
    made, found = _versions(context, seat, revision, address, renditions, follows)
    if follows and seat.name in follows.out:
        if Action.CORRECT not in seat.adapter.traits.actions:
            found.append(Problem(Severity.WARNING, "cannot_correct", {}, seat.name))
        elif not made:
            # Its language is gone from the release: what stands there would stay as it is, a withdrawn photo too.
            withdrawn = revision.notice is not None and bool(revision.notice.withdrawn)
            found.append(
                Problem(Severity.BLOCKING if withdrawn else Severity.WARNING, "stays_uncorrected", {}, seat.name)
            )
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
