"""Alarms: what a person must look at, each asked once and said again until it is answered.

May touch: alarms, the audit log; reads what expired; inside the caller's transaction. Who may answer, and what follows,
is the office's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data
from distributor.core.release import Revision
from distributor.storage import audit
from distributor.storage.schema import alarms, deliveries, people, releases

EXPIRED_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One row. `params` fill the sentence of its kind; `every` in seconds, 0 for one that is said only once;
    `message_id` of the newest message at the desk; `resolution` is the answer's word, '' while it is open."""

    id: int
    kind: str
    subject: str
    key: str
    params: dict[str, Any]
    opened_at: datetime
    every: int
    chase_at: datetime | None
    chased: int
    message_id: int | None
    told: bool
    resolved_at: datetime | None
    resolved_by: int | None
    resolution: str


def _alarm(row: RowMapping) -> Alarm:
    return Alarm(**{name: row[name] for name in Alarm.__slots__})


async def add(
    connection: AsyncConnection,
    kind: str,
    subject: str,
    key: str,
    params: dict[str, Any],
    now: datetime,
    chase: timedelta | None = None,
    *,
    actor: str = "system",
) -> bool:
    """Ask a person. `key` names the very thing, for ever: False, and nothing changed, where it was asked before.
    `chase`: how often it is said again until it is answered."""
    if await known(connection, key):
        return False
    values = {
        "kind": kind,
        "subject": subject,
        "key": key,
        "params": params,
        "opened_at": now,
        "every": int(chase.total_seconds()) if chase else 0,
        "chase_at": now + chase if chase else None,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # Another process may ask the same at this moment: one of the two is the first.
    fresh = dialect.insert(alarms).values(**values).on_conflict_do_nothing(index_elements=["key"])
    if (await connection.execute(fresh.returning(alarms.c.id))).first() is None:
        return False
    await audit.append(connection, now, actor, "alarm.raised", subject, {"kind": kind, "key": key, "params": params})
    return True


async def add_expired(connection: AsyncConnection, delivery_id: int, now: datetime) -> bool:
    """A delivery expired: ask what is to become of all those of its release and revision, in one alarm. Where that was
    answered before, this one is asked about anew."""
    query = (
        select(deliveries.c.release_id, deliveries.c.revision, deliveries.c.channel, releases.c.draft)
        .join(releases, releases.c.id == deliveries.c.release_id)
        .where(deliveries.c.id == delivery_id)
    )
    row = (await connection.execute(query)).one()
    key, number = f"expired:{row.release_id}:{row.revision}", 0
    answered = select(alarms.c.id).where(alarms.c.resolved_at.is_not(None))
    while (await connection.execute(answered.where(alarms.c.key == f"{key}:{number}"))).first():
        number += 1
    params = {"release": row.release_id, "revision": row.revision, "channel": row.channel}
    params["title"] = from_data(Revision, row.draft).title
    return await add(connection, "expired", f"release:{row.release_id}", f"{key}:{number}", params, now, EXPIRED_AGAIN)


async def known(connection: AsyncConnection, key: str) -> bool:
    """True where this was asked before, answered or not."""
    return (await connection.execute(select(alarms.c.id).where(alarms.c.key == key))).first() is not None


async def get(connection: AsyncConnection, alarm_id: int) -> Alarm | None:
    """One alarm, answered ones too."""
    row = (await connection.execute(select(alarms).where(alarms.c.id == alarm_id))).mappings().first()
    return _alarm(row) if row else None


async def open_alarms(connection: AsyncConnection, kind: str = "") -> list[Alarm]:
    """What waits for an answer, oldest first; of one kind or of all."""
    query = select(alarms).where(alarms.c.resolved_at.is_(None)).order_by(alarms.c.id)
    query = query.where(alarms.c.kind == kind) if kind else query
    return [_alarm(row) for row in (await connection.execute(query)).mappings()]


async def count_open(connection: AsyncConnection) -> dict[str, int]:
    """How many wait for an answer, by kind."""
    query = select(alarms.c.kind, func.count()).where(alarms.c.resolved_at.is_(None)).group_by(alarms.c.kind)
    return {row[0]: row[1] for row in (await connection.execute(query)).all()}


async def to_say(connection: AsyncConnection) -> list[Alarm]:
    """Open ones that no message at the desk speaks of yet."""
    query = select(alarms).where(alarms.c.resolved_at.is_(None), alarms.c.message_id.is_(None)).order_by(alarms.c.id)
    return [_alarm(row) for row in (await connection.execute(query)).mappings()]


async def due_for_chasing(connection: AsyncConnection, now: datetime) -> list[Alarm]:
    """Open ones that were said, and are to be said again."""
    query = select(alarms).where(
        alarms.c.resolved_at.is_(None), alarms.c.message_id.is_not(None), alarms.c.chase_at <= now
    )
    return [_alarm(row) for row in (await connection.execute(query.order_by(alarms.c.id))).mappings()]


async def to_close(connection: AsyncConnection) -> list[tuple[Alarm, str]]:
    """Answered ones whose message at the desk does not say so yet, with the name of who answered."""
    query = select(alarms, people.c.name).join(people, people.c.id == alarms.c.resolved_by, isouter=True)
    query = query.where(alarms.c.resolved_at.is_not(None), alarms.c.message_id.is_not(None), alarms.c.told.is_(False))
    rows = (await connection.execute(query.order_by(alarms.c.id))).mappings()
    return [(_alarm(row), row["name"] or "") for row in rows]


async def said(connection: AsyncConnection, alarm: Alarm, message_id: int, now: datetime) -> None:
    """A message at the desk speaks of it now; the next one is due after its interval."""
    values: dict[str, Any] = {"message_id": message_id, "chased": alarm.chased + (alarm.message_id is not None)}
    values["chase_at"] = now + timedelta(seconds=alarm.every) if alarm.every else None
    await connection.execute(update(alarms).where(alarms.c.id == alarm.id).values(**values))


async def closed(connection: AsyncConnection, alarm_id: int) -> None:
    """Its message at the desk says how it ended."""
    await connection.execute(update(alarms).where(alarms.c.id == alarm_id).values(told=True))


async def resolve(
    connection: AsyncConnection, alarm_id: int, person_id: int | None, resolution: str, now: datetime
) -> bool:
    """Keep the answer. False where another was faster."""
    done = await connection.execute(
        update(alarms)
        .where(alarms.c.id == alarm_id, alarms.c.resolved_at.is_(None))
        .values(resolved_at=now, resolved_by=person_id, resolution=resolution, chase_at=None)
    )
    return bool(done.rowcount == 1)
