"""`distributor alarms`: what waits for a person's answer, and the answer.

May touch: alarms and what an answer does, through the office; the audit log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.app import Parts
from distributor.cli.output import listing, say
from distributor.cli.people import find
from distributor.cli.running import with_parts
from distributor.locale import texts
from distributor.office.alarm_kinds import KINDS
from distributor.office.alarm_words import sentence

Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]


def alarms(
    context: typer.Context,
    resolve: Annotated[
        tuple[int, str] | None, typer.Option("--resolve", help="Answer one: its number and the answer's word.")
    ] = None,
    person: Annotated[str, typer.Option("--as", help="Who answers: a number or name; else the operator.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: Config = None,
) -> None:
    """What waits for a person's answer, with the possible answers (none: at the desk alone); exit 1 while there is
    any."""

    async def work(parts: Parts) -> int:
        office, words = parts.office, texts("en")
        if resolve is not None:
            who = await find(parts, person) if person else None
            done = await office.alarms.resolve(resolve[0], who, resolve[1])
            answer = words.get(f"alarm.answer.{done.word}")
            say(f"Alarm {done.alarm.id} is answered: {answer}.")
        rows = [
            {
                "id": alarm.id,
                "kind": alarm.kind,
                "subject": alarm.subject,
                "says": sentence(alarm, office.context, "en"),
                "answers": [] if KINDS[alarm.kind].at_desk else [one.word for one in KINDS[alarm.kind].answers],
                "opened_at": alarm.opened_at,
                "params": alarm.params,
            }
            for alarm in await office.alarms.open()
        ]
        listing(rows, ("id", "kind", "says", "answers", "opened_at"), as_json, "Alarms")
        return 1 if rows else 0

    raise typer.Exit(with_parts(config or context.obj, work))
