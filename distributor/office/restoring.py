"""An old backup was restored: notice it, send nothing, and reconcile when a person says so (fault 20).

May touch: the marks outside the database, the audit log, lanes, deliveries, cases. Never sends, never guesses.

The rows of a restored database are honest and out of date: what stands as queued may have been sent since the backup
was taken. Nothing inside the database can tell, so how far its log had come is kept outside of it (queue.mark), by
number and hash, at the start and the end of a worker and every two seconds between. A log that lacks that event is an
older one, and then

- the lane of all lanes is paused with the code `restored`; no claim passes it, and no `resume` ends it;
- `recover` makes unknown whatever may have left since: it is looked for at its platform, back to the time of its
  promise; found → sent, absent → again, cannot tell → a case. A repeatable channel (the website) simply goes again, and
  so do the edits and deletions of corrections and withdrawals, whose new posts are looked for first;
- a recovery is an event of the log itself, and answers for every mark that is older than it: also for those that other
  machines have in their files.

What this cannot know: deliveries promised after the backup (their approvals are lost with it: such a release stands as
submitted again, a correction or withdrawal as proposed, and who approves it again sends it again: `recover` names
them); who became a trusted subscriber after it; what happened within the last two
seconds before the loss; and that a database is old where the mark went with it (a new machine without Redis, or
the file restored out of the same backup): then `recover` is to be run by hand, before the first worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from distributor.core.data import to_micros
from distributor.core.people import Person, Right
from distributor.core.ports import EVERY, LaneState
from distributor.core.refusal import Refused
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.queue.mark import Mark, MarkKeeper
from distributor.storage import Connection, audit, lanes, restored
from distributor.storage.restored import Doubt

log = structlog.get_logger(__name__)

CODE = restored.CODE


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recovery does, or did. `detected`: somebody noticed that the database is older. `submitted`: releases
    whose approval may be lost."""

    detected: bool
    doubt: Doubt
    submitted: Sequence[str] = ()


class Restoring:
    """Uses around a database that may be older than what was done."""

    def __init__(self, context: Context, keepers: Sequence[MarkKeeper] = ()) -> None:
        self._context = context
        self._keepers = keepers
        self._turn = asyncio.Lock()

    async def look(self) -> bool:
        """Compare the log with the marks, and set them anew. False, and everything halted, where the log is an older
        one. ValueError where a mark cannot be read."""
        async with self._turn:
            marks = [mark for keeper in self._keepers if (mark := await keeper.read()) is not None]
            async with self._context.database.read() as connection:
                lacking = [mark for mark in marks if not await restored.holds(connection, mark.seq, mark.hash)]
                seq, value = await audit.head(connection)
            if lacking and await self._halted(lacking):
                return False
            for keeper in self._keepers:
                await keeper.keep(Mark(seq, value, to_micros(self._context.clock())), anew=bool(lacking))
            return True

    async def _halted(self, lacking: Sequence[Mark]) -> bool:
        """Halt everything, once. False where a recovery has answered for all these marks, perhaps just now."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            answered = await restored.last_recovery(connection)
            unanswered = [mark for mark in lacking if answered is None or mark.at > to_micros(answered)]
            if not unanswered:
                return False
            if await lanes.paused_since(connection, EVERY, CODE) is not None:
                return True
            last, (seq, _) = max(mark.seq for mark in unanswered), await audit.head(connection)
            reason = f"the database is older than what was done: its log ends with event {seq}, and {last} was seen"
            await lanes.pause(connection, LaneState(EVERY, True, None, CODE, reason), "system", now)
            await connection.commit()
        log.error("nothing is sent until: distributor recover", reason=reason)
        self._context.events.publish("lane", EVERY)
        return True

    async def plan(self) -> Plan:
        """What `recover` would do now."""
        async with self._context.database.read() as connection:
            standing, before = await self._since(connection)
            doubt = await restored.count(connection, self._repeatable(), before, self._context.clock())
            return Plan(standing, doubt, await restored.waiting_for_approval(connection))

    async def recover(self, person: Person | None = None) -> Plan:
        """Reconcile, and let the lanes go on. One transaction; the marks are set when it stands."""
        if person is not None and not person.may(Right.OPERATE):
            raise Refused("not_administrator")
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            standing, before = await self._since(connection)
            doubt = await restored.doubt(connection, self._repeatable(), before, now)
            submitted = await restored.waiting_for_approval(connection)
            data = {"detected": standing, "unknown": doubt.unknown, "cases": doubt.cases, "again": doubt.again}
            await audit.append(connection, now, actor(person), restored.KIND, restored.SUBJECT, data)
            if standing:
                await lanes.resume(connection, EVERY, actor(person), now)
            await connection.commit()
        await self.look()
        self._context.events.publish("lane", EVERY)
        await self._context.wake()
        return Plan(standing, doubt, submitted)

    async def _since(self, connection: Connection) -> tuple[bool, datetime]:
        """Whether it was noticed, and when: what was promised after that nobody sent before the backup."""
        standing = await lanes.paused_since(connection, EVERY, CODE)
        return standing is not None, standing or self._context.clock()

    def _repeatable(self) -> list[str]:
        return [name for name, seat in self._context.seats.items() if seat.adapter.traits.repeatable]

    async def aclose(self) -> None:
        """Release the marks' connections."""
        for keeper in self._keepers:
            await keeper.aclose()
