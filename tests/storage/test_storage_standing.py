"""What stands at a destination, from the rows of its earlier deliveries: what is sure, and what is in doubt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import update

from distributor.core.channel import Action
from distributor.storage.hot import Row
from distributor.storage.schema import deliveries
from distributor.storage.standing import standing
from tests.storage.world import World

HALF = {"state": "rejected", "progress": {"part:0": {"ids": [1]}}}
SENT = {"state": "sent", "receipt": {"remote_ids": ["1"], "links": [], "detail": {}}}
Rows = list[tuple[Action, dict[str, Any]]]


@pytest.mark.parametrize(
    ("rows", "doubt"),
    [
        ([(Action.PUBLISH, SENT)], False),
        ([(Action.PUBLISH, HALF)], True),
        ([(Action.PUBLISH, HALF), (Action.CORRECT, SENT)], False),  # the correction worked on what stood
        ([(Action.PUBLISH, {"state": "case"}), (Action.CORRECT, SENT)], True),  # nobody has said whether it is there
        ([(Action.PUBLISH, SENT), (Action.CORRECT, HALF)], True),
        ([(Action.PUBLISH, SENT), (Action.CORRECT, {"state": "rejected"})], False),
    ],
)
async def test_what_is_in_doubt(world: World, rows: Rows, doubt: bool) -> None:
    await world.own("x", "@ministry")
    revision, value = await world.approved("x")
    for action, _ in [*rows, (Action.WITHDRAW, {})]:
        await world.promise(revision, value, action=action.value)
    made = await world.rows()
    async with world.database.transaction() as connection:
        for row, (_, values) in zip(made, rows, strict=False):
            await connection.execute(update(deliveries).where(deliveries.c.id == row["id"]).values(**values))
        await connection.commit()
    last = made[-1]
    asked = cast(
        Row, SimpleNamespace(**{name: last[name] for name in ("id", "release_id", "destination_id", "action")})
    )
    async with world.database.read() as connection:
        found = await standing(connection, [asked])
    assert found[last["id"]].doubt is doubt
