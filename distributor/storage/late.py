"""What waits past its deadline: found whatever its lane and its release do, and ended as a claim would end it.

May touch: deliveries, alarms, releases' state, audit_events; reads what rule 7 checks. Inside the caller's transaction.
A claim ends what is late only when it meets it, and nothing is claimed in a lane that is paused or rests, nor of a
release that is held.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from distributor.core.clock import CODE
from distributor.core.delivery import Drop
from distributor.core.ports import EMBARGO, EVERY, Wish
from distributor.core.release import ReleaseState, Status
from distributor.storage import lanes, restored
from distributor.storage.hot import CLAIMABLE_SQL, SELECT, Row, Terms, TermsOf, sort_out
from distributor.storage.lines import micros
from distributor.storage.schema import deliveries, releases, revisions

MOST = 100  # in one transaction, which keeps the log's turn: a fifth of a second
# In the order of the index alone: of a whole list that is late nothing is sorted for each batch.
_ROWS = f"{SELECT} WHERE d.{CLAIMABLE_SQL} AND d.deadline <= :now ORDER BY d.deadline LIMIT :most"


def overdue(now: datetime) -> Select[tuple[int]]:
    """The deliveries that wait and are past their deadline, in the words of their index."""
    return select(deliveries.c.id).where(text(f"deliveries.{CLAIMABLE_SQL}"), deliveries.c.deadline <= now)


async def waits(connection: AsyncConnection, now: datetime) -> bool:
    """True where something is to be ended. In a restored database nothing is before its recovery, which asks what may
    have been sent since of all that waits in it; and nothing by a clock that is doubted, before a person has looked:
    what was ended does not come back when the clock is set right."""
    if (await connection.execute(overdue(now).limit(1))).first() is None:
        return False
    if await lanes.paused_since(connection, EMBARGO, CODE) is not None:
        return False
    return await lanes.paused_since(connection, EVERY, restored.CODE) is None


async def expire(connection: AsyncConnection, worker: str, now: datetime, live: frozenset[str]) -> int:
    """End what is past its deadline, some at a time; `live`: the lanes that reach the public. Returns how many. Takes
    the rows before it writes one: whoever has the log's turn, as the caller has, never waits for a row."""
    free = " FOR UPDATE OF d SKIP LOCKED" if connection.dialect.name == "postgresql" else ""
    found = await connection.execute(text(_ROWS + free), {"now": micros(now), "most": MOST})
    rows = [Row(*row) for row in found.all()]
    terms = await _terms(connection, rows)
    drops: list[tuple[Row, Drop]] = []
    for channel in dict.fromkeys(row.channel for row in rows):
        mine = [row for row in rows if row.channel == channel]
        drops += sort_out(mine, terms, {}, Wish(channel, len(mine), live=channel in live), now).drops
    return await lanes.drop_deliveries(connection, drops, worker, now)


async def _terms(connection: AsyncConnection, rows: Iterable[Row]) -> TermsOf:
    """What is true of their revisions. Schedule and embargo are left out: what is late is decided before them."""
    wanted = {(row.release_id, row.revision) for row in rows}
    query = (
        select(
            revisions.c.release_id,
            revisions.c.number,
            revisions.c.approved_hash,
            revisions.c.content["status"].as_string().label("status"),
            releases.c.state,
        )
        .join(releases, releases.c.id == revisions.c.release_id)
        .where(tuple_(revisions.c.release_id, revisions.c.number).in_(wanted))
    )
    return {
        (row.release_id, row.number): Terms(
            ReleaseState(row.state), "", row.approved_hash, None, None, None, Status(row.status)
        )
        for row in (await connection.execute(query)).all()
    }
