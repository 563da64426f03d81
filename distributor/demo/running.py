"""`distributor demo`: the stage in a folder of its own, until Ctrl-C; or the whole job once, by itself.

May touch: a temporary folder (or the one given) and the loopback address.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distributor import log
from distributor.demo.play import Play
from distributor.demo.samples import FLOOD, samples
from distributor.demo.stage import ADMINISTRATOR, Stage

Say = Callable[[str], None]
Show = Callable[[list[dict[str, Any]]], None]
PORTS = (8080, 8090)  # the service, the sandbox; others where these are taken


def run_demo(*, auto: bool, folder: Path | None, say: Say, complain: Say, show: Show) -> int:
    """Run it; the exit code."""
    log.configure("warning", "console", ())
    with contextlib.ExitStack() as stack:
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="distributor-demo-")))
        return asyncio.run(_auto(where, say, complain, show) if auto else _open(where, say))


async def _auto(folder: Path, say: Say, complain: Say, show: Show) -> int:
    stage = Stage(folder)
    await stage.start()
    try:
        return await Play(stage, say, complain, show).run()
    finally:
        await stage.stop()


async def _open(folder: Path, say: Say) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stage = Stage(folder, limits=True, ports=PORTS, further=True)
    await stage.start()
    try:
        stage.sandbox.page.samples = await asyncio.to_thread(samples)
        await stage.approve_template(FLOOD)
        console = await stage.parts.office.signin.link(stage.people[ADMINISTRATOR])
        stage.sandbox.page.links = [("Newsroom", stage.service.url), ("Delivery log", console)]
        say(f"The sandbox (write and approve here): {stage.sandbox.http_url}")
        say(f"The newsroom:                         {stage.service.url}")
        say(f"The delivery log, signed in once:     {console}")
        say("Write as Nino, approve as Giorgi or Tamar. Ctrl-C ends the demo.")
        await stop.wait()
        say("Stopping.")
    finally:
        await stage.stop()
    return 0
