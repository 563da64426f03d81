"""The delivery rows: the worker's store (core.ports.DeliveryStore), and their creation.

May touch: deliveries, attempts, cases, releases' state, audit_events. Every change of state happens in a transaction
that also records why. This is the hot path: few statements, batches, no objects per row beyond what the port asks for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, Text, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.channel import Action, Destination, Job
from distributor.core.data import from_data, to_micros
from distributor.core.delivery import DeliveryState, Drop, Go, NotYet, at_claim
from distributor.core.ports import Claimed, LaneState, Result, Ticket
from distributor.core.release import SENDABLE, ReleaseState
from distributor.core.rendering import Rendering
from distributor.storage import lanes as lane_rows
from distributor.storage.claims import (
    CLAIMABLE,
    UNDER_WAY,
    blocked,
    claimable,
    facts_of,
    in_paused_lane,
    intent,
    joined,
    own,
    write_intents,
)
from distributor.storage.database import Database
from distributor.storage.outcomes import (
    case_unread,
    expired,
    follow_clock,
    from_the_future,
    give_back,
    record_results,
    recover_expired,
)
from distributor.storage.schema import deliveries, releases, renderings, workers

log = structlog.get_logger(__name__)

_CACHED_RENDERINGS = 64


class Deliveries:
    """core.ports.DeliveryStore over a Database. `base_url` is the newsroom's address, for permanent links."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._base_url = base_url
        self._renderings: dict[int, Rendering] = {}

    async def due(self, lanes: Sequence[str], now: datetime, limit: int) -> list[Ticket]:
        """See DeliveryStore.due."""
        found: list[Ticket] = []
        async with self._database.read() as connection:
            for lane in lanes:
                rows = await connection.execute(
                    select(deliveries.c.id, deliveries.c.priority, deliveries.c.due)
                    .where(deliveries.c.channel == lane, CLAIMABLE, deliveries.c.due <= now, ~blocked())
                    .order_by(deliveries.c.priority, deliveries.c.due, deliveries.c.id)
                    .limit(limit)
                )
                found += [Ticket(row.priority, to_micros(row.due), row.id, lane) for row in rows]
        return found

    async def next_due(self, now: datetime) -> datetime | None:
        """See DeliveryStore.next_due."""
        async with self._database.read() as connection:
            later = select(func.min(deliveries.c.due)).where(deliveries.c.due > now)
            looks = later.where(UNDER_WAY, deliveries.c.state == "unknown")
            moments = [(await connection.execute(query)).scalar() for query in (later.where(CLAIMABLE), looks)]
            return min((moment for moment in moments if moment is not None), default=None)

    async def claim(self, ids: Sequence[int], worker: str, now: datetime, lease: float) -> list[Claimed]:
        """See DeliveryStore.claim."""
        claimed: list[Claimed] = []
        intents: list[dict[str, Any]] = []
        async with self._database.transaction() as connection:
            rows = (await connection.execute(claimable(ids, now, connection.dialect.name))).all()
            dropped: list[tuple[Row[Any], Drop]] = []
            for row in rows:
                verdict = at_claim(facts_of(row), now)
                match verdict:
                    case Go():
                        try:
                            claimed.append(await self._claimed(connection, row, now))
                        except ValueError as error:
                            dropped.append((row, Drop(DeliveryState.REJECTED, "poison", _unread(row, error))))
                        else:
                            intents.append(intent(row, worker, now, lease))
                    case Drop():
                        dropped.append((row, verdict))
                    case NotYet(until):
                        await connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(due=until))
            if intents:
                await write_intents(connection, intents)
                started = {claim.job.release_id for claim in claimed}
                await connection.execute(
                    update(releases)
                    .where(releases.c.id.in_(started), releases.c.state == ReleaseState.APPROVED.value)
                    .values(state=ReleaseState.DISTRIBUTING.value, updated_at=now)
                )
            for row, drop in dropped:
                await lane_rows.drop_delivery(connection, row.id, row.release_id, drop, worker, now)
            if rows:
                await connection.commit()
        return claimed

    async def _claimed(self, connection: AsyncConnection, row: Row[Any], now: datetime) -> Claimed:
        rendering = self._renderings.get(row.rendering_id)
        if rendering is None:
            query = select(cast(renderings.c.body, Text)).where(renderings.c.id == row.rendering_id)
            rendering = from_data(Rendering, json.loads((await connection.execute(query)).scalar_one()))
            while len(self._renderings) >= _CACHED_RENDERINGS:
                self._renderings.pop(next(iter(self._renderings)))
            self._renderings[row.rendering_id] = rendering
        step = row.step if row.state == "unknown" else ("" if row.prepares else "publish")
        job = Job(
            delivery_id=row.id,
            action=Action(row.action),
            key=f"{row.release_id}-{row.revision}-{row.action}-{row.id}",
            rendering=rendering,
            destination=Destination(row.destination_id, row.channel, row.address, row.label, row.language, row.token),
            release_id=row.release_id,
            revision=row.revision,
            slug=row.slug,
            permanent_url=f"{self._base_url}/releases/{row.slug}",
            attempt=row.tries + 1,
            approved_at=row.approved_at or row.created_at,
            uncertain=bool(row.uncertain),
            intended_at=row.intended_at or (now if step else None),
        )
        return Claimed(
            job, row.fence + 1, row.attempts, dict(row.progress), row.deadline, row.rendering_hash, step, row.looks
        )

    async def begin(self, claimed: Claimed, step: str, now: datetime) -> bool:
        """See DeliveryStore.begin. The first step of all asks again whether the release may still leave: preparing
        may have taken minutes, in which somebody held or withdrew it. A later step finishes what was begun."""
        values = {"step": step, "intended_at": now, "updated_at": now}
        sendable = select(releases.c.id).where(releases.c.state.in_([state.value for state in SENDABLE]))
        more = () if claimed.step else (deliveries.c.release_id.in_(sendable),)
        return await self._update_own(claimed, values, deliveries.c.state == "sending", *more)

    async def save(self, claimed: Claimed, progress: dict[str, Any]) -> bool:
        """See DeliveryStore.save."""
        return await self._update_own(claimed, {"progress": progress})

    async def _update_own(self, claimed: Claimed, values: dict[str, Any], *more: ColumnElement[bool]) -> bool:
        async with self._database.transaction() as connection:
            done = await connection.execute(update(deliveries).where(own(claimed), *more).values(**values))
            await connection.commit()
            return bool(done.rowcount == 1)

    async def record(self, results: Sequence[Result], worker: str, now: datetime) -> None:
        """See DeliveryStore.record."""
        async with self._database.transaction() as connection:
            await record_results(connection, results, worker, now)
            await connection.commit()

    async def renew(self, claims: Sequence[Claimed], now: datetime, lease: float) -> None:
        """See DeliveryStore.renew."""
        if not claims:
            return
        async with self._database.transaction() as connection:
            until = now + timedelta(seconds=lease)
            for claimed in claims:
                # Only while it is under way: one that was recorded meanwhile must not look claimed.
                held = (own(claimed), deliveries.c.lease_until.is_not(None))
                await connection.execute(update(deliveries).where(*held).values(lease_until=until))
            await connection.commit()

    async def give_back(self, claims: Sequence[Claimed], now: datetime) -> None:
        """See DeliveryStore.give_back."""
        async with self._database.transaction() as connection:
            for claimed in claims:
                await give_back(connection, claimed, now)
            await connection.commit()

    async def recover(self, now: datetime) -> int:
        """See DeliveryStore.recover."""
        async with self._database.read() as connection:
            late = select(deliveries.c.id).where(*expired(now))
            if not [query for query in (late, from_the_future(now)) if await _any(connection, query)]:
                return 0
        async with self._database.transaction() as connection:
            if moved := await follow_clock(connection, now):
                log.warning("the clock was set back; what waits follows it", deliveries=moved)
            count = await recover_expired(connection, now)
            await connection.commit()
            return count

    async def unknown(self, now: datetime, worker: str, lease: float, limit: int) -> list[Claimed]:
        """See DeliveryStore.unknown. Those of a paused lane wait: without the platform's leave nothing can be seen."""
        wanted = (
            UNDER_WAY,
            deliveries.c.state == "unknown",
            ~in_paused_lane(now),
            deliveries.c.due <= now,
            or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < now),
        )
        async with self._database.read() as connection:
            if not await _any(connection, select(deliveries.c.id).where(*wanted)):
                return []
        async with self._database.transaction() as connection:
            query = joined().where(*wanted).order_by(deliveries.c.priority, deliveries.c.id).limit(limit)
            if connection.dialect.name == "postgresql":
                query = query.with_for_update(of=deliveries, skip_locked=True)
            claimed: list[Claimed] = []
            for row in (await connection.execute(query)).all():
                try:
                    claimed.append(await self._claimed(connection, row, now))
                except ValueError as error:
                    await case_unread(connection, row.id, row.step, _unread(row, error), now)
                    continue
                until = now + timedelta(seconds=lease)
                values = {"fence": row.fence + 1, "worker": worker, "lease_until": until}
                await connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
            await connection.commit()
            return claimed

    async def lanes(self) -> dict[str, LaneState]:
        """See DeliveryStore.lanes."""
        async with self._database.read() as connection:
            return await lane_rows.all_lanes(connection)

    async def pause(self, state: LaneState, actor: str, now: datetime) -> bool:
        """See DeliveryStore.pause."""
        async with self._database.transaction() as connection:
            fresh = await lane_rows.pause(connection, state, actor, now)
            await connection.commit()
            return fresh

    async def resume(self, name: str, actor: str, now: datetime) -> None:
        """See DeliveryStore.resume."""
        async with self._database.transaction() as connection:
            await lane_rows.resume(connection, name, actor, now)
            await connection.commit()

    async def beat(self, worker: str, now: datetime) -> None:
        """See DeliveryStore.beat."""
        async with self._database.transaction() as connection:
            done = await connection.execute(update(workers).where(workers.c.name == worker).values(beat_at=now))
            if done.rowcount == 0:
                await connection.execute(workers.insert().values(name=worker, started_at=now, beat_at=now))
            await connection.commit()


async def _any(connection: AsyncConnection, query: Select[Any]) -> bool:
    return (await connection.execute(query.limit(1))).first() is not None


def _unread(row: Row[Any], error: ValueError) -> str:
    log.error("a rendering cannot be read", delivery=row.id, rendering=row.rendering_id, error=type(error).__name__)
    return f"its rendering (row {row.rendering_id}) cannot be read: {type(error).__name__}"
