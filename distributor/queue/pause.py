"""A wait that something may cut short.

Pure but for the event loop's time.
"""

from __future__ import annotations

import asyncio


async def sleep_or(event: asyncio.Event, seconds: float) -> None:
    """Sleep until the event is set, at most so long."""
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await event.wait()
    except TimeoutError:
        return
