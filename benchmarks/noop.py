"""Channels of no platform: one that does nothing and says that it is done, so that what remains is the cost of the
engine; and one that makes one small HTTP call to a server with a quota.

Touch nothing but that server.
"""

from __future__ import annotations

import aiohttp

from distributor.core.asset import Asset, Profile
from distributor.core.channel import Allowance, Health, Job, Progress, Source, Traits
from distributor.core.outcome import CannotTell, Deferred, Finding, Outcome, Receipt, Scope, Sent
from distributor.core.rendering import Problem, Rendering


class Noop:
    """core.channel.Channel, with a receipt as an e-mail's is: an id of its own for each delivery."""

    def __init__(self, name: str, *, bulk: bool = True) -> None:
        self.name = name
        self.traits = Traits(bulk=bulk, prepares=False)

    def own_address(self) -> str:
        """None."""
        return ""

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """None."""
        return ()

    def render(self, source: Source) -> Rendering | None:
        """Nothing."""
        return None

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Nothing to find."""
        return ()

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Nothing to prepare."""
        return None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Done."""
        return Sent(Receipt((job.key,)))

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """Nowhere to look."""
        return CannotTell("it does nothing")

    def allowance(self) -> Allowance | None:
        """No quota."""
        return None

    async def probe(self) -> Health:
        """Always well."""
        return Health(True)

    async def aclose(self) -> None:
        """Nothing to release."""


class Counted(Noop):
    """One call for each delivery; a refusal pauses the lane as the server says."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name)
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Sent, or throttled."""
        self._session = self._session or aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        async with self._session.post(self._url) as answer:
            if answer.status == 429:
                wait = float(answer.headers["Retry-After"])
                return Deferred("throttled", "the quota is used up", wait, throttled=True, scope=Scope.LANE)
            return Sent(Receipt((str((await answer.json())["id"]),)))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
