"""Regions and topics: codes with names by language and a parent. Data from a file, never code.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """A region or topic. `parent` is the code above it, or ''."""

    code: str
    names: Mapping[str, str]
    parent: str = ""

    def name(self, language: str) -> str:
        """Its name in the language, else in any, else its code."""
        return self.names.get(language) or next(iter(self.names.values()), self.code)


@dataclass(frozen=True, slots=True)
class Places:
    """All regions, or all topics, in the order of the file."""

    by_code: Mapping[str, Place] = field(default_factory=dict)

    def with_parents(self, codes: Iterable[str]) -> list[str]:
        """The codes and everything above them, each once: who asked for the whole gets its parts."""
        found: dict[str, None] = {}
        for code in codes:
            here = code
            while here and here not in found:
                found[here] = None
                here = self.by_code[here].parent if here in self.by_code else ""
        return list(found)

    def children(self, parent: str = "") -> list[Place]:
        """Those directly below a code; without one, those at the top."""
        return [place for place in self.by_code.values() if place.parent == parent]

    def name(self, code: str, language: str) -> str:
        """The name of a code; an unknown code is its own name."""
        return self.by_code[code].name(language) if code in self.by_code else code
