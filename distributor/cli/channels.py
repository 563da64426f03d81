"""`distributor channels`: do the credentials work? stop and go.

May touch: the platforms (reads only, by the adapters' probes), lanes, the audit log.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.app import Parts
from distributor.cli.output import complain, listing, say
from distributor.cli.running import with_parts
from distributor.core.ports import EMBARGO, EVERY
from distributor.office.canary import End, days_left, expiry, probe, with_expiry
from distributor.office.restoring import CODE as RESTORED

group = typer.Typer(help="The channels.", no_args_is_help=True)
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]


@group.command("check")
def check(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: Config = None,
) -> None:
    """Ask every platform whether our credentials are good, how long, and reach the destination. Publishes nothing."""

    async def work(parts: Parts) -> int:
        lanes = await parts.office.operations.lanes()
        found = await asyncio.gather(*(probe(channel) for channel in parts.channels.values()))
        rows: list[dict[str, Any]] = []
        now = parts.clock()
        for name, answer in zip(parts.channels, found, strict=True):
            state, end = lanes[name], expiry(parts.office.context.seats[name], answer)
            health = with_expiry(answer, end, now)
            paused = f"paused: {state.reason}" if state.paused else "open"
            rows.append(
                {
                    "channel": name,
                    "ok": "yes" if health.ok else "NO",
                    "account": health.account,
                    "lane": paused,
                    "problems": list(health.problems),
                    "expires": end.at if end else None,
                    "days": _days(end, now),
                    "facts": health.facts,
                }
            )
        listing(rows, ("channel", "ok", "account", "lane", "days", "problems"), as_json, "Channels")
        if whole := lanes.get(EVERY):
            what = "distributor recover" if whole.code == RESTORED else "distributor channels start"
            complain(f"Nothing is sent: {whole.reason}. Let it go on with: {what}")
        if closed := lanes.get(EMBARGO):
            complain(f"No embargo ends: {closed.reason}. Let them end with: distributor channels resume '{EMBARGO}'")
        if not rows:
            complain("No channel is configured; see docs/settings.md.")
        return 0 if rows and not whole and all(row["ok"] == "yes" for row in rows) else 1

    raise typer.Exit(with_parts(config or context.obj, work))


def _days(end: End | None, now: datetime) -> str:
    """How long the credentials still last, in words. Many last for ever, but not every platform says so."""
    if end is None:
        return "none known"
    if end.at <= now:
        return f"the {end.what.value} has expired"
    left = days_left(end.at, now)
    return f"the {end.what.value} lasts {left} more day{'' if left == 1 else 's'}"


@group.command("stop")
def stop(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Kept in the log, and shown at the desk.")] = "",
    config: Config = None,
) -> None:
    """Stop all channels at once: nothing new begins; what is queued stays queued."""

    async def work(parts: Parts) -> int:
        await parts.office.operations.stop(None, reason)
        say("Everything is stopped; what is under way ends. Let it go on with: distributor channels start")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("start")
def start(context: typer.Context, config: Config = None) -> None:
    """End the stop of all channels. Those that were paused by themselves stay so."""

    async def work(parts: Parts) -> int:
        await parts.office.operations.start(None)
        still = [name for name, lane in (await parts.office.operations.lanes()).items() if lane.paused]
        say("The channels go on" + (f"; still paused by themselves: {', '.join(still)}." if still else "."))
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("pause")
def pause(
    context: typer.Context,
    name: str,
    reason: Annotated[str, typer.Option(help="Kept in the log.")] = "",
    config: Config = None,
) -> None:
    """Stop a channel; what is queued stays queued."""

    async def work(parts: Parts) -> int:
        await parts.office.operations.pause(name, None, reason)
        say(f"{name} is paused. Let it go on with: distributor channels resume {name}")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("resume")
def resume(context: typer.Context, name: str, config: Config = None) -> None:
    """Let a channel go on."""

    async def work(parts: Parts) -> int:
        await parts.office.operations.resume(name, None)
        say(f"{name} goes on.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))
