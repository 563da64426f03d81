"""After publishing: corrections, withdrawals of a release or of one photo, holds.

May touch: releases, revisions, renderings, deliveries, the audit log. What follows a publication is a revision of its
own with its own approval by a second person; a hold stops at once, for stopping needs no second person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from distributor.core.approval import FOLLOWED_FROM, WITHDRAWN_FROM
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.core.release import Action, Notice, Revision
from distributor.core.text import faults_in, normalise
from distributor.office.checks import stopped_by
from distributor.office.context import Context
from distributor.office.drafts import Submitted
from distributor.office.people import actor
from distributor.office.preflight import check, notice_beside
from distributor.office.promising import promise
from distributor.storage import Conflict, Connection, audit, promises
from distributor.storage import releases as rows
from distributor.storage.releases import ReleaseRow, RevisionRow, Stands

LONGEST_WORDS = 300

Change = Callable[[ReleaseRow, Revision], Revision]


class Aftercare:
    """Uses around what is out."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def begin_correction(self, release_id: str, person: Person) -> ReleaseRow:
        """Open the working content for a correction. What is out, and what is still being sent, is not touched before
        the correction is approved. Drafts.change and Drafts.submit go on from here."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found, out = await self._out(connection, release_id, person)
            if found.following:
                raise Refused("correction_open")
            number = await rows.next_number(connection, release_id)
            draft = replace(out.content, number=number, notice=Notice(Action.CORRECT))
            # A withdrawal that waits for its decision is not touched: the correction is proposed after it, if ever.
            await rows.set_proposed(connection, release_id, {}, now, draft=draft)
            await rows.set_hands(connection, release_id, {person.id})
            await audit.append(connection, now, actor(person), "correction.begun", f"release:{release_id}", {})
            await connection.commit()
        return await self._told(release_id)

    async def abandon(self, release_id: str, person: Person) -> ReleaseRow:
        """Give a correction or a withdrawal up that was not approved; the release stays as it is."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            # Also one that would repeat a withdrawal.
            found, out = await self._out(connection, release_id, person, Action.WITHDRAW)
            if not found.following and not found.proposed:
                raise Refused("no_correction_open")
            withdrawal = await self._withdrawal_waits(connection, found)
            # One at a time: a correction that somebody is writing stays when a withdrawal is given up.
            draft = None if withdrawal else out.content
            await rows.set_proposed(connection, release_id, {"proposed": 0}, now, draft=draft)
            data = {"revision": found.proposed}
            await audit.append(connection, now, actor(person), "proposal.abandoned", f"release:{release_id}", data)
            await connection.commit()
        return await self._told(release_id)

    async def withdraw(
        self, release_id: str, person: Person, reason: str, words: Mapping[str, str] | None = None
    ) -> Submitted:
        """Propose to withdraw a release everywhere: with a reason for the log, and words for readers where there is
        something to say. A second person approves, and everything happens in that one action."""
        notice = Notice(Action.WITHDRAW, _words(words or {}), _reason(reason))
        return await self._propose(release_id, person, notice, lambda found, content: replace(content, notice=notice))

    async def withdraw_media(
        self,
        release_id: str,
        person: Person,
        digests: Sequence[str],
        reason: str,
        words: Mapping[str, str] | None = None,
    ) -> Submitted:
        """Propose that photos or videos disappear everywhere while the release stays. `digests` of the originals. What
        is proposed already of the kind, and not decided over yet, goes with it."""
        gone = frozenset(digests)
        notice = Notice(Action.CORRECT, _words(words or {}), _reason(reason), tuple(sorted(gone)))

        def without(found: ReleaseRow, content: Revision) -> Revision:
            told = notice
            if found.following:
                earlier = found.draft.notice
                if earlier is None or not earlier.withdrawn:
                    raise Refused("correction_open")
                content = replace(found.draft, number=content.number)
                reasons, withdrawn = f"{earlier.reason}; {notice.reason}", {*earlier.withdrawn, *gone}
                told = replace(notice, words=earlier.words | notice.words, reason=reasons)
                told = replace(told, withdrawn=tuple(sorted(withdrawn)))
            if not gone or gone - {item.asset.digest for item in content.media}:
                raise Refused("unknown_media")
            kept = tuple(item for item in content.media if item.asset.digest not in gone)
            return replace(content, media=kept, notice=told)

        return await self._propose(release_id, person, notice, without)

    async def _propose(self, release_id: str, person: Person, notice: Notice, changed: Change) -> Submitted:
        """Freeze what follows, and lay it before a second person. Whatever was proposed before it gives way."""
        async with self._context.database.read() as connection:
            found, out = await self._out(connection, release_id, person, notice.action, lock=False)
            if notice.action is Action.CORRECT and await self._withdrawal_waits(connection, found):
                raise Refused("withdrawal_waits")
            number = await rows.next_number(connection, release_id)
            reached = await promises.channels_reached(connection, release_id)
        content = changed(found, replace(out.content, number=number))
        notice = content.notice or notice
        checked = await check(self._context, content, found.slug, before=out.content, out=reached)
        if checked.preflight.blocked:
            raise Refused(stopped_by(checked.preflight.problems))
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            again, still = await self._out(connection, release_id, person, notice.action)
            seen = (found.revision, found.proposed, found.draft, out.id)
            if (again.revision, again.proposed, again.draft, still.id) != seen:
                raise Refused("changed_meanwhile")
            try:
                await rows.freeze(connection, content, checked.frozen, person.id, now, stands=Stands.PROPOSED)
            except Conflict:
                raise Refused("changed_meanwhile") from None
            if notice.action is Action.CORRECT:
                await rows.set_hands(connection, release_id, {person.id, *(found.hands if found.following else ())})
            kind = "withdrawal.proposed" if notice.action is Action.WITHDRAW else "correction.proposed"
            data = {"revision": number, "content_hash": checked.content_hash, "reason": notice.reason}
            data |= {"withdrawn": list(notice.withdrawn), "instead_of": found.proposed}
            await audit.append(connection, now, actor(person), kind, f"release:{release_id}", data)
            await connection.commit()
        return Submitted(await self._told(release_id), checked.preflight, checked.content_hash)

    async def _withdrawal_waits(self, connection: Connection, found: ReleaseRow) -> bool:
        waits = await rows.get_revision(connection, found.id, found.proposed) if found.proposed else None
        return waits is not None and waits.content.action is Action.WITHDRAW

    async def _out(
        self,
        connection: Connection,
        release_id: str,
        person: Person,
        action: Action = Action.CORRECT,
        *,
        lock: bool = True,
    ) -> tuple[ReleaseRow, RevisionRow]:
        """A release that is out or on its way, with the revision that stands. Refused for every other one, and for
        people to whom it does not belong: its author and editors."""
        found = await rows.get(connection, release_id, lock=lock)
        if found is None:
            raise Refused("unknown_release", id=release_id)
        if not person.may(Right.WRITE) or (person.id != found.author_id and not person.may(Right.DECIDE)):
            raise Refused("not_yours")
        out = await rows.get_revision(connection, release_id, found.revision)
        states = WITHDRAWN_FROM if action is Action.WITHDRAW else FOLLOWED_FROM
        if out is None or found.state not in states or not out.approved_hash:
            raise Refused("nothing_out", state=found.state.value)
        return found, out

    async def _told(self, release_id: str) -> ReleaseRow:
        self._context.events.publish("release", release_id)
        async with self._context.database.read() as connection:
            found = await rows.get(connection, release_id)
        if found is None:
            raise Refused("unknown_release", id=release_id)
        return found


async def tell_beside(
    context: Context, connection: Connection, release: ReleaseRow, action: Action, person: Person, now: datetime
) -> int:
    """Hold and lift: tell those who have the release, in the caller's transaction. The words are the adapters' own, so
    that nothing stands in them that a second person would have to read. Returns how many are told."""
    out = await rows.get_revision(connection, release.id, release.revision)
    reached = await promises.channels_out(connection, release.id)
    if out is None or not reached:
        return 0
    number = await rows.next_number(connection, release.id)
    content = replace(out.content, number=number, notice=Notice(action))
    checked = notice_beside(context, content, release.slug, out.content, reached)
    if not checked.preflight.renderings:
        return 0
    await rows.freeze(connection, content, checked.frozen, person.id, now, stands=Stands.BESIDE)
    kept = await rows.get_revision(connection, release.id, number)
    return await promise(context, connection, kept, now) if kept else 0


def _reason(reason: str) -> str:
    clean = normalise(reason).strip()
    if not clean:
        raise Refused("reason_wanted")
    return clean


def _words(words: Mapping[str, str]) -> dict[str, str]:
    clean = {language: normalise(text).strip() for language, text in words.items() if text.strip()}
    for text in clean.values():
        if faults_in(text, one_line=True) or len(text) > LONGEST_WORDS:
            raise Refused("bad_words", limit=str(LONGEST_WORDS))
    return clean
