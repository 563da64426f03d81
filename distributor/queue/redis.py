"""The queue's form for several processes: wake-ups, quotas, circuits and who is there, shared through Redis.

May touch: the Redis server, through `queue.link`. Redis is no truth here and may be emptied or gone at any moment:

- What this process spends it also counts itself (`queue.memory`). While Redis is away it gives leave by that count,
  within its fair part of each window: the quota over the number of workers last seen in the lane (before any was seen:
  as one of four). For the first `max(1 s, window)`, at most `GRACE`, nobody gets leave, so that what others took from
  Redis up to then has left the short windows.
- When Redis is back, or is found emptied (a lane has another epoch than we know), every process puts its own count back
  before it takes leave again. After a loss nobody gets leave in a lane for `min(window, GRACE)`, in which all have put
  back theirs: each `BEAT` seconds the lanes' epochs are looked at. After an absence each worker stays within its fair
  part for another `CAUTION` seconds, in which the others come back too.

So a window of up to `GRACE` seconds is never exceeded by Redis' emptying, restart or absence, if all workers lose sight
of it together. A longer one can be, once, in the window in which Redis went away: workers that had taken less than
their part take up to it, though others had taken more; in sum less than twice the quota. Where one worker alone is cut
off longer than its grace, the others do not know what it spends within its part until it is back. A process that dies
in the same window as Redis takes its count with it. Should the server's clock leap ahead, its windows end early, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from distributor.core.ports import Grant, Window
from distributor.queue.counting import BEGAN, REFUND, TAKE
from distributor.queue.limits import length, pace, slack
from distributor.queue.link import PATIENCE, Away, Command, Link
from distributor.queue.memory import MemoryQueue, key_of, place_of
from distributor.queue.scripts import FAILED, HEALED
from distributor.queue.standing import Standing, life, micro, roster

log = structlog.get_logger(__name__)

BEAT = 2.0  # seconds between two signs of life
GRACE = 3.0  # seconds in which all workers have put back what they spent
LEAST_BLIND = 1.0  # seconds without Redis in which nobody gets leave, whatever the windows
CAUTION = 2.0
ASLEEP = 2.5  # longer than two tries to reach Redis are apart
ASK_AGAIN = 0.25  # at most, until a lane that waits for Redis asks again


class RedisQueue:
    """core.ports.Queue over Redis. The link is this queue's to start and to close; RedisEvents may share it."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._own = MemoryQueue(f"{link.token}.")
        self._standing = Standing(link, self._own)
        self._ailing: set[str] = set()  # lanes with failures that the platform's next answer ends
        self._cautious_until = float("-inf")
        self._returning = False
        self._beating: asyncio.Task[None] | None = None
        link.came_back = self._come_back
        link.on("wake", self._own.tell)
        link.on("again", lambda _: self._own.tell(""))

    async def start(self, worker: str, lanes: Sequence[str]) -> None:
        """See Queue.start. Returns soon, whether Redis is there or not."""
        self._standing.names[worker] = tuple(lanes)
        await self._link.start()
        await self._beat()
        if self._beating is None:
            self._beating = asyncio.create_task(self._keep_beating())

    async def aclose(self) -> None:
        """See Queue.aclose."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self._standing.names:
            self._link.post("leave", self._standing.leave_command)
        await self._own.aclose()
        await self._link.aclose()

    async def wake(self, lane: str = "") -> None:
        """See Queue.wake."""
        self._own.tell(lane)
        self._link.begin()
        self._link.tell("wake", lane)

    def listen(self, woken: Callable[[str], None]) -> Callable[[], None]:
        """See Queue.listen. Others' wake-ups are heard once this queue has been started."""
        return self._own.listen(woken)

    async def take(self, lane: str, windows: Sequence[Window], most: int, least: int = 1, part: str = "") -> Grant:
        """See Queue.take."""
        now = _now()
        key, most = key_of(lane, part), max(most, least)
        rest = 0.0 if part else self._own.health(lane).rest_until - now
        if rest > 0:
            return Grant(key, 0, rest, at=now)
        if windows and now < self._cautious_until:
            most, wait = self._own.ledger.of(key, now).room(self._standing.fair(lane, windows), now, most, least)
            if not most:
                return Grant(key, 0, min(wait, ASK_AGAIN), at=now)
        try:
            for _ in range(2):
                if lane not in self._standing.epochs:
                    await self._standing.join([lane], self._link.ask)
                grant = await self._take_shared(lane, windows, most, least, part)
                if grant is not None:
                    return grant
                await self._standing.join([lane], self._link.ask)
        except Away:
            return await self._take_alone(lane, windows, most, least, part)
        return Grant(key, 0, ASK_AGAIN, at=now)

    async def _take_shared(
        self, lane: str, windows: Sequence[Window], most: int, least: int, part: str
    ) -> Grant | None:
        """Leave from Redis; None where it does not know the lane, or the time, as we do."""
        now = _now()
        key, mark = key_of(lane, part), self._own.mark()
        words: list[str | int | float] = [self._standing.epochs[lane], mark, most, least, 0 if part else 1, GRACE]
        words.append(micro(now + self._standing.ahead + PATIENCE))
        for window in windows:
            paced = pace(window)
            words += [window.count, micro(length(window))]
            words += [paced.size, paced.each * 1e6, paced.step] if paced else [0, 0, 0]
        answers = await self._link.ask((TAKE, 3, *self._standing.keys(lane, part), *words))
        what, calls, micros, failures, there = answers[0]
        self._standing.ahead = int(there) / 1e6 - now
        if what in (b"lost", b"late"):  # late: its clock leapt ahead, or it hung; the next question is in time
            return None
        wait = micros / 1e6
        if failures:
            self._ailing.add(lane)
        if what == b"rest":
            self._own.health(lane).rest(wait, _now())
        if not calls:
            return Grant(key, 0, max(wait, 0.001), at=now)
        if windows:
            self._own.ledger.of(key, now).note(windows, mark, calls, now)
        return Grant(key, calls, 0.0, mark, now)

    async def _take_alone(self, lane: str, windows: Sequence[Window], most: int, least: int, part: str) -> Grant:
        """Leave without Redis."""
        now = _now()
        wait = ASK_AGAIN / 10 if self._returning else 0.0
        if windows:
            blind = min(max(LEAST_BLIND, *(length(window) for window in windows)), GRACE)
            wait = max(wait, self._link.down_since + blind - now)
            if now - self._link.tried > ASLEEP:
                wait = max(wait, ASK_AGAIN / 10)  # we were stopped: Redis may have been there all the time
        if wait > 0:
            return Grant(key_of(lane, part), 0, min(wait, ASK_AGAIN), at=now)
        grant = await self._own.take(lane, self._standing.fair(lane, windows), most, least, part)
        return grant if grant.calls else Grant(grant.key, 0, min(grant.wait, ASK_AGAIN), at=now)

    async def refund(self, grant: Grant, calls: int) -> None:
        """See Queue.refund."""
        if not grant.mark or calls <= 0:
            return
        self._own.give_back(grant, calls)
        lane, part = place_of(grant.key)
        if lane in self._standing.epochs:
            whole = int(calls >= grant.calls)
            await self._try((REFUND, 3, *self._standing.keys(lane, part), grant.mark, calls, whole))

    def began(self, grant: Grant) -> None:
        """See Queue.began. Told to Redis where the delay is more than a third of what the windows are longer here."""
        spent = self._own.ledger.find(grant.key)
        if spent is None or not spent.windows:
            return
        late = spent.began(grant.mark, grant.calls, _now())
        if late <= min(slack(window.seconds) for window in spent.windows) / 3:
            return
        self._link.begin()
        self._link.post(grant.mark, lambda: self._began(grant))

    def _began(self, grant: Grant) -> Command | None:
        now = _now()
        spent = self._own.ledger.find(grant.key)
        entry = spent.entry(grant.mark) if spent is not None else None
        lane, part = place_of(grant.key)
        if spent is None or entry is None or lane not in self._standing.epochs:
            return None
        _, *keys = self._standing.keys(lane, part)
        return (BEGAN, 2, *keys, life(spent.keep()), grant.mark, entry.calls, micro(now - entry.at))

    async def rest(self, lane: str, seconds: float) -> None:
        """See Queue.rest."""
        await self._own.rest(lane, seconds)
        try:
            await self._standing.join([lane], self._link.ask)
        except Away:
            log.debug("a rest stands in this process alone until Redis is back", lane=lane)

    async def failed(self, lane: str) -> float:
        """See Queue.failed. Without Redis this process' own circuit counts."""
        alone = await self._own.failed(lane)
        self._ailing.add(lane)
        micros = await self._try((FAILED, 1, self._standing.state_key(lane)))
        return alone if micros is None else float(micros) / 1e6

    async def healed(self, lane: str) -> None:
        """See Queue.healed. Redis is told only where somebody saw the lane fail."""
        closed = self._own.health(lane).healed()
        if lane in self._ailing:
            self._ailing.discard(lane)
            answer = await self._try((HEALED, 1, self._standing.state_key(lane)))
            if answer is None:
                self._ailing.add(lane)
            closed = closed or bool(answer)
        if closed:
            await self.wake(lane)

    async def workers(self) -> dict[str, tuple[str, ...]]:
        """See Queue.workers. Without Redis: who was there when it was last seen."""
        there = await self._try(self._standing.roster_command())
        return self._standing.workers() if there is None else roster(there)

    async def _try(self, command: Command) -> Any:
        """The answer to one command, None where Redis is away."""
        try:
            return (await self._link.ask(command))[0]
        except Away:
            return None

    async def _beat(self) -> None:
        try:
            await self._standing.renew(self._link.ask)
        except Away:
            log.debug("no sign of life: Redis is away")

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self._beat()
            except Exception:
                log.exception("a sign of life could not be given; the next one comes")

    async def _come_back(self) -> None:
        """Redis answers again: tell it what we spent meanwhile. Until that is done nobody here takes leave."""
        self._returning = True
        try:
            await self._standing.renew(self._link.execute, always=True)
        finally:
            self._returning = False
        if _now() - self._link.down_since >= LEAST_BLIND:
            self._cautious_until = _now() + CAUTION


def _now() -> float:
    return asyncio.get_running_loop().time()
