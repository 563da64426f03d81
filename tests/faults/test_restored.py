"""Fault 20: an old backup is restored. Sending halts until it is reconciled; nothing goes twice."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from distributor.app import STALE_AFTER, Service
from distributor.core.ports import EVERY
from distributor.core.refusal import Refused
from distributor.demo import Stage
from distributor.demo.stage import ADMINISTRATOR
from distributor.queue.mark import Mark
from distributor.web import readiness
from tests.faults.backup import Backup
from tests.faults.engine import ask, count_events, seen, sound, tries
from tests.queue.acts import all_in, approve, one, rows, until, write
from tests.queue.backends import SERVERS

CHANNELS = ("newsroom", "x", "telegram", "facebook", "press")
only_servers = pytest.mark.parametrize("backend", [SERVERS], indirect=True)


async def work(stage: Stage) -> None:
    """Give a stage without roles a worker, as the service has it."""
    stage.service = Service(stage.parts, frozenset({"worker"}))
    await stage.service.start()


async def pause(stage: Stage) -> str:
    """The code with which everything stands paused, '' where it does not."""
    lanes = await stage.parts.office.operations.lanes()
    return lanes[EVERY].code if EVERY in lanes else ""


def out(stage: Stage) -> dict[str, int]:
    """What the platforms have."""
    box = stage.sandbox
    kinds = {name: len(box.effects(name, kind="post")) for name in ("x", "facebook")}
    return kinds | {"telegram": len(box.effects("telegram", chat_id=-100300)), "press": len(box.mail.messages)}


async def restored(idle: Stage, config: pytest.Config) -> str:
    """A release was promised, then the backup taken, then it was sent everywhere but to Facebook; then the backup came
    back. The stage is without a worker."""
    release_id = await write(idle, channels=CHANNELS)
    await approve(idle, release_id)
    await idle.stop_service()
    backup = Backup(idle.settings.storage.url.get_secret_value(), config)
    await backup.take()
    await idle.start_service()
    await idle.parts.office.operations.pause("facebook", None)
    await work(idle)
    await until(idle, lambda found: [row["state"] for row in found].count("sent") == 6, release_id)
    await idle.stop_service()
    await backup.restore()
    await idle.start_service()
    return release_id


async def test_f20_an_old_backup_is_restored_nothing_is_sent_until_it_is_reconciled_and_nothing_twice(
    idle: Stage, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for adapter in ("x", "facebook"):
        monkeypatch.setattr(f"distributor.adapters.{adapter}.SETTLES", timedelta(seconds=1))
    release_id = await restored(idle, request.config)
    before = out(idle)
    assert before == {"x": 1, "facebook": 0, "telegram": 1, "press": 3}
    await work(idle)
    await asyncio.sleep(1.5)
    assert (await pause(idle), out(idle)) == ("restored", before)
    assert all(row["state"] == "queued" for row in await rows(idle, release_id))
    assert await count_events(idle, "lane.paused") == 1
    office = idle.parts.office
    for refused in (office.operations.resume("x", None), office.operations.start(None), office.operations.stop(None)):
        with pytest.raises(Refused, match="restored"):
            await refused
    ready = await readiness(office, stale_after=STALE_AFTER)
    assert not ready.ok
    assert "distributor recover" in ready.reasons[0]

    plan = await office.restoring.plan()
    assert (plan.detected, plan.doubt.unknown, plan.doubt.cases, plan.doubt.again) == (True, 6, 0, 0)
    done = await office.restoring.recover(idle.people[ADMINISTRATOR])
    assert done == plan
    found = await until(idle, lambda got: all(row["state"] in {"sent", "case"} for row in got), release_id, seconds=20)
    states = {(row["channel"], row["state"]) for row in found}
    assert states == {
        ("newsroom", "sent"),  # its page is replaced by itself
        ("x", "sent"),  # found in the timeline
        ("facebook", "sent"),  # not there: sent now
        ("telegram", "case"),
        ("press", "case"),
    }
    assert out(idle) == before | {"facebook": 1}
    assert (await tries(idle, one(found, "x")["id"]))[0][:2] == ("unknown", "restored")
    assert await pause(idle) == ""
    assert (await readiness(office, stale_after=STALE_AFTER)).ok
    await sound(idle)


async def test_f20_after_the_recovery_a_restart_goes_on_and_what_is_new_is_sent(
    idle: Stage, request: pytest.FixtureRequest
) -> None:
    await restored(idle, request.config)
    await work(idle)
    await idle.parts.office.restoring.recover()
    for title in ("ერთი", "ორი"):
        release_id = await write(idle, title=title, channels=("newsroom", "x"))
        await approve(idle, release_id)
        await until(idle, all_in("sent"), release_id)
        await idle.stop_service()
        await idle.start_service()
        await work(idle)
        assert await pause(idle) == ""


async def test_f20_a_backup_that_comes_back_under_a_running_worker_halts_it_and_the_desk_hears_once(
    idle: Stage, request: pytest.FixtureRequest
) -> None:
    await idle.stop_service()
    backup = Backup(idle.settings.storage.url.get_secret_value(), request.config)
    await backup.take()
    await idle.start_service()
    heard: list[str] = []

    async def hear(_topic: str, subject: str) -> None:
        heard.append(subject)

    idle.parts.events.listen(frozenset({"lane"}), hear)
    await work(idle)
    first = await write(idle, channels=("newsroom",))
    await approve(idle, first)
    await until(idle, all_in("sent"), first)
    (row,) = await ask(idle, "SELECT max(seq) AS seq FROM audit_events")
    file = idle.settings.audit.key_file.with_name("audit.key.head")
    await seen(lambda: Mark(**json.loads(file.read_text("utf-8"))).seq >= row["seq"])
    await backup.restore()
    await seen(lambda: heard, 8)
    release_id = await write(idle, channels=("newsroom", "x"))
    await approve(idle, release_id)
    await asyncio.sleep(1.2)
    assert heard == [EVERY]
    assert all(row["state"] == "queued" for row in await rows(idle, release_id))
    plan = await idle.parts.office.restoring.recover()
    assert plan.doubt.unknown == 0  # promised after it was noticed: nobody sent it before
    await until(idle, all_in("sent"), release_id)
    assert len(idle.sandbox.effects("x", kind="post")) == 1


@only_servers
@pytest.mark.parametrize("lost", ["file", "redis", "both"])
async def test_f20_one_mark_is_enough_and_without_any_the_recovery_is_run_by_hand(
    idle: Stage, request: pytest.FixtureRequest, lost: str
) -> None:
    release_id = await restored(idle, request.config)
    if lost in {"file", "both"}:
        idle.settings.audit.key_file.with_name("audit.key.head").unlink()
    if lost in {"redis", "both"}:
        async with Redis.from_url(idle.settings.queue.url.get_secret_value()) as client:
            await client.flushall()
    if lost == "both":
        plan = await idle.parts.office.restoring.recover()
        assert (plan.detected, plan.doubt.unknown) == (False, 6)
    await work(idle)
    await asyncio.sleep(1.0)
    assert await pause(idle) == ("" if lost == "both" else "restored")
    assert out(idle) == {"x": 1, "facebook": 0, "telegram": 1, "press": 3}
    assert one(await rows(idle, release_id), "telegram")["state"] == ("case" if lost == "both" else "queued")
