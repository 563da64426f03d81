"""The clock that nobody sets, where the system has one."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.queue import uptime as module
from distributor.queue.uptime import uptime


def test_it_runs_on_and_its_boot_stays() -> None:
    first = uptime()
    time.sleep(0.01)
    second = uptime()
    assert first is not None
    assert second is not None
    assert first.boot == second.boot != ""
    assert timedelta(seconds=0.01) <= second.since - first.since < timedelta(seconds=30)


def test_a_system_without_it_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "BOOT", tmp_path / "nothing")
    assert uptime() is None
    monkeypatch.undo()
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert uptime() is None
