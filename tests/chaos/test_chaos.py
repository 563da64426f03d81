"""A small run of the real chaos, from the command line as `make chaos` starts it; and its plan."""

from __future__ import annotations

import asyncio
import re
import sys

import pytest

from tests.chaos.crew import ROOT
from tests.chaos.plan import DECK, Kind, make_plan

LINE = re.compile(r"chaos: deliveries (\d+), kills (\d+), lost 0, doubled 0, ambiguous (\d+)")


def test_a_seed_is_a_plan_and_every_blow_is_in_it() -> None:
    plan = make_plan(7, 10_000, 150.0, 1.5)
    assert plan == make_plan(7, 10_000, 150.0, 1.5)
    assert plan.troubles != make_plan(8, 10_000, 150.0, 1.5).troubles
    assert {trouble.kind for trouble in plan.troubles} == set(Kind)
    assert abs(plan.promised - 10_000) < 100
    assert len({writing.mark for writing in plan.writings}) == len(plan.writings)
    first = make_plan(7, 400, 15.0, 0.6).troubles[: len(DECK)]
    assert sorted(trouble.kind for trouble in first) == sorted(DECK)


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.timeout(240)  # workers of its own, servers that die and come back
async def test_four_hundred_deliveries_survive_everything_at_once() -> None:
    arguments = ("--deliveries", "400", "--seconds", "11", "--every", "0.6", "--seed", "5", "--limit", "150")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    lines = said.decode().splitlines()
    assert process.returncode == 0, "\n".join(lines)
    told = LINE.fullmatch(lines[-1])
    assert told is not None, lines[-1]
    deliveries, kills, _ = map(int, told.groups())
    assert deliveries == make_plan(5, 400, 11.0, 0.6).promised
    assert kills >= 4
