"""A simulated adapter: the port `core.channel.Channel`, over a platform that may do anything but lie.

Touches the platform, through what a real adapter could see of it: answers, silence, and what a look shows. It maps them
to outcomes as the real adapters do.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from distributor.core.asset import Asset, MediaKind, Profile, Rendition
from distributor.core.channel import Health, Job, Progress, Source
from distributor.core.outcome import (
    Absent,
    CannotTell,
    Deferred,
    Finding,
    LookAgain,
    Outcome,
    Receipt,
    Rejected,
    Scope,
    Sent,
    Unknown,
)
from distributor.core.ports import Clock
from distributor.core.rendering import Part, Placed, Problem, Rendering
from tests.simulation.habits import Fate, Kind
from tests.simulation.platform import Platform


class AdapterBroken(RuntimeError):
    """A defect of the adapter's own: something that it did not map to an outcome."""


class SimulatedChannel:
    """One lane's adapter in one process."""

    def __init__(self, name: str, kind: Kind, platform: Platform, clock: Clock) -> None:
        self.name = name
        self.kind = kind
        self.traits = kind.traits
        self._platform = platform
        self._clock = clock

    def own_address(self) -> str:
        """See Channel.own_address."""
        return "" if self.kind.subscribers else f"@{self.name}"

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """None: files are not simulated, their uploads are (`steps` of the kind)."""
        return ()

    def render(self, source: Source) -> Rendering | None:
        """As many parts as the kind makes calls, in the first language that the revision has; with the first go as many
        photos as there are uploads."""
        version = source.revision.version(source.languages)
        if version is None:
            return None
        titles = (f"{version.title} ({number})" for number in range(1, self.kind.parts + 1))
        parts = [Part("message", text=title) for title in titles]
        photos = tuple(Placed(_photo(number), MediaKind.PHOTO) for number in range(self.kind.steps))
        return Rendering(self.name, version.language, (replace(parts[0], media=photos), *parts[1:]))

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Nothing is ever wrong with it."""
        return ()

    def allowance(self) -> None:
        """The simulated platforms say nothing of what is left."""
        return None

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Every step that is not kept yet; each may fail, none is irrevocable."""
        for number in range(self.kind.steps):
            step = f"media:{number}"
            if progress.get(step):
                continue
            habits = self._platform.habits(self.name)
            await asyncio.sleep(self._platform.draw(self.name, habits.latency))
            fate = self._platform.fate(self.name)
            if refused := self._refusal(fate, f"step {number + 1} of {self.kind.steps}"):
                return refused
            if fate is not Fate.ANSWERED:
                return Deferred("no_answer", f"{step}: {fate}; a repeat harms nothing")
            if self._platform.odds(self.name, habits.processing):
                return Deferred("processing", f"{step} is being processed", 5.0, throttled=True)
            await progress.save(step, {"id": f"{job.key}/{number}"})
        return None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """Every part that is not there yet, each in one irrevocable call."""
        for index in range(len(job.rendering.parts)):
            if _done(progress, index):
                continue
            step = f"part:{index}" if index else "publish"
            if index:
                await progress.begin(step)
            outcome = await self._call(job, index, step)
            if outcome is not None:
                return outcome
            await progress.save(f"part:{index}", {"id": f"{job.key}:{index}"})
        return _sent(job)

    async def _call(self, job: Job, index: int, step: str) -> Outcome | None:
        """None: it is there, and the platform said so."""
        platform, habits = self._platform, self._platform.habits(self.name)
        connects = platform.draw(self.name, habits.connects)
        if connects:
            await asyncio.sleep(connects)
        fate = platform.publish(job, index)
        if refused := self._refusal(fate, step):
            return refused
        # From here on the request is written.
        takes = platform.draw(self.name, habits.hang if fate is Fate.HANGS else habits.latency)
        lost = fate is Fate.CALL_LOST or (fate in (Fate.HANGS, Fate.BROKEN) and platform.odds(self.name, 0.5))
        if not lost:
            delay = platform.draw(self.name, (0.0, takes))
            platform.accept(job, index, delay, repeatable=self.traits.repeatable, settles=self.kind.settles)
        await asyncio.sleep(takes)
        if fate is Fate.BROKEN:
            raise AdapterBroken("after the request was written")
        return None if fate is Fate.ANSWERED else Unknown("no_answer", f"{fate} after {takes:.3f} s", step)

    def _refusal(self, fate: Fate, what: str) -> Outcome | None:
        """The answers that say surely that nothing happened."""
        match fate:
            case Fate.UNREACHABLE:
                return Deferred("connection", f"{what}: connection refused")
            case Fate.THROTTLED:
                wait = self._platform.throttled_for(self.name)
                return Deferred("throttled", f"{what}: too many requests", wait, throttled=True, scope=Scope.LANE)
            case Fate.CREDENTIAL:
                return Deferred("credential", f"{what}: the token was refused", scope=Scope.LANE)
            case Fate.REJECTED:
                gone = self.kind.subscribers and self._platform.odds(self.name, 0.5)
                scope = Scope.DESTINATION if gone else Scope.DELIVERY
                return Rejected("refused", f"{what}: the platform does not want it", scope)
            case Fate.BROKEN if self._platform.odds(self.name, 0.5):
                raise AdapterBroken("before anything was written")
        return None

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """The truth, once it has settled; or that nobody can tell."""
        platform, habits = self._platform, self._platform.habits(self.name)
        await asyncio.sleep(platform.draw(self.name, habits.latency))
        if not self.kind.looks:
            return CannotTell(f"{self.name} shows no history")
        if not platform.reachable(self.name) or platform.odds(self.name, habits.look_fails):
            return LookAgain("the place to look cannot be reached", 5.0)
        missing = [index for index in range(len(job.rendering.parts)) if not _done(progress, index)]
        if any(not platform.settled(job.key, index) for index in missing):
            return LookAgain("not settled yet", self.kind.settles)
        for index in list(missing):
            if platform.found(job.key, index):
                await progress.save(f"part:{index}", {"id": f"{job.key}:{index}"})
                missing.remove(index)
        return Absent("it was looked for, and it is not there") if missing else _sent(job)

    async def probe(self) -> Health:
        """Good unless the credential is refused."""
        good = not self._platform.refuses(self.name)
        return Health(good, f"@{self.name}", () if good else ("the token was refused",))

    async def aclose(self) -> None:
        """Nothing is open."""


def _photo(number: int) -> Rendition:
    return Rendition(f"{number:064}", "photo", f"{number:064}", "image/jpeg", 1000, 10, 10, None)


def _done(progress: Progress, index: int) -> dict[str, Any] | None:
    """What is kept of a part that is there: its id, or a person's word."""
    kept = progress.get(f"part:{index}")
    if kept:
        return kept
    begun = progress.get("publish") if index == 0 else None
    return begun if begun and "confirmed" in begun else None


def _sent(job: Job) -> Sent:
    ids = tuple(f"{job.key}:{index}" for index in range(len(job.rendering.parts)))
    return Sent(Receipt(ids, tuple(f"https://platform.example/{remote}" for remote in ids)))
