"""What surrounds a seed: silence, and ids that it decides.

Touches the process's logging and two names, for as long as a run lasts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from unittest.mock import patch

import structlog

from tests.simulation.chance import stream

_LETTERS = "0123456789abcdef"


def _drop(*_: Any) -> NoReturn:
    raise structlog.DropEvent


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing is logged: what the engine says of every fault would cost more than all else."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


async def _at_once(work: Callable[..., Any], *args: Any) -> Any:
    """What the office thinks over in a thread (the privacy gate) takes one step here: a thread has no order."""
    return work(*args)


@contextlib.contextmanager
def ids(seed: int) -> Iterator[None]:
    """Ids of releases from the seed: rows are ordered by them."""
    chance = stream(seed, "ids")

    def new() -> str:
        return "".join(chance.choice(_LETTERS) for _ in range(10))

    with patch("distributor.office.drafts.new_release_id", new), patch("asyncio.to_thread", _at_once):
        yield
