"""Alarms at the desk: raise one, answer it, by button or at the command line.

May touch: alarms, nonces, the audit log, news of the office; and what the effect of an answer touches. Each alarm is
raised once for its key and answered once; an answer and what it does are committed together.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.office import presses
from distributor.office.alarm_kinds import KINDS, AlarmKind, Effect
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.storage import Connection, alarms, audit, tokens
from distributor.storage.alarms import Alarm

BUTTON_LASTS = timedelta(days=30)
PURPOSE = "alarm"
OVER = "over"  # the resolution of one that ended by itself
DESK, SHELL = "desk", "shell"  # where an answer was given


@dataclass(frozen=True, slots=True)
class Answered:
    """An alarm that a person has just answered; `person` None at the command line."""

    alarm: Alarm
    word: str
    person: Person | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the desk has to do: say (or say again), and close with the name of who answered ('' for the operator)."""

    to_say: list[Alarm]
    to_close: list[tuple[Alarm, str]]


class Alarms:
    """Uses around alarms. `on` gives a kind its effect."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._effects: dict[str, Effect] = {}

    def on(self, kind: str, effect: Effect) -> None:
        """Carry this out, in the same transaction, when an alarm of the kind is answered."""
        self._effects[KINDS[kind].name] = effect

    async def raise_alarm(
        self, kind: str, subject: str, key: str, params: dict[str, Any] | None = None, chase: timedelta | None = None
    ) -> bool:
        """Ask a person. False where this was asked before (`key` is unique for ever). `chase` None: as its kind."""
        async with self._context.database.read() as connection:
            if await alarms.known(connection, key):
                return False
        async with self._context.database.transaction(logged=True) as connection:
            fresh = await self.raise_within(connection, kind, subject, key, params, chase)
            await connection.commit()
        if fresh:
            self._context.events.publish("alarm", key)
        return fresh

    async def raise_within(
        self,
        connection: Connection,
        kind: str,
        subject: str,
        key: str,
        params: dict[str, Any] | None = None,
        chase: timedelta | None = None,
    ) -> bool:
        """The same inside the caller's transaction; the caller tells the news ('alarm', key) once it is committed."""
        every = chase or KINDS[kind].chase
        return await alarms.add(connection, kind, subject, key, params or {}, self._context.clock(), every)

    async def open(self, kind: str = "") -> list[Alarm]:
        """What waits for an answer, oldest first."""
        async with self._context.database.read() as connection:
            return await alarms.open_alarms(connection, kind)

    async def waiting(self) -> Waiting:
        """What the desk has to say, and which of its messages it has to close."""
        async with self._context.database.read() as connection:
            to_say = await alarms.to_say(connection)
            again = await alarms.due_for_chasing(connection, self._context.clock())
            return Waiting([*to_say, *again], await alarms.to_close(connection))

    async def said(self, alarm: Alarm, message_id: int) -> None:
        """This message at the desk speaks of it now."""
        async with self._context.database.transaction() as connection:
            await alarms.said(connection, alarm, message_id, self._context.clock())
            await connection.commit()

    async def closed(self, alarm: Alarm) -> None:
        """Its message at the desk says how it ended."""
        async with self._context.database.transaction() as connection:
            await alarms.closed(connection, alarm.id)
            await connection.commit()

    async def buttons(self, alarm: Alarm) -> list[tuple[str, str]]:
        """A single-use token for each answer: (word, token). Whoever holds the answer's right may press."""
        now = self._context.clock()
        made = [(answer.word, secrets.token_urlsafe(18)) for answer in KINDS[alarm.kind].answers]
        async with self._context.database.transaction() as connection:
            for word, token in made:
                values = {
                    "purpose": PURPOSE,
                    "subject": str(alarm.id),
                    "content_hash": word,
                    "created_at": now,
                    "expires_at": now + BUTTON_LASTS,
                }
                await tokens.add_nonce(connection, token, values)
            await connection.commit()
        return made

    async def pressed(self, token: str, telegram_id: int) -> Answered:
        """A button was pressed. A refusal is written down."""
        now = self._context.clock()
        try:
            async with self._context.database.transaction(logged=True) as connection:
                person, nonce = await presses.taken(connection, token, telegram_id, PURPOSE, now)
                subject, word = int(nonce["subject"]), nonce["content_hash"]
                done, news = await self._answer(connection, subject, word, person, DESK, now)
                await connection.commit()
        except Refused as refused:
            await presses.note_refused(self._context, token, telegram_id, refused.code, PURPOSE)
            raise
        await self._tell(done, news)
        return done

    async def resolve(self, alarm_id: int, person: Person | None, word: str) -> Answered:
        """Answer an alarm at the command line, where `person` is a word of whoever types; None is the operator. What
        two people must have seen is not answered so."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            done, news = await self._answer(connection, alarm_id, word, person, SHELL, now)
            await connection.commit()
        await self._tell(done, news)
        return done

    async def over(self, kind: str, subject: str, *, but: str = "") -> None:
        """What an alarm told of has ended by itself: its open ones are closed, but for the one with this key."""
        if not [alarm for alarm in await self.open(kind) if alarm.subject == subject and alarm.key != but]:
            return
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            for alarm in await alarms.open_alarms(connection, kind):
                if alarm.subject != subject or alarm.key == but:
                    continue
                await alarms.resolve(connection, alarm.id, None, OVER, now)
                data = {"kind": alarm.kind, "key": alarm.key, "resolution": OVER}
                await audit.append(connection, now, "system", "alarm.resolved", alarm.subject, data)
            await connection.commit()
        self._context.events.publish("alarm", subject)

    async def _answer(
        self, connection: Connection, alarm_id: int, word: str, person: Person | None, where: str, now: datetime
    ) -> tuple[Answered, list[tuple[str, str]]]:
        alarm = await alarms.get(connection, alarm_id)
        if alarm is None or alarm.resolved_at is not None:
            raise Refused("no_open_alarm", id=str(alarm_id))
        kind = KINDS[alarm.kind]
        _need(kind, word, person, where)
        if not await alarms.resolve(connection, alarm_id, person.id if person else None, word, now):
            raise Refused("no_open_alarm", id=str(alarm_id))
        data = {"kind": alarm.kind, "key": alarm.key, "resolution": word, "where": where}
        await audit.append(connection, now, actor(person), "alarm.resolved", alarm.subject, data)
        effect = self._effects.get(alarm.kind)
        news = list(await effect(connection, alarm, word, person)) if effect else []
        return Answered(alarm, word, person), news

    async def _tell(self, done: Answered, news: list[tuple[str, str]]) -> None:
        await self._context.wake()
        for topic, subject in [*news, ("alarm", done.alarm.key)]:
            self._context.events.publish(topic, subject)


def _need(kind: AlarmKind, word: str, person: Person | None, where: str) -> None:
    if kind.at_desk and where != DESK:
        raise Refused("review_by_person")
    answer = kind.answer(word)
    if answer is None:
        raise Refused("unknown_answer", word=word, known=", ".join(one.word for one in kind.answers))
    if person is not None and not person.may(answer.right):
        raise Refused("not_administrator" if answer.right.value == "operate" else "not_editor")
