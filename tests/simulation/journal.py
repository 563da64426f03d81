"""What every commit did to the deliveries, and under which circumstances: written by triggers in the database itself.

Touches the simulated database. A trigger runs inside the statement that it watches, so it sees what no reader could:
whether a claim was allowed at the very moment at which it was committed. What is rolled back leaves no entry. The
questions are asked in words of their own, not in the engine's, whose mistakes they are to find.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FACTS = """json_object(
    'now', NEW.updated_at, 'action', NEW.action,
    'release', (SELECT state FROM releases WHERE id = NEW.release_id),
    'approved', (SELECT approved_hash = NEW.content_hash FROM revisions
        WHERE release_id = NEW.release_id AND number = NEW.revision),
    'late', NEW.deadline IS NOT NULL AND NEW.deadline <= NEW.updated_at,
    'times', (SELECT json_array(json_extract(content, '$.at'), json_extract(content, '$.embargo')) FROM revisions
        WHERE release_id = NEW.release_id AND number = NEW.revision),
    'reader', (SELECT status FROM destinations WHERE id = NEW.destination_id),
    'trusted', (SELECT trusted FROM destinations WHERE id = NEW.destination_id),
    'paused', EXISTS (SELECT 1 FROM lanes WHERE name = NEW.channel AND paused
        AND (until IS NULL OR until > NEW.updated_at)),
    'behind', (SELECT json_group_array(json_array(e.id, e.state)) FROM deliveries e
        WHERE e.release_id = NEW.release_id AND e.destination_id = NEW.destination_id AND e.id < NEW.id
        AND e.state IN ('queued', 'waiting', 'sending', 'unknown', 'case')),
    'overtaken', (SELECT json_group_array(u.id) FROM deliveries u
        JOIN releases r ON r.id = u.release_id JOIN destinations t ON t.id = u.destination_id
        JOIN revisions v ON v.release_id = u.release_id AND v.number = u.revision
        WHERE u.channel = NEW.channel AND u.priority < NEW.priority AND u.state IN ('queued', 'waiting')
        AND u.due <= NEW.updated_at AND u.calls <= NEW.calls AND t.status = 'active'
        AND CASE u.action WHEN 'withdraw' THEN r.state = 'withdrawn' WHEN 'hold' THEN r.state = 'held'
            ELSE r.state IN ('approved', 'distributing', 'distributed') END
        AND v.approved_hash = u.content_hash
        AND (u.deadline IS NULL OR u.deadline > NEW.updated_at)
        AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.release_id = u.release_id
            AND e.destination_id = u.destination_id AND e.id < u.id
            AND (e.state IN ('sending', 'unknown') OR e.state IN ('queued', 'waiting') AND u.action <> 'hold'
                OR e.state = 'case' AND u.action = 'publish'))))"""
_UNTIL = "json_object('deadline', NEW.deadline)"
_VALUES = "virtual_micros(), '{what}', NEW.id, {was}, NEW.state, NEW.fence, NEW.worker, NEW.step, NEW.code"
_COLUMNS = "at, what, delivery, was, became, fence, worker, step, code"


# Of an approval: it has no delivery; 'was' is the release, 'fence' the revision's number, 'step' its action.
_APPROVE = f"""CREATE TRIGGER journal_approve AFTER UPDATE OF approved_hash ON revisions
WHEN NEW.approved_hash <> '' AND NEW.approved_hash <> OLD.approved_hash BEGIN
INSERT INTO journal ({_COLUMNS}, facts) VALUES (virtual_micros(), 'approve', 0, NEW.release_id, NEW.release_id,
NEW.number, '', coalesce(json_extract(NEW.content, '$.notice.action'), 'publish'), '', '{{}}'); END;"""  # noqa: S608  # ours


def _trigger(name: str, when: str, what: str, was: str = "OLD.state", facts: str = "'{}'") -> str:
    values = _VALUES.format(what=what, was=was)
    return (
        f"CREATE TRIGGER journal_{name} AFTER {when} BEGIN "  # noqa: S608  # words of ours
        f"INSERT INTO journal ({_COLUMNS}, facts) VALUES ({values}, {facts}); END;"
    )


_SCHEMA = "\n".join(
    (
        f"CREATE TABLE journal (n INTEGER PRIMARY KEY, {_COLUMNS}, facts);",
        _APPROVE,
        _trigger("promise", "INSERT ON deliveries", "promise", "''", _UNTIL),
        _trigger(
            "claim",
            "UPDATE OF state ON deliveries WHEN NEW.state = 'sending' AND OLD.state <> 'sending'",
            "claim",
            facts=_FACTS,
        ),
        _trigger(
            "begin",
            "UPDATE OF step ON deliveries WHEN NEW.state = 'sending' AND OLD.state = 'sending' AND NEW.step <> ''",
            "begin",
            facts=_FACTS,
        ),
        _trigger(
            "change",
            "UPDATE OF state, fence ON deliveries WHEN NEW.state <> 'sending' "
            "AND (NEW.state <> OLD.state OR NEW.fence <> OLD.fence)",
            "change",
            facts=_UNTIL,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed change of a delivery, or an approval (see _APPROVE). `at` in virtual seconds; `facts` as they were
    in the same statement."""

    n: int
    at: float
    what: str  # promise, claim, begin, change, approve
    delivery: int
    was: str
    became: str
    fence: int
    worker: str
    step: str
    code: str
    facts: dict[str, Any]


def install(path: Path) -> None:
    """Begin to write, in a migrated database. Every connection must know virtual_micros() from now on."""
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_SCHEMA)
    finally:
        connection.close()


def read(path: Path) -> Sequence[Entry]:
    """Every entry, in the order of commits."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute(f"SELECT n, {_COLUMNS}, facts FROM journal ORDER BY n").fetchall()  # noqa: S608  # ours
    finally:
        connection.close()
    return [Entry(*row[:1], row[1] / 1e6, *row[2:10], json.loads(row[10])) for row in rows]  # type: ignore[call-arg]  # eleven columns
