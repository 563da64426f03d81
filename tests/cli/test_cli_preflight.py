"""`distributor preflight` and `submit --override`, as an author at a shell uses them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer

from distributor.cli.preflight import KEY, override, wanted_overrides
from distributor.core.refusal import Refused
from distributor.core.release import Kind, LanguageVersion, ReleaseState
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR
from tests.cli.test_operating import command

RELEASE = """+++
kind = "news"
channels = ["newsroom"]
language = "en"
title = "A man was found"
lead = "He is well."
+++
His personal number is 01001012345. See http://10.0.0.1/map.
"""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """An office without a worker; commands run beside it."""
    made = Stage(tmp_path / "stage", roles=frozenset(), changes={"preflight.allow_private_links": False})
    await made.start()
    yield made
    await made.stop()


def findings(shown: str) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in json.loads(shown)}


async def test_a_finding_is_listed_with_its_key_and_answered_for_at_submission(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "release.md"
    file.write_text(RELEASE, "utf-8")
    first = await command(stage, "preflight", str(file), "--json")
    assert first.returncode == 1, first.stderr
    found = findings(first.stdout)["privacy.personal_number"]
    assert (found["severity"], found["override"]) == ("blocking", "")
    assert found["finding"] == "A personal number: 01•••••••45 (body, English)."
    assert findings(first.stdout)["link_unchecked"]["params"] == {"address": "http://10.0.0.1/map", "answer": "inner"}
    assert "01001012345" not in first.stdout + first.stderr
    assert await stage.parts.office.drafts.mine(stage.people[AUTHOR]) == []

    key = found["key"]
    done = await command(stage, "submit", str(file), "--as", "Nino", "--override", f"{key}=His family asked us to")
    assert (done.returncode, "is submitted" in done.stdout) == (0, True), done.stderr
    assert "Overridden: His family asked us to" in done.stderr

    (release,) = [row for row in await stage.parts.office.drafts.mine(stage.people[AUTHOR]) if row.revision]
    assert release.state is ReleaseState.SUBMITTED
    again = await command(stage, "preflight", release.id, "--json")
    assert again.returncode == 0
    assert findings(again.stdout)["privacy.personal_number"]["override"] == "His family asked us to"


async def test_a_finding_must_be_named_by_enough_of_its_key_and_every_answer_needs_a_reason(stage: Stage) -> None:
    for wrong in ("why", "=why", "0123456789ab=", "0123456789ab= "):
        with pytest.raises(typer.BadParameter):
            wanted_overrides([wrong])
    version = LanguageVersion("en", "A man was found", "", "His personal number is 01001012345.")
    author = stage.people[AUTHOR]
    draft = await stage.parts.office.drafts.create(author, kind=Kind.NEWS, versions=(version,))
    for key in ("0" * KEY, "", "privacy.personal_number"):
        with pytest.raises(Refused, match="unknown_finding"):
            await override(stage.parts, draft.id, author, [(key, "why")])
