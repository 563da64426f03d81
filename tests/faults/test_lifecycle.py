"""Restarts, order, holds, deadlines, dead letters: a delivery's way when nothing is wrong with the platform."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from distributor.core.approval import Decision
from distributor.core.delivery import DeliveryState, Next
from distributor.core.outcome import Receipt, Sent
from distributor.core.ports import Result, Wish
from distributor.demo import Stage
from distributor.storage.deliveries import Deliveries
from tests.faults.engine import ask, count_events, decide, seen, sound, tell, tries, working
from tests.queue.acts import all_in, approve, one, rows, until, write
from tests.storage.world import claim_these


async def test_after_a_restart_everything_due_goes_on(stage: Stage) -> None:
    stage.sandbox.faults.order("telegram", "sendMessage", "429", retry_after=1)
    release_id = await write(stage)
    await approve(stage, release_id)
    await stage.stop_service()
    await stage.start_service()
    await until(stage, all_in("sent"), release_id)
    assert len(stage.sandbox.mail.messages) == 3
    assert len(stage.sandbox.effects("x", kind="post")) == 1
    assert len(stage.sandbox.effects("telegram", chat_id=-100300)) == 1
    await sound(stage)


async def test_a_stop_right_after_approval_leaves_no_claim_behind(idle: Stage) -> None:
    for turn in range(6):
        release_id = await write(idle, title=f"ამბავი {turn}")
        async with working(idle, lease=30):
            await approve(idle, release_id)
            await asyncio.sleep(0.01 * turn)
        assert not await ask(idle, "SELECT id FROM deliveries WHERE state IN ('sending', 'unknown', 'case')")
    async with working(idle, lease=30):
        await until(idle, all_in("sent"))
    assert len(idle.sandbox.effects("x", kind="post")) == 6
    assert len(idle.sandbox.mail.messages) == 18
    assert await count_events(idle, "case.opened") == 0


async def test_a_correction_never_overtakes_its_release(stage: Stage) -> None:
    stage.sandbox.faults.order("x", "tweets.create", "429", retry_after=2)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    await until(stage, all_in("waiting"), release_id)
    columns = (
        "release_id, revision, channel, destination_id, rendering_id, content_hash, prepares, progress, created_at"
    )
    await tell(
        stage,
        f"INSERT INTO deliveries ({columns}, action, state, priority, due, updated_at) "  # noqa: S608  # column names of ours
        f"SELECT {columns}, 'correct', 'queued', 0, created_at, created_at FROM deliveries",
    )
    first, second = await rows(stage, release_id)
    store = Deliveries(stage.parts.database, "http://x")
    assert await claim_these(store, [second["id"]], "eager", stage.parts.clock(), 5) == []
    assert (await store.claim(Wish("x", 10), "eager", stage.parts.clock(), 5)).claimed == ()
    await until(stage, lambda got: got[0]["state"] == "sent", release_id)
    await until(stage, lambda got: got[1]["state"] != "queued", release_id)
    assert first["id"] < second["id"]


async def test_past_its_deadline_a_delivery_expires_with_the_reason_and_a_person_may_send_it(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    soon = stage.parts.clock() + timedelta(seconds=1)
    release_id = await write(stage, channels=("x",), deadline=soon)
    await approve(stage, release_id)
    await asyncio.sleep(1.1)
    await stage.parts.office.operations.resume("x", None)
    row = one(await until(stage, all_in("expired"), release_id), "x")
    assert (row["code"], stage.sandbox.calls("x", "tweets.create")) == ("deadline", 0)
    assert soon.isoformat()[:16] in row["reason"]
    assert await count_events(stage, "delivery.expired") == 1
    assert await stage.parts.office.operations.retry([row["id"]], None) == {row["id"]: "expired"}
    await until(stage, all_in("sent"), release_id)


async def test_a_scheduled_release_of_which_all_expired_does_not_stay_approved(stage: Stage) -> None:
    soon = stage.parts.clock() + timedelta(seconds=1)
    release_id = await write(stage, channels=("x",), at=soon, deadline=soon + timedelta(milliseconds=300))
    await approve(stage, release_id)
    await stage.parts.office.operations.pause("x", None)
    await asyncio.sleep(1.4)
    await stage.parts.office.operations.resume("x", None)
    await until(stage, all_in("expired"), release_id)
    assert (await stage.parts.office.reading.standing(release_id)).release.state.value == "distributed"


async def test_a_dead_letter_is_sent_again_by_one_command(stage: Stage) -> None:
    stage.sandbox.faults.order("x", "tweets.create", "error", status=403, body={"detail": "not permitted"})
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("rejected"), release_id), "x")
    assert row["code"] == "forbidden"
    await stage.parts.office.operations.retry([row["id"]], None)
    await until(stage, all_in("sent"), release_id)
    assert [told[0] for told in await tries(stage, row["id"])] == ["rejected", "sent"]
    await sound(stage)


async def test_held_nothing_leaves_and_resumed_it_goes(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    await decide(stage, release_id, Decision.HOLD)
    await stage.parts.office.operations.resume("x", None)
    await asyncio.sleep(0.4)
    assert one(await rows(stage, release_id), "x")["state"] == "queued"
    assert stage.sandbox.calls("x", "tweets.create") == 0
    await decide(stage, release_id, Decision.RESUME)
    await until(stage, all_in("sent"), release_id)


async def test_held_while_its_media_is_prepared_the_publishing_call_is_not_made(stage: Stage) -> None:
    stage.sandbox.faults.order("telegram", "sendPhoto", "latency", seconds=0.6)
    release_id = await write(stage, photos=1, channels=("telegram",))
    await approve(stage, release_id)
    await seen(lambda: stage.sandbox.calls("telegram", "sendPhoto"))
    await decide(stage, release_id, Decision.HOLD)
    await asyncio.sleep(1.0)
    assert one(await rows(stage, release_id), "telegram")["state"] == "queued"
    assert not stage.sandbox.effects("telegram", chat_id=-100300)
    await decide(stage, release_id, Decision.RESUME)
    await until(stage, all_in("sent"), release_id)
    assert len(stage.sandbox.effects("telegram", chat_id=-100300)) == 1


async def test_a_late_receipt_ends_a_delivery_that_was_to_be_sent_again(idle: Stage) -> None:
    """A person said "not there", then the lost worker's receipt came: proof, before a second post."""

    release_id = await write(idle, channels=("telegram",))
    await approve(idle, release_id)
    (row,) = await rows(idle, release_id)
    store, now = Deliveries(idle.parts.database, "http://x"), idle.parts.clock
    (lost,) = await claim_these(store, [row["id"]], "lost", now(), -1)
    await store.recover(now())
    await tell(idle, "UPDATE deliveries SET state = 'queued', step = ''")
    sent = Sent(Receipt(("7",)))
    await store.record([Result(lost, sent, Next(DeliveryState.SENT), now(), now())], "lost", now())
    (row,) = await rows(idle, release_id)
    assert row["state"] == "sent"
    assert (await tries(idle, row["id"]))[-1] == ("sent", "", False, True)
    await sound(idle)
