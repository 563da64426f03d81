"""Databases for tests: each test gets a fresh one, of both kinds, already migrated.

Migrating takes a second; so one database of each kind is migrated once and copied for every test.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from distributor.storage import Database
from tests.services import PostgresServer, postgres_server

_SERVER = pytest.StashKey[PostgresServer]()
_TEMPLATES = pytest.StashKey[dict[str, str]]()


def the_server(config: pytest.Config) -> PostgresServer:
    """The PostgreSQL of this run, started when it is first asked for and stopped at the end."""
    if _SERVER not in config.stash:
        stack = ExitStack()
        config.stash[_SERVER] = stack.enter_context(postgres_server())
        config.add_cleanup(stack.close)
    return config.stash[_SERVER]


async def migrate(url: str) -> None:
    """Bring a database to the newest form, and let go of it."""
    fresh = Database(url)
    await fresh.open()
    try:
        await fresh.migrate()
    finally:
        await fresh.close()


async def migrated(config: pytest.Config, dialect: str, folder: Path, shared: Path) -> str:
    """The address of a fresh, migrated database."""
    templates = config.stash.setdefault(_TEMPLATES, {})
    if dialect == "sqlite":
        if dialect not in templates:
            await migrate(f"sqlite:///{shared / 'template.db'}")
            templates[dialect] = str(shared / "template.db")
        shutil.copyfile(templates[dialect], folder / "test.db")
        return f"sqlite:///{folder / 'test.db'}"
    server = await asyncio.to_thread(the_server, config)
    if dialect not in templates:
        url = await asyncio.to_thread(server.create_database)
        await migrate(url)
        templates[dialect] = url
    base, _, template = templates[dialect].rpartition("/")
    name = f"test_{uuid.uuid4().hex[:12]}"
    await asyncio.to_thread(server.sql, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return f"{base}/{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dialect(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: every test runs on both."""
    return str(request.param)


@pytest.fixture
async def database_url(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A fresh, migrated database's address."""
    return await migrated(request.config, dialect, tmp_path, tmp_path_factory.getbasetemp())


@pytest.fixture
async def empty_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of a database without any table."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server = await asyncio.to_thread(the_server, request.config)
    return await asyncio.to_thread(server.create_database)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated database, open."""
    made = Database(database_url)
    await made.open()
    yield made
    await made.close()
