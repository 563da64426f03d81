"""What the tests of the website do with a release that is out: correct, withdraw, hold, lift, and wait for the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from distributor.core.approval import Decision
from distributor.core.release import Action, Notice
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, EDITOR, Stage
from distributor.office.drafts import Submitted

Row = dict[str, Any]


async def correct(stage: Stage, release_id: str, words: Mapping[str, str] | None = None, **content: Any) -> None:
    """A correction by the author, approved by the editor."""
    office, author = stage.parts.office, stage.people[AUTHOR]
    await office.aftercare.begin_correction(release_id, author)
    notice = Notice(Action.CORRECT, dict(words or {}))
    await office.drafts.change(release_id, author, notice=notice, **content)
    await approve(stage, await office.drafts.submit(release_id, author))


async def withdraw(stage: Stage, release_id: str, words: Mapping[str, str] | None = None) -> None:
    """A withdrawal proposed by the author, approved by the editor."""
    person = stage.people[AUTHOR]
    await approve(stage, await stage.parts.office.aftercare.withdraw(release_id, person, "wrong person", words))


async def withdraw_photo(stage: Stage, release_id: str, place: int) -> None:
    """One photo goes, the release stays."""
    found = await stage.parts.office.drafts.get(release_id)
    gone = [found.draft.media[place].asset.digest]
    made = await stage.parts.office.aftercare.withdraw_media(release_id, stage.people[AUTHOR], gone, "a bystander")
    await approve(stage, made)


async def approve(stage: Stage, made: Submitted) -> None:
    """What lies before a second person is approved."""
    office, release = stage.parts.office, made.release
    number = release.proposed or release.revision
    await office.approvals.decide(stage.people[EDITOR].id, Decision.APPROVE, release.id, number, made.content_hash)


async def decide(stage: Stage, release_id: str, decision: Decision) -> None:
    """Hold or resume."""
    office = stage.parts.office
    standing = await office.reading.standing(release_id)
    assert standing.revision is not None
    seen = (release_id, standing.release.revision, standing.revision.content_hash)
    await office.approvals.decide(stage.people[ADMINISTRATOR].id, decision, *seen, "checking")


async def page_when(stage: Stage, release_id: str, wanted: Callable[[Row], bool]) -> Row:
    """Wait until the release's page is as wanted."""
    row: Row | None = None
    for _ in range(500):
        row = await stage.parts.pages.by_id(release_id)
        if row is not None and wanted(row):
            return row
        await asyncio.sleep(0.02)
    raise AssertionError(f"the page did not become so: {row}")


def at_revision(number: int) -> Callable[[Row], bool]:
    """The page shows this revision, or what it says."""
    return lambda row: bool(row["revision"] == number)
