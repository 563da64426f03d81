"""Overriding: somebody answers, with a reason, for a finding of the privacy gate that would stop a release.

May touch: overrides, the audit log, the office's preflight. An override holds for these words in this place; it goes
with the revision, is shown to whoever approves, and is part of what they approve. The log keeps the reason and what was
found in its masked form, never the number or the name itself.
"""

from __future__ import annotations

from distributor.core.people import Person, Right
from distributor.core.privacy import OVERRIDABLE, Said, findings
from distributor.core.refusal import Refused
from distributor.core.release import ReleaseState
from distributor.core.rendering import Problem
from distributor.core.text import faults_in, normalise
from distributor.office.context import Context
from distributor.office.drafts import Drafts
from distributor.office.people import actor
from distributor.storage import audit, overrides
from distributor.storage.releases import ReleaseRow

LONGEST_REASON = 300
# What is masked in the log must not come into it by way of the reason.
_PRIVATE = frozenset({"privacy.personal_number", "privacy.phone_number", "privacy.number_plate"})


class Overriding:
    """Uses around findings that may be answered for."""

    def __init__(self, context: Context, drafts: Drafts) -> None:
        self._context = context
        self._drafts = drafts

    async def override(self, release_id: str, person: Person, key: str, reason: str) -> Problem:
        """Answer for one finding of a release's working content. Refused for whatever is not found there now, for
        technical problems, and without a reason."""
        found = await self._drafts.get(release_id)
        self._may(found, person)
        clean = self._reason(reason)
        problems = (await self._drafts.preflight(release_id)).preflight.problems
        problem = next((item for item in problems if item.key == key), None)
        if problem is None:
            raise Refused("unknown_finding")
        if problem.code not in OVERRIDABLE or not (problem.blocks or problem.override):
            raise Refused("not_overridable")
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            await overrides.put(connection, release_id, key, problem.code, clean, person.id, now)
            data = _logged(problem) | {"reason": clean}
            await audit.append(connection, now, actor(person), "finding.overridden", f"release:{release_id}", data)
            await connection.commit()
        return Problem(problem.severity, problem.code, problem.params, problem.channel, clean, person.id)

    async def take_back(self, release_id: str, person: Person, key: str) -> None:
        """Answer for it no more: the finding stops the release again. What was submitted already stays as it is."""
        found = await self._drafts.get(release_id)
        self._may(found, person)
        problems = (await self._drafts.preflight(release_id)).preflight.problems
        problem = next((item for item in problems if item.key == key and item.override), None)
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            if problem is None or not await overrides.remove(connection, release_id, key):
                raise Refused("unknown_finding")
            kind = "override.taken_back"
            await audit.append(connection, now, actor(person), kind, f"release:{release_id}", _logged(problem))
            await connection.commit()

    def _may(self, found: ReleaseRow, person: Person) -> None:
        if not person.may(Right.WRITE) or (person.id != found.author_id and not person.may(Right.DECIDE)):
            raise Refused("not_yours")
        if found.state is ReleaseState.WITHDRAWN:
            raise Refused("wrong_state", state=found.state.value)

    def _reason(self, reason: str) -> str:
        clean = " ".join(normalise(reason).split())
        if not clean:
            raise Refused("reason_wanted")
        if len(clean) > LONGEST_REASON or faults_in(clean, one_line=True):
            raise Refused("bad_words", limit=str(LONGEST_REASON))
        found = findings([Said(clean, "", "reason")], self._context.words, self._context.clock().year)
        if any(problem.code in _PRIVATE for problem in found):
            raise Refused("reason_private")
        return clean


def _logged(problem: Problem) -> dict[str, str]:
    """A finding as the log keeps it: what and where, masked."""
    kept = {name: problem.params.get(name, "") for name in ("language", "field", "nth", "excerpt")}
    return {"code": problem.code, **kept}
