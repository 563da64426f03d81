"""The delivery rows: the worker's store (core.ports.DeliveryStore), and their creation.

May touch: deliveries, attempts, cases, releases' state, audit_events. Every change of state happens in a transaction
that also records why. This is the hot path: few statements, batches, no objects per row beyond what the port asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.channel import Action, Destination, Job
from distributor.core.data import from_data, to_micros
from distributor.core.delivery import Drop, Go, NotYet, at_claim
from distributor.core.ports import Claimed, LaneState, Result, Ticket
from distributor.core.release import ReleaseState
from distributor.core.rendering import Rendering
from distributor.storage import lanes as lane_rows
from distributor.storage.claims import claimable, facts_of, intent, joined, own, write_intents
from distributor.storage.database import Database
from distributor.storage.outcomes import give_back, record_results, recover_expired
from distributor.storage.schema import deliveries, releases, renderings, workers

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
                    .where(
                        deliveries.c.channel == lane,
                        deliveries.c.state.in_(["queued", "waiting"]),
                        deliveries.c.due <= now,
                    )
                    .order_by(deliveries.c.priority, deliveries.c.due, deliveries.c.id)
                    .limit(limit)
                )
                found += [Ticket(row.priority, to_micros(row.due), row.id, lane) for row in rows]
        return found

    async def next_due(self, now: datetime) -> datetime | None:
        """See DeliveryStore.next_due."""
        async with self._database.read() as connection:
            waiting = select(func.min(deliveries.c.due)).where(
                deliveries.c.state.in_(["queued", "waiting", "unknown"]), deliveries.c.due > now
            )
            moment: datetime | None = (await connection.execute(waiting)).scalar()
            return moment

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
                        claimed.append(await self._claimed(connection, row, now))
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
            body = (
                await connection.execute(select(renderings.c.body).where(renderings.c.id == row.rendering_id))
            ).scalar_one()
            rendering = from_data(Rendering, body)
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
        """See DeliveryStore.begin."""
        values = {"step": step, "intended_at": now, "updated_at": now}
        return await self._update_own(claimed, values)

    async def save(self, claimed: Claimed, progress: dict[str, Any]) -> bool:
        """See DeliveryStore.save."""
        return await self._update_own(claimed, {"progress": progress})

    async def _update_own(self, claimed: Claimed, values: dict[str, Any]) -> bool:
        async with self._database.transaction() as connection:
            done = await connection.execute(update(deliveries).where(own(claimed)).values(**values))
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
                await connection.execute(update(deliveries).where(own(claimed)).values(lease_until=until))
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
            late = select(deliveries.c.id).where(deliveries.c.state == "sending", deliveries.c.lease_until < now)
            if (await connection.execute(late.limit(1))).first() is None:
                return 0
        async with self._database.transaction() as connection:
            count = await recover_expired(connection, now)
            await connection.commit()
            return count

    async def unknown(self, now: datetime, worker: str, lease: float, limit: int) -> list[Claimed]:
        """See DeliveryStore.unknown."""
        wanted = (
            deliveries.c.state == "unknown",
            deliveries.c.due <= now,
            or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < now),
        )
        async with self._database.read() as connection:
            if (await connection.execute(select(deliveries.c.id).where(*wanted).limit(1))).first() is None:
                return []
        async with self._database.transaction() as connection:
            query = joined().where(*wanted).order_by(deliveries.c.priority, deliveries.c.id).limit(limit)
            if connection.dialect.name == "postgresql":
                query = query.with_for_update(of=deliveries, skip_locked=True)
            rows = (await connection.execute(query)).all()
            for row in rows:
                until = now + timedelta(seconds=lease)
                values = {"fence": row.fence + 1, "worker": worker, "lease_until": until}
                await connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
            claimed = [await self._claimed(connection, row, now) for row in rows]
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
