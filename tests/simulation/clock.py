"""Virtual time: an event loop that never waits, and a wall clock that follows it.

Touches no socket, no thread and no real clock. Where nothing is ready it jumps to the next timer, so that an hour
costs nothing; where there is no timer either, the run is stuck and says so. Who owns a callback (a simulated process)
is asked before each one whether it may run.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol, TypeVarTuple, cast

Ts = TypeVarTuple("Ts")

STEP_MICROS = 20  # what a callback costs: nothing spins for ever at one moment, and no two things happen at once
START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


class Deadlock(RuntimeError):
    """Work is unfinished, and nothing is ready and no timer runs that could ever go on with it."""


class Overrun(RuntimeError):
    """The run went beyond its horizon: something waits, or works, for ever."""


class NotDeterministic(RuntimeError):
    """Something was asked for that no seed could reproduce: a thread."""


class Owner(Protocol):
    """Whose callbacks are counted and checked: a simulated process."""

    name: str
    alive: bool

    def admit(self, call: tuple[Owner | None, asyncio.Handle]) -> bool:
        """May this callback run now? False: it never runs, or the owner keeps it for later."""


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)


class NumberedFuture(asyncio.Future[Any]):
    """A future whose hash is a number: a set of them has the same order in every run. Addresses have not."""

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class NumberedTask(asyncio.Task[Any]):
    """The same for tasks, with the process that it belongs to."""

    _log_destroy_pending: bool  # asyncio's own, unknown to its stubs

    def __init__(self, number: int, owner: Owner | None, coro: Coroutine[Any, Any, Any], **options: Any) -> None:
        self.number = number
        self.owner = owner
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's own loop but for time and order. `horizon` in seconds of virtual time.

    `tasks` holds every unfinished task, so that the garbage collector never ends one of a killed process.
    """

    def __init__(self, horizon: float = 7 * 86400.0) -> None:
        super().__init__()
        self.horizon = horizon
        self.running: Owner | None = None  # whose callback runs at this moment
        self.over = False
        self.micros = 0
        self.tasks: dict[NumberedTask, None] = {}
        self.unhandled: list[str] = []  # errors that nobody took
        self._tasks_kept = 64
        self._calls: deque[tuple[Owner | None, asyncio.Handle]] = deque()
        self._timers: list[tuple[float, int, Owner | None, asyncio.TimerHandle]] = []
        self._number = 0

    def time(self) -> float:
        """Virtual seconds since the run began."""
        return self.micros / 1e6

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's; the callback belongs to the process in whose context it runs."""
        handle = asyncio.Handle(callback, args, self, context)
        if not self.over:
            self._calls.append((_owner(context), handle))
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """There are no threads, so the same as `call_soon`."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's; two timers for one moment run in the order in which they were set."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.over:
            heapq.heappush(self._timers, (when, self._next_number(), _owner(context), handle))
        return handle

    def resume(self, calls: deque[tuple[Owner | None, asyncio.Handle]]) -> None:
        """Put back callbacks that an owner kept, before whatever came for it since."""
        self._calls.extendleft(reversed(calls))

    def create_future(self) -> asyncio.Future[Any]:
        """See NumberedFuture."""
        return NumberedFuture(self._next_number(), self)

    def create_task(  # type: ignore[override]  # asyncio's own takes generators too
        self, coro: Coroutine[Any, Any, Any], *, name: object = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        """See NumberedTask. Once the run is over nothing starts any more: the coroutine is closed."""
        number = self._next_number()
        if self.over:
            coro.close()
            ended = self.create_future()
            ended.cancel()
            return cast("asyncio.Task[Any]", ended)  # dying code waits for it or cancels it, and no more
        task = NumberedTask(
            number, _owner(context), coro, loop=self, name=str(name or f"task {number}"), context=context
        )
        self.tasks[task] = None
        if len(self.tasks) > 2 * self._tasks_kept:
            self.tasks = {kept: None for kept in self.tasks if not kept.done() or kept._log_traceback}
            self._tasks_kept = max(64, len(self.tasks))
        return task

    def run_in_executor(  # type: ignore[override]  # it never returns, whatever it is given
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> NoReturn:
        """Refused: threads run in an order that no seed decides."""
        name = getattr(func, "__qualname__", repr(func))
        raise NotDeterministic(
            f"{name} asks for a thread; a simulated run has none, for no seed could repeat its order"
        )

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody handled: the run fails of it at its end."""
        if self.over:
            return
        error = context.get("exception")
        told = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
        owner = self.running.name if self.running else "outside of the processes"
        self.unhandled.append(f"{owner}: {context.get('message')}\n{told}".rstrip())

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        if not self.over:
            super()._asyncgen_finalizer_hook(agen)  # type: ignore[misc]  # asyncio's own, unknown to its stubs

    def _run_once(self) -> None:
        """One callback, and the timers that have come due before it."""
        self._wake_timers()
        if not self._calls:
            if self._stopping:  # type: ignore[attr-defined]  # asyncio's own, unknown to its stubs
                return
            raise Deadlock(self._stuck())
        owner, handle = self._calls.popleft()
        if handle.cancelled() or (owner is not None and not owner.admit((owner, handle))):
            return
        self.micros += STEP_MICROS
        self.running = owner
        try:
            handle._run()
        finally:
            self.running = None

    def _wake_timers(self) -> None:
        while self._timers:
            when, _, owner, handle = self._timers[0]
            if handle.cancelled() or (owner is not None and not owner.alive):
                heapq.heappop(self._timers)
            elif self._calls and when > self.time():
                return
            else:
                self._jump_to(when)
                heapq.heappop(self._timers)
                self._calls.append((owner, handle))

    def _jump_to(self, when: float) -> None:
        self.micros = max(self.micros, math.ceil(when * 1e6))
        if self.time() > self.horizon:
            raise Overrun(f"the run is not done after {self.horizon:.0f} s of virtual time")

    def _stuck(self) -> str:
        """Who waits, and where."""
        waiting = [task for task in self.tasks if not task.done() and (task.owner is None or task.owner.alive)]
        told = [f"{len(waiting)} tasks wait at {self.time():.6f} s, nothing is ready and no timer runs"]
        for task in waiting[:20]:
            frames = task.get_stack(limit=1)
            place = f"{frames[0].f_code.co_qualname}, line {frames[0].f_lineno}" if frames else "its first step"
            told.append(f"  {task.owner.name if task.owner else '-'}: {task.get_name()} in {place}")
        return "\n".join(told)


class WallClock:
    """core.ports.Clock: UTC, made of virtual time. `offset` is by how much this machine's clock is wrong."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.offset = timedelta()

    def __call__(self) -> datetime:
        """The present, as this clock shows it."""
        return START + timedelta(microseconds=self._loop.micros) + self.offset

    def jump(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        self.offset += timedelta(seconds=seconds)


def _owner(context: Context | None) -> Owner | None:
    return OWNER.get() if context is None else context.get(OWNER)
