"""The hot path on PostgreSQL: arrays in, arrays out, on asyncpg connections of their own.

May touch: deliveries, attempts, audit_events, releases' state; reads what rule 7 checks. A method is a transaction.

Locks, so that nobody waits in a circle: a claim takes delivery rows and then releases, both only where they are free
(SKIP LOCKED); what is recorded takes rows that this worker holds anyway, then the log's turn. Whoever has the log's
turn never waits for a row that is being sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from distributor.core import audit
from distributor.core.ports import Wish
from distributor.storage.database import LOG_LOCK, Database
from distributor.storage.hot import (
    CLAIMABLE_SQL,
    CLOSED_SQL,
    OPEN_SQL,
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
from distributor.storage.lines import Line, by_fate, micros
from distributor.storage.shown import Renderings

_PAUSED = """(SELECT 1 FROM lanes l WHERE l.name IN (d.channel, '*') AND l.paused
    AND (l.until IS NULL OR l.until > $2) LIMIT 1) IS NULL"""
_PRIORITIES = f"""
WITH RECURSIVE found(priority) AS (
    (SELECT priority FROM deliveries WHERE channel = $1 AND {CLAIMABLE_SQL} ORDER BY priority LIMIT 1)
    UNION ALL
    SELECT (SELECT d.priority FROM deliveries d
        WHERE d.channel = $1 AND d.{CLAIMABLE_SQL} AND d.priority > found.priority ORDER BY d.priority LIMIT 1)
    FROM found WHERE found.priority IS NOT NULL)
SELECT priority FROM found WHERE priority IS NOT NULL
"""  # noqa: S608  # constants of ours
# The cursor ($4, $5) spares the index entries of rows that were claimed a moment ago and are not cleaned away yet.
_PICK = f"""
{SELECT}
WHERE d.channel = $1 AND d.priority = $2 AND d.{CLAIMABLE_SQL} AND d.due <= $3 AND (d.due, d.id) > ($4, $5)
    AND d.destination_id <> ALL($6::bigint[]) AND {UNBLOCKED}
ORDER BY d.due, d.id LIMIT $7 FOR UPDATE OF d SKIP LOCKED
"""
_PICK_IDS = f"""
{SELECT}
WHERE d.id = ANY($1::bigint[]) AND d.{CLAIMABLE_SQL} AND d.due <= $2 AND {UNBLOCKED} AND {_PAUSED}
ORDER BY d.priority, d.due, d.id LIMIT $3 FOR UPDATE OF d SKIP LOCKED
"""
_TERMS = f"""
SELECT v.release_id, v.number, r.state, r.slug, v.approved_hash, v.approved_at, v.content->>'at', v.content->>'embargo',
    v.content->>'status', v.content->>'deadline', {CLOSED_SQL}
FROM unnest($1::text[], $2::int[]) AS wanted(release_id, number)
JOIN revisions v ON v.release_id = wanted.release_id AND v.number = wanted.number
JOIN releases r ON r.id = v.release_id
FOR SHARE OF r SKIP LOCKED
"""  # noqa: S608  # constants of ours
_OVER = f"""
WITH j AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS asked(id, embargo))
{OVER_SQL}
"""  # noqa: S608  # constants of ours
_INTEND = """
UPDATE deliveries SET state = 'sending', fence = fence + 1, worker = $1, lease_until = $2, tries = tries + 1,
    step = CASE WHEN prepares THEN '' ELSE 'publish' END,
    intended_at = CASE WHEN prepares THEN NULL ELSE $3::bigint END, updated_at = $3
WHERE id = ANY($4::bigint[])
RETURNING due, id
"""
_APPLY = """
UPDATE deliveries d SET state = $1, code = $2, reason = $3, due = coalesce($4, d.due), attempts = d.attempts + $5,
    step = coalesce($6, d.step), uncertain = d.uncertain OR $7, looks = CASE WHEN $7 THEN 0 ELSE d.looks END,
    lease_until = NULL, updated_at = $8, receipt = coalesce(j.receipt::json, d.receipt)
FROM unnest($9::bigint[], $10::int[], $11::text[]) AS j(id, fence, receipt)
WHERE d.id = j.id AND d.fence = j.fence AND d.state = 'sending'
RETURNING d.id
"""
# A row that is being recorded at this moment is passed over: it may wait for the log's turn for longer than the others'
# leases last, and while it is locked nobody takes it for lost.
_RENEW = """
UPDATE deliveries SET lease_until = $1, updated_at = $2 WHERE id IN (
    SELECT d.id FROM unnest($3::bigint[], $4::int[]) AS j(id, fence) JOIN deliveries d ON d.id = j.id
    WHERE d.fence = j.fence AND d.lease_until IS NOT NULL FOR UPDATE OF d SKIP LOCKED)
"""
_GIVE_BACK = """
UPDATE deliveries d SET state = 'queued', step = '', lease_until = NULL, due = $1, updated_at = $2
FROM unnest($3::bigint[], $4::int[]) AS j(id, fence) WHERE d.id = j.id AND d.fence = j.fence AND d.state = 'sending'
"""
_ATTEMPT = [
    *("delivery_id", "number", "fence", "worker", "looked", "started_at", "finished_at", "outcome", "code", "reason"),
    *("receipt", "late", "batch", "position", "leaf"),
]
_FINISH = f"""
UPDATE releases r SET state = 'distributed', updated_at = $1
WHERE r.id = ANY($2::text[]) AND r.state IN ('approved', 'distributing')
    AND (SELECT 1 FROM deliveries WHERE release_id = r.id AND {OPEN_SQL} LIMIT 1) IS NULL
"""  # noqa: S608  # constants of ours

_START = (-1, -1)
RESTART = 1_000_000  # microseconds


class PostgresHot:
    """storage.hot.HotPath."""

    def __init__(self, database: Database, renderings: Renderings) -> None:
        self._database = database
        self._renderings = renderings
        self._restarted = 0  # when the cursors went back to the start, all of them
        self._cursors: dict[tuple[str, int], tuple[int, int]] = {}  # (lane, priority) → due and id of the last claimed

    async def claim(self, wish: Wish, worker: str, now: datetime, lease: float) -> Claims:
        """See HotPath.claim. Where the cursor finds less than was asked for, the next claim begins at the start."""
        at = micros(now)
        due: dict[int, int] = {}
        async with self._database.hot_connection() as connection, connection.transaction():
            rows = await self._pick(connection, wish, at)
            if not rows:
                return Claims(Sorted(), {}, worker, now)
            terms = await _terms(connection, rows)
            unreadable = await self._read(connection, rows)
            found = sort_out(rows, terms, unreadable, wish, now, await _over(connection, doubted(rows, terms)))
            found.more = found.more or len(rows) >= wish.most
            for until, ids in found.put_off.items():
                await connection.execute("UPDATE deliveries SET due = $1 WHERE id = ANY($2::bigint[])", until, ids)
            if found.go:
                until = micros(now + timedelta(seconds=lease))
                intended = await connection.fetch(_INTEND, worker, until, at, found.ids)
                due = {row["id"]: row["due"] for row in intended}
        self._advance(wish, found, due)
        if found.starting:
            # By itself: two claims that share the release's row must not both wait to write it.
            async with self._database.hot_connection() as connection:
                await connection.execute(
                    "UPDATE releases SET state = 'distributing', updated_at = $1 WHERE id = ANY($2::text[]) "
                    "AND state = 'approved'",
                    at,
                    sorted(found.starting),
                )
        return Claims(found, terms, worker, now)

    def _advance(self, wish: Wish, found: Sorted, due: dict[int, int]) -> None:
        """Move the cursors behind what was claimed and committed, where all before it was claimed too. What another
        held at that moment, or what waited for an earlier one, is found when they go back to the start."""
        whole = not (wish.resting or wish.single or wish.ids or found.crowded)
        for row in found.go if whole else ():
            here = (due[row.id], row.id)
            if here > self._cursors.get((wish.lane, row.priority), _START):
                self._cursors[wish.lane, row.priority] = here

    async def _pick(self, connection: Any, wish: Wish, at: int) -> list[Row]:
        if wish.ids:
            return [Row(*row) for row in await connection.fetch(_PICK_IDS, list(wish.ids), at, wish.most)]
        paused = "SELECT 1 FROM lanes WHERE name IN ($1, '*') AND paused AND (until IS NULL OR until > $2)"
        if await connection.fetchval(paused, wish.lane, at):
            return []
        rows: list[Row] = []
        resting = sorted(wish.resting)
        if at - self._restarted > RESTART:
            self._cursors, self._restarted = {}, at
        for (priority,) in await connection.fetch(_PRIORITIES, wish.lane):
            left = wish.most - len(rows)
            if left <= 0 or (wish.below is not None and priority >= wish.below):
                break
            start = self._cursors.pop((wish.lane, priority), _START)
            picked = await connection.fetch(_PICK, wish.lane, priority, at, *start, resting, left)
            if len(picked) == left:
                self._cursors[wish.lane, priority] = start
            elif start != _START and not picked:
                picked = await connection.fetch(_PICK, wish.lane, priority, at, *_START, resting, left)
            rows += [Row(*row) for row in picked]
        return rows

    async def _read(self, connection: Any, rows: Sequence[Row]) -> dict[int, str]:
        """Take in the renderings that are not known yet. Those that cannot be read, and why."""
        missing = self._renderings.missing({row.rendering_id for row in rows})
        if not missing:
            return {}
        query = "SELECT id, body::text, hash FROM renderings WHERE id = ANY($1::bigint[])"
        faults = {row[0]: self._renderings.read(*row) for row in await connection.fetch(query, missing)}
        return {row_id: fault for row_id, fault in faults.items() if fault}

    async def record(self, lines: Sequence[Line], worker: str, now: datetime, finish: Iterable[str]) -> frozenset[int]:
        """See HotPath.record."""
        at = micros(now)
        async with self._database.hot_connection() as connection, connection.transaction():
            done: set[int] = set()
            for fate, some in by_fate(lines).items():
                columns = zip(*(line[:3] for line in some), strict=True)
                done.update(row[0] for row in await connection.fetch(_APPLY, *fate, at, *columns))
            ours = [line for line in lines if line.delivery_id in done]
            releases = list(finish)
            if ours or releases:
                await connection.execute(f"SELECT pg_advisory_xact_lock({LOG_LOCK})")
            if ours:
                await _append(connection, ours, worker, at)
            if releases:
                await connection.execute(_FINISH, at, releases)
        return frozenset(line.delivery_id for line in lines) - done

    async def renew(self, held: Sequence[Held], now: datetime, until: datetime) -> None:
        """See HotPath.renew."""
        async with self._database.hot_connection() as connection:
            await connection.execute(_RENEW, micros(until), micros(now), *_columns(held))

    async def give_back(self, held: Sequence[Held], now: datetime, due: datetime) -> None:
        """See HotPath.give_back."""
        async with self._database.hot_connection() as connection:
            await connection.execute(_GIVE_BACK, micros(due), micros(now), *_columns(held))


def _columns(held: Sequence[Held]) -> tuple[list[int], list[int]]:
    return [number for number, _ in held], [fence for _, fence in held]


async def _terms(connection: Any, rows: Sequence[Row]) -> dict[tuple[str, int], Terms]:
    keys = list(dict.fromkeys((row.release_id, row.revision) for row in rows))
    releases, numbers = zip(*keys, strict=True)
    return {
        (release_id, number): terms_from(*columns)
        for release_id, number, *columns in await connection.fetch(_TERMS, list(releases), list(numbers))
    }


async def _over(connection: Any, asked: Sequence[tuple[int, int]]) -> set[int]:
    return {row[0] for row in await connection.fetch(_OVER, *zip(*asked, strict=True))} if asked else set()


async def _append(connection: Any, lines: Sequence[Line], worker: str, now: int) -> None:
    """The attempts, and the root over them as one event of the chain (as storage.audit does for other events)."""
    last = await connection.fetchrow("SELECT seq, hash FROM audit_events ORDER BY seq DESC LIMIT 1")
    event = audit.batch_event(tuple(last) if last else None, now, worker, [line.leaf for line in lines])
    await connection.execute(
        "INSERT INTO audit_events (seq, at, actor, kind, subject, data, previous, hash) "
        "VALUES ($1, $2, $3, $4, $5, $6::text::json, $7, $8)",
        event.seq,
        now,
        event.actor,
        event.kind,
        event.subject,
        json.dumps(event.data),
        event.previous,
        event.hash,
    )
    records = [
        (
            line.delivery_id,
            line.number,
            line.fence,
            worker,
            False,
            line.started,
            line.finished,
            line.outcome,
            line.code,
            line.reason,
            line.receipt,
            False,
            event.seq,
            place,
            line.leaf,
        )
        for place, line in enumerate(lines)
    ]
    await connection.copy_records_to_table("attempts", records=records, columns=_ATTEMPT)
