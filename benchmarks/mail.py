"""Mails a second through the e-mail adapter to a local sink, against Postfix's own load generator to the same sink.

May touch: smtp-sink, smtp-source and processes of ours, all on the loopback address and ended by their handles. Both
senders have the same number of connections, mails and bytes in a mail; each mail has one recipient. The sink throws
away what it takes, so this is what the sender can do and no more. Where Postfix's test programs are not there, nothing
is measured, and the error says what installs them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks import child
from benchmarks.mail_client import AT_ONCE, CONNECTIONS
from benchmarks.results import Result, median, result

SETUP = (
    f"A Georgian release through the e-mail adapter to Postfix's smtp-sink, {CONNECTIONS} connections, {AT_ONCE} "
    "deliveries at a time, one recipient and one outcome a mail, no database; smtp-source with as many sessions and "
    "bytes, rounds in turn, medians of 3. Sender and sink share the machine."
)
RUNS = 3
AIM = 8000.0  # unsigned mails a second from one process
_MAILS = {"unsigned": 20_000, "signed": 3000}
_SOURCE_MAILS = 20_000
_SECONDS = 120.0


class PostfixMissing(RuntimeError):
    """Postfix's test programs are not there; the message says what installs them."""


def program(name: str) -> str:
    """The path of one of Postfix's test programs. PostfixMissing where it is not there."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        raise PostfixMissing(f"{name} was not found, so mails cannot be measured: scripts/system_packages.sh bench")
    return found


async def measure(*, quick: bool = False) -> list[Result]:
    """Mails a second: the adapter on both event loops, unsigned and signed, and smtp-source in both its ways."""
    runs: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    program("smtp-source")
    async with sink() as port:
        size = 0.0
        for _ in range(1 if quick else RUNS):
            for way, mails in _MAILS.items():
                for loop in child.LOOPS:
                    count = mails // 10 if quick else mails
                    ours = await child.ask("benchmarks.mail_client", way, loop, str(port), str(count), seconds=_SECONDS)
                    size = ours["bytes"]
                    runs[f"{way}, {loop}"].append(
                        ours | {"rate": count / ours["seconds"], "each": 1e6 * ours["processor"] / count}
                    )
            for kept in (False, True):
                count = _SOURCE_MAILS // 10 if quick else _SOURCE_MAILS
                runs[f"source, {kept}"].append({"rate": await source(port, count, int(size), kept=kept)})
    return _results(
        {name: {field: median(run[field] for run in some) for field in some[0]} for name, some in runs.items()}
    )


def _results(figures: dict[str, dict[str, float]]) -> list[Result]:
    kept, anew = (figures[f"source, {kept}"]["rate"] for kept in (True, False))
    plain, faster = (figures[f"unsigned, {loop}"] for loop in child.LOOPS)
    signed = {loop: figures[f"signed, {loop}"]["rate"] for loop in child.LOOPS}
    return [
        result("mails, unsigned, against the aim", plain["rate"], "mails/s", AIM),
        result("mails, unsigned, against smtp-source with connections kept (-d)", plain["rate"], "mails/s", kept),
        result("mails, unsigned, against smtp-source with a connection for each", plain["rate"], "mails/s", anew),
        result("mails, unsigned, uvloop against asyncio", faster["rate"], "mails/s", plain["rate"]),
        result("mails, signed with DKIM, against unsigned", signed["asyncio"], "mails/s", plain["rate"]),
        result("mails, signed with DKIM, uvloop against asyncio", signed["uvloop"], "mails/s", signed["asyncio"]),
        result("processor time of a mail, unsigned", plain["each"], "us"),
        result("processor time of a mail, unsigned, uvloop", faster["each"], "us", plain["each"]),
        result("processor time of composing a mail", plain["composing"], "us"),
        result("size of a mail", plain["bytes"], "bytes"),
        result("largest resident size of the sending process", plain["resident"], "MB"),
        result("smtp-source, connections kept (-d)", kept, "mails/s"),
        result("smtp-source, a connection for each mail", anew, "mails/s"),
    ]


@asynccontextmanager
async def sink() -> AsyncIterator[int]:
    """Postfix's smtp-sink on a free port of the loopback address, while the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    user = ("-u", "nobody") if os.getuid() == 0 else ()  # it refuses to run as root
    command = [program("smtp-sink"), *user, f"127.0.0.1:{port}", "1000"]
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=PIPE)
    try:
        await _listening(process, port)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    for _ in range(200):
        if process.returncode is not None:
            assert process.stderr is not None
            raise RuntimeError(f"smtp-sink: {(await process.stderr.read()).decode(errors='replace')}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise TimeoutError("smtp-sink does not listen")


async def source(port: int, mails: int, size: int, *, kept: bool) -> float:
    """Mails a second from Postfix's smtp-source. `kept`: as many on one connection as there are."""
    ways = ("-d",) if kept else ()
    command = [program("smtp-source"), *ways, "-s", str(CONNECTIONS), "-m", str(mails), "-l", str(size)]
    addresses = ("-f", "press@mia.example", "-t", "reader@paper.example")
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, *addresses, f"127.0.0.1:{port}", stderr=PIPE)
    try:
        _, said = await asyncio.wait_for(process.communicate(), _SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or said:
        raise RuntimeError(f"smtp-source: {said.decode(errors='replace')}")
    return mails / (time.perf_counter() - began)
