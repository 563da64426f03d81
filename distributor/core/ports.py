"""The ports between the worker and what keeps its state: the delivery store, the queue, limits, live events, time.

Pure declarations. Storage, the memory queue and Redis implement them; the worker knows nothing else of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from distributor.core.asset import Media
from distributor.core.channel import Job
from distributor.core.delivery import Next
from distributor.core.outcome import Finding, Outcome

Clock = Callable[[], datetime]  # the present, UTC


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """A hint to look at one delivery: smaller priority first, then earlier due (microseconds), then lower id."""

    priority: int
    due: int
    delivery_id: int
    lane: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery whose intent is committed, with its fencing token and what it has achieved so far."""

    job: Job
    fence: int
    attempts: int  # that cost something, before this one
    progress: dict[str, Any]
    deadline: datetime | None
    rendering_hash: str  # as promised at approval; compared with the rendering about to be sent
    step: str = ""  # the irrevocable step begun, '' while preparing
    looks: int = 0  # at the platform, since the outcome became unknown


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt, or one look at the platform, came to, and what follows from it."""

    claimed: Claimed
    outcome: Outcome | Finding
    next: Next
    started: datetime
    finished: datetime
    looked: bool = False  # True for a reconciliation


@dataclass(frozen=True, slots=True)
class LaneState:
    """What the database keeps of a lane. `until` None with `paused`: until a person resumes it."""

    name: str
    paused: bool = False
    until: datetime | None = None
    code: str = ""
    reason: str = ""


class DeliveryStore(Protocol):
    """The delivery rows: the only truth."""

    async def due(self, lanes: Sequence[str], now: datetime, limit: int) -> list[Ticket]:
        """Deliveries that may be claimed now, the most urgent first, at most `limit` for each lane."""

    async def next_due(self, now: datetime) -> datetime | None:
        """When the next delivery, claim or look that is not due yet becomes due."""

    async def claim(self, ids: Sequence[int], worker: str, now: datetime, lease: float) -> list[Claimed]:
        """Commit the intent of those that may go (rule 7 in the same transaction); expire or cancel the others.

        `lease` in seconds. A delivery waits while an earlier one to the same destination is not final (rule 8).
        """

    async def begin(self, claimed: Claimed, step: str, now: datetime) -> bool:
        """Commit that an irrevocable step begins. False where the fencing token is no longer ours: do not send."""

    async def save(self, claimed: Claimed, progress: dict[str, Any]) -> bool:
        """Commit progress. False where the fencing token is no longer ours."""

    async def record(self, results: Sequence[Result], worker: str, now: datetime) -> None:
        """Commit outcomes, next states and the audit batch together. A late result is kept, and changes no state."""

    async def renew(self, claims: Sequence[Claimed], now: datetime, lease: float) -> None:
        """Lengthen the leases of deliveries still under way."""

    async def give_back(self, claims: Sequence[Claimed], now: datetime) -> None:
        """Return claims for which nothing irrevocable was begun (shutdown)."""

    async def recover(self, now: datetime) -> int:
        """Deliveries whose lease ran out: back to the queue where nothing irrevocable began, else unknown."""

    async def unknown(self, now: datetime, worker: str, lease: float, limit: int) -> list[Claimed]:
        """Take unknown deliveries that are due for a look (with a new fencing token)."""

    async def lanes(self) -> dict[str, LaneState]:
        """The lanes that the database has something to say of."""

    async def pause(self, state: LaneState, actor: str, now: datetime) -> bool:
        """Keep a lane's pause. True where the lane was not paused for this reason before: alert once."""

    async def resume(self, name: str, actor: str, now: datetime) -> None:
        """End a lane's pause."""

    async def beat(self, worker: str, now: datetime) -> None:
        """The worker's heartbeat, for readiness."""


class Queue(Protocol):
    """What to look at next. May be emptied at any moment: the relay offers again."""

    async def offer(self, tickets: Sequence[Ticket]) -> None:
        """Add hints; one already there is not added twice."""

    async def take(self, lane: str, most: int) -> list[Ticket]:
        """At most so many hints of a lane, most urgent first, without waiting."""

    async def wait(self, seconds: float) -> None:
        """Sleep until something is offered or `wake` is called, at most so long."""

    async def wake(self) -> None:
        """End the waits: something was committed that the relay should look at."""

    async def size(self, lane: str) -> int:
        """How many hints a lane holds."""

    async def aclose(self) -> None:
        """Release connections."""


class Events(Protocol):
    """Live news: 'release' with an id, 'case' with a delivery id, 'lane' with a name. Hints, never truth."""

    def publish(self, topic: str, subject: str) -> None:
        """Tell every listener. Never blocks, never raises."""

    def listen(self, topics: frozenset[str], heard: Callable[[str, str], Awaitable[None]]) -> Callable[[], None]:
        """Call `heard(topic, subject)` for each news; returns what ends the listening."""


class Pages(Protocol):
    """The newsroom's own pages, which the newsroom adapter writes and the web part reads."""

    async def put(self, release_id: str, key: str, revision: int, page: dict[str, Any], now: datetime) -> str:
        """Publish or replace a release's page; the same key twice changes nothing. Returns its public path."""

    async def find(self, key: str) -> str | None:
        """The public path of the page that a delivery with this key wrote, or None."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every adapter is given beside its own settings.

    `base_url` is the newsroom's public address without a closing slash; `time_zone` an IANA name.
    """

    media: Media
    pages: Pages
    clock: Clock
    base_url: str
    office_name: str
    time_zone: str = "Asia/Tbilisi"
