"""`pytest --servers`: every stage that a test opens without naming its back end stands on PostgreSQL and Redis.

The engine, storage and office tests run on both back ends anyway; this brings the bot, the pages, the command line and
the demo there too (`make test-servers`). Nothing of the service knows of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from distributor.demo import stage
from tests.queue.backends import fresh_redis
from tests.storage.databases import migrated


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.addoption("--servers", action="store_true", help="stages on PostgreSQL and Redis")


@pytest.fixture(autouse=True)
async def servers_under_every_stage(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[None]:
    """With the option: the settings of a stage name a database and a Redis that are this test's own."""
    if not request.config.getoption("--servers"):
        yield
        return
    known: dict[Path, dict[str, str]] = {}
    plain = stage.Stage.start

    async def start(self: stage.Stage) -> None:
        if "storage.url" not in self._changes:
            if self.folder not in known:
                url = await migrated(request.config, "postgresql", tmp_path, tmp_path_factory.getbasetemp())
                known[self.folder] = {"storage.url": url, "queue.url": await fresh_redis(request.config)}
            settings: dict[str, Any] = known[self.folder]
            self._changes = settings | self._changes
        await plain(self)

    monkeypatch.setattr(stage.Stage, "start", start)
    yield
