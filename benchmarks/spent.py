"""What a Redis was asked to do.

May touch: the Redis that it is given. By itself, because the peers' libraries are there only where `make bench` ran.
"""

from __future__ import annotations

from typing import Any


async def commands(client: Any) -> int:
    """Commands that this Redis has carried out since it started, those inside its scripts too."""
    return int((await client.info("stats"))["total_commands_processed"])
