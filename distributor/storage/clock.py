"""What the database knows of the time, and what is kept where the clock is doubted.

May touch: lanes, alarms, the audit log; reads workers, releases, revisions. Inside the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.clock import CODE, ClockDoubt, ClockSigns
from distributor.core.data import to_micros
from distributor.core.ports import EMBARGO, LaneState
from distributor.core.release import ReleaseState
from distributor.storage import alarms, lanes
from distributor.storage.schema import releases, revisions, workers

_WAITING = [state.value for state in (ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.HELD)]
AGAIN = timedelta(minutes=10)  # how often the desk is asked


async def server_time(connection: AsyncConnection) -> datetime | None:
    """The server's own clock; SQLite has none."""
    if connection.dialect.name != "postgresql":
        return None
    moment: datetime | None = (await connection.execute(text("SELECT clock_timestamp()"))).scalar()
    return moment


async def signs(connection: AsyncConnection) -> ClockSigns:
    """See core.clock.ClockSigns."""
    last: datetime | None = (await connection.execute(select(func.max(workers.c.beat_at)))).scalar()
    query = (
        select(revisions.c.content["embargo"].as_string())
        .join(releases, releases.c.id == revisions.c.release_id)
        .where(releases.c.state.in_(_WAITING), revisions.c.approved_hash != "")
    )
    found = (await connection.execute(query)).scalars().all()
    embargoes = tuple(datetime.fromisoformat(value) for value in found if value)
    return ClockSigns(last, await server_time(connection), embargoes)


async def doubt(connection: AsyncConnection, found: ClockDoubt, worker: str, now: datetime) -> bool:
    """Close every embargo and ask a person, together. False where both were done for such a doubt already."""
    actor = f"worker:{worker}"
    state = LaneState(EMBARGO, True, None, CODE, found.reason)
    if not await lanes.pause(connection, state, actor, now):
        return False
    params = {"cause": found.cause, "seconds": int(found.by.total_seconds()), "when": now.isoformat(), "worker": worker}
    key = f"clock:{to_micros(now)}:{worker}"
    return await alarms.add(connection, "clock", "office", key, params, now, AGAIN, actor=actor)
