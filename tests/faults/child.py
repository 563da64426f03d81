"""A worker in a process of its own, for tests that kill it: `python -m tests.faults.child SETTINGS [DIE]`.

DIE names the moment at which it kills itself: 'commit' (the intent is written, not committed) or 'call' (the intent is
committed, no byte left).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event

from distributor.adapters import registry
from distributor.app import open_parts
from distributor.config import load
from tests.faults.engine import make_worker


def die() -> None:
    """As the kernel would end it: no handler, no farewell."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main(settings_file: Path, when: str) -> None:
    """Work until killed."""
    settings = load(settings_file, {}, registry.settings_model, registry.names())
    parts = await open_parts(settings, settings_file)
    if when == "commit":
        written: list[str] = []

        def executed(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            written.append(statement)

        def committing(_connection: Any) -> None:
            if any("intended_at" in statement and statement.startswith("UPDATE") for statement in written):
                die()

        assert parts.database._writer is not None
        event.listen(parts.database._writer.sync_engine, "after_cursor_execute", executed)
        event.listen(parts.database._writer.sync_engine, "commit", committing)
    if when == "call":
        for channel in parts.channels.values():
            channel.publish = lambda *_: die()  # type: ignore[method-assign,assignment]
    await make_worker(parts, "child").start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
