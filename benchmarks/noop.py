"""A channel that does nothing and says that it is done: what remains is the cost of the engine.

Touches nothing.
"""

from __future__ import annotations

from distributor.core.asset import Asset, Profile
from distributor.core.channel import Allowance, Health, Job, Progress, Source, Traits
from distributor.core.outcome import CannotTell, Finding, Outcome, Receipt, Sent
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
