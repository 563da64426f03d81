"""An embargo through the whole service: trusted readers have the marked mail before it ends, nobody else anything."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from distributor.core.approval import Decision
from distributor.core.release import LanguageVersion, ReleaseState
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, EDITOR
from distributor.office.drafts import Submitted
from tests.faults.conftest import MakeStage
from tests.faults.engine import sound
from tests.queue.acts import TEXT, approve, rows, until, write

TRUSTED, OTHER = "wire@agency.example", "editor@paper.example"
# Well below what the watch of the clock takes for a jump: this test lets time pass, it does not break the clock.
SOON = timedelta(seconds=40)
CHANNELS = {"channels.x": None, "channels.facebook": None, "channels.telegram": None}


@dataclass
class Time:
    """The present, which the test lets pass faster."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """UTC."""
        return datetime.now(UTC) + self.ahead


async def add(stage: Stage, address: str, *, trusted: bool = False) -> None:
    """A reader of all releases in Georgian."""
    await stage.parts.office.subscriptions.add("press", address, None, language="ka", trusted=trusted)


@pytest.fixture
async def time() -> Time:
    return Time()


@pytest.fixture
async def stage(make_stage: MakeStage, time: Time) -> Stage:
    """With a worker, a press list of two readers, one of them trusted, and time in hand."""
    made = await make_stage(changed=CHANNELS, clock=time)
    for row in await made.parts.office.subscriptions.everyone("press"):
        await made.parts.office.subscriptions.unsubscribe(row["token"])
    await add(made, TRUSTED, trusted=True)
    await add(made, OTHER)
    return made


def mails(stage: Stage, address: str) -> list[str]:
    """The subjects that a reader got."""
    return [str(mail.message["Subject"]) for mail in stage.sandbox.mail.messages if address in mail.rcpt]


async def second_yes(stage: Stage, proposed: Submitted) -> None:
    """The editor approves what would follow."""
    release, person = proposed.release, stage.people[EDITOR].id
    decide = stage.parts.office.approvals.decide
    await decide(person, Decision.APPROVE, release.id, release.proposed, proposed.content_hash)


async def distributed(stage: Stage, release_id: str) -> None:
    """Wait until nothing of it is under way."""
    for _ in range(750):
        if (await stage.parts.office.reading.standing(release_id)).release.state is ReleaseState.DISTRIBUTED:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the release was not distributed")


async def test_a_trusted_reader_has_the_marked_mail_at_once_and_the_other_one_when_it_ends(
    stage: Stage, time: Time
) -> None:
    release_id = await write(stage, channels=("press", "newsroom"), embargo=time() + SOON)
    assert await approve(stage, release_id) == 3
    await until(stage, lambda found: any(row["state"] == "sent" for row in found), release_id)
    assert [(row["state"], row["address"]) for row in await rows(stage, release_id) if row["state"] == "sent"] == [
        ("sent", TRUSTED)
    ]
    (subject,) = mails(stage, TRUSTED)
    assert subject.startswith("ემბარგო ")
    assert subject.endswith(f"-მდე: {TEXT.title}")
    date = stage.sandbox.mail.messages[0].message["Date"].datetime
    assert date <= time()
    await asyncio.sleep(0.3)
    assert mails(stage, OTHER) == []
    assert await stage.parts.pages.by_id(release_id) is None
    time.ahead += SOON
    await until(stage, lambda found: all(row["state"] == "sent" for row in found), release_id)
    assert (len(mails(stage, TRUSTED)), len(mails(stage, OTHER))) == (1, 1)
    assert await stage.parts.pages.by_id(release_id) is not None
    await sound(stage)


async def test_a_withdrawal_before_the_end_reaches_the_trusted_reader_and_nobody_else(stage: Stage, time: Time) -> None:
    release_id = await write(stage, channels=("press",), embargo=time() + SOON)
    await approve(stage, release_id)
    await until(stage, lambda found: any(row["state"] == "sent" for row in found), release_id)
    office = stage.parts.office
    words = {"ka": "მონაცემი მცდარია."}
    await second_yes(stage, await office.aftercare.withdraw(release_id, stage.people[AUTHOR], "it is wrong", words))
    await until(stage, lambda found: all(row["state"] in ("sent", "cancelled") for row in found), release_id)
    time.ahead += SOON
    await asyncio.sleep(0.3)
    assert mails(stage, OTHER) == []
    first, last = mails(stage, TRUSTED)
    assert last.startswith("გამოთხოვილია – არ გამოიყენოთ: ემბარგო ")
    publication, withdrawal = (mail.message for mail in stage.sandbox.mail.messages)
    assert publication["Subject"] == first
    assert withdrawal["In-Reply-To"] == publication["Message-ID"]
    await sound(stage)


async def test_a_correction_in_the_service_is_labelled_threaded_and_acknowledged(stage: Stage) -> None:
    release_id = await write(stage, channels=("press",))
    await approve(stage, release_id)
    await distributed(stage, release_id)
    office, author = stage.parts.office, stage.people[AUTHOR]
    await office.aftercare.begin_correction(release_id, author)
    changed = LanguageVersion("ka", TEXT.title, TEXT.lead, "სწორი ტექსტი.")
    await office.drafts.change(release_id, author, versions=(changed,))
    await second_yes(stage, await office.drafts.submit(release_id, author))
    await until(stage, lambda found: len(found) == 4 and all(row["state"] == "sent" for row in found), release_id)
    for address in (TRUSTED, OTHER):
        assert mails(stage, address) == [TEXT.title, f"შესწორება: {TEXT.title}"]
        first, second = (mail.message for mail in stage.sandbox.mail.messages if address in mail.rcpt)
        assert second["In-Reply-To"] == first["Message-ID"]
    tokens = [row["token"] for row in await office.subscriptions.everyone("press") if row["address"] == OTHER]
    assert await office.acknowledging.acknowledge(tokens[0], release_id, 2)
    assert await office.acknowledging.counts(release_id) == {2: 1}
    await sound(stage)
