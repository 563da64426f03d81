"""The commands that operate what was promised, as real processes: stop and start, dead letters, a restored database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from distributor.demo import Stage
from tests.cli.test_commands import run
from tests.faults.engine import ask, tell
from tests.queue.acts import approve, rows, write


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """An office without a worker; commands run beside it."""
    made = Stage(tmp_path / "stage", roles=frozenset())
    await made.start()
    yield made
    await made.stop()


async def command(stage: Stage, *words: str) -> CompletedProcess[str]:
    done = await asyncio.to_thread(run, stage.folder, "--config", str(stage.settings_file), *words)
    assert "Traceback" not in done.stderr
    return done


async def test_everything_is_stopped_and_started_with_one_command(stage: Stage) -> None:
    await stage.parts.office.operations.pause("x", None)
    done = await command(stage, "channels", "stop", "--reason", "wrong figures")
    assert (done.returncode, "channels start" in done.stdout) == (0, True)
    check = await command(stage, "channels", "check")
    assert (check.returncode, "wrong figures" in check.stderr) == (1, True)
    assert "distributor channels start" in check.stderr
    done = await command(stage, "channels", "start")
    assert (done.returncode, "still paused by themselves: x" in done.stdout) == (0, True)
    lanes = await ask(stage, "SELECT name, paused FROM lanes ORDER BY name")
    assert [(row["name"], bool(row["paused"])) for row in lanes] == [("*", False), ("x", True)]


async def test_all_cases_of_a_release_are_answered_with_one_word(stage: Stage) -> None:
    release_id, other = await write(stage, channels=("press",)), await write(stage, channels=("press",))
    await approve(stage, release_id)
    await approve(stage, other)
    await tell(stage, "UPDATE deliveries SET state = 'case', step = 'publish'")
    columns = "delivery_id, step, code, reason, opened_at"
    await tell(stage, f"INSERT INTO cases ({columns}) SELECT id, 'publish', 'x', 'y', 1 FROM deliveries")  # noqa: S608
    done = await command(stage, "cases", "--all-there", release_id, "--channel", "x")
    assert (done.returncode, f"0 cases of {release_id}" in done.stdout) == (1, True)
    done = await command(stage, "cases", "--all-there", release_id, "--channel", "press")
    assert (done.returncode, f"3 cases of {release_id}" in done.stdout) == (1, True)
    done = await command(stage, "cases", "--all-not-there", other)
    assert (done.returncode, f"3 cases of {other}" in done.stdout) == (0, True)
    states = {row["release_id"]: row["state"] for row in await rows(stage)}
    assert states == {release_id: "sent", other: "queued"}


async def test_all_dead_letters_of_a_channel_go_again_with_one_command(stage: Stage) -> None:
    release_id = await write(stage, channels=("x", "press"))
    await approve(stage, release_id)
    await tell(stage, "UPDATE deliveries SET state = 'rejected', code = 'x', reason = 'no'")
    done = await command(stage, "retry", "--all", "--channel", "press")
    assert (done.returncode, "3 queued again" in done.stdout) == (0, True)
    assert {row["channel"]: row["state"] for row in await rows(stage)} == {"press": "queued", "x": "rejected"}
    done = await command(stage, "retry", "--all", "--release", release_id)
    assert (done.returncode, "1 queued again" in done.stdout) == (0, True)
    done = await command(stage, "retry", "--all")
    assert (done.returncode, "no dead letter" in done.stdout) == (0, True)
    for wrong in (("retry",), ("retry", "3", "--all"), ("retry", "3", "--channel", "x")):
        done = await command(stage, *wrong)
        assert (done.returncode, "--all" in done.stderr) == (2, True)


async def test_f20_a_restored_database_is_told_of_and_reconciled_when_it_is_said_twice(stage: Stage) -> None:
    release_id = await write(stage, channels=("x", "newsroom"))
    await approve(stage, release_id)
    waiting = await write(stage, title="დასამტკიცებელი", channels=("x",))
    await stage.parts.office.drafts.submit(waiting, stage.people[501])
    assert await stage.parts.office.restoring.look()
    await tell(stage, "DELETE FROM audit_events WHERE seq = (SELECT max(seq) FROM audit_events)")
    assert not await stage.parts.office.restoring.look()
    check = await command(stage, "channels", "check")
    assert (check.returncode, "distributor recover" in check.stderr) == (1, True)
    resume = await command(stage, "channels", "resume", "x")
    assert (resume.returncode, "distributor recover" in resume.stderr) == (1, True)
    asked = await command(stage, "recover")
    assert (asked.returncode, "a case): 1;" in asked.stdout, waiting in asked.stdout) == (
        1,
        True,
        True,
    )
    assert "--yes" in asked.stderr
    assert {row["state"] for row in await rows(stage)} == {"queued"}
    done = await command(stage, "recover", "--yes")
    assert (done.returncode, waiting in done.stdout) == (0, True)
    assert {row["channel"]: row["state"] for row in await rows(stage)} == {"newsroom": "queued", "x": "unknown"}
    assert await stage.parts.office.restoring.look()
    again = await command(stage, "recover")
    assert (again.returncode, "Nothing here says" in again.stdout) == (1, True)


async def test_alarms_are_listed_and_answered(stage: Stage) -> None:
    params = {"channel": "x", "link": "https://x.example/1", "text": "Not ours"}
    await stage.parts.office.alarms.raise_alarm("foreign", "channel:x", "foreign:x:1", params)
    done = await command(stage, "alarms", "--json")
    (row,) = json.loads(done.stdout)
    assert (done.returncode, row["answers"]) == (1, ["ours", "stop", "seen"])
    assert "X: a post that this service did not send" in row["says"]
    done = await command(stage, "alarms", "--resolve", str(row["id"]), "perhaps")
    assert (done.returncode, "ours, stop, seen" in done.stderr) == (1, True)
    done = await command(stage, "alarms", "--resolve", str(row["id"]), "ours")
    assert (done.returncode, "It is ours" in done.stdout) == (0, True)
