"""One simulated channel on trial: a job for it, progress in memory, and a run around the check.

Touches nothing outside of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from distributor.core.channel import Action, Before, Destination, Job
from distributor.core.rendering import Part, Rendering
from tests.simulation.channel import SimulatedChannel
from tests.simulation.clock import START
from tests.simulation.habits import KINDS, Habits
from tests.simulation.platform import Platform
from tests.simulation.process import World


class Kept:
    """Progress in memory, with what was begun."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self.begun: list[str] = []

    def get(self, step: str) -> dict[str, Any] | None:
        return self.steps.get(step)

    async def save(self, step: str, value: dict[str, Any]) -> None:
        self.steps[step] = value

    def note(self, step: str, value: dict[str, Any]) -> None:
        self.steps[step] = value

    async def begin(self, step: str) -> None:
        self.begun.append(step)


def job(name: str, number: int = 1, action: Action = Action.PUBLISH, before: Before | None = None) -> Job:
    parts = [Part("message", text=f"words {part}") for part in range(KINDS[name].parts)]
    if action is not Action.PUBLISH:
        notice = Part("notice", text=action.value)
        parts = [*parts, notice] if action is Action.CORRECT and KINDS[name].notice else [notice]
    return Job(
        delivery_id=number,
        action=action,
        key=f"abc-{1 if action is Action.PUBLISH else 2}-{action}-{number}",
        rendering=Rendering(name, "ka", tuple(parts)),
        destination=Destination(number, name, f"@{name}"),
        release_id="abc",
        revision=1 if action is Action.PUBLISH else 2,
        slug="words",
        permanent_url="",
        attempt=1,
        approved_at=START,
        before=before,
    )


def made(world: World, name: str, **habits: Any) -> tuple[SimulatedChannel, Platform]:
    platform = Platform(world, {name: Habits(**habits)})
    return SimulatedChannel(name, KINDS[name], platform, world.clock), platform


def call(
    world: World, name: str, check: Callable[[SimulatedChannel, Platform], Coroutine[Any, Any, None]], **habits: Any
) -> None:
    """Run a check against one channel."""
    world.run(check(*made(world, name, **habits)))
