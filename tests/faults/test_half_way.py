"""What follows something that ended half-way: what was proved absent is not taken for what may stand, and what a
correction changed before it was refused or cancelled is not forgotten."""

from __future__ import annotations

from distributor.core.delivery import FINAL
from distributor.demo import Stage
from distributor.demo.stage import CHANNEL_CHAT, EDITOR, SUBSCRIBERS
from tests.faults.engine import sound
from tests.faults.test_aftercare import FIXED, correct, telegram, withdraw
from tests.queue.acts import TEXT, all_in, approve, rows, until, write

ENDED = [state.value for state in FINAL]
READER = SUBSCRIBERS[0][0]


async def test_what_a_person_did_not_find_is_followed_by_the_new_version_and_by_no_notice(stage: Stage) -> None:
    """The first version reached neither the channel nor one reader, as a person says after the correction was approved.
    Both get the new one; the reader is told of no correction, and the withdrawal leaves no notice behind."""
    operations = stage.parts.office.operations
    faults = stage.sandbox.faults
    faults.order("telegram", "sendMessage", "reset_after", effect=False)
    faults.order("smtp", "smtp.data", "hang", seconds=0.1, address=READER)
    release_id = await write(stage, channels=("telegram", "press"))
    await approve(stage, release_id)
    found = await until(stage, all_in("case", "sent"), release_id)
    cases = [row["id"] for row in found if row["state"] == "case"]
    assert len(cases) == 2
    for lane in ("telegram", "press"):
        await operations.pause(lane, None)
    await correct(stage, release_id)
    for case in cases:
        await operations.resolve(case, False, stage.people[EDITOR])
    for lane in ("telegram", "press"):
        await operations.resume(lane, None)
    found = await until(stage, all_in(*ENDED), release_id)
    assert {row["state"] for row in found if row["id"] in cases} == {"cancelled"}
    assert [mail.message["Subject"] for mail in stage.sandbox.mail.to(READER)] == [FIXED.title]
    assert len(telegram(stage)) == 1
    await withdraw(stage, release_id)
    await until(stage, lambda found: all_in(*ENDED)(found) and any(row["revision"] == 3 for row in found), release_id)
    assert telegram(stage) == []
    assert len(stage.sandbox.mail.to(READER)) == 2
    await sound(stage)


async def test_a_withdrawal_takes_away_what_a_refused_correction_has_posted(stage: Stage) -> None:
    """Nobody knows the numbers of two photos that a person confirmed. One of them has to go and cannot; the labelled
    correction stands beside it. The withdrawal deletes that one and says that the release was withdrawn."""
    stage.sandbox.faults.order("telegram", "sendMediaGroup", "reset_after", effect=True)
    release_id = await write(stage, photos=2, channels=("telegram",))
    await approve(stage, release_id)
    (case,) = await until(stage, all_in("case"), release_id)
    await stage.parts.office.operations.resolve(case["id"], True, stage.people[EDITOR])
    release = await stage.parts.office.drafts.get(release_id)
    await withdraw(stage, release_id, release.draft.media[1].asset.digest)
    found = await until(stage, lambda found: found[-1]["state"] == "rejected", release_id)
    assert found[-1]["code"] == "still_visible"
    assert len(stage.sandbox.telegram.messages(CHANNEL_CHAT)) == 3
    await withdraw(stage, release_id)
    await until(stage, lambda found: found[-1]["revision"] == 3 and all_in(*ENDED)(found), release_id)
    shown = telegram(stage)
    assert len(shown) == 3
    assert sum("გამოთხოვილია" in words for words in shown) == 1
    assert "შესწორებულია" not in "".join(shown)
    assert TEXT.title in shown[0]  # out of reach
    assert (await rows(stage, release_id))[-1]["state"] == "sent"
    await sound(stage)
