"""An office, its bot and worker, and the simulated Telegram, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from distributor.media.samples import sample_photos, sample_video
from tests.bot.people import Desk, open_desk


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Everything, started."""
    made = await open_desk(tmp_path)
    yield made
    await made.stage.stop()


@pytest.fixture(scope="session")
def photos() -> list[bytes]:
    """Photos, drawn once."""
    return [data for _, data in sample_photos(10)]


@pytest.fixture(scope="session")
def video() -> bytes:
    """A short video."""
    return sample_video(1.0)[1]
