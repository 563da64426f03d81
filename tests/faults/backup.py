"""A backup of a stage's database, and its return, as an operator would do it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.storage.databases import the_server


class Backup:
    """Of one database. `take` while nobody is connected; `restore` puts it back, whoever is connected."""

    def __init__(self, url: str, config: pytest.Config) -> None:
        self._url = make_url(url)
        self._config = config
        self._name = self._url.database or ""

    async def take(self) -> None:
        """Keep what stands now."""
        if self._url.get_backend_name() == "sqlite":
            await asyncio.to_thread(_copy, self._name, f"{self._name}.backup")
        else:
            await self._sql(f'CREATE DATABASE "{self._name}_b" TEMPLATE "{self._name}"')

    async def restore(self) -> None:
        """Bring it back in the place of what stands."""
        if self._url.get_backend_name() == "sqlite":
            await asyncio.to_thread(_copy, f"{self._name}.backup", self._name)
        else:
            await self._sql(f'DROP DATABASE "{self._name}" WITH (FORCE)')
            await self._sql(f'ALTER DATABASE "{self._name}_b" RENAME TO "{self._name}"')

    async def _sql(self, statement: str) -> None:
        await asyncio.to_thread(the_server(self._config).sql, statement)


def _copy(source: str, target: str) -> None:
    assert Path(source).exists()
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target, timeout=10)) as other:
        one.backup(other)
