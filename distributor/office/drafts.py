"""Drafts: from an author's words and files to a submitted revision.

May touch: releases, revisions, renderings, the audit log; media through its port. Any change to a submitted or approved
release takes it back to draft and voids the approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from distributor.core.approval import FOLLOWED_FROM
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.core.release import Action, LanguageVersion, MediaItem, ReleaseState, Revision, Status, new_release_id
from distributor.core.rendering import Preflight
from distributor.core.text import normalise
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.office.preflight import Checked, check
from distributor.storage import Conflict, Connection, audit, promises
from distributor.storage import releases as rows
from distributor.storage.releases import ReleaseRow, Stands

# From these an author may change the content; approval, where there was one, is void after it.
CHANGEABLE = frozenset(
    {ReleaseState.DRAFT, ReleaseState.SUBMITTED, ReleaseState.REJECTED, ReleaseState.HELD, ReleaseState.APPROVED}
)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A frozen revision on its way to a second person."""

    release: ReleaseRow
    preflight: Preflight
    content_hash: str


class Drafts:
    """Uses around the content of a release."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, author: Person, draft: Revision | None = None, **content: Any) -> ReleaseRow:
        """A new draft. `content` are fields of Revision (versions, media, kind, regions, …); or a whole `draft`,
        whose release_id, number and author are set here."""
        if not author.may(Right.WRITE):
            raise Refused("not_author")
        base = draft or Revision("", 1, author.id, content.pop("kind"), content.pop("versions"))
        made = _clean(replace(base, release_id=new_release_id(), number=1, author_id=author.id, **content))
        made = self._trained(made)
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            await rows.add(connection, made, now)
            data = {"title": made.title, "kind": made.kind.value, "media": [item.asset.digest for item in made.media]}
            await audit.append(connection, now, actor(author), "release.drafted", f"release:{made.release_id}", data)
            await connection.commit()
        return await self.get(made.release_id)

    async def get(self, release_id: str) -> ReleaseRow:
        """The release as it stands."""
        async with self._context.database.read() as connection:
            found = await rows.get(connection, release_id)
        if found is None:
            raise Refused("unknown_release", id=release_id)
        return found

    async def mine(self, author: Person, most: int = 10) -> list[ReleaseRow]:
        """The author's newest releases."""
        async with self._context.database.read() as connection:
            return await rows.newest(connection, author_id=author.id, most=most)

    async def change(self, release_id: str, person: Person, **content: Any) -> ReleaseRow:
        """Replace fields of the working content. Only its author or an editor may."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found = await rows.get(connection, release_id, lock=True)
            if found is None:
                raise Refused("unknown_release", id=release_id)
            if not person.may(Right.WRITE) or (person.id != found.author_id and not person.may(Right.DECIDE)):
                raise Refused("not_yours")
            if found.following:
                await self._change_following(connection, found, person, content, now)
                await connection.commit()
                return await self.get(release_id)
            if found.state not in CHANGEABLE or await promises.has_left(connection, release_id):
                raise Refused("already_distributing", state=found.state.value)
            if found.proposed:
                raise Refused("withdrawal_waits")
            # Nothing is out, so what is changed follows nothing, also where it was a correction before.
            fresh = content | {"number": found.revision + 1, "notice": None}
            changed = self._trained(_clean(replace(found.draft, **fresh)))
            if replace(changed, number=found.draft.number, notice=found.draft.notice) == found.draft:
                return found
            await rows.change_draft(connection, changed, ReleaseState.DRAFT, now)
            await rows.set_hands(connection, release_id, {*found.hands, person.id})
            if found.state is not ReleaseState.DRAFT:
                await rows.set_approved(connection, release_id, found.revision, "", now)
                why = ("approval_void", "the release was changed")
                cancelled = await promises.cancel_queued(connection, release_id, *why, now)
                data = {"was": found.state.value, "fields": sorted(content), "cancelled": cancelled}
                await audit.append(connection, now, actor(person), "approval.voided", f"release:{release_id}", data)
            await connection.commit()
        self._context.events.publish("release", release_id)
        return await self.get(release_id)

    def _trained(self, content: Revision) -> Revision:
        """In a training installation whatever is written is an exercise, or a test."""
        meant = content.status is Status.ACTUAL and self._context.exercise
        return replace(content, status=Status.EXERCISE) if meant else content

    async def _change_following(
        self, connection: Connection, found: ReleaseRow, person: Person, content: dict[str, Any], now: datetime
    ) -> None:
        """Change a correction that is being written. What is out is not touched; one that lay before a second person
        does so no more."""
        if found.state not in FOLLOWED_FROM:
            raise Refused("wrong_state", state=found.state.value)
        changed = _kept_notice(_clean(replace(found.draft, **content)), found.draft)
        if changed == found.draft:
            return
        changed = replace(changed, number=await rows.next_number(connection, found.id))
        await rows.set_hands(connection, found.id, {*found.hands, person.id})
        proposed = await rows.get_revision(connection, found.id, found.proposed) if found.proposed else None
        void = proposed is not None and proposed.content.action is Action.CORRECT  # a withdrawal is none of ours
        await rows.set_proposed(connection, found.id, {"proposed": 0} if void else {}, now, draft=changed)
        if void:
            data = {"revision": found.proposed, "fields": sorted(content)}
            await audit.append(connection, now, actor(person), "proposal.voided", f"release:{found.id}", data)

    async def add_media(self, release_id: str, person: Person, items: tuple[MediaItem, ...]) -> ReleaseRow:
        """Add photos or video to the working content; one that is already there is not added twice."""
        found = await self.get(release_id)
        have = {item.asset.digest for item in found.draft.media}
        fresh = tuple(item for item in items if item.asset.digest not in have)
        return await self.change(release_id, person, media=found.draft.media + fresh)

    async def discard(self, release_id: str, person: Person) -> None:
        """Give a draft up."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found = await rows.get(connection, release_id, lock=True)
            if found is None or found.author_id != person.id:
                raise Refused("not_yours")
            if await promises.has_left(connection, release_id):
                raise Refused("withdraw_it")
            before = (ReleaseState.DRAFT, ReleaseState.REJECTED)
            if not await rows.set_state(connection, release_id, before, ReleaseState.WITHDRAWN, now):
                raise Refused("wrong_state", state=found.state.value)
            await audit.append(connection, now, actor(person), "release.discarded", f"release:{release_id}", {})
            await connection.commit()
        self._context.events.publish("release", release_id)

    async def preflight(self, release_id: str) -> Checked:
        """All renderings of the working content, and the problems in them."""
        return await self._check(await self.get(release_id))

    async def preflight_of(self, **content: Any) -> Checked:
        """The same for content that is kept nowhere: fields of Revision, as `create` takes them."""
        base = Revision("", 1, 0, content.pop("kind"), content.pop("versions"))
        return await check(self._context, _clean(replace(base, **content)))

    async def _check(self, found: ReleaseRow) -> Checked:
        """The working content under the number that it would be frozen with, and beside what it follows."""
        async with self._context.database.read() as connection:
            number = await rows.next_number(connection, found.id)
            before = await rows.get_revision(connection, found.id, found.revision) if found.following else None
            out = await promises.channels_reached(connection, found.id) if found.following else frozenset[str]()
        content = replace(found.draft, number=number)
        return await check(self._context, content, found.slug, before=before.content if before else None, out=out)

    async def submit(self, release_id: str, person: Person) -> Submitted:
        """Freeze the working content and lay it before a second person. Refused while a problem blocks."""
        found = await self.get(release_id)
        if not person.may(Right.WRITE) or (person.id != found.author_id and not person.may(Right.DECIDE)):
            raise Refused("not_yours")
        if not _submittable(found):
            raise Refused("wrong_state", state=found.state.value)
        checked = await self._check(found)
        if checked.preflight.blocked:
            raise Refused("blocked")
        await self._freeze(found, checked, person)
        self._context.events.publish("release", release_id)
        return Submitted(await self.get(release_id), checked.preflight, checked.content_hash)

    async def _freeze(self, found: ReleaseRow, checked: Checked, person: Person) -> None:
        now, revision = self._context.clock(), checked.revision
        stands = Stands.PROPOSED if found.following else Stands.SUBMITTED
        async with self._context.database.transaction(logged=True) as connection:
            again = await rows.get(connection, found.id, lock=True)
            if again is None or (again.draft, again.proposed) != (found.draft, 0) or not _submittable(again):
                raise Refused("changed_meanwhile")
            try:
                await rows.freeze(connection, revision, checked.frozen, person.id, now, stands=stands)
            except Conflict:
                raise Refused("changed_meanwhile") from None
            kind = "correction.proposed" if found.following else "release.submitted"
            data = {"revision": revision.number, "content_hash": checked.content_hash, "title": revision.title}
            await audit.append(connection, now, actor(person), kind, f"release:{found.id}", data)
            await connection.commit()


def _kept_notice(changed: Revision, before: Revision) -> Revision:
    """New words to readers say nothing of why, and of which photos are withdrawn: that stays as it was proposed, but
    for photos that somebody put back."""
    if changed.notice is None or before.notice is None:
        return changed
    shown = {item.asset.digest for item in changed.media}
    withdrawn = tuple(digest for digest in before.notice.withdrawn if digest not in shown)
    reason = changed.notice.reason or before.notice.reason
    return replace(changed, notice=replace(changed.notice, reason=reason, withdrawn=withdrawn))


def _submittable(found: ReleaseRow) -> bool:
    """True for a draft, and for a correction that is being written while the release is out; how far its deliveries
    have come meanwhile does not matter."""
    if found.following:
        return not found.proposed and found.state in FOLLOWED_FROM
    return found.state is ReleaseState.DRAFT


def _clean(revision: Revision) -> Revision:
    """Texts normalised at the border, so that what is stored, approved and sent is one and the same."""
    versions = tuple(
        LanguageVersion(item.language, normalise(item.title), normalise(item.lead), normalise(item.body))
        for item in revision.versions
    )
    media = tuple(
        replace(item, alt=_clean_words(item.alt), credit=normalise(item.credit), caption=_clean_words(item.caption))
        for item in revision.media
    )
    notice = revision.notice and replace(revision.notice, words=_clean_words(revision.notice.words))
    warning = revision.warning and replace(
        revision.warning,
        event=_clean_words(revision.warning.event),
        area=_clean_words(revision.warning.area),
        instruction=_clean_words(revision.warning.instruction),
    )
    return replace(revision, versions=versions, media=media, notice=notice, warning=warning)


def _clean_words(words: Mapping[str, str]) -> dict[str, str]:
    return {language: normalise(text) for language, text in words.items() if text.strip()}
