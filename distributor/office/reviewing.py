"""Shortened approval: one editor on duty may send a filled-in template, and a second person looks at it afterwards.

May touch: alarms, and at the answer 'wrong' releases, revisions and renderings (a withdrawal is proposed); inside the
caller's transaction. Shortened is only what a template, approved by two people, makes of the kept values: it is made
anew and compared. Any other word in it, and four eyes are wanted as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from distributor.core.approval import FOLLOWED_FROM
from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.core.release import Action, Notice, Revision
from distributor.core.template_faults import free_word_faults
from distributor.office.alarm_kinds import KINDS, News
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.office.preflight import notice_beside
from distributor.office.templates import rebuilt
from distributor.storage import Connection, alarms, audit, promises, templates
from distributor.storage import releases as rows
from distributor.storage.alarms import Alarm
from distributor.storage.releases import ReleaseRow, RevisionRow, Stands

KIND = "review"
WRONG = "wrong"


async def shortened(context: Context, connection: Connection, content: Revision) -> bool:
    """True where the revision is exactly what its approved template makes of its values: no word was added, no photo,
    no other channel. Whether it is an exercise is free. A template whose free words may stand in place of its own was
    approved before such were refused, and shortens nothing."""
    if not content.template or content.action is not Action.PUBLISH:
        return False
    row = await templates.by_label(connection, content.template)
    if row is None or not row.usable or free_word_faults(row.content):
        return False
    try:
        made = rebuilt(context, row, content.filled)
    except Refused:
        return False
    made = replace(made, release_id=content.release_id, number=content.number, author_id=content.author_id)
    return replace(made, status=content.status) == content


def alone(release: ReleaseRow, revision: RevisionRow, person: Person) -> bool:
    """True where no second person saw what this one approves, which only a template allows."""
    own = {release.author_id, revision.submitter_id}
    return person.id in own and revision.content.action is not Action.WITHDRAW


async def ask_review(
    connection: Connection, release: ReleaseRow, revision: RevisionRow, person: Person, now: datetime
) -> None:
    """A second person must look at it, and is reminded until one has."""
    content = revision.content
    key = f"{KIND}:{release.id}:{content.number}"
    params = {"title": content.title, "name": person.name, "template": content.template, "approver": person.id}
    subject, every = f"release:{release.id}", KINDS[KIND].chase
    await alarms.add(connection, KIND, subject, key, params, now, every, actor=actor(person))


class Reviewing:
    """What the answer of a review does."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def answered(self, connection: Connection, alarm: Alarm, word: str, person: Person | None) -> Sequence[News]:
        """Only a second person answers. 'Wrong' lays a withdrawal before the desk, for whoever else may decide."""
        if person is None:
            raise Refused("review_by_person")
        if person.id == alarm.params.get("approver"):
            raise Refused("own_review")
        release_id = alarm.subject.partition(":")[2]
        if word == WRONG:
            await self._propose_withdrawal(connection, release_id, person)
        return [("release", release_id)]

    async def _propose_withdrawal(self, connection: Connection, release_id: str, person: Person) -> None:
        """Where something is out and nothing is proposed already; else the desk has it in hand."""
        now = self._context.clock()
        release = await rows.get(connection, release_id, lock=True)
        if release is None or release.state not in FOLLOWED_FROM or release.proposed:
            return
        out = await rows.get_revision(connection, release_id, release.revision)
        if out is None or not out.approved_hash:
            return
        number = await rows.next_number(connection, release_id)
        content = replace(out.content, number=number, notice=Notice(Action.WITHDRAW, {}, "the review says: wrong"))
        reached = await promises.channels_reached(connection, release_id)
        checked = notice_beside(self._context, content, release.slug, out.content, reached)
        await rows.freeze(connection, content, checked.frozen, person.id, now, stands=Stands.PROPOSED)
        data = {"revision": number, "content_hash": checked.content_hash, "reason": "review", "withdrawn": []}
        await audit.append(connection, now, actor(person), "withdrawal.proposed", f"release:{release_id}", data)
