"""`distributor templates`, as real processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from distributor.cli.submission import BadFile, parse
from distributor.cli.template_file import parse_template
from distributor.core.gaps import Gap, GapType
from distributor.core.release import Status
from distributor.core.template import Template, Wording
from distributor.core.warning import Category, Gravity
from distributor.demo import Stage
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, EDITOR
from distributor.storage import templates
from tests.cli.test_commands import run

SAMPLE = Path(__file__).resolve().parents[2] / "config" / "templates" / "flood.toml"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """An office without a worker; commands run beside it."""
    made = Stage(tmp_path / "stage", roles=frozenset())
    await made.start()
    yield made
    await made.stop()


async def command(stage: Stage, *words: str) -> CompletedProcess[str]:
    done = await asyncio.to_thread(run, stage.folder, "--config", str(stage.settings_file), "templates", *words)
    assert "Traceback" not in done.stderr
    return done


async def test_a_template_is_added_approved_listed_and_retired(stage: Stage) -> None:
    done = await command(stage, "add", str(SAMPLE), "--as", "Nino")
    assert (done.returncode, "flood@1 waits for two people" in done.stdout) == (0, True), done.stderr
    await stage.parts.office.templates.approve("flood", stage.people[EDITOR])
    done = await command(stage, "approve", "flood", "--as", "Tamar")
    assert (done.returncode, "at the desk" in done.stderr) == (1, True)
    use = stage.parts.office.templates
    (row,) = await use.waiting()
    await use.press(await use.button(row), ADMINISTRATOR)
    (listed,) = json.loads((await command(stage, "list", "--json")).stdout)
    assert (listed["template"], listed["state"]) == ("flood@1", "in use")
    assert listed["approved_by"] == ["Giorgi", "Tamar"]
    assert (await command(stage, "retire", "flood", "--as", "Giorgi")).returncode == 0
    assert await use.usable() == []


async def test_a_template_that_no_editor_can_send_alone_is_listed_as_such(stage: Stage) -> None:
    """Approved before free words had to stand beside the template's own."""
    loose = Template("loose", (Wording("en", "{text}", "{text}"),), (Gap("text", GapType.LINE),), lasts_minutes=60)
    use = stage.parts.office.templates
    async with stage.parts.database.transaction() as connection:
        row = await templates.add(connection, loose, stage.people[AUTHOR].id, datetime.now(UTC))
        await connection.commit()
    for who in (EDITOR, ADMINISTRATOR):
        await use.press(await use.button(row), who)
    (listed,) = json.loads((await command(stage, "list", "--json")).stdout)
    assert listed["state"] == "in use, but not by one editor alone: add a new version"
    assert listed["free_words"] == [
        "en: title is mostly gaps: 0 own words beside {text}, which takes any words; 1 are needed",
        "en: event must be the template's own words alone, and {text} takes any words",
    ]


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ('name = "flood"', "", "name: Field required"),
        ('"Severe"', '"Terrible"', "severity"),
        ('type = "choice"', 'type = "chance"', "gaps.level.type"),
        ('expires = "until"', 'lasts = "soon"', "lasts: must be"),
        ('name = "flood"', 'name = "flood', "flood.toml"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(tmp_path: Path, was: str, becomes: str, told: str) -> None:
    file = tmp_path / "flood.toml"
    file.write_text(SAMPLE.read_text("utf-8").replace(was, becomes, 1), "utf-8")
    with pytest.raises(BadFile) as caught:
        parse_template(file)
    assert any(told in problem for problem in caught.value.problems), caught.value.problems


def test_the_front_matter_of_a_submission_names_the_warning_and_the_status(tmp_path: Path) -> None:
    file = tmp_path / "alert.md"
    warning = '[warning]\ncategories = ["Met"]\nseverity = "Severe"\nexpires = 2026-03-05T18:00:00+04:00\n'
    front = f'kind = "emergency"\nstatus = "exercise"\ntitle = "Flood"\n{warning}'
    file.write_text(f"+++\n{front}+++\nLeave.\n", "utf-8")
    content = parse(file).content
    assert content["status"] is Status.EXERCISE
    assert (content["warning"].categories, content["warning"].severity) == ((Category.MET,), Gravity.SEVERE)
    assert content["warning"].expires.isoformat() == "2026-03-05T14:00:00+00:00"
    file.write_text(f"+++\n{front.replace('Severe', 'Bad')}+++\nLeave.\n", "utf-8")
    with pytest.raises(BadFile, match=r"warning\.severity"):
        parse(file)
