"""From the rows of a claim to what the worker carries out.

Reads only: what stands at destinations, and renderings that are not in memory. Used by the storage of deliveries alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.channel import Action, Destination, Job
from distributor.core.data import from_micros
from distributor.core.ports import Claimed
from distributor.storage.claims import Look, rendering_bodies
from distributor.storage.database import Database
from distributor.storage.hot import Claims, Row, moment
from distributor.storage.shown import Renderings
from distributor.storage.standing import Standing, before_of, key_of, standing

_ACTIONS = {action.value: action for action in Action}


class Jobs:
    """Makes them. `base_url` is the newsroom's address, for permanent links."""

    def __init__(self, database: Database, renderings: Renderings, base_url: str) -> None:
        self._database = database
        self._renderings = renderings
        self._base_url = base_url

    async def of_claims(self, made: Claims) -> tuple[Claimed, ...]:
        """A committed claim's deliveries, in order."""
        rows = made.found.go
        found: dict[int, Standing] = {}
        wanted = {row.rendering_id for row in rows}
        # Claims of first publications, which are nearly all, read nothing here.
        if any(row.action != "publish" for row in rows) or self._renderings.missing(wanted):
            async with self._database.read() as connection:
                found = await self._standing(connection, rows, wanted)
        deadlines: dict[int | None, datetime | None] = {}
        claimed = []
        for row in rows:
            if row.deadline not in deadlines:
                deadlines[row.deadline] = moment(row.deadline)
            terms = made.terms[row.release_id, row.revision]
            step = "" if row.prepares else "publish"
            intended = moment(row.intended_at) or (made.now if step else None)
            job = self._job(row, terms.slug, terms.approved_at, intended, found)
            deadline = deadlines[row.deadline]
            if job.action is Action.CORRECT and job.before is None:
                deadline = terms.deadline  # nothing stands there, so it publishes: not after the release's own time
            claimed.append(self._claim_of(row, job, deadline, step))
        return tuple(claimed)

    async def of_look(self, connection: AsyncConnection, look: Look, now: datetime) -> Claimed:
        """An unknown delivery whose rendering was taken in."""
        row = look.row
        found = await self._standing(connection, [row], {row.rendering_id})
        job = self._job(row, look.slug, moment(look.approved_at), moment(row.intended_at) or now, found)
        return self._claim_of(row, job, moment(row.deadline), row.step)

    async def _standing(
        self, connection: AsyncConnection, rows: Sequence[Row], wanted: set[int]
    ) -> dict[int, Standing]:
        """What stands before each row; every rendering that is needed is in memory after it."""
        found = await standing(connection, rows)
        wanted = wanted | {item.row["rendering_id"] for item in found.values()}
        # Another lane may have trimmed while the database was asked.
        while missing := self._renderings.missing(wanted):
            for body in await rendering_bodies(connection, missing):
                if self._renderings.read(*body):  # an old one that cannot be read: as if nobody knew what stands there
                    found = {key: item for key, item in found.items() if item.row["rendering_id"] != body[0]}
                    wanted.discard(body[0])
        return found

    def _job(
        self,
        row: Row,
        slug: str,
        approved_at: datetime | None,
        intended_at: datetime | None,
        found: Mapping[int, Standing],
    ) -> Job:
        before = found.get(row.id)
        return Job(
            delivery_id=row.id,
            action=_ACTIONS[row.action],
            key=key_of(row.release_id, row.revision, row.action, row.id),
            rendering=self._renderings.get(row.rendering_id).rendering,
            destination=Destination(row.destination_id, row.channel, row.address, row.label, row.language, row.token),
            release_id=row.release_id,
            revision=row.revision,
            slug=slug,
            permanent_url=f"{self._base_url}/releases/{slug}",
            attempt=row.tries + 1,
            approved_at=approved_at or from_micros(row.created_at),
            uncertain=bool(row.uncertain),
            intended_at=intended_at,
            before=before_of(before, self._renderings) if before else None,
        )

    def _claim_of(self, row: Row, job: Job, deadline: datetime | None, step: str) -> Claimed:
        shown = self._renderings.get(row.rendering_id)
        return Claimed(
            job,
            row.fence + 1,
            row.attempts,
            {} if row.progress == "{}" else json.loads(row.progress),
            deadline,
            shown.promised_hash,
            shown.bytes_hash,
            step,
            row.looks,
            row.priority,
            row.calls,
        )
