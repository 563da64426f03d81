"""Bytes sent are the bytes approved: also those of photos and videos, which a rendering only names by their digest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from distributor.core.approval import Decision
from distributor.core.asset import Altered
from distributor.core.release import Action, Notice
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, EDITOR
from distributor.media.samples import sample_photos
from tests.faults.conftest import MakeStage
from tests.faults.engine import working
from tests.queue.acts import TEXT, all_in, approve, rows, until, write

CHANNELS = ("telegram", "x", "facebook", "press", "newsroom")
OTHER = sample_photos(3)[2][1]


def files(stage: Stage) -> list[Path]:
    """Everything in the media store."""
    folder = stage.parts.media.store.root
    return [path for path in folder.rglob("*") if path.is_file() and len(path.name) == 64]


async def approved(stage: Stage) -> str:
    """A release with photos that waits for a worker."""
    release_id = await write(stage, channels=CHANNELS, photos=2)
    await approve(stage, release_id)
    return release_id


@pytest.mark.parametrize("same_size", [True, False])
async def test_a_photo_that_was_exchanged_after_the_approval_is_sent_nowhere(idle: Stage, same_size: bool) -> None:
    release_id = await approved(idle)
    for path in files(idle):
        size = path.stat().st_size
        path.chmod(0o600)
        path.write_bytes((OTHER + bytes(size))[:size] if same_size else OTHER)
    async with working(idle):
        found = await until(idle, all_in("rejected"), release_id)
    assert {(row["channel"], row["code"]) for row in found} == {(name, "bytes_changed") for name in CHANNELS}
    assert all("not the one that was approved; nothing was sent" in row["reason"] for row in found)
    box = idle.sandbox
    assert (box.telegram.messages(CHANNEL_CHAT), box.x.timeline(), list(box.mail.messages)) == ([], [], [])
    assert box.facebook.page.standing() == []


async def test_a_photo_that_is_gone_is_named_and_nothing_is_sent_without_it(idle: Stage) -> None:
    release_id = await approved(idle)
    for path in files(idle):
        path.unlink()
    async with working(idle):
        found = await until(idle, all_in("rejected"), release_id)
    assert {row["code"] for row in found} == {"media_missing"}


async def test_a_photo_that_is_exchanged_on_a_published_page_is_not_served(make_stage: MakeStage) -> None:
    stage = await make_stage(frozenset({"worker", "web"}))
    release_id = await approved(stage)
    await until(stage, all_in("sent"), release_id)
    page = await stage.parts.pages.by_id(release_id)
    assert page is not None
    address = stage.parts.office.context.base_url + page["page"]["languages"]["ka"]["media"][0]["download"]["path"]
    path = stage.parts.media.store.place(address.split("/")[-1].partition(".")[0])
    async with aiohttp.ClientSession() as session:
        assert (await session.get(address)).status == 200
        path.chmod(0o600)
        path.write_bytes(OTHER)
        assert (await session.get(address)).status == 404
    with pytest.raises(Altered):
        stage.parts.media.open(path.name)
    assert {row["state"] for row in await rows(stage)} == {"sent"}


async def test_a_file_that_cannot_be_read_for_a_while_is_tried_again_and_nobody_is_asked(idle: Stage) -> None:
    release_id = await approved(idle)
    kept = {path: path.read_bytes() for path in files(idle)}
    for path in kept:
        path.unlink()
        path.symlink_to(path)  # the file system answers with an error that says nothing of the file
    async with working(idle):
        found = await until(idle, lambda rows: all(row["code"] == "media_unreadable" for row in rows), release_id)
        assert {row["state"] for row in found} <= {"waiting", "sending"}
        for path, content in kept.items():
            path.unlink()
            path.write_bytes(content)
        await until(idle, all_in("sent"), release_id, 25)


async def test_a_wrong_word_is_corrected_though_an_old_photo_is_gone(idle: Stage) -> None:
    release_id = await approved(idle)
    async with working(idle):
        await until(idle, all_in("sent"), release_id)
    office, author = idle.parts.office, idle.people[AUTHOR]
    await office.aftercare.begin_correction(release_id, author)
    fixed = replace(TEXT, body=f"{TEXT.body}\n\nდაზუსტდა.")
    await office.drafts.change(release_id, author, versions=(fixed,), notice=Notice(Action.CORRECT, {"ka": "დაზუსტდა"}))
    made = await office.drafts.submit(release_id, author)
    number = made.release.decided_over
    await office.approvals.decide(idle.people[EDITOR].id, Decision.APPROVE, release_id, number, made.content_hash)
    for path in files(idle):
        path.unlink()
    async with working(idle):
        ended = ("sent", "rejected")
        found = await until(idle, lambda rows: all(row["state"] in ended for row in rows), release_id, 25)
    states = {row["channel"]: row["state"] for row in found if row["revision"] == number}
    # A mail carries its picture itself, and is not sent without it; whatever stands is edited.
    assert states == {"telegram": "sent", "x": "sent", "facebook": "sent", "newsroom": "sent", "press": "rejected"}


async def test_who_submits_a_photo_that_is_gone_is_told_to_send_it_again(idle: Stage) -> None:
    release_id = await write(idle, channels=("x",), photos=1)
    for path in files(idle):
        path.unlink()
    found = (await idle.parts.office.drafts.preflight(release_id)).preflight
    assert found.blocked
    assert "media.gone" in {problem.code for problem in found.problems}
