"""What outcomes do to delivery rows: record, recover.

May touch: deliveries, cases, destinations' status, releases' state; appends attempts and audit events. Each
function works inside the caller's transaction and commits nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import to_data
from distributor.core.delivery import FINAL, DeliveryState
from distributor.core.outcome import Deferred, Rejected, Scope, Sent, Unknown
from distributor.core.ports import Result
from distributor.core.release import ReleaseState
from distributor.storage import audit
from distributor.storage.claims import UNDER_WAY, own
from distributor.storage.database import StorageUnavailable
from distributor.storage.hot import OPEN_SQL
from distributor.storage.schema import attempts, cases, deliveries, destinations, lanes, releases, workers

_FINAL = [state.value for state in FINAL]
# Written out as the index has it, so that the index is used.
OPEN = text(f"deliveries.{OPEN_SQL}")
# A scheduled release of which every delivery expired was approved and never began.
_UNFINISHED = [ReleaseState.APPROVED.value, ReleaseState.DISTRIBUTING.value]
CLOCK_SLACK = timedelta(seconds=5)  # by so much the clocks of several machines may differ


async def record_results(connection: AsyncConnection, results: Sequence[Result], worker: str, now: datetime) -> None:
    """Outcomes, next states and the audit batch. A late result is kept in the log and changes no state, but for a
    late receipt: it proves that the delivery is there, so that nobody sends it again or asks a person about it. One
    that stands in the log already (its commit took effect and the answer was lost) is left as it is."""
    results = await _not_known(connection, results)
    ids = [result.claimed.job.delivery_id for result in results]
    query = select(
        deliveries.c.id, deliveries.c.fence, deliveries.c.state, deliveries.c.tries, deliveries.c.release_id
    ).where(deliveries.c.id.in_(ids))
    if connection.dialect.name == "postgresql":
        # Never waits for a row: whoever records it waits for the log's turn, which this transaction holds.
        query = query.with_for_update(skip_locked=True).order_by(deliveries.c.id)
    standing = {row.id: row for row in (await connection.execute(query)).all()}
    if len(standing) < len(set(ids)):
        raise StorageUnavailable("another worker writes one of these deliveries at this moment")
    rows = []
    for result in results:
        row = standing[result.claimed.job.delivery_id]
        late = row.fence != result.claimed.fence or row.state not in {"sending", "unknown"}
        rows.append(audit.attempt_row(result, row.tries, worker, late))
        if not late:
            await _apply(connection, result, now)
        elif isinstance(result.outcome, Sent) and row.state not in {"sending", "sent"}:
            await _apply(connection, result, now, any_fence=True)
            await close_case(connection, row.id, "late", None, now)
    if rows:
        await audit.append_outcomes(connection, now, worker, rows)


async def _not_known(connection: AsyncConnection, results: Sequence[Result]) -> list[Result]:
    fresh = []
    for result in results:
        same = (
            attempts.c.delivery_id == result.claimed.job.delivery_id,
            attempts.c.fence == result.claimed.fence,
            attempts.c.looked == result.looked,
            attempts.c.started_at == result.started,
            attempts.c.finished_at == result.finished,
        )
        if (await connection.execute(select(attempts.c.id).where(*same).limit(1))).first() is None:
            fresh.append(result)
    return fresh


async def _apply(connection: AsyncConnection, result: Result, now: datetime, *, any_fence: bool = False) -> None:
    claimed, following, outcome = result.claimed, result.next, result.outcome
    values: dict[str, Any] = {
        "state": following.state.value,
        "code": following.code,
        "reason": following.reason,
        "lease_until": None,
        "updated_at": now,
    }
    if following.due is not None:
        values["due"] = following.due
    if result.looked:
        values["looks"] = deliveries.c.looks + 1
    elif following.costs_attempt:
        values["attempts"] = deliveries.c.attempts + 1
    if isinstance(outcome, Sent):
        values["receipt"] = to_data(outcome.receipt)
    if isinstance(outcome, Unknown):
        values |= {"step": outcome.step, "uncertain": True, "looks": 0}
    elif following.state in {DeliveryState.QUEUED, DeliveryState.WAITING}:
        values |= {"step": ""}
    where = deliveries.c.id == claimed.job.delivery_id if any_fence else own(claimed)
    await connection.execute(update(deliveries).where(where).values(**values))
    if following.state is DeliveryState.CASE:
        delivery, step = claimed.job.delivery_id, claimed.step
        await open_case(connection, delivery, step, following.code, following.reason, now)
    await _reach(connection, result, now)


async def _reach(connection: AsyncConnection, result: Result, now: datetime) -> None:
    """What an answer says of the destination: a new address, or one that takes no more."""
    outcome, destination = result.outcome, result.claimed.job.destination
    here = destinations.c.id == destination.id
    if isinstance(outcome, Deferred) and outcome.address:
        await connection.execute(update(destinations).where(here).values(address=outcome.address))
        data = {"from": destination.address, "to": outcome.address}
        await audit.append(connection, now, "system", "destination.moved", f"destination:{destination.id}", data)
    elif isinstance(outcome, Rejected) and outcome.scope is Scope.DESTINATION:
        await connection.execute(update(destinations).where(here).values(status="suspended", reason=outcome.reason))
        data = {"code": outcome.code, "reason": outcome.reason}
        await audit.append(connection, now, "system", "destination.suspended", f"destination:{destination.id}", data)


async def open_case(
    connection: AsyncConnection, delivery: int, step: str, code: str, reason: str, now: datetime
) -> None:
    """Ask a person about a step whose effect nobody can find out."""
    step = step or "publish"
    values = {"delivery_id": delivery, "step": step, "code": code, "reason": reason, "opened_at": now}
    await connection.execute(insert(cases).values(**values))
    data = {"step": step, "code": code, "reason": reason}
    await audit.append(connection, now, "system", "case.opened", f"delivery:{delivery}", data)


async def close_case(
    connection: AsyncConnection, delivery_id: int, resolution: str, person_id: int | None, now: datetime
) -> bool:
    """End the open case of a delivery. False where none was open."""
    done = await connection.execute(
        update(cases)
        .where(cases.c.delivery_id == delivery_id, cases.c.resolved_at.is_(None))
        .values(resolution=resolution, resolved_by=person_id, resolved_at=now)
    )
    return bool(done.rowcount)


async def finish_releases(connection: AsyncConnection, release_ids: set[str], now: datetime) -> None:
    """Releases of which every delivery is final become distributed."""
    open_ones = exists().where(deliveries.c.release_id == releases.c.id, OPEN)
    await connection.execute(
        update(releases)
        .where(releases.c.id.in_(release_ids), releases.c.state.in_(_UNFINISHED), ~open_ones)
        .values(state=ReleaseState.DISTRIBUTED.value, updated_at=now)
    )


def forgotten() -> Select[Any]:
    """Releases that have nothing left to send and never ended: the worker that recorded their last outcome was lost
    before it looked."""
    theirs = select(deliveries.c.id).where(deliveries.c.release_id == releases.c.id).correlate(releases).limit(1)
    # Look-ups by an index, for no planner may join all deliveries.
    nothing_left = theirs.where(OPEN).scalar_subquery().is_(None)
    return select(releases.c.id).where(
        releases.c.state.in_(_UNFINISHED), theirs.scalar_subquery().is_not(None), nothing_left
    )


def expired(now: datetime) -> tuple[Any, ...]:
    """The rows whose claim was lost."""
    return (UNDER_WAY, deliveries.c.state == "sending", deliveries.c.lease_until < now)


def from_the_future(now: datetime) -> tuple[Select[Any], ...]:
    """What was written later than now, of what is written often: the clock was set back since (fault 18)."""
    ahead = now + CLOCK_SLACK
    return (
        select(workers.c.name).where(workers.c.beat_at > ahead),
        select(releases.c.id).where(releases.c.updated_at > ahead),
        select(lanes.c.name).where(lanes.c.updated_at > ahead),
        select(deliveries.c.id).where(UNDER_WAY, deliveries.c.updated_at > ahead),  # few, by an index of their own
    )


async def follow_clock(connection: AsyncConnection, now: datetime, *, sure: bool) -> int:
    """Where the clock was set back (`sure`: the caller knows), move the waits of live rows written before that by as
    much, so that nothing stalls. Schedule and embargo are times of the wall and stay: they are checked again at the
    claim."""
    signs = [query for query in from_the_future(now) if (await connection.execute(query.limit(1))).first()]
    if not signs and not sure:
        return 0
    shifted = {
        "due": deliveries.c.due - (deliveries.c.updated_at - now),
        "lease_until": deliveries.c.lease_until - (deliveries.c.updated_at - now),
        "updated_at": now,
    }
    live = (deliveries.c.updated_at > now + CLOCK_SLACK, deliveries.c.state.not_in(_FINAL))
    done = await connection.execute(update(deliveries).where(*live).values(**shifted))
    lane = {"until": lanes.c.until - (lanes.c.updated_at - now), "updated_at": now}
    await connection.execute(update(lanes).where(lanes.c.updated_at > now + CLOCK_SLACK).values(**lane))
    await connection.execute(update(workers).where(workers.c.beat_at > now).values(beat_at=now, boot="", up=None))
    await connection.execute(update(releases).where(releases.c.updated_at > now).values(updated_at=now))
    return int(done.rowcount)


async def case_unread(connection: AsyncConnection, delivery_id: int, step: str, reason: str, now: datetime) -> None:
    """An unknown delivery of which the row cannot be read: nothing of ours can look for it, so a person is asked."""
    values = {"state": "case", "code": "unreadable", "reason": reason, "lease_until": None, "updated_at": now}
    await connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(**values))
    await open_case(connection, delivery_id, step, "unreadable", reason, now)


async def recover_expired(connection: AsyncConnection, now: datetime) -> int:
    """Claims whose lease ran out. Where no irrevocable step was begun it goes again; else its effect is unknown."""
    query = select(deliveries).where(*expired(now)).limit(500)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    rows = (await connection.execute(query)).all()
    lost: list[dict[str, Any]] = []
    for row in rows:
        begun = bool(row.step)
        reason = f"worker {row.worker} was lost " + (f"in step {row.step}" if begun else "before anything was sent")
        values: dict[str, Any] = {"due": now, "lease_until": None, "updated_at": now, "code": "lost", "reason": reason}
        # A new fencing token: the lost worker's late result must not be taken for ours.
        values |= {"fence": row.fence + 1, "state": "unknown" if begun else "queued"}
        values |= {"uncertain": True} if begun else {}
        await connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
        lost.append(
            {
                "delivery_id": row.id,
                "number": row.tries,
                "fence": row.fence,
                "worker": row.worker,
                "looked": False,
                "started_at": row.intended_at or row.updated_at,
                "finished_at": now,
                "outcome": "unknown" if begun else "deferred",
                "code": "lost",
                "reason": reason,
                "receipt": None,
                "late": False,
            }
        )
    if lost:
        await audit.append_outcomes(connection, now, "recovery", lost)
    return len(lost)


async def attempts_of(connection: AsyncConnection, delivery_id: int) -> list[dict[str, Any]]:
    """Every attempt of one delivery, oldest first."""
    rows = await connection.execute(
        select(attempts).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.id)
    )
    return [dict(row) for row in rows.mappings()]


async def count_by_state(connection: AsyncConnection, release_id: str) -> dict[str, int]:
    """How many deliveries of a release stand where."""
    rows = await connection.execute(
        select(deliveries.c.state, func.count())
        .where(deliveries.c.release_id == release_id)
        .group_by(deliveries.c.state)
    )
    return {row[0]: row[1] for row in rows.all()}
