"""`distributor templates`: emergency texts that two people approve beforehand.

May touch: templates and the audit log, through the office; the file that `add` names. Of the two approvals one at the
most is given here: a shell knows a person by nothing but the word of its user.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.app import Parts
from distributor.cli.output import listing, say
from distributor.cli.people import find
from distributor.cli.releases import the_author
from distributor.cli.running import with_parts
from distributor.cli.template_file import parse_template
from distributor.core.template_faults import free_word_faults
from distributor.storage.templates import TemplateRow

group = typer.Typer(help="Emergency texts that are approved beforehand.", no_args_is_help=True)
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Name = Annotated[str, typer.Argument(help="The template's name.")]


@group.command("add")
def add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A TOML file; config/templates/flood.toml is an example.")],
    person: Annotated[str, typer.Option("--as", help="Its author: a number or name.")] = "",
    config: Config = None,
) -> None:
    """Lay a template, or a new version of one, before the desk."""

    async def work(parts: Parts) -> int:
        content = parse_template(file)
        made = await parts.office.templates.add(content, await the_author(parts, person))
        say(f"{made.label} waits for two people at the desk, neither of them its author.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("list")
def show(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """Every version, with who approved it, and as JSON with what keeps one editor from sending it alone."""

    async def work(parts: Parts) -> int:
        names = {person.id: person.name for person in await parts.office.people.everyone()}
        rows = [
            {
                "template": row.label,
                "title": row.content.wordings[0].title,
                "state": _state(row),
                "author": names.get(row.author_id, ""),
                "approved_by": [names.get(who, "") for who in (row.first_by, row.second_by) if who],
                "hash": row.content_hash,
                "free_words": free_word_faults(row.content),
            }
            for row in await parts.office.templates.all()
        ]
        listing(rows, ("template", "title", "state", "author", "approved_by"), as_json, "Templates")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("approve")
def approve(
    context: typer.Context,
    name: Name,
    person: Annotated[str, typer.Option("--as", help="Who approves it: a number or name.")],
    config: Config = None,
) -> None:
    """Give one of the two approvals; the other is given at the desk."""

    async def work(parts: Parts) -> int:
        row = await parts.office.templates.approve(name, await find(parts, person))
        say(f"{row.label} is {_state(row)}.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("retire")
def retire(
    context: typer.Context,
    name: Name,
    person: Annotated[str, typer.Option("--as", help="Who does it: a number or name.")] = "",
    config: Config = None,
) -> None:
    """Take every version of a template out of use."""

    async def work(parts: Parts) -> int:
        count = await parts.office.templates.retire(name, await find(parts, person) if person else None)
        say(f"{name} is no longer in use ({count} version{'s' * (count != 1)}).")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


def _state(row: TemplateRow) -> str:
    if row.retired_at is not None:
        return "retired"
    if row.waits:
        return "approved by one, waits for a second" if row.first_by else "waits for two approvals"
    if row.usable and free_word_faults(row.content):
        return "in use, but not by one editor alone: add a new version"
    return "in use" if row.usable else "damaged: its words are not those that were approved"
