"""The workers of a run, each a process as an operator starts it, and what systemd does: start them again.

May touch: the processes that it started, by their numbers. `distributor worker --config FILE`, nothing less.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
AGAIN = 1.0  # seconds until a worker that ended is started again (RestartSec)
DRAIN_SECONDS = 25.0  # until a worker that was told to end is killed (TimeoutStopSec)


class Crew:
    """So many workers, kept running. What they say of themselves goes to `worker-N.log`."""

    def __init__(self, settings_file: Path, folder: Path, count: int) -> None:
        self._settings_file = settings_file
        self._folder = folder
        self._running: list[asyncio.subprocess.Process | None] = [None] * count
        self._keepers: list[asyncio.Task[None]] = []
        self._ended_by_us: set[int] = set()
        self._stopped: set[int] = set()
        self._closing = False
        self.killed: list[int] = []  # process numbers, in order
        self.ends: list[int] = []  # exit codes of those that ended without a SIGKILL of ours
        self.woke_at = float("-inf")  # when the last stopped one went on (the loop's time)

    async def start(self) -> None:
        """Start them all; they are kept running until `end`."""
        self._keepers = [asyncio.create_task(self._keep(place)) for place in range(len(self._running))]

    async def _keep(self, place: int) -> None:
        command = (sys.executable, "-m", "distributor", "--config", str(self._settings_file), "worker")
        while not self._closing:
            with (self._folder / f"worker-{place}.log").open("ab") as out:
                process = await asyncio.create_subprocess_exec(
                    *command, stdout=out, stderr=out, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
                )
            self._running[place] = process
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                # The run is being torn down: nothing that was started may stay.
                process.kill()
                await process.wait()
                raise
            self._running[place] = None
            if process.pid not in self._ended_by_us:
                self.ends.append(code)
            await asyncio.sleep(0 if self._closing else AGAIN)

    def _send(self, place: int, number: signal.Signals) -> int | None:
        """The process number, None where nobody is there at this moment."""
        process = self._running[place]
        if process is None or process.returncode is not None:
            return None
        process.send_signal(number)
        return process.pid

    def kill(self, place: int) -> int | None:
        """As the kernel does it to a process that has no more memory. Its process number."""
        pid = self._send(place, signal.SIGKILL)
        if pid is not None and pid not in self._ended_by_us:
            self._ended_by_us.add(pid)
            self.killed.append(pid)
        return pid

    def drain(self, place: int) -> int | None:
        """As an operator ends it: SIGTERM. Its process number."""
        return self._send(place, signal.SIGTERM)

    async def stop(self, place: int, seconds: float) -> int | None:
        """Stop it where it stands, and let it go on after so many seconds. Its process number."""
        process = self._running[place]
        pid = self._send(place, signal.SIGSTOP)
        if pid is None or process is None:
            return None
        self._stopped.add(pid)
        try:
            await asyncio.sleep(seconds)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
            self._stopped.discard(pid)
            self.woke_at = asyncio.get_running_loop().time()
        return pid

    def quiet_for(self) -> float:
        """Seconds since the last stopped worker went on; 0 while one is stopped."""
        return 0.0 if self._stopped else asyncio.get_running_loop().time() - self.woke_at

    async def end(self) -> None:
        """Tell them all to end; who does not is killed after `DRAIN_SECONDS`."""
        self._closing = True
        for place in range(len(self._running)):
            self._send(place, signal.SIGCONT)
            self._send(place, signal.SIGTERM)
        if self._keepers:
            _, late = await asyncio.wait(self._keepers, timeout=DRAIN_SECONDS)
            for keeper in late:
                keeper.cancel()
            await asyncio.gather(*late, return_exceptions=True)
