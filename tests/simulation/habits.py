"""What simulated platforms are, and how badly they behave.

Pure data. A kind says what a channel can do; habits say how often each fault comes. Every seed draws habits of its own,
most of them with some faults missing: what always happens together hides what only happens apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import Any

from distributor.core.channel import Traits

Span = tuple[float, float]


class Fate(StrEnum):
    """What becomes of one call."""

    ANSWERED = "answered"
    UNREACHABLE = "unreachable"  # connection refused, before anything was written
    THROTTLED = "throttled"
    CREDENTIAL = "credential"  # refused until somebody mends it
    REJECTED = "rejected"
    BROKEN = "broken"  # the adapter itself fails, before it writes or after
    CALL_LOST = "call lost"  # written, no effect, no answer
    ANSWER_LOST = "answer lost"  # written, the effect came, no answer
    HANGS = "hangs"  # written, no answer for a long time; the effect may come


@dataclass(frozen=True, slots=True)
class Kind:
    """`parts`: irrevocable calls of a rendering that this channel makes. `steps`: repeatable calls before them.

    `looks`: reconciling can find out. `settles`: seconds until every effect can be seen there.
    `subscribers`: goes to subscribers' addresses, not to an account of its own.
    """

    traits: Traits
    parts: int = 1
    steps: int = 0
    looks: bool = True
    settles: float = 10.0
    subscribers: bool = False


KINDS = MappingProxyType(
    {
        "chat": Kind(Traits(media_count=True), parts=2, steps=2, looks=False),
        "timeline": Kind(Traits(), parts=3, steps=1, settles=20.0),
        "page": Kind(Traits(), steps=3, settles=5.0),
        "site": Kind(Traits(prepares=False, repeatable=True, all_languages=True), settles=0.0),
        "mail": Kind(Traits(prepares=False, bulk=True), looks=False, subscribers=True),
        "hook": Kind(Traits(prepares=False, bulk=True, repeatable=True), settles=0.0, subscribers=True),
    }
)


@dataclass(frozen=True, slots=True)
class Habits:
    """Odds of each fate for one call, and times in seconds.

    `connects`: from the publishing call to the first byte. `latency`: from there to the answer; the effect comes within
    it. `wait`: what a throttling answer asks for. `hang`: how long a hanging call takes. `look_fails`: odds that a look
    does not reach the place. `processing`: odds that an upload is not ready yet.
    """

    unreachable: float = 0.0
    throttled: float = 0.0
    credential: float = 0.0
    rejected: float = 0.0
    broken: float = 0.0
    call_lost: float = 0.0
    answer_lost: float = 0.0
    hangs: float = 0.0
    look_fails: float = 0.0
    processing: float = 0.0
    connects: Span = (0.0, 0.0)
    latency: Span = (0.01, 0.4)
    wait: Span = (1.0, 30.0)
    hang: Span = (20.0, 300.0)

    def fate(self, chance: Random) -> Fate:
        """Draw what becomes of a call."""
        draw = chance.random()
        for fate in Fate:
            if fate is not Fate.ANSWERED:
                draw -= float(getattr(self, fate.replace(" ", "_")))
                if draw < 0:
                    return fate
        return Fate.ANSWERED


CALM = Habits()
_WORST = Habits(0.1, 0.05, 0.01, 0.02, 0.02, 0.05, 0.05, 0.03, 0.3, 0.2)


def some_habits(chance: Random) -> Habits:
    """Habits of one platform in one run: each fault is missing in half of the runs, else up to its worst odds."""
    odds: dict[str, Any] = {
        field.name: chance.uniform(0.0, getattr(_WORST, field.name))
        for field in fields(Habits)
        if isinstance(field.default, float) and chance.random() < 0.5
    }
    slow = chance.choice((0.05, 0.4, 3.0))
    return Habits(**odds, latency=(0.01, slow))
