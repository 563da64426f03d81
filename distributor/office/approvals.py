"""Approval: buttons, presses, decisions, and the promise that an approval makes.

May touch: nonces, decisions, revisions, releases, deliveries, the audit log. Approving and promising are one
transaction. Every refused press is written down. There is no other way to approve.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from distributor.core.approval import Decision, Standing, allowed_from, refusal
from distributor.core.channel import Action
from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.core.release import ReleaseState
from distributor.core.rendering import Preflight
from distributor.office import presses
from distributor.office.aftercare import tell_beside
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.office.promising import promise, state_after
from distributor.office.reviewing import alone, ask_review, shortened
from distributor.storage import Connection, audit, outcomes, promises, tokens
from distributor.storage import people as people_rows
from distributor.storage import releases as rows
from distributor.storage.releases import ReleaseRow, RevisionRow

BUTTON_LASTS = timedelta(days=14)
_Over = tuple[ReleaseRow, RevisionRow]  # what a decision is over; its release is locked
# Decisions that those hear of who have the release already.
_TOLD = {Decision.HOLD: Action.HOLD, Decision.RESUME: Action.LIFT}


@dataclass(frozen=True, slots=True)
class Pressed:
    """A press that was accepted. `done` is False where a reason is still wanted before the decision is made."""

    person: Person
    decision: Decision
    release_id: str
    revision: int
    content_hash: str
    done: bool
    deliveries: int = 0


class Approvals:
    """Uses around decisions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def buttons(
        self, release_id: str, wanted: tuple[Decision, ...], person: Person | None = None
    ) -> dict[Decision, str]:
        """Single-use tokens for a release's newest revision, bound to its content hash; to `person` where given,
        else to whoever presses first and has the right. At most 40 characters each, fit for callback data."""
        now = self._context.clock()
        made: dict[Decision, str] = {}
        async with self._context.database.transaction(logged=True) as connection:
            for decision in wanted:
                release, revision = await self._standing_rows(connection, release_id, decision)
                token = secrets.token_urlsafe(18)
                values = {
                    "purpose": decision.value,
                    "subject": release.id,
                    "revision": revision.content.number,
                    "content_hash": revision.content_hash,
                    "person_id": person.id if person else None,
                    "created_at": now,
                    "expires_at": now + BUTTON_LASTS,
                }
                await tokens.add_nonce(connection, token, values)
                made[decision] = token
            await connection.commit()
        return made

    async def press(self, token: str, telegram_id: int) -> Pressed:
        """A button of `buttons` was pressed. Decides at once, but for a rejection, which wants a reason first."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            person = await people_rows.by_telegram(connection, telegram_id)
            nonce = await tokens.get_nonce(connection, token)
            code = presses.nonce_fault(nonce, list(Decision), person, now)
            if code or nonce is None or person is None:
                await self._refuse(connection, telegram_id, person, nonce, code, now)
            decision = Decision(nonce["purpose"])
            over = await self._standing_rows(connection, nonce["subject"], decision)
            code = await self._may(connection, person, decision, over, nonce["revision"], nonce["content_hash"])
            if code:
                await self._refuse(connection, telegram_id, person, nonce, code, now)
            if not await tokens.use_nonce(connection, token, person.id, now):
                await self._refuse(connection, telegram_id, person, nonce, "already_pressed", now)
            made = 0
            wants_reason = decision is Decision.REJECT
            failed = ""
            if not wants_reason:
                try:
                    made = await self._carry_out(connection, person, decision, over, "", now)
                except Refused as refused:  # half of it was written: nothing of this transaction may stay
                    failed = refused.code
            if not failed:
                await connection.commit()
        if failed:
            async with self._context.database.transaction(logged=True) as connection:
                await self._refuse(connection, telegram_id, person, nonce, failed, now)
        await self._tell(nonce["subject"])
        return Pressed(
            person, decision, nonce["subject"], nonce["revision"], nonce["content_hash"], not wants_reason, made
        )

    async def decide(
        self, person_id: int, decision: Decision, release_id: str, seen_revision: int, seen_hash: str, reason: str = ""
    ) -> int:
        """Decide over exactly what was seen. Returns how many deliveries were promised (for an approval)."""
        now = self._context.clock()
        if decision is Decision.REJECT and not reason.strip():
            raise Refused("reason_wanted")
        async with self._context.database.transaction(logged=True) as connection:
            person = await people_rows.get(connection, person_id)
            if person is None:
                raise Refused("unknown_person")
            over = await self._standing_rows(connection, release_id, decision)
            code = await self._may(connection, person, decision, over, seen_revision, seen_hash)
            if code:
                data = {"decision": decision.value, "code": code, "revision": seen_revision}
                await audit.append(connection, now, actor(person), "decision.refused", f"release:{release_id}", data)
                await connection.commit()
                raise Refused(code)
            made = await self._carry_out(connection, person, decision, over, reason.strip(), now)
            await connection.commit()
        await self._tell(release_id)
        return made

    async def _tell(self, release_id: str) -> None:
        await self._context.wake()
        self._context.events.publish("release", release_id)

    async def _standing_rows(self, connection: Connection, release_id: str, decision: Decision) -> _Over:
        """The release, and the revision that the decision is over: what is proposed to follow, where something is, for
        an approval or a rejection; a hold stops what is out."""
        release = await rows.get(connection, release_id, lock=True)
        proposal = decision in (Decision.APPROVE, Decision.REJECT)
        number = (release.decided_over if proposal else release.revision) if release else 0
        revision = await rows.get_revision(connection, release_id, number)
        if release is None or revision is None:
            raise Refused("unknown_release", id=release_id)
        return release, revision

    async def _may(
        self,
        connection: Connection,
        person: Person,
        decision: Decision,
        over: _Over,
        seen_revision: int,
        seen_hash: str,
    ) -> str:
        release, revision = over
        standing = Standing(
            release.state,
            revision.content.number,
            release.author_id,
            revision.submitter_id,
            revision.content_hash,
            Preflight((), revision.problems).blocked,
            revision.content.action,
            bool(release.proposed),
            await shortened(self._context, connection, revision.content),
            release.hands,
            frozenset(problem.override_by for problem in revision.problems if problem.override),
        )
        code = refusal(person, decision, standing, seen_revision, seen_hash)
        if not code and decision is Decision.REJECT and not release.proposed:
            # What is out is not rejected any more: it would stand there, and nothing could follow it.
            code = "withdraw_it" if await promises.has_left(connection, release.id) else ""
        return code

    async def _refuse(
        self,
        connection: Connection,
        telegram_id: int,
        person: Person | None,
        nonce: dict[str, object] | None,
        code: str,
        now: datetime,
    ) -> NoReturn:
        """Write the refused press down, then refuse."""
        subject = f"release:{nonce['subject']}" if nonce else "desk"
        data = {"code": code, "button": nonce["purpose"] if nonce else ""}
        await presses.note(connection, now, telegram_id, person, subject, data)
        await connection.commit()
        raise Refused(code)

    async def _carry_out(
        self,
        connection: Connection,
        person: Person,
        decision: Decision,
        over: _Over,
        reason: str,
        now: datetime,
    ) -> int:
        release, revision = over
        release_id, made, after = release.id, 0, release.state
        over_proposal = bool(release.proposed) and decision in (Decision.APPROVE, Decision.REJECT)
        if decision is Decision.APPROVE:
            made = await promise(self._context, connection, revision, now)
            after = state_after(revision.content, now)
        elif decision is Decision.RESUME:
            after = ReleaseState.DISTRIBUTING if revision.approved_hash else ReleaseState.SUBMITTED
            # Else a hold that is told to nobody yet would be told in the next one, and its end with it.
            await promises.cancel_queued(connection, release_id, "lifted", "the hold was lifted", now, Action.HOLD)
            await promises.release_queue(connection, release_id, now)
        elif decision is Decision.HOLD:
            after = ReleaseState.HELD
            await promises.cancel_queued(
                connection, release_id, "held_again", "the release is held again", now, Action.LIFT
            )
        elif not over_proposal:
            after = ReleaseState.REJECTED
        allowed = tuple(allowed_from(decision, proposed=bool(release.proposed), action=revision.content.action))
        if not await rows.set_state(connection, release_id, allowed, after, now):
            raise Refused("wrong_state", state=release.state.value)
        if over_proposal:
            stands = revision.content.number if decision is Decision.APPROVE else release.revision
            # A correction that somebody was writing ends with its release.
            draft = revision.content if after is ReleaseState.WITHDRAWN else None
            await rows.set_proposed(connection, release_id, {"proposed": 0, "revision": stands}, now, draft=draft)
        if decision in _TOLD:
            made = await tell_beside(self._context, connection, release, _TOLD[decision], person, now)
        if after is ReleaseState.DISTRIBUTING and not made:
            await outcomes.finish_releases(connection, {release_id}, now)  # nothing may be left to send
        values = {
            "release_id": release_id,
            "revision": revision.content.number,
            "person_id": person.id,
            "decision": decision.value,
            "content_hash": revision.content_hash,
            "reason": reason,
            "decided_at": now,
        }
        await rows.add_decision(connection, values)
        data = {key: values[key] for key in ("revision", "content_hash", "reason")} | {"deliveries": made}
        data |= {"action": revision.content.action.value} if over_proposal else {}
        if decision is Decision.APPROVE and alone(release, revision, person):
            data["shortened"] = revision.content.template
            await ask_review(connection, release, revision, person, now)
        await audit.append(connection, now, actor(person), f"release.{decision.value}", f"release:{release_id}", data)
        return made
