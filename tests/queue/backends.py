"""What the engine stands on in a test: SQLite and the memory queue, or PostgreSQL and Redis. Each test gets them fresh.

One Redis serves the whole run; every test has a database number of its own in it, emptied before.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.services import RedisServer, redis_server
from tests.storage.databases import migrated

EMBEDDED = "embedded"
SERVERS = pytest.param("servers", marks=[pytest.mark.postgres, pytest.mark.redis])

_REDIS = pytest.StashKey[RedisServer]()
_NUMBERS = pytest.StashKey[list[int]]()
NUMBERS = 16  # databases that a Redis has unless it is told otherwise


@pytest.fixture(params=[EMBEDDED, SERVERS])
def backend(request: pytest.FixtureRequest) -> str:
    """Which of the two: every test that asks for it runs on both."""
    return str(request.param)


@pytest.fixture
async def changes(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The settings that name the back end."""
    dialect = "sqlite" if backend == EMBEDDED else "postgresql"
    url = await migrated(request.config, dialect, tmp_path, tmp_path_factory.getbasetemp())
    if backend == EMBEDDED:
        return {"storage.url": url}
    return {"storage.url": url, "queue.url": await fresh_redis(request.config)}


async def fresh_redis(config: pytest.Config) -> str:
    """The address of an empty database in the run's Redis."""
    server = await asyncio.to_thread(the_redis, config)
    number = config.stash[_NUMBERS].pop(0)
    config.stash[_NUMBERS].append(number)  # used again when all others were
    url = server.url.rpartition("/")[0] + f"/{number}"
    async with Redis.from_url(url) as client:
        await client.flushdb()
    return url


def the_redis(config: pytest.Config) -> RedisServer:
    """The Redis of this run, started when it is first asked for and stopped at the end."""
    if _REDIS not in config.stash:
        stack = ExitStack()
        config.stash[_REDIS] = stack.enter_context(redis_server())
        config.stash[_NUMBERS] = list(range(NUMBERS))
        config.add_cleanup(stack.close)
    return config.stash[_REDIS]
