"""`distributor audit`: verify, export, sign.

May touch: the audit log through the office, and the file that an export is written to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from distributor.app import Parts
from distributor.cli.output import complain, say
from distributor.cli.running import with_parts
from distributor.office.auditing import Checkpoint

group = typer.Typer(help="The log that shows tampering.", no_args_is_help=True)
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@group.command("verify")
def verify(
    context: typer.Context,
    kept: Annotated[
        Path | None, typer.Option("--checkpoints", help="A file of published checkpoints (JSON lines).")
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Find the first row altered, removed or inserted."""

    async def work(parts: Parts) -> int:
        points = (
            [Checkpoint(**json.loads(line)) for line in kept.read_text().splitlines() if line.strip()] if kept else []
        )
        verdict = await parts.office.auditing.verify(points)
        counts = {"events": verdict.events, "outcomes": verdict.outcomes, "checkpoints": verdict.checkpoints}
        if as_json:
            print(json.dumps(counts | {"fault": verdict.fault}, ensure_ascii=False))
        elif verdict.fault:
            complain(f"The audit log is NOT intact. First fault: {verdict.fault}")
        else:
            say("The audit log is intact: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + ".")
        return 1 if verdict.fault else 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output where it is left out.")] = None,
    config: Config = None,
) -> None:
    """Write the whole log as JSON lines."""

    async def work(parts: Parts) -> int:
        handle = file.open("x", encoding="utf-8") if file else None
        try:
            async for row in parts.office.auditing.export():
                print(json.dumps(row, ensure_ascii=False), file=handle)
        finally:
            if handle:
                handle.close()
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("checkpoint")
def checkpoint(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """Sign the present end of the log. Keep the line somewhere else: it proves that nothing was cut off."""

    async def work(parts: Parts) -> int:
        point = await parts.office.auditing.checkpoint()
        if point is None:
            complain("Nothing was added since the last checkpoint.")
            return 0
        line = json.dumps({name: getattr(point, name) for name in ("seq", "head", "at", "public_key", "signature")})
        if as_json:
            print(line)
        else:
            say(line)
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))
