"""A simulated adapter: the port `core.channel.Channel`, over a platform that may do anything but lie.

Touches the platform, through what a real adapter could see of it: answers, silence, and what a look shows. It maps them
to outcomes as the real adapters do.
"""

from __future__ import annotations

import asyncio

from distributor.core.asset import Asset, MediaKind, Profile, Rendition
from distributor.core.channel import Action, Health, Job, Progress, Source
from distributor.core.outcome import (
    Absent,
    CannotTell,
    Deferred,
    Finding,
    LookAgain,
    Outcome,
    Rejected,
    Scope,
    Sent,
    Unknown,
)
from distributor.core.ports import Clock
from distributor.core.rendering import Part, Placed, Problem, Rendering
from tests.simulation.following import Change, Op, Post, blind, known_ids, plan, receipt_of
from tests.simulation.habits import Fate, Follows, Kind
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
        photos as there are uploads. A correction has its labelled notice too, and any other notice is one part."""
        revision = source.revision
        version = revision.version(source.languages)
        if version is None:
            return None
        if revision.action not in (Action.PUBLISH, Action.CORRECT):
            return Rendering(self.name, version.language, (Part("notice", text=f"{revision.action}: {version.title}"),))
        photos = tuple(Placed(_photo(number), MediaKind.PHOTO) for number in range(self.kind.steps))
        parts = [Part("message", text=f"{version.title} ({number})") for number in range(1, self.kind.parts + 1)]
        parts[0] = Part("message", text=parts[0].text, media=photos)
        if revision.action is Action.CORRECT and self.kind.notice:
            parts.append(Part("notice", text=f"correct: {version.title}"))
        return Rendering(self.name, version.language, tuple(parts))

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
        """Every call that is left: a new post is begun before it, an edit and a deletion may be repeated."""
        left = plan(self.kind, job, progress)
        for op in left:
            if isinstance(op, Post):
                outcome = await self._post(job, progress, op)
            else:
                outcome = await self._call(job, op, "edit")
                if outcome is None:
                    await self._changed(progress, op, last=op is left[-1])
            if outcome is not None:
                return outcome
        return self._end(job, progress)

    async def _post(self, job: Job, progress: Progress, op: Post) -> Outcome | None:
        step = f"part:{op.index}" if op.index else "publish"
        if op.label is not Action.PUBLISH and job.before and self.kind.follows is Follows.EDITS:
            # A person may confirm the notice, and the rest must be known then too.
            await progress.save("stands", {"ids": known_ids(job) if job.action is Action.CORRECT else []})
        if op.index:
            await progress.begin(step)
        outcome = await self._call(job, op, step)
        if outcome is None:
            await progress.save(f"part:{op.index}", {"id": f"{job.key}:{op.index}"})
        return outcome

    async def _changed(self, progress: Progress, op: Change, *, last: bool) -> None:
        done = {"ids": [*(progress.get("changed") or {}).get("ids", ()), op.target]}
        if last:
            progress.note("changed", done)  # its outcome follows at once
        else:
            await progress.save("changed", done)

    def _end(self, job: Job, progress: Progress) -> Sent | Rejected:
        if blind(self.kind, job):
            return Rejected("not_known", "something may stand there whose id nobody knows")
        return Sent(receipt_of(self.kind, job, progress))

    async def _call(self, job: Job, op: Op, step: str) -> Outcome | None:
        """None: it is done, and the platform said so."""
        platform, habits = self._platform, self._platform.habits(self.name)
        connects = platform.draw(self.name, habits.connects)
        if connects:
            await asyncio.sleep(connects)
        fate = platform.publish(job, op)
        if refused := self._refusal(fate, step):
            return refused
        # From here on the request is written.
        takes = platform.draw(self.name, habits.hang if fate is Fate.HANGS else habits.latency)
        lost = fate is Fate.CALL_LOST or (fate in (Fate.HANGS, Fate.BROKEN) and platform.odds(self.name, 0.5))
        if not lost:
            platform.accept(job, op, platform.draw(self.name, (0.0, takes)), self.kind)
        await asyncio.sleep(takes)
        if fate is Fate.BROKEN:
            raise AdapterBroken("after the request was written")
        if fate is Fate.ANSWERED:
            return None
        if isinstance(op, Change):
            return Deferred("no_answer", f"{fate} after {takes:.3f} s; a repeat harms nothing")
        return Unknown("no_answer", f"{fate} after {takes:.3f} s", step)

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
        """The truth, once it has settled; or that nobody can tell. Edits and deletions need no look."""
        platform, habits = self._platform, self._platform.habits(self.name)
        await asyncio.sleep(platform.draw(self.name, habits.latency))
        left = plan(self.kind, job, progress)
        if left and not isinstance(left[0], Post):
            return Absent("what is left may be repeated without a second effect")
        if not self.kind.looks:
            return CannotTell(f"{self.name} shows no history")
        if not platform.reachable(self.name) or platform.odds(self.name, habits.look_fails):
            return LookAgain("the place to look cannot be reached", 5.0)
        missing = [op.index for op in left if isinstance(op, Post)]
        if any(not platform.settled(job.key, index) for index in missing):
            return LookAgain("not settled yet", self.kind.settles)
        for index in list(missing):
            if platform.found(job.key, index):
                await progress.save(f"part:{index}", {"id": f"{job.key}:{index}"})
                missing.remove(index)
        if missing:
            return Absent("it was looked for, and it is not there")
        end = self._end(job, progress)
        return end if isinstance(end, Sent) else Absent("all was done that could be done")

    async def probe(self) -> Health:
        """Good unless the credential is refused."""
        good = not self._platform.refuses(self.name)
        return Health(good, f"@{self.name}", () if good else ("the token was refused",))

    async def aclose(self) -> None:
        """Nothing is open."""


def _photo(number: int) -> Rendition:
    return Rendition(f"{number:064}", "photo", f"{number:064}", "image/jpeg", 1000, 10, 10, None)
