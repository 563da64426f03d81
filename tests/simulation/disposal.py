"""The end of what killed processes left behind.

Touches the coroutines of a run that is over. A suspended coroutine cannot be dropped in Python without its `finally`
blocks being run, so they run here: after the verdict, with the loop and every database connection closed, where they
reach nothing. What they say about it (cannot close a closed database, was never awaited) is of no interest.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from tests.simulation.clock import NumberedTask, VirtualLoop

_TRIES = 1000  # a coroutine that awaits while it is being closed has to be closed again


def dispose(loop: VirtualLoop) -> list[str]:
    """End every unfinished task of a loop that is `over`. Returns what the dying code complained of, for the curious.

    Raises RuntimeError where a coroutine cannot be ended: it would end at some later moment, in another run.
    """
    said: list[str] = []
    hook, level = sys.unraisablehook, logging.root.manager.disable
    # Dying code may look for its loop; it must find the one that starts nothing any more.
    asyncio._set_running_loop(loop)
    logging.disable(logging.CRITICAL)  # SQLAlchemy's pool complains of connections that were never given back
    sys.unraisablehook = lambda args: said.append(repr(args.exc_value))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stubborn = _close_all(loop.tasks, said)
            loop.tasks = {}
            gc.collect()
    finally:
        sys.unraisablehook = hook
        logging.disable(level)
        asyncio._set_running_loop(None)
    if stubborn:
        raise RuntimeError(f"coroutines that cannot be ended: {', '.join(stubborn)}")
    return said


def _close_all(tasks: Iterable[NumberedTask], said: list[str]) -> list[str]:
    """Names of those that could not be closed."""
    stubborn = []
    for task in tasks:
        if task.done():
            task._log_traceback = False  # what nobody took was collected before
        else:
            task._log_destroy_pending = False
            if not _close(task.get_coro(), said):
                stubborn.append(task.get_name())
    return stubborn


def _close(coro: Any, said: list[str]) -> bool:
    for _ in range(_TRIES):
        try:
            coro.close()
        except (Exception, asyncio.CancelledError) as error:
            said.append(repr(error))
        if getattr(coro, "cr_frame", None) is None:
            return True
    return False
