"""What a run left behind, as the invariants look at it.

Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.simulation.care import Word
from tests.simulation.habits import KINDS
from tests.simulation.journal import Entry
from tests.simulation.plan import Plan
from tests.simulation.platform import Call, Platform


@dataclass(frozen=True)
class Facts:
    """What a run left behind. `releases`: id → state. `absences` of the queue's server, from and until. `log`: what the
    audit log's verification found, '' for nothing."""

    plan: Plan
    rows: Sequence[Mapping[str, Any]]
    releases: Mapping[str, str]
    attempts: Sequence[Mapping[str, Any]]
    open_cases: Sequence[int]
    journal: Sequence[Entry]
    platform: Platform
    words: Sequence[Word]
    retried: set[int]
    absences: Sequence[tuple[float, float]]
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
    def misled(self) -> Counter[tuple[int, int, bool]]:
        """Delivery, part and the wrong word (True: there) → how often a person was wrong so."""
        return Counter((word.delivery, word.part, word.there) for word in self.words if not word.right)

    def parts(self, row: Mapping[str, Any]) -> range:
        """The parts of a delivery's rendering."""
        return range(KINDS[row["channel"]].parts)
