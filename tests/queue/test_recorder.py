"""Outcomes on their way into a database that was away for a moment, or that cannot hold one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from distributor import log
from distributor.core.delivery import DeliveryState, Next
from distributor.core.outcome import Receipt, Sent
from distributor.core.ports import Claimed, Result, Wish
from distributor.demo import Stage
from distributor.queue.recorder import Recorder
from distributor.storage.deliveries import Deliveries
from tests.faults.engine import ask, seen, tell, working
from tests.queue.acts import approve, write

MANY = 300
READERS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO destinations (channel, address, kind, label, language, token, created_at)
SELECT 'press', 'reader' || i || '@example.org', 'subscriber', '', 'ka', 'token-of-' || i, 0 FROM n
"""


class Shaky(Deliveries):
    """The store, which counts what it is asked to record, and cannot be reached so many times."""

    away = 0
    asked = 0
    takes = 0.0  # seconds

    async def record(
        self, results: Sequence[Result], worker: str, now: datetime, finish: frozenset[str] | None = None
    ) -> None:
        self.asked += 1
        await asyncio.sleep(self.takes)
        if self.away:
            self.away -= 1
            raise ConnectionRefusedError("nobody listens")
        await super().record(results, worker, now, finish)


class Desk:
    """So many claimed mails, and a recorder for their outcomes."""

    def __init__(self, stage: Stage, store: Shaky, recorder: Recorder, claimed: Sequence[Claimed]) -> None:
        self.stage, self.store, self.recorder, self.claimed = stage, store, recorder, claimed
        self.kept: list[int] = []

    async def hand_in(self, unspeakable: Collection[int] = ()) -> None:
        """Every mail was sent. `unspeakable`: places of those whose receipt no database can hold."""
        now = self.stage.parts.clock()
        for place, claimed in enumerate(self.claimed):
            detail: dict[str, Any] = {"odd": object()} if place in unspeakable else {}
            outcome = Sent(Receipt((f"{place}",), detail=detail))
            result = Result(claimed, outcome, Next(DeliveryState.SENT), now, now)
            await self.recorder.record(result, at_once=False, kept=self._keep)

    def _keep(self, result: Result) -> None:
        self.kept.append(result.claimed.job.delivery_id)

    async def states(self) -> dict[str, int]:
        """How many deliveries stand where."""
        rows = await ask(self.stage, "SELECT state, count(*) AS n FROM deliveries GROUP BY state")
        return {row["state"]: row["n"] for row in rows}


@pytest.fixture(autouse=True)
def told() -> Iterator[StringIO]:
    """What is logged, in service's own form: the form for developers draws every local variable."""
    told = StringIO()
    log.configure("warning", "json", stream=told)
    yield told
    structlog.reset_defaults()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    stage = Stage(tmp_path / "stage", roles=frozenset())
    await stage.start()
    await tell(stage, READERS, count=MANY - 3)
    release_id = await write(stage, channels=("press",))
    assert await approve(stage, release_id) == MANY
    store, clock = Shaky(stage.parts.database, "http://x"), stage.parts.clock
    batch = await store.claim(Wish("press", MANY), "test", clock(), 60)
    recorder = Recorder(store, stage.parts.events, clock, "test")
    await recorder.start()
    yield Desk(stage, store, recorder, batch.claimed)
    await recorder.stop()
    await stage.stop()


async def test_a_database_that_comes_back_gets_the_outcomes_together(desk: Desk) -> None:
    desk.store.away = 5
    await desk.hand_in()
    await seen(lambda: len(desk.kept) == MANY)
    assert await desk.states() == {"sent": MANY}
    assert desk.store.asked <= 20


async def test_a_database_that_is_away_is_not_asked_for_each_outcome(desk: Desk, told: StringIO) -> None:
    desk.store.away = 1_000_000
    await desk.hand_in()
    await asyncio.sleep(0.6)
    assert 2 <= desk.store.asked <= 60
    assert len(told.getvalue().splitlines()) <= 15
    desk.store.away = 0
    await seen(lambda: len(desk.kept) == MANY)
    assert await desk.states() == {"sent": MANY}


async def test_outcomes_that_cannot_be_held_keep_no_other_from_being_recorded(desk: Desk) -> None:
    places = [0, 1, 2, 3, 150, MANY - 1]
    await desk.hand_in(unspeakable=places)
    await seen(lambda: len(desk.kept) == MANY - len(places))
    assert await desk.states() == {"sent": MANY - len(places), "sending": len(places)}
    assert desk.store.asked <= 120
    desk.recorder._waiting.clear()  # they never can be: let the stop not wait for them
    desk.recorder._open = 0


async def test_what_must_be_recorded_at_once_never_keeps_a_list_from_being_recorded(desk: Desk) -> None:
    desk.store.takes = 0.02
    urgent, desk.claimed = desk.claimed[:60], desk.claimed[60:]
    now = desk.stage.parts.clock()

    async def one_after_the_other(some: Sequence[Claimed]) -> None:
        for claimed in some:
            result = Result(claimed, Sent(Receipt(("1",))), Next(DeliveryState.SENT), now, now)
            await desk.recorder.record(result, at_once=True, kept=desk._keep)

    await desk.hand_in()
    await asyncio.gather(one_after_the_other(urgent[:30]), one_after_the_other(urgent[30:]))
    listed = {claimed.job.delivery_id for claimed in desk.claimed}
    before = [number in listed for number in desk.kept].index(True)
    assert before <= 4  # so many urgent ones were recorded before the list was
    assert await desk.states() == {"sent": MANY}


async def test_a_release_whose_last_outcome_was_its_workers_last_word_ends_all_the_same(desk: Desk) -> None:
    """Releases of bulk deliveries are looked at a moment after an outcome; a worker may be killed in that moment."""
    now = desk.stage.parts.clock()
    sent = [Result(one, Sent(Receipt(("1",))), Next(DeliveryState.SENT), now, now) for one in desk.claimed]
    await desk.store.record(sent, "killed", now, frozenset())
    assert [row["state"] for row in await ask(desk.stage, "SELECT state FROM releases")] == ["distributing"]
    async with working(desk.stage):
        for _ in range(100):
            (row,) = await ask(desk.stage, "SELECT state FROM releases")
            if row["state"] == "distributed":
                return
            await asyncio.sleep(0.05)
    raise AssertionError("it never ended")
