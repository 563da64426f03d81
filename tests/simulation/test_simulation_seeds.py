"""Two hundred seeds of the whole service, and that they are what they say they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation import __main__ as command
from tests.simulation.habits import Fate
from tests.simulation.many import Total, play_many
from tests.simulation.plan import draw
from tests.simulation.scenario import Ground, Played, play

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 201)
TROUBLES = {"kill", "freeze", "stop", "outage", "jump", "redis flushed", "redis gone", "redis back"}
DISK = {"disk before BEGIN", "disk before COMMIT", "disk after COMMIT", "disk before UPDATE", "disk before SELECT"}


@pytest.mark.timeout(600)  # a minute or so on two free cores; others may be at work beside
def test_two_hundred_seeds_break_nothing() -> None:
    total = Total()
    for played in play_many(SEEDS, 2):
        total.add(played)
    assert total.broken == []
    assert total.seeds == len(SEEDS)
    assert total.deliveries > 10 * len(SEEDS)
    assert total.faults.total() > 15 * len(SEEDS)
    # Everything that may go wrong did, and promises ended in every way.
    missing = (TROUBLES | DISK | {fate.value for fate in Fate if fate is not Fate.ANSWERED}) - set(total.faults)
    assert not missing
    assert set(total.states) == {"sent", "rejected", "expired", "cancelled"}


def test_plans_differ_in_what_they_hold() -> None:
    plans = [draw(seed) for seed in SEEDS]
    assert {plan.workers for plan in plans} == {1, 2, 3, 4}
    assert {len(plan.lanes) for plan in plans} == {3, 4, 5, 6}
    assert {plan.shared for plan in plans if plan.workers == 1} == {True, False}
    assert all(plan.shared for plan in plans if plan.workers > 1)
    for some in ("windows", "reader_windows", "wrong", "late_clock"):
        assert 5 < sum(bool(getattr(plan, some)) for plan in plans) < 195
    assert all(any(not plan.troubles[name] for plan in plans) for name in plans[0].troubles)
    policy = plans[0].policy  # compares by identity
    assert [replace(draw(seed), policy=policy) for seed in SEEDS] == [replace(plan, policy=policy) for plan in plans]


def elsewhere(seed: int, hash_seed: str) -> str:
    """What the command says of a seed in an interpreter of its own, which orders texts and addresses in another way."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.simulation", "--seed", str(seed)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_seed_is_one_run_in_every_interpreter_and_after_any_other() -> None:
    seed = 11
    with TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        other, here = play(12, ground), play(seed, ground)
    assert here.trace != other.trace
    first, second = elsewhere(seed, "1"), elsewhere(seed, "2")
    assert first == second, "word for word: the history too"
    assert f"trace {here.trace}\n" in first
    assert all(f"{at:10.3f}  {words}\n" in first for at, words in here.history)


def test_the_last_line_counts_and_the_exit_says_whether_anything_broke(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulation", "--seeds", "3", "--first", "5", "--jobs", "1"])
    assert command.main() == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"simulate: seeds 3, deliveries [1-9]\d*, faults [1-9]\d*, broken 0", last)

    def some_broken(seeds: Sequence[int], jobs: int) -> Iterator[Played]:
        for seed in seeds:
            yield Played(seed, ["order: delivery 2 was called before 1"] if seed == 6 else [], deliveries=2)

    monkeypatch.setattr(command, "play_many", some_broken)
    assert command.main() == 1
    said = capsys.readouterr()
    assert said.out == "simulate: seeds 3, deliveries 6, faults 0, broken 1\n"
    assert "seed 6: order: delivery 2 was called before 1" in said.err
    assert "broken with the seeds 6;" in said.err
