"""The commands: roles, the demo, the database; groups live in files of their own.

May touch: what the composition root opens. Wrong use ends with 2, something wrong with 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from distributor import __version__
from distributor.app import CannotStart
from distributor.cli import (
    aftercare,
    alarms,
    auditing,
    channels,
    checking,
    coverage,
    people,
    preflight,
    recovering,
    releases,
    subscribers,
    templates,
)
from distributor.cli.output import complain, say
from distributor.cli.releases import print_deliveries
from distributor.cli.running import read_settings, serve
from distributor.cli.submission import BadFile
from distributor.config import SettingsError
from distributor.core.asset import DiskFull, MediaRefused
from distributor.core.refusal import Refused
from distributor.locale import refusal_text

application = typer.Typer(
    help="One approval, every channel.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.", envvar="DISTRIBUTOR_CONFIG")]


@application.callback()
def _options(context: typer.Context, config: Config = None) -> None:
    """One approval, every channel."""
    context.obj = config


def _role(name: str, roles: frozenset[str], text: str) -> None:
    def command(context: typer.Context, config: Config = None) -> None:
        raise typer.Exit(serve(config or context.obj, roles))

    command.__doc__ = text
    application.command(name)(command)


_role("serve", frozenset({"bot", "worker", "web"}), "Run the bot, the worker and the web pages in one process.")
_role("bot", frozenset({"bot"}), "Run the desk's bot alone.")
_role("worker", frozenset({"worker"}), "Run a worker alone.")
_role("web", frozenset({"web"}), "Run the newsroom, the console and the hooks alone.")


@application.command()
def demo(
    auto: Annotated[
        bool, typer.Option("--auto", help="Play the whole job once, check every platform, and end.")
    ] = False,
    folder: Annotated[Path | None, typer.Option(help="Keep the demo's data here; else it is thrown away.")] = None,
) -> None:
    """Everything on one machine: the service and the simulated platforms, in the browser."""
    from distributor.demo.running import run_demo  # the sandbox is loaded only for the demo

    raise typer.Exit(run_demo(auto=auto, folder=folder, say=say, complain=complain, show=print_deliveries))


database = typer.Typer(help="The database.", no_args_is_help=True)


@database.command("upgrade")
def upgrade(context: typer.Context, config: Config = None) -> None:
    """Bring the database's schema to this version's form."""
    import asyncio

    from distributor.storage import Database

    settings, _ = read_settings(config or context.obj)

    async def run() -> None:
        found = Database(settings.storage.url.get_secret_value())
        await found.open()
        try:
            await found.migrate()
        finally:
            await found.close()

    asyncio.run(run())
    say("The database has this version's form.")


application.add_typer(database, name="db")
application.add_typer(checking.group, name="config")
application.add_typer(people.group, name="people")
application.add_typer(subscribers.group, name="subscribers")
application.add_typer(channels.group, name="channels")
application.add_typer(templates.group, name="templates")
application.add_typer(auditing.group, name="audit")
releases.add_to(application)
preflight.add_to(application)
aftercare.add_to(application)
application.command("alarms")(alarms.alarms)
application.command("recover")(recovering.recover)
application.command("coverage")(coverage.coverage)


@application.command()
def version() -> None:
    """Print the version."""
    say(f"distributor {__version__}")


# typer carries a click of its own, whose base of usage errors it does not name in public.
_WRONG_USE: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def run(arguments: Sequence[str]) -> int:
    """Run a command line; every failure becomes a sentence and an exit code, never a traceback."""
    try:
        code = application(list(arguments), standalone_mode=False, prog_name="distributor")
        return code if isinstance(code, int) else 0
    except typer.Exit as end:
        return int(end.exit_code)
    except _WRONG_USE as error:
        complain(f"{error.format_message()}\nTry: distributor {' '.join(arguments[:1])} --help")
        return 2
    except typer.Abort:
        return 1
    except SettingsError as error:
        complain(str(error))
        return 2
    except (CannotStart, BadFile) as error:
        complain(str(error))
        return 2
    except Refused as refused:
        complain(refusal_text(refused, "en"))
        return 1
    except (MediaRefused, DiskFull) as error:
        complain(str(error))
        return 1
    except OSError as error:
        complain(f"{type(error).__name__}: {error}. Check the paths and the ports in the settings.")
        return 1
    except Exception as error:
        import structlog

        # The log has the redacted traceback; a person gets a sentence.
        structlog.get_logger(__name__).exception("the command failed")
        complain(f"Something failed that should not have ({type(error).__name__}). The log above says where.")
        return 1
