"""What goes wrong, carried out on real processes: workers, Redis, PostgreSQL, and orders to the sandbox.

May touch: the processes of this run, by their numbers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.chaos.crew import Crew
from tests.chaos.ground import Ground
from tests.chaos.plan import ORDERS, Kind, Plan, Trouble
from tests.services import Server, ServiceFailed

BACK_SECONDS = 30.0  # until a server that was killed must run again


class Troublemaker:
    """Deals the blows of a plan. `done`: how many of each kind hit somebody; `server_kills`: SIGKILLs to servers."""

    def __init__(self, ground: Ground, crew: Crew) -> None:
        self._ground = ground
        self._crew = crew
        self._busy = {"redis": asyncio.Lock(), "postgres": asyncio.Lock()}
        self.done: Counter[Kind] = Counter()
        self.server_kills = 0
        self._deal: Mapping[Kind, Callable[[Trouble], Awaitable[bool]]] = {
            Kind.KILL: self._kill,
            Kind.STOP: self._stop,
            Kind.DRAIN: self._drain,
            Kind.FLUSH: self._flush,
            Kind.REDIS: self._redis,
            Kind.CRASH: self._crash,
            Kind.RESTART: self._restart,
            Kind.PLATFORM: self._platform,
        }

    async def deal(self, plan: Plan) -> None:
        """Each at its time; returns when the last one is over and everything that was hit runs again."""
        began = asyncio.get_running_loop().time()
        faults = self._ground.stage.sandbox.faults
        faults.order("smtp", "smtp.data", "latency", times=None, seconds=plan.relay_seconds)
        async with asyncio.TaskGroup() as group:
            for trouble in plan.troubles:
                await asyncio.sleep(began + trouble.at - asyncio.get_running_loop().time())
                group.create_task(self._one(trouble))
        faults.clear()

    async def _one(self, trouble: Trouble) -> None:
        if await self._deal[trouble.kind](trouble):
            self.done[trouble.kind] += 1

    async def _kill(self, trouble: Trouble) -> bool:
        return self._crew.kill(trouble.number) is not None

    async def _stop(self, trouble: Trouble) -> bool:
        return await self._crew.stop(trouble.number, trouble.seconds) is not None

    async def _drain(self, trouble: Trouble) -> bool:
        return self._crew.drain(trouble.number) is not None

    async def _flush(self, _trouble: Trouble) -> bool:
        client = Redis.from_url(self._ground.redis.url)
        try:
            await client.flushall()
        except RedisError:
            return False  # it is away itself at this moment
        finally:
            await client.aclose()
        return True

    async def _redis(self, trouble: Trouble) -> bool:
        async with self._busy["redis"]:
            await asyncio.to_thread(self._ground.redis.kill)
            self.server_kills += 1
            await asyncio.sleep(trouble.seconds)
            await asyncio.to_thread(bring_back, self._ground.redis)
        return True

    async def _crash(self, trouble: Trouble) -> bool:
        async with self._busy["postgres"]:
            await asyncio.to_thread(self._ground.postgres.kill)
            self.server_kills += 1
            await asyncio.sleep(trouble.seconds)
            await asyncio.to_thread(bring_back, self._ground.postgres)
        return True

    async def _restart(self, trouble: Trouble) -> bool:
        async with self._busy["postgres"]:
            await asyncio.to_thread(self._ground.postgres.stop)
            await asyncio.sleep(trouble.seconds)
            await asyncio.to_thread(bring_back, self._ground.postgres)
        return True

    async def _platform(self, trouble: Trouble) -> bool:
        platform, method, kind, options = ORDERS[trouble.number]
        faults = self._ground.stage.sandbox.faults
        faults.ordered.insert(0, faults.order(platform, method, kind, **options))
        faults.ordered.pop()  # the same, from behind the standing order
        return True


def bring_back(server: Server) -> None:
    """Start it. A PostgreSQL that was killed refuses for as long as its children have not noticed."""
    until = time.monotonic() + BACK_SECONDS
    while True:
        try:
            server.start()
            return
        except ServiceFailed:
            if time.monotonic() > until:
                raise
        time.sleep(0.2)
