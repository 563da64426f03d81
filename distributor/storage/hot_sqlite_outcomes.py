"""The hot path on SQLite: outcomes and their audit batch, in the writer's thread.

May touch: deliveries, attempts, audit_events, releases' state. One transaction; values are bound many rows at a time,
so that a statement takes one step for all of them (`hot_sqlite` says why).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from distributor.core import audit
from distributor.storage.hot import OPEN_SQL
from distributor.storage.lines import Line, by_fate
from distributor.storage.sqlite_transaction import Transaction

# Numbers of rows for which a prepared statement is kept; a batch is cut into these.
_CHUNKS = (1024, 256, 64, 16, 4, 1)
_OUTCOME = """
UPDATE deliveries SET state = ?, code = ?, reason = ?, due = coalesce(?, due), attempts = attempts + ?,
    step = coalesce(?, step), uncertain = uncertain OR ?, looks = CASE WHEN ? THEN 0 ELSE looks END,
    lease_until = NULL, updated_at = ?, receipt = coalesce(j.column3, deliveries.receipt)
FROM (VALUES {rows}) AS j
WHERE deliveries.id = j.column1 AND deliveries.fence = j.column2 AND deliveries.state = 'sending'
"""
_HELD = """
SELECT json_group_array(d.id) FROM json_each(?) JOIN deliveries d ON d.id = json_extract(value, '$[0]')
WHERE d.fence = json_extract(value, '$[1]') AND d.state = 'sending'
"""
_ATTEMPT = """
INSERT INTO attempts (delivery_id, number, fence, worker, looked, started_at, finished_at, outcome, code, reason,
    receipt, late, batch, position, leaf) VALUES {rows}
"""
_FINISH = f"""
UPDATE releases SET state = 'distributed', updated_at = ?1
WHERE id IN (SELECT value FROM json_each(?2)) AND state IN ('approved', 'distributing')
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE release_id = releases.id AND {OPEN_SQL})
"""  # noqa: S608  # constants of ours


def record(
    lines: Sequence[Line], worker: str, now: int, finish: list[str], connection: sqlite3.Connection
) -> frozenset[int]:
    """Nearly always every claim is still the newest, which the update itself finds out. Where one is not, all is undone
    and the held ones are picked out first."""
    try:
        with Transaction(connection):
            _write_outcomes(connection, lines, worker, now, finish)
        return frozenset()
    except _Stale:
        with Transaction(connection):
            named = json.dumps([line[:2] for line in lines])
            held = set(json.loads(connection.execute(_HELD, (named,)).fetchone()[0]))
            ours = [line for line in lines if line.delivery_id in held]
            _write_outcomes(connection, ours, worker, now, finish)
        return frozenset(line.delivery_id for line in lines) - held


class _Stale(Exception):
    """Not all claims were the newest."""


def _write_outcomes(
    connection: sqlite3.Connection, lines: Sequence[Line], worker: str, now: int, finish: list[str]
) -> None:
    written = 0
    for fate, some in by_fate(lines).items():
        for part in _parts(some):
            bound: list[Any] = [*fate, fate.doubt, now]
            for line in part:
                bound += line[:3]
            written += connection.execute(_many(_OUTCOME, "(?, ?, ?)", len(part)), bound).rowcount
    if written != len(lines):
        raise _Stale
    if lines:
        _append(connection, lines, worker, now)
    if finish:
        connection.execute(_FINISH, (now, json.dumps(finish)))


def _append(connection: sqlite3.Connection, lines: Sequence[Line], worker: str, now: int) -> None:
    """The attempts, and the root over them as one event of the chain (as storage.audit does for other events)."""
    last = connection.execute("SELECT seq, hash FROM audit_events ORDER BY seq DESC LIMIT 1").fetchone()
    event = audit.batch_event(last, now, worker, [line.leaf for line in lines])
    connection.execute(
        "INSERT INTO audit_events (seq, at, actor, kind, subject, data, previous, hash) VALUES (?,?,?,?,?,?,?,?)",
        (event.seq, now, event.actor, event.kind, event.subject, json.dumps(event.data), event.previous, event.hash),
    )
    position = 0
    for part in _parts(lines):
        bound: list[Any] = []
        for line in part:
            bound += (line.delivery_id, line.number, line.fence, worker, line.started, line.finished, line.outcome)
            bound += (line.code, line.reason, line.receipt, event.seq, position, line.leaf)
            position += 1
        connection.execute(_many(_ATTEMPT, "(?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)", len(part)), bound)


def _parts(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Cut into lengths for which a prepared statement is kept."""
    place = 0
    for size in _CHUNKS:
        while len(lines) - place >= size:
            yield lines[place : place + size]
            place += size


@cache
def _many(statement: str, row: str, count: int) -> str:
    """A statement over so many rows of values."""
    return statement.format(rows=", ".join([row] * count))
