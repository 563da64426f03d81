"""The simulation from the command line: many seeds, or one with its history.

Touches a temporary folder; starts processes. `python -m tests.simulation --seeds N
[--first S] [--jobs J]`, or `--seed S`. Progress and what is broken go to stderr, the last line to stdout. Exit 1 where
something is broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.simulation.many import Total, play_many
from tests.simulation.scenario import Ground, play

_SAID = 5  # broken invariants of one seed that are told; the others are counted
_EVERY = 10.0  # seconds between two signs of progress


def run(first: int, count: int, jobs: int) -> Total:
    """Play `count` seeds from `first` on, and tell of progress."""
    total, began = Total(), time.monotonic()
    told = began
    for played in play_many(range(first, first + count), jobs):
        total.add(played)
        for words in played.broken[:_SAID]:
            print(f"seed {played.seed}: {words}", file=sys.stderr)
        now = time.monotonic()
        if now - told > _EVERY or total.seeds == count:
            told = now
            print(f"{total.seeds} of {count} seeds, {now - began:.0f} s, {len(total.broken)} broken", file=sys.stderr)
    if total.broken:
        names = ", ".join(map(str, sorted({seed for seed, _ in total.broken})))
        print(f"broken with the seeds {names}; --seed shows what happened", file=sys.stderr)
    return total


def tell(seed: int) -> Total:
    """Play one seed and print its history."""
    total = Total()
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        played = play(seed, Ground(Path(folder)))
    total.add(played)
    for at, words in played.history:
        print(f"{at:10.3f}  {words}")
    print(f"states {dict(played.states)}\nfaults {dict(played.faults)}\n{played.steps} steps, trace {played.trace}")
    for words in played.broken:
        print(f"broken: {words}")
    return total


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one, with its history")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    asked = parser.parse_args()
    total = run(asked.first, asked.seeds, asked.jobs) if asked.seed is None else tell(asked.seed)
    print(total, flush=True)
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
