"""What is written and what goes wrong, and when: two lists made of a seed.

Pure. The lists are the same for the same seed; what each blow meets is not, for the processes are real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

WORKERS = 3
OWN_CHANNELS = ("newsroom", "telegram", "x", "facebook")
LISTS = ("press", "wire")
PRESS_SHARE = 0.8  # of all readers; the others read the list with a quota
CONNECTIONS = 4  # to the relay, of each worker
BUSY = 0.6  # of the time there are mails on their way
BULK_SHARE = 0.92  # of all deliveries


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
    ("x", "tweets.create", "hang", {"seconds": 2, "effect": True}),
    ("x", "tweets.create", "reset_after", {}),
    ("x", "tweets.create", "reset_before", {}),
    ("x", "tweets.create", "429", {"retry_after": 1}),
    ("x", "tweets.create", "error", {"status": 503}),
    ("x", "tweets.create", "no_id", {}),
    ("x", "users.tweets", "error", {"status": 503}),
    ("facebook", "feed.create", "hang", {"seconds": 2, "effect": True}),
    ("facebook", "feed.create", "reset_after", {}),
    ("facebook", "feed.create", "graph_error", {"code": 1, "effect": True}),
    ("facebook", "feed.create", "graph_error", {"code": 2}),
    ("facebook", "feed.create", "429", {"retry_after": 1}),
    ("facebook", "feed.read", "error", {"status": 500}),
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
    """One release, approved `at` seconds after the beginning; `number` stands in its title."""

    at: float
    number: int
    channels: tuple[str, ...]
    urgent: bool = False
    photo: bool = False
    long: bool = False

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
        """How many deliveries the approvals promise together."""
        return sum(self.readers.get(channel, 1) for one in self.writings for channel in one.channels)

    @property
    def relay_seconds(self) -> float:
        """What the relay takes for one mail, so that mails are on their way for most of the time: at once, hardly a
        kill would meet one."""
        mails = sum(self.readers[channel] for one in self.writings for channel in one.channels if channel in LISTS)
        return BUSY * self.seconds * WORKERS * CONNECTIONS / max(mails, 1)


def make_plan(seed: int, deliveries: int, seconds: float, every: float) -> Plan:
    """About so many deliveries, approved within `seconds`, and a blow `every` so many seconds, later ones too."""
    chance = Random(seed)  # noqa: S311  # a plan, not a secret; the seed repeats it
    lists = max(4, min(20, deliveries // 500))
    readers_of_both = max(round(deliveries * BULK_SHARE / lists), 10)
    press = round(readers_of_both * PRESS_SHARE)
    readers = {"press": press, "wire": readers_of_both - press}
    small = max(round(deliveries * (1 - BULK_SHARE) / len(OWN_CHANNELS)), 4)
    # The lists one after the other over the whole time, so that there is hardly a moment without bulk mail.
    bulk = [(LISTS, seconds * (place + chance.random()) / lists) for place in range(lists)]
    single = [(OWN_CHANNELS, chance.uniform(0, seconds)) for _ in range(small)]
    writings = []
    for number, (where, at) in enumerate([*bulk, *single]):
        own = where is OWN_CHANNELS
        urgent, photo, long = (chance.random() < odds for odds in (0.1, 0.2, 0.1))
        writings.append(Writing(at, number, where, urgent and own, photo and own, long and own))
    writings.sort(key=lambda one: one.at)
    return Plan(seed, seconds, readers, tuple(writings), tuple(_troubles(chance, seconds, every)))


def _troubles(chance: Random, seconds: float, every: float) -> list[Trouble]:
    made: list[Trouble] = []
    deck: list[Kind] = []
    at = every
    while at < seconds:
        if not deck:
            deck = list(DECK)
            chance.shuffle(deck)
        kind = deck.pop()
        span = SPANS.get(kind, (0.0, 0.0))
        if kind is Kind.STOP and chance.random() < LONG_STOPS:
            span = LONG_STOP
        number = chance.randrange(len(ORDERS) if kind is Kind.PLATFORM else WORKERS)
        made.append(Trouble(at, kind, number, chance.uniform(*span)))
        at += every * chance.uniform(0.5, 1.5)
    return made
