"""What the tests of the reckoning share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distributor.demo import Stage
from tests.chaos.brought import Brought


@pytest.fixture
async def brought(tmp_path: Path) -> AsyncIterator[Brought]:
    stage = Stage(tmp_path / "stage", roles=frozenset({"worker"}))
    await stage.start()
    yield Brought(stage)
    await stage.stop()
