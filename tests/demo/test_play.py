"""The main job by itself: what `distributor demo --auto` does, and that its verdict can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distributor.demo.play import Play
from distributor.demo.stage import Stage


async def _play(folder: Path, fault: tuple[str, str, str] | None) -> tuple[int, list[str]]:
    stage = Stage(folder)
    await stage.start()
    complaints: list[str] = []
    rows: list[dict[str, Any]] = []
    try:
        if fault:
            stage.sandbox.faults.order(*fault, times=None, status=400)
        code = await Play(stage, lambda _: None, complaints.append, rows.extend).run()
    finally:
        await stage.stop()
    return code, complaints


async def test_the_main_job_by_itself_reaches_every_channel(tmp_path: Path) -> None:
    assert await _play(tmp_path, None) == (0, [])


async def test_it_fails_and_names_the_channel_that_does_not_hold_the_release(tmp_path: Path) -> None:
    code, complaints = await _play(tmp_path, ("x", "tweets.create", "error"))
    assert code == 1
    assert any("x" in complaint for complaint in complaints)
