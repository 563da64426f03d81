"""What the database knows of the time, and what is kept where the clock is doubted.

May touch: workers, lanes, alarms, the audit log; reads releases, revisions. Inside the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.clock import CODE, ClockDoubt, ClockSigns, Sign, Uptime
from distributor.core.data import to_micros
from distributor.core.ports import EMBARGO, LaneState
from distributor.core.release import ReleaseState
from distributor.storage import alarms, lanes
from distributor.storage.outcomes import CLOCK_SLACK
from distributor.storage.schema import releases, revisions, workers

_WAITING = [state.value for state in (ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.HELD)]
AGAIN = timedelta(minutes=10)  # how often the desk is asked


async def server_time(connection: AsyncConnection) -> datetime | None:
    """The server's own clock; SQLite has none."""
    if connection.dialect.name != "postgresql":
        return None
    moment: datetime | None = (await connection.execute(text("SELECT clock_timestamp()"))).scalar()
    return moment


async def signs(connection: AsyncConnection, boot: str) -> ClockSigns:
    """See core.clock.ClockSigns; `boot` names this machine's start, '' where it does not tell."""
    last: datetime | None = (await connection.execute(select(func.max(workers.c.beat_at)))).scalar()
    query = (
        select(revisions.c.content["embargo"].as_string())
        .join(releases, releases.c.id == revisions.c.release_id)
        .where(releases.c.state.in_(_WAITING), revisions.c.approved_hash != "")
    )
    found = (await connection.execute(query)).scalars().all()
    embargoes = tuple(datetime.fromisoformat(value) for value in found if value)
    return ClockSigns(last, await server_time(connection), embargoes, await _here(connection, boot))


async def _here(connection: AsyncConnection, boot: str) -> Sign | None:
    query = select(workers.c.beat_at, workers.c.up).where(workers.c.boot == boot, workers.c.up.is_not(None))
    row = (await connection.execute(query.order_by(workers.c.beat_at.desc()).limit(1))).first()
    return Sign(row.beat_at, Uptime(boot, timedelta(microseconds=row.up))) if row and boot else None


async def beat(connection: AsyncConnection, worker: str, now: datetime, up: Uptime | None) -> None:
    """Keep a worker's sign of life. One from the future tells that the clock was set back: it stays until `recover` has
    followed (storage.outcomes.follow_clock)."""
    sign: dict[str, Any] = {"beat_at": now, "boot": "", "up": None}
    if up is not None:
        sign |= {"boot": up.boot, "up": up.since // timedelta(microseconds=1)}
    mine = workers.c.name == worker
    done = await connection.execute(update(workers).where(mine, workers.c.beat_at <= now + CLOCK_SLACK).values(**sign))
    if not done.rowcount and (await connection.execute(select(workers.c.name).where(mine))).first() is None:
        await connection.execute(workers.insert().values(name=worker, started_at=now, **sign))


async def doubt(connection: AsyncConnection, found: ClockDoubt, worker: str, now: datetime) -> bool:
    """Close every embargo and ask a person, together. False where both were done for such a doubt already."""
    actor = f"worker:{worker}"
    state = LaneState(EMBARGO, True, None, CODE, found.reason)
    if not await lanes.pause(connection, state, actor, now):
        return False
    params = {"cause": found.cause, "seconds": int(found.by.total_seconds()), "when": now.isoformat(), "worker": worker}
    key = f"clock:{to_micros(now)}:{worker}"
    return await alarms.add(connection, "clock", "office", key, params, now, AGAIN, actor=actor)
