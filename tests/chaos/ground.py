"""The ground of a run: PostgreSQL that keeps what it promised, Redis, the sandbox, an office with its readers.

May touch: servers and folders of its own. Everything is set up as an operator would: a settings file, people who were
invited, subscribers who were added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributor.demo import Stage
from distributor.sandbox import Sandbox
from tests.chaos.plan import Plan
from tests.services import PostgresServer, RedisServer, postgres_server, redis_server

LEASE = 5  # seconds: the shortest that the settings allow


@dataclass
class Ground:
    """What a run stands on."""

    postgres: PostgresServer
    redis: RedisServer
    stage: Stage


@asynccontextmanager
async def ground(plan: Plan, folder: Path) -> AsyncIterator[Ground]:
    """Servers running, schema made, people and readers there; no worker yet. Everything ends with it."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(postgres_server(durable=True))
        redis = stack.enter_context(redis_server())
        sandbox = await stack.enter_async_context(Sandbox())
        changes = _settings(postgres.create_database(), redis.url, sandbox)
        stage = Stage(folder / "office", sandbox=sandbox, roles=frozenset(), changes=changes)
        await stage.start()
        stack.push_async_callback(stage.stop)
        await _add_readers(stage, plan)
        yield Ground(postgres, redis, stage)


def _settings(database: str, redis: str, sandbox: Sandbox) -> dict[str, Any]:
    """Over those of the stage: own servers, short leases, and channels that may write more often than the platforms
    allow, for the sandbox is asked for faults and not for patience."""
    wire = {"adapter": "email", "label": "Wire", "live": False, "security": "none", "sender": "wire@mia.example"}
    wire |= {"host": sandbox.smtp_host, "port": sandbox.smtp_port}
    return {
        "storage.url": database,
        "queue.url": redis,
        "worker.lease_seconds": LEASE,
        "worker.drain_seconds": LEASE,
        "channels.telegram.rates": ["30/s"],
        "channels.telegram.destination_rates": ["600/min"],
        "channels.x.rates": ["50/s"],
        "channels.facebook.rates": ["50/s"],
        "channels.press.concurrency": 16,
        "channels.wire": wire | {"rates": ["150/s"], "concurrency": 8},
    }


async def _add_readers(stage: Stage, plan: Plan) -> None:
    """The stage itself has added the first few of the press list."""
    have = Counter(row["channel"] for row in await stage.parts.office.subscriptions.everyone())
    for channel, count in plan.readers.items():
        for number in range(have[channel], count):
            await stage.parts.office.subscriptions.add(channel, f"reader{number}@{channel}.example", None)
