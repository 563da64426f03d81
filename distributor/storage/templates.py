"""Emergency templates: their versions and who approved them.

May touch: templates; inside the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.data import from_data, to_data
from distributor.core.template import Template
from distributor.storage.schema import templates


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """One version of a template. It may be used while two people stand for exactly this content."""

    id: int
    name: str
    version: int
    content: Template
    content_hash: str
    author_id: int
    first_by: int | None
    second_by: int | None
    retired_at: datetime | None
    created_at: datetime

    @property
    def label(self) -> str:
        """'flood@2', as revisions name it."""
        return f"{self.name}@{self.version}"

    @property
    def waits(self) -> bool:
        """True while an approval is missing."""
        return self.retired_at is None and self.second_by is None

    @property
    def usable(self) -> bool:
        """Approved by two people, still in use, and word for word what they approved."""
        both = self.first_by is not None and self.second_by is not None and self.first_by != self.second_by
        return both and self.retired_at is None and self.content.hash == self.content_hash


def _row(row: RowMapping) -> TemplateRow:
    return TemplateRow(
        row["id"],
        row["name"],
        row["version"],
        from_data(Template, row["content"]),
        row["content_hash"],
        row["author_id"],
        row["first_by"],
        row["second_by"],
        row["retired_at"],
        row["created_at"],
    )


async def add(connection: AsyncConnection, content: Template, author_id: int, now: datetime) -> TemplateRow:
    """The next version of its name."""
    newest = select(func.max(templates.c.version)).where(templates.c.name == content.name)
    values = {
        "name": content.name,
        "version": int((await connection.execute(newest)).scalar() or 0) + 1,
        "content": to_data(content),
        "content_hash": content.hash,
        "author_id": author_id,
        "created_at": now,
    }
    made = await connection.execute(insert(templates).values(**values).returning(templates))
    return _row(made.mappings().one())


async def get(connection: AsyncConnection, template_id: int, *, lock: bool = False) -> TemplateRow | None:
    """One version by its id; with `lock`, nobody else decides over it until the transaction ends."""
    query = select(templates).where(templates.c.id == template_id)
    found = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    return _row(found) if found else None


async def by_label(connection: AsyncConnection, label: str) -> TemplateRow | None:
    """One version by 'name@version'."""
    name, _, version = label.partition("@")
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        return None
    query = select(templates).where(templates.c.name == name, templates.c.version == int(version))
    found = (await connection.execute(query)).mappings().first()
    return _row(found) if found else None


async def in_use(connection: AsyncConnection) -> list[TemplateRow]:
    """Every version that is not retired, by name and version."""
    return await _some(connection, templates.c.retired_at.is_(None))


async def everything(connection: AsyncConnection) -> list[TemplateRow]:
    """Every version, retired ones too."""
    return await _some(connection)


async def _some(connection: AsyncConnection, *where: ColumnElement[bool]) -> list[TemplateRow]:
    query = select(templates).where(*where).order_by(templates.c.name, templates.c.version)
    return [_row(row) for row in (await connection.execute(query)).mappings()]


async def approve(connection: AsyncConnection, row: TemplateRow, person_id: int, now: datetime) -> None:
    """The first or the second approval, whichever is missing."""
    place = "first" if row.first_by is None else "second"
    values: dict[str, Any] = {f"{place}_by": person_id, f"{place}_at": now}
    await connection.execute(update(templates).where(templates.c.id == row.id).values(**values))


async def retire(connection: AsyncConnection, name: str, now: datetime, *, before: int | None = None) -> int:
    """Take a template out of use, or only its versions before one. How many."""
    where = [templates.c.name == name, templates.c.retired_at.is_(None)]
    where += [] if before is None else [templates.c.version < before]
    return int((await connection.execute(update(templates).where(*where).values(retired_at=now))).rowcount)
