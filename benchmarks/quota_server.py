"""A platform with one quota, in a process of its own: `python -m benchmarks.quota_server COUNT SECONDS`.

Listens on a free port of the loopback address until its input closes. Takes at most COUNT calls in any SECONDS, by the
time at which it reads them, and refuses the others with 429; tells at /told when it took which.
"""

from __future__ import annotations

import sys
import time
from collections import deque

from aiohttp import web

from benchmarks import child


class Quota:
    """The sliding window, and what came of it."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count, self.seconds = count, seconds
        self.window: deque[float] = deque()
        self.taken: list[float] = []
        self.refused = 0

    async def call(self, _request: web.Request) -> web.StreamResponse:
        """Take it or refuse it."""
        now = time.monotonic()
        while self.window and self.window[0] <= now - self.seconds:
            self.window.popleft()
        if len(self.window) >= self.count:
            self.refused += 1
            return web.Response(status=429, headers={"Retry-After": f"{self.window[0] + self.seconds - now:.3f}"})
        self.window.append(now)
        self.taken.append(now)
        return web.json_response({"id": len(self.taken)})

    async def told(self, _request: web.Request) -> web.StreamResponse:
        """Times of the calls taken, and how many were refused."""
        return web.json_response({"taken": self.taken, "refused": self.refused})


async def main(count: int, seconds: float) -> None:
    """Serve."""
    quota = Quota(count, seconds)
    application = web.Application()
    application.router.add_post("/", quota.call)
    application.router.add_get("/told", quota.told)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    child.say({"url": f"http://127.0.0.1:{port}/"})
    await child.until_input_closes()
    await runner.cleanup()


if __name__ == "__main__":
    child.run("asyncio", main(int(sys.argv[1]), float(sys.argv[2])))
