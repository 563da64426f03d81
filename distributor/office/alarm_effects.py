"""What the answers to alarms do.

May touch: deliveries, lanes, the audit log; inside the transaction that keeps the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from distributor.core.people import Person
from distributor.core.ports import EMBARGO, EVERY, LaneState
from distributor.office.alarm_kinds import News
from distributor.office.alarms import Alarms
from distributor.office.context import Context
from distributor.office.operations import anew
from distributor.office.people import actor
from distributor.storage import Connection, audit, cases, lanes
from distributor.storage.alarms import Alarm


def give_effects(alarms: Alarms, context: Context) -> None:
    """Tell the alarms what follows from their answers."""
    effects = _Effects(context)
    alarms.on("expired", effects.expired)
    alarms.on("clock", effects.clock)
    for kind in ("foreign", "returned", "vanished", "changed"):
        alarms.on(kind, effects.stands_otherwise)


class _Effects:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def expired(self, connection: Connection, alarm: Alarm, word: str, person: Person | None) -> Sequence[News]:
        """Send what expired of this release and revision all the same, with a new deadline; or leave it."""
        release, revision = str(alarm.params["release"]), int(alarm.params["revision"])
        if word == "send":
            now = self._context.clock()
            before = await cases.send_all_again(
                connection, "", release, now, anew(self._context), states=("expired",), revision=revision
            )
            data = {"release": release, "revision": revision, "was": before}
            await audit.append(connection, now, actor(person), "deliveries.retried", "deliveries", data)
        return [("release", release)]

    async def clock(self, connection: Connection, _alarm: Alarm, word: str, person: Person | None) -> Sequence[News]:
        """The clock is right: embargoes end at their time again. Or they stay closed until `channels resume`."""
        now, who = self._context.clock(), actor(person)
        if word == "open":
            await lanes.resume(connection, EMBARGO, who, now)
        else:  # from now on it is a person's pause, which the desk sees as one
            await lanes.pause(connection, LaneState(EMBARGO, True, None, "person", f"left closed by {who}"), who, now)
        return [("lane", EMBARGO)]

    async def stands_otherwise(
        self, connection: Connection, alarm: Alarm, word: str, person: Person | None
    ) -> Sequence[News]:
        """Perhaps somebody else has the account: one answer stops everything."""
        if word != "stop":
            return []
        state = LaneState(EVERY, True, None, "person", f"{alarm.kind}: stopped by {actor(person)}")
        await lanes.pause(connection, state, actor(person), self._context.clock())
        return [("lane", EVERY)]
