"""The line on which a process hears news from the others: one subscription that mends itself.

May touch: the Redis server, for one channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds before a broken line is mended
QUIET = 2.5  # seconds without news after which the line is asked whether it lives


class Line:
    """Calls `heard` with each message. After a break some may have been missed: then it calls `again`, once."""

    def __init__(self, redis: Redis, channel: str, heard: Callable[[bytes], None], again: Callable[[], None]) -> None:
        self._redis = redis
        self._channel = channel
        self._heard = heard
        self._again = again
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        """Hear as long as the process runs."""
        pause, first = FIRST_PAUSE, True
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await self._subscribe(pubsub)
                    self.subscribed.set()
                    if not first:
                        self._again()
                    first, pause = False, FIRST_PAUSE
                    await self._listen(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                # Whether Redis is there says the link, once.
                log.debug("the line of news broke", error=type(error).__name__)
            except Exception:
                log.exception("the line of news broke; it is mended")
            first = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _subscribe(self, pubsub: Any) -> None:
        async with asyncio.timeout(1.0):
            await pubsub.subscribe(self._channel)
            while not (said := await pubsub.get_message(timeout=1.0)) or said["type"] != "subscribe":
                continue

    async def _listen(self, pubsub: Any) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=QUIET)
            if message is None and asked:
                raise TimeoutError
            asked = message is None
            if message is None:
                await pubsub.ping()
            elif message["type"] == "message":
                self._heard(message["data"])
