"""`distributor config`: are the settings right?

May touch: the settings file and the secret files it names. Opens no connection.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.output import complain, say
from distributor.cli.running import find_settings, read_settings
from distributor.config import SettingsError, find_places, find_words, lacking_words
from distributor.config.places import check_places

group = typer.Typer(help="The settings.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """The settings."""


@group.command("check")
def check(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", help="The settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Report every wrong key at once, with its path and the line that would be right."""
    path = find_settings(config or context.obj)
    try:
        settings, path = read_settings(path)
        find_words(path)
        faults = list(check_places(settings, find_places("regions", path), find_places("topics", path)))
        if faults:
            raise SettingsError(faults)
    except SettingsError as error:
        if as_json:
            print(json.dumps([_plain(fault) for fault in error.errors], ensure_ascii=False, indent=2))
        else:
            complain(str(error))
        raise typer.Exit(1) from None
    for warning in (*settings.warnings, *lacking_words(path)):
        complain(f"warning: {warning}")
    if as_json:
        print("[]")
    else:
        where = path or "the defaults and the environment"
        say(f"{where}: right. {len(settings.channels)} channels: {', '.join(settings.channels) or 'none yet'}")


def _plain(fault: object) -> dict[str, str]:
    return {name: str(getattr(fault, name, "")) for name in ("path", "wrong", "right", "origin")}
