"""The log shows tampering: whoever alters, removes, inserts or cuts is named by the first wrong row."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Update, delete, func, insert, select, text, update

from distributor.core.audit import Event
from distributor.core.delivery import DeliveryState, Next
from distributor.core.outcome import Receipt, Sent
from distributor.core.ports import Result
from distributor.office.auditing import Auditing, Checkpoint, SigningKey
from distributor.storage.deliveries import Deliveries
from distributor.storage.schema import attempts, audit_events, checkpoints, deliveries
from tests.office.press_office import PressOffice
from tests.storage.world import claim_these


async def everything_sent(office: PressOffice) -> list[int]:
    """A release approved, every delivery of it sent in one batch."""
    await office.office.subscriptions.add("press", "a@example.org", None)
    await office.approved()
    ids = [int(row["id"]) for row in await office.rows()]
    store = Deliveries(office.database, "https://press.example")
    claims = await claim_these(store, ids, "w1", office.now, 60)
    assert len(claims) == len(ids) == 3
    done, sent = Next(DeliveryState.SENT), Sent(Receipt(("1",), ("https://t.me/1",)))
    await store.record([Result(claim, sent, done, office.now, office.now) for claim in claims], "w1", office.now)
    return ids


async def change(office: PressOffice, *statements: Any) -> None:
    """What somebody with the database's password does."""
    async with office.database.transaction() as connection:
        for statement in statements:
            await connection.execute(statement)
        await connection.commit()


async def fault(office: PressOffice, kept: list[Checkpoint] | None = None) -> str:
    return (await office.office.auditing.verify(kept)).fault


async def test_a_log_that_nobody_touched_verifies(office: PressOffice) -> None:
    await everything_sent(office)
    point = await office.office.auditing.checkpoint()
    verdict = await office.office.auditing.verify()
    assert point is not None
    assert (verdict.events, verdict.outcomes, verdict.checkpoints, verdict.fault) == (point.seq, 3, 1, "")
    assert (await office.office.auditing.verify([point])).fault == ""


async def test_an_empty_log_verifies_and_has_nothing_to_sign(office: PressOffice) -> None:
    await change(office, delete(audit_events))
    assert await office.office.auditing.checkpoint() is None
    assert (await office.office.auditing.verify()).events == 0


def event(number: int, **values: Any) -> Update:
    return update(audit_events).where(audit_events.c.seq == number).values(**values)


@pytest.mark.parametrize(
    "values",
    [{"actor": "person:9"}, {"kind": "x"}, {"subject": "x"}, {"data": {"role": "author"}}, {"hash": "0" * 64}],
    ids=str,
)
async def test_f40_an_altered_event_is_named(office: PressOffice, values: dict[str, Any]) -> None:
    await everything_sent(office)
    await change(office, event(3, **values))
    assert (await fault(office)).startswith("event 3: altered")


async def test_f40_a_moved_time_is_named(office: PressOffice) -> None:
    await everything_sent(office)
    await change(office, event(3, at=office.now + timedelta(seconds=1)))
    assert (await fault(office)).startswith("event 3: altered")


async def test_f40_an_event_altered_together_with_its_hash_breaks_the_next_one(office: PressOffice) -> None:
    await everything_sent(office)
    third = (await office.log())[2]
    forged = replace(third, actor="person:9")
    await change(office, event(3, actor="person:9", hash=forged.computed()))
    assert (await fault(office)).startswith("event 4: does not follow from event 3")


async def test_f40_a_removed_event_is_named(office: PressOffice) -> None:
    await everything_sent(office)
    await change(office, delete(audit_events).where(audit_events.c.seq == 3))
    assert await fault(office) == "event 3: removed (the next one is 4)"


async def test_f40_an_inserted_event_is_named(office: PressOffice) -> None:
    await everything_sent(office)
    log = await office.log()
    await change(
        office,
        *(event(old.seq, seq=old.seq + 1) for old in reversed(log[3:])),
        insert(audit_events).values(
            seq=4, at=office.now, actor="x", kind="x", subject="x", data={}, previous=log[2].hash, hash="f" * 64
        ),
    )
    assert (await fault(office)).startswith("event 4: altered")


async def rewrite(office: PressOffice, change_event: Event) -> None:
    """Everything after an altered event hashed anew, as somebody with time would."""
    log = await office.log()
    previous = log[change_event.seq - 2].hash
    for old in [change_event, *log[change_event.seq :]]:
        made = replace(old, previous=previous)
        previous = made.computed()
        await change(office, event(old.seq, actor=made.actor, previous=made.previous, hash=previous))


async def test_f40_a_chain_rewritten_to_its_end_is_found_by_the_checkpoint(office: PressOffice) -> None:
    await everything_sent(office)
    point = await office.office.auditing.checkpoint()
    assert point is not None
    await rewrite(office, replace((await office.log())[2], actor="person:9"))
    assert f"event {point.seq}: not the one that checkpoint" in await fault(office)
    await change(office, delete(checkpoints))
    assert await fault(office) == "", "without the checkpoint nothing would show it"
    assert f"event {point.seq}: not the one that checkpoint" in await fault(office, [point])


async def test_f40_a_tail_cut_off_is_found_and_with_its_checkpoints_only_by_a_kept_one(office: PressOffice) -> None:
    await everything_sent(office)
    earlier = (await office.log())[4].seq
    point = await office.office.auditing.checkpoint()
    assert point is not None
    await change(
        office,
        text("DELETE FROM attempts"),
        update(deliveries).values(state="queued"),
        delete(audit_events).where(audit_events.c.seq > earlier),
    )
    removed = f"event {earlier + 1}: removed with all that followed (checkpoint {point.seq} was signed over more)"
    assert await fault(office) == removed
    await change(office, delete(checkpoints))
    assert await fault(office) == ""
    assert await fault(office, [point]) == removed


async def test_a_kept_checkpoint_wins_over_a_forged_one_in_the_database(office: PressOffice, tmp_path: Any) -> None:
    await everything_sent(office)
    kept = await office.office.auditing.checkpoint()
    assert kept is not None
    await rewrite(office, replace((await office.log())[2], actor="person:9"))
    thief = Auditing(office.database, office.clock, SigningKey(tmp_path / "thief.key"), "შსს")
    await change(office, delete(checkpoints))
    await thief.checkpoint()
    assert await fault(office) == f"checkpoint {kept.seq}: the signature does not fit"
    assert await fault(office, [kept]) != ""


@pytest.mark.parametrize("values", [{"head": "a" * 64}, {"signature": "00" * 64}, {"signature": "not hex"}], ids=str)
async def test_f40_an_altered_checkpoint_is_named(office: PressOffice, values: dict[str, Any]) -> None:
    await everything_sent(office)
    point = await office.office.auditing.checkpoint()
    assert point is not None
    await change(office, update(checkpoints).values(**values))
    assert await fault(office) == f"checkpoint {point.seq}: the signature does not fit"


@pytest.mark.parametrize(
    "values",
    [
        {"outcome": "rejected"},
        {"code": "x"},
        {"reason": "x"},
        {"number": 7},
        {"fence": 7},
        {"worker": "x"},
        {"looked": True},
        {"late": True},
        {"receipt": {"remote_ids": ["2"]}},
    ],
    ids=str,
)
async def test_f40_an_altered_outcome_is_named(office: PressOffice, values: dict[str, Any]) -> None:
    ids = await everything_sent(office)
    async with office.database.read() as connection:
        ordered = select(attempts.c.id).order_by(attempts.c.position).offset(1).limit(1)
        second = (await connection.execute(ordered)).scalar()
    await change(office, update(attempts).where(attempts.c.id == second).values(**values))
    found = await fault(office)
    assert found.startswith(f"outcome {second} (delivery ")
    assert found.endswith("): altered")
    assert len(ids) == 3


async def test_f40_an_outcome_altered_with_its_leaf_removed_or_inserted_is_named(office: PressOffice) -> None:
    await everything_sent(office)
    async with office.database.read() as connection:
        rows = [dict(row) for row in (await connection.execute(select(attempts))).mappings()]
        batch = rows[0]["batch"]
    middle = next(row for row in rows if row["position"] == 1)
    await change(office, delete(attempts).where(attempts.c.id == middle["id"]))
    assert await fault(office) == f"outcome at place 1 of batch {batch}: removed"
    await change(office, insert(attempts).values(**middle))
    assert await fault(office) == ""
    extra = middle | {"id": 1000, "position": 3}
    await change(office, insert(attempts).values(**extra))
    assert (await fault(office)).startswith("outcome 1000 (delivery ")
    await change(office, update(attempts).where(attempts.c.id == 1000).values(batch=999))
    assert await fault(office) == "outcome 1000: inserted (no batch of the log holds it)"
    await change(office, delete(attempts).where(attempts.c.id == 1000))
    await change(office, delete(attempts).where(attempts.c.position == 2))
    assert await fault(office) == f"outcome at place 2 of batch {batch}: removed"


async def test_a_delivery_that_only_says_it_was_sent_is_named(office: PressOffice) -> None:
    await office.approved()
    first = (await office.rows())[0]["id"]
    await change(office, update(deliveries).where(deliveries.c.id == first).values(state="sent"))
    assert await fault(office) == f"delivery {first}: says sent, but no outcome and no person's word in the log says so"


async def test_a_checkpoint_is_signed_once_for_a_head(office: PressOffice) -> None:
    first = await office.office.auditing.checkpoint()
    assert first is not None
    assert await office.office.auditing.checkpoint() is None
    await office.draft()
    second = await office.office.auditing.checkpoint()
    assert second is not None
    assert second.seq == first.seq + 1
    assert await office.office.auditing.checkpoints() == [first, second]


async def test_the_key_is_made_once_and_only_its_owner_may_read_it(office: PressOffice) -> None:
    await office.office.auditing.checkpoint()
    key = office.folder / "audit.key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_text()
    await office.draft()
    await office.office.auditing.checkpoint()
    assert key.read_text() == before
    assert before.strip() not in str(await office.office.auditing.checkpoints())


async def test_the_export_holds_every_event_and_every_outcome(office: PressOffice) -> None:
    await everything_sent(office)
    lines = [line async for line in office.office.auditing.export()]
    assert [line["event"] for line in lines if "event" in line] == [event.seq for event in await office.log()]
    outcomes = [line for line in lines if "outcome" in line]
    assert [line["outcome"]["outcome"] for line in outcomes] == ["sent"] * 3
    assert all(len(line["leaf"]) == 64 for line in outcomes)
    batch = next(place for place, line in enumerate(lines) if line.get("kind") == "outcomes")
    assert lines[batch + 1 : batch + 4] == outcomes, "right behind the event that vouches for them"
    assert json.loads(json.dumps(lines)) == lines


async def test_verifying_writes_nothing(office: PressOffice) -> None:
    await everything_sent(office)
    async with office.database.read() as connection:
        count = select(func.count()).select_from(audit_events)
        before = (await connection.execute(count)).scalar()
    await office.office.auditing.verify()
    async with office.database.read() as connection:
        assert (await connection.execute(count)).scalar() == before
    assert not (office.folder / "audit.key").exists(), "without a checkpoint there is no need of a key"
