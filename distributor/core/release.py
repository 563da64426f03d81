"""What is said: releases, their immutable revisions, language versions and media.

Pure data and the rules that need nothing else. A revision is never changed: an edit is a new revision.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from distributor.core.asset import Asset, MediaKind
from distributor.core.data import aware
from distributor.core.warning import Warning


class Kind(StrEnum):
    """What sort of release it is (domain.md)."""

    NEWS = "news"
    STATEMENT = "statement"
    BRIEFING = "briefing"
    EMERGENCY = "emergency"
    APPEAL = "appeal"
    PHOTO_STORY = "photo_story"
    VIDEO = "video"


class Status(StrEnum):
    """How a message is meant, apart from its kind (CAP 1.2 'status')."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"


class Action(StrEnum):
    """What a delivery does at its destination. `hold` and `lift` tell those who have the release already that it is
    being checked, and that it may be used again."""

    PUBLISH = "publish"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    HOLD = "hold"
    LIFT = "lift"


class ReleaseState(StrEnum):
    """Where a release stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    DISTRIBUTING = "distributing"
    DISTRIBUTED = "distributed"
    REJECTED = "rejected"
    HELD = "held"
    WITHDRAWN = "withdrawn"


# Every step a release may take; whatever is not here is refused.
RELEASE_STEPS: dict[ReleaseState, frozenset[ReleaseState]] = {
    ReleaseState.DRAFT: frozenset({ReleaseState.SUBMITTED, ReleaseState.WITHDRAWN}),
    ReleaseState.SUBMITTED: frozenset(
        {
            ReleaseState.DRAFT,
            ReleaseState.APPROVED,
            ReleaseState.REJECTED,
            ReleaseState.HELD,
            ReleaseState.WITHDRAWN,
        }
    ),
    ReleaseState.REJECTED: frozenset({ReleaseState.DRAFT, ReleaseState.WITHDRAWN}),
    ReleaseState.HELD: frozenset(
        {
            ReleaseState.SUBMITTED,
            ReleaseState.DRAFT,
            ReleaseState.REJECTED,
            ReleaseState.DISTRIBUTING,
            ReleaseState.WITHDRAWN,
        }
    ),
    ReleaseState.APPROVED: frozenset({ReleaseState.DISTRIBUTING, ReleaseState.HELD, ReleaseState.WITHDRAWN}),
    ReleaseState.DISTRIBUTING: frozenset({ReleaseState.DISTRIBUTED, ReleaseState.HELD, ReleaseState.WITHDRAWN}),
    ReleaseState.DISTRIBUTED: frozenset({ReleaseState.DISTRIBUTING, ReleaseState.HELD, ReleaseState.WITHDRAWN}),
    ReleaseState.WITHDRAWN: frozenset(),
}

# States in which deliveries of a release may leave.
SENDABLE = frozenset({ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.DISTRIBUTED})


@dataclass(frozen=True, slots=True)
class LanguageVersion:
    """The release in one language. Title and lead are one line of plain text, the body is Markdown."""

    language: str
    title: str
    lead: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class MediaItem:
    """A photo or video of a release. Alternative text and caption by language; credit is one line."""

    asset: Asset
    alt: dict[str, str] = field(default_factory=dict)
    credit: str = ""
    caption: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """What makes a revision one that follows a publication: it corrects, withdraws, holds or lifts what is out.

    `words` by language is what readers are told ('what was wrong', 'why it is withdrawn'), one line each; a language
    without words gets the adapter's own sentence. `reason` is the office's own, for the audit log, and never shown.
    `withdrawn` are digests of originals that must disappear everywhere, while the release stays.
    """

    action: Action
    words: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """One immutable version of a release. `notice` says what it does to an earlier one that is out, None before.

    `channels` narrows the audience to the channels named; empty means every channel that accepts it.
    `at` is when we send; `embargo` is when others may publish; after `deadline` it must not go out. Times are kept
    in UTC; one without a zone is refused with ValueError. `warning` is what CAP says of it. One that was made from a
    template names it ('flood@2') and keeps the values that filled its gaps.
    """

    release_id: str
    number: int
    author_id: int
    kind: Kind
    versions: tuple[LanguageVersion, ...]
    status: Status = Status.ACTUAL
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    media: tuple[MediaItem, ...] = ()
    channels: tuple[str, ...] = ()
    at: datetime | None = None
    embargo: datetime | None = None
    deadline: datetime | None = None
    notice: Notice | None = None
    warning: Warning | None = None
    template: str = ""
    filled: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """One form of a time, so that the same moment always gives the same hash."""
        for name in ("at", "embargo", "deadline"):
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, aware(moment))

    def version(self, languages: tuple[str, ...]) -> LanguageVersion | None:
        """The first language version in the order of preference given, or None."""
        by_code = {version.language: version for version in self.versions}
        return next((by_code[code] for code in languages if code in by_code), None)

    def file_name(self, item: MediaItem) -> str:
        """The name under which one of its photos or videos is published. The original's own never is: it may say more
        than the release does, and nobody approved it. No place in the release is in it: a correction that takes a
        photo out must not give its name to the next one."""
        ending = "mp4" if item.asset.kind is MediaKind.VIDEO else "jpg"
        return f"{self.release_id}-{item.asset.digest[:8]}.{ending}"

    @property
    def action(self) -> Action:
        """What its deliveries do at a destination that has the release already; a first publication publishes."""
        return self.notice.action if self.notice else Action.PUBLISH

    @property
    def title(self) -> str:
        """The title of the first language version, for lists and logs."""
        return self.versions[0].title if self.versions else ""


# Without I, L, O, U: no letter is mistaken for a digit when an id is read over the telephone.
_ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_release_id() -> str:
    """A short, unguessable id: ten letters, fifty bits."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(10))
