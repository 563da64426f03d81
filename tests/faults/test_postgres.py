"""Fault 15: PostgreSQL restarts in mid-commit. Whose COMMIT had effect nobody can tell until it is read again.

On PostgreSQL alone: SQLite commits inside the process, and dies with it (test_killed).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from distributor.core.approval import Decision
from distributor.core.refusal import Refused
from distributor.demo import Stage
from distributor.storage import hot_postgres
from tests.faults.conftest import MakeStage
from tests.faults.engine import ask, count_events, decide, lane_of, seen, sound, tell, tries
from tests.faults.proxy import CommitLost, Proxy
from tests.faults.test_workers import READERS
from tests.queue.acts import all_in, approve, one, rows, until, write
from tests.queue.backends import SERVERS, fresh_redis
from tests.services import PostgresServer, postgres_server
from tests.storage.databases import migrate

only_servers = pytest.mark.parametrize("backend", [SERVERS], indirect=True)
INTENT, OUTCOME = hot_postgres._INTEND.strip()[:40], hot_postgres._APPLY.strip()[:40]
STEP, PROMISE = "UPDATE deliveries SET step=", "INSERT INTO deliveries"


@pytest.fixture
async def wire(changes: Mapping[str, str]) -> AsyncIterator[Proxy]:
    """To the test's database, open longer than its stage."""
    async with Proxy(make_url(changes["storage.url"]).port or 5432) as made:
        yield made


MakeLosing = Callable[[str], Awaitable[Stage]]


@pytest.fixture
def losing(wire: Proxy, changes: Mapping[str, str], make_stage: MakeStage) -> MakeLosing:
    """Makes a stage whose database loses the answer to the first COMMIT after a statement."""

    async def make(statement: str) -> Stage:
        wire.lose = CommitLost(statement)
        url = make_url(changes["storage.url"]).set(port=wire.port).render_as_string(hide_password=False)
        return await make_stage(changed={"storage.url": url})

    return make


@only_servers
async def test_f15_the_answer_to_a_claim_is_lost_it_is_given_back_and_sent_once(
    losing: MakeLosing, wire: Proxy
) -> None:
    stage = await losing(INTENT)
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("sent"), release_id), "x")
    assert wire.lost == 1
    assert (row["tries"], row["attempts"]) == (2, 1)  # claimed twice, tried once
    assert await tries(stage, row["id"]) == [("sent", "", False, False)]
    assert stage.sandbox.calls("x", "tweets.create") == 1
    await sound(stage)


@only_servers
async def test_f15_the_answer_to_an_intent_is_lost_no_byte_leaves_and_it_is_sent_once(
    losing: MakeLosing, wire: Proxy
) -> None:
    stage = await losing(STEP)
    release_id = await write(stage, photos=1, channels=("telegram",))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("waiting"), release_id), "telegram")
    assert (wire.lost, row["code"], row["attempts"], row["step"]) == (1, "storage", 0, "")
    assert not stage.sandbox.effects("telegram", chat_id=-100300)
    await tell(stage, "UPDATE deliveries SET due = due - 5000000")  # its five seconds are over
    await until(stage, all_in("sent"), release_id)
    assert [told[0] for told in await tries(stage, row["id"])] == ["deferred", "sent"]
    assert len(stage.sandbox.effects("telegram", chat_id=-100300)) == 1
    await sound(stage)


@only_servers
async def test_f15_the_answer_to_outcomes_is_lost_each_is_recorded_once_and_none_as_late(
    losing: MakeLosing, wire: Proxy
) -> None:
    stage = await losing(OUTCOME)
    release_id = await write(stage, channels=("x", "press"))
    await approve(stage, release_id)
    found = await until(stage, all_in("sent"), release_id)
    await seen(lambda: wire.lost == 1)
    for row in found:
        assert await tries(stage, row["id"]) == [("sent", "", False, False)], row["channel"]
    assert (len(stage.sandbox.mail.messages), stage.sandbox.calls("x", "tweets.create")) == (3, 1)
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.release.state.value == "distributed"
    await sound(stage)


@only_servers
async def test_f15_the_answer_to_an_approval_is_lost_it_is_promised_once_and_brought(
    losing: MakeLosing, wire: Proxy
) -> None:
    stage = await losing(PROMISE)
    release_id = await write(stage, channels=("x", "press"))
    with pytest.raises((DBAPIError, OSError)):
        await approve(stage, release_id)
    assert wire.lost == 1
    with pytest.raises(Refused, match="wrong_state"):  # the office reads again, and knows
        await decide(stage, release_id, Decision.APPROVE)
    await until(stage, all_in("sent"), release_id)
    assert len(await rows(stage, release_id)) == 4
    assert await count_events(stage, "release.approve") == 1
    assert (len(stage.sandbox.mail.messages), stage.sandbox.calls("x", "tweets.create")) == (3, 1)
    await sound(stage)


@pytest.fixture
def durable() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own that keeps what it has acknowledged; its stop is a crash."""
    with postgres_server(durable=True) as server:
        server.quick_stop = signal.SIGQUIT  # every process of it ends at once and writes nothing; WAL is read at start
        yield server


@pytest.mark.postgres
@pytest.mark.redis
async def test_f15_postgresql_crashes_again_and_again_while_mails_flow_and_each_is_sent_once(
    durable: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = await asyncio.to_thread(durable.create_database)
    await migrate(url)
    changes = {"storage.url": url, "queue.url": await fresh_redis(request.config)}
    stage = Stage(tmp_path / "stage", roles=frozenset({"worker"}), changes=changes)
    await stage.start()
    try:
        await tell(stage, READERS, count=600)
        lane_of(stage, "press")
        release_id = await write(stage, channels=("press", "x"))
        await approve(stage, release_id)
        for mails in (50, 300):
            await seen(lambda mails=mails: len(stage.sandbox.mail.messages) > mails, 20)  # type: ignore[misc]
            await asyncio.to_thread(durable.stop)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(durable.start)
        await until(stage, lambda found: all(row["state"] == "sent" for row in found), release_id, 30)
        told = await ask(stage, "SELECT state, count(*) AS n FROM deliveries GROUP BY state")
        assert told == [{"state": "sent", "n": 604}]
        assert len(stage.sandbox.mail.messages) == len({mail.rcpt for mail in stage.sandbox.mail.messages}) == 603
        assert len(stage.sandbox.effects("x", kind="post")) == 1
        (row,) = await ask(stage, "SELECT count(*) AS n, sum(CASE WHEN late THEN 1 ELSE 0 END) AS late FROM attempts")
        assert row == {"n": 604, "late": 0}
        await sound(stage)
    finally:
        await stage.stop()
