"""Fault 20 after a publication: of corrections, withdrawals, holds and embargoes too nothing goes twice when an old
backup was restored."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from distributor.core.approval import Decision
from distributor.core.channel import Action
from distributor.core.release import LanguageVersion, Notice
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, EDITOR
from distributor.office.drafts import Submitted
from tests.faults.backup import Backup
from tests.faults.engine import decide, sound
from tests.faults.test_restored import CHANNELS, work
from tests.queue.acts import TEXT, all_in, approve, until, write

FIXED = LanguageVersion("ka", TEXT.title, TEXT.lead, TEXT.body.replace("ორი", "სამი"))
WHAT = Notice(Action.CORRECT, {"ka": "ტურისტი სამი იყო"})
TRUSTED = "wire@agency.example"


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x", "facebook", "x_after", "facebook_after"):
        monkeypatch.setattr(f"distributor.adapters.{name}.SETTLES", timedelta(seconds=1))


async def second(stage: Stage, proposed: Submitted) -> None:
    """The editor approves what would follow."""
    release, person = proposed.release, stage.people[EDITOR].id
    decide_ = stage.parts.office.approvals.decide
    await decide_(person, Decision.APPROVE, release.id, release.proposed, proposed.content_hash)


async def proposed(stage: Stage, release_id: str) -> Submitted:
    """A correction that waits for its approval."""
    office, author = stage.parts.office, stage.people[AUTHOR]
    await office.aftercare.begin_correction(release_id, author)
    await office.drafts.change(release_id, author, versions=(FIXED,), notice=WHAT)
    return await office.drafts.submit(release_id, author)


async def withdrawn(stage: Stage, release_id: str) -> None:
    """Withdrawn by two people."""
    author = stage.people[AUTHOR]
    await second(stage, await stage.parts.office.aftercare.withdraw(release_id, author, "wrong", {"ka": "მცდარი იყო"}))


async def published(stage: Stage, *channels: str) -> str:
    """A release that is out everywhere; the stage has no worker afterwards."""
    release_id = await write(stage, channels=channels)
    await approve(stage, release_id)
    await work(stage)
    await until(stage, all_in("sent"), release_id)
    await stage.stop_service()
    await stage.start_service()
    return release_id


async def undone(stage: Stage, config: pytest.Config, wanted: int) -> None:
    """A backup is taken, a worker sends what waits until `wanted` deliveries are sent, the backup comes back."""
    await stage.stop_service()
    backup = Backup(stage.settings.storage.url.get_secret_value(), config)
    await backup.take()
    await stage.start_service()
    await work(stage)
    await until(stage, lambda found: [row["state"] for row in found].count("sent") == wanted)
    await stage.stop_service()
    await backup.restore()
    await stage.start_service()


def posted(stage: Stage) -> dict[str, int]:
    """How many posts and mails the platforms ever got."""
    box = stage.sandbox
    telegram = [one for one in box.effects("telegram", chat_id=CHANNEL_CHAT) if one.kind not in ("edit", "delete")]
    return {name: len(box.effects(name, kind="post")) for name in ("x", "facebook")} | {
        "telegram": len(telegram),
        "press": len(box.mail.messages),
    }


def of(found: list[dict[str, Any]], revision: int) -> list[dict[str, Any]]:
    return [row for row in found if row["revision"] == revision]


async def test_f20_a_correction_is_edited_again_and_its_posts_are_looked_for(
    idle: Stage, request: pytest.FixtureRequest
) -> None:
    release_id = await published(idle, *CHANNELS)
    await second(idle, await proposed(idle, release_id))
    await undone(idle, request.config, 14)
    before = posted(idle)
    assert before == {"x": 2, "facebook": 1, "telegram": 1, "press": 6}
    done = await idle.parts.office.restoring.recover()
    assert (done.doubt.unknown, done.doubt.cases) == (6, 0)
    await work(idle)
    found = of(await until(idle, all_in("sent", "case"), release_id, 20), 2)
    assert {(row["channel"], row["state"]) for row in found} == {
        ("newsroom", "sent"),
        ("x", "sent"),  # the answer was found in the timeline
        ("facebook", "sent"),  # edited once more
        ("telegram", "sent"),  # edited once more
        ("press", "case"),
    }
    assert posted(idle) == before
    (receipt,) = [row["receipt"] for row in found if row["channel"] == "x"]
    assert len(set(receipt["remote_ids"])) == len(receipt["remote_ids"]) == 2
    await withdrawn(idle, release_id)
    await until(idle, all_in("sent", "case"), release_id, 20)
    assert idle.sandbox.x.timeline() == []
    await sound(idle)


async def test_f20_a_withdrawal_is_made_again_and_nobody_is_asked(idle: Stage, request: pytest.FixtureRequest) -> None:
    release_id = await published(idle, "x", "facebook", "telegram")
    await withdrawn(idle, release_id)
    await undone(idle, request.config, 6)
    plan = await idle.parts.office.restoring.recover()
    assert (plan.doubt.unknown, plan.doubt.cases) == (3, 0)
    await work(idle)
    found = await until(idle, all_in("sent"), release_id, 20)
    assert {row["channel"] for row in of(found, 2)} == {"x", "facebook", "telegram"}
    assert posted(idle)["telegram"] == 1
    await sound(idle)


async def test_f20_the_recovery_names_proposals_whose_approval_may_be_lost(
    idle: Stage, request: pytest.FixtureRequest
) -> None:
    release_id = await published(idle, "newsroom")
    waits = await proposed(idle, release_id)
    await idle.stop_service()
    backup = Backup(idle.settings.storage.url.get_secret_value(), request.config)
    await backup.take()
    await idle.start_service()
    await second(idle, waits)
    await idle.stop_service()
    await backup.restore()
    await idle.start_service()
    assert (await idle.parts.office.restoring.plan()).submitted == [release_id]


async def test_f20_a_trusted_reader_had_an_embargoed_release_and_is_not_sent_it_twice(
    idle: Stage, request: pytest.FixtureRequest
) -> None:
    await idle.parts.office.subscriptions.add("press", TRUSTED, None, language="ka", trusted=True)
    release_id = await write(idle, channels=("press", "x"), embargo=datetime.now(UTC) + timedelta(hours=1))
    await approve(idle, release_id)
    await undone(idle, request.config, 1)
    plan = await idle.parts.office.restoring.recover()
    assert plan.doubt.unknown == 1
    await work(idle)
    found = await until(idle, lambda found: "case" in [row["state"] for row in found], release_id)
    await asyncio.sleep(0.3)
    assert [row["address"] for row in found if row["state"] == "case"] == [TRUSTED]
    assert {row["state"] for row in found if row["address"] != TRUSTED} == {"queued"}
    assert posted(idle) == {"x": 0, "facebook": 0, "telegram": 0, "press": 1}


async def test_f20_a_hold_during_an_embargo_may_have_been_told(idle: Stage, request: pytest.FixtureRequest) -> None:
    await idle.parts.office.subscriptions.add("press", TRUSTED, None, language="ka", trusted=True)
    release_id = await write(idle, channels=("press",), embargo=datetime.now(UTC) + timedelta(hours=1))
    await approve(idle, release_id)
    await work(idle)
    await until(idle, lambda found: "sent" in [row["state"] for row in found], release_id)
    await idle.stop_service()
    await idle.start_service()
    await decide(idle, release_id, Decision.HOLD)
    await undone(idle, request.config, 2)
    assert len(idle.sandbox.mail.messages) == 2
    plan = await idle.parts.office.restoring.recover()
    assert plan.doubt.unknown == 1
    await work(idle)
    found = await until(idle, lambda found: "case" in [row["state"] for row in found], release_id)
    assert [(row["action"], row["address"]) for row in found if row["state"] == "case"] == [("hold", TRUSTED)]
    assert len(idle.sandbox.mail.messages) == 2
