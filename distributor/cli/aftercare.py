"""`distributor correct | withdraw | abandon | hold | lift`: what follows a publication, on every channel at once.

May touch: releases, through the office; the file that `correct` names. Nothing here skips the second person: a
correction and a withdrawal wait for an editor's approval at the desk.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.app import Parts
from distributor.cli.output import complain, say
from distributor.cli.releases import Config, the_author
from distributor.cli.running import with_parts
from distributor.cli.submission import parse
from distributor.core.approval import Decision
from distributor.core.refusal import Refused
from distributor.core.release import Action, Notice
from distributor.locale import problem_text
from distributor.office.drafts import Submitted

Release = Annotated[str, typer.Argument(help="The release's id.")]
As = Annotated[str, typer.Option("--as", help="Who does it: a number or name.")]
Words = Annotated[list[str] | None, typer.Option("--words", help="What readers are told: ka=…, en=…; repeat it.")]


def _by_language(words: list[str] | None) -> dict[str, str]:
    found = {}
    for item in words or []:
        language, equals, text = item.partition("=")
        if not equals or not language.strip().isalpha() or not text.strip():
            raise typer.BadParameter(
                f"{item!r}: write --words LANGUAGE=TEXT, for example --words 'en=the date was wrong'"
            )
        found[language.strip()] = text.strip()
    return found


def _proposed(what: str, submitted: Submitted) -> int:
    for problem in submitted.preflight.problems:
        where = f"{problem.channel}: " if problem.channel else ""
        complain(f"{problem.severity.value}: {where}{problem_text(problem, 'en')}")
    say(f"The {what} of {submitted.release.id} waits for a second person at the desk; nothing has changed yet.")
    return 0


def correct(
    context: typer.Context,
    release: Release,
    file: Annotated[Path, typer.Argument(help="The whole release as it should be, as for `submit`.")],
    words: Words = None,
    person: As = "",
    config: Config = None,
) -> None:
    """Correct a release everywhere: in every place where it stands, and to everyone who got it."""
    told = _by_language(words)

    async def work(parts: Parts) -> int:
        submission = parse(file)
        author, office = await the_author(parts, person), parts.office
        media = await submission.take_in(parts.media)
        found = await office.drafts.get(release)
        if not found.following:
            await office.aftercare.begin_correction(release, author)
        notice = Notice(Action.CORRECT, told)
        await office.drafts.change(release, author, media=media, notice=notice, **submission.content)
        checked = await office.drafts.preflight(release)
        if checked.preflight.blocked:
            for problem in checked.preflight.problems:
                complain(f"{problem.severity.value}: {problem_text(problem, 'en')}")
            complain(f"The correction of {release} is kept as a draft; mend what is blocking and give the file again.")
            return 1
        return _proposed("correction", await office.drafts.submit(release, author))

    raise typer.Exit(with_parts(config or context.obj, work))


def withdraw(
    context: typer.Context,
    release: Release,
    reason: Annotated[str, typer.Option("--reason", help="Why; for the log, readers do not see it.")],
    photo: Annotated[
        list[int] | None, typer.Option("--photo", help="Only this photo or video, by its number; repeat it.")
    ] = None,
    words: Words = None,
    person: As = "",
    config: Config = None,
) -> None:
    """Withdraw a release everywhere, or single photos of it while the release stays."""
    told = _by_language(words)

    async def work(parts: Parts) -> int:
        author, care = await the_author(parts, person), parts.office.aftercare
        if not photo:
            return _proposed("withdrawal", await care.withdraw(release, author, reason, told))
        standing = await parts.office.reading.standing(release)
        media = standing.revision.content.media if standing.revision else ()
        if not all(1 <= number <= len(media) for number in photo):
            raise Refused("unknown_media")
        digests = [media[number - 1].asset.digest for number in photo]
        return _proposed("withdrawal of photos", await care.withdraw_media(release, author, digests, reason, told))

    raise typer.Exit(with_parts(config or context.obj, work))


def abandon(context: typer.Context, release: Release, person: As = "", config: Config = None) -> None:
    """Give a correction or withdrawal up that was not approved."""

    async def work(parts: Parts) -> int:
        await parts.office.aftercare.abandon(release, await the_author(parts, person))
        say(f"Given up; {release} stays as it is.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


async def _decide(parts: Parts, release: str, person: str, decision: Decision) -> int:
    standing = await parts.office.reading.standing(release)
    if standing.revision is None:
        raise Refused("wrong_state", state=standing.release.state.value)
    editor = await the_author(parts, person)
    seen = (standing.release.revision, standing.revision.content_hash)
    return await parts.office.approvals.decide(editor.id, decision, release, *seen)


def hold(context: typer.Context, release: Release, person: As = "", config: Config = None) -> None:
    """Stop what is queued of a release, and tell those who have it: do not use, it is being checked."""

    async def work(parts: Parts) -> int:
        told = await _decide(parts, release, person, Decision.HOLD)
        say(f"{release} is on hold; {told} who have it are told not to use it.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


def lift(context: typer.Context, release: Release, person: As = "", config: Config = None) -> None:
    """Lift a hold: what was queued goes on, and those who have it are told."""

    async def work(parts: Parts) -> int:
        told = await _decide(parts, release, person, Decision.RESUME)
        say(f"The hold of {release} is lifted; {told} are told.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


def add_to(application: typer.Typer) -> None:
    """Put these commands at the top level."""
    for command in (correct, withdraw, abandon, hold, lift):
        application.command(command.__name__)(command)
