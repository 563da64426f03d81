"""The invariants, tested by engines that are broken on purpose: one thing each, and the simulation must find it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import text

from distributor.core import audit, delivery
from distributor.core.delivery import DeliveryState, Go, Next
from distributor.core.outcome import CannotTell, Unknown
from distributor.queue import looks, runner
from distributor.queue.grip import Grip
from distributor.queue.limits import Spent
from distributor.queue.worker import Worker
from distributor.storage import hot, hot_sqlite, hot_sqlite_outcomes
from distributor.storage.deliveries import Deliveries
from tests.simulation import scenario
from tests.simulation.plan import Plan
from tests.simulation.scenario import Ground, play

MOST = 30  # seeds until it must be found


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """One for all: making it takes longer than a seed."""
    with TemporaryDirectory() as folder:
        yield Ground(Path(folder))


def often(troubles: dict[str, float], plan: Plan) -> Plan:
    """The plan of a seed, with these troubles for certain and many."""
    return replace(plan, troubles=plan.troubles | troubles, pace=2.0)


def first_found(ground: Ground, name: str, change: Callable[[Plan], Plan], words: str = "") -> str:
    """What is first found of this invariant, with these words in it."""
    for seed in range(1, MOST + 1):
        for said in play(seed, ground, change).broken:
            if said.startswith(name) and words in said:
                return said
    raise AssertionError(f"{MOST} seeds with a broken engine, and nothing found of {name!r}")


def found(ground: Ground, name: str, **troubles: float) -> str:
    """What is first found of this invariant."""
    return first_found(ground, name, partial(often, troubles))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Where a test breaks the engine. Who waits for an end that never comes is less patient."""
    monkeypatch.setattr(scenario, "PATIENCE", 200.0)
    return monkeypatch


def test_what_is_unknown_is_sent_again_blindly(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = delivery.after_outcome

    def wrong(outcome: Any, **facts: Any) -> Next:
        again = Next(DeliveryState.QUEUED, "again", "it did not answer", due=facts["now"])
        return again if isinstance(outcome, Unknown) else right(outcome, **facts)

    broken.setattr(runner, "after_outcome", wrong)
    assert "times" in found(ground, "nothing twice")


def test_nobody_heeds_that_a_claim_was_taken_over(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = Deliveries.begin

    async def wrong(self: Deliveries, *claim: Any) -> bool:
        await right(self, *claim)
        return True

    broken.setattr(Deliveries, "begin", wrong)
    found(ground, "only under a fresh claim", freezes=9.0)


def test_a_claim_is_used_however_old_it_is(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(Grip, "holds", lambda self, delivery_id: True)
    found(ground, "only under a fresh claim", freezes=9.0)


def test_what_is_earlier_is_overtaken(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    for name in ("_PICK", "_PICK_IDS"):
        broken.setattr(hot_sqlite, name, getattr(hot_sqlite, name).replace(hot.UNBLOCKED, "1"))
    assert "before" in found(ground, "order", outages=5.0)


def test_what_came_of_it_is_not_in_the_log(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(hot_sqlite_outcomes, "_append", lambda *_: None)
    assert "not in the log" in found(ground, "nothing untold")
    assert "says sent" in found(ground, "the log verifies")


def test_the_chain_is_torn(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = audit.batch_event
    broken.setattr(audit, "batch_event", lambda last, *rest: right((last[0], audit.GENESIS) if last else None, *rest))
    assert "does not follow" in found(ground, "the log verifies")


def test_nothing_is_checked_at_the_claim(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(hot, "at_claim", lambda facts, now: Go())
    found(ground, "only what is allowed")


def test_quotas_are_not_kept(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(Spent, "room", lambda self, windows, now, most, least: (most, 0.0))
    assert "calls within" in found(ground, "quotas")


def test_the_least_urgent_goes_first(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    wrong = hot_sqlite._PRIORITIES.replace("min(priority)", "max(priority)").replace("priority > f", "priority < f")
    broken.setattr(hot_sqlite, "_PRIORITIES", wrong)
    assert "more urgent" in found(ground, "the urgent first", outages=9.0)


def test_nobody_takes_care_of_what_a_lost_worker_had(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    async def wrong(self: Deliveries, now: datetime, *, set_back: bool = False) -> int:
        return 0

    broken.setattr(Deliveries, "recover", wrong)
    assert "is sending" in found(ground, "every promise ends", kills=9.0)


def test_what_nobody_can_tell_is_called_sent(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = delivery.after_finding

    def wrong(finding: Any, **facts: Any) -> Next:
        return Next(DeliveryState.SENT) if isinstance(finding, CannotTell) else right(finding, **facts)

    broken.setattr(looks, "after_finding", wrong)
    found(ground, "nothing untold")


def test_a_state_is_left_by_a_way_that_is_not_in_the_table(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    async def wrong(self: Deliveries, now: datetime, worker: str, lease: float, limit: int) -> Sequence[Any]:
        async with self._database.transaction() as connection:
            await connection.execute(text("UPDATE deliveries SET state = 'waiting' WHERE state = 'unknown'"))
            await connection.commit()
        return []

    broken.setattr(Deliveries, "unknown", wrong)
    assert "from unknown to waiting" in found(ground, "states", kills=9.0)


def test_an_error_ends_a_loop_of_the_worker(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    async def wrong(self: Worker, turn: Any, *, to_the_end: bool = False) -> None:
        while to_the_end or not self._stopping:
            await turn()

    broken.setattr(Worker, "_forever", wrong)
    assert "OperationalError" in found(ground, "the run: Unhandled")


def test_nobody_looks_at_what_is_lost_with_the_queue(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    async def deaf(event: asyncio.Event, seconds: float) -> None:
        await event.wait()

    broken.setattr(runner, "sleep_or", deaf)
    found(ground, "every promise ends", queue=9.0)


def test_nothing_is_late_until_a_claim_meets_it(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    async def wrong(self: Deliveries, now: datetime, worker: str, live: frozenset[str]) -> int:
        return 0

    broken.setattr(Deliveries, "expire", wrong)
    assert "past its deadline" in found(ground, "deadlines", outages=5.0)
