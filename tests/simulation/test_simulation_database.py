"""The same SQL without threads: kills between statements, locks in virtual time, answers that are lost."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from distributor.core.people import Role
from distributor.storage import people
from tests.simulation.chance import stream
from tests.simulation.database import SimulatedDatabase, copy_template, make_template
from tests.simulation.disk import Faults
from tests.simulation.process import Holder, Process, Unhandled, World

NOW = datetime(2026, 3, 5, tzinfo=UTC)
Writer = Callable[[SimulatedDatabase, str, int], Awaitable[None]]


@pytest.fixture
def table(path: Path) -> Path:
    """A database with one table."""
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE notes (who TEXT, place INTEGER)")
    made.close()
    return path


def rows(path: Path) -> list[tuple[str, int]]:
    """What is committed."""
    reader = sqlite3.connect(path)
    try:
        return [tuple(row) for row in reader.execute("SELECT who, place FROM notes ORDER BY rowid")]
    finally:
        reader.close()


async def opened(holder: Holder, path: Path, faults: Faults | None = None) -> SimulatedDatabase:
    """A database ready for use."""
    database = SimulatedDatabase(holder, path, faults)
    await database.open()
    return database


async def by_transaction(database: SimulatedDatabase, who: str, place: int) -> None:
    """Two rows, together, as the storage writes."""
    async with database.transaction() as connection:
        for part in (place, place + 1):
            await connection.execute(text("INSERT INTO notes VALUES (:who, :place)"), {"who": who, "place": part})
        await connection.commit()


async def by_hot_path(database: SimulatedDatabase, who: str, place: int) -> None:
    """The same as the hot path writes."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT INTO notes VALUES (?, ?)", [(who, place), (who, place + 1)])
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    await database.hot(work)


def _kill_at(fatal: int, process: Process, step: int) -> None:
    if step == fatal:
        process.kill()


both_ways = pytest.mark.parametrize("write", [by_transaction, by_hot_path])


def test_the_services_own_storage_runs_on_it(world: World, path: Path, tmp_path: Path) -> None:
    copy_template(make_template(tmp_path / "template.db"), path)
    threads = threading.active_count()

    async def main() -> None:
        database = await opened(world, path)
        async with database.transaction() as connection:
            made = await people.add(connection, "ნინო", Role.AUTHOR, 501, "ka", NOW)
            await connection.commit()
        async with database.transaction() as connection:
            await people.add(connection, "Giorgi", Role.EDITOR, 502, "ka", NOW)  # left without a commit
        async with database.read() as connection:
            assert await people.by_telegram(connection, 501) == made
            assert await people.by_telegram(connection, 502) is None
            with pytest.raises(OperationalError, match="readonly"):
                await connection.execute(text("DELETE FROM people"))
        assert threading.active_count() == threads
        await database.close()

    world.run(main())


@both_ways
def test_a_kill_falls_before_or_after_a_commit_and_never_into_it(table: Path, write: Writer) -> None:
    async def main(world: World, process: Process, told: list[bool]) -> None:
        async def work() -> None:
            await write(await opened(process, table), "a", 1)
            told.append(True)

        process.start(work())
        await asyncio.sleep(60)
        # Whatever it held, the next one is not kept waiting.
        began = world.loop.time()
        await by_transaction(await opened(world, table), "next", 1)
        assert world.loop.time() - began < 1

    seen = set()
    for fatal in range(1, 80):
        told: list[bool] = []
        with World(fatal) as world:
            process = world.process("worker")
            world.before_step = partial(_kill_at, fatal)
            world.run(main(world, process, told))
            finished = process.alive
        mine = [place for who, place in rows(table) if who == "a"]
        assert mine in ([], [1, 2])
        assert not told or mine
        seen.add((bool(mine), bool(told)))
        with sqlite3.connect(table) as cleaner:
            cleaner.execute("DELETE FROM notes")
        cleaner.close()
        if finished:
            break
    assert finished, "more steps than this test kills at"
    assert seen == {(False, False), (True, False), (True, True)}


def test_a_killed_process_leaves_no_file_open(world: World, table: Path) -> None:
    async def work(process: Process) -> None:
        database = await opened(process, table)
        await by_hot_path(database, "a", 1)
        async with database.read() as reader, database.transaction() as writer:
            await reader.execute(text("SELECT * FROM notes"))
            await writer.execute(text("INSERT INTO notes VALUES ('a', 3)"))
            await asyncio.Event().wait()

    def open_files() -> int:
        links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        return sum(os.path.exists(link) and os.readlink(link) == str(table) for link in links)

    async def main() -> None:
        process = world.process("worker")
        process.start(work(process))
        await asyncio.sleep(1)
        assert open_files() >= 3
        process.kill()
        assert open_files() == 0
        assert rows(table) == [("a", 1), ("a", 2)]

    world.run(main())


@both_ways
def test_locks_of_other_processes_are_waited_for_in_virtual_time(world: World, table: Path, write: Writer) -> None:
    async def work(process: Process) -> None:
        database = await opened(process, table)
        for place in range(0, 40, 2):
            await write(database, process.name, place)
        await database.close()

    async def main() -> None:
        await asyncio.gather(*[process.start(work(process)) for process in map(world.process, "abc")])

    world.run(main())
    written = rows(table)
    for name in "abc":
        assert [place for who, place in written if who == name] == list(range(40))
    switches = sum(one[0] != other[0] for one, other in itertools.pairwise(written))
    assert switches > 10, "they took turns, so they did meet"


def test_a_lock_that_is_held_too_long_is_an_error(world: World, table: Path) -> None:
    async def hold(process: Process) -> None:
        async with (await opened(process, table)).transaction() as connection:
            await connection.execute(text("INSERT INTO notes VALUES ('holder', 1)"))
            await asyncio.sleep(3)
            await connection.commit()

    async def main() -> None:
        process = world.process("holder")
        holding = process.start(hold(process))
        await asyncio.sleep(1)
        process.freeze(60)
        began = world.loop.time()
        with pytest.raises(OperationalError, match="locked"):
            await by_transaction(await opened(world, table), "other", 1)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await by_hot_path(await opened(world, table), "other", 1)
        assert world.loop.time() - began == pytest.approx(30, abs=0.5)
        await holding

    world.run(main())
    assert rows(table) == [("holder", 1)]


def test_the_hot_path_and_transactions_of_a_process_take_turns(world: World, table: Path) -> None:
    async def main() -> None:
        database = await opened(world, table)
        await asyncio.gather(
            *[(by_hot_path if place % 4 else by_transaction)(database, "a", place) for place in range(0, 80, 2)]
        )

    world.run(main())
    assert [place for _, place in rows(table)] == list(range(80)), "each in its turn: nobody found the lock taken"


@both_ways
def test_the_answer_of_a_commit_can_be_lost(world: World, table: Path, write: Writer) -> None:
    faults = Faults(stream(1, "faults"))

    async def main() -> None:
        database = await opened(world, table, faults)
        faults.order("COMMIT", "after")
        with pytest.raises((OperationalError, sqlite3.OperationalError), match="disk I/O error"):
            await write(database, "there", 1)
        faults.order("COMMIT", "before")
        with pytest.raises((OperationalError, sqlite3.OperationalError), match="disk I/O error"):
            await write(database, "not there", 1)
        faults.order("INSERT", "before")
        with pytest.raises((OperationalError, sqlite3.OperationalError), match="disk I/O error"):
            await write(database, "not there", 3)
        await write(database, "afterwards", 1)

    world.run(main())
    assert rows(table) == [("there", 1), ("there", 2), ("afterwards", 1), ("afterwards", 2)]
    assert faults.struck == {"after COMMIT": 1, "before COMMIT": 1, "before INSERT": 1}


def test_faults_come_by_their_odds_and_end(world: World, table: Path) -> None:
    faults = Faults(stream(1, "faults"), before=0.05, after=0.2)
    failed = 0

    async def main() -> None:
        nonlocal failed
        database = await opened(world, table, faults)
        for place in range(0, 400, 2):
            try:
                await by_transaction(database, "a", place)
            except OperationalError:
                failed += 1
        faults.end()
        await by_transaction(database, "b", 1)

    world.run(main())
    assert failed == faults.struck.total()
    assert 20 < faults.struck["after COMMIT"] < 60
    places = [place for who, place in rows(table) if who == "a"]
    assert len(places) == 400 - 2 * (failed - faults.struck["after COMMIT"])


def test_work_that_leaves_its_transaction_open_fails_the_run(table: Path) -> None:
    async def main(world: World) -> None:
        database = await opened(world, table)
        await database.hot(lambda connection: connection.execute("BEGIN IMMEDIATE"))

    with pytest.raises(Unhandled, match="left its transaction open"), World(1) as world:
        world.run(main(world))
