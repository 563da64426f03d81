"""Parts of a measurement that run in a process of their own: `python -m MODULE ARGUMENTS…`.

May start processes and end those it started, by their handle. A child answers with one line of JSON on its standard
output; a serving one goes on until its standard input is closed, so that none outlives its parent.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from distributor.collector import settle

ROOT = Path(__file__).resolve().parent.parent
LOOPS = ("asyncio", "uvloop")


class ChildFailed(RuntimeError):
    """A child ended, or said nothing in time; the message holds the end of what it wrote."""


async def ask(module: str, *arguments: str, seconds: float) -> dict[str, Any]:
    """What a child found out. ChildFailed where it ends badly or takes longer than `seconds`."""
    child = await _start(module, arguments)
    try:
        said, wrote = await asyncio.wait_for(child.communicate(), seconds)
    except TimeoutError:
        raise ChildFailed(f"{module} {arguments[0]}: not done within {seconds:g} s") from None
    finally:
        await _end(child)
    if child.returncode != 0:
        raise ChildFailed(f"{module}: {wrote.decode(errors='replace')[-2000:]}")
    answer: dict[str, Any] = json.loads(said.decode().splitlines()[-1])
    return answer


@asynccontextmanager
async def serving(module: str, *arguments: str, seconds: float = 20.0) -> AsyncIterator[dict[str, Any]]:
    """A child that serves while the block runs; gives the line with which it said that it is ready."""
    child = await _start(module, arguments)
    assert child.stdout is not None
    assert child.stderr is not None
    try:
        line = await asyncio.wait_for(child.stdout.readline(), seconds)
        if not line:
            raise ChildFailed(f"{module}: {(await child.stderr.read()).decode(errors='replace')[-2000:]}")
        yield json.loads(line)
    finally:
        await _end(child)


async def until_input_closes() -> None:
    """For a serving child: returns when its parent closes the pipe, or is gone."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def run(loop: str, work: Coroutine[Any, Any, None]) -> None:
    """Run a child's work on the event loop with this name, one of LOOPS. The collector's pace is the service's own
    (distributor.collector), for the peers too: none shall be slower for a setting."""
    settle()
    factory = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[loop]
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work)


def say(answer: dict[str, Any]) -> None:
    """Answer the parent."""
    print(json.dumps(answer), flush=True)


async def _start(module: str, arguments: tuple[str, ...]) -> Process:
    command = [sys.executable, "-m", module, *arguments]
    return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=ROOT)


async def _end(child: Process) -> None:
    """Ends it in order by closing its input, and by force where that does not help."""
    if child.returncode is not None:
        return
    assert child.stdin is not None
    child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), 5)
    except TimeoutError:
        child.kill()
        await child.wait()
