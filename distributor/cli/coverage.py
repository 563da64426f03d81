"""`distributor coverage RELEASE`: who has which version of a release, who still shows an old one, and why.

Reads only, through the office. Ends with 1 while somebody shows, or may show, what they should not, also where a label
stands beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor.app import Parts
from distributor.cli.output import listing, say
from distributor.cli.running import with_parts
from distributor.core.release import Action
from distributor.locale import Texts, texts
from distributor.office.coverage import WRONG, CoverageOf, Status

Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
_COLUMNS = ("channel", "address", "has", "why", "delivery_id")


def coverage(
    context: typer.Context,
    release: Annotated[str, typer.Argument(help="The release's id.")],
    status: Annotated[
        Status | None, typer.Option("--status", help="List these destinations; else those that are wrong.")
    ] = None,
    channel: Annotated[str, typer.Option("--channel", help="List only this channel's.")] = "",
    after: Annotated[int, typer.Option("--after", help="List on from this destination's number.")] = 0,
    most: Annotated[int, typer.Option("--most", help="List so many at the most.", min=1, max=10_000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: Config = None,
) -> None:
    """Who has which version of a release; exit 1 while somebody shows an old one."""

    async def work(parts: Parts) -> int:
        office = parts.office.coverage
        found = await office.of_release(release)
        rows: list[dict[str, Any]] = []
        for one in [status] if status else sorted(WRONG):
            if found.counts.get(one, 0):
                rows += await office.holders(release, status=one.value, channel=channel, after=after, most=most)
        rows = sorted(rows, key=lambda row: int(row["destination_id"]))[:most]
        if as_json:
            print(json.dumps(_data(found, rows), default=str, ensure_ascii=False, indent=2))
        else:
            _print(found, rows)
        return 0 if found.complete else 1

    raise typer.Exit(with_parts(config or context.obj, work))


def _data(found: CoverageOf, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "release": found.release.id,
        "title": found.release.draft.title,
        "state": found.release.state,
        "revision": found.target.revision,
        "action": found.target.action,
        "complete": found.complete,
        "channels": [
            {
                "channel": one.name,
                "counts": dict(one.counts),
                "acknowledged": one.acknowledged,
                "behind": [
                    {
                        "status": group.status,
                        "shown": group.shown,
                        "because": group.because,
                        "code": group.code,
                        "count": group.count,
                    }
                    for group in one.groups
                ],
            }
            for one in found.channels
        ],
        "destinations": [
            {**row, "updated_at": _time(row["updated_at"]), "acknowledged_at": _time(row["acknowledged_at"])}
            for row in rows
        ],
    }


def _time(value: Any) -> str | None:
    return value.isoformat() if value else None


def _print(found: CoverageOf, rows: list[dict[str, Any]]) -> None:
    words = texts("en")
    target = found.target
    say(f"{found.release.draft.title} — {words.get(f'release.{found.release.state.value}')}")
    say(_wanted(words, target.action, target.revision))
    lines = []
    for one in found.channels:
        has = [f"{words.get(f'web.coverage_status_{status.value}')}: {count}" for status, count in one.counts.items()]
        why = [f"{words.get(f'web.coverage_because_{group.because}')}: {group.count}" for group in one.groups]
        lines.append({"channel": one.name, "has": has, "why": why, "acknowledged": one.acknowledged or ""})
    listing(lines, ("channel", "has", "why", "acknowledged"), False, "Coverage")
    if found.labelled:
        say(words.many("web.coverage_someone_labelled", "web.coverage_some_labelled", found.labelled))
    for row in rows:
        row["has"] = words.get(f"web.coverage_status_{row['status']}") + (f" ({row['shown']})" if row["shown"] else "")
        because = words.get(f"web.coverage_because_{row['because']}") if row["because"] else ""
        row["why"] = f"{because}: {row['reason']}" if because and row["reason"] else because
    if rows:
        listing(rows, _COLUMNS, False, "Destinations")


def _wanted(words: Texts, action: Action, revision: int) -> str:
    if not revision:
        return words.get("web.coverage_target_none")
    return words.get(f"web.coverage_target_{action.value}", revision=revision)
