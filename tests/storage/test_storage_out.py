"""What is out, or may be: the statements inside the database say of each row what the claim says of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from sqlalchemy import select, update

from distributor.core.channel import Action
from distributor.core.data import to_data
from distributor.core.delivery import FINAL, DeliveryState
from distributor.core.outcome import DOUBT, Receipt, nothing_stood
from distributor.storage.out import is_out, may_stand
from distributor.storage.schema import deliveries
from distributor.storage.standing import may_stand as may_stand_at_a_claim
from tests.storage.world import World

RECEIPT = to_data(Receipt(("1",)))
MARKS: list[dict[str, Any]] = [
    {},
    {"uncertain": True},
    {"receipt": RECEIPT},
    {"progress": {"part:1": {"ids": [1]}}},
    {"progress": {DOUBT: {"code": "no_answer"}}},
    {"progress": {"stands": {"chat": "@a", "slots": [], "done": []}}},
    {"progress": {"media:1": {"id": "1"}, "said": {"of": '"doubt" "stands"'}}},
]


async def test_sql_and_python_agree_on_what_may_stand(world: World) -> None:
    cases = list(itertools.product(DeliveryState, MARKS))
    for number in range(len(cases)):
        await world.subscriber(f"{number}@x.example")
    revision, value = await world.approved("press")
    await world.promise(revision, value)
    ids = [row["id"] for row in await world.rows()]
    async with world.database.transaction() as connection:
        for number, (state, mark) in zip(ids, cases, strict=True):
            change = update(deliveries).where(deliveries.c.id == number).values(state=state.value, **mark)
            await connection.execute(change)
        await connection.commit()
    async with world.database.read() as connection:
        found = (await connection.execute(select(deliveries, may_stand().label("sql")))).mappings().all()
    assert len(found) == len(cases)
    for row in found:
        # What a correction kept while it waits is asked by an approval, which cancels it right afterwards.
        waits = row["state"] not in FINAL and "stands" in row["progress"]
        assert bool(row["sql"]) is (may_stand_at_a_claim(row) or waits), (
            row["state"],
            row["progress"],
            row["uncertain"],
        )


@pytest.mark.parametrize(
    ("action", "values", "there"),
    [
        (Action.PUBLISH, {"state": "sent", "receipt": RECEIPT}, True),
        (Action.HOLD, {"state": "sent", "receipt": RECEIPT}, True),
        (Action.HOLD, {"state": "sent", "receipt": to_data(nothing_stood().receipt)}, False),
        (Action.HOLD, {"state": "rejected"}, False),
        (Action.PUBLISH, {"state": "rejected", "uncertain": True}, False),  # looked for, and proved absent
        (Action.PUBLISH, {"state": "waiting", "uncertain": True}, True),
    ],
)
async def test_a_notice_that_found_nobody_put_nothing_there(
    world: World, action: Action, values: dict[str, Any], there: bool
) -> None:
    await world.own("x", "@ministry")
    revision, value = await world.approved("x")
    await world.promise(revision, value, action=action.value)
    async with world.database.transaction() as connection:
        await connection.execute(update(deliveries).values(**values))
        await connection.commit()
    async with world.database.read() as connection:
        assert bool((await connection.execute(select(is_out()))).scalar_one()) is there
