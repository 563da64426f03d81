"""A worker process for the measurements: the real worker, store and queue, and one lane.

`python -m benchmarks.engine_worker LOOP DATABASE QUEUE CONCURRENCY WAY [ADDRESS]`: works until nothing is left of any
release, then says how much memory it took and how much of its processor's time. WAY is a channel that does nothing
(`noop`), the e-mail adapter to a relay at the port ADDRESS (`mail`), the Telegram adapter to the Bot API at ADDRESS
(`chats`), or one that calls ADDRESS within a quota (`30/1`: calls and seconds).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from benchmarks import child
from benchmarks.memory import most_resident
from benchmarks.noop import Counted, Noop
from distributor import log
from distributor.adapters.email import Email, EmailSettings
from distributor.adapters.telegram import Telegram, TelegramSettings
from distributor.core.channel import Channel
from distributor.core.ports import Window
from distributor.queue.forms import queue_and_events
from distributor.queue.lane import Lane
from distributor.queue.worker import Worker
from distributor.sandbox.telegram import DESK_TOKEN
from distributor.storage import Database
from distributor.storage.deliveries import Deliveries
from tests.adapters.support import Desk

LEFT = text("SELECT 1 FROM releases WHERE state <> 'distributed' LIMIT 1")
CONNECTIONS = 8


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def mail_settings(port: int) -> EmailSettings:
    """An unsigned list to a relay on this machine."""
    facts = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "press@mia.example"}
    return EmailSettings.model_validate(facts | {"connections": CONNECTIONS})


def make(way: str, address: str, desk: Desk) -> Channel:
    """The lane's channel."""
    if way == "mail":
        return Email("press", mail_settings(int(address)), desk.surroundings)
    if way == "chats":
        return Telegram("chats", TelegramSettings(token=SecretStr(DESK_TOKEN), api_url=address), desk.surroundings)
    return Counted("press", address) if "/" in way else Noop("press")


def windows(way: str) -> tuple[Window, ...]:
    """The lane's quota."""
    count, found, seconds = way.partition("/")
    return (Window(int(count), float(seconds)),) if found else ()


async def main(database_url: str, queue_url: str, concurrency: int, way: str, address: str) -> None:
    """Work until all is done."""
    with tempfile.TemporaryDirectory(prefix="distributor-bench-") as folder:
        desk = Desk.at(Path(folder))
        database = Database(database_url)
        await database.open()
        queue, events = queue_and_events(queue_url)
        store = Deliveries(database, "https://press.example")
        channel = make(way, address, desk)
        lanes = {channel.name: Lane(channel.name, channel, windows(way), concurrency=concurrency)}
        worker = Worker(f"bench:{os.getpid()}", store, queue, lanes, events, utc_now)
        busy = time.process_time()
        await worker.start()
        left = True
        while left:
            await asyncio.sleep(0.2)
            async with database.read() as connection:
                left = (await connection.execute(LEFT)).first() is not None
        await worker.stop()
        busy = time.process_time() - busy
        await channel.aclose()
        await events.aclose()
        await queue.aclose()
        await database.close()
        await desk.aclose()
    child.say({"resident": most_resident(), "busy": busy})


if __name__ == "__main__":
    log.configure("error", "console", ())
    child.run(sys.argv[1], main(sys.argv[2], sys.argv[3], int(sys.argv[4]), *[*sys.argv[5:], ""][:2]))
