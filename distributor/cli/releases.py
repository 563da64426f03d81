"""`distributor submit | releases | deliveries | retry | cases`.

May touch: releases, deliveries and cases, through the office; files that `submit` names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.app import Parts
from distributor.cli.output import complain, listing, say
from distributor.cli.people import find
from distributor.cli.preflight import Overrides, override, wanted_overrides
from distributor.cli.running import with_parts
from distributor.cli.submission import parse
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.locale import problem_text, texts
from distributor.storage.reports import DeliveryFilter

Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def submit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Markdown with TOML front matter.")],
    person: Annotated[str, typer.Option("--as", help="Who writes: a number or name.")] = "",
    overrides: Overrides = None,
    config: Config = None,
) -> None:
    """Lay a release from a file before the editors."""
    answers = wanted_overrides(overrides)

    async def work(parts: Parts) -> int:
        submission = parse(file)
        author = await the_author(parts, person)
        media = await submission.take_in(parts.media)
        draft = await parts.office.drafts.create(author, media=media, **submission.content)
        await override(parts, draft.id, author, answers)
        checked = await parts.office.drafts.preflight(draft.id)
        for problem in checked.preflight.problems:
            answered = f" Overridden: {problem.override}" if problem.override else ""
            complain(f"{problem.severity.value}: {problem_text(problem, 'en')}{answered}")
        if checked.preflight.blocked:
            complain(f"{draft.id} is kept as a draft; mend what is blocking and submit it again.")
            complain(f"`distributor preflight {draft.id}` tells the keys of what may be overridden with a reason.")
            return 1
        await parts.office.drafts.submit(draft.id, author)
        say(f"{draft.id} is submitted; it waits for an editor's approval at the desk.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


async def the_author(parts: Parts, wanted: str) -> Person:
    """Who is meant; without a name the only one there is who may write."""
    if wanted:
        return await find(parts, wanted)
    writers = [person for person in await parts.office.people.everyone() if person.may(Right.WRITE)]
    if len(writers) != 1:
        raise Refused("say_who", count=str(len(writers)))
    return writers[0]


def releases(
    context: typer.Context,
    state: Annotated[str, typer.Option("--state", help="Only in this state.")] = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Releases, the last changed first."""

    async def work(parts: Parts) -> int:
        rows = [
            {
                "id": row.id,
                "state": row.state.value,
                "revision": row.revision,
                "kind": row.draft.kind.value,
                "title": row.draft.title,
                "changed": row.updated_at,
            }
            for row in await parts.office.reading.releases(state)
        ]
        listing(rows, ("id", "state", "revision", "kind", "title", "changed"), as_json, "Releases")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


def deliveries(
    context: typer.Context,
    release: Annotated[str, typer.Argument(help="Only of this release.")] = "",
    state: Annotated[str, typer.Option("--state", help="Only in this state.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="Only of this channel.")] = "",
    most: Annotated[int, typer.Option("--most", help="How many at the most.")] = 100,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The delivery log, the newest first."""

    async def work(parts: Parts) -> int:
        wanted = DeliveryFilter(release_id=release, state=state, channel=channel, most=most)
        print_deliveries(await parts.office.reading.deliveries(wanted), as_json)
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


def print_deliveries(rows: list[dict[str, Any]], as_json: bool = False) -> None:
    """The delivery table, as `deliveries` and the demo show it."""
    for row in rows:
        receipt = row["receipt"] or {}
        row["where"] = (
            row["address"] if row["destination_kind"] == "subscriber" else (receipt.get("links") or row["address"])
        )
    columns = ("id", "channel", "state", "attempts", "where", "reason", "updated_at")
    listing(rows, columns, as_json, "Deliveries")


def retry(
    context: typer.Context,
    ids: Annotated[list[int] | None, typer.Argument(help="Numbers of deliveries.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were rejected or expired.")] = False,
    channel: Annotated[str, typer.Option("--channel", help="With --all: only of this channel.")] = "",
    release: Annotated[str, typer.Option("--release", help="With --all: only of this release.")] = "",
    config: Config = None,
) -> None:
    """Send dead letters again: those that are named, or all."""
    if bool(ids) == everything or ((channel or release) and not everything):
        raise typer.BadParameter("name deliveries, or say --all (with --channel, --release)")

    async def work(parts: Parts) -> int:
        if everything:
            return await _retry_all(parts, channel, release)
        return await _retry(parts, ids or [])

    raise typer.Exit(with_parts(config or context.obj, work))


async def _retry(parts: Parts, ids: list[int]) -> int:
    words, wrong = texts("en"), 0
    for number, state in (await parts.office.operations.retry(ids, None)).items():
        word = words.get(f"state.{state}")
        if state in {"rejected", "expired", "cancelled"}:
            say(f"{number}: queued again (was {word}).")
        else:
            wrong += 1
            complain(f"{number}: left as it is ({word})." if state else f"{number}: there is no such delivery.")
    return 1 if wrong else 0


async def _retry_all(parts: Parts, channel: str, release: str) -> int:
    words = texts("en")
    before = await parts.office.operations.retry_all(None, channel, release)
    for state, count in before.items():
        say(f"{count} queued again (were {words.get(f'state.{state}')}).")
    if not before:
        say("There is no dead letter here.")
    return 0


def cases(
    context: typer.Context,
    there: Annotated[int | None, typer.Option("--there", help="End this delivery's case: it is there.")] = None,
    not_there: Annotated[int | None, typer.Option("--not-there", help="End it: it is not there, send again.")] = None,
    all_there: Annotated[str, typer.Option("--all-there", help="End all cases of this release: they are there.")] = "",
    all_not_there: Annotated[str, typer.Option("--all-not-there", help="End them: not there, send again.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="With --all-…: only of this channel.")] = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Unknown outcomes that wait for a person; exit 1 while there are any."""

    async def work(parts: Parts) -> int:
        for release, word in ((all_there, True), (all_not_there, False)):
            if release:
                count = await _answer_all(parts, release, channel, word)
                say(f"{count} cases of {release}: {'they are there' if word else 'they go again'}.")
        for number, word in ((there, True), (not_there, False)):
            if number is not None:
                await parts.office.operations.resolve(number, word, None)
                say(f"Delivery {number}: {'it is there' if word else 'it goes again'}.")
        rows = await parts.office.operations.open_cases()
        listing(rows, ("delivery_id", "channel", "address", "title", "step", "reason", "opened_at"), as_json, "Cases")
        return 1 if rows else 0

    raise typer.Exit(with_parts(config or context.obj, work))


async def _answer_all(parts: Parts, release: str, channel: str, there: bool) -> int:
    """One word for every case of a release, as after a look into the relay's log; each is ended by itself, so that one
    which a late receipt has ended meanwhile is left alone."""
    count = 0
    for case in await parts.office.operations.open_cases():
        if case["release_id"] == release and channel in {"", case["channel"]}:
            try:
                await parts.office.operations.resolve(case["delivery_id"], there, None)
                count += 1
            except Refused as refused:
                if refused.code != "no_open_case":
                    raise
    return count


def add_to(application: typer.Typer) -> None:
    """Put these commands at the top level."""
    for command in (submit, releases, deliveries, retry, cases):
        application.command(command.__name__)(command)
