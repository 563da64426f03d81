"""What a run promised and what it did, as the log has it at the end: deliveries, and releases with their courses.

Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass

from distributor.core.rendering import Rendering
from tests.chaos.plan import Care

SHOWS = ("publish", "correct")  # the actions that bring a text
UNREACHED = "still_visible"
"""Telegram's code for a photo that had to go, in a message whose number nobody knows since a person confirmed it: the
labelled correction stands beside it, and people are told to remove it."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A delivery as the database has it at the end. `nothing`: sent, with nothing to do. `asked`: a person was asked;
    `claimed`: the steps that are there by a person's word. `began`: of several parts some are there."""

    id: int
    release_id: str
    revision: int
    action: str
    channel: str
    address: str
    state: str
    code: str
    reason: str
    rendering: Rendering
    nothing: bool = False
    asked: bool = False
    claimed: frozenset[str] = frozenset()
    began: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """What a release went through. `number`: its newest approved revision with a text."""

    mark: str
    number: int
    title: str
    pictures: int
    done: tuple[Care, ...]

    @property
    def withdrawn(self) -> bool:
        """Whether nothing of it may stand."""
        return Care.WITHDRAW in self.done
