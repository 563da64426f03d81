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

from distributor.core.channel import Action, Traits

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


class Follows(StrEnum):
    """How a channel follows a publication."""

    EDITS = "edits"  # what stands is changed and deleted by its ids, which may be repeated
    NOTICES = "notices"  # what was sent stays, and a further message goes after it
    OVERWRITES = "overwrites"  # there is one page of a release, and each action puts it anew


@dataclass(frozen=True, slots=True)
class Kind:
    """`parts`: irrevocable calls of a publication that this channel makes. `steps`: repeatable calls before them.

    `looks`: reconciling can find out. `settles`: seconds until every effect can be seen there.
    `subscribers`: goes to subscribers' addresses, not to an account of its own.
    `replaces`: where the ids of what had to go are not known, a notice is posted; else it is refused with a reason.
    """

    traits: Traits
    parts: int = 1
    steps: int = 0
    looks: bool = True
    settles: float = 10.0
    subscribers: bool = False
    follows: Follows = Follows.EDITS
    replaces: bool = False

    @property
    def notice(self) -> int:
        """The index of the part that is posted beside what stands: of a list it is the mail itself."""
        return self.parts if self.traits.prepares else 0


_POSTS = frozenset({Action.PUBLISH, Action.CORRECT})
_DELETES = _POSTS | {Action.WITHDRAW}
_ALL = frozenset(Action)

KINDS = MappingProxyType(
    {
        "chat": Kind(Traits(media_count=True, actions=_DELETES), parts=2, steps=2, looks=False, replaces=True),
        "timeline": Kind(Traits(actions=_POSTS), parts=3, steps=1, settles=20.0, follows=Follows.NOTICES),
        "page": Kind(Traits(actions=_DELETES), steps=3, settles=5.0),
        "site": Kind(
            Traits(prepares=False, repeatable=True, all_languages=True, actions=_ALL),
            settles=0.0,
            follows=Follows.OVERWRITES,
        ),
        "mail": Kind(
            Traits(prepares=False, bulk=True, actions=_ALL), looks=False, subscribers=True, follows=Follows.NOTICES
        ),
        "hook": Kind(
            Traits(prepares=False, bulk=True, repeatable=True, actions=_ALL),
            settles=0.0,
            subscribers=True,
            follows=Follows.NOTICES,
        ),
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
