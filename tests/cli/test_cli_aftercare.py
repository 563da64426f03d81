"""Corrections, withdrawals and holds by command, as real processes; a second person still decides at the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distributor.core.approval import Decision
from distributor.core.release import ReleaseState
from distributor.demo import Stage
from distributor.demo.stage import EDITOR
from tests.cli.test_operating import command
from tests.faults.engine import tell
from tests.queue.acts import approve, rows, write

FILE = """+++
kind = "news"
regions = ["GE-TB"]
channels = ["newsroom", "press"]
language = "ka"
title = "მაშველებმა სამი ტურისტი იპოვეს"
+++
დღეს დილით სამი ტურისტი იპოვეს.
"""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """An office without a worker; commands run beside it."""
    made = Stage(tmp_path / "stage", roles=frozenset())
    await made.start()
    yield made
    await made.stop()


async def out(stage: Stage, photos: int = 0) -> str:
    """A release that is out everywhere."""
    release_id = await write(stage, photos=photos, channels=("newsroom", "press"))
    await approve(stage, release_id)
    await tell(stage, "UPDATE deliveries SET state = 'sent'")
    return release_id


async def actions(stage: Stage, release_id: str, revision: int) -> set[tuple[str, str]]:
    return {(row["channel"], row["action"]) for row in await rows(stage, release_id) if row["revision"] == revision}


async def test_a_correction_from_a_file_waits_for_its_second_person(stage: Stage, tmp_path: Path) -> None:
    release_id = await out(stage)
    file = tmp_path / "again.md"
    file.write_text(FILE, "utf-8")
    done = await command(stage, "correct", release_id, str(file), "--as", "Nino", "--words", "ka=სამი იყო")
    assert (done.returncode, "waits for a second person" in done.stdout) == (0, True), done.stderr
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.proposed is not None
    assert standing.release.revision == 1
    assert await actions(stage, release_id, 2) == set()
    decided = stage.parts.office.approvals.decide
    await decided(stage.people[EDITOR].id, Decision.APPROVE, release_id, 2, standing.proposed.content_hash)
    assert await actions(stage, release_id, 2) == {("newsroom", "correct"), ("press", "correct")}
    done = await command(stage, "correct", release_id, str(file), "--as", "Nino")
    assert (done.returncode, "nothing to correct" in done.stderr) == (1, True)
    done = await command(stage, "abandon", release_id, "--as", "Nino")
    assert (done.returncode, "stays as it is" in done.stdout) == (0, True)


async def test_a_photo_and_then_the_whole_are_withdrawn_by_command(stage: Stage) -> None:
    release_id = await out(stage, photos=2)
    why = ("--reason", "a victim is seen", "--as", "Nino")
    done = await command(stage, "withdraw", release_id, "--photo", "3", *why)
    assert (done.returncode, "no such photo" in done.stderr) == (1, True)
    done = await command(stage, "withdraw", release_id, "--photo", "2", *why)
    assert done.returncode == 0, done.stderr
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.proposed is not None
    assert len(standing.proposed.content.media) == 1
    done = await command(stage, "withdraw", release_id, *why)
    assert done.returncode == 0, done.stderr
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.proposed is not None
    decided = stage.parts.office.approvals.decide
    await decided(stage.people[EDITOR].id, Decision.APPROVE, release_id, 3, standing.proposed.content_hash)
    assert (await stage.parts.office.drafts.get(release_id)).state is ReleaseState.WITHDRAWN
    assert await actions(stage, release_id, 3) == {("newsroom", "withdraw"), ("press", "withdraw")}


async def test_a_hold_and_its_lifting_need_an_editor_and_tell_those_who_have_it(stage: Stage) -> None:
    release_id = await out(stage)
    done = await command(stage, "hold", release_id, "--as", "Nino")
    assert (done.returncode, "editor" in done.stderr) == (1, True)
    done = await command(stage, "hold", release_id, "--as", "Giorgi")
    assert (done.returncode, "is on hold" in done.stdout) == (0, True), done.stderr
    assert ("press", "hold") in await actions(stage, release_id, 2)
    await tell(stage, "UPDATE deliveries SET state = 'sent'")
    done = await command(stage, "lift", release_id, "--as", "Giorgi")
    assert (done.returncode, "is lifted" in done.stdout) == (0, True), done.stderr
    assert ("press", "lift") in await actions(stage, release_id, 3)


async def test_wrong_words_are_told(stage: Stage, tmp_path: Path) -> None:
    done = await command(stage, "correct", "nonsense", str(tmp_path / "none.md"), "--words", "no")
    assert (done.returncode, "LANGUAGE=TEXT" in done.stderr) == (2, True)
    done = await command(stage, "withdraw", "nonsense", "--reason", "x", "--as", "Nino")
    assert (done.returncode, "nonsense" in done.stderr) == (1, True)
