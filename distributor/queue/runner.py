"""One lane in this worker: claim (= intent, committed) → adapter → outcome (committed).

May touch: the delivery store, the queue and the adapter, through their ports. Claims only what may start now or in a
moment (slots, quotas, rests, pause), and gives back what may not, so that a waiting delivery never holds a slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from distributor.core.delivery import DeliveryState, Priority, after_outcome
from distributor.core.outcome import Outcome
from distributor.core.ports import Claimed, Clock, DeliveryStore, Events, Grant, Queue, Result
from distributor.queue.attempt import attempt, plain
from distributor.queue.claiming import Claimer
from distributor.queue.clockwatch import ClockWatch
from distributor.queue.grip import Grip
from distributor.queue.heed import Heed
from distributor.queue.lane import AHEAD_SECONDS, Lane
from distributor.queue.pause import sleep_or
from distributor.queue.progress import FenceLost, KeptProgress
from distributor.queue.recorder import Recorder
from distributor.queue.starting import MOMENT, Gate

log = structlog.get_logger(__name__)

GRAIN = 16  # deliveries of a channel that never waits, after which the others of this process have a turn
CROWDED_SECONDS = 0.005  # what another worker holds at this moment is free again soon
RATE_SECONDS = 0.1  # how often the lane's rate is measured


class LaneRunner:
    """`turns` again and again; `stop` at the end."""

    def __init__(
        self,
        lane: Lane,
        store: DeliveryStore,
        queue: Queue,
        recorder: Recorder,
        events: Events,
        clock: Clock,
        *,
        worker: str,
        grip: Grip,
        lease: float,
        poll: float,
        watch: ClockWatch,
    ) -> None:
        self.lane = lane
        self._grip = grip
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._poll = poll
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._measured = 0.0
        self._heed = Heed(lane, store, queue, events, clock, worker)
        self._gate = Gate(lane, store, queue, clock)
        self._claimer = Claimer(lane, store, clock, grip, worker=worker, lease=lease, watch=watch)
        self._queue = queue
        self._stopping = False

    def turns(self) -> list[Callable[[], Awaitable[None]]]:
        """What is to be done again and again, side by side."""
        return [self.claim_turn, self.start_turn]

    async def claim_turn(self) -> None:
        """Claim what may start now or in a moment; else wait until something changes."""
        lane = self.lane
        lane.stirred.clear()
        self._measure()
        wanted, below = lane.wants(), None
        if wanted <= 0 and lane.woken:
            # What was just committed may be an emergency, which waits for no slot: look for that alone.
            wanted, below = 1, Priority.URGENT
        if wanted <= 0 or lane.paused(self._clock()):
            await sleep_or(lane.stirred, self._poll)
            return
        wait = await self._gate.wait()
        lane.rest_until = _time() + wait
        if wait > AHEAD_SECONDS:
            await sleep_or(lane.stirred, wait - AHEAD_SECONDS)
            return
        lane.woken = False
        batch = await self._claimer.claim(wanted, below)
        if batch.claimed:
            lane.woken = below is not None  # there may be another one
            lane.put(batch.claimed)
            lane.filled.set()
        elif batch.more:
            await sleep_or(lane.stirred, CROWDED_SECONDS)
        else:
            await self._idle()

    async def start_turn(self) -> None:
        """Start what is claimed as slots and quotas allow; give back what would have to wait longer."""
        lane = self.lane
        lane.filled.clear()
        free = lane.free()
        if lane.paused(self._clock()):
            await self.give_back()
        if not lane.buffer or free <= 0:
            await sleep_or(lane.filled, self._poll)
            return
        if self._chained and lane.at_work and not self._held():
            await self._more_hands(free)
            return
        going, grant = await self._gate.leave(free)
        for claimed in going:
            self._start(claimed, grant if lane.bounded else None)
        if going:
            return
        if grant.wait > MOMENT:
            await self.give_back()
        await sleep_or(lane.filled, grant.wait)

    async def _more_hands(self, free: int) -> None:
        """A bulk lane under way without a quota: who is at work takes the next by himself."""
        for _ in range(min(free, len(self.lane.buffer))):
            self._start(self.lane.buffer.popleft(), None)
        await sleep_or(self.lane.filled, self._poll)

    def _start(self, claimed: Claimed, grant: Grant | None) -> None:
        lane = self.lane
        lane.at_work += 1
        if lane.destination_windows:
            lane.busy[claimed.job.destination.id] = None
        task = asyncio.create_task(self._work(claimed, grant))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _idle(self) -> None:
        """Nothing may go now: wait for a wake-up, for what becomes due, at most for a poll."""
        now = self._clock()
        following = await self._store.next_due(self.lane.name, now)
        wait = self._poll if following is None else min(self._poll, max((following - now).total_seconds(), 0.001))
        await sleep_or(self.lane.stirred, wait)

    async def _work(self, claimed: Claimed, grant: Grant | None) -> None:
        """Carry out a claim; in a bulk lane without a quota then the next ones, while so many may be at work."""
        lane = self.lane
        try:
            leaves = await self._leaves(claimed, grant)
            if leaves is None:
                self._let_go(claimed)
            else:
                await self._deliver(claimed, leaves)
            lane.ended += 1
            while self._chained and lane.buffer and lane.at_work <= lane.most and not self._held():
                await self._deliver(lane.buffer.popleft(), ())
                lane.ended += 1
                if lane.ended % GRAIN == 0:
                    if lane.wants():
                        lane.stirred.set()
                    await asyncio.sleep(0)
        finally:
            lane.at_work -= 1
            lane.busy.pop(claimed.job.destination.id, None)
            lane.stir()

    async def _leaves(self, claimed: Claimed, grant: Grant | None) -> tuple[Grant, ...] | None:
        """By what it goes now: the lane's quota, the destination's own. None where that keeps it: it is given back."""
        of_lane = (grant,) if grant else ()
        if not self.lane.destination_windows:
            return of_lane
        try:
            own = await self._gate.destination(claimed)
        except Exception:
            self.lane.in_doubt = True  # nothing left: whatever stands claimed is given back before the next claim
            log.exception("leave for a destination could not be asked for", delivery=claimed.job.delivery_id)
            return None
        return (*of_lane, own) if own else None

    def _begin(self, leaves: tuple[Grant, ...]) -> None:
        """They were given a while ago, perhaps before an upload; the platform counts from now."""
        for leave in leaves:
            self._queue.began(leave)

    async def _deliver(self, claimed: Claimed, leaves: tuple[Grant, ...]) -> None:
        """One delivery, from its claim to its recorded outcome."""
        lane, started = self.lane, self._clock()
        progress = KeptProgress(self._store, claimed, self._clock, self._grip)
        begins = partial(self._begin, leaves) if leaves else nothing
        try:
            outcome = await self._attempt(claimed, progress, begins)
            if outcome is None:
                self._let_go(claimed)
                return
            outcome = plain(outcome)
            finished = self._clock()
            following = after_outcome(
                outcome, attempts=claimed.attempts, now=finished, deadline=claimed.deadline, policy=lane.policy
            )
            stopped = None if self._heed.calm(outcome) else await self._heeded(outcome)
            result = Result(progress.claimed, outcome, following, started, finished)
            await self._recorder.record(result, at_once=not lane.channel.traits.bulk, kept=self._kept)
            if stopped is not None:
                raise stopped
        except Exception:
            # Its lease ends, and then its effect is looked for.
            self._let_go(claimed)
            lane.untold[claimed.job.delivery_id] = None
            log.exception("a delivery's end could not be told", delivery=claimed.job.delivery_id)

    async def _heeded(self, outcome: Outcome) -> asyncio.CancelledError | None:
        """Whatever becomes of heeding an answer, the outcome is recorded; also where the worker is stopped in it."""
        try:
            await self._heed.heed(outcome)
        except asyncio.CancelledError as stopped:
            return stopped
        except Exception:
            log.exception("an answer could not be heeded for the lane", lane=self.lane.name)
        return None

    def _kept(self, result: Result) -> None:
        """An outcome is committed: the claim is no longer ours to keep alive."""
        self._let_go(result.claimed)
        if result.next.state in {DeliveryState.WAITING, DeliveryState.QUEUED} or not self.lane.running:
            self.lane.stir()

    async def _attempt(self, claimed: Claimed, progress: KeptProgress, begins: Callable[[], None]) -> Outcome | None:
        """The outcome, None where nothing was sent and the delivery is left to whoever comes next."""
        try:
            return await attempt(self.lane, claimed, progress, self._clock, begins)
        except FenceLost:
            log.warning("not ours to send any more; nothing was sent", delivery=claimed.job.delivery_id)
            await self._return([claimed])
            return None
        except asyncio.CancelledError:
            # Stopped before anything irrevocable began: it goes again.
            self._let_go(claimed)
            await self._return([claimed])
            raise

    def _measure(self) -> None:
        now = _time()
        if now - self._measured >= RATE_SECONDS:
            self.lane.measure(now - self._measured)
            self._measured = now

    async def stop(self) -> None:
        """Nothing new begins; what is claimed and not begun goes back."""
        self._stopping = True
        await self.give_back()

    async def give_back(self) -> None:
        """What is claimed and not begun goes back."""
        waiting = list(self.lane.buffer)
        self.lane.buffer.clear()
        for claimed in waiting:
            self._let_go(claimed)
        await self._return(waiting)

    async def _return(self, claims: list[Claimed]) -> None:
        """Claims of which nothing left go back, now or, where the database takes no write, before the next claim."""
        try:
            await self._store.give_back(claims, self._clock())
        except Exception:
            self.lane.in_doubt = True
            log.exception("claims could not be given back yet", lane=self.lane.name, deliveries=len(claims))

    @property
    def _chained(self) -> bool:
        """True where who has ended one delivery takes the next by himself: no quota says when it may start."""
        lane = self.lane
        return lane.channel.traits.bulk and not lane.bounded and not lane.destination_windows

    def _held(self) -> bool:
        """True while nothing new may begin: this worker stops, or the lane is paused or rests."""
        lane = self.lane
        paused = lane.state.paused and lane.paused(self._clock())
        return self._stopping or paused or _time() < lane.rest_until

    def _let_go(self, claimed: Claimed) -> None:
        ours = self.lane.running.get(claimed.job.delivery_id)
        if ours is not None and ours.fence == claimed.fence:  # else it was claimed anew meanwhile, by this same worker
            self.lane.running.pop(claimed.job.delivery_id)
        self._grip.drop(claimed)

    def at_work(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return list(self._tasks)


def nothing() -> None:
    """What begins by no quota's leave counts in none."""


def _time() -> float:
    return asyncio.get_running_loop().time()
