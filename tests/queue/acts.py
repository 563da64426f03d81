"""What the tests of the engine do again and again: write, approve, wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from distributor.core.approval import Decision
from distributor.core.release import Kind, LanguageVersion, MediaItem
from distributor.demo.stage import AUTHOR, EDITOR, Stage
from distributor.media.samples import sample_photos, sample_video
from distributor.storage.reports import DeliveryFilter

TEXT = LanguageVersion("ka", "მაშველებმა ორი ტურისტი იპოვეს", "ორივე უვნებელია.", "დღეს დილით ორი ტურისტი იპოვეს.")


async def write(stage: Stage, photos: int = 0, title: str = TEXT.title, film: bool = False, **content: Any) -> str:
    """A draft by the author; its id."""
    media = []
    files = sample_photos(photos) if photos else []
    for name, raw in [*files, *([sample_video(1.0)] if film else [])]:
        asset = await stage.parts.media.ingest(raw, name)
        media.append(MediaItem(asset, {"ka": "სურათის აღწერა"}, "შსს"))
    content = {"kind": Kind.NEWS, "regions": ("GE-TB",)} | content
    version = LanguageVersion("ka", title, TEXT.lead, TEXT.body)
    made = await stage.parts.office.drafts.create(
        stage.people[AUTHOR], versions=content.pop("versions", (version,)), media=tuple(media), **content
    )
    return made.id


async def approve(stage: Stage, release_id: str) -> int:
    """Submit by the author, approve by the editor; how many deliveries were promised."""
    office = stage.parts.office
    submitted = await office.drafts.submit(release_id, stage.people[AUTHOR])
    return await office.approvals.decide(
        stage.people[EDITOR].id, Decision.APPROVE, release_id, submitted.release.revision, submitted.content_hash
    )


async def rows(stage: Stage, release_id: str = "", channel: str = "") -> list[dict[str, Any]]:
    """The delivery rows, oldest first."""
    found = await stage.parts.office.reading.deliveries(
        DeliveryFilter(release_id=release_id, channel=channel, most=500)
    )
    return list(reversed(found))


async def until(
    stage: Stage, wanted: Callable[[list[dict[str, Any]]], bool], release_id: str = "", seconds: float = 15
) -> list[dict[str, Any]]:
    """Wait until the delivery rows are as wanted; fails with what they are."""
    found: list[dict[str, Any]] = []
    for _ in range(int(seconds / 0.02)):
        found = await rows(stage, release_id)
        if wanted(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError([(row["channel"], row["state"], row["code"], row["reason"]) for row in found])


def all_in(*states: str) -> Callable[[list[dict[str, Any]]], bool]:
    """Every row is in one of the states, and there is at least one."""
    return lambda found: bool(found) and all(row["state"] in states for row in found)


def one(found: list[dict[str, Any]], channel: str) -> dict[str, Any]:
    """The only row of a channel."""
    (row,) = [row for row in found if row["channel"] == channel]
    return row
