"""The workshop: benches (see `bench.py`) where files from strangers are decoded, away from this process.

Touches child processes that it started itself, nothing else. Never decodes in the service's own process. A
bench that dies, hangs or answers nonsense is put away and the next job gets a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import distributor
from distributor.core.asset import DiskFull, MediaRefused

_GRACE = 5.0
_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use, and what an original may be. Bytes, seconds and pixels.

    80 megapixels is above every camera that a correspondent carries; decoded and converted they need about
    one gigabyte. `photo_seconds` and `video_seconds` are wall-clock and processor time of one job.
    """

    memory: int = 2 << 30
    photo_seconds: float = 60.0
    video_seconds: float = 1800.0
    pixels: int = 80_000_000
    photo_bytes: int = 64 << 20
    file_bytes: int = 2 << 30
    duration: float = 7200.0


class MediaFailed(RuntimeError):
    """A bench failed for a reason that is not the file's: a fault of the service, to be looked at by
    people.
    """


class Workshop:
    """Runs jobs, at most `places` at a time, each on a bench of its own; benches are kept for the next
    job.
    """

    def __init__(self, limits: Limits, places: int) -> None:
        self.limits = limits
        self._places = asyncio.Semaphore(places)
        self._idle: list[Process] = []
        self._closed = False

    async def run(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Do a job within `seconds`. Raises MediaRefused, DiskFull, or MediaFailed for a fault of our own."""
        allowed = {
            "memory": self.limits.memory,
            "cpu": max(1, round(seconds * 2)),  # two threads encode video
            "file": self.limits.file_bytes,
            "wall": seconds,
        }
        line = json.dumps(job | {"limits": allowed}).encode() + b"\n"
        async with self._places:
            answer = await self._ask(line, seconds + _GRACE)
        if "refused" in answer:
            raise MediaRefused(answer["refused"], answer["params"])
        if "full" in answer:
            raise DiskFull("no room to store a rendition")
        if "done" not in answer:
            raise MediaFailed(str(answer.get("failed", "no answer")))
        done: dict[str, Any] = answer["done"]
        return done

    async def aclose(self) -> None:
        """End the benches. Jobs that still run are cut off by their bench."""
        self._closed = True
        while self._idle:
            await _put_away(self._idle.pop())

    async def _ask(self, line: bytes, seconds: float) -> dict[str, Any]:
        """One question to one bench. A bench found dead is replaced once: jobs run in its children, not
        in it, so its death says nothing about the file, and every job may be repeated.
        """
        try:
            return await self._ask_once(line, seconds)
        except (EOFError, OSError):
            with contextlib.suppress(EOFError, OSError):
                return await self._ask_once(line, seconds)
        return {"refused": "crashed", "params": {}}

    async def _ask_once(self, line: bytes, seconds: float) -> dict[str, Any]:
        bench = await self._take()
        try:
            async with asyncio.timeout(seconds):
                answer = json.loads(await _exchange(bench, line))
        except TimeoutError:
            await _put_away(bench)
            return {"refused": "timeout", "params": {}}
        except BaseException:  # also cancelled in mid-job: the answer would reach the wrong question
            await _put_away(bench)
            raise
        if self._closed:
            await _put_away(bench)
        else:
            self._idle.append(bench)
        return answer if isinstance(answer, dict) else {}

    async def _take(self) -> Process:
        """A living bench, new if need be."""
        if self._closed:
            raise MediaFailed("the workshop is closed")
        while self._idle:
            bench = self._idle.pop()
            if bench.returncode is None:
                return bench
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "distributor.media.bench",
            stdin=PIPE,
            stdout=PIPE,
            limit=_ANSWER_BYTES,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """The environment of a bench: where our package is, and nothing that could hold a secret."""
    package = Path(distributor.__file__).parent.parent
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    # Few memory arenas: each reserves address space, which is what the memory limit counts.
    return kept | {"PYTHONPATH": str(package), "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}


async def _exchange(bench: Process, line: bytes) -> bytes:
    if bench.stdin is None or bench.stdout is None:
        raise EOFError("a bench without pipes")
    bench.stdin.write(line)
    await bench.stdin.drain()
    answer = await bench.stdout.readline()
    if not answer.endswith(b"\n"):
        raise EOFError("the bench ended")
    return answer


async def _put_away(bench: Process) -> None:
    """Close a bench's input, which ends it and its child; kill it if that does not help."""
    if bench.stdin is not None:
        bench.stdin.close()
    try:
        async with asyncio.timeout(_GRACE):
            await bench.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it ended at the same moment
            bench.kill()
        await bench.wait()
