"""Operating what was promised: send again, pause and resume lanes, end cases.

May touch: deliveries, cases, lanes, alarms, nonces, the audit log. A case is ended by a person's word alone.
`person` None is the operator at the command line, who holds every right of an administrator.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from distributor.core.data import to_data
from distributor.core.outcome import Receipt
from distributor.core.people import Person, Right
from distributor.core.ports import EMBARGO, EVERY, LaneState
from distributor.core.refusal import Refused
from distributor.office import presses
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.storage import Connection, alarms, audit, cases, lanes, reports, restored, tokens
from distributor.storage import people as people_rows

BUTTON_LASTS = timedelta(days=30)
# Sending a dead letter again after its deadline is a person's decision; it gets this much time anew, but for an appeal.
NEW_DEADLINE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CaseButtons:
    """Single-use tokens for the two buttons of a case."""

    there: str
    not_there: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A case that a person has ended."""

    person: Person
    delivery_id: int
    there: bool


def anew(context: Context) -> cases.Anew:
    """The deadlines of what a person sends again now."""
    now = context.clock()
    return cases.Anew(now + NEW_DEADLINE, now + context.appeal_deadline)


class Operations:
    """Uses around running deliveries."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def retry(self, ids: Sequence[int], person: Person | None) -> dict[int, str]:
        """Send dead letters again. id → the state it was in ('' unknown id; sent, queued … are left alone)."""
        _need(person, Right.OPERATE)
        now = self._context.clock()
        before: dict[int, str] = {}
        async with self._context.database.transaction(logged=True) as connection:
            for delivery_id in ids:
                before[delivery_id] = await cases.send_again(connection, delivery_id, now, anew(self._context))
                if before[delivery_id] in {"rejected", "expired", "cancelled"}:
                    data = {"was": before[delivery_id]}
                    subject = f"delivery:{delivery_id}"
                    await audit.append(connection, now, actor(person), "delivery.retried", subject, data)
            await connection.commit()
        await self._context.wake()
        return before

    async def retry_all(self, person: Person | None, channel: str = "", release: str = "") -> dict[str, int]:
        """Send every dead letter again, of a channel or a release or of all: state → how many. Cancelled ones stay:
        they were taken back, not lost."""
        _need(person, Right.OPERATE)
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            before = await cases.send_all_again(connection, channel, release, now, anew(self._context))
            if before:
                data = {"channel": channel, "release": release, "was": before}
                await audit.append(connection, now, actor(person), "deliveries.retried", "deliveries", data)
            await connection.commit()
        await self._context.wake()
        return before

    async def pause(self, lane: str, person: Person | None, reason: str = "") -> None:
        """Stop a lane until somebody resumes it. What is queued stays."""
        if lane == EVERY:
            await self.stop(person, reason)
            return
        _need(person, Right.OPERATE)
        self._known(lane)
        state = LaneState(lane, True, None, "person", reason or f"paused by {actor(person)}")
        async with self._context.database.transaction(logged=True) as connection:
            await lanes.pause(connection, state, actor(person), self._context.clock())
            await connection.commit()
        self._context.events.publish("lane", lane)

    async def resume(self, lane: str, person: Person | None) -> None:
        """Let a lane go on."""
        _need(person, Right.OPERATE)
        self._known(lane)
        async with self._context.database.transaction(logged=True) as connection:
            await _not_restored(connection)
            await lanes.resume(connection, lane, actor(person), self._context.clock())
            if lane == EMBARGO:
                await self._answer_clock(connection, person)
            await connection.commit()
        self._context.events.publish("lane", lane)
        await self._context.wake()

    async def _answer_clock(self, connection: Connection, person: Person | None) -> None:
        """Who lets embargoes end again has answered what the clock's alarms ask."""
        now = self._context.clock()
        for alarm in await alarms.open_alarms(connection, "clock"):
            await alarms.resolve(connection, alarm.id, person.id if person else None, "open", now)
            data = {"kind": alarm.kind, "key": alarm.key, "resolution": "open"}
            await audit.append(connection, now, actor(person), "alarm.resolved", alarm.subject, data)

    async def stop(self, person: Person | None, reason: str = "") -> None:
        """One stop for everything: nothing is claimed in any lane until `start`. What is under way ends."""
        _need(person, Right.OPERATE)
        state = LaneState(EVERY, True, None, "person", reason or f"stopped by {actor(person)}")
        async with self._context.database.transaction(logged=True) as connection:
            await _not_restored(connection)
            await lanes.pause(connection, state, actor(person), self._context.clock())
            await connection.commit()
        self._context.events.publish("lane", EVERY)

    async def start(self, person: Person | None) -> None:
        """End the stop for everything. Lanes that were paused by themselves stay so."""
        await self.resume(EVERY, person)

    def _known(self, lane: str) -> None:
        if lane not in {*self._context.seats, EVERY, EMBARGO}:
            raise Refused("unknown_channel", name=lane, known=", ".join(self._context.seats))

    async def lanes(self) -> dict[str, LaneState]:
        """Every configured lane, those that were never paused too; and that of all lanes, and that of the embargoes,
        where it stands paused."""
        async with self._context.database.read() as connection:
            kept = await lanes.all_lanes(connection)
        found = {name: kept.get(name, LaneState(name)) for name in self._context.seats}
        return found | {name: state for name, state in kept.items() if name in {EVERY, EMBARGO} and state.paused}

    async def open_cases(self) -> list[dict[str, Any]]:
        """Cases that wait for a person (columns as in storage.reports.open_cases)."""
        async with self._context.database.read() as connection:
            return await reports.open_cases(connection)

    async def case_buttons(self, delivery_id: int) -> CaseButtons:
        """Tokens for 'it is there' and 'it is not: send again', for whoever holds the right. They are bound to the
        case that is open now: over a later case of the same delivery they decide nothing."""
        now = self._context.clock()
        made = CaseButtons(secrets.token_urlsafe(18), secrets.token_urlsafe(18))
        async with self._context.database.transaction(logged=True) as connection:
            case_id = await reports.open_case_id(connection, delivery_id)
            for purpose, token in (("there", made.there), ("not_there", made.not_there)):
                values = {
                    "purpose": purpose,
                    "subject": str(delivery_id),
                    "revision": case_id,
                    "created_at": now,
                    "expires_at": now + BUTTON_LASTS,
                }
                await tokens.add_nonce(connection, token, values)
            await connection.commit()
        return made

    async def press_case(self, token: str, telegram_id: int) -> Resolved:
        """A case's button was pressed."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            person = await people_rows.by_telegram(connection, telegram_id)
            nonce = await tokens.get_nonce(connection, token)
            code = presses.nonce_fault(nonce, ("there", "not_there"), person, now)
            if not code and person and not person.may(Right.RESOLVE):
                code = "not_editor"
            if not code and nonce:
                open_now = await reports.open_case_id(connection, int(nonce["subject"]))
                code = "" if open_now and open_now == nonce["revision"] else "no_open_case"
            if not code and nonce and person and not await tokens.use_nonce(connection, token, person.id, now):
                code = "already_pressed"
            if code or nonce is None or person is None:
                subject = f"delivery:{nonce['subject']}" if nonce else "desk"
                await presses.note(connection, now, telegram_id, person, subject, {"code": code})
                await connection.commit()
                raise Refused(code, **({"id": nonce["subject"]} if nonce else {}))
            there = nonce["purpose"] == "there"
            release = await self._resolve(connection, int(nonce["subject"]), there, person)
            await connection.commit()
        await self._tell(release, int(nonce["subject"]))
        return Resolved(person, int(nonce["subject"]), there)

    async def resolve(self, delivery_id: int, there: bool, person: Person | None) -> None:
        """End a case: it is there, or it is not and must be sent again."""
        _need(person, Right.RESOLVE)
        async with self._context.database.transaction(logged=True) as connection:
            release = await self._resolve(connection, delivery_id, there, person)
            await connection.commit()
        await self._tell(release, delivery_id)

    async def _tell(self, release_id: str, delivery_id: int) -> None:
        await self._context.wake()
        self._context.events.publish("release", release_id)
        self._context.events.publish("case", str(delivery_id))

    async def _resolve(self, connection: Connection, delivery_id: int, there: bool, person: Person | None) -> str:
        now = self._context.clock()
        case = await cases.get_open(connection, delivery_id)
        if case is None:
            raise Refused("no_open_case", id=str(delivery_id))
        values: dict[str, Any] = {"state": "queued", "due": now, "step": "", "code": "", "reason": "", "looks": 0}
        if there:
            values |= _confirmed(case, actor(person))
        word = "there" if there else "not_there"
        if not await cases.resolve(connection, case, word, values, person.id if person else None, now):
            raise Refused("no_open_case", id=str(delivery_id))
        data = {"step": case.step, "resolution": word}
        await audit.append(connection, now, actor(person), "case.resolved", f"delivery:{delivery_id}", data)
        return case.release_id


def _confirmed(case: cases.OpenCase, who: str) -> dict[str, Any]:
    """A person says that the step in doubt took place. The parts after it, if any, are still to be sent."""
    place = int(case.step.partition(":")[2] or 0)
    progress = case.progress | {f"part:{place}": {"confirmed": who}}
    if place + 1 < case.parts:
        return {"progress": progress}
    receipt = Receipt((), (), {"confirmed_by": who})
    return {"progress": progress, "state": "sent", "code": "confirmed", "receipt": to_data(receipt)}


async def _not_restored(connection: Connection) -> None:
    """Nobody lifts what halts a restored database but its recovery."""
    if await lanes.paused_since(connection, EVERY, restored.CODE) is not None:
        raise Refused("restored")


def _need(person: Person | None, right: Right) -> None:
    if person is not None and not person.may(right):
        raise Refused("not_administrator" if right is Right.OPERATE else "not_editor")
