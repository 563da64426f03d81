"""Simulated processes on one event loop: started, killed between any two awaits, stopped and continued.

Touches the virtual loop, the garbage collector and the state of `random`. A killed process never runs again: no
CancelledError reaches it and no `finally`, exactly as with SIGKILL; what the kernel would close for it (its database
connections) is closed.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import random
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from math import inf
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from tests.simulation.clock import OWNER, Owner, VirtualLoop, WallClock
from tests.simulation.disposal import dispose

T = TypeVar("T")

BeforeStep = Callable[["Process", int], None]


class Unhandled(AssertionError):
    """Errors that nobody took, in processes that were not killed."""


class Holder:
    """Who holds things that are closed when it ends: a process, or the world for the scenario's own.

    `unique` names it within the run, for its streams of chance.
    """

    world: World
    unique: str

    def __init__(self) -> None:
        self._closers: dict[int, Callable[[], None]] = {}
        self._closer = 0

    def on_death(self, close: Callable[[], None]) -> Callable[[], None]:
        """Have something closed at the end, as the kernel would. Returns what takes that back."""
        self._closer += 1
        number = self._closer
        self._closers[number] = close

        def keep_open() -> None:
            self._closers.pop(number, None)

        return keep_open

    def _release(self) -> None:
        while self._closers:
            self._closers.pop(min(self._closers))()


class Process(Holder):
    """Everything that one operating system process would hold. `steps` counts its callbacks."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__()
        self.world = world
        self.name = name
        self.unique = f"{name} {len(world.processes)}"
        self.alive = True
        self.died = inf  # when
        self.steps = 0
        self.clock = WallClock(world.loop)
        self._thaws_at = 0.0
        self._held: deque[tuple[Owner | None, asyncio.Handle]] = deque()

    def start(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine inside the process; every task that it starts belongs to it too."""
        context = copy_context()
        context.run(OWNER.set, self)
        return self.world.loop.create_task(coro, context=context)

    def kill(self) -> None:
        """SIGKILL. Where it falls into the process's own step, that step still runs to its next await."""
        if not self.alive:
            return
        self.alive = False
        self.died = self.world.loop.time()
        self.world.note(f"kill {self.name}")
        self._held.clear()
        if self.world.loop.running is self:
            self.world.loop.call_soon(self._release, context=Context())
        else:
            self._release()

    def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT so many seconds later: what comes due meanwhile runs then, in its order."""
        self.world.note(f"freeze {self.name} {seconds:.6f}")
        self._thaws_at = max(self._thaws_at, self.world.loop.time() + seconds)
        self.world.loop.call_at(self._thaws_at, self._thaw, context=Context())

    def frozen(self) -> bool:
        """True while it is stopped."""
        return self.world.loop.time() < self._thaws_at

    def admit(self, call: tuple[Owner | None, asyncio.Handle]) -> bool:
        """See Owner.admit."""
        if not self.alive:
            return False
        if not self._hold(call):
            self.steps += 1
            self.world.step(self)
            return self.alive and not self._hold(call)
        return False

    def _hold(self, call: tuple[Owner | None, asyncio.Handle]) -> bool:
        # While anything is kept back, later callbacks queue up behind it.
        if not self.frozen() and not self._held:
            return False
        self._held.append(call)
        return True

    def _thaw(self) -> None:
        if self.alive and not self.frozen():
            held, self._held = self._held, deque()
            self.world.loop.resume(held)


class World(Holder):
    """One simulated run: a seed, a loop, processes, and a trace of every step. A context manager.

    `before_step(process, number)` is called before each callback of a process and may kill or freeze any of them.
    """

    def __init__(self, seed: int, *, horizon: float = 7 * 86400.0) -> None:
        super().__init__()
        self.world = self
        self.unique = "world"
        self.seed = seed
        self.loop = VirtualLoop(horizon)
        self.clock = WallClock(self.loop)
        self.processes: list[Process] = []
        self.before_step: BeforeStep | None = None
        self.steps = 0
        self._trace = hashlib.sha256()
        self._collecting = False
        self._random = random.getstate()

    def __enter__(self) -> Self:
        # The collector runs by counts of allocations, which differ from interpreter to interpreter.
        self._collecting = gc.isenabled()
        gc.disable()
        self._random = random.getstate()
        random.seed(self.seed)  # tenacity's jitter
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unhandled = self._unhandled()
        try:
            for process in self.processes:
                process.kill()
            self._release()
            self.loop.over = True
            dispose(self.loop)
        finally:
            self.loop.close()
            random.setstate(self._random)
            if self._collecting:
                gc.enable()
        if error is None and unhandled:
            raise Unhandled("\n\n".join(unhandled))

    def process(self, name: str) -> Process:
        """A new process; a name may be used again after its bearer died."""
        if any(other.alive and other.name == name for other in self.processes):
            raise ValueError(f"a process {name!r} is alive")
        made = Process(self, name)
        self.processes.append(made)
        return made

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run the scenario, which belongs to no process, until it returns. Raises Deadlock, Overrun or Unhandled."""
        result = self.loop.run_until_complete(self.loop.create_task(main))
        if unhandled := self._unhandled():
            raise Unhandled("\n\n".join(unhandled))
        return cast(T, result)

    def step(self, process: Process) -> None:
        """Count and trace a callback that is about to run; then its fate is asked."""
        self.steps += 1
        self.note(f"{process.name} {process.steps}")
        if self.before_step is not None:
            self.before_step(process, process.steps)

    def note(self, words: str) -> None:
        """Let something that happened count for the trace."""
        self._trace.update(f"{self.loop.micros} {words}\n".encode())

    def blame(self, words: str) -> None:
        """The run fails of this at its end, whatever the code at fault makes of it."""
        self.loop.unhandled.append(words)

    @property
    def trace(self) -> str:
        """SHA-256, in hex, over every step and every noted event with its virtual time: equal runs, equal traces."""
        return self._trace.hexdigest()

    def _unhandled(self) -> list[str]:
        """Errors that nobody took, also those of ended tasks that nobody looked at. Each is told once."""
        told, self.loop.unhandled = self.loop.unhandled, []
        for task in self.loop.tasks:
            living = task.owner is None or task.owner.alive
            if task.done() and task._log_traceback and living and not task.cancelled() and (error := task.exception()):
                owner = task.owner.name if task.owner else "outside of the processes"
                told.append(f"{owner}: {task.get_name()}\n{''.join(traceback.format_exception(error))}".rstrip())
        return told


def current_process() -> Process | None:
    """The process that the running code belongs to, None outside of all of them."""
    owner = OWNER.get()
    return owner if isinstance(owner, Process) else None
