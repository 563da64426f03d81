"""The invariants of what follows a publication, tested by engines that are broken on purpose (see
`test_simulation_broken`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import literal

from distributor.core import delivery
from distributor.core.delivery import Facts, Go
from distributor.core.release import SENDABLE, Action, ReleaseState
from distributor.storage import deliveries, hot, hot_sqlite, jobs, promises, standing
from tests.simulation import scenario
from tests.simulation.plan import Plan
from tests.simulation.scenario import Ground
from tests.simulation.test_simulation_broken import first_found


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """One for all."""
    with TemporaryDirectory() as folder:
        yield Ground(Path(folder))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Where a test breaks the engine."""
    monkeypatch.setattr(scenario, "PATIENCE", 200.0)
    return monkeypatch


def busy(plan: Plan) -> Plan:
    """More of everything that people do, and no troubles but those of the platforms."""
    return replace(plan, releases=6, seconds=90.0, troubles=dict.fromkeys(plan.troubles, 0.0), wrong=0.0)


def test_nobody_is_told_of_what_follows(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = promises.promise_after

    async def wrong(*args: Any, out: bool) -> int:
        return 0 if out else await right(*args, out=out)

    broken.setattr(promises, "promise_after", wrong)
    assert "was promised" in first_found(ground, "what stands", busy)


def test_what_follows_is_promised_to_those_who_had_nothing(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(promises, "is_out", lambda: literal(True))
    assert "promised to one who had nothing" in first_found(ground, "only those who have it", busy)


def test_the_end_of_a_hold_is_told_to_nobody(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(promises, "_lifted_since", lambda: literal(True))
    assert "of its end nothing was promised" in first_found(ground, "the end of a hold", busy)


def test_the_end_of_a_hold_finds_nobody_to_tell(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = standing.standing

    async def wrong(connection: Any, rows: Sequence[Any]) -> dict[int, Any]:
        return await right(connection, [row for row in rows if row.action != "lift"])

    broken.setattr(jobs, "standing", wrong)
    assert "nobody told him" in first_found(ground, "the end of a hold", busy)


def test_who_had_nothing_is_told_too(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(promises, "is_out", lambda: literal(True))
    broken.setattr(standing, "may_stand", lambda row: True)
    found = first_found(ground, "only those who have it", busy, "told one who had nothing")
    assert "told one who had nothing" in found


def test_a_correction_forgets_what_stands(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    async def wrong(connection: Any, rows: Sequence[Any]) -> dict[int, Any]:
        return {}

    broken.setattr(jobs, "standing", wrong)
    assert "shows revision" in first_found(ground, "what stands", busy, "shows revision")


def test_what_follows_overtakes_what_it_follows(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    wrong = hot.UNBLOCKED.replace("e.state <> 'case' OR d.action", "d.action")
    assert wrong != hot.UNBLOCKED
    for name in ("_PICK", "_PICK_IDS"):
        broken.setattr(hot_sqlite, name, getattr(hot_sqlite, name).replace(hot.UNBLOCKED, wrong))

    def slow(plan: Plan) -> Plan:
        habits = {name: replace(known, latency=(1.0, 8.0)) for name, known in plan.habits.items()}
        return replace(busy(plan), habits=habits)

    assert "was final" in first_found(ground, "order", slow)


def test_a_publication_goes_after_the_withdrawal(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = delivery.at_claim

    def wrong(facts: Facts, now: Any) -> Any:
        return Go() if facts.release_state is ReleaseState.WITHDRAWN else right(facts, now)

    async def nothing(*_: Any) -> int:
        return 0

    broken.setattr(hot, "at_claim", wrong)
    broken.setattr(promises, "cancel_queued", nothing)
    broken.setitem(deliveries._MAY_BEGIN, Action.PUBLISH, {*SENDABLE, ReleaseState.WITHDRAWN})
    assert "was claimed after" in first_found(ground, "nothing after a withdrawal", busy)


def test_the_withdrawal_is_withdrawn_with_its_release(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = delivery.at_claim

    def wrong(facts: Facts, now: Any) -> Any:
        return right(replace(facts, action=Action.CORRECT) if facts.action is Action.WITHDRAW else facts, now)

    broken.setattr(hot, "at_claim", wrong)
    assert "cancelled (withdrawn)" in first_found(ground, "what stands", busy, "cancelled (withdrawn)")


def test_an_exercise_reaches_the_public(ground: Ground, broken: pytest.MonkeyPatch) -> None:
    right = delivery.at_claim
    broken.setattr(hot, "at_claim", lambda facts, now: right(replace(facts, live=False), now))

    def live(plan: Plan) -> Plan:
        return replace(busy(plan), live=frozenset(plan.lanes), knows=False)

    assert "which is live" in first_found(ground, "exercises", live)
