"""The simulated platforms: outside of every process, they survive all kills and count what really happened.

Touches nothing but its own memory. What a platform has accepted takes effect, whatever becomes of who sent it.
"""

from __future__ import annotations

from collections import Counter
from contextvars import Context
from dataclasses import dataclass
from random import Random

from distributor.core.channel import Action, Job
from tests.simulation.chance import between, stream
from tests.simulation.following import Op, Post
from tests.simulation.habits import CALM, Fate, Follows, Habits, Kind
from tests.simulation.process import World, current_process


@dataclass(frozen=True, slots=True)
class Effect:
    """Something new that readers see, and what it tells them (`label`). `at` in virtual seconds; `by` is the process
    that asked for it."""

    channel: str
    key: str
    part: int
    delivery_id: int
    address: str
    text: str
    attempt: int
    at: float
    by: str
    release_id: str = ""
    revision: int = 0
    label: Action = Action.PUBLISH


@dataclass(slots=True)
class Standing:
    """A message, or a page, as readers see it now: of which revision. `delivery_id` made it, `last_id` changed it
    last."""

    channel: str
    address: str
    release_id: str
    delivery_id: int
    last_id: int
    revision: int
    label: Action
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A publishing call that reached out: a new post, or (`change`) an edit or a deletion of part `part`. `at` in
    virtual seconds; `by` is the caller's unique name."""

    channel: str
    delivery_id: int
    part: int
    attempt: int
    fate: Fate
    at: float
    by: str
    change: bool = False


class Platform:
    """All platforms of one run. `habits` by channel; `fates` counts what became of calls; `stands` what is there, by
    the platform's own ids."""

    def __init__(self, world: World, habits: dict[str, Habits] | None = None) -> None:
        self.effects: list[Effect] = []
        self.stands: dict[str, Standing] = {}
        self.calls: list[Call] = []
        self.repeats = 0  # calls to a repeatable platform that changed nothing
        self.fates: Counter[str] = Counter()
        self._world = world
        self._habits = habits or {}
        self._streams: dict[str, Random] = {}
        self._seen: dict[tuple[str, int], float] = {}  # since when an effect can be found
        self._coming: Counter[tuple[str, int]] = Counter()
        self._throttled: dict[str, float] = {}
        self._refused: dict[str, bool] = {}
        self._down: dict[str, float] = {}
        self._healed = False

    def habits(self, channel: str) -> Habits:
        """How it behaves now."""
        return CALM if self._healed else self._habits.get(channel, CALM)

    def draw(self, channel: str, span: tuple[float, float]) -> float:
        """A time from the channel's own stream."""
        return between(self._stream(channel), span)

    def odds(self, channel: str, likely: float) -> bool:
        """True as often as `likely` says."""
        return self._stream(channel).random() < likely

    def fate(self, channel: str) -> Fate:
        """What becomes of a call that reaches out now."""
        fate = self.habits(channel).fate(self._stream(channel))
        now = self._world.loop.time()
        if now < self._down.get(channel, 0.0):
            fate = Fate.UNREACHABLE
        elif self.refuses(channel):
            fate = Fate.CREDENTIAL
        elif now < self._throttled.get(channel, 0.0):
            fate = Fate.THROTTLED
        elif fate is Fate.THROTTLED:
            self._throttled[channel] = now + self.draw(channel, self.habits(channel).wait)
        elif fate is Fate.CREDENTIAL:
            self._refused[channel] = True
        self.fates[f"{channel}: {fate}"] += 1
        self._world.note(f"{channel} {fate}")
        return fate

    def publish(self, job: Job, op: Op) -> Fate:
        """The same for a publishing call, which is kept."""
        channel, process = job.destination.channel, current_process()
        fate = self.fate(channel)
        now, by = self._world.loop.time(), process.unique if process else "-"
        change = not isinstance(op, Post)
        self.calls.append(Call(channel, job.delivery_id, op.index, job.attempt, fate, now, by, change))
        return fate

    def throttled_for(self, channel: str) -> float:
        """Seconds that a throttling answer asks to wait."""
        return max(self._throttled.get(channel, 0.0) - self._world.loop.time(), 0.0)

    def accept(self, job: Job, op: Op, delay: float, kind: Kind) -> None:
        """A request was written: its effect comes after `delay`, also where the sender dies meanwhile."""
        sender = current_process()
        by = sender.name if sender else "-"
        loop = self._world.loop
        # In a context of its own: it belongs to no process, so no kill reaches it.
        if isinstance(op, Post):
            self._coming[job.key, op.index] += 1
            loop.call_later(delay, self._happen, job, op, by, kind, context=Context())
        else:
            # However long the answer takes: what a platform changes it changes soon.
            soon = min(delay, self.habits(job.destination.channel).latency[1])
            loop.call_later(soon, self._change, job, op.target, op.index, context=Context())

    def _happen(self, job: Job, op: Post, by: str, kind: Kind) -> None:
        where = job.key, op.index
        self._coming[where] -= 1
        if kind.traits.repeatable and where in self._seen:
            self.repeats += 1
            return
        now = self._world.loop.time()
        channel, address = job.destination.channel, job.destination.address
        text = job.rendering.parts[op.index].text
        known = (channel, job.key, op.index, job.delivery_id, address, text, job.attempt, now, by)
        self.effects.append(Effect(*known, job.release_id, job.revision, op.label))
        self._seen.setdefault(where, now + self.draw(channel, (0.0, kind.settles)))
        self._world.note(f"effect {job.key} {op.index} by {by}")
        page = kind.follows is Follows.OVERWRITES
        remote = f"{address}/{job.release_id}" if page else f"{job.key}:{op.index}"
        before = self.stands.get(remote)
        if page and before and job.delivery_id < before.last_id:
            return  # our own newsroom, which lets nothing older come back
        if page and not before and op.label in (Action.HOLD, Action.LIFT):
            return  # it marks a page, and makes none
        made = before.delivery_id if before else job.delivery_id
        shows = before.revision if before and op.label in (Action.HOLD, Action.LIFT) else job.revision
        gone = page and op.label is Action.WITHDRAW
        # A mark leaves what stands, and may pass words that still wait.
        last = before.last_id if before and op.label in (Action.HOLD, Action.LIFT) else job.delivery_id
        self.stands[remote] = Standing(channel, address, job.release_id, made, last, shows, op.label, gone)

    def _change(self, job: Job, target: str, index: int) -> None:
        """An edit or a deletion (-1) takes effect. The same again changes nothing."""
        there = self.stands[target]
        there.last_id = job.delivery_id
        self._world.note(f"change {target} {index} by {job.key}")
        if index < 0:
            there.gone = True
        else:
            there.revision = job.revision

    def found(self, key: str, part: int) -> bool:
        """Can an effect be seen there now?"""
        seen = self._seen.get((key, part))
        return seen is not None and seen <= self._world.loop.time()

    def settled(self, key: str, part: int) -> bool:
        """True where nothing more can come to light: no request is on its way, and no effect is still hidden."""
        return not self._coming[key, part] and ((key, part) not in self._seen or self.found(key, part))

    def times(self, key: str, part: int = 0) -> int:
        """How often readers see it: the truth."""
        return sum(effect.key == key and effect.part == part for effect in self.effects)

    def reachable(self, channel: str) -> bool:
        """False during an outage."""
        return self._world.loop.time() >= self._down.get(channel, 0.0)

    def refuses(self, channel: str) -> bool:
        """True from a refused credential until it is mended."""
        return self._refused.get(channel, False)

    def fail(self, channel: str, seconds: float) -> None:
        """An outage: connections are refused for so long."""
        self._down[channel] = self._world.loop.time() + seconds

    def mend(self, channel: str) -> None:
        """An administrator renewed the credential."""
        self._refused[channel] = False

    def heal(self) -> None:
        """From now on everything works, so that a run can come to its end."""
        self._healed = True
        for trouble in (self._refused, self._throttled, self._down):
            trouble.clear()

    def _stream(self, channel: str) -> Random:
        if channel not in self._streams:
            self._streams[channel] = stream(self._world.seed, f"platform {channel}")
        return self._streams[channel]
