"""A deadline that passes asks soon, whatever the lane and the release do: how late an expiry may come.

Pure. By the journal and by what the run itself did to its workers and clocks, not by anything that the engine says.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, zip_longest
from math import inf

from distributor.core.clock import AHEAD
from tests.simulation.clock import START
from tests.simulation.facts import Facts
from tests.simulation.plan import POLL

SOON = 2 * POLL  # seconds in which one worker is at work and nobody is stopped: a poll, and what a disk error costs
_WAITS = ("queued", "waiting")
_AFTER = 1.0  # seconds until whoever waited for a stopped process has its turn


def expired_in_time(facts: Facts) -> Iterator[str]:
    """Nothing waits beyond its deadline for long, while a worker is there that could end it."""
    calm = list(_calm(facts))
    for number, entries in facts.changes_of.items():
        for entry, following in zip_longest(entries, entries[1:]):
            deadline = entry.facts.get("deadline") if entry.became in _WAITS else None
            if deadline is None or following is None:
                continue
            for start, end in _late(facts, deadline / 1e6 - START.timestamp(), entry.at, following.at):
                waited = max((min(end, until) - max(start, since) for since, until in calm), default=0.0)
                if waited > SOON:
                    yield f"delivery {number} waited {waited:.1f} s past its deadline, from {start:.3f} on"


def _late(facts: Facts, deadline: float, since: float, until: float) -> Iterator[tuple[float, float]]:
    """When, between two moments, the clocks of the run show that a deadline has passed: they are set back. From the
    moment at which they are set ahead they are doubted, and nothing is ended before a person has looked."""
    before = 0.0
    for (start, wrong), (end, _) in pairwise([*facts.jumps, (inf, 0.0)]):
        if wrong > before + AHEAD.total_seconds():
            return
        before = wrong
        begins, ends = max(start, since, deadline - wrong), min(end, until)
        if begins < ends:
            yield begins, ends


def _calm(facts: Facts) -> Iterator[tuple[float, float]]:
    """From when until when one worker was at work and nobody was stopped, who might have held the database."""
    stills = sorted(facts.stills)
    for began, ended in facts.spells:
        since = began
        for start, until in stills:
            if since < min(start, ended):
                yield since, min(start, ended)
            since = max(since, until + _AFTER)
        if since < ended:
            yield since, ended
