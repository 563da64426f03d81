"""The port of a channel: what the engine needs from an adapter, and nothing else.

Pure declarations, made by its consumer (the worker and preflight). An adapter renders and checks purely, prepares
repeatably, publishes irrevocably in one call for each part, and looks for what it cannot know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from distributor.core.asset import Asset, Profile, Rendition
from distributor.core.outcome import Finding, Outcome, Receipt
from distributor.core.release import Action as Action
from distributor.core.release import Revision
from distributor.core.rendering import Problem, Rendering


@dataclass(frozen=True, slots=True)
class Traits:
    """How the engine treats a channel.

    `bulk`: many destinations; intents and outcomes are committed in groups. Otherwise each commits alone, at once.
    `repeatable`: the publishing call may be repeated without a second effect (newsroom, webhook).
    `all_languages`: one rendering carries every language version.
    `prepares`: media reaches the platform by calls of its own before the publishing call.
    `media_count`: the platform's rate counts every photo of an album, not the call.
    `actions`: what it can do.
    `waits`: seconds between attempts, where the channel has a schedule of its own; it is given up after the last.
    """

    bulk: bool = False
    repeatable: bool = False
    all_languages: bool = False
    prepares: bool = True
    media_count: bool = False
    actions: frozenset[Action] = frozenset({Action.PUBLISH})
    waits: tuple[float, ...] = ()


def calls_of(rendering: Rendering, traits: Traits) -> int:
    """What an attempt costs of the lane's quota: one call a part; where the platform counts them, one for each item."""
    return sum(max(len(part.media) if traits.media_count else 1, 1) for part in rendering.parts) or 1


RESTORED = "restored"
"""The step of a progress that is older than what was done (a backup was restored): `asked` lists the numbers of the new
posts that were looked for since. Edits and deletions are done again; no post is made before it was looked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a rendering is made of.

    `renditions[asset digest][profile key]` holds every rendition that `profiles` asked for.
    `languages` is the order of preference of the channel or subscriber. `permanent_url` is the release's page.
    `before` is the revision that is out, where this one follows it (`revision.notice` says how). A notice that
    withdraws, holds or lifts is rendered without renditions: it shows no media.
    """

    revision: Revision
    languages: tuple[str, ...]
    renditions: Mapping[str, Mapping[str, Rendition]]
    permanent_url: str
    office_name: str
    region_names: tuple[str, ...] = ()
    topic_names: tuple[str, ...] = ()
    before: Revision | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one delivery goes: the channel's own account (`address` from its settings) or a subscriber's address.

    `token` is the unguessable part of the subscriber's own links (unsubscribe), empty for an own account.
    """

    id: int
    channel: str
    address: str
    label: str = ""
    language: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """What stands, or may stand, at a destination by earlier deliveries of the same release: the newest of them that
    published or corrected.

    `receipt` of a correction names everything that stands since, not only what the correction added. It is None where
    the delivery did not end as sent; `progress` then holds what is known of its parts. `doubt`: something else of the
    release may stand there, of which nobody knows (an unknown outcome or an open case). `at` is when the newest of it
    was sent, `first_at` when the first was. `key` is the key of the first delivery of all, `sent_key` of this one.
    `heard`: the reader knows of it by a hold alone, whose time and key are given; it never came to him as far as known.
    """

    revision: int
    rendering: Rendering
    receipt: Receipt | None
    progress: Mapping[str, Any]
    at: datetime
    first_at: datetime
    key: str
    sent_key: str
    doubt: bool = False
    heard: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed delivery, with all that an adapter needs for it.

    `key` is stable over every attempt of the delivery: the idempotency key, the Message-ID's left part.
    `before` is what stands at the destination; None for a first publication, and where nothing came of it.
    `uncertain`: an earlier attempt ended unknown, so 'duplicate' answers are evidence rather than a mistake.
    """

    delivery_id: int
    action: Action
    key: str
    rendering: Rendering
    destination: Destination
    release_id: str
    revision: int
    slug: str
    permanent_url: str
    attempt: int
    approved_at: datetime
    uncertain: bool = False
    before: Before | None = None
    intended_at: datetime | None = None  # when the first irrevocable call was intended; where to start looking
    clock_doubted: bool = False  # an alarm about the clock stands: what looks over may be to come


class Progress(Protocol):
    """What a delivery has already achieved, kept in the database so that a retry goes on where it stopped."""

    def get(self, step: str) -> dict[str, Any] | None:
        """What `save` kept for the step, or None."""

    async def save(self, step: str, value: dict[str, Any]) -> None:
        """Commit that the step is done. Values are small JSON without secrets."""

    def note(self, step: str, value: dict[str, Any]) -> None:
        """Known to `get` from now on, and not committed by itself: for the last step of all, whose outcome is."""

    async def begin(self, step: str) -> None:
        """Commit the intent of a further irrevocable call, before its first byte.

        The worker has begun 'publish' before it calls `publish`; an adapter with several parts begins each later one.
        """


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a platform's answers say is left of its quota: `calls` until `until` (UTC)."""

    calls: int
    until: datetime


class Expiring(StrEnum):
    """What of a channel's credentials ends."""

    TOKEN = "token"  # noqa: S105  # a word
    ACCESS = "access"  # the app's leave to see the data of the person who made the token
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Health:
    """What a probe of the credentials found. `problems` are sentences for an administrator, without secrets; a channel
    may be `ok` with some. `expires` is the first end that the platform tells, `expiring` what ends then."""

    ok: bool
    account: str = ""
    problems: tuple[str, ...] = ()
    expires: datetime | None = None
    facts: dict[str, str] = field(default_factory=dict)
    expiring: Expiring = Expiring.TOKEN


class Channel(Protocol):
    """An adapter, configured. One instance serves one lane."""

    name: str
    traits: Traits

    def own_address(self) -> str:
        """The address of the channel's own destination; empty where it has subscribers only."""

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """The renditions that this channel wants of an asset."""

    def render(self, source: Source) -> Rendering | None:
        """Exactly what will be shown, or None where the revision has no language that this channel wants."""

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """What the platform would refuse, or what readers would miss."""

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Every repeatable step before publishing. None: ready. Otherwise Deferred or Rejected, nothing else."""

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """The irrevocable call(s) of the job's action. Skips parts that progress says are done.

        A correction where nothing stands (`job.before` None) publishes; a withdrawal there has nothing to do and is
        sent. The receipt of a correction names everything that stands after it.
        """

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Look whether an unknown publish took place. Reads only."""

    def allowance(self) -> Allowance | None:
        """What the platform last said is left (headers of its answers); None where it says nothing of it. The worker
        asks after each attempt and lets the lane rest where nothing is left."""

    async def probe(self) -> Health:
        """Are the credentials good, and do they reach the destination? Publishes nothing."""

    async def aclose(self) -> None:
        """Release connections."""


class CannotRead(Exception):
    """What stands at the platform could not be read; the words say why, without secrets."""


@dataclass(frozen=True, slots=True)
class Post:
    """One post as it stands at the platform; `text` in the form in which the channel compares texts. `told`: of when
    this is known, where the platform tells of what happens and not of what stands; None: of now."""

    remote_id: str
    text: str
    at: datetime
    link: str = ""
    told: datetime | None = None


@dataclass(frozen=True, slots=True)
class Posts:
    """What stands there since a time. `complete`: nothing that stands was left out, so that what is missing is gone."""

    posts: tuple[Post, ...]
    complete: bool


@runtime_checkable
class Readable(Protocol):
    """A channel whose own account or page can be read back: what stands there is compared with what was sent.

    `costly`: the platform asks money for what is read.
    """

    costly: bool

    def words(self, rendering: Rendering) -> frozenset[str]:
        """Every text that a post of this rendering may have, as `Post.text` would be; '' where one may have none."""

    def kept(self, receipt: Receipt | None, progress: Mapping[str, Any]) -> frozenset[str]:
        """The ids of posts that a correction let stand with their older words; '' among them where it may be others
        too, of which nobody knows the id."""

    async def posts(self, since: datetime) -> Posts | None:
        """What stands there since then; None where this installation cannot read it. Raises CannotRead."""


class Previewer(Protocol):
    """A channel that can show a rendering to one person in private (Telegram)."""

    async def preview(self, rendering: Rendering, chat: int) -> None:
        """Send the real rendering, through the same calls, to the person's own chat."""


@runtime_checkable
class Addressed(Protocol):
    """A channel whose subscribers are no mailboxes but addresses of another form."""

    def address_fault(self, address: str) -> str:
        """Why a subscriber cannot have this address, as a code; '' where nothing speaks against it."""


@runtime_checkable
class Endpoints(Addressed, Protocol):
    """The same, where each subscriber has a key of its own."""

    def secret_of(self, token: str) -> str:
        """What the subscriber with this token verifies our calls with."""
