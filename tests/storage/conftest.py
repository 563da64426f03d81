"""Fixtures of the storage's tests: both databases, and a small world in them."""

from __future__ import annotations

import pytest

from distributor.storage import Database
from tests.storage.databases import database, database_url, dialect, empty_url
from tests.storage.world import World

__all__ = ["database", "database_url", "dialect", "empty_url"]


@pytest.fixture
async def world(database: Database) -> World:
    """An author and an editor, no releases yet."""
    made = World(database)
    await made.begin()
    return made
