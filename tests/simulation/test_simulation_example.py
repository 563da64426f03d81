"""A seed is a run: the same in every interpreter, and able to find what a careless engine does wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.chance import stream
from tests.simulation.example import NUMBERS, play

ROOT = Path(__file__).parents[2]
EVERY_KEY = sorted(f"key-{number}" for number in range(NUMBERS))


def elsewhere(seed: int, hash_seed: str) -> dict[str, Any]:
    """The same seed in an interpreter of its own, which orders texts and addresses in another way."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.simulation.example", str(seed)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "nothing is said of what killed processes left behind"
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_seed_gives_the_same_run_in_every_interpreter() -> None:
    here = play(7)
    assert elsewhere(7, "1") == elsewhere(7, "2") == here
    assert play(7) == here, "nothing of one run reaches the next"
    assert play(8)["trace"] != here["trace"]


def test_the_trace_tells_runs_apart_that_end_alike() -> None:
    runs = [play(seed) for seed in range(20, 24)]
    assert len({run["trace"] for run in runs}) == len(runs)
    assert all(run["effects"] == EVERY_KEY for run in runs)


@pytest.mark.parametrize("seed", range(10))
def test_a_careful_engine_loses_nothing_and_doubles_nothing(seed: int) -> None:
    run = play(seed)
    assert run["effects"] == EVERY_KEY
    assert run["states"] == ["sent"] * NUMBERS
    assert run["kills"] > 3
    assert sum(run["faults"].values()) > 3


def test_a_careless_one_is_found_out() -> None:
    doubled = [seed for seed in range(5) if play(seed, careless=True)["effects"] != EVERY_KEY]
    assert len(doubled) >= 4, "a blind repeat after silence is seen in nearly every run"


def test_streams_of_chance_are_apart_and_the_same_everywhere() -> None:
    assert stream(1, "platform").random() != stream(1, "faults").random()
    assert stream(1, "platform").random() != stream(2, "platform").random()
    # From SHA-512 of the text: the same on every machine and in every version of Python.
    assert stream(1, "platform").random() == 0.0391972573090934
