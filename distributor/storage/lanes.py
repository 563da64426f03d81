"""The kept state of lanes, and deliveries that may not go out any more.

May touch: lanes, deliveries, alarms, audit_events; inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.delivery import CLOSED_ASKS, DeliveryState, Drop
from distributor.core.ports import EMBARGO, LaneState
from distributor.storage import alarms, audit
from distributor.storage.hot import Row
from distributor.storage.outcomes import finish_releases
from distributor.storage.schema import deliveries, lanes


async def all_lanes(connection: AsyncConnection) -> dict[str, LaneState]:
    """Every lane that has a row."""
    rows = await connection.execute(select(lanes))
    return {row.name: LaneState(row.name, bool(row.paused), row.until, row.code, row.reason) for row in rows.all()}


async def paused_since(connection: AsyncConnection, name: str, code: str) -> datetime | None:
    """Since when a lane stands paused with this code; None where it does not."""
    query = select(lanes.c.updated_at).where(lanes.c.name == name, lanes.c.paused, lanes.c.code == code)
    moment: datetime | None = (await connection.execute(query)).scalar()
    return moment


async def pause(connection: AsyncConnection, state: LaneState, actor: str, now: datetime) -> bool:
    """Keep a pause. None is shortened: neither one until a person resumes nor a longer wait. True where it is news."""
    before = (await all_lanes(connection)).get(state.name)
    if before and before.paused and state.until is not None and (before.until is None or state.until < before.until):
        return False
    values = {
        "paused": True,
        "until": state.until,
        "code": state.code,
        "reason": state.reason,
        "updated_at": now,
    }
    if before is None:
        await connection.execute(insert(lanes).values(name=state.name, **values))
    else:
        await connection.execute(update(lanes).where(lanes.c.name == state.name).values(**values))
    fresh = not (before and before.paused and before.code == state.code)
    if fresh:
        data = {"code": state.code, "reason": state.reason, "until": state.until.isoformat() if state.until else None}
        await audit.append(connection, now, actor, "lane.paused", f"lane:{state.name}", data)
    return fresh


async def resume(connection: AsyncConnection, name: str, actor: str, now: datetime) -> None:
    """End a pause; its event enters the log only where the lane was paused."""
    done = await connection.execute(
        update(lanes)
        .where(lanes.c.name == name, lanes.c.paused)
        .values(paused=False, until=None, code="", reason="", updated_at=now)
    )
    if done.rowcount:
        await audit.append(connection, now, actor, "lane.resumed", f"lane:{name}", {})
    if name == EMBARGO:
        # What a closed embargo put off is asked again now; whatever waits for something else is put off again.
        waits = (deliveries.c.state == "queued", deliveries.c.due > now, deliveries.c.due <= now + CLOSED_ASKS)
        await connection.execute(update(deliveries).where(*waits).values(due=now))


async def drop_deliveries(
    connection: AsyncConnection, drops: Sequence[tuple[Row, Drop]], worker: str, now: datetime
) -> int:
    """End deliveries that may not go out any more, each with its reason in the log; the expired ones of a release ask
    together. Returns how many: one that is no longer as the caller saw it is left to whoever looks at it next."""
    ended = [(row, drop) for row, drop in drops if await _drop(connection, row, drop, worker, now)]
    if ended:
        await finish_releases(connection, {row.release_id for row, _ in ended}, now)
    late = {(row.release_id, row.revision): row.id for row, drop in ended if drop.state is DeliveryState.EXPIRED}
    for delivery_id in late.values():
        await alarms.add_expired(connection, delivery_id, now)
    return len(ended)


async def _drop(connection: AsyncConnection, row: Row, drop: Drop, worker: str, now: datetime) -> bool:
    done = await connection.execute(
        update(deliveries)
        .where(deliveries.c.id == row.id, deliveries.c.fence == row.fence)
        .where(deliveries.c.state.in_(["queued", "waiting"]))
        .values(state=drop.state.value, code=drop.code, reason=drop.reason, updated_at=now)
    )
    if done.rowcount:
        data = {"code": drop.code, "reason": drop.reason}
        kind = f"delivery.{drop.state.value}"
        await audit.append(connection, now, f"worker:{worker}", kind, f"delivery:{row.id}", data)
    return bool(done.rowcount)
