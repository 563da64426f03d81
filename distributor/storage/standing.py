"""What stands at a destination by earlier deliveries of the same release: what a correction and a withdrawal work on.

Reads only: deliveries and the renderings that they showed. One statement for all rows of a claim.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.channel import Before
from distributor.core.data import from_data
from distributor.core.delivery import FINAL
from distributor.core.outcome import DOUBT, NOTHING_STOOD, Receipt
from distributor.core.rendering import Rendering
from distributor.storage.hot import Row
from distributor.storage.schema import deliveries

_SHOWS = ("publish", "correct")  # what puts a text there; a hold or a lift is a mail beside it
_ENDS = ("withdraw", "lift")  # what a reader who was told of a hold waits for
_OPEN = ("sending", "unknown", "case")


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest delivery that put something there, and since when; `doubt` as in core.channel.Before."""

    row: RowMapping
    first: RowMapping
    doubt: bool
    heard: bool = False  # `first` is then the hold


def key_of(release_id: str, revision: int, action: str, delivery_id: int) -> str:
    """A delivery's key (core.channel.Job.key)."""
    return f"{release_id}-{revision}-{action}-{delivery_id}"


async def standing(connection: AsyncConnection, rows: Sequence[Row]) -> dict[int, Standing]:
    """Delivery → what stands at its destination before it; nothing for those where nothing does."""
    following = [row for row in rows if row.action != "publish"]
    if not following:
        return {}
    query = select(deliveries).where(
        deliveries.c.release_id.in_({row.release_id for row in following}),
        deliveries.c.destination_id.in_({row.destination_id for row in following}),
        deliveries.c.action.in_([*_SHOWS, "hold"]),
    )
    earlier: dict[tuple[str, int], list[RowMapping]] = {}
    for found in (await connection.execute(query.order_by(deliveries.c.id))).mappings():
        earlier.setdefault((found["release_id"], found["destination_id"]), []).append(found)
    made = {}
    for row in following:
        before = [item for item in earlier.get((row.release_id, row.destination_id), ()) if item["id"] < row.id]
        there = [item for item in before if item["action"] in _SHOWS and may_stand(item)]
        if not there and row.action in _ENDS and (told := _told_of(before)) is not None:
            made[row.id] = Standing(*told, doubt=True, heard=True)
        elif there:
            sure = [item for item in there if item["state"] == "sent" or _tells(item)]
            newest = (sure or there)[-1]
            # What ended half-way is settled by the correction after it; what is open is in doubt however old it is.
            unsure = [item for item in there if item not in sure]
            doubt = any(not sure or item["state"] in _OPEN or item["id"] > newest["id"] for item in unsure)
            made[row.id] = Standing(newest, (sure or there)[0], doubt)
    return made


def may_stand(row: RowMapping) -> bool:
    """True where something of a delivery is out, or may be. One that was in doubt once and ended unsent is not: it was
    looked for and proved absent, or a person looked."""
    began = any(name.startswith("part:") or name == DOUBT for name in (row["progress"] or {}))
    in_doubt = row["uncertain"] and row["state"] not in FINAL
    return row["state"] in ("sent", *_OPEN) or row["receipt"] is not None or in_doubt or began or _tells(row)


def _told_of(before: Sequence[RowMapping]) -> tuple[RowMapping, RowMapping] | None:
    """The publication of which a reader heard by a hold alone: it may have been with him when the hold was decided, and
    has turned out not to be. He was told to wait for what comes of it, so he is told, as where something may stand.
    And the hold."""
    heard = [item for item in before if item["action"] == "hold" and _was_heard(item)]
    told_of = [item for item in before if item["action"] in _SHOWS and heard and item["id"] < heard[-1]["id"]]
    return (told_of[-1], heard[-1]) if told_of else None


def _was_heard(hold: RowMapping) -> bool:
    """True where the notice went out, or may have; not where it found nobody to tell."""
    receipt: Any = hold["receipt"]
    detail = (json.loads(receipt) if isinstance(receipt, str) else receipt or {}).get("detail", {})
    return may_stand(hold) and not NOTHING_STOOD.items() <= detail.items()


def _tells(row: RowMapping) -> bool:
    """True for a correction that ended half-way, or was refused something, and kept what stands since."""
    return row["state"] in FINAL and row["state"] != "sent" and "stands" in (row["progress"] or {})


def before_of(found: Standing, rendering: Rendering) -> Before:
    """As the adapters take it, with what it shows."""
    row, first = found.row, found.first
    receipt: Any = row["receipt"]
    newest = first if found.heard else row  # what reached the reader last
    progress: Mapping[str, Any] = row["progress"] or {}
    return Before(
        revision=row["revision"],
        rendering=rendering,
        receipt=from_data(Receipt, json.loads(receipt) if isinstance(receipt, str) else receipt) if receipt else None,
        progress=progress,
        at=_sent_at(newest),
        first_at=_sent_at(first),
        key=key_of(first["release_id"], first["revision"], first["action"], first["id"]),
        sent_key=key_of(newest["release_id"], newest["revision"], newest["action"], newest["id"]),
        doubt=found.doubt,
        heard=found.heard,
    )


def _sent_at(row: RowMapping) -> datetime:
    """When it was sent: its intent, which was committed right before the call. A look that found it later changed the
    row's own time, not this one."""
    moment: datetime = row["intended_at"] or row["updated_at"]
    return moment
