"""What one seed sets up: how many workers, which lanes, what will go wrong and how often.

Pure. Every seed draws its own, most of them with some troubles missing: what always happens together hides what only
happens apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tenacity import wait_exponential

from distributor.core.policy import RetryPolicy
from distributor.core.ports import Window
from tests.simulation.chance import stream
from tests.simulation.habits import KINDS, Habits, some_habits

LEASE = 20.0  # seconds
POLL = 5.0  # what a lost wake-up costs at most; few polls make a run cheap
READERS = 3  # subscribers of each channel that has some
# Where a quota is held against the platform's count: further parts of a rendering, and a post after its uploads, come
# later than the leave that was taken for them, and may come closer together than their leaves did.
AT_ONCE = tuple(name for name, kind in KINDS.items() if kind.parts == 1 and not kind.traits.prepares)
_WINDOWS = ((Window(2, 3.0),), (Window(4, 8.0),), (Window(1, 1.0),), (Window(3, 2.0), Window(8, 20.0)))

_MOST = {"kills": 4.0, "freezes": 3.0, "stops": 1.0, "outages": 1.0, "jumps": 0.5, "queue": 2.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """`habits` by channel; `windows` of lanes and `reader_windows` of single destinations by channel.

    `shared`: the workers share a Redis, else the one worker has the queue in its own memory. `disk`: odds of a failure
    before a statement, after a COMMIT. `pace`: seconds between two troubles, on an average; `troubles`: the weight of
    each among them. `wrong`: odds that a person answers a case wrongly.
    """

    workers: int
    shared: bool
    habits: dict[str, Habits]
    windows: dict[str, tuple[Window, ...]]
    reader_windows: dict[str, tuple[Window, ...]]
    concurrency: int
    disk: tuple[float, float]
    seconds: float
    pace: float
    troubles: dict[str, float]
    releases: int
    wrong: float
    late_clock: bool  # a clock that was set back stays so to the end; then nothing is scheduled by it
    policy: RetryPolicy
    live: frozenset[str]
    knows: bool

    @property
    def lanes(self) -> tuple[str, ...]:
        """The channels of this run."""
        return tuple(self.habits)


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    chance = stream(seed, "plan")
    workers = chance.randint(1, 4)
    names = chance.sample(sorted(KINDS), chance.randint(3, len(KINDS)) if workers < 3 else chance.randint(3, 4))
    quotas = [name for name in names if name in AT_ONCE and chance.random() < 0.5]
    readers = [name for name in names if KINDS[name].subscribers and name not in quotas and chance.random() < 0.25]
    troubles = {name: _often(chance, most) for name, most in _MOST.items()}
    habits = {name: some_habits(chance) for name in names}
    if not troubles["freezes"] and not troubles["jumps"] and chance.random() < 0.5:
        # Connecting takes a while after the last look at the claim. A stop just then, and then a write, is what no
        # engine can help against platforms without keys; and quotas are kept at the leave, not where it arrives.
        habits = {name: replace(kept, connects=(0.0, 0.5)) for name, kept in habits.items()}
        quotas = readers = []
    return Plan(
        workers=workers,
        shared=workers > 1 or chance.random() < 0.5,
        habits=habits,
        windows={name: chance.choice(_WINDOWS) for name in quotas},
        reader_windows={name: (Window(1, 4.0),) for name in readers},
        concurrency=chance.choice((1, 2, 4)),
        disk=(_often(chance, 0.01), _often(chance, 0.03)),
        seconds=chance.uniform(40, 70),
        pace=chance.uniform(2, 6),
        troubles=troubles,
        releases=chance.randint(3, 6),
        wrong=0.3 if chance.random() < 0.1 else 0.0,
        late_clock=chance.random() < 0.3,
        policy=RetryPolicy(wait_exponential(multiplier=1, max=20), chance.choice((4, 100)), 5),
        live=frozenset(name for name in names if chance.random() < 0.5),
        knows=chance.random() < 0.7,
    )


def _often(chance: Random, most: float) -> float:
    """Not at all in a third of the runs, else up to `most`."""
    return chance.uniform(0.0, most) if chance.random() < 0.67 else 0.0
