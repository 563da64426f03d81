"""The main job by itself: what `distributor demo --auto` does, and that its verdict can fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distributor.demo.play import Play
from distributor.demo.stage import Stage


async def _play(folder: Path, fault: tuple[str, str, str, dict[str, Any]] | None) -> tuple[int, list[str]]:
    stage = Stage(folder)
    await stage.start()
    complaints: list[str] = []
    rows: list[dict[str, Any]] = []
    try:
        if fault:
            platform, method, kind, options = fault
            stage.sandbox.faults.order(platform, method, kind, times=None, **options)
        code = await Play(stage, lambda _: None, complaints.append, rows.extend).run()
    finally:
        await stage.stop()
    return code, complaints


async def test_the_main_job_by_itself_reaches_every_channel(tmp_path: Path) -> None:
    assert await _play(tmp_path, None) == (0, [])


@pytest.mark.parametrize(
    ("channel", "fault"),
    [
        ("x", ("x", "tweets.create", "error", {"status": 400})),
        ("facebook", ("facebook", "feed.create", "graph_error", {"code": 100, "effect": False})),
        ("telegram", ("telegram", "sendMediaGroup", "telegram_error", {"error_code": 400, "chat_id": -100300})),
        ("press", ("smtp", "smtp.rcpt", "smtp_error", {"code": 550})),
    ],
)
async def test_it_fails_and_names_the_channel_that_does_not_hold_the_release(
    tmp_path: Path, channel: str, fault: tuple[str, str, str, dict[str, Any]]
) -> None:
    code, complaints = await _play(tmp_path, fault)
    assert code == 1
    named = {complaint.removeprefix("MISSING: ").split(" ")[0].rstrip(":") for complaint in complaints}
    assert named == {channel}, complaints
