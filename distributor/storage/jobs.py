"""From the rows of a claim to what the worker carries out.

Reads only: what stands at destinations, and renderings that are not in memory. Used by the storage of deliveries alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.channel import Action, Before, Destination, Job
from distributor.core.data import from_micros
from distributor.core.ports import Claimed
from distributor.core.rendering import Rendering
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
        # Claims of first publications, which are nearly all, read nothing here.
        if any(row.action != "publish" for row in rows):
            async with self._database.read() as connection:
                found = await standing(connection, rows)
        wanted, unreadable = _renderings_of(rows, found), set[int]()
        # Another lane may have trimmed while the database was asked; nothing is awaited between this and the use.
        while missing := self._renderings.missing(wanted - unreadable):
            async with self._database.read() as connection:
                unreadable |= await self._take_in(connection, missing)
        deadlines: dict[int | None, datetime | None] = {}
        claimed = []
        for row in rows:
            if row.deadline not in deadlines:
                deadlines[row.deadline] = moment(row.deadline)
            terms = made.terms[row.release_id, row.revision]
            step = "" if row.prepares else "publish"
            intended = moment(row.intended_at) or (made.now if step else None)
            job = self._job(row, terms.slug, terms.approved_at, intended, self._before(found.get(row.id), unreadable))
            if terms.embargo_closed:
                job = replace(job, clock_doubted=True)
            deadline = deadlines[row.deadline]
            if job.action is Action.CORRECT and job.before is None:
                deadline = terms.deadline  # nothing stands there, so it publishes: not after the release's own time
            claimed.append(self._claim_of(row, job, deadline, step))
        return tuple(claimed)

    async def of_look(self, connection: AsyncConnection, look: Look, now: datetime) -> Claimed:
        """An unknown delivery whose rendering was taken in."""
        row = look.row
        found = await standing(connection, [row])
        wanted, unreadable = _renderings_of([row], found), set[int]()
        while missing := self._renderings.missing(wanted - unreadable):
            unreadable |= await self._take_in(connection, missing)
        before = self._before(found.get(row.id), unreadable)
        job = self._job(row, look.slug, moment(look.approved_at), moment(row.intended_at) or now, before)
        return self._claim_of(row, job, moment(row.deadline), row.step)

    async def _take_in(self, connection: AsyncConnection, missing: Sequence[int]) -> set[int]:
        """Read renderings; those that cannot be read any more, or are not there."""
        bodies = await rendering_bodies(connection, missing)
        return {body[0] for body in bodies if self._renderings.read(*body)} | (
            set(missing) - {body[0] for body in bodies}
        )

    def _before(self, found: Standing | None, unreadable: set[int]) -> Before | None:
        """What stands there. Where nobody can read any more what it shows, something stands there all the same, and it
        is given without parts: the attempt ends in words, for a person has to look (queue.attempt)."""
        if found is None:
            return None
        number, channel = found.row["rendering_id"], found.row["channel"]
        lost = number in unreadable
        return before_of(found, Rendering(channel, "", ()) if lost else self._renderings.get(number).rendering)

    def _job(
        self,
        row: Row,
        slug: str,
        approved_at: datetime | None,
        intended_at: datetime | None,
        before: Before | None,
    ) -> Job:
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
            before=before,
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


def _renderings_of(rows: Iterable[Row], found: Mapping[int, Standing]) -> set[int]:
    return {row.rendering_id for row in rows} | {item.row["rendering_id"] for item in found.values()}
