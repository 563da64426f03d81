"""What stands at a destination, from the rows of its earlier deliveries: what is sure, and what is in doubt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import update

from distributor.core.channel import Action
from distributor.core.data import to_data
from distributor.core.outcome import nothing_stood
from distributor.storage.hot import Row
from distributor.storage.schema import deliveries
from distributor.storage.standing import Standing, standing
from tests.storage.world import World

HALF = {"state": "rejected", "progress": {"part:0": {"ids": [1]}}}
SENT = {"state": "sent", "receipt": {"remote_ids": ["1"], "links": [], "detail": {}}}
NOBODY = {"state": "sent", "receipt": to_data(nothing_stood().receipt)}
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
    found = await before(world, rows, Action.WITHDRAW)
    assert found is not None
    assert found.doubt is doubt


@pytest.mark.parametrize(
    ("hold", "then", "told"),
    [
        (SENT, Action.WITHDRAW, True),
        (SENT, Action.LIFT, True),
        ({"state": "case"}, Action.WITHDRAW, True),
        (SENT, Action.CORRECT, False),  # which publishes: he gets the text
        (NOBODY, Action.WITHDRAW, False),
        (NOBODY, Action.LIFT, False),
        ({"state": "rejected"}, Action.WITHDRAW, False),
    ],
)
async def test_who_heard_of_a_hold_hears_of_its_end_though_nothing_came_of_the_release(
    world: World, hold: dict[str, Any], then: Action, told: bool
) -> None:
    found = await before(world, [(Action.PUBLISH, {"state": "cancelled"}), (Action.HOLD, hold)], then)
    assert (found is not None) is told
    if found is not None:
        assert found.row["action"] == "publish", "the release of which he was told, not the notice"
        assert found.doubt
        assert found.heard
        assert found.first["action"] == "hold"


async def before(world: World, rows: Rows, then: Action) -> Standing | None:
    """What stands before the last of a destination's deliveries."""
    await world.own("x", "@ministry")
    revision, value = await world.approved("x")
    for action, _ in [*rows, (then, {})]:
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
        return (await standing(connection, [asked])).get(last["id"])
