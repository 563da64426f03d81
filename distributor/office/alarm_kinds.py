"""The kinds of alarm: who may answer with which word, how often each is said again, and what an answer does.

Pure tables; the effects are given by whoever makes the office (office.office), so that a kind stays one line here. The
words for people stand in the catalogues: `alarm.<kind>`, `alarm.answer.<word>`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from distributor.core.people import Person, Right
from distributor.storage import Connection
from distributor.storage.alarms import EXPIRED_AGAIN, Alarm

News = tuple[str, str]  # topic and subject, as core.ports.Events takes them
# Inside the transaction that keeps the answer; it may refuse (core.refusal), and then nothing is kept. Returns the news
# to be told once it is committed. `person` None is the operator at the command line.
Effect = Callable[[Connection, Alarm, str, Person | None], Awaitable[Sequence[News]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One button: the word that is kept (20 characters at the most), and the right that it takes."""

    word: str
    right: Right


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """What may be answered, and how often it is said again where its raiser names nothing else. `at_desk`: by a button
    alone, for at a shell anybody can name anybody as the one who answers."""

    name: str
    answers: tuple[Answer, ...]
    chase: timedelta | None = None
    at_desk: bool = False

    def answer(self, word: str) -> Answer | None:
        """The answer of this word."""
        return next((one for one in self.answers if one.word == word), None)


_SEEN = Answer("seen", Right.RESOLVE)
_STOP = Answer("stop", Right.OPERATE)

KINDS: dict[str, AlarmKind] = {
    kind.name: kind
    for kind in (
        # Deliveries that were not sent before their deadline.
        AlarmKind("expired", (Answer("send", Right.DECIDE), Answer("leave", Right.DECIDE)), EXPIRED_AGAIN),
        # The clock jumped, or differs from other clocks: no embargo ends until a person has looked.
        AlarmKind("clock", (Answer("open", Right.OPERATE), Answer("closed", Right.RESOLVE)), timedelta(minutes=10)),
        # What stands at a platform differs from what was sent.
        AlarmKind("foreign", (Answer("ours", Right.RESOLVE), _STOP, _SEEN), timedelta(minutes=10)),
        AlarmKind("returned", (Answer("ours", Right.RESOLVE), _STOP, _SEEN), timedelta(minutes=10)),
        AlarmKind("vanished", (Answer("ours", Right.RESOLVE), _STOP, _SEEN), timedelta(minutes=30)),
        AlarmKind("changed", (Answer("ours", Right.RESOLVE), _STOP, _SEEN), timedelta(minutes=30)),
        # A channel's credentials or platform.
        AlarmKind("channel_unwell", (_SEEN,), timedelta(hours=4)),
        AlarmKind("token_expires", (_SEEN,), timedelta(hours=24)),
        # A release that one editor approved by a template: a second person looks at it afterwards.
        AlarmKind(
            "review", (Answer("right", Right.DECIDE), Answer("wrong", Right.DECIDE)), timedelta(minutes=10), True
        ),
    )
}
