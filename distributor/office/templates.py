"""Emergency templates: written, approved by two people beforehand, filled in.

May touch: templates, nonces, releases (drafts), the audit log. A template is approved by two people who may decide,
neither of them its author. At least one of the two approves at the desk, where Telegram says who presses: a shell says
whatever its user types.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from distributor import locale
from distributor.core.gaps import Gap, GapType, moment_of, normal_value, value_fault
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.core.release import Revision, Status
from distributor.core.template import FILLED_AT, Template, build, key_of
from distributor.core.template_faults import template_faults
from distributor.office import presses
from distributor.office.context import Context
from distributor.office.drafts import Drafts
from distributor.office.people import actor
from distributor.storage import Connection, audit, templates, tokens
from distributor.storage.releases import ReleaseRow
from distributor.storage.templates import TemplateRow

BUTTON_LASTS = timedelta(days=14)
PURPOSE = "template"
DESK, SHELL = "desk", "shell"  # where an approval was given


@dataclass(frozen=True, slots=True)
class TemplatePressed:
    """An approval that was accepted; `row` as it stands after it."""

    person: Person
    row: TemplateRow


class Templates:
    """Uses around templates."""

    def __init__(self, context: Context, drafts: Drafts) -> None:
        self._context = context
        self._drafts = drafts

    async def add(self, content: Template, author: Person) -> TemplateRow:
        """A new template, or a new version of one. The version that is in use stays so until this one is approved."""
        if not author.may(Right.WRITE):
            raise Refused("not_author")
        faults = template_faults(content, frozenset(self._context.regions.by_code))
        if faults:
            raise Refused("bad_template", faults="; ".join(faults))
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            made = await templates.add(connection, content, author.id, now)
            data = {"content_hash": made.content_hash}
            await audit.append(connection, now, actor(author), "template.added", f"template:{made.label}", data)
            await connection.commit()
        self._context.events.publish("alarm", f"template:{made.label}")
        return made

    async def all(self) -> list[TemplateRow]:
        """Every version, retired ones too."""
        async with self._context.database.read() as connection:
            return await templates.everything(connection)

    async def waiting(self) -> list[TemplateRow]:
        """Versions that lack an approval."""
        async with self._context.database.read() as connection:
            return [row for row in await templates.in_use(connection) if row.waits]

    async def usable(self) -> list[TemplateRow]:
        """What may be filled in."""
        async with self._context.database.read() as connection:
            return [row for row in await templates.in_use(connection) if row.usable]

    async def get(self, template_id: int) -> TemplateRow:
        """One version."""
        async with self._context.database.read() as connection:
            found = await templates.get(connection, template_id)
        if found is None:
            raise Refused("unknown_template", name=str(template_id))
        return found

    async def button(self, row: TemplateRow) -> str:
        """A single-use token for an approval, bound to exactly this content; whoever may decide may press."""
        now, token = self._context.clock(), secrets.token_urlsafe(18)
        async with self._context.database.transaction() as connection:
            values = {
                "purpose": PURPOSE,
                "subject": str(row.id),
                "revision": row.version,
                "content_hash": row.content_hash,
                "created_at": now,
                "expires_at": now + BUTTON_LASTS,
            }
            await tokens.add_nonce(connection, token, values)
            await connection.commit()
        return token

    async def press(self, token: str, telegram_id: int) -> TemplatePressed:
        """The button of `button` was pressed. A refusal is written down."""
        now = self._context.clock()
        try:
            async with self._context.database.transaction(logged=True) as connection:
                person, nonce = await presses.taken(connection, token, telegram_id, PURPOSE, now)
                row = await self._approve(connection, int(nonce["subject"]), nonce["content_hash"], person, DESK, now)
                await connection.commit()
        except Refused as refused:
            await presses.note_refused(self._context, token, telegram_id, refused.code, PURPOSE)
            raise
        return TemplatePressed(person, row)

    async def approve(self, name: str, person: Person) -> TemplateRow:
        """At the command line: approve the version of a name that waits."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found = [row for row in await templates.in_use(connection) if row.waits and name in (row.name, row.label)]
            if not found:
                raise Refused("no_template_waits", name=name)
            row = await self._approve(connection, found[-1].id, found[-1].content_hash, person, SHELL, now)
            await connection.commit()
        return row

    async def retire(self, name: str, person: Person | None) -> int:
        """Take every version of a template out of use; None is the operator at the command line."""
        if person is not None and not person.may(Right.DECIDE):
            raise Refused("not_editor")
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            count = await templates.retire(connection, name, now)
            if not count:
                raise Refused("unknown_template", name=name)
            await audit.append(connection, now, actor(person), "template.retired", f"template:{name}", {"count": count})
            await connection.commit()
        return count

    async def fill(
        self, template_id: int, values: Mapping[str, str], person: Person, status: Status = Status.ACTUAL
    ) -> ReleaseRow:
        """A draft from an approved template; the text is made here, from nothing but the values."""
        row = await self.get(template_id)
        if not row.usable:
            raise Refused("template_not_approved", name=row.label)
        kept = {FILLED_AT: self._context.clock().isoformat()}
        for gap, language in row.content.wanted:
            kept[key_of(gap, language)] = self.value(gap, values.get(key_of(gap, language), ""))
        content = rebuilt(self._context, row, kept)
        return await self._drafts.create(person, replace(content, author_id=person.id, status=status))

    def value(self, gap: Gap, value: str) -> str:
        """A value in the form in which it is kept. Refused where it may not fill the gap."""
        kept = normal_value(gap, value)
        code = value_fault(gap, kept, frozenset(self._context.regions.by_code))
        if code:
            raise Refused(code, limit=str(gap.at_most), low=str(gap.low), high=str(gap.high))
        return kept

    async def _approve(
        self, connection: Connection, template_id: int, seen_hash: str, person: Person, where: str, now: datetime
    ) -> TemplateRow:
        row = await templates.get(connection, template_id, lock=True)
        if row is None or row.content_hash != seen_hash or row.content.hash != seen_hash:
            raise Refused("changed_since")
        if not person.may(Right.DECIDE):
            raise Refused("not_editor")
        if person.id == row.author_id:
            raise Refused("own_template")
        if not row.waits:
            raise Refused("no_template_waits", name=row.label)
        if person.id == row.first_by:
            raise Refused("template_approved_by_you")
        subject = f"template:{row.label}"
        if where == SHELL and row.first_by is not None:
            earlier = [event for event in await audit.recent(connection, subject) if event.kind == "template.approved"]
            if any(event.data.get("where") == SHELL for event in earlier):
                raise Refused("template_at_desk")
        await templates.approve(connection, row, person.id, now)
        data = {"content_hash": row.content_hash, "where": where, "approval": 1 if row.first_by is None else 2}
        await audit.append(connection, now, actor(person), "template.approved", subject, data)
        if row.first_by is not None:
            await templates.retire(connection, row.name, now, before=row.version)
        after = await templates.get(connection, template_id)
        if after is None:
            raise Refused("unknown_template", name=row.label)
        return after


def rebuilt(context: Context, row: TemplateRow, values: Mapping[str, str]) -> Revision:
    """What a template makes of values. Refused for values that it would not have taken."""
    regions = frozenset(context.regions.by_code)
    for gap, language in row.content.wanted:
        value = values.get(key_of(gap, language), "")
        code = value_fault(gap, value, regions)
        if code or value != normal_value(gap, value):
            raise Refused(code or "gap_markup")
    shown = {
        wording.language: {gap.name: _shown(context, gap, values, wording.language) for gap in row.content.gaps}
        for wording in row.content.wordings
    }
    return build(row.content, row.version, values, shown, author_id=row.author_id)


def _shown(context: Context, gap: Gap, values: Mapping[str, str], language: str) -> str:
    """How a value reads in a language."""
    if gap.type is GapType.LINE:
        return values[key_of(gap, language)]
    value = values[gap.name]
    if gap.type is GapType.REGION:
        return ", ".join(context.regions.name(code, language) for code in value.split(","))
    if gap.type is GapType.CHOICE:
        return gap.choices[value][language]
    when = moment_of(value)
    return locale.moment(when, language, context.time_zone) if gap.type is GapType.TIME and when else value
