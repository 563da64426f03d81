"""Many seeds, in several processes: seeds are independent of each other.

Touches a temporary folder; starts processes.
"""

from __future__ import annotations

import gc
import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.scenario import Ground, Played, play

_CHUNK = 4  # seeds handed to a process at once


@dataclass(slots=True)
class Total:
    """What many seeds came to."""

    seeds: int = 0
    deliveries: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, played: Played) -> None:
        """One more."""
        self.seeds += 1
        self.deliveries += played.deliveries
        self.faults += played.faults
        self.states += played.states
        self.broken += [(played.seed, words) for words in played.broken]

    def __str__(self) -> str:
        return (
            f"simulate: seeds {self.seeds}, deliveries {self.deliveries}, faults {self.faults.total()}, "
            f"broken {len(self.broken)}"
        )


def play_many(seeds: Sequence[int], jobs: int) -> Iterator[Played]:
    """Play seeds in so many processes, and tell of each in their order, without its history."""
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        # Fresh interpreters: nothing of this one's threads and loops is inherited.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, _begin, (folder,)) as pool:
            yield from pool.map(_next, seeds, chunksize=_CHUNK)


_grounds: list[Ground] = []  # of a process of the pool: made once


def _begin(folder: str) -> None:
    own = Path(folder, multiprocessing.current_process().name)
    own.mkdir()
    _grounds.append(Ground(own))
    gc.collect()
    gc.freeze()  # what stands now is not looked through again after every run


def _next(seed: int) -> Played:
    played = play(seed, _grounds[0])
    played.history.clear()
    return played
