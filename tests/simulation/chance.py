"""Chance from a seed: the only source of randomness in a simulated run.

Pure. One stream for each purpose, so that a new question asked of one stream does not move the answers of another.
"""

from __future__ import annotations

import random


def stream(seed: int, purpose: str) -> random.Random:
    """The stream of one purpose ('platform', 'database:worker-1'). A text seeds by its SHA-512, which is the same in
    every interpreter; hash() is not."""
    return random.Random(f"{seed}:{purpose}")  # noqa: S311  # repeatable on purpose, nothing here is a secret


def between(chance: random.Random, span: tuple[float, float]) -> float:
    """A number from the span, both ends included."""
    return chance.uniform(*span)
