"""How the people of a run change their minds: they hold, change, correct and withdraw what is on its way or out.

Touches the office, as the bot does. What follows a publication is proposed by one and approved by another; what is
refused was not possible any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from distributor.core.approval import Decision
from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.core.release import LanguageVersion
from distributor.office.drafts import Submitted
from distributor.office.office import Office
from distributor.storage import Database, releases
from tests.simulation.care import insist

AUTHOR, EDITOR = 501, 502


class Minds:
    """`did` counts what they changed their minds about; `people` by their Telegram ids."""

    def __init__(self, office: Office, database: Database, chance: Random, say: Callable[[str], None]) -> None:
        self.did: Counter[str] = Counter()
        self.people: dict[int, Person] = {}
        self._office = office
        self._database = database
        self._chance = chance
        self._say = say
        self._texts = 0

    async def change(self, release_id: str) -> None:
        """Something that people do to a release that is on its way."""
        acts = (
            *(self._hold, self._hold, self._void, self._void),
            *(self._correct, self._correct, self._correct, self._abandon, self._photo),
            *(self._withdraw, self._withdraw),
        )
        act = self._chance.choice(acts)
        name = act.__name__.strip("_")
        try:
            await act(release_id)
        except Refused as refused:
            self._say(f"{release_id} {name}: refused, {refused.code}")
        else:
            self.did[name] += 1
            self._say(f"{release_id} {name}")

    def words(self) -> tuple[LanguageVersion, ...]:
        """A text that nobody has written before."""
        self._texts += 1
        return (LanguageVersion("ka", f"სიახლე {self._texts}", "", "ტექსტი"),)

    async def approve(self, release_id: str) -> None:
        """Submit, and have it approved."""
        author = self.people[AUTHOR]
        await self._second(await insist(lambda: self._office.drafts.submit(release_id, author)))

    async def decide(self, release_id: str, decision: Decision) -> None:
        """Over what is out."""
        async with self._database.read() as connection:
            row = await releases.get(connection, release_id)
            revision = await releases.get_revision(connection, release_id, row.revision) if row else None
        if revision is None:
            raise Refused("wrong_state")  # it never came further than a draft
        number, seen = revision.content.number, revision.content_hash
        editor = self.people[EDITOR].id
        await insist(lambda: self._office.approvals.decide(editor, decision, release_id, number, seen))

    async def _second(self, proposed: Submitted, decision: Decision = Decision.APPROVE) -> None:
        """The second person decides over what lies before them."""
        editor, release_id, number = self.people[EDITOR].id, proposed.release.id, proposed.release.decided_over
        made = await insist(
            lambda: self._office.approvals.decide(
                editor, decision, release_id, number, proposed.content_hash, "not like this"
            )
        )
        self._say(f"{release_id} revision {number}: {decision}, {made} deliveries")

    async def _think(self) -> None:
        await asyncio.sleep(self._chance.uniform(0, 5))

    async def _hold(self, release_id: str) -> None:
        """It is lifted again, or something else is made of it, now or at the end of the run."""
        await self.decide(release_id, Decision.HOLD)
        await asyncio.sleep(self._chance.uniform(1, 20))
        draw = self._chance.random()
        if draw < 0.7:
            await self.decide(release_id, Decision.RESUME)
        elif draw < 0.8:
            await self._correct(release_id)
        elif draw < 0.9:
            await self._withdraw(release_id)

    async def _void(self, release_id: str) -> None:
        """Change the text after the approval, and have that approved."""
        author, words = self.people[AUTHOR], self.words()
        await insist(lambda: self._office.drafts.change(release_id, author, versions=words))
        await self._think()
        await self.approve(release_id)

    async def _begin(self, release_id: str) -> Submitted:
        """A correction, written and proposed."""
        author, words = self.people[AUTHOR], self.words()
        await insist(lambda: self._office.aftercare.begin_correction(release_id, author))
        await self._think()
        await insist(lambda: self._office.drafts.change(release_id, author, versions=words))
        try:
            return await insist(lambda: self._office.drafts.submit(release_id, author))
        except Refused:
            await insist(lambda: self._office.aftercare.abandon(release_id, author))
            raise

    async def _correct(self, release_id: str) -> None:
        proposed = await self._begin(release_id)
        await self._think()
        await self._second(proposed)

    async def _abandon(self, release_id: str) -> None:
        """A correction that is not approved: given up at once, or rejected before."""
        proposed = await self._begin(release_id)
        await self._think()
        if self._chance.random() < 0.5:
            await self._second(proposed, Decision.REJECT)
        await insist(lambda: self._office.aftercare.abandon(release_id, self.people[AUTHOR]))

    async def _photo(self, release_id: str) -> None:
        """A photo disappears everywhere, and the release stays."""
        author = self.people[AUTHOR]
        media = (await self._office.drafts.get(release_id)).draft.media
        digests = [item.asset.digest for item in media]
        care = self._office.aftercare
        await self._second(await insist(lambda: care.withdraw_media(release_id, author, digests, "a victim is seen")))

    async def _withdraw(self, release_id: str) -> None:
        author, care = self.people[AUTHOR], self._office.aftercare
        proposed = await insist(lambda: care.withdraw(release_id, author, "it was wrong"))
        await self._think()
        await self._second(proposed)
