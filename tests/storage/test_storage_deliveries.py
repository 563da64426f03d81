"""The worker's store keeps its promises on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.exc import IntegrityError

from distributor.core.delivery import DeliveryState, Next
from distributor.core.outcome import Absent, CannotTell, Deferred, LookAgain, Receipt, Rejected, Scope, Sent, Unknown
from distributor.core.ports import LaneState, Result, Wish
from distributor.core.release import ReleaseState
from distributor.storage import audit, cases, releases, subscribers
from distributor.storage.outcomes import attempts_of, count_by_state
from distributor.storage.reports import heartbeats
from distributor.storage.schema import attempts, audit_events, destinations, revisions
from tests.storage.world import LEASE, NOW, World, later

SENT = Sent(Receipt(("42",), ("https://t.me/ministry/42",)))
DONE = Next(DeliveryState.SENT)
ANEW = cases.Anew(later(86400), later(7200))


def waiting(seconds: float) -> Next:
    return Next(DeliveryState.WAITING, "busy", "asked to wait", due=later(seconds))


async def state_of(world: World, release_id: str) -> ReleaseState:
    async with world.database.read() as connection:
        found = await releases.get(connection, release_id)
    assert found is not None
    return found.state


async def test_a_claim_commits_the_intent_before_it_returns(world: World) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    row = await world.row(delivery)
    assert (row["state"], row["step"], row["fence"], row["worker"]) == ("sending", "publish", 1, "w1")
    assert row["lease_until"] == later(LEASE)
    assert row["intended_at"] == NOW
    assert claimed.job.rendering.text == "სიტყვა"
    assert claimed.job.permanent_url.startswith("https://press.example/releases/s-")
    assert claimed.job.approved_at == NOW


async def test_a_claim_that_prepares_has_begun_nothing_irrevocable(world: World) -> None:
    delivery = await world.promised(prepares=True)
    (claimed,) = await world.claim(delivery)
    assert (await world.row(delivery))["step"] == ""
    assert await world.store.begin(claimed, "publish", later(1))
    row = await world.row(delivery)
    assert (row["step"], row["intended_at"]) == ("publish", later(1))


async def test_f13_of_two_workers_that_claim_at_once_one_gets_it(world: World) -> None:
    delivery = await world.promised()
    both = await asyncio.gather(*(world.claim(delivery, worker=name) for name in ("w1", "w2", "w3")))
    assert sorted(len(found) for found in both) == [0, 0, 1]


async def test_f13_an_old_fencing_token_may_neither_begin_nor_save_nor_change_the_state(world: World) -> None:
    delivery = await world.promised(prepares=True)
    (old,) = await world.claim(delivery)
    assert await world.store.recover(later(LEASE + 1)) == 1
    (new,) = await world.claim(delivery, at=later(LEASE + 2), worker="w2")
    assert new.fence > old.fence
    assert not await world.store.begin(old, "publish", later(70))
    assert not await world.store.save(old, {"media": {"id": "1"}})
    await world.record(old, Deferred("busy", "x"), waiting(500), at=later(70))
    row = await world.row(delivery)
    assert (row["state"], row["progress"], row["worker"]) == ("sending", {}, "w2")


async def test_f14_a_late_receipt_proves_an_unknown_delivery_and_nothing_is_sent_again(world: World) -> None:
    delivery = await world.promised()
    (old,) = await world.claim(delivery)
    await world.store.recover(later(LEASE + 1))
    assert (await world.row(delivery))["state"] == "unknown"
    await world.record(old, SENT, DONE, at=later(90))
    row = await world.row(delivery)
    assert (row["state"], row["receipt"]["remote_ids"]) == ("sent", ["42"])
    assert await world.claim(delivery, at=later(100)) == []
    async with world.database.read() as connection:
        history = await attempts_of(connection, delivery)
        assert await audit.unproved_sent(connection) is None
    assert [(item["outcome"], item["late"]) for item in history] == [("unknown", False), ("sent", True)]


async def test_f14_a_late_failure_is_recorded_and_changes_nothing(world: World) -> None:
    delivery = await world.promised()
    (old,) = await world.claim(delivery)
    await world.store.recover(later(LEASE + 1))
    await world.record(old, Rejected("400", "no"), Next(DeliveryState.REJECTED, "400", "no"), at=later(90))
    assert (await world.row(delivery))["state"] == "unknown"


async def test_a_late_receipt_closes_the_open_case(world: World) -> None:
    delivery = await world.promised()
    (old,) = await world.claim(delivery)
    await world.record(old, Unknown("timeout", "no answer"), Next(DeliveryState.UNKNOWN, "timeout", "?", due=NOW))
    (look,) = await world.store.unknown(later(1), "w2", LEASE, 10)
    await world.record(look, CannotTell("?"), Next(DeliveryState.CASE, "cannot_tell", "?"), later(2), looked=True)
    async with world.database.read() as connection:
        assert await cases.get_open(connection, delivery) is not None
    await world.record(old, SENT, DONE, at=later(3))
    assert (await world.row(delivery))["state"] == "sent"
    async with world.database.read() as connection:
        assert await cases.get_open(connection, delivery) is None


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["old first", "new first"])
async def test_f14_two_results_of_one_delivery_are_told_each_by_its_own_claim(world: World, order: slice) -> None:
    """A worker that slept beyond its lease may claim its own delivery anew; what the old claim came to is late."""
    delivery = await world.promised(prepares=True)
    (old,) = await world.claim(delivery)
    assert await world.store.recover(later(LEASE + 1)) == 1
    (new,) = await world.claim(delivery, at=later(LEASE + 2))
    failed = Rejected("gone", "nobody there")
    results = [
        Result(old, SENT, DONE, NOW, NOW),
        Result(new, failed, Next(DeliveryState.REJECTED, "gone", "nobody there"), NOW, NOW),
    ]
    await world.store.record(results[order], "w1", later(LEASE + 3))
    async with world.database.read() as connection:
        query = select(attempts.c.fence, attempts.c.outcome, attempts.c.late).order_by(attempts.c.fence)
        told = [tuple(row) for row in (await connection.execute(query)).all()]
    assert (old.fence, "sent", True) in told
    assert (new.fence, "rejected", False) in told


async def test_a_sent_delivery_keeps_its_receipt_and_ends_the_release(world: World) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    await world.record(claimed, SENT, DONE)
    row = await world.row(delivery)
    assert row["receipt"] == {"remote_ids": ["42"], "links": ["https://t.me/ministry/42"], "detail": {}}
    assert (row["attempts"], row["tries"], row["lease_until"]) == (1, 1, None)
    assert await state_of(world, row["release_id"]) is ReleaseState.DISTRIBUTED
    async with world.database.read() as connection:
        assert await count_by_state(connection, row["release_id"]) == {"sent": 1}


async def test_f07_a_throttled_attempt_waits_and_costs_nothing(world: World) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    following = Next(DeliveryState.WAITING, "429", "slow down", due=later(30), costs_attempt=False)
    await world.record(claimed, Deferred("429", "slow down", 30, throttled=True), following)
    row = await world.row(delivery)
    assert (row["state"], row["attempts"], row["due"], row["step"]) == ("waiting", 0, later(30), "")
    assert await world.claim(delivery, at=later(29)) == []
    (again,) = await world.claim(delivery, at=later(30))
    assert (again.job.attempt, again.attempts, again.fence) == (2, 0, 2)


async def test_progress_survives_from_one_attempt_to_the_next(world: World) -> None:
    delivery = await world.promised(prepares=True)
    (claimed,) = await world.claim(delivery)
    assert await world.store.save(claimed, {"media:0": {"id": "ფოტო"}})
    await world.record(claimed, Deferred("503", "later"), waiting(5))
    (again,) = await world.claim(delivery, at=later(6))
    assert again.progress == {"media:0": {"id": "ფოტო"}}


async def test_f01_f02_a_lost_worker_leaves_a_queued_delivery_before_and_an_unknown_one_after_the_intent(
    world: World,
) -> None:
    preparing, publishing = await world.promised(prepares=True), await world.promised()
    await world.claim(preparing, publishing)
    assert await world.store.recover(later(LEASE)) == 0
    assert await world.store.recover(later(LEASE + 1)) == 2
    assert (await world.row(preparing))["state"] == "queued"
    row = await world.row(publishing)
    assert (row["state"], row["uncertain"], row["code"]) == ("unknown", True, "lost")
    assert await world.claim(publishing, at=later(200)) == []
    async with world.database.read() as connection:
        outcomes = [(await attempts_of(connection, one))[0]["outcome"] for one in (preparing, publishing)]
    assert outcomes == ["deferred", "unknown"]


async def test_a_renewed_lease_is_not_recovered(world: World) -> None:
    delivery = await world.promised()
    claims = await world.claim(delivery)
    await world.store.renew(claims, later(50), LEASE)
    assert await world.store.recover(later(LEASE + 1)) == 0


async def test_f17_what_is_given_back_goes_again_at_no_cost_and_what_was_recorded_does_not(world: World) -> None:
    first, second = await world.promised(prepares=True), await world.promised()
    claims = await world.claim(first, second)
    await world.record(next(claim for claim in claims if claim.job.delivery_id == second), SENT, DONE)
    await world.store.give_back(claims, later(1))
    row = await world.row(first)
    assert (row["state"], row["attempts"], row["step"]) == ("queued", 0, "")
    assert (await world.row(second))["state"] == "sent"


async def test_an_unknown_delivery_is_looked_at_and_found_absent_goes_again(world: World) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    unknown = Unknown("timeout", "no answer", "part:1")
    await world.record(claimed, unknown, Next(DeliveryState.UNKNOWN, "timeout", "?", due=later(10)))
    assert await world.store.unknown(later(9), "w2", LEASE, 10) == []
    (look,) = await world.store.unknown(later(10), "w2", LEASE, 10)
    assert (look.step, look.job.uncertain, look.job.intended_at) == ("part:1", True, NOW)
    assert await world.store.unknown(later(11), "w3", LEASE, 10) == [], "one looks at a time"
    again = Next(DeliveryState.UNKNOWN, "look_again", "x", due=later(20))
    await world.record(look, LookAgain("x"), again, later(11), looked=True)
    (look,) = await world.store.unknown(later(20), "w2", LEASE, 10)
    assert look.looks == 1
    absent = Next(DeliveryState.QUEUED, "absent", "not there", due=later(21))
    await world.record(look, Absent("not there"), absent, later(21), looked=True)
    row = await world.row(delivery)
    assert (row["state"], row["attempts"], row["looks"]) == ("queued", 1, 2)
    (once_more,) = await world.claim(delivery, at=later(22))
    assert once_more.job.uncertain


async def test_rule_7_a_late_withdrawn_voided_or_unwanted_delivery_is_dropped_at_the_claim(world: World) -> None:
    await world.own()
    revision, value = await world.approved()
    await world.promise(revision, value, deadline=later(5))
    (late,) = [row["id"] for row in await world.rows()]
    assert await world.claim(late, at=later(5)) == []
    assert (await world.row(late))["state"] == "expired"

    withdrawn, voided = await world.promised(), await world.promised()
    release_id = (await world.row(withdrawn))["release_id"]
    voided_id = (await world.row(voided))["release_id"]
    async with world.database.transaction() as connection:
        states = (ReleaseState.DISTRIBUTING,)
        await releases.set_state(connection, release_id, states, ReleaseState.WITHDRAWN, NOW)
        await releases.set_approved(connection, voided_id, 1, "", NOW)
        await connection.commit()
    assert await world.claim(withdrawn, voided) == []
    assert (await world.row(withdrawn))["code"] == "withdrawn"
    row = await world.row(voided)
    assert (row["state"], row["code"]) == ("cancelled", "approval_void")

    gone = await world.promised()
    async with world.database.transaction() as connection:
        destination = (await world.row(gone))["destination_id"]
        await subscribers.set_status(connection, destination, "unsubscribed", "by the subscriber")
        await connection.commit()
    assert await world.claim(gone) == []
    assert (await world.row(gone))["code"] == "unsubscribed"
    async with world.database.read() as connection:
        kinds = [event.kind async for event in audit.events(connection)]
    assert kinds.count("delivery.cancelled") == 3
    assert kinds.count("delivery.expired") == 1


async def test_rule_7_a_held_or_embargoed_delivery_is_put_off_and_not_lost(world: World) -> None:
    embargo = later(7200)
    embargoed = await world.promised(embargo=embargo)
    assert await world.claim(embargoed) == []
    row = await world.row(embargoed)
    assert (row["state"], row["due"], row["tries"]) == ("queued", embargo, 0)
    assert await world.store.next_due("telegram", NOW) == embargo
    assert len(await world.claim(embargoed, at=embargo)) == 1


async def test_rule_8_a_later_delivery_waits_for_the_earlier_one_to_the_same_destination(world: World) -> None:
    await world.own()
    revision, value = await world.approved()
    await world.promise(revision, value)
    await world.promise(revision, value, action="correct")
    first, second = [row["id"] for row in await world.rows()]
    assert [claim.job.delivery_id for claim in await world.claim(first, second)] == [first]
    assert await world.claim(second) == []
    claimed = (await world.store.unknown(NOW, "w", LEASE, 1)) or []
    assert claimed == []
    await world.store.recover(later(LEASE + 1))
    assert await world.claim(second, at=later(70)) == [], "an unknown one is not final either"
    (look,) = await world.store.unknown(later(70), "w2", LEASE, 1)
    await world.record(look, SENT, DONE, later(71), looked=True)
    assert len(await world.claim(second, at=later(72))) == 1


async def test_an_emergency_is_offered_before_everything_else(world: World) -> None:
    await world.own()
    for priority, due in ((20, NOW - timedelta(hours=1)), (20, NOW), (0, NOW)):
        revision, value = await world.approved()
        await world.promise(revision, value, priority=priority, due=due)
    first, second, third = [row["id"] for row in await world.rows()]
    assert (await world.store.claim(Wish("x", 10), "w1", NOW, LEASE)).claimed == ()
    some = await world.store.claim(Wish("telegram", 2), "w1", NOW, LEASE)
    assert [claim.job.delivery_id for claim in some.claimed] == [third, first]
    assert [claim.priority for claim in some.claimed] == [0, 20]
    assert some.more
    rest = await world.store.claim(Wish("telegram", 2), "w1", NOW, LEASE)
    assert [claim.job.delivery_id for claim in rest.claimed] == [second]
    assert not rest.more


async def test_f11_an_address_that_moved_is_kept_and_the_settings_still_find_it(world: World) -> None:
    await world.own("telegram", "-100")
    delivery = await world.promised(address="-100")
    (claimed,) = await world.claim(delivery)
    moved = Deferred("migrated", "moved", 0, address="-100999")
    await world.record(claimed, moved, Next(DeliveryState.WAITING, "migrated", "moved", NOW, costs_attempt=False))
    (again,) = await world.claim(delivery, at=later(1))
    assert again.job.destination.address == "-100999"
    await world.own("telegram", "-100")
    async with world.database.read() as connection:
        rows = (await connection.execute(select(destinations.c.address, destinations.c.status))).all()
    assert [tuple(row) for row in rows] == [("-100999", "active")]


async def test_f11_settings_that_are_brought_up_to_the_new_address_find_the_moved_account(world: World) -> None:
    delivery = await world.promised(address="-100")
    (claimed,) = await world.claim(delivery)
    moved = Deferred("migrated", "moved", 0, address="-100999")
    await world.record(claimed, moved, Next(DeliveryState.WAITING, "migrated", "moved", NOW, costs_attempt=False))
    await world.own("telegram", "-100999")
    await world.own("telegram", "-100999")
    columns = (destinations.c.address, destinations.c.configured, destinations.c.status, destinations.c.reason)
    async with world.database.read() as connection:
        rows = (await connection.execute(select(*columns))).all()
    assert [tuple(row) for row in rows] == [("-100999", "-100999", "active", "")]


async def test_an_own_account_that_was_a_subscriber_is_taken_over(world: World) -> None:
    subscriber = await world.subscriber("@ministry", "telegram")
    await world.own("telegram", "@ministry")
    columns = (destinations.c.id, destinations.c.kind, destinations.c.status)
    async with world.database.read() as connection:
        rows = (await connection.execute(select(*columns))).all()
    assert [tuple(row) for row in rows] == [(subscriber, "own", "active")]


async def test_an_account_that_the_settings_name_no_more_is_suspended_and_comes_back(world: World) -> None:
    await world.own("telegram", "@old")
    await world.own("telegram", "@new")
    await world.own("telegram", "@old")
    async with world.database.read() as connection:
        found = await connection.execute(select(destinations.c.address, destinations.c.status))
        rows = {row.address: row.status for row in found.all()}
    assert rows == {"@old": "active", "@new": "suspended"}


async def test_f10_an_address_that_takes_no_more_is_suspended_and_a_suspended_own_account_stays_so(
    world: World,
) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    kicked = Rejected("kicked", "the bot was removed", Scope.DESTINATION)
    await world.record(claimed, kicked, Next(DeliveryState.REJECTED, "kicked", "the bot was removed"))
    await world.own()
    async with world.database.read() as connection:
        row = (await connection.execute(select(destinations.c.status, destinations.c.reason))).one()
    assert tuple(row) == ("suspended", "the bot was removed")


async def test_lanes_pause_once_until_somebody_resumes(world: World) -> None:
    refused = LaneState("x", True, None, "credentials", "refused")
    assert await world.store.pause(refused, "worker:w1", NOW)
    assert not await world.store.pause(refused, "worker:w1", NOW), "one alert"
    timed = LaneState("x", True, later(60), "429", "slow down")
    assert not await world.store.pause(timed, "worker:w1", NOW)
    assert (await world.store.lanes())["x"] == refused
    await world.store.resume("x", "person:1", NOW)
    await world.store.resume("x", "person:1", NOW)
    assert not (await world.store.lanes())["x"].paused
    async with world.database.read() as connection:
        kinds = [event.kind async for event in audit.events(connection)]
    assert kinds == ["lane.paused", "lane.resumed"]


async def test_f18_a_clock_that_was_set_back_stalls_nothing(world: World) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    await world.record(claimed, Deferred("busy", "x"), waiting(30))
    await world.store.beat("w1", NOW)
    back = later(-3600)
    await world.store.recover(back)
    row = await world.row(delivery)
    assert row["due"] == back + timedelta(seconds=30)
    assert len(await world.claim(delivery, at=back + timedelta(seconds=30))) == 1


async def test_a_delivery_of_a_paused_lane_is_not_claimed(world: World) -> None:
    delivery = await world.promised()
    await world.store.pause(LaneState("telegram", True, later(60), "429", "slow down"), "worker:w1", NOW)
    assert await world.claim(delivery, at=later(59)) == []
    assert len(await world.claim(delivery, at=later(60))) == 1


async def test_heartbeats_of_a_worker_are_one_row(world: World) -> None:
    await world.store.beat("w1", NOW)
    await world.store.beat("w1", later(5))
    async with world.database.read() as connection:
        assert await heartbeats(connection) == {"w1": later(5)}


async def test_a_release_that_was_scheduled_starts_to_distribute_with_its_first_claim(world: World) -> None:
    delivery = await world.promised()
    release_id = (await world.row(delivery))["release_id"]
    async with world.database.transaction() as connection:
        before = (ReleaseState.DISTRIBUTING,)
        await releases.set_state(connection, release_id, before, ReleaseState.APPROVED, NOW)
        await connection.commit()
    await world.claim(delivery)
    assert await state_of(world, release_id) is ReleaseState.DISTRIBUTING


async def test_a_code_of_any_length_is_kept_and_never_stops_the_worker(world: World) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    code = "an_answer_of_the_platform_with_a_name_much_longer_than_anybody_had_thought_possible"
    await world.record(claimed, Rejected(code, "no"), Next(DeliveryState.REJECTED, code, "no"))
    row = await world.row(delivery)
    assert row["state"] == "rejected"
    assert row["code"].startswith("an_answer_of_the_platform")


@pytest.mark.parametrize("words", ["bad\x00answer", "half \ud83d a character"])
async def test_words_that_a_database_cannot_keep_never_stop_the_worker_and_the_log_still_verifies(
    world: World, words: str
) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    await world.record(claimed, Rejected("5\x0000", words, Scope.DESTINATION), Next(DeliveryState.REJECTED, "5", words))
    assert len((await world.row(delivery))["reason"]) == len(words)
    async with world.database.read() as connection:
        log = [event async for event in audit.events(connection)]
        assert [event.kind for event in log if event.computed() != event.hash] == []
        (batch,) = [event for event in log if event.kind == "outcomes"]
        rows = await audit.batch(connection, batch.seq)
        assert [audit.row_leaf(row) for row in rows] == [row["leaf"] for row in rows]


async def test_outcomes_of_a_batch_are_committed_together_in_the_audit_log(world: World) -> None:
    ids = [await world.promised() for _ in range(3)]
    claims = await world.claim(*ids)
    results = [Result(claim, SENT, DONE, NOW, later(1)) for claim in claims]
    await world.store.record(results, "w1", later(1))
    async with world.database.read() as connection:
        found = [event async for event in audit.events(connection) if event.kind == "outcomes"]
        assert [event.data["count"] for event in found] == [3]
        assert len(await audit.batch(connection, found[0].seq)) == 3


async def test_a_subscriber_gets_what_was_asked_for_and_in_the_language_asked_for(world: World) -> None:
    everything = await world.subscriber("all@example.org")
    kakheti = await world.subscriber("k@example.org", region=("GE-KA",))
    english = await world.subscriber("e@example.org", language="en", kind=("news", "statement"))
    await world.subscriber("i@example.org", region=("GE-IM",))
    await world.subscriber("other@example.org", channel="elsewhere")
    await world.subscriber("both@example.org", region=("GE-KA",), kind=("emergency",))
    armenian = await world.subscriber("hy@example.org", language="hy")
    revision, value = await world.approved("press", "ka", "en", "hy", "ru")
    facets = {"region": ["GE-KA", "GE"], "kind": ["news"], "topic": []}
    assert await world.promise(revision, value, facets=facets) == 4
    async with world.database.read() as connection:
        made = await releases.get_renderings(connection, revision.release_id, 1)
    languages = {row_id: rendering.language for row_id, rendering in made}
    got = {row["destination_id"]: languages[row["rendering_id"]] for row in await world.rows()}
    assert got == {everything: "ka", kakheti: "ka", english: "en", armenian: "hy"}


async def test_a_subscriber_whose_language_is_missing_gets_the_default(world: World) -> None:
    russian = await world.subscriber("ru@example.org", language="ru")
    revision, value = await world.approved("press", "ka", "en")
    assert await world.promise(revision, value) == 1
    assert [row["destination_id"] for row in await world.rows()] == [russian]


async def test_f22_ten_thousand_recipients_are_expanded_inside_the_database(world: World) -> None:
    values = [
        {"channel": "press", "address": f"r{n}@example.org", "kind": "subscriber", "created_at": NOW}
        for n in range(10_000)
    ]
    async with world.database.transaction() as connection:
        await connection.execute(insert(destinations), values)
        await connection.commit()
    revision, value = await world.approved("press")
    statements: list[str] = []
    engine = world.database._writer
    assert engine is not None

    def seen(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", seen)
    assert await world.promise(revision, value) == 10_000
    assert sum("INSERT INTO deliveries" in statement for statement in statements) == 1
    assert len((await world.store.claim(Wish("press", 50), "w1", NOW, LEASE)).claimed) == 50


async def test_the_same_promise_twice_is_refused_whole(world: World) -> None:
    await world.own()
    revision, value = await world.approved()
    await world.promise(revision, value)
    with pytest.raises(IntegrityError):
        await world.promise(revision, value)
    assert len(await world.rows()) == 1


async def test_approved_times_of_older_revisions_stay_and_their_approvals_go(world: World) -> None:
    revision, value = await world.approved()
    async with world.database.transaction() as connection:
        second = replace(revision, number=2)
        await releases.freeze(
            connection,
            second,
            releases.Frozen("b" * 64, "s", (), (), ()),
            world.author.id,
            later(1),
            stands=releases.Stands.SUBMITTED,
        )
        await releases.set_approved(connection, revision.release_id, 2, "b" * 64, later(2))
        await connection.commit()
        found = (
            await connection.execute(
                select(revisions.c.number, revisions.c.approved_hash, revisions.c.approved_at).order_by(
                    revisions.c.number
                )
            )
        ).all()
    assert [tuple(row) for row in found] == [(1, "", NOW), (2, "b" * 64, later(2))]
    assert value != ""


async def test_a_dead_letter_goes_again_with_fresh_attempts(world: World) -> None:
    delivery = await world.promised()
    (claimed,) = await world.claim(delivery)
    await world.record(claimed, Rejected("400", "no"), Next(DeliveryState.REJECTED, "400", "no"))
    row = await world.row(delivery)
    assert await state_of(world, row["release_id"]) is ReleaseState.DISTRIBUTED
    async with world.database.transaction() as connection:
        assert await cases.send_again(connection, delivery, later(5), ANEW) == "rejected"
        assert await cases.send_again(connection, 999_999, later(5), ANEW) == ""
        await connection.commit()
    assert await state_of(world, row["release_id"]) is ReleaseState.DISTRIBUTING
    (again,) = await world.claim(delivery, at=later(6))
    assert (again.attempts, again.job.attempt) == (0, 2)


async def test_times_without_a_zone_are_refused_by_the_database(world: World) -> None:
    with pytest.raises(Exception, match="without a zone"):
        await world.store.beat("w", datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point
    async with world.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(audit_events))).scalar() == 0


async def test_times_come_back_to_the_microsecond_in_utc(world: World) -> None:
    moment = datetime(2026, 3, 5, 13, 0, 0, 123456, tzinfo=UTC)
    await world.store.beat("w", moment.astimezone(tz=None))
    async with world.database.read() as connection:
        assert await heartbeats(connection) == {"w": moment}
