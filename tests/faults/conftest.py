"""Stages for the faults, on both back ends: sandbox, database and queue, with a worker inside or without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from distributor.demo import Stage
from tests.queue.backends import backend, changes

__all__ = ["backend", "changes"]

MakeStage = Callable[..., Awaitable[Stage]]


@pytest.fixture(autouse=True)
def standard_log() -> Iterator[None]:
    """The log goes where it goes in service: to the standard library's handlers, which survive a full disk. Tracebacks
    plain: the coloured ones with their variables take longer than what is tested."""
    processors: list[structlog.types.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
    structlog.configure(processors=processors, logger_factory=structlog.stdlib.LoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
async def make_stage(tmp_path: Path, changes: Mapping[str, Any]) -> AsyncIterator[MakeStage]:
    """Makes a stage; `changed` settings beside those of the back end."""
    made: list[Stage] = []

    async def make(
        roles: frozenset[str] = frozenset({"worker"}), changed: Mapping[str, Any] | None = None, **options: object
    ) -> Stage:
        both = {**changes, **(changed or {})}
        stage = Stage(tmp_path / f"stage{len(made)}", roles=roles, changes=both, **options)  # type: ignore[arg-type]
        await stage.start()
        made.append(stage)
        return stage

    yield make
    for stage in made:
        await stage.stop()


@pytest.fixture
async def stage(make_stage: MakeStage) -> Stage:
    """With a worker."""
    return await make_stage()


@pytest.fixture
async def idle(make_stage: MakeStage) -> Stage:
    """Without a worker: the test starts its own."""
    return await make_stage(frozenset())
