"""The hot path on SQLite: plain statements on one connection in the writer's thread.

May touch: deliveries, attempts, audit_events, releases' state; reads what rule 7 checks. Each function is one
transaction. Batches travel as one JSON text, in and out, or as one list of VALUES, so that a statement takes one step
for all of them: at every step, also for each row of a result, the thread gives Python's lock up and must win it back
from a busy event loop.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from distributor.core import audit
from distributor.core.ports import Wish
from distributor.storage.hot import (
    CLAIMABLE_SQL,
    CLOSED_SQL,
    OPEN_SQL,
    SELECT,
    UNBLOCKED,
    Claims,
    Held,
    Row,
    Sorted,
    Terms,
    sort_out,
    terms_from,
)
from distributor.storage.lines import Line, by_fate, micros
from distributor.storage.shown import Renderings

T = TypeVar("T")

LONGEST_PICK = 2000  # ids named one by one
# Numbers of rows for which a prepared INSERT is kept; a batch is cut into these.
_CHUNKS = (1024, 256, 64, 16, 4, 1)

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
_INTEND = """
UPDATE deliveries SET state = 'sending', fence = fence + 1, worker = ?1, lease_until = ?2, tries = tries + 1,
    step = CASE WHEN prepares THEN '' ELSE 'publish' END, intended_at = CASE WHEN prepares THEN NULL ELSE ?3 END,
    updated_at = ?3
WHERE id IN (SELECT value FROM json_each(?4))
"""
_APPLY = """
UPDATE deliveries SET state = ?1, code = ?2, reason = ?3, due = coalesce(?4, due), attempts = attempts + ?5,
    step = coalesce(?6, step), uncertain = uncertain OR ?7, looks = CASE WHEN ?7 THEN 0 ELSE looks END,
    lease_until = NULL, updated_at = ?8, receipt = coalesce(j.receipt, deliveries.receipt)
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[2]') AS receipt FROM json_each(?9)) AS j
WHERE deliveries.id = j.id
"""
_HELD = """
SELECT json_group_array(d.id) FROM json_each(?) JOIN deliveries d ON d.id = json_extract(value, '$[0]')
WHERE d.fence = json_extract(value, '$[1]') AND d.state = 'sending'
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
_ATTEMPT = (
    "INSERT INTO attempts (delivery_id, number, fence, worker, looked, started_at, finished_at, outcome, code, reason, "
    "receipt, late, batch, position, leaf) VALUES "
)
_ATTEMPT_ROW = "(?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)"
_FINISH = f"""
UPDATE releases SET state = 'distributed', updated_at = ?1
WHERE id IN (SELECT value FROM json_each(?2)) AND state IN ('approved', 'distributing')
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE release_id = releases.id AND {OPEN_SQL})
"""  # noqa: S608  # constants of ours


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
        return await self._runner.hot(partial(_record, lines, worker, micros(now), list(finish)))

    async def renew(self, held: Sequence[Held], now: datetime, until: datetime) -> None:
        """See HotPath.renew."""
        await self._runner.hot(partial(_write, _RENEW, (micros(until), micros(now), json.dumps(held))))

    async def give_back(self, held: Sequence[Held], now: datetime, due: datetime) -> None:
        """See HotPath.give_back."""
        await self._runner.hot(partial(_write, _GIVE_BACK, (micros(due), micros(now), json.dumps(held))))


def _write(statement: str, values: tuple[Any, ...], connection: sqlite3.Connection) -> None:
    with _Transaction(connection):
        connection.execute(statement, values)


def _claim(
    renderings: Renderings, wish: Wish, worker: str, now: datetime, lease: float, connection: sqlite3.Connection
) -> Claims:
    at = micros(now)
    with _Transaction(connection):
        rows = _pick(connection, wish, at)
        if not rows:
            return Claims(Sorted(), {}, worker, now)
        terms = _terms(connection, rows)
        unreadable = _read(connection, renderings, rows)
        found = sort_out(rows, terms, unreadable, wish, now)
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


def _read(connection: sqlite3.Connection, renderings: Renderings, rows: Sequence[Row]) -> dict[int, str]:
    """Take in the renderings that are not known yet. Those that cannot be read, and why."""
    unreadable = {}
    for row_id in renderings.missing({row.rendering_id for row in rows}):
        for body, promised in connection.execute("SELECT body, hash FROM renderings WHERE id = ?", (row_id,)):
            fault = renderings.read(row_id, body, promised)
            if fault:
                unreadable[row_id] = fault
    return unreadable


def _record(
    lines: Sequence[Line], worker: str, now: int, finish: list[str], connection: sqlite3.Connection
) -> frozenset[int]:
    with _Transaction(connection):
        named = json.dumps([line[:2] for line in lines])
        held = set(json.loads(connection.execute(_HELD, (named,)).fetchone()[0]))
        ours = [line for line in lines if line.delivery_id in held]
        for fate, some in by_fate(ours).items():
            connection.execute(_APPLY, (*fate, now, json.dumps([line[:3] for line in some])))
        if ours:
            _append(connection, ours, worker, now)
        if finish:
            connection.execute(_FINISH, (now, json.dumps(finish)))
    return frozenset(line.delivery_id for line in lines) - held


def _append(connection: sqlite3.Connection, lines: Sequence[Line], worker: str, now: int) -> None:
    """The attempts, and the root over them as one event of the chain (as storage.audit does for other events)."""
    last = connection.execute("SELECT seq, hash FROM audit_events ORDER BY seq DESC LIMIT 1").fetchone()
    event = audit.batch_event(last, now, worker, [line.leaf for line in lines])
    values = (
        event.seq,
        now,
        event.actor,
        event.kind,
        event.subject,
        json.dumps(event.data),
        event.previous,
        event.hash,
    )
    connection.execute(
        "INSERT INTO audit_events (seq, at, actor, kind, subject, data, previous, hash) VALUES (?,?,?,?,?,?,?,?)",
        values,
    )
    place = 0
    for size in _CHUNKS:
        while len(lines) - place >= size:
            bound: list[Any] = []
            for position, line in enumerate(lines[place : place + size], place):
                bound += (line.delivery_id, line.number, line.fence, worker, line.started, line.finished)
                bound += (line.outcome, line.code, line.reason, line.receipt, event.seq, position, line.leaf)
            connection.execute(_ATTEMPT + ", ".join([_ATTEMPT_ROW] * size), bound)
            place += size


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            # Also where the commit itself was refused: the next BEGIN on this connection, and every one after it, would
            # be too.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
