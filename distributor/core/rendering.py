"""Exactly what one channel will show of a revision, and the problems found in it.

Pure data. A rendering is a pure function of the revision, its renditions and the channel's settings; its hash is
part of what a person approves, and is compared again before anything is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from distributor.core.asset import MediaKind, Rendition
from distributor.core.data import digest, to_data
from distributor.core.markup import Entity


@dataclass(frozen=True, slots=True)
class Placed:
    """A rendition in its place, with the words that go with it."""

    rendition: Rendition
    kind: MediaKind
    alt: str = ""
    credit: str = ""
    caption: str = ""
    role: str = "main"  # "main", "poster" of the video before it, or a size such as "480"
    name: str = ""  # the file name that a reader may see


@dataclass(frozen=True, slots=True)
class Part:
    """One message, post or page. `kind` is the adapter's own word ('message', 'album', 'post', 'mail', 'page')."""

    kind: str
    text: str = ""
    entities: tuple[Entity, ...] = ()
    html: str = ""
    media: tuple[Placed, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendering:
    """All parts, in order, in one language (newsroom: one part for each language)."""

    channel: str
    language: str
    parts: tuple[Part, ...]

    @property
    def hash(self) -> str:
        """SHA-256, in hex, over the canonical JSON of the whole rendering."""
        return digest(to_data(self))

    @property
    def needs_preparing(self) -> bool:
        """True where media must reach the platform before the publishing call."""
        return any(part.media for part in self.parts)

    @property
    def text(self) -> str:
        """The words of all parts, for people and lists."""
        return "\n\n".join(part.text for part in self.parts if part.text)


class Severity(StrEnum):
    """How a problem bears on approval: `blocking` stops it, the others are shown."""

    BLOCKING = "blocking"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something found in a revision or a rendering. `code` is stable and translated; `params` fill the sentence.

    `override` is the reason for which somebody (`override_by`, a person's id) answers for a blocking finding.
    """

    severity: Severity
    code: str
    params: dict[str, str] = field(default_factory=dict)
    channel: str = ""
    override: str = ""
    override_by: int = 0

    @property
    def key(self) -> str:
        """What an override is bound to: this finding, in this place, with these very words around it."""
        return digest([self.code, self.channel, self.params])[:32]

    @property
    def blocks(self) -> bool:
        """True where it stops the release, and nobody answers for it."""
        return self.severity is Severity.BLOCKING and not self.override


@dataclass(frozen=True, slots=True)
class Preflight:
    """All renderings of a revision, with the problems found in them."""

    renderings: tuple[Rendering, ...]
    problems: tuple[Problem, ...]

    @property
    def blocked(self) -> bool:
        """True while a problem stops the release."""
        return any(problem.blocks for problem in self.problems)
