"""The simulated platforms: outside of every process, they survive all kills and count what really happened.

Touches nothing but its own memory. What a platform has accepted takes effect, whatever becomes of who sent it.
"""

from __future__ import annotations

from collections import Counter
from contextvars import Context
from dataclasses import dataclass
from random import Random

from distributor.core.channel import Job
from tests.simulation.chance import between, stream
from tests.simulation.habits import CALM, Fate, Habits
from tests.simulation.process import World, current_process


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that readers see. `at` in virtual seconds; `by` is the process that asked for it."""

    channel: str
    key: str
    part: int
    delivery_id: int
    address: str
    text: str
    attempt: int
    at: float
    by: str


@dataclass(frozen=True, slots=True)
class Call:
    """A publishing call that reached out. `at` in virtual seconds; `by` is the caller's unique name."""

    channel: str
    delivery_id: int
    part: int
    attempt: int
    fate: Fate
    at: float
    by: str


class Platform:
    """All platforms of one run. `habits` by channel; `fates` counts what became of calls."""

    def __init__(self, world: World, habits: dict[str, Habits] | None = None) -> None:
        self.effects: list[Effect] = []
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

    def publish(self, job: Job, part: int) -> Fate:
        """The same for a publishing call, which is kept."""
        channel, process = job.destination.channel, current_process()
        fate = self.fate(channel)
        now, by = self._world.loop.time(), process.unique if process else "-"
        self.calls.append(Call(channel, job.delivery_id, part, job.attempt, fate, now, by))
        return fate

    def throttled_for(self, channel: str) -> float:
        """Seconds that a throttling answer asks to wait."""
        return max(self._throttled.get(channel, 0.0) - self._world.loop.time(), 0.0)

    def accept(self, job: Job, part: int, delay: float, *, repeatable: bool, settles: float) -> None:
        """A request was written: its effect comes after `delay`, also where the sender dies meanwhile."""
        sender = current_process()
        by = sender.name if sender else "-"
        self._coming[job.key, part] += 1
        loop = self._world.loop
        # In a context of its own: it belongs to no process, so no kill reaches it.
        loop.call_later(delay, self._happen, job, part, by, repeatable, settles, context=Context())

    def _happen(self, job: Job, part: int, by: str, repeatable: bool, settles: float) -> None:
        where = job.key, part
        self._coming[where] -= 1
        if repeatable and where in self._seen:
            self.repeats += 1
            return
        now = self._world.loop.time()
        channel, address = job.destination.channel, job.destination.address
        text = job.rendering.parts[part].text
        self.effects.append(Effect(channel, job.key, part, job.delivery_id, address, text, job.attempt, now, by))
        self._seen.setdefault(where, now + self.draw(channel, (0.0, settles)))
        self._world.note(f"effect {job.key} {part} by {by}")

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
