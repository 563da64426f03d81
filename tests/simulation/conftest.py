"""Fixtures of the simulation's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.process import World


@pytest.fixture
def world() -> Iterator[World]:
    """A run with seed 1 and ten days of virtual time."""
    with World(1, horizon=10 * 86400) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a simulated database may lie."""
    return tmp_path / "office.db"
