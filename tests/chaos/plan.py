"""What is written and what goes wrong, and when: two lists made of a seed.

Pure. The lists are the same for the same seed; what each blow meets is not, for the processes are real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Generic, TypeVar

WORKERS = 3
OWN_CHANNELS = ("newsroom", "telegram", "x", "facebook")
LISTS = ("press", "wire")
PRESS_SHARE = 0.8  # of all readers; the others read the list with a quota
CONNECTIONS = 4  # to the relay, of each worker
BUSY = 0.6  # of the time there are mails on their way
BULK_SHARE = 0.92  # of all deliveries


class Care(StrEnum):
    """What is done to a release after it was approved, by two people."""

    CORRECT = "corrected"
    PHOTO = "without a photo"
    HOLD = "held"
    LIFT = "freed"
    WITHDRAW = "withdrawn"


# What a release goes through, each as often as it stands here, in a new order each time.
COURSES: tuple[tuple[Care, ...], ...] = (
    *[()] * 4,
    (Care.CORRECT,),
    (Care.CORRECT,),
    (Care.PHOTO,),
    (Care.WITHDRAW,),
    (Care.HOLD, Care.LIFT),
    (Care.CORRECT, Care.WITHDRAW),
    (Care.HOLD, Care.CORRECT, Care.CORRECT),
    (Care.CORRECT, Care.PHOTO),
    (Care.HOLD, Care.WITHDRAW),
)
FOLLOWED = 0.7  # of those to whom a release goes, as many are told of what follows it: a hold stops what has not left
LATEST = 12.0  # seconds between two of them, at the most
AT_ONCE = 0.3  # so many follow without a pause: much of the release is still on its way


class Kind(StrEnum):
    """What happens."""

    KILL = "a worker is killed"
    STOP = "a worker is stopped beyond its lease"
    DRAIN = "a worker is told to end"
    FLUSH = "Redis is emptied"
    REDIS = "Redis is killed and comes back empty"
    CRASH = "PostgreSQL is killed"
    RESTART = "PostgreSQL is restarted"
    PLATFORM = "a platform fails"


# Each kind as often as it stands here, in a new order each time.
DECK = (*[Kind.KILL] * 4, *[Kind.STOP] * 2, Kind.DRAIN, Kind.FLUSH, Kind.REDIS, Kind.CRASH, Kind.RESTART)
DECK += (Kind.PLATFORM,) * 6
SPANS: Mapping[Kind, tuple[float, float]] = {
    Kind.STOP: (6.5, 12.0),  # the lease is five seconds
    Kind.REDIS: (0.5, 6.0),
    Kind.CRASH: (0.1, 2.0),
    Kind.RESTART: (0.1, 1.5),
}
LONG_STOP, LONG_STOPS = (18.0, 26.0), 0.25  # longer than it takes to find an effect absent; how many of the stops

# (platform, method, kind of fault, its options): see distributor.sandbox. None of them is a reason to give up.
ORDERS: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    ("telegram", "sendMessage", "hang", {"seconds": 2, "effect": True}),
    ("telegram", "sendMessage", "hang", {"seconds": 2}),
    ("telegram", "sendMessage", "reset_after", {}),
    ("telegram", "sendMessage", "429", {"retry_after": 1}),
    ("telegram", "sendMessage", "error", {"status": 502, "effect": True}),
    ("telegram", "sendPhoto", "reset_after", {}),
    ("telegram", "sendMediaGroup", "reset_after", {}),
    ("telegram", "editMessageText", "reset_after", {}),
    ("telegram", "editMessageCaption", "hang", {"seconds": 2, "effect": True}),
    ("telegram", "deleteMessage", "reset_after", {}),
    ("telegram", "deleteMessage", "429", {"retry_after": 1}),
    ("x", "tweets.create", "hang", {"seconds": 2, "effect": True}),
    ("x", "tweets.create", "reset_after", {}),
    ("x", "tweets.create", "reset_before", {}),
    ("x", "tweets.create", "429", {"retry_after": 1}),
    ("x", "tweets.create", "error", {"status": 503}),
    ("x", "tweets.create", "no_id", {}),
    ("x", "users.tweets", "error", {"status": 503}),
    ("x", "tweets.delete", "reset_after", {}),
    ("x", "tweets.delete", "error", {"status": 503}),
    ("facebook", "feed.create", "hang", {"seconds": 2, "effect": True}),
    ("facebook", "feed.create", "reset_after", {}),
    ("facebook", "feed.create", "graph_error", {"code": 1, "effect": True}),
    ("facebook", "feed.create", "graph_error", {"code": 2}),
    ("facebook", "feed.create", "429", {"retry_after": 1}),
    ("facebook", "feed.read", "error", {"status": 500}),
    ("facebook", "object.update", "reset_after", {}),
    ("facebook", "object.update", "graph_error", {"code": 2, "effect": True}),
    ("facebook", "object.delete", "reset_after", {}),
    ("smtp", "smtp.data", "reset_after", {}),
    ("smtp", "smtp.data", "reset_before", {}),
    ("smtp", "smtp.data", "hang", {"seconds": 1.5, "effect": True}),
    ("smtp", "smtp.data", "smtp_error", {"code": 451}),
    ("smtp", "smtp.data", "latency", {"seconds": 1.0}),
    ("smtp", "smtp.rcpt", "smtp_error", {"code": 450}),
    ("smtp", "smtp.connect", "reset_before", {}),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One blow, `at` seconds after the beginning. `number` chooses the worker or the order, `seconds` its length."""

    at: float
    kind: Kind
    number: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Writing:
    """One release, approved `at` seconds after the beginning; `number` stands in its title. `course`: what is done to
    it after that, each so many seconds after what was before it."""

    at: float
    number: int
    channels: tuple[str, ...]
    urgent: bool = False
    photos: int = 0
    long: bool = False
    course: tuple[tuple[float, Care], ...] = ()

    @property
    def mark(self) -> str:
        """By this its effects are known."""
        return f"R{self.number:06d}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run does. `readers`: list → how many."""

    seed: int
    seconds: float
    readers: Mapping[str, int]
    writings: tuple[Writing, ...] = field(default=())
    troubles: tuple[Trouble, ...] = field(default=())

    @property
    def promised(self) -> int:
        """How many deliveries the first approvals promise together."""
        return sum(self.readers.get(channel, 1) for one in self.writings for channel in one.channels)

    @property
    def relay_seconds(self) -> float:
        """What the relay takes for one mail, so that mails are on their way for most of the time: at once, hardly a
        kill would meet one."""
        bulk = ((one, channel) for one in self.writings for channel in one.channels if channel in LISTS)
        mails = sum(self.readers[channel] * (1 + FOLLOWED * len(one.course)) for one, channel in bulk)
        return BUSY * self.seconds * WORKERS * CONNECTIONS / max(mails, 1)


def make_plan(seed: int, deliveries: int, seconds: float, every: float) -> Plan:
    """About so many deliveries with all that follows them, approved within `seconds`, and a blow `every` so many
    seconds, later ones too."""
    chance = Random(seed)  # noqa: S311  # a plan, not a secret; the seed repeats it
    lists = max(4, min(20, deliveries // 500))
    courses = _Dealt(chance, COURSES)
    # The lists one after the other over the whole time, so that there is hardly a moment without bulk mail.
    bulk = [(LISTS, seconds * (place + chance.random()) / lists, courses.next()) for place in range(lists)]
    readers_of_both = max(round(deliveries * BULK_SHARE / sum(1 + FOLLOWED * len(course) for _, _, course in bulk)), 10)
    press = round(readers_of_both * PRESS_SHARE)
    readers = {"press": press, "wire": readers_of_both - press}
    mean = 1 + FOLLOWED * sum(map(len, COURSES)) / len(COURSES)
    small = max(round(deliveries * (1 - BULK_SHARE) / mean / len(OWN_CHANNELS)), len(COURSES) - lists)
    single = [(OWN_CHANNELS, chance.uniform(0, seconds), courses.next()) for _ in range(small)]
    writings = [_writing(chance, number, *one, latest=seconds / 5) for number, one in enumerate([*bulk, *single])]
    writings.sort(key=lambda one: one.at)
    return Plan(seed, seconds, readers, tuple(writings), tuple(_troubles(chance, seconds, every)))


def _writing(
    chance: Random, number: int, where: tuple[str, ...], at: float, course: tuple[Care, ...], latest: float
) -> Writing:
    """A release on the office's own channels, or the mail of a list, which is the same text without pictures."""
    own = where is OWN_CHANNELS
    urgent, photo, long = (own and chance.random() < odds for odds in (0.1, 0.2, 0.1))
    photos = 2 if own and Care.PHOTO in course else int(photo)
    if not own:
        course = tuple(Care.CORRECT if care is Care.PHOTO else care for care in course)
    waits = (0.0 if chance.random() < AT_ONCE else chance.uniform(0, min(latest, LATEST)) for _ in course)
    return Writing(at, number, where, urgent, photos, long, tuple(zip(waits, course, strict=True)))


T = TypeVar("T")


class _Dealt(Generic[T]):
    """Each of a deck as often as it stands there, in a new order each time."""

    def __init__(self, chance: Random, deck: Sequence[T]) -> None:
        self._chance = chance
        self._deck = deck
        self._left: list[T] = []

    def next(self) -> T:
        """The next one."""
        if not self._left:
            self._left = list(self._deck)
            self._chance.shuffle(self._left)
        return self._left.pop()


def _troubles(chance: Random, seconds: float, every: float) -> list[Trouble]:
    made: list[Trouble] = []
    kinds = _Dealt(chance, DECK)
    at = every
    while at < seconds:
        kind = kinds.next()
        span = SPANS.get(kind, (0.0, 0.0))
        if kind is Kind.STOP and chance.random() < LONG_STOPS:
            span = LONG_STOP
        number = chance.randrange(len(ORDERS) if kind is Kind.PLATFORM else WORKERS)
        made.append(Trouble(at, kind, number, chance.uniform(*span)))
        at += every * chance.uniform(0.5, 1.5)
    return made
