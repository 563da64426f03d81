"""Faults 1, 2, 3, 14, 17: a worker that dies, sleeps, or is told to stop, at each moment that matters."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from datetime import timedelta

import pytest

from distributor.demo import Stage
from tests.faults.engine import ask, child, count_events, seen, sound, tell, tries, working
from tests.faults.test_workers import READERS
from tests.queue.acts import all_in, approve, one, rows, until, write


async def test_f01_killed_before_the_intent_commits_nothing_was_sent_and_the_job_runs_again(idle: Stage) -> None:
    release_id = await write(idle, channels=("x",))
    await approve(idle, release_id)
    async with child(idle, "commit") as process:
        assert await process.wait() == -signal.SIGKILL
    row = one(await rows(idle, release_id), "x")
    assert (row["state"], row["tries"]) == ("queued", 0)
    assert idle.sandbox.calls("x") == 0
    async with working(idle):
        await until(idle, all_in("sent"), release_id)
    assert len(idle.sandbox.effects("x", kind="post")) == 1
    assert await tries(idle, row["id"]) == [("sent", "", False, False)]


async def test_f02_killed_after_the_intent_and_before_the_call_it_is_unknown_then_found_absent_and_sent_once(
    idle: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.adapters.x.SETTLES", timedelta(seconds=1))
    release_id = await write(idle, channels=("x",))
    await approve(idle, release_id)
    async with child(idle, "call") as process:
        assert await process.wait() == -signal.SIGKILL
    row = one(await rows(idle, release_id), "x")
    assert (row["state"], row["step"]) == ("sending", "publish")
    assert idle.sandbox.calls("x", "tweets.create") == 0
    async with working(idle):
        await until(idle, all_in("sent"), release_id)
    told = [(outcome, looked) for outcome, _, looked, _ in await tries(idle, row["id"])]
    assert told[0] == ("unknown", False)
    assert ("absent", True) in told
    assert told[-1] == ("sent", False)
    assert len(idle.sandbox.effects("x", kind="post")) == 1
    await sound(idle)


async def test_f03_killed_after_the_platform_accepted_it_is_unknown_found_there_and_never_sent_again(
    idle: Stage,
) -> None:
    idle.sandbox.faults.order("x", "tweets.create", "hang", seconds=30, effect=True)
    idle.sandbox.faults.order("telegram", "sendMessage", "hang", seconds=30, effect=True)
    release_id = await write(idle, channels=("x", "telegram"))
    await approve(idle, release_id)
    async with child(idle) as process:
        await seen(lambda: idle.sandbox.effects("x", kind="post") and idle.sandbox.effects("telegram"))
        process.kill()
        await process.wait()
    async with working(idle):
        found = await until(idle, lambda got: {row["state"] for row in got} == {"sent", "case"}, release_id)
        await asyncio.sleep(0.3)
    assert one(found, "x")["state"] == "sent"
    assert one(found, "x")["code"] == "reconciled"
    assert one(found, "telegram")["state"] == "case"
    assert len(idle.sandbox.effects("x", kind="post")) == 1
    assert len(idle.sandbox.effects("telegram")) == 1
    await sound(idle)


async def test_after_a_kill_in_the_midst_of_a_list_everything_goes_on_within_thirty_seconds(idle: Stage) -> None:
    """With the lease that the settings have, and what the killed one held and could not tell."""
    lease = idle.parts.settings.worker.lease_seconds
    await tell(idle, READERS, count=1500)
    release_id = await write(idle, channels=("press",))
    await approve(idle, release_id)
    async with child(idle, lease=lease, poll=1.0) as process:
        await seen(lambda: len(idle.sandbox.mail.messages) > 300, 30)
        process.kill()
        await process.wait()
    began, left = time.monotonic(), True
    async with working(idle, "other", lease=lease):
        while left:
            await asyncio.sleep(0.2)
            assert time.monotonic() - began < 30
            left = bool(await ask(idle, "SELECT 1 AS n FROM deliveries WHERE state NOT IN ('sent', 'case') LIMIT 1"))
    print(f"\neverything went on within {time.monotonic() - began:.1f} s after the kill")
    told = [mail.message["To"] for mail in idle.sandbox.mail.messages]
    assert len(told) == len(set(told))
    (cases,) = await ask(idle, "SELECT count(*) AS n FROM deliveries WHERE state = 'case'")
    assert len(told) + cases["n"] >= 1503
    await sound(idle)


async def test_f14_a_worker_that_sleeps_beyond_its_lease_tells_its_late_receipt_and_nothing_is_sent_again(
    idle: Stage,
) -> None:
    idle.sandbox.faults.order("telegram", "sendMessage", "latency", seconds=2.5)
    release_id = await write(idle, channels=("telegram",))
    await approve(idle, release_id)
    async with child(idle) as process:
        await seen(lambda: idle.sandbox.calls("telegram", "sendMessage"))
        process.send_signal(signal.SIGSTOP)
        async with working(idle):
            row = one(await until(idle, all_in("case"), release_id), "telegram")
            await seen(lambda: idle.sandbox.effects("telegram"))
            process.send_signal(signal.SIGCONT)
            await until(idle, all_in("sent"), release_id)
    assert (await tries(idle, row["id"]))[-1] == ("sent", "", False, True)  # kept as late
    (case,) = await ask(idle, "SELECT resolution FROM cases")
    assert case["resolution"] == "late"
    assert len(idle.sandbox.effects("telegram")) == 1
    await sound(idle)


async def test_f17_stopped_during_an_upload_the_claim_is_given_back_and_what_was_uploaded_is_kept(idle: Stage) -> None:
    idle.sandbox.faults.order("telegram", "sendPhoto", "latency", seconds=30, after=1)
    release_id = await write(idle, photos=2, channels=("telegram",))
    await approve(idle, release_id)
    async with working(idle) as worker:
        worker._drain = 0.2
        await seen(lambda: idle.sandbox.calls("telegram", "sendPhoto") == 2)
    row = one(await rows(idle, release_id), "telegram")
    assert (row["state"], row["step"], row["attempts"]) == ("queued", "", 0)
    assert len(row["progress"]) == 1
    idle.sandbox.faults.clear()
    async with working(idle):
        await until(idle, all_in("sent"), release_id)
    # The first photo was not uploaded again: its two tries belong to the second one.
    assert idle.sandbox.calls("telegram", "sendPhoto") == 3
    assert len(idle.sandbox.effects("telegram", chat_id=-100300)) == 1


async def test_f17_stopped_during_the_publishing_call_it_is_recorded_as_unknown_and_looked_for(idle: Stage) -> None:
    idle.sandbox.faults.order("x", "tweets.create", "hang", seconds=30, effect=True)
    release_id = await write(idle, channels=("x",))
    await approve(idle, release_id)
    async with working(idle) as worker:
        worker._drain = 0.2
        await seen(lambda: idle.sandbox.effects("x", kind="post"))
    row = one(await rows(idle, release_id), "x")
    assert (row["state"], row["code"]) == ("unknown", "stopped")
    async with working(idle):
        await until(idle, all_in("sent"), release_id)
    assert len(idle.sandbox.effects("x", kind="post")) == 1


async def test_f17_a_delivery_that_needs_longer_than_its_lease_is_kept_while_the_worker_stops(idle: Stage) -> None:
    idle.sandbox.faults.order("telegram", "sendMessage", "latency", seconds=2.0)
    release_id = await write(idle, channels=("telegram",))
    await approve(idle, release_id)
    async with contextlib.AsyncExitStack() as second, working(idle, "first"):
        await seen(lambda: idle.sandbox.calls("telegram", "sendMessage"))
        await second.enter_async_context(working(idle, "second", own_queue=True))
    (row,) = await rows(idle, release_id)
    assert row["state"] == "sent"
    assert await tries(idle, row["id"]) == [("sent", "", False, False)]
    assert await count_events(idle, "case.opened") == 0
