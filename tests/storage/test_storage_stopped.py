"""PostgreSQL: a process that is stopped in the midst of a transaction must not keep all others waiting (fault 14)."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from distributor.storage import Database
from distributor.storage.schema import deliveries
from tests.storage.world import LEASE, SECOND, World, later

STOPPED = """
import asyncio, os, signal, sys
from distributor.storage import Database, database

async def main(url, way):
    database.IDLE_SECONDS = 1.0
    opened = Database(url)
    await opened.open()
    if way == "plain":
        async with opened.transaction(logged=True):
            print("in", flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
    async with opened.hot_connection() as connection, connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({database.LOG_LOCK})")
        print("in", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def dialect() -> str:
    """SQLite has no server: whoever is stopped there holds the file's lock, and others give up after a time."""
    return "postgresql"


@contextlib.asynccontextmanager
async def stopped_inside(database: Database, way: str) -> AsyncIterator[None]:
    """Another process has the log's turn, and is stopped."""
    url = database.url.render_as_string(hide_password=False).replace("+asyncpg", "")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STOPPED, url, way, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"in\n"
        yield
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.postgres
@pytest.mark.parametrize("way", ["plain", "hot"])
async def test_f14_a_process_that_is_stopped_with_the_logs_turn_loses_it(database: Database, way: str) -> None:
    async with stopped_inside(database, way):
        async with asyncio.timeout(6):
            async with database.transaction(logged=True) as connection:
                assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1


@pytest.mark.postgres
async def test_leases_are_renewed_while_an_outcome_waits_for_the_logs_turn(world: World) -> None:
    first, second = await world.promised(), await world.promised()
    claims = await world.claim(first, second)
    async with world.database.transaction() as recording:
        # As an outcome does: its row first, then the log's turn.
        await recording.execute(update(deliveries).where(deliveries.c.id == first).values(code="recording"))
        async with asyncio.timeout(3):
            await world.store.renew(claims, later(50), LEASE)
            assert (await world.row(second))["lease_until"] == later(50) + LEASE * SECOND
    await world.store.renew(claims, later(60), LEASE)
    assert (await world.row(first))["lease_until"] == later(60) + LEASE * SECOND
