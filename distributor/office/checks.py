"""What is wrong with a revision itself, whatever the channel: its form, its words, and whom they lay open.

May touch: the addresses of links, by HTTP, where the office wants that; else pure over the revision and the office's
data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace

from distributor.core.privacy import findings, links_in, said, said_in
from distributor.core.privacy_script import letters
from distributor.core.release import Kind, Notice, Revision, Status
from distributor.core.rendering import Problem, Rendering, Severity
from distributor.core.text import faults_in
from distributor.office.context import Context

MOST_MEDIA = 10


def own_problems(context: Context, revision: Revision) -> Iterator[Problem]:
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
    for language, text in revision.warning.texts if revision.warning else ():
        for code in faults_in(text, one_line=True):
            yield Problem(Severity.BLOCKING, f"text_{code}", {"language": language, "field": "warning"})
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
    if revision.kind is Kind.APPEAL and revision.deadline is None:
        minutes = round(context.appeal_deadline.total_seconds() / 60)
        yield Problem(Severity.NOTE, "appeal_deadline", {"minutes": str(minutes)})


def following_problems(revision: Revision, before: Revision) -> Iterator[Problem]:
    """What is wrong with a correction beside the revision that it follows."""
    if replace(revision, number=before.number, notice=before.notice) == before:
        yield Problem(Severity.BLOCKING, "nothing_changed")
    for version in revision.versions:
        words = revision.notice.words.get(version.language, "") if revision.notice else ""
        for code in faults_in(words, one_line=True):
            where = {"language": version.language, "field": "notice"}
            yield Problem(Severity.BLOCKING, f"text_{code}", where)
        if not words:
            yield Problem(Severity.NOTE, "no_correction_words", {"language": version.language})


async def privacy_problems(context: Context, revision: Revision) -> list[Problem]:
    """What the privacy gate finds in every text of a revision. Beside the loop: a long text takes its time."""
    return await asyncio.to_thread(lambda: list(findings(said(revision), context.words, context.clock().year)))


def notice_problems(context: Context, notice: Notice | None) -> Iterator[Problem]:
    """The same for the words of a notice alone: the text that it is about is out already."""
    return findings(said_in(notice) if notice else (), context.words, context.clock().year)


def stopped_by(problems: Iterable[Problem]) -> str:
    """Why a proposal cannot be made, as a code: the words to the readers can be put otherwise at once."""
    words = any(item.blocks and item.params.get("field") == "notice" for item in problems)
    return "notice_private" if words else "blocked"


def shown_problems(revision: Revision, renderings: Iterable[Rendering]) -> Iterator[Problem]:
    """Letters that a channel would show and nobody wrote into the release: they come from its settings."""
    own = {code for item in said(revision) for code in _odd_letters(item.text)}
    for rendering in renderings:
        texts = [text for part in rendering.parts for text in (part.text, *part.fields.values())]
        for code in sorted({code for text in texts for code in _odd_letters(text)} - own):
            severity = Severity.BLOCKING if code == "text_direction" else Severity.WARNING
            where = {"language": rendering.language, "field": "channel", "nth": "", "excerpt": ""}
            yield Problem(severity, code, where, rendering.channel)


def _odd_letters(text: str) -> set[str]:
    found = {f"text_{code}" for code in faults_in(text)} | {item.code for item in letters(text)}
    return found & {"text_direction", "script.mtavruli"}


async def link_problems(context: Context, revision: Revision) -> list[Problem]:
    """Links that lead nowhere, where the office has them asked."""
    return await context.links.problems(links_in(said(revision))) if context.links else []
