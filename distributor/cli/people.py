"""`distributor people`: invitations, roles, sign-in links.

May touch: people, invitations, the audit log, through the office.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from distributor.adapters.telegram_transport import close, open_bot
from distributor.app import Parts
from distributor.cli.output import complain, listing, say
from distributor.cli.running import with_parts
from distributor.core.people import Person, Role
from distributor.core.refusal import Refused

group = typer.Typer(help="Who works here.", no_args_is_help=True)
Config = Annotated[Path | None, typer.Option("--config", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Who = Annotated[str, typer.Argument(help="A person's number or name.")]


@group.command("invite")
def invite(
    context: typer.Context,
    role: Annotated[Role, typer.Option("--role", help="author, editor or administrator")],
    name: Annotated[str, typer.Option("--name", help="What the log calls the person; else the Telegram name.")] = "",
    config: Config = None,
) -> None:
    """Print a single-use link; who opens it in Telegram joins with this role."""

    async def work(parts: Parts) -> int:
        invitation = await parts.office.people.invite(role, None, name)
        username = await _bot_name(parts)
        say(f"https://t.me/{username}?start={invitation.token}" if username else f"/start {invitation.token}")
        if not username:
            complain(
                "The bot's name is not known (no telegram.token, or Telegram is out of reach): "
                "let the person send the line above to the bot."
            )
        say(f"Good once, until {invitation.expires.astimezone():%Y-%m-%d %H:%M}, for the role {role.value}.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


async def _bot_name(parts: Parts) -> str:
    settings = parts.settings.telegram
    if not settings.token.get_secret_value():
        return ""
    bot = open_bot(settings.token, settings.api_url, ca_file=settings.ca_file)
    try:
        return str((await bot.get_me()).username or "")
    except Exception as error:
        complain(f"Telegram did not answer ({type(error).__name__}).")
        return ""
    finally:
        await close(bot)


@group.command("list")
def show(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """Everybody, with roles."""

    async def work(parts: Parts) -> int:
        rows = [
            {
                "id": person.id,
                "name": person.name,
                "role": person.role.value,
                "telegram_id": person.telegram_id,
                "language": person.language,
            }
            for person in await parts.office.people.everyone()
        ]
        listing(rows, ("id", "name", "role", "telegram_id"), as_json, "People")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("role")
def change(context: typer.Context, person: Who, role: Annotated[Role, typer.Argument()], config: Config = None) -> None:
    """Change somebody's role; `none` takes it away."""

    async def work(parts: Parts) -> int:
        found = await find(parts, person)
        changed = await parts.office.people.set_role(found.id, role, None)
        say(f"{changed.name} is now: {changed.role.value}.")
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


@group.command("signin")
def signin(context: typer.Context, person: Who, config: Config = None) -> None:
    """Print a one-time link that signs this person in to the console."""

    async def work(parts: Parts) -> int:
        say(await parts.office.signin.link(await find(parts, person)))
        return 0

    raise typer.Exit(with_parts(config or context.obj, work))


async def find(parts: Parts, wanted: str) -> Person:
    """A person by number or name. Refused where nobody or more than one is meant."""
    everyone = await parts.office.people.everyone()
    found = [person for person in everyone if str(person.id) == wanted or person.name.casefold() == wanted.casefold()]
    if len(found) != 1:
        raise Refused("unknown_person", name=wanted)
    return found[0]
