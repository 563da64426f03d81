"""What a run left behind, as the invariants look at it.

Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from tests.simulation.care import Word
from tests.simulation.habits import KINDS
from tests.simulation.journal import Entry
from tests.simulation.plan import Plan
from tests.simulation.platform import Call, Platform


@dataclass(frozen=True)
class Facts:
    """What a run left behind. `releases`: id → state; `newest`: id → the number of the revision that stands;
    `exercises` are no actual ones. `readers`: destination → address and status. `absences` of the queue's server, from
    and until; `freezes`: who was stopped, and until when; `stills`: from when until when somebody was. `jumps`: when
    the clocks were set, and by how much they were wrong from then on. `spells` of workers at work, from and until.
    `log`: what the audit log's verification found, '' for nothing."""

    plan: Plan
    rows: Sequence[Mapping[str, Any]]
    releases: Mapping[str, str]
    newest: Mapping[str, int]
    exercises: frozenset[str]
    readers: Mapping[int, tuple[str, str]]
    attempts: Sequence[Mapping[str, Any]]
    open_cases: Sequence[int]
    journal: Sequence[Entry]
    platform: Platform
    words: Sequence[Word]
    retried: set[int]
    absences: Sequence[tuple[float, float]]
    freezes: Sequence[tuple[str, float]]
    stills: Sequence[tuple[float, float]]
    jumps: Sequence[tuple[float, float]]
    spells: Sequence[tuple[float, float]]
    log: str

    @cached_property
    def by_id(self) -> dict[int, Mapping[str, Any]]:
        """The delivery rows."""
        return {row["id"]: row for row in self.rows}

    @cached_property
    def changes_of(self) -> dict[int, list[Entry]]:
        """Delivery → its part of the journal."""
        found: dict[int, list[Entry]] = defaultdict(list)
        for entry in self.journal:
            found[entry.delivery].append(entry)
        return found

    @cached_property
    def calls_of(self) -> dict[int, list[Call]]:
        """Delivery → the publishing calls for it, in order."""
        found: dict[int, list[Call]] = defaultdict(list)
        for call in self.platform.calls:
            found[call.delivery_id].append(call)
        return found

    @cached_property
    def effects(self) -> Counter[tuple[int, int]]:
        """Delivery and part → how often readers see it."""
        return Counter((effect.delivery_id, effect.part) for effect in self.platform.effects)

    @cached_property
    def seen(self) -> frozenset[int]:
        """The deliveries of which readers saw something new."""
        return frozenset(effect.delivery_id for effect in self.platform.effects)

    @cached_property
    def misled(self) -> Counter[tuple[int, int, bool]]:
        """Delivery, part and the wrong word (True: there) → how often a person was wrong so."""
        return Counter((word.delivery, word.part, word.there) for word in self.words if not word.right)

    @cached_property
    def approvals(self) -> list[Entry]:
        """Of revisions, in their order (see journal._APPROVE)."""
        return [entry for entry in self.journal if entry.what == "approve"]

    @cached_property
    def destinations(self) -> dict[tuple[str, int], list[Mapping[str, Any]]]:
        """Release and destination → its deliveries, in their order."""
        found: dict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
        for row in sorted(self.rows, key=lambda row: row["id"]):
            found[row["release_id"], row["destination_id"]].append(row)
        return found

    def ever(self, delivery: int, *states: str, before: float = inf) -> bool:
        """Was a delivery ever in one of these states, before a moment?"""
        return any(entry.became in states and entry.at <= before for entry in self.changes_of.get(delivery, ()))

    def mistaken(self, delivery: int) -> bool:
        """A person said something wrong of it."""
        return any(key[0] == delivery for key in self.misled)

    def promised_parts(self, row: Mapping[str, Any]) -> list[int]:
        """The parts that a delivery has posted by its receipt; all of a first publication that has none."""
        if row["receipt"] is None:
            return list(range(KINDS[row["channel"]].parts)) if row["action"] == "publish" else []
        key = f"{row['release_id']}-{row['revision']}-{row['action']}-{row['id']}:"
        ids = row["receipt"]["remote_ids"]
        return [int(remote.removeprefix(key)) for remote in ids if remote.startswith(key)]

    def kept_back(self, row: Mapping[str, Any]) -> bool:
        """An exercise on a lane that reaches the public."""
        return row["release_id"] in self.exercises and row["channel"] in self.plan.live

    def shows(self, row: Mapping[str, Any]) -> bool:
        """Readers saw something new of a delivery."""
        return row["id"] in self.seen
