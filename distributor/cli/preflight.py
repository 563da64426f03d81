"""`distributor preflight FILE|RELEASE`: what is wrong with a release, and what somebody may answer for.

May touch: the office's preflight; of a file the media that it names, which are taken in. Nothing is submitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.app import Parts
from distributor.cli.output import listing, say
from distributor.cli.running import with_parts
from distributor.cli.submission import parse
from distributor.core.people import Person
from distributor.core.privacy import OVERRIDABLE
from distributor.core.refusal import Refused
from distributor.core.rendering import Problem
from distributor.locale import problem_text
from distributor.office.preflight import Checked

_ID = re.compile("[0-9a-z]{10}")
KEY = 12  # letters of a finding's key that are shown, and the fewest that name it

Overrides = Annotated[
    list[str] | None,
    typer.Option("--override", help="KEY=REASON: answer for a finding; its key is told by `preflight`."),
]


def preflight(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="A release's id, or a file as `submit` takes it.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: Annotated[Path | None, typer.Option("--config", help="The settings file.")] = None,
) -> None:
    """What stops a release, what to look at, what to know; exit 1 where something stops it."""

    async def work(parts: Parts) -> int:
        checked = await _checked(parts, what)
        rows = [_row(problem) for problem in checked.preflight.problems]
        listing(rows, ("severity", "channel", "finding", "key", "override"), as_json, "Preflight")
        if not as_json:
            say("Something stops it." if checked.preflight.blocked else "Nothing stops it.")
        return 1 if checked.preflight.blocked else 0

    raise typer.Exit(with_parts(config or context.obj, work))


async def _checked(parts: Parts, what: str) -> Checked:
    if _ID.fullmatch(what):
        return await parts.office.drafts.preflight(what)
    submission = parse(Path(what))
    media = await submission.take_in(parts.media)
    return await parts.office.drafts.preflight_of(media=media, **submission.content)


def _row(problem: Problem) -> dict[str, Any]:
    mine = problem.code in OVERRIDABLE and (problem.blocks or bool(problem.override))
    return {
        "severity": problem.severity.value,
        "code": problem.code,
        "channel": problem.channel,
        "finding": problem_text(problem, "en"),
        "params": {name: value for name, value in problem.params.items() if name != "mark"},
        "key": problem.key[:KEY] if mine else "",
        "override": problem.override,
    }


def wanted_overrides(given: Sequence[str] | None) -> list[tuple[str, str]]:
    """KEY=REASON, taken apart."""
    pairs = [item.partition("=") for item in given or ()]
    if any(not key.strip() or not reason.strip() for key, _, reason in pairs):
        raise typer.BadParameter("say --override KEY=REASON")
    return [(key.strip(), reason) for key, _, reason in pairs]


async def override(parts: Parts, release_id: str, person: Person, wanted: Iterable[tuple[str, str]]) -> None:
    """Answer for the findings that are named by the beginning of their key."""
    for key, reason in wanted:
        problems = (await parts.office.drafts.preflight(release_id)).preflight.problems
        named = [item for item in problems if len(key) >= KEY and item.key.startswith(key)]
        if len(named) != 1:
            raise Refused("unknown_finding")
        await parts.office.overriding.override(release_id, person, named[0].key, reason)


def add_to(application: typer.Typer) -> None:
    """Put this command at the top level."""
    application.command("preflight")(preflight)
