"""`distributor subscribers`: who gets the mail, and the webhooks.

May touch: destinations and subscriptions, through the office.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from distributor.app import Parts
from distributor.cli.output import complain, listing, say
from distributor.cli.running import with_parts
from distributor.core.refusal import Refused
from distributor.locale import refusal_text

group = typer.Typer(help="Subscribers of a channel.", no_args_is_help=True)
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
Trusted = Annotated[
    bool | None,
    typer.Option("--trusted/--no-trusted", help="May have a text before its embargo ends; else as it is."),
]
_YES_NO = {"": None, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
Codes = Annotated[list[str] | None, typer.Option(help="May be given several times; none means all.")]


@group.command("add")
def add(
    context: typer.Context,
    channel: str,
    address: str,
    name: str = "",
    language: str = "",
    region: Codes = None,
    topic: Codes = None,
    kind: Codes = None,
    trusted: Trusted = None,
    config: Config = None,
) -> None:
    """Add a subscriber, or replace what an existing one asked for."""

    async def work(parts: Parts) -> int:
        facets = {"region": region or [], "topic": topic or [], "kind": kind or []}
        await parts.office.subscriptions.add(
            channel, address, None, label=name, language=language, facets=facets, trusted=trusted
        )
        say(f"{address} gets what {channel} brings.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("import")
def take_in(context: typer.Context, channel: str, file: Path, config: Config = None) -> None:
    """Add many from a CSV file with the columns address, name, language, regions, topics, kinds (codes with spaces),
    trusted (yes or no; empty leaves it as it is)."""

    async def work(parts: Parts) -> int:
        added = wrong = 0
        with file.open(encoding="utf-8-sig", newline="") as handle:
            for number, row in enumerate(csv.DictReader(handle), 2):
                facets = {facet: (row.get(f"{facet}s") or "").split() for facet in ("region", "topic", "kind")}
                try:
                    await parts.office.subscriptions.add(
                        channel,
                        row.get("address") or "",
                        None,
                        label=row.get("name") or "",
                        language=row.get("language") or "",
                        facets=facets,
                        trusted=_trusted(row.get("trusted") or ""),
                    )
                    added += 1
                except Refused as refused:
                    wrong += 1
                    complain(f"{file}, line {number}: {refusal_text(refused, 'en')}")
        say(f"{added} added, {wrong} left out.")
        return 1 if wrong else 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("list")
def show(
    context: typer.Context,
    channel: Annotated[str, typer.Option(help="Only of this channel.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: Config = None,
) -> None:
    """Every subscriber, with what they asked for."""

    async def work(parts: Parts) -> int:
        rows = await parts.office.subscriptions.everyone(channel)
        for row in rows:
            row.pop("token")  # whoever holds it may unsubscribe in the subscriber's name
            row["asked for"] = ", ".join(code for codes in row["facets"].values() for code in codes) or "everything"
            row["trusted"] = row["trusted"] if as_json else "yes" if row["trusted"] else ""
        columns = ("id", "channel", "address", "language", "status", "trusted", "asked for")
        listing(rows, columns, as_json, "Subscribers")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("secret")
def secret(context: typer.Context, channel: str, address: str, config: Config = None) -> None:
    """Show the key with which a webhook's receiver verifies our calls. Give it to nobody else."""

    async def work(parts: Parts) -> int:
        say(await parts.office.subscriptions.secret(channel, address, None))
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


def _trusted(word: str) -> bool | None:
    """A word of the column. Refused where it could mean anything: trust is not guessed."""
    if word.strip().casefold() not in _YES_NO:
        raise Refused("not_yes_or_no", word=word)
    return _YES_NO[word.strip().casefold()]
