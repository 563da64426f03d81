"""Faults 5, 7 to 12: what a platform's trouble does to its lane, and to no other."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from distributor.core.ports import LaneState, Wish
from distributor.demo import Stage
from distributor.demo.stage import ADMINISTRATOR
from distributor.queue.circuit import FIRST_REST, OPENS_AFTER
from distributor.storage.deliveries import Deliveries
from tests.faults.conftest import MakeStage
from tests.faults.engine import ask, count_events, lane_of, seen, sound, tries
from tests.faults.proxy import Proxy
from tests.queue.acts import all_in, approve, one, rows, until, write
from tests.queue.backends import EMBEDDED
from tests.services import free_port
from tests.storage.world import claim_these

CHANNEL = -100300


async def test_f05_a_relay_that_takes_no_connection_gets_every_mail_once_when_it_does(stage: Stage) -> None:
    lane_of(stage, "press")
    stage.sandbox.faults.order("smtp", "smtp.connect", "smtp_error", code=554, times=None)
    release_id = await write(stage, channels=("press",))
    await approve(stage, release_id)
    await until(stage, lambda got: all(row["attempts"] for row in got), release_id)
    stage.sandbox.faults.clear()
    await until(stage, all_in("sent"), release_id)
    assert len(stage.sandbox.mail.messages) == 3
    assert await count_events(stage, "case.opened") == 0


async def test_f05_a_refused_connection_and_a_name_not_found_are_repeated_safely(make_stage: MakeStage) -> None:
    port = free_port()  # where nobody listens
    nowhere = {"channels.x.api_url": f"http://127.0.0.1:{port}/x", "channels.facebook.api_url": "http://nobody.invalid"}
    stage = await make_stage(changed=nowhere)
    for name in ("x", "facebook"):
        lane_of(stage, name)
    release_id = await write(stage, channels=("x", "facebook"))
    await approve(stage, release_id)
    found = await until(stage, lambda got: all(row["attempts"] for row in got), release_id)
    assert {row["code"] for row in found} == {"connection"}
    async with Proxy(urlsplit(stage.sandbox.x.api_url).port or 80, port):
        await until(stage, lambda got: one(got, "x")["state"] == "sent", release_id)
    told = {outcome for row in found for outcome, *_ in await tries(stage, row["id"])}
    assert told == {"deferred", "sent"}
    assert len(stage.sandbox.effects("x", kind="post")) == 1
    await sound(stage)


async def test_f07_throttled_it_waits_exactly_others_flow_and_no_attempt_is_used_up(stage: Stage) -> None:
    stage.sandbox.faults.order("telegram", "sendMessage", "429", retry_after=2)
    release_id = await write(stage, channels=("telegram", "x", "newsroom"))
    await approve(stage, release_id)
    await seen(lambda: stage.sandbox.calls("telegram", "sendMessage"))
    refused = time.monotonic()
    await until(stage, lambda got: [row["state"] for row in got].count("sent") == 2, release_id, seconds=1.5)
    assert one(await rows(stage, release_id), "telegram")["state"] == "waiting"
    found = await until(stage, all_in("sent"), release_id)
    assert 1.9 <= time.monotonic() - refused < 3.0
    row = one(found, "telegram")
    assert stage.sandbox.calls("telegram", "sendMessage") == 2
    assert (row["attempts"], row["tries"]) == (1, 2)


async def test_f07_a_second_shorter_wait_does_not_shorten_the_first(idle: Stage) -> None:
    store, now = Deliveries(idle.parts.database, "http://x"), idle.parts.clock()
    await store.pause(LaneState("x", True, now + timedelta(seconds=60), "throttled", ""), "worker:a", now)
    await store.pause(LaneState("x", True, now + timedelta(seconds=1), "throttled", ""), "worker:b", now)
    assert (await store.lanes())["x"].until == now + timedelta(seconds=60)


async def test_f08_a_platform_that_is_down_opens_the_circuit_probes_one_at_a_time_and_keeps_the_backlog(
    stage: Stage, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = FIRST_REST if backend != EMBEDDED else 1.0  # Redis knows its own from its script
    monkeypatch.setattr("distributor.queue.circuit.FIRST_REST", rests)
    lane, box = lane_of(stage, "facebook"), stage.sandbox
    box.faults.order("facebook", "photos.create", "error", status=503, times=None)
    ids = [await write(stage, photos=1, title=f"ამბავი {number}", channels=("facebook",)) for number in range(8)]
    for release_id in ids:
        await approve(stage, release_id)
    await seen(lambda: box.calls("facebook", "photos.create") >= OPENS_AFTER)
    opened = time.monotonic()
    await seen(lambda: not lane.running)
    calls = box.calls("facebook", "photos.create")
    assert calls <= OPENS_AFTER + lane.concurrency  # what was under way when it opened
    await seen(lambda: box.calls("facebook", "photos.create") > calls)
    assert time.monotonic() - opened > rests - 0.5  # it rested
    assert lane.most == 1
    await asyncio.sleep(0.8)
    assert box.calls("facebook", "photos.create") == calls + 1  # one probe, and a longer rest
    assert {row["state"] for row in await rows(stage)} <= {"queued", "waiting"}
    box.faults.clear()
    await stage.parts.queue.healed("facebook")  # as a look that was answered would say, sooner than ten seconds
    await until(stage, all_in("sent"))
    assert len(box.effects("facebook", kind="post")) == 8


async def test_f09_a_revoked_token_pauses_the_lane_tells_the_desk_once_and_keeps_the_backlog(stage: Stage) -> None:
    heard: list[str] = []

    async def hear(_topic: str, subject: str) -> None:
        heard.append(subject)

    stage.parts.events.listen(frozenset({"lane"}), hear)
    stage.sandbox.faults.order("x", "tweets.create", "error", status=401, times=None)
    ids = [await write(stage, title=f"ამბავი {number}", channels=("x", "newsroom")) for number in range(6)]
    await asyncio.gather(*(approve(stage, release_id) for release_id in ids))
    await until(stage, lambda got: [row["state"] for row in got].count("sent") == 6)
    await seen(lambda: heard)
    calls = stage.sandbox.calls("x", "tweets.create")
    await asyncio.sleep(1.2)
    assert stage.sandbox.calls("x", "tweets.create") == calls <= 4  # no storm
    assert heard == ["x"]
    assert await count_events(stage, "lane.paused") == 1
    assert all(row["attempts"] == 0 for row in await rows(stage, channel="x"))
    stage.sandbox.faults.clear()
    await stage.parts.office.operations.resume("x", stage.people[ADMINISTRATOR])
    await until(stage, all_in("sent"))
    assert len(stage.sandbox.effects("x", kind="post")) == 6
    await sound(stage)


async def test_f10_kicked_out_of_its_own_channel_the_lane_waits_for_an_administrator(stage: Stage) -> None:
    words = "Forbidden: bot was kicked from the channel chat"
    stage.sandbox.faults.order("telegram", "sendMessage", "telegram_error", error_code=403, description=words)
    release_id = await write(stage, channels=("telegram",))
    await approve(stage, release_id)
    await until(stage, all_in("waiting"), release_id)
    (lane,) = await ask(stage, "SELECT * FROM lanes")
    assert (lane["name"], lane["code"], lane["until"]) == ("telegram", "credential", None)
    assert "kicked" in lane["reason"]
    await stage.parts.office.operations.resume("telegram", None)
    await until(stage, all_in("sent"), release_id)


async def test_f11_a_group_that_became_a_supergroup_is_followed_and_gets_it_once(stage: Stage) -> None:
    stage.sandbox.faults.order(
        "telegram",
        "sendMessage",
        "telegram_error",
        description="Bad Request: group chat was upgraded to a supergroup chat",
        parameters={"migrate_to_chat_id": -100200},
        chat_id=CHANNEL,
        times=None,
    )
    for title in ("პირველი", "მეორე"):
        release_id = await write(stage, title=title, channels=("telegram",))
        await approve(stage, release_id)
        lane_of(stage, "telegram")
        row = one(await until(stage, all_in("sent"), release_id), "telegram")
        assert row["address"] == "-100200"
    assert await count_events(stage, "destination.moved") == 1
    assert stage.sandbox.calls("telegram", "sendMessage") == 3
    assert len(stage.sandbox.effects("telegram", chat_id=-100200)) == 2
    assert not stage.sandbox.effects("telegram", chat_id=CHANNEL)


async def test_f12_a_refused_photo_is_named_and_no_text_goes_out_alone(stage: Stage) -> None:
    words = "Bad Request: PHOTO_INVALID_DIMENSIONS"
    stage.sandbox.faults.order("telegram", "sendPhoto", "telegram_error", description=words, after=2)
    release_id = await write(stage, photos=5, channels=("telegram",))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("rejected"), release_id), "telegram")
    assert "photo 3 of 5" in row["reason"]
    assert not stage.sandbox.effects("telegram", chat_id=CHANNEL)


async def test_a_lane_paused_by_a_person_sends_nothing_and_the_others_flow(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", stage.people[ADMINISTRATOR], "maintenance")
    release_id = await write(stage, channels=("x", "telegram", "newsroom"))
    await approve(stage, release_id)
    await until(stage, lambda got: [row["state"] for row in got].count("sent") == 2, release_id)
    assert stage.sandbox.calls("x", "tweets.create") == 0
    assert one(await rows(stage, release_id), "x")["state"] == "queued"
    await stage.parts.office.operations.resume("x", stage.people[ADMINISTRATOR])
    await until(stage, all_in("sent"), release_id, seconds=3)


async def test_a_pause_stands_for_a_worker_that_has_not_heard_of_it(idle: Stage) -> None:
    release_id = await write(idle, channels=("x",))
    await approve(idle, release_id)
    await idle.parts.office.operations.pause("x", None)
    (row,) = await rows(idle, release_id)
    store = Deliveries(idle.parts.database, "http://x")
    assert await claim_these(store, [row["id"]], "late", idle.parts.clock(), 5) == []
    whole = await store.claim(Wish("x", 10), "late", idle.parts.clock(), 5)
    assert (whole.claimed, whole.more) == ((), False)


async def test_nothing_is_looked_for_while_the_lane_is_paused(stage: Stage) -> None:
    stage.sandbox.faults.order("x", "users.me", "error", status=503, times=None)
    stage.sandbox.faults.order("x", "tweets.create", "reset_after")
    release_id = await write(stage, channels=("x",))
    lane_of(stage, "x")
    await approve(stage, release_id)
    row = one(await until(stage, all_in("unknown"), release_id), "x")
    await stage.parts.office.operations.pause("x", None)
    await asyncio.sleep(0.3)
    looks = len(await tries(stage, row["id"]))
    (before,) = await ask(stage, "SELECT fence FROM deliveries")
    await asyncio.sleep(1.3)
    assert len(await tries(stage, row["id"])) == looks
    assert await ask(stage, "SELECT fence FROM deliveries") == [before]
    assert one(await rows(stage, release_id), "x")["state"] == "unknown"
