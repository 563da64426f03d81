"""The hot path on SQLite: plain statements on one connection in the writer's thread. Here the claims.

May touch: deliveries, releases' state; reads what rule 7 checks. Each function is one transaction. Batches travel as
one JSON text, in and out, so that a statement takes one step for all of them: at every step, also for each row of a
result, the thread gives Python's lock up and must win it back from a busy event loop.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from distributor.core.ports import Wish
from distributor.storage.hot import (
    CLAIMABLE_SQL,
    CLOSED_SQL,
    OVER_SQL,
    SELECT,
    UNBLOCKED,
    Claims,
    Held,
    Row,
    Sorted,
    Terms,
    doubted,
    sort_out,
    terms_from,
)
from distributor.storage.hot_sqlite_outcomes import record
from distributor.storage.lines import Line, micros
from distributor.storage.shown import Renderings
from distributor.storage.sqlite_transaction import Transaction

T = TypeVar("T")

LONGEST_PICK = 2000  # ids named one by one

_PAUSED = """(SELECT 1 FROM lanes l WHERE l.name IN (d.channel, '*') AND l.paused
    AND (l.until IS NULL OR l.until > ?) LIMIT 1) IS NULL"""
_PRIORITIES = f"""
WITH RECURSIVE found(priority) AS (
    SELECT min(priority) FROM deliveries WHERE channel = ?1 AND {CLAIMABLE_SQL}
    UNION ALL
    SELECT (SELECT min(priority) FROM deliveries WHERE channel = ?1 AND {CLAIMABLE_SQL} AND priority > found.priority)
    FROM found WHERE found.priority IS NOT NULL)
SELECT priority FROM found WHERE priority IS NOT NULL
"""  # noqa: S608  # constants of ours
_AS_JSON = f"SELECT json_group_array(json_array({', '.join(Row._fields)})) FROM ("  # noqa: S608  # names of ours
_PICK = f"""
{_AS_JSON} {SELECT}
WHERE d.channel = ? AND d.priority = ? AND d.{CLAIMABLE_SQL} AND d.due <= ? AND {UNBLOCKED}
    AND d.destination_id NOT IN (SELECT value FROM json_each(?))
ORDER BY d.due, d.id LIMIT ?)
"""  # noqa: S608  # constants of ours
_PICK_IDS = f"""
{_AS_JSON} {SELECT}
WHERE d.id IN (SELECT value FROM json_each(?)) AND d.{CLAIMABLE_SQL} AND d.due <= ? AND {UNBLOCKED} AND {_PAUSED}
ORDER BY d.priority, d.due, d.id LIMIT ?)
"""  # noqa: S608  # constants of ours
_TERMS = f"""
SELECT v.release_id, v.number, r.state, r.slug, v.approved_hash, v.approved_at,
    json_extract(v.content, '$.at'), json_extract(v.content, '$.embargo'), json_extract(v.content, '$.status'),
    json_extract(v.content, '$.deadline'), {CLOSED_SQL}
FROM revisions v JOIN releases r ON r.id = v.release_id
WHERE v.release_id = ? AND v.number = ?
"""  # noqa: S608  # constants of ours
_OVER = f"""
WITH j AS (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS embargo FROM json_each(?))
{OVER_SQL}
"""  # noqa: S608  # constants of ours
_INTEND = """
UPDATE deliveries SET state = 'sending', fence = fence + 1, worker = ?1, lease_until = ?2, tries = tries + 1,
    step = CASE WHEN prepares THEN '' ELSE 'publish' END, intended_at = CASE WHEN prepares THEN NULL ELSE ?3 END,
    updated_at = ?3
WHERE id IN (SELECT value FROM json_each(?4))
"""
_RENEW = """
UPDATE deliveries SET lease_until = ?1, updated_at = ?2
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS fence FROM json_each(?3)) AS j
WHERE deliveries.id = j.id AND deliveries.fence = j.fence AND deliveries.lease_until IS NOT NULL
"""
_GIVE_BACK = """
UPDATE deliveries SET state = 'queued', step = '', lease_until = NULL, due = ?1, updated_at = ?2
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS fence FROM json_each(?3)) AS j
WHERE deliveries.id = j.id AND deliveries.fence = j.fence AND deliveries.state = 'sending'
"""


class Runner(Protocol):
    """Who runs a piece of work on the raw connection, alone (storage.database.Database)."""

    async def hot(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run it, and return what it returned."""


class SqliteHot:
    """storage.hot.HotPath."""

    def __init__(self, runner: Runner, renderings: Renderings) -> None:
        self._runner = runner
        self._renderings = renderings

    async def claim(self, wish: Wish, worker: str, now: datetime, lease: float) -> Claims:
        """See HotPath.claim."""
        return await self._runner.hot(partial(_claim, self._renderings, wish, worker, now, lease))

    async def record(self, lines: Sequence[Line], worker: str, now: datetime, finish: Iterable[str]) -> frozenset[int]:
        """See HotPath.record."""
        return await self._runner.hot(partial(record, lines, worker, micros(now), list(finish)))

    async def renew(self, held: Sequence[Held], now: datetime, until: datetime) -> None:
        """See HotPath.renew."""
        await self._runner.hot(partial(_write, _RENEW, (micros(until), micros(now), json.dumps(held))))

    async def give_back(self, held: Sequence[Held], now: datetime, due: datetime) -> None:
        """See HotPath.give_back."""
        await self._runner.hot(partial(_write, _GIVE_BACK, (micros(due), micros(now), json.dumps(held))))


def _write(statement: str, values: tuple[Any, ...], connection: sqlite3.Connection) -> None:
    with Transaction(connection):
        connection.execute(statement, values)


def _claim(
    renderings: Renderings, wish: Wish, worker: str, now: datetime, lease: float, connection: sqlite3.Connection
) -> Claims:
    at = micros(now)
    with Transaction(connection):
        rows = _pick(connection, wish, at)
        if not rows:
            return Claims(Sorted(), {}, worker, now)
        terms = _terms(connection, rows)
        unreadable = _read(connection, renderings, rows)
        found = sort_out(rows, terms, unreadable, wish, now, _over(connection, doubted(rows, terms)))
        found.more = found.more or len(rows) >= wish.most
        for until, ids in found.put_off.items():
            connection.execute(
                "UPDATE deliveries SET due = ? WHERE id IN (SELECT value FROM json_each(?))", (until, json.dumps(ids))
            )
        if found.go:
            until = micros(now + timedelta(seconds=lease))
            connection.execute(_INTEND, (worker, until, at, json.dumps(found.ids)))
        if found.starting:
            connection.execute(
                "UPDATE releases SET state = 'distributing', updated_at = ? "
                "WHERE state = 'approved' AND id IN (SELECT value FROM json_each(?))",
                (at, json.dumps(sorted(found.starting))),
            )
    return Claims(found, terms, worker, now)


def _pick(connection: sqlite3.Connection, wish: Wish, at: int) -> list[Row]:
    if wish.ids:
        named = json.dumps(wish.ids[:LONGEST_PICK])
        return _rows(connection, _PICK_IDS, (named, at, at, wish.most))
    paused = "SELECT 1 FROM lanes WHERE name IN (?, '*') AND paused AND (until IS NULL OR until > ?)"
    if connection.execute(paused, (wish.lane, at)).fetchone():
        return []
    rows: list[Row] = []
    resting = json.dumps(sorted(wish.resting))
    for (priority,) in connection.execute(_PRIORITIES, (wish.lane,)).fetchall():
        left = wish.most - len(rows)
        if left <= 0 or (wish.below is not None and priority >= wish.below):
            break
        rows += _rows(connection, _PICK, (wish.lane, priority, at, resting, left))
    return rows


def _rows(connection: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> list[Row]:
    return [Row(*row) for row in json.loads(connection.execute(query, values).fetchone()[0])]


def _terms(connection: sqlite3.Connection, rows: Sequence[Row]) -> dict[tuple[str, int], Terms]:
    found = {}
    for key in dict.fromkeys((row.release_id, row.revision) for row in rows):
        for release_id, number, *columns in connection.execute(_TERMS, key):
            found[release_id, number] = terms_from(*columns)
    return found


def _over(connection: sqlite3.Connection, asked: Sequence[tuple[int, int]]) -> set[int]:
    return {row[0] for row in connection.execute(_OVER, (json.dumps(asked),))} if asked else set()


def _read(connection: sqlite3.Connection, renderings: Renderings, rows: Sequence[Row]) -> dict[int, str]:
    """Take in the renderings that are not known yet. Those that cannot be read, and why."""
    unreadable = {}
    for row_id in renderings.missing({row.rendering_id for row in rows}):
        for body, promised in connection.execute("SELECT body, hash FROM renderings WHERE id = ?", (row_id,)):
            fault = renderings.read(row_id, body, promised)
            if fault:
                unreadable[row_id] = fault
    return unreadable
