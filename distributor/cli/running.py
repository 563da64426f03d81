"""What every command needs: settings from where the operator keeps them, parts opened and closed around it.

May touch: the settings file, the environment, the parts that the composition root opens.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from distributor import collector, log
from distributor.adapters import registry
from distributor.app import Parts, Service, open_parts
from distributor.cli.output import complain, say
from distributor.config import Settings, lacking_words, load

DEFAULT_FILE = Path("config/distributor.toml")


def find_settings(given: Path | None) -> Path | None:
    """The settings file: the one given (which must exist), else DISTRIBUTOR_CONFIG, else config/distributor.toml."""
    if given is None and os.environ.get("DISTRIBUTOR_CONFIG"):
        given = Path(os.environ["DISTRIBUTOR_CONFIG"])
    if given is not None:
        return given
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def read_settings(given: Path | None) -> tuple[Settings, Path | None]:
    """The settings and their file; the log is set up by them. Raises SettingsError."""
    path = find_settings(given)
    settings = load(path, os.environ, registry.settings_model, registry.names())
    log.configure(settings.log.level, settings.log.format, settings.secrets())
    return settings, path


def with_parts(given: Path | None, work: Callable[[Parts], Awaitable[int]]) -> int:
    """Open the parts, do the work, close them. Returns the exit code."""
    settings, path = read_settings(given)

    async def run() -> int:
        parts = await open_parts(settings, path)
        try:
            return await work(parts)
        finally:
            await parts.close()

    return asyncio.run(run())


def serve(given: Path | None, roles: frozenset[str]) -> int:
    """Run roles until SIGTERM or SIGINT, then drain."""
    settings, path = read_settings(given)

    async def run() -> int:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        parts = await open_parts(settings, path)
        try:
            for lack in lacking_words(path):
                complain(f"warning: {lack}")
            service = Service(parts, roles)
            await service.start()
            collector.settle()
            say(f"Distributor runs: {', '.join(sorted(roles))}{f' at {service.url}' if service.url else ''}")
            await stop.wait()
            say("Stopping: what is under way finishes first.")
            await service.stop()
        finally:
            await parts.close()
        return 0

    return asyncio.run(run())
