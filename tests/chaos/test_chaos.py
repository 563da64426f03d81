"""A small run of the real chaos, from the command line as `make chaos` starts it; and its plan."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter

import pytest

from tests.chaos.crew import ROOT
from tests.chaos.plan import COURSES, DECK, Care, Kind, Plan, make_plan

LINE = re.compile(r"chaos: deliveries (\d+), kills (\d+), lost 0, doubled 0, ambiguous (\d+)")


def cares(plan: Plan) -> Counter[Care]:
    """What is done in a run, how often."""
    return Counter(care for writing in plan.writings for _, care in writing.course)


def test_a_seed_is_a_plan_and_every_blow_is_in_it() -> None:
    plan = make_plan(7, 10_000, 150.0, 1.5)
    assert plan == make_plan(7, 10_000, 150.0, 1.5)
    assert plan.troubles != make_plan(8, 10_000, 150.0, 1.5).troubles
    assert {trouble.kind for trouble in plan.troubles} == set(Kind)
    assert 5_000 < plan.promised < 6_000  # what follows makes about ten thousand of them
    assert len({writing.mark for writing in plan.writings}) == len(plan.writings)
    assert set(cares(plan)) == set(cares(make_plan(7, 400, 15.0, 0.6))) == set(Care)
    courses = [tuple(care for _, care in writing.course) for writing in plan.writings]
    assert set(COURSES) <= {*courses}
    assert all(one.photos == 2 for one, course in zip(plan.writings, courses, strict=True) if Care.PHOTO in course)
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
    plan = make_plan(5, 400, 11.0, 0.6)
    assert deliveries > plan.promised
    assert kills >= 4
    done = cares(plan)
    assert "releases: " + ", ".join(f"{done[care]} {care.value}" for care in Care) in lines
