"""`distributor channels check` as a real process: what lasts how long, what has ended, what is missing."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor.demo import Stage
from tests.cli.test_operating import command

DAY = 86_400
Opened = Callable[..., Any]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    """Starts an office without a worker; settings may be changed."""
    async with AsyncExitStack() as closing:

        async def make(**changes: Any) -> Stage:
            made = Stage(tmp_path / "stage", roles=frozenset(), changes=changes)
            await made.start()
            closing.push_async_callback(made.stop)
            return made

        yield make


async def checked(stage: Stage) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what is said of each channel."""
    done = await command(stage, "channels", "check", "--json")
    return done.returncode, {row["channel"]: row for row in json.loads(done.stdout)}


async def test_each_channel_says_how_long_it_lasts_or_that_no_end_is_known(opened: Opened) -> None:
    stage = await opened()
    stage.sandbox.facebook.token.expires_at = int(time.time()) + 10 * DAY + 60
    code, rows = await checked(stage)
    assert code == 0
    assert rows["facebook"]["days"] == "the token lasts 10 more days"
    assert {name: row["days"] for name, row in rows.items() if name != "facebook"} == dict.fromkeys(
        ("newsroom", "telegram", "x", "press"), "none known"
    )
    assert rows["x"]["expires"] is None
    stage.sandbox.facebook.token.expires_at = 0
    _, rows = await checked(stage)
    assert rows["facebook"]["days"] == "the access lasts 89 more days"
    shown = await command(stage, "channels", "check")
    assert (shown.returncode, "known" in shown.stdout) == (0, True)


async def test_a_token_that_has_expired_fails_the_check_though_the_platform_still_answers(opened: Opened) -> None:
    past = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    stage = await opened(**{"channels.x.token_expires": past})
    code, rows = await checked(stage)
    assert (code, rows["x"]["ok"], rows["x"]["days"]) == (1, "NO", "the token has expired")
    assert rows["x"]["problems"] == ["the token has expired"]
    assert rows["facebook"]["ok"] == "yes"


async def test_access_that_facebook_says_is_over_fails_it_too_and_a_missing_permission_is_named(opened: Opened) -> None:
    stage = await opened()
    stage.sandbox.facebook.token.data_access_expires_at = int(time.time()) - DAY
    stage.sandbox.facebook.token.scopes = ["pages_manage_posts"]
    code, rows = await checked(stage)
    assert (code, rows["facebook"]["ok"]) == (1, "NO")
    assert rows["facebook"]["problems"] == [
        "the access has expired",
        "the token lacks the permission pages_read_engagement",
    ]


async def test_where_facebook_does_not_tell_the_check_says_so_and_passes(opened: Opened) -> None:
    stage = await opened()
    stage.sandbox.facebook.token.developer = False
    code, rows = await checked(stage)
    assert (code, rows["facebook"]["ok"], rows["facebook"]["days"]) == (0, "yes", "none known")
    assert "does not tell when the token ends" in rows["facebook"]["problems"][0]
