"""What a public warning says to machines: the closed word lists of the Common Alerting Protocol (CAP 1.2, OASIS 2010).

Pure. The words are CAP's own, so that nothing is translated on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.core.data import aware


class Category(StrEnum):
    """What the event is about."""

    GEO = "Geo"
    MET = "Met"
    SAFETY = "Safety"
    SECURITY = "Security"
    RESCUE = "Rescue"
    FIRE = "Fire"
    HEALTH = "Health"
    ENV = "Env"
    TRANSPORT = "Transport"
    INFRA = "Infra"
    CBRNE = "CBRNE"
    OTHER = "Other"


class Urgency(StrEnum):
    """How soon people should act."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Gravity(StrEnum):
    """CAP's 'severity': how great the threat to life and property is."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure the event is."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class Response(StrEnum):
    """What people should do."""

    SHELTER = "Shelter"
    EVACUATE = "Evacuate"
    PREPARE = "Prepare"
    EXECUTE = "Execute"
    AVOID = "Avoid"
    MONITOR = "Monitor"
    ASSESS = "Assess"
    ALL_CLEAR = "AllClear"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class Warning:
    """The machine's half of a public warning. The regions are the release's; `area` describes the place in words.

    `event`, `area` and `instruction` by language. Times are kept in UTC; one without a zone is refused.
    """

    categories: tuple[Category, ...] = (Category.OTHER,)
    urgency: Urgency = Urgency.UNKNOWN
    severity: Gravity = Gravity.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    responses: tuple[Response, ...] = ()
    event: dict[str, str] = field(default_factory=dict)
    area: dict[str, str] = field(default_factory=dict)
    instruction: dict[str, str] = field(default_factory=dict)
    onset: datetime | None = None
    expires: datetime | None = None

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Everything in it that people read: (language, text)."""
        return tuple(pair for texts in (self.event, self.area, self.instruction) for pair in texts.items())

    def __post_init__(self) -> None:
        """One form of a time; a warning without a category says nothing."""
        if not self.categories:
            object.__setattr__(self, "categories", (Category.OTHER,))
        for name in ("onset", "expires"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, aware(moment))
