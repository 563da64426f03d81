"""One worker process of a peer, set up as its documents say: `python -m benchmarks.peers_worker PEER LOOP URL COUNT`.

Touches the Redis at URL, through the peer alone. Counts its no-op jobs, and answers with the seconds from the first
completion to the last, once the peer itself calls every job done.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
import saq
from saq.queue.redis import RedisQueue
from taskiq.acks import AcknowledgeType
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from benchmarks import child

CONCURRENCY = 64
TASK = "benchmarks:no_op"


class Tally:
    """Counts completions, and knows when the first and the last of `count` was."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = 0
        self.first = self.last = 0.0
        self.finished = asyncio.Event()

    def one(self) -> None:
        """A job ran."""
        self.done += 1
        if self.done == 1:
            self.first = time.perf_counter()
        if self.done == self.count:
            self.last = time.perf_counter()
            self.finished.set()

    def answer(self) -> dict[str, Any]:
        """What the parent is told: the first completion starts the watch, so it is not counted."""
        return {"jobs": self.done - 1, "seconds": self.last - self.first}


async def run_saq(url: str, count: int) -> dict[str, Any]:
    """`saq.Worker` as `saq` starts it; a job is done when SAQ counts none incomplete."""
    tally = Tally(count)

    async def no_op(_context: Any) -> None:
        tally.one()

    queue = RedisQueue.from_url(url)
    worker: Any = saq.Worker(queue, functions=[(TASK, no_op)], concurrency=CONCURRENCY)
    running = asyncio.create_task(worker.start())
    try:
        await tally.finished.wait()
        await _until(lambda: queue.count("incomplete"))
        return tally.answer()
    finally:
        await worker.stop()
        await running


async def run_taskiq(url: str, count: int) -> dict[str, Any]:
    """taskiq's receiver, acknowledging each message after its job ran; done when all are acknowledged."""
    tally = Tally(count)

    async def no_op() -> None:
        tally.one()

    broker = RedisStreamBroker(url, consumer_id="0")
    broker.register_task(no_op, TASK)
    running = asyncio.create_task(
        run_receiver_task(broker, max_async_tasks=CONCURRENCY, ack_time=AcknowledgeType.WHEN_EXECUTED, run_startup=True)
    )
    try:
        await tally.finished.wait()
        async with redis.asyncio.from_url(url) as client:

            async def not_acknowledged() -> int:
                return int((await client.xpending(broker.queue_name, broker.consumer_group_name))["pending"])

            await _until(not_acknowledged)
        return tally.answer()
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await broker.shutdown()


async def _until(left: Callable[[], Awaitable[int]]) -> None:
    """Returns when nothing is left; TimeoutError after ten seconds."""
    async with asyncio.timeout(10):
        while await left():  # noqa: ASYNC110  # another program's state: it has no event to wait for
            await asyncio.sleep(0.01)


async def _main(peer: str, url: str, count: int) -> None:
    child.say(await {"saq": run_saq, "taskiq": run_taskiq}[peer](url, count))


if __name__ == "__main__":
    # Neither peer's log is measured: at their default levels both are silent for a job that succeeds.
    logging.basicConfig(level=logging.ERROR)
    _peer, _loop, _url, _count = sys.argv[1:]
    child.run(_loop, _main(_peer, _url, int(_count)))
