"""`distributor recover`: after an old backup was restored.

May touch: deliveries, cases, lanes and the log, through the office. Says what it will do, and does it with --yes alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.app import Parts
from distributor.cli.output import complain, say
from distributor.cli.running import with_parts
from distributor.office.restoring import Plan

Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]


def recover(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    config: Config = None,
) -> None:
    """After an old backup was restored: look for what may have been sent since, and let the channels go on."""

    async def work(parts: Parts) -> int:
        if not yes:
            await _say_what_would_be(parts)
            return 1
        done = await parts.office.restoring.recover()
        say(f"Done: {_counted(done)}. The channels go on. Cases wait for you: distributor cases")
        _warn(done)
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


async def _say_what_would_be(parts: Parts) -> None:
    plan = await parts.office.restoring.plan()
    if not plan.detected:
        say("Nothing here says that this database is older than what was done. Go on only if you have restored it.")
    say(f"What it will do: {_counted(plan)}.")
    _warn(plan)
    complain("Nothing was changed. Do it with: distributor recover --yes")


def _counted(plan: Plan) -> str:
    doubt = plan.doubt
    return (
        "deliveries that may have been sent since the backup are looked for at their platforms "
        f"(found: sent; not there: sent now; where nobody can tell: a case): {doubt.unknown}; "
        f"those of several parts are cases at once: {doubt.cases}; "
        f"those on channels that may repeat them go again: {doubt.again}"
    )


def _warn(plan: Plan) -> None:
    say("Of releases that were approved after the backup nothing is known here.")
    if plan.submitted:
        say(f"Approve these only after a look at the channels, for they may be out: {', '.join(plan.submitted)}")
