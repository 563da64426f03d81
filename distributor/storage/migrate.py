"""Alembic, driven from inside: no alembic.ini, no second way to connect.

May touch: the connection given to it.
"""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from distributor.storage.schema import metadata


def _script() -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config, ScriptDirectory.from_config(config)


def newest() -> str:
    """The revision that this version of the software wants."""
    return _script()[1].get_current_head() or ""


def current(connection: Connection) -> str:
    """The revision that the database is at; empty for a new one."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(connection: Connection) -> None:
    """Run every step that is missing, on this connection, in its transaction."""
    config, script = _script()
    if current(connection) == (script.get_current_head() or ""):
        return

    def steps(revision: str | tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        return list(script._upgrade_revs("head", revision))  # type: ignore[arg-type]  # alembic's own, as its command does

    with EnvironmentContext(config, script, fn=steps, as_sql=False) as environment:
        environment.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        environment.run_migrations()
