"""The worker: claim (= intent, committed) → adapter → outcome (committed) → audit.

May touch: the delivery store, the queue and adapters, through their ports. Never decides what an outcome means (the
core does), never sends without a committed intent, never repeats what may have happened.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial

import structlog

from distributor.core.delivery import after_finding, after_outcome, bounded
from distributor.core.outcome import CannotTell, Deferred, Finding, LookAgain, Outcome, Scope
from distributor.core.policy import RetryPolicy
from distributor.core.ports import Claimed, Clock, DeliveryStore, Events, LaneState, Queue, Result, Ticket
from distributor.queue.attempt import attempt, plain
from distributor.queue.lane import Lane, calls_of
from distributor.queue.progress import FenceLost, KeptProgress
from distributor.queue.recorder import Recorder
from distributor.queue.relay import Relay

log = structlog.get_logger(__name__)

LOOKS = 10  # looks for unknown deliveries under way at once


class Worker:
    """Runs lanes in this process. `lease` in seconds: how long a claim stands without being renewed."""

    def __init__(
        self,
        name: str,
        store: DeliveryStore,
        queue: Queue,
        lanes: Mapping[str, Lane],
        events: Events,
        clock: Clock,
        *,
        lease: float = 20.0,
        drain: float = 20.0,
        poll: float = 1.0,
    ) -> None:
        self.name = name
        self._store = store
        self._lanes = lanes
        self._events = events
        self._clock = clock
        self._lease = lease
        self._drain = drain
        self._queue = queue
        self._recorder = Recorder(store, events, clock, name)
        self._relay = Relay(store, queue, lanes, clock, poll)
        self._loops: list[asyncio.Task[None]] = []
        self._alive: asyncio.Task[None] | None = None
        self._claims: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks: dict[int, tuple[Claimed, asyncio.Task[None]]] = {}
        self._stopping = False

    async def start(self) -> None:
        """Begin. Everything due in the database goes on."""
        await self._store.beat(self.name, self._clock())
        await self._recorder.start()
        loops = [self._forever(self._relay.turn), self._forever(self._look)]
        loops += [self._forever(partial(self._serve, lane)) for lane in self._lanes.values()]
        self._loops = [asyncio.create_task(loop) for loop in loops]
        self._alive = asyncio.create_task(self._forever(self._keep_alive, to_the_end=True))

    async def stop(self) -> None:
        """Take nothing new; let what is under way finish within the drain time, then record it as it stands."""
        self._stopping = True
        await _end(self._loops)
        await asyncio.gather(*self._claims, return_exceptions=True)
        await _end([task for _, task in self._looks.values()])
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._drain)
            await _end(late)
        await self._recorder.stop()
        # Until here the leases of what was under way were kept: nobody else took it for lost.
        await _end([self._alive] if self._alive else [])

    async def _forever(self, turn: Callable[[], Awaitable[None]], *, to_the_end: bool = False) -> None:
        """A loop that no error ends: it is logged, and the next turn comes a second later."""
        while to_the_end or not self._stopping:
            try:
                await turn()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("a loop of the worker failed; it goes on", worker=self.name)
                await asyncio.sleep(1.0)

    async def _serve(self, lane: Lane) -> None:
        """One turn of a lane: claim what its slots and rates allow now, and start it."""
        lane.stirred.clear()
        wait = self._obstacle(lane)
        if wait is not None:
            await _sleep_or(lane.stirred, wait)
            return
        room = min(lane.slots(), lane.rates.room(time.monotonic()), lane.batch)
        tickets = await self._queue.take(lane.name, room)
        if not tickets:
            await _sleep_or(lane.stirred, 60.0)
            return
        claim = asyncio.create_task(self._claim(lane, tickets))
        self._claims.add(claim)
        claim.add_done_callback(self._claims.discard)
        # A stop must not tear a claim from its delivery: an intent would stand that nobody carries out.
        await asyncio.shield(claim)
        if await self._queue.size(lane.name) == 0:
            self._relay.stir()

    async def _claim(self, lane: Lane, tickets: list[Ticket]) -> None:
        ids = [ticket.delivery_id for ticket in tickets]
        for claimed in await self._store.claim(ids, self.name, self._clock(), self._lease):
            lane.rates.spend(time.monotonic(), calls_of(claimed, lane.channel.traits.media_count))
            lane.running[claimed.job.delivery_id] = claimed
            task = asyncio.create_task(self._deliver(lane, claimed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _obstacle(self, lane: Lane) -> float | None:
        """Seconds to wait before the lane may claim, None where it may now."""
        now = self._clock()
        if lane.paused(now):
            return (lane.state.until - now).total_seconds() if lane.state.until else 60.0
        rest = lane.rest_until - time.monotonic()
        if rest > 0:
            return rest
        if lane.slots() == 0:
            return 60.0
        return lane.rates.wait(time.monotonic()) or None

    async def _deliver(self, lane: Lane, claimed: Claimed) -> None:
        """One delivery, from its claim to its recorded outcome."""
        started = self._clock()
        progress = KeptProgress(self._store, claimed, self._clock)
        try:
            outcome = await self._attempt(lane, claimed, progress)
            if outcome is None:
                return
            outcome = plain(outcome)
            finished = self._clock()
            following = after_outcome(
                outcome, attempts=claimed.attempts, now=finished, deadline=claimed.deadline, policy=lane.policy
            )
            await self._heed(lane, outcome)
            result = Result(progress.claimed, outcome, following, started, finished)
            await self._recorder.record(result, at_once=not lane.channel.traits.bulk)
        except Exception:
            # Its lease ends, and then its effect is looked for.
            log.exception("a delivery's end could not be told", delivery=claimed.job.delivery_id)
        finally:
            lane.running.pop(claimed.job.delivery_id, None)
            lane.stirred.set()
            self._relay.stir()

    async def _attempt(self, lane: Lane, claimed: Claimed, progress: KeptProgress) -> Outcome | None:
        """The outcome, None where nothing was sent and the delivery is left to whoever comes next."""
        try:
            return await attempt(lane.channel, claimed, progress, self._clock)
        except FenceLost:
            log.warning("not ours to send any more; nothing was sent", delivery=claimed.job.delivery_id)
            await self._store.give_back([claimed], self._clock())
            return None
        except asyncio.CancelledError:
            # Stopped before anything irrevocable began: it goes again.
            await self._store.give_back([claimed], self._clock())
            raise

    async def _heed(self, lane: Lane, outcome: Outcome | Finding) -> None:
        """What an answer means for the whole lane."""
        lane.saw(outcome, time.monotonic())
        if not isinstance(outcome, Deferred) or outcome.scope is not Scope.LANE:
            return
        now = self._clock()
        wait = bounded(outcome.retry_after)
        until = now + timedelta(seconds=30.0 if wait is None else max(wait, 1.0)) if outcome.throttled else None
        state = LaneState(lane.name, True, until, outcome.code, outcome.reason)
        # The pause stands in this process before anything else can be claimed, then in the database.
        lane.hold(state, now)
        lane.pausing += 1
        try:
            news = await self._store.pause(state, f"worker:{self.name}", now)
        except Exception:
            # The outcome must be recorded all the same; the next call is refused again and pauses again.
            log.exception("a lane's pause could not be kept", lane=lane.name, code=outcome.code)
            return
        finally:
            lane.pausing -= 1
            lane.pauses += 1
        if news and until is None:
            log.error("lane paused until somebody resumes it", lane=lane.name, code=outcome.code, reason=outcome.reason)
            self._events.publish("lane", lane.name)

    async def _look(self) -> None:
        """Start to reconcile unknown deliveries that are due for a look."""
        room = LOOKS - len(self._looks)
        for claimed in await self._store.unknown(self._clock(), self.name, self._lease, room) if room > 0 else ():
            task = asyncio.create_task(self._reconcile(claimed))
            self._looks[claimed.job.delivery_id] = (claimed, task)
        await _sleep_or(self._recorder.unknown_seen, 1.0)
        self._recorder.unknown_seen.clear()

    async def _reconcile(self, claimed: Claimed) -> None:
        """One look, and its recorded finding."""
        try:
            lane = self._lanes.get(claimed.job.destination.channel)
            started = self._clock()
            gone: Finding = CannotTell("its channel is no longer in the settings: look there whether it is there")
            finding = plain(await self._find(lane, claimed)) if lane else gone
            policy = lane.policy if lane else RetryPolicy()
            following = after_finding(finding, looks=claimed.looks, now=self._clock(), policy=policy)
            result = Result(claimed, finding, following, started, self._clock(), looked=True)
            await self._recorder.record(result, at_once=True)
        except Exception:
            log.exception("a look could not be told; it is taken again", delivery=claimed.job.delivery_id)
        finally:
            self._looks.pop(claimed.job.delivery_id, None)
            self._relay.stir()

    async def _find(self, lane: Lane, claimed: Claimed) -> Finding:
        try:
            return await lane.channel.reconcile(claimed.job, KeptProgress(self._store, claimed, self._clock))
        except Exception as error:
            log.exception("looking for an unknown delivery failed", delivery=claimed.job.delivery_id)
            return LookAgain(f"looking failed: {type(error).__name__}")

    async def _keep_alive(self) -> None:
        """Heartbeat and leases."""
        now = self._clock()
        await self._store.beat(self.name, now)
        under_way = [claimed for lane in self._lanes.values() for claimed in list(lane.running.values())]
        under_way += [claimed for claimed, _ in self._looks.values()]
        await self._store.renew(under_way, now, self._lease)
        await asyncio.sleep(self._lease / 4)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel, and wait until they have ended."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def _sleep_or(event: asyncio.Event, seconds: float) -> None:
    """Sleep until the event is set, at most so long."""
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            await event.wait()
    except TimeoutError:
        return
