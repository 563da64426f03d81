"""What HTTP sends go to, in a process of its own: `python -m benchmarks.http_server KIND LOOP`.

Listens on a free port of the loopback address until its input closes. `sandbox` is our simulated Telegram with all it
checks and remembers; `fixed` reads each request and gives one answer of the Bot API, always the same, so that the
sending process is the limit and not this one.
"""

from __future__ import annotations

import json
import sys

from aiohttp import web

from benchmarks import child
from benchmarks.http_client import CHAT, TEXT
from distributor.sandbox import Sandbox

ANSWER = {
    "ok": True,
    "result": {
        "message_id": 1,
        "date": 1_800_000_000,
        "chat": {"id": CHAT, "type": "channel", "title": "Ministry", "username": "ministry"},
        "sender_chat": {"id": CHAT, "type": "channel", "title": "Ministry", "username": "ministry"},
        "text": TEXT,
    },
}


async def sandbox() -> None:
    """The sandbox, without the platforms' rate limits."""
    async with Sandbox() as box:
        child.say({"api_url": box.telegram.api_url})
        await child.until_input_closes()


async def fixed() -> None:
    """An aiohttp server with one handler."""
    body = json.dumps(ANSWER).encode()

    async def answer(request: web.BaseRequest) -> web.Response:
        assert await request.read()
        return web.Response(body=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    child.say({"api_url": f"http://127.0.0.1:{runner.addresses[0][1]}/telegram"})
    await child.until_input_closes()
    await runner.cleanup()


if __name__ == "__main__":
    _kind, _loop = sys.argv[1:]
    child.run(_loop, {"sandbox": sandbox, "fixed": fixed}[_kind]())
