"""A stage without bot and pages: sandbox, database, queue, worker, on both back ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from distributor.demo import Stage
from tests.queue.backends import backend, changes

__all__ = ["backend", "changes"]

MakeStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def make_stage(tmp_path: Path, changes: Mapping[str, str]) -> AsyncIterator[MakeStage]:
    made: list[Stage] = []

    async def make(**options: object) -> Stage:
        stage = Stage(tmp_path / f"stage{len(made)}", roles=frozenset({"worker"}), changes=changes, **options)  # type: ignore[arg-type]
        await stage.start()
        made.append(stage)
        return stage

    yield make
    for stage in made:
        await stage.stop()


@pytest.fixture
async def stage(make_stage: MakeStage) -> Stage:
    return await make_stage()
