"""Sends over HTTP: a bare aiohttp client loop, and python-telegram-bot over our transport, to the same servers.

May touch: processes of its own and the loopback address. Client and server are processes apart, each on a core where
there are two; where the server is the limit, the figure with the fixed answer tells what the sending process can do.
"""

from __future__ import annotations

from benchmarks import child
from benchmarks.http_client import AT_ONCE
from benchmarks.results import Result, median, result

SETUP = (
    f"sendMessage with 1 KB of JSON (Georgian text), {AT_ONCE} at a time, connections kept, one sending process; the "
    "server in its own process on uvloop: the sandbox's Telegram, or a fixed answer of the Bot API; medians of 3. "
    "Processor time is the sending process's own."
)
RUNS = 3
SENDS = 6_000
CLIENT_SECONDS = 60.0

SERVERS = {"sandbox": "the sandbox", "fixed": "a fixed answer"}
WAYS = {"bare": "bare aiohttp loop", "telegram": "python-telegram-bot, our transport"}


async def measure(*, quick: bool = False) -> list[Result]:
    """Requests a second and processor time for each, on both event loops; ours against bare, same loop and server."""
    sends, runs = (SENDS // 10, 1) if quick else (SENDS, RUNS)
    results: list[Result] = []
    for server in SERVERS:
        for loop in child.LOOPS:
            results += await _compare(server, loop, sends, runs)
    return results


async def _compare(server: str, loop: str, sends: int, runs: int) -> list[Result]:
    """Both ways in turn, so that a busy moment of the machine strikes both alike."""
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(runs):
        # The sandbox never forgets: each run begins with one that has nothing to remember.
        async with child.serving("benchmarks.http_server", server, "uvloop") as ready:
            for way in WAYS:
                done = await child.ask(
                    "benchmarks.http_client", way, loop, ready["api_url"], str(sends), seconds=CLIENT_SECONDS
                )
                rates[way].append(sends / done["seconds"])
                costs[way].append(done["processor"] / sends * 1e6)
    bare, ours = median(rates["bare"]), median(rates["telegram"])
    # The steadier of the two ratios: a neighbour on the machine takes time from both, but adds hardly any.
    least, spent = median(costs["bare"]), median(costs["telegram"])
    where = f"to {SERVERS[server]}, {loop}"
    return [
        result(f"HTTP sends, {WAYS['bare']}, {where}", bare, "requests/s"),
        result(f"HTTP sends, {WAYS['telegram']}, {where}", ours, "requests/s", bare),
        result(f"processor time for a send, {WAYS['bare']}, {where}", least, "µs"),
        result(f"processor time for a send, {WAYS['telegram']}, {where}", spent, "µs", least),
    ]
