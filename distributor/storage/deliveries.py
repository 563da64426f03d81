"""The delivery rows: the worker's store (core.ports.DeliveryStore).

May touch: deliveries, attempts, cases, releases' state, workers, lanes, audit_events. Every change of state happens in
a transaction that also records why. Claims and plain outcomes take the hot path (`hot`), everything rarer SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, exists, select, update

from distributor.core.channel import Action
from distributor.core.clock import ClockDoubt, ClockSigns, Uptime
from distributor.core.delivery import Drop
from distributor.core.ports import EVERY, Batch, Claimed, LaneState, Result, Wish
from distributor.core.release import SENDABLE, ReleaseState
from distributor.storage import clock, late
from distributor.storage import lanes as lane_rows
from distributor.storage.claims import UNDER_WAY, Look, looks_due, next_due, next_look, own
from distributor.storage.database import Database
from distributor.storage.hot import Held, HotPath, Row
from distributor.storage.hot_postgres import PostgresHot
from distributor.storage.hot_sqlite import SqliteHot
from distributor.storage.jobs import Jobs
from distributor.storage.lines import Line, line_of
from distributor.storage.outcomes import (
    case_unread,
    expired,
    finish_releases,
    follow_clock,
    forgotten,
    from_the_future,
    record_results,
    recover_expired,
)
from distributor.storage.schema import deliveries, lanes, releases
from distributor.storage.shown import Renderings

log = structlog.get_logger(__name__)

SWEEP = timedelta(seconds=10)
# The states of a release in which an irrevocable step may begin, where they are others than for a publication.
_MAY_BEGIN = {Action.WITHDRAW: {ReleaseState.WITHDRAWN}, Action.HOLD: {ReleaseState.HELD}}


class Deliveries:
    """core.ports.DeliveryStore over a Database. `base_url` is the newsroom's address, for permanent links."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._renderings = Renderings()
        self._jobs = Jobs(database, self._renderings, base_url)
        hot = SqliteHot if database.sqlite else PostgresHot
        self._hot: HotPath = hot(database, self._renderings)
        self._swept: datetime | None = None  # when forgotten releases were last looked for

    async def claim(self, wish: Wish, worker: str, now: datetime, lease: float) -> Batch:
        """See DeliveryStore.claim."""
        made = await self._hot.claim(wish, worker, now, lease)
        for row, drop in made.found.drops:
            await self._drop(row, drop, worker, now)
        claimed = await self._jobs.of_claims(made)
        self._renderings.trim()
        return Batch(claimed, made.found.more)

    async def _drop(self, row: Row, drop: Drop, worker: str, now: datetime) -> None:
        """In a transaction of its own, for it enters the log. Where it fails the next claim meets the row again."""
        try:
            async with self._database.transaction(logged=True) as connection:
                if await lane_rows.drop_deliveries(connection, [(row, drop)], worker, now):
                    await connection.commit()
        except Exception:
            log.exception("a delivery that may not go could not be ended yet", delivery=row.id, code=drop.code)

    async def next_due(self, lane: str, now: datetime) -> datetime | None:
        """See DeliveryStore.next_due."""
        async with self._database.read() as connection:
            return await next_due(connection, lane, now)

    async def next_look(self, now: datetime) -> datetime | None:
        """See DeliveryStore.next_look."""
        async with self._database.read() as connection:
            return await next_look(connection, now)

    async def disown(self, worker: str, lane: str, under_way: Sequence[int], now: datetime) -> int:
        """See DeliveryStore.disown."""
        mine = (UNDER_WAY, deliveries.c.state == "sending", deliveries.c.worker == worker, deliveries.c.channel == lane)
        values = {"state": "queued", "step": "", "lease_until": None, "due": now, "updated_at": now}
        async with self._database.transaction() as connection:
            ids = (await connection.execute(select(deliveries.c.id).where(*mine))).scalars().all()
            stray = sorted(set(ids) - set(under_way))
            for number in stray:
                await connection.execute(update(deliveries).where(*mine, deliveries.c.id == number).values(**values))
            await connection.commit()
        return len(stray)

    async def begin(self, claimed: Claimed, step: str, now: datetime) -> bool:
        """See DeliveryStore.begin. The first step of all asks again whether the release may still leave: preparing
        may have taken minutes, in which somebody held or withdrew it, or stopped everything. A later step finishes what
        was begun."""
        # The row's time stays that of its lease: by it both follow a clock that is set back.
        values = {"step": step, "intended_at": now}
        states = _MAY_BEGIN.get(claimed.job.action, SENDABLE)
        sendable = select(releases.c.id).where(releases.c.state.in_([state.value for state in states]))
        halted = exists().where(lanes.c.name == EVERY, lanes.c.paused)
        more = () if claimed.step else (deliveries.c.release_id.in_(sendable), ~halted)
        return await self._update_own(claimed, values, deliveries.c.state == "sending", *more)

    async def save(self, claimed: Claimed, progress: dict[str, Any]) -> bool:
        """See DeliveryStore.save."""
        return await self._update_own(claimed, {"progress": progress})

    async def _update_own(self, claimed: Claimed, values: dict[str, Any], *more: ColumnElement[bool]) -> bool:
        async with self._database.transaction() as connection:
            done = await connection.execute(update(deliveries).where(own(claimed), *more).values(**values))
            await connection.commit()
            return bool(done.rowcount == 1)

    async def record(
        self, results: Sequence[Result], worker: str, now: datetime, finish: frozenset[str] | None = None
    ) -> None:
        """See DeliveryStore.record. What concerns its own row alone takes the hot path; what does not, and what came
        late, the long one."""
        plain: dict[int, tuple[Result, Line]] = {}
        rest: list[Result] = []
        for result in results:
            number = result.claimed.job.delivery_id
            # Two of one delivery (an old claim's and the one after it) are told one by one, each by its own token.
            line = None if number in plain else line_of(result, worker)
            if line is None:
                rest.append(result)
            else:
                plain[number] = (result, line)
        ending = {result.claimed.job.release_id for result in results} if finish is None else finish
        if plain:
            stale = await self._hot.record([line for _, line in plain.values()], worker, now, sorted(ending))
            rest += [plain[number][0] for number in sorted(stale)]
        if rest:
            async with self._database.transaction(logged=True) as connection:
                await record_results(connection, rest, worker, now)
                await finish_releases(connection, set(ending), now)
                await connection.commit()

    async def finish(self, release_ids: Sequence[str], now: datetime) -> None:
        """See DeliveryStore.finish."""
        async with self._database.transaction(logged=True) as connection:
            await finish_releases(connection, set(release_ids), now)
            await connection.commit()

    async def renew(self, claims: Sequence[Claimed], now: datetime, lease: float) -> None:
        """See DeliveryStore.renew. Only while it is under way: one recorded meanwhile must not look claimed. The time
        is kept with the lease, so that a clock that is set back takes both with it."""
        if claims:
            await self._hot.renew(_held(claims), now, now + timedelta(seconds=lease))

    async def give_back(self, claims: Sequence[Claimed], now: datetime, due: datetime | None = None) -> None:
        """See DeliveryStore.give_back."""
        if claims:
            await self._hot.give_back(_held(claims), now, due or now)

    async def recover(self, now: datetime, *, set_back: bool = False) -> int:
        """See DeliveryStore.recover."""
        async with self._database.read() as connection:
            lost = select(deliveries.c.id).where(*expired(now))
            questions = [lost, *from_the_future(now)]
            if self._swept is None or abs(now - self._swept) >= SWEEP:
                questions.append(forgotten())
                self._swept = now
            if not set_back and not [
                query for query in questions if (await connection.execute(query.limit(1))).first()
            ]:
                return 0
        async with self._database.transaction(logged=True) as connection:
            if moved := await follow_clock(connection, now, sure=set_back):
                log.warning("the clock was set back; what waits follows it", deliveries=moved)
            count = await recover_expired(connection, now)
            ended = (await connection.execute(forgotten())).scalars().all()
            await finish_releases(connection, set(ended), now)
            await connection.commit()
            return count

    async def expire(self, now: datetime, worker: str, live: frozenset[str]) -> int:
        """See DeliveryStore.expire."""
        async with self._database.read() as connection:
            if not await late.waits(connection, now):
                return 0
        async with self._database.transaction(logged=True) as connection:
            count = await late.expire(connection, worker, now, live)
            await connection.commit()
            return count

    async def unknown(self, now: datetime, worker: str, lease: float, limit: int) -> list[Claimed]:
        """See DeliveryStore.unknown. Those of a paused lane wait: without the platform's leave nothing can be seen."""
        async with self._database.read() as connection:
            if not await looks_due(connection, now, 1):
                return []
        claimed: list[Claimed] = []
        async with self._database.transaction(logged=True) as connection:
            for look in await looks_due(connection, now, limit, lock=True):
                row = look.row
                fault = self._take_in(look)
                if fault:
                    await case_unread(connection, row.id, row.step, fault, now)
                    continue
                claimed.append(await self._jobs.of_look(connection, look, now))
                until = now + timedelta(seconds=lease)
                values = {"fence": row.fence + 1, "worker": worker, "lease_until": until, "updated_at": now}
                await connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(**values))
            await connection.commit()
        self._renderings.trim()
        return claimed

    def _take_in(self, look: Look) -> str:
        if not self._renderings.missing({look.row.rendering_id}):
            return ""
        return self._renderings.read(look.row.rendering_id, look.body, look.promised_hash)

    async def lanes(self) -> dict[str, LaneState]:
        """See DeliveryStore.lanes."""
        async with self._database.read() as connection:
            return await lane_rows.all_lanes(connection)

    async def pause(self, state: LaneState, actor: str, now: datetime) -> bool:
        """See DeliveryStore.pause."""
        async with self._database.transaction(logged=True) as connection:
            fresh = await lane_rows.pause(connection, state, actor, now)
            await connection.commit()
            return fresh

    async def resume(self, name: str, actor: str, now: datetime) -> None:
        """See DeliveryStore.resume."""
        async with self._database.transaction(logged=True) as connection:
            await lane_rows.resume(connection, name, actor, now)
            await connection.commit()

    async def clock_signs(self, boot: str = "") -> ClockSigns:
        """See DeliveryStore.clock_signs."""
        async with self._database.read() as connection:
            return await clock.signs(connection, boot)

    async def server_time(self) -> datetime | None:
        """See DeliveryStore.server_time."""
        async with self._database.read() as connection:
            return await clock.server_time(connection)

    async def doubt_clock(self, doubt: ClockDoubt, worker: str, now: datetime) -> bool:
        """See DeliveryStore.doubt_clock."""
        async with self._database.transaction(logged=True) as connection:
            fresh = await clock.doubt(connection, doubt, worker, now)
            await connection.commit()
            return fresh

    async def beat(self, worker: str, now: datetime, up: Uptime | None = None) -> None:
        """See DeliveryStore.beat."""
        async with self._database.transaction() as connection:
            await clock.beat(connection, worker, now, up)
            await connection.commit()


def _held(claims: Sequence[Claimed]) -> list[Held]:
    return [(claimed.job.delivery_id, claimed.fence) for claimed in claims]
