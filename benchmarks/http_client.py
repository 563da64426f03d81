"""One process that sends: `python -m benchmarks.http_client WAY LOOP API_URL COUNT [PROFILE]`.

Touches API_URL only. `bare` is an aiohttp client loop, `telegram` python-telegram-bot over our transport; both send the
same text to the same chat, AT_ONCE at a time, and read every answer. Answers with seconds passed and seconds of
processor time in this process. With PROFILE, a path, it writes a profile for `python -m pstats` there.
"""

from __future__ import annotations

import asyncio
import cProfile
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
from pydantic import SecretStr

from benchmarks import child
from distributor.adapters.telegram_transport import close, open_bot
from distributor.sandbox.telegram import CHANNEL, DESK_TOKEN

CHAT = CHANNEL
AT_ONCE = 64
WARM_UP = 256
TEXT = ("სამინისტროს განცხადება მოქალაქეებისთვის. " * 9)[:340].strip()
"""Georgian, 340 characters: with the rest of the call one KB, as JSON in UTF-8."""

Send = Callable[[], Awaitable[object]]


async def repeat(send: Send, count: int) -> None:
    """`count` sends, AT_ONCE at a time."""
    numbers = iter(range(count))

    async def sender() -> None:
        for _ in numbers:
            await send()

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))


async def bare(api_url: str, work: Callable[[Send], Awaitable[None]]) -> None:
    """The least that an aiohttp client does for a call of the Bot API: one POST, its answer read as JSON."""
    url = f"{api_url}/bot{DESK_TOKEN}/sendMessage"
    call = {"chat_id": CHAT, "text": TEXT}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

        async def send() -> None:
            async with session.post(url, json=call) as response:
                answer = await response.json()
                assert answer["ok"], answer

        await work(send)


async def telegram(api_url: str, work: Callable[[Send], Awaitable[None]]) -> None:
    """`Bot.send_message`, which gives a Message or raises."""
    bot = open_bot(SecretStr(DESK_TOKEN), api_url, connections=AT_ONCE)

    async def send() -> None:
        message = await bot.send_message(CHAT, TEXT)
        assert message.text == TEXT

    try:
        await work(send)
    finally:
        await close(bot)


async def _main(way: str, api_url: str, count: int, profile: str | None) -> None:
    async def work(send: Send) -> None:
        await repeat(send, WARM_UP)
        profiler = cProfile.Profile() if profile else None
        if profiler:
            profiler.enable()
        began, processor = time.perf_counter(), time.process_time()
        await repeat(send, count)
        seconds, spent = time.perf_counter() - began, time.process_time() - processor
        if profiler and profile:
            profiler.disable()
            profiler.dump_stats(profile)
        child.say({"seconds": seconds, "processor": spent})

    await {"bare": bare, "telegram": telegram}[way](api_url, work)


if __name__ == "__main__":
    _way, _loop, _api_url, _count, *_profile = sys.argv[1:]
    child.run(_loop, _main(_way, _api_url, int(_count), _profile[0] if _profile else None))
