"""The people of a run: an author and an editor who bring releases out, and somebody who looks after open cases. What
they do to a release after that is next door in `follow.py`.

May touch: the office, as the bot does, and reads the sandbox as readers do. The database may go away at any moment;
people then try again, and look first at what stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from distributor.core.approval import Decision
from distributor.core.refusal import Refused
from distributor.core.release import Kind, MediaItem, ReleaseState
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, EDITOR
from distributor.media.samples import sample_photos
from tests.chaos.plan import Writing
from tests.chaos.shown import Shown
from tests.chaos.tally import Watch
from tests.chaos.wording import version

T = TypeVar("T")
GONE = (SQLAlchemyError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
TRY_AGAIN = 0.3  # seconds
PATIENCE = 60.0  # seconds, for one thing
# A person does not answer at once: an effect may still be on its way, and it surely is while a worker is stopped that
# goes on later. Seconds since the case was opened, and since the last stopped worker went on.
LOOKS_AFTER = 6.0
QUIET_FOR = 3.0


async def insist(what: Callable[[], Awaitable[T]]) -> T:
    """Until the database takes it; the last error where it does not within `PATIENCE`."""
    until = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            return await what()
        except GONE:
            if asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(TRY_AGAIN)


class Desk:
    """Nino writes, Giorgi approves. `released`: release → what was written."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._office = stage.parts.office
        self._photos: tuple[MediaItem, ...] = ()
        self.released: dict[str, Writing] = {}
        self.answered = 0

    async def prepare(self) -> None:
        """The photos, once: their renditions are made at the first release that has them."""
        for name, raw in sample_photos(2):
            asset = await self._stage.parts.media.ingest(raw, name)
            self._photos += (MediaItem(asset, {"ka": "მთები"}, "შსს"),)

    async def bring_out(self, writing: Writing) -> str:
        """Write, submit, approve. A lost answer is looked after and not given twice. The release's id."""
        release_id = await insist(lambda: self._write(writing))
        await insist(lambda: self._submit(release_id))
        self.released[release_id] = writing
        await insist(lambda: self._approve(release_id))
        return release_id

    async def _write(self, writing: Writing) -> str:
        made = await self._office.drafts.create(
            self._stage.people[AUTHOR],
            versions=(version(writing, 0),),
            media=self._photos[: writing.photos],
            kind=Kind.EMERGENCY if writing.urgent else Kind.NEWS,
            regions=("GE-TB",),
            channels=writing.channels,
        )
        return made.id

    async def _submit(self, release_id: str) -> None:
        standing = await self._office.reading.standing(release_id)
        if standing.release.state is ReleaseState.DRAFT:
            await self._office.drafts.submit(release_id, self._stage.people[AUTHOR])

    async def _approve(self, release_id: str) -> None:
        standing = await self._office.reading.standing(release_id)
        if standing.release.state is ReleaseState.SUBMITTED and standing.revision is not None:
            seen = (standing.release.revision, standing.revision.content_hash)
            await self._office.approvals.decide(self._stage.people[EDITOR].id, Decision.APPROVE, release_id, *seen)

    async def answer_cases(self, watch: Watch, quiet_for: Callable[[], float]) -> None:
        """Look at the platforms for each case that is old enough, and say what is there."""
        try:
            old = self._stage.parts.clock() - timedelta(seconds=LOOKS_AFTER)
            cases = [case for case in await self._office.operations.open_cases() if case["opened_at"] < old]
            shown = watch.shown() if cases else Shown()
            for case in cases:
                if quiet_for() < QUIET_FOR:
                    return
                await self._answer(case["delivery_id"], await watch.sees(case, shown))
        except GONE:
            return

    async def _answer(self, delivery_id: int, there: bool) -> None:
        try:
            await self._office.operations.resolve(delivery_id, there, self._stage.people[EDITOR])
            self.answered += 1
        except Refused as refused:
            if refused.code != "no_open_case":  # a late receipt was faster, or our own lost answer
                raise
