"""An office on each database: real adapters, real media, nobody sends anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distributor.storage import Database
from tests.office.press_office import PressOffice
from tests.storage.databases import database, database_url, dialect

__all__ = ["database", "database_url", "dialect"]


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> AsyncIterator[PressOffice]:
    """Three people, three channels, an empty desk."""
    made = PressOffice(database, tmp_path)
    await made.begin()
    yield made
    await made.close()
