"""What stands as approved is what the log says was approved: a text altered with every hash beside it is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select, text, update

from distributor.core.data import from_data, to_data
from distributor.core.rendering import Rendering
from distributor.storage.schema import renderings, revisions
from tests.office.press_office import PressOffice


async def alter(office: PressOffice, statement: str, **values: Any) -> None:
    async with office.database.transaction() as connection:
        await connection.execute(text(statement), values)
        await connection.commit()


async def fault(office: PressOffice) -> str:
    return (await office.office.auditing.verify()).fault


async def test_a_rendering_altered_together_with_its_hash_is_named(office: PressOffice) -> None:
    release_id = await office.approved()
    assert await fault(office) == ""
    async with office.database.transaction() as connection:
        query = select(renderings).where(renderings.c.channel == "telegram")
        row = (await connection.execute(query)).mappings().one()
        body = json.loads(json.dumps(row["body"]).replace(json.dumps("ორივე")[1:-1], json.dumps("არც ერთი")[1:-1]))
        other = from_data(Rendering, body)
        assert other.hash != row["hash"]
        values = {"body": to_data(other), "hash": other.hash}
        await connection.execute(update(renderings).where(renderings.c.id == row["id"]).values(**values))
        await connection.commit()
    assert await fault(office) == f"revision 1 of release {release_id} (approved by event 9): altered"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE revisions SET content_hash = 'x'", "altered"),
        ("UPDATE revisions SET audience = '[]'", "altered"),
        ("UPDATE renderings SET body = '{}'", "cannot be read"),
        ("DELETE FROM renderings", "altered"),
        ("DELETE FROM revisions", "removed"),
    ],
)
async def test_whatever_of_an_approved_revision_is_altered_is_named(
    office: PressOffice, statement: str, said: str
) -> None:
    release_id = await office.approved()
    await alter(office, statement)
    found = await fault(office)
    assert f"of release {release_id}" in found
    assert said in found


async def test_of_a_revision_from_before_the_audience_was_kept_the_hash_is_compared(office: PressOffice) -> None:
    release_id = await office.approved()
    async with office.database.transaction() as connection:
        mine = revisions.c.release_id == release_id
        await connection.execute(update(revisions).where(mine).values(audience=text("NULL")))
        await connection.commit()
    assert await fault(office) == ""
    await alter(office, "UPDATE revisions SET content_hash = 'x'")
    assert "altered" in await fault(office)
