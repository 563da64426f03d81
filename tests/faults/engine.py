"""Workers of a test's own, in this process or in another one, and what the database says afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import text
from tenacity import wait_fixed

from distributor.app import Parts
from distributor.app import lane_of as make_lane
from distributor.core.approval import Decision
from distributor.core.policy import RetryPolicy
from distributor.demo import Stage
from distributor.demo.stage import EDITOR
from distributor.queue.forms import queue_and_events
from distributor.queue.lane import Lane
from distributor.queue.uptime import uptime
from distributor.queue.worker import Worker
from distributor.storage.deliveries import Deliveries

ROOT = Path(__file__).parents[2]
QUICK = RetryPolicy(wait=wait_fixed(0.05))


def make_worker(parts: Parts, name: str = "test", *, lease: float = 1.0, poll: float = 0.1) -> Worker:
    """A worker over real parts, with short waits."""
    settings = parts.settings.channels
    lanes = {key: make_lane(key, settings[key], channel, parts.media) for key, channel in parts.channels.items()}
    for lane in lanes.values():
        lane.policy = QUICK
    store = Deliveries(parts.database, parts.office.context.base_url)
    queue, events, clock = parts.queue, parts.events, parts.clock
    return Worker(name, store, queue, lanes, events, clock, lease=lease, drain=5, poll=poll, uptime=uptime)


@contextlib.asynccontextmanager
async def working(
    stage: Stage, name: str = "test", *, lease: float = 1.0, own_queue: bool = False
) -> AsyncIterator[Worker]:
    """A worker that runs for a while. `own_queue`: with wake-ups and news as if it ran in a process of its own."""
    parts = stage.parts
    if own_queue:
        queue, events = queue_and_events(parts.settings.queue.url.get_secret_value())
        parts = replace(parts, queue=queue, events=events)
    worker = make_worker(parts, name, lease=lease)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
        if own_queue:
            await parts.events.aclose()
            await parts.queue.aclose()


def lane_of(stage: Stage, name: str) -> Lane:
    """The lane of the stage's own worker, with short waits."""
    assert stage.service.worker is not None
    lane = stage.service.worker._lanes[name]
    lane.policy = QUICK
    return lane


@contextlib.asynccontextmanager
async def child(
    stage: Stage, die: str = "", poll: float = 0.1, lease: float = 1.0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in another process on the same database."""
    arguments = (str(stage.settings_file), die, str(poll), str(lease))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.child", *arguments, cwd=ROOT, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            await process.wait()


async def seen(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until something is true."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


async def ask(stage: Stage, statement: str, **values: Any) -> list[dict[str, Any]]:
    """Rows of the database as they are."""
    async with stage.parts.database.read() as connection:
        return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]


async def tell(stage: Stage, statement: str, **values: Any) -> None:
    """Change the database behind the service's back."""
    async with stage.parts.database.transaction() as connection:
        await connection.execute(text(statement), values)
        await connection.commit()


async def tries(stage: Stage, delivery_id: int) -> list[tuple[str, str, bool, bool]]:
    """(outcome, code, looked, late) of every attempt of a delivery."""
    found = await ask(stage, "SELECT * FROM attempts WHERE delivery_id = :id ORDER BY id", id=delivery_id)
    return [(row["outcome"], row["code"], bool(row["looked"]), bool(row["late"])) for row in found]


async def count_events(stage: Stage, kind: str) -> int:
    """How many events of a kind the audit log holds."""
    (row,) = await ask(stage, "SELECT count(*) AS n FROM audit_events WHERE kind = :kind", kind=kind)
    return int(row["n"])


async def decide(stage: Stage, release_id: str, decision: Decision) -> None:
    """By the editor, over what stands."""
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.revision is not None
    seen_hash = standing.revision.content_hash
    number = standing.release.revision
    await stage.parts.office.approvals.decide(stage.people[EDITOR].id, decision, release_id, number, seen_hash)


async def sound(stage: Stage) -> None:
    """The audit log vouches for everything."""
    assert (await stage.parts.office.auditing.verify()).fault == ""
