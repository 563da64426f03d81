"""What every use of the office works with. Made once, by the composition root.

Holds references only; does nothing at import.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from distributor.config import packaged_words
from distributor.core.asset import Media
from distributor.core.channel import Channel
from distributor.core.places import Places
from distributor.core.ports import Clock, Events
from distributor.core.privacy_words import PrivacyWords
from distributor.core.release import Revision, Status
from distributor.office.links import LinkAsker
from distributor.storage import Database


@dataclass(frozen=True, slots=True)
class Seat:
    """A configured channel with what the office decides about it.

    `languages` in order of preference. Empty `kinds`, `regions`, `topics` accept everything. A seat that is
    `live` never gets a release whose status is test or exercise.
    """

    name: str
    adapter: Channel
    languages: tuple[str, ...]
    kinds: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    deadline: timedelta | None = None
    live: bool = True
    label: str = ""
    token_expires: datetime | None = None  # as the settings say, for platforms that do not tell

    def accepts(self, revision: Revision, regions: Places, topics: Places) -> bool:
        """True where the revision's kind, regions and topics are among those asked for, and the author named no
        other channels."""
        if revision.channels and self.name not in revision.channels:
            return False
        if self.kinds and revision.kind not in self.kinds:
            return False
        if self.regions and not self.regions & set(regions.with_parents(revision.regions)):
            return False
        return not self.topics or bool(self.topics & set(topics.with_parents(revision.topics)))

    def withheld(self, revision: Revision) -> bool:
        """True where a test or an exercise meets a live channel: it is left out, by construction."""
        return self.live and revision.status is not Status.ACTUAL


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that uses need. `wake` tells the relay that something was committed. `exercise`: whatever is written
    in this installation is an exercise."""

    database: Database
    media: Media
    seats: Mapping[str, Seat]
    clock: Clock
    wake: Callable[[], Awaitable[None]]
    events: Events
    office_name: str
    base_url: str
    languages: tuple[str, ...] = ("ka", "en")
    time_zone: str = "Asia/Tbilisi"
    regions: Places = field(default_factory=Places)
    topics: Places = field(default_factory=Places)
    words: PrivacyWords = field(default_factory=packaged_words)  # what the privacy gate looks for
    links: LinkAsker | None = None  # None: links are not asked
    exercise: bool = False
    appeal_deadline: timedelta = timedelta(hours=2)  # of an appeal that names none
