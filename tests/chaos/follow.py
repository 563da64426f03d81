"""What the people of a run do to a release after it was approved: correct, withdraw, hold, lift.

May touch: the office, as the bot does: Nino writes and proposes, Giorgi decides. A lost answer of the database is
looked after and not given twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from distributor.core.approval import Decision
from distributor.core.release import Action, Notice, ReleaseState
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, EDITOR
from distributor.office.reading import ReleaseStanding
from tests.chaos.desk import insist
from tests.chaos.plan import Care, Writing
from tests.chaos.wording import version


class Follow:
    """`done`: release → what was done to it, in order."""

    def __init__(self, stage: Stage) -> None:
        self._office = stage.parts.office
        self._author, self._editor = stage.people[AUTHOR], stage.people[EDITOR]
        self.done: dict[str, list[Care]] = {}

    async def go_through(self, release_id: str, writing: Writing, desks: asyncio.Semaphore) -> None:
        """The course of a release, one after the other; `desks` are the people who are free for it."""
        for seconds, care in writing.course:
            await asyncio.sleep(seconds)
            async with desks:
                await self.take(release_id, writing, care)

    async def take(self, release_id: str, writing: Writing, care: Care) -> None:
        """Do one thing to a release that was approved."""
        before = self.done.setdefault(release_id, [])
        if care in (Care.HOLD, Care.LIFT):
            await insist(lambda: self._stop(release_id, held=care is Care.HOLD))
        else:
            found = await insist(lambda: self._standing(release_id))
            proposes: dict[Care, Callable[[ReleaseStanding], Awaitable[None]]] = {
                Care.CORRECT: lambda now: self._correct(now, writing, before.count(Care.CORRECT) + 1),
                Care.PHOTO: lambda now: self._withdraw_photo(now, writing),
                Care.WITHDRAW: lambda now: self._withdraw(now, writing),
            }
            was = found.release.revision
            await insist(lambda: self._propose(release_id, was, proposes[care]))
            await insist(lambda: self._approve(release_id, was))
        before.append(care)

    async def _standing(self, release_id: str) -> ReleaseStanding:
        return await self._office.reading.standing(release_id)

    async def _stop(self, release_id: str, *, held: bool) -> None:
        """Hold what is out and on its way, or let it go on."""
        now = await self._standing(release_id)
        if (now.release.state is ReleaseState.HELD) != held and now.revision is not None:
            seen = (now.release.revision, now.revision.content_hash)
            decision = Decision.HOLD if held else Decision.RESUME
            await self._office.approvals.decide(self._editor.id, decision, release_id, *seen)

    async def _propose(self, release_id: str, was: int, propose: Callable[[ReleaseStanding], Awaitable[None]]) -> None:
        now = await self._standing(release_id)
        if now.release.revision == was and not now.release.proposed:
            await propose(now)

    async def _correct(self, now: ReleaseStanding, writing: Writing, number: int) -> None:
        release_id = now.release.id
        if not now.release.following:
            await self._office.aftercare.begin_correction(release_id, self._author)
        fixed = version(writing, number)
        notice = Notice(Action.CORRECT, {"ka": f"{writing.mark}: შესწორება {number}"})
        await self._office.drafts.change(release_id, self._author, versions=(fixed,), notice=notice)
        await self._office.drafts.submit(release_id, self._author)

    async def _withdraw_photo(self, now: ReleaseStanding, writing: Writing) -> None:
        """The first or the second, by the release's number."""
        gone = now.release.draft.media[writing.number % 2].asset.digest
        words = {"ka": f"{writing.mark}: ერთი ფოტო გამოთხოვილია"}
        await self._office.aftercare.withdraw_media(now.release.id, self._author, (gone,), "a victim is seen", words)

    async def _withdraw(self, now: ReleaseStanding, writing: Writing) -> None:
        words = {"ka": f"{writing.mark}: ცნობა მცდარი იყო"}
        await self._office.aftercare.withdraw(now.release.id, self._author, "it was wrong", words)

    async def _approve(self, release_id: str, was: int) -> None:
        now = await self._standing(release_id)
        if now.release.revision == was and now.proposed is not None:
            seen = (now.release.proposed, now.proposed.content_hash)
            await self._office.approvals.decide(self._editor.id, Decision.APPROVE, release_id, *seen)
