"""Sample files, and a library in an empty folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from distributor.media.samples import sample_photos, sample_video
from distributor.media.service import MediaLibrary
from tests.media.workbook import Workbook


@pytest_asyncio.fixture
async def library(tmp_path: Path) -> AsyncIterator[MediaLibrary]:
    """A library in a folder of its own."""
    made = MediaLibrary(tmp_path / "media")
    yield made
    await made.aclose()


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of 1600 x 1067 with GPS coordinates."""
    return sample_photos(1)[0][1]


@pytest.fixture(scope="session")
def video() -> bytes:
    """An MP4 of 3 s, 640 x 360, H.264 and AAC."""
    return sample_video()[1]


@pytest.fixture
def make() -> Workbook:
    """Makers of files."""
    return Workbook()
