"""Transactions, migrations and processes at once, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, inspect, select

from distributor.core.audit import GENESIS
from distributor.storage import Database, audit
from distributor.storage.migrate import current, newest
from distributor.storage.schema import audit_events, metadata
from tests.storage.databases import migrate

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)

APPENDER = """
import asyncio, sys
from datetime import UTC, datetime
from distributor.storage import Database, audit

async def main(url, name, times):
    database = Database(url)
    await database.open()
    for number in range(times):
        async with database.transaction() as connection:
            await audit.append(connection, datetime.now(UTC), name, "test", "test", {"number": number})
            await connection.commit()
    await database.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def chain(database: Database) -> list[Any]:
    async with database.read() as connection:
        return [event async for event in audit.events(connection)]


def assert_unbroken(events: list[Any]) -> None:
    previous = GENESIS
    for number, event in enumerate(events, 1):
        assert (event.seq, event.previous, event.computed()) == (number, previous, event.hash)
        previous = event.hash


async def test_the_migrations_make_exactly_the_schema(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    assert tables == set(metadata.tables) | {"alembic_version"}


async def test_the_migrations_make_the_columns_that_the_schema_would(database: Database, empty_url: str) -> None:
    def columns(connection: Connection) -> dict[str, list[tuple[str, str, bool, str]]]:
        seen = inspect(connection)
        return {
            table: [(c["name"], str(c["type"]), c["nullable"], str(c.get("default"))) for c in seen.get_columns(table)]
            for table in metadata.tables
        }

    async with database.read() as connection:
        migrated = await connection.run_sync(columns)
    plain = Database(empty_url)
    await plain.open()
    async with plain.transaction() as connection:
        await connection.run_sync(metadata.create_all)
        assert await connection.run_sync(columns) == migrated
    await plain.close()


async def test_partial_indexes_are_partial_on_both_databases(database: Database) -> None:
    def conditions(connection: Connection) -> dict[str, str]:
        found = inspect(connection).get_indexes("deliveries")
        options = {str(index["name"]): index.get("dialect_options", {}) for index in found}
        return {name: str(value) for name, values in options.items() for value in values.values() if "IN" in str(value)
                or "ANY" in str(value)}  # fmt: skip

    async with database.read() as connection:
        found = await connection.run_sync(conditions)
    assert set(found) == {f"ix_deliveries_{name}" for name in ("due", "under_way", "open", "deadline")}


async def test_upgrading_twice_and_from_two_places_at_once_is_fine(empty_url: str) -> None:
    await asyncio.gather(migrate(empty_url), migrate(empty_url))
    await migrate(empty_url)
    database = Database(empty_url)
    await database.open()
    async with database.read() as connection:
        assert await connection.run_sync(current) == newest()
    await database.close()


async def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributor.storage import migrate as module

    real = module.upgrade

    def breaks(connection: Connection) -> None:
        real(connection)
        raise RuntimeError("on purpose")

    monkeypatch.setattr(module, "upgrade", breaks)
    with pytest.raises(RuntimeError, match="on purpose"):
        await migrate(empty_url)
    database = Database(empty_url)
    await database.open()
    async with database.read() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await database.close()


async def test_a_transaction_that_is_not_committed_leaves_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        await audit.append(connection, NOW, "system", "test", "test", {})
    assert await chain(database) == []

    async def breaks() -> None:
        async with database.transaction() as connection:
            await audit.append(connection, NOW, "system", "test", "test", {})
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await breaks()
    assert await chain(database) == []


async def test_a_cancelled_transaction_frees_the_writer(database: Database) -> None:
    entered = asyncio.Event()

    async def hangs() -> None:
        async with database.transaction() as connection:
            await audit.append(connection, NOW, "system", "test", "test", {})
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hangs())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        async with database.transaction() as connection:
            await audit.append(connection, NOW, "system", "test", "test", {})
            await connection.commit()
    assert [event.seq for event in await chain(database)] == [1]


async def test_many_writers_at_once_queue_up_and_the_chain_stays_unbroken(database: Database) -> None:
    async def write(name: str) -> None:
        for number in range(5):
            async with database.transaction() as connection:
                await audit.append(connection, NOW, name, "test", "test", {"number": number})
                await connection.commit()

    await asyncio.gather(*(write(f"w{n}") for n in range(8)))
    events = await chain(database)
    assert len(events) == 40
    assert_unbroken(events)


async def test_two_processes_write_at_once_and_neither_finds_the_database_locked(
    database: Database, database_url: str
) -> None:
    command = [sys.executable, "-c", APPENDER, database_url]
    running = [subprocess.Popen([*command, f"p{n}", "60"], stderr=subprocess.PIPE) for n in range(2)]  # noqa: ASYNC220  # a moment
    for number in range(30):
        async with database.transaction() as connection:
            await audit.append(connection, NOW, "here", "test", "test", {"number": number})
            await connection.commit()
    for process in running:
        _, said = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, said.decode()
    events = await chain(database)
    assert len(events) == 150
    assert_unbroken(events)


async def test_a_reader_sees_one_moment_and_does_not_stop_the_writer(database: Database) -> None:
    count = select(func.count()).select_from(audit_events)
    async with database.read() as reader:
        assert (await reader.execute(count)).scalar() == 0
        async with database.transaction() as connection:
            await audit.append(connection, NOW, "system", "test", "test", {})
            await connection.commit()
        assert (await reader.execute(count)).scalar() == 0, "the snapshot is that of the first question"
    async with database.read() as reader:
        assert (await reader.execute(count)).scalar() == 1


async def test_a_reader_cannot_write(database: Database) -> None:
    async def writes() -> None:
        async with database.read() as connection:
            await audit.append(connection, NOW, "system", "test", "test", {})
            await connection.commit()

    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await writes()
    assert await chain(database) == []


async def test_sqlite_keeps_what_was_committed_when_the_power_goes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    await database.open()
    async with database.read() as connection:
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    await database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize("url", ["mysql://x/y", "oracle://x"])
def test_another_database_is_refused_with_what_would_be_right(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:/// or postgresql://"):
        Database(url)


async def test_a_database_that_is_not_open_says_so() -> None:
    database = Database("sqlite:///nowhere.db")
    with pytest.raises(RuntimeError, match="not open"):
        async with database.transaction():
            pass
    with pytest.raises(RuntimeError, match="not open"):
        async with database.read():
            pass
