"""The ports between the worker and what keeps its state: the delivery store, the queue, limits, live events, time.

Pure declarations. Storage, the memory queue and Redis implement them; the worker knows nothing else of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from distributor.core.asset import Media
from distributor.core.channel import Job
from distributor.core.clock import ClockDoubt, ClockSigns, Uptime
from distributor.core.delivery import Next
from distributor.core.outcome import Finding, Outcome

Clock = Callable[[], datetime]  # the present, UTC


@dataclass(frozen=True, slots=True)
class Window:
    """A quota: at most `count` calls in any `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave for so many calls now, taken from `key`'s windows. With 0 calls: ask again in `wait` seconds.

    `mark` names the entry in the shared count, for `refund` and `began`; `at` is when it was taken (monotonic, in this
    process).
    """

    key: str
    calls: int
    wait: float = 0.0
    mark: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker can start now, or in a moment, in one lane.

    `most` deliveries. `resting` destinations take nothing now; with `single` each destination gets one delivery at the
    most. `below`: only what is more urgent than this priority. `live`: the lane reaches the public, so that exercises
    and tests are dropped. `ids` not empty: only these, of whatever lane.
    """

    lane: str
    most: int
    below: int | None = None
    live: bool = False
    resting: frozenset[int] = frozenset()
    single: bool = False
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery whose intent is committed, with its fencing token and what it has achieved so far."""

    job: Job
    fence: int
    attempts: int  # that cost something, before this one
    progress: dict[str, Any]
    deadline: datetime | None
    rendering_hash: str  # as promised at approval
    bytes_hash: str = ""  # of the rendering as it was read now; where the two differ nothing is sent
    step: str = ""  # the irrevocable step begun, '' while preparing
    looks: int = 0  # at the platform, since the outcome became unknown
    priority: int = 0  # smaller goes first
    calls: int = 1  # of the platform's quota


@dataclass(frozen=True, slots=True)
class Batch:
    """What a claim came to. `more`: others may be claimable at once."""

    claimed: tuple[Claimed, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt, or one look at the platform, came to, and what follows from it."""

    claimed: Claimed
    outcome: Outcome | Finding
    next: Next
    started: datetime
    finished: datetime
    looked: bool = False  # True for a reconciliation


EVERY = "*"
"""The lane that stands for all: while it is paused nothing is claimed and nothing new begins, in any lane."""

EMBARGO = "*embargo"
"""The lane that stands for every embargo: while it is paused none of them ends (the clock is doubted)."""


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

    async def claim(self, wish: Wish, worker: str, now: datetime, lease: float) -> Batch:
        """Commit the intents of what the wish allows, the most urgent first: rule 7 in the same transaction; those that
        may not go any more expire or are cancelled. `lease` in seconds. A delivery waits while an earlier one of its
        release to the same destination is not final (rule 8). One that another holds at this moment is passed over."""

    async def next_due(self, lane: str, now: datetime) -> datetime | None:
        """When the next delivery of a lane that is not due yet becomes due."""

    async def next_look(self, now: datetime) -> datetime | None:
        """When the next unknown delivery that is not due for a look yet becomes due."""

    async def disown(self, worker: str, lane: str, under_way: Sequence[int], now: datetime) -> int:
        """After a claim whose answer was lost: give back what stands as claimed by this worker in a lane and is not
        under way. Nothing of it was sent, for the worker never learned of it."""

    async def begin(self, claimed: Claimed, step: str, now: datetime) -> bool:
        """Commit that an irrevocable step begins. False where the fencing token is no longer ours: do not send."""

    async def save(self, claimed: Claimed, progress: dict[str, Any]) -> bool:
        """Commit progress. False where the fencing token is no longer ours."""

    async def record(
        self, results: Sequence[Result], worker: str, now: datetime, finish: frozenset[str] | None = None
    ) -> None:
        """Commit outcomes, next states and the audit batch together. A late result is kept, and changes no state. The
        same result again (its first answer was lost) changes nothing.

        `finish`: releases to look at whether nothing is left to send, None for all of these results'.
        """

    async def finish(self, release_ids: Sequence[str], now: datetime) -> None:
        """Releases of which every delivery is final become distributed."""

    async def renew(self, claims: Sequence[Claimed], now: datetime, lease: float) -> None:
        """Lengthen the leases of deliveries still under way."""

    async def give_back(self, claims: Sequence[Claimed], now: datetime, due: datetime | None = None) -> None:
        """Return claims of which the caller knows that nothing left, whatever intent was committed: they go again at
        once, or when `due`, at no cost."""

    async def recover(self, now: datetime, *, set_back: bool = False) -> int:
        """Deliveries whose lease ran out: back to the queue where nothing irrevocable began, else unknown. What waits
        follows a clock that was set back; `set_back`: the caller saw that, it needs no sign of it in the database."""

    async def expire(self, now: datetime, worker: str, live: frozenset[str]) -> int:
        """End what waits past its deadline, and ask a person, also where nothing is claimed (a lane that is paused, a
        release that is held); `live`: the lanes that reach the public. Returns how many; there may be more."""

    async def unknown(self, now: datetime, worker: str, lease: float, limit: int) -> list[Claimed]:
        """Take unknown deliveries that are due for a look (with a new fencing token)."""

    async def lanes(self) -> dict[str, LaneState]:
        """The lanes that the database has something to say of."""

    async def pause(self, state: LaneState, actor: str, now: datetime) -> bool:
        """Keep a lane's pause. True where the lane was not paused for this reason before: alert once."""

    async def resume(self, name: str, actor: str, now: datetime) -> None:
        """End a lane's pause."""

    async def beat(self, worker: str, now: datetime, up: Uptime | None = None) -> None:
        """The worker's heartbeat, for readiness and for the watch over the clock."""

    async def clock_signs(self, boot: str = "") -> ClockSigns:
        """What else tells the time, before this worker's first heartbeat; `boot` names this machine's start."""

    async def server_time(self) -> datetime | None:
        """The database server's own clock; None where it has none."""

    async def doubt_clock(self, doubt: ClockDoubt, worker: str, now: datetime) -> bool:
        """Close every embargo (the lane EMBARGO) and ask a person. False where that was done already."""


class Queue(Protocol):
    """What the workers of an office share beside the database: wake-ups, quotas, the circuits of lanes, who is there.

    Never a second truth: it may be emptied at any moment, or be away for an hour, which delays and loses nothing. No
    method raises for that; each form says in its module what it does without its server.
    """

    async def start(self, worker: str, lanes: Sequence[str]) -> None:
        """Join: from now on wake-ups are heard, and this worker counts among those that share the quotas."""

    async def wake(self, lane: str = "") -> None:
        """Tell every worker: something was committed for this lane ('' for all) that should be looked at now."""

    def listen(self, woken: Callable[[str], None]) -> Callable[[], None]:
        """Call `woken(lane)` for each wake-up, in the event loop; returns what ends the listening."""

    async def take(self, lane: str, windows: Sequence[Window], most: int, least: int = 1, part: str = "") -> Grant:
        """Leave for `least` to `most` calls of a lane now, counted over all workers together; 0 calls and a wait where
        fewer are left, where the lane rests, or where its circuit is open. More than a window holds (an album of
        thirty where twenty fit) is let go when the window is empty. `part` names a destination with windows of its
        own within the lane; rests and circuits concern the lane alone.
        """

    async def refund(self, grant: Grant, calls: int) -> None:
        """So many calls of a grant were not made and may go to somebody else."""

    def began(self, grant: Grant) -> None:
        """The calls of a grant begin now, perhaps long after it was taken: their windows count from now. Never
        blocks."""

    async def rest(self, lane: str, seconds: float) -> None:
        """Nobody gets leave in this lane for so long. A longer rest that stands is not shortened."""

    async def failed(self, lane: str) -> float:
        """The lane's platform failed once more. Returns the seconds for which its circuit is open now, 0 while it is
        closed: after several failures in a row it opens, and then lets one probe at a time through."""

    async def healed(self, lane: str) -> None:
        """The lane's platform answered: its circuit closes."""

    async def workers(self) -> dict[str, tuple[str, ...]]:
        """Who is there: worker → the lanes it serves."""

    async def aclose(self) -> None:
        """Leave, and release connections."""


class Events(Protocol):
    """Live news between the parts of an office, in this process or in all: 'release' with an id, 'case' with a delivery
    id, 'lane' with a name, 'alarm' with its key. Hints, never truth."""

    def publish(self, topic: str, subject: str) -> None:
        """Tell every listener. Never blocks, never raises."""

    def listen(self, topics: frozenset[str], heard: Callable[[str, str], Awaitable[None]]) -> Callable[[], None]:
        """Call `heard(topic, subject)` for each news; returns what ends the listening."""

    async def aclose(self) -> None:
        """Let running listeners finish, and leave."""


Page = dict[str, Any]  # as adapters.newsroom_page describes it
MakePage = Callable[[Page | None], Page | None]


@dataclass(frozen=True, slots=True)
class PageMark:
    """Which delivery writes a page: its key, its number (later ones have higher numbers), and the revision it shows.
    `beside`: it marks the page (a hold, its end), leaves what stands, and may pass words that still wait."""

    key: str
    number: int
    revision: int
    beside: bool = False


class Pages(Protocol):
    """The newsroom's own pages, which the newsroom adapter writes and the web part reads."""

    async def put(self, release_id: str, mark: PageMark, make: MakePage, now: datetime) -> str:
        """Publish, replace or mark a release's page: `make` is given what stands (None: nothing does) and returns what
        shall, or None to leave it. Returns the page's public path, '' where there is none.

        The same key twice changes nothing, a lower number than the page's own neither, and what was withdrawn never
        comes back.
        """

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
