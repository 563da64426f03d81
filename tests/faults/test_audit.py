"""Fault 40: whatever is changed in the log behind its back, verifying names the first bad one."""

from __future__ import annotations

import pytest

from distributor.demo import Stage
from tests.faults.engine import ask, tell
from tests.queue.acts import all_in, approve, until, write

COLUMNS = "at, actor, kind, subject, data, previous, hash"
ATTEMPT = (
    "delivery_id, number, fence, worker, looked, started_at, finished_at, outcome, code, reason, receipt, late, leaf"
)
CHANGES = {
    "event altered": ("UPDATE audit_events SET actor = 'person:99' WHERE seq = :seq", "event {seq}: altered"),
    "event removed": ("DELETE FROM audit_events WHERE seq = :seq", "event {seq}: removed"),
    "event inserted": (
        f"INSERT INTO audit_events (seq, {COLUMNS}) SELECT :seq + 1000, {COLUMNS} FROM audit_events WHERE seq = :seq",  # noqa: S608  # column names of ours
        "event {last}: removed",
    ),
    "tail cut": ("DELETE FROM audit_events WHERE seq > :seq", "event {next}: removed with all that followed"),
    "outcome altered": ("UPDATE attempts SET reason = 'all went well' WHERE batch = :batch", "outcome {id} (delivery"),
    "outcome altered with its leaf": (
        "UPDATE attempts SET leaf = :zero WHERE batch = :batch AND position = 0",
        "outcome {id} (delivery",
    ),
    "outcome removed": ("DELETE FROM attempts WHERE batch = :batch", "outcome at place 0 of batch {batch}: removed"),
    "outcome inserted": (
        f"INSERT INTO attempts ({ATTEMPT}, batch, position) SELECT {ATTEMPT}, batch, 7 FROM attempts "  # noqa: S608  # column names of ours
        "WHERE batch = :batch AND position = 0",
        "batch {batch}",
    ),
    "outcome of no batch": (
        f"INSERT INTO attempts ({ATTEMPT}, batch, position) SELECT {ATTEMPT}, 9999, 0 FROM attempts "  # noqa: S608  # column names of ours
        "WHERE batch = :batch AND position = 0",
        "inserted (no batch of the log holds it)",
    ),
    "state set to sent": ("UPDATE deliveries SET state = 'sent' WHERE channel = 'telegram'", "says sent, but no"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_f40_a_row_altered_removed_or_inserted_or_a_tail_cut_is_named(stage: Stage, change: str) -> None:
    stage.sandbox.faults.order("telegram", "sendMessage", "telegram_error", description="Bad Request: can't parse")
    release_id = await write(stage, channels=("telegram", "x", "newsroom"))
    await approve(stage, release_id)
    await until(stage, all_in("sent", "rejected"), release_id)
    assert await stage.parts.office.auditing.checkpoint() is not None
    assert (await stage.parts.office.auditing.verify()).fault == ""
    (middle,) = await ask(stage, "SELECT min(batch) AS batch, max(batch) AS last FROM attempts")
    (first,) = await ask(stage, "SELECT min(id) AS id FROM attempts WHERE batch = :batch", batch=middle["batch"])
    (end,) = await ask(stage, "SELECT max(seq) AS seq FROM audit_events")
    statement, wanted = CHANGES[change]
    values = {"seq": 3, "batch": middle["batch"], "zero": bytes(32)}
    await tell(stage, statement, **{name: value for name, value in values.items() if f":{name}" in statement})
    fault = (await stage.parts.office.auditing.verify()).fault
    assert wanted.format(**values, next=4, last=end["seq"] + 1, id=first["id"]) in fault
