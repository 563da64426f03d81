"""Fault 4 with a witness: an answer of Telegram that was lost ends as sent, without a person."""

from __future__ import annotations

from typing import Any

from distributor.core.release import LanguageVersion
from distributor.sandbox.telegram import WITNESS_TOKEN
from tests.faults.conftest import MakeStage
from tests.faults.engine import sound, tries
from tests.queue.acts import all_in, approve, one, until, write

CHANGES: dict[str, Any] = {"channels.telegram.witness_token": WITNESS_TOKEN}
POSTED: dict[str, Any] = {"chat_id": -100300}


async def test_f04_with_a_witness_a_lost_answer_is_found_and_nothing_is_sent_again(make_stage: MakeStage) -> None:
    stage = await make_stage(changed=CHANGES)
    stage.sandbox.faults.order("telegram", "sendMessage", "reset_after", effect=True)
    release_id = await write(stage, channels=("telegram",))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("sent"), release_id), "telegram")
    assert row["code"] == "reconciled"
    assert len(stage.sandbox.effects("telegram", **POSTED)) == 1
    told = [(outcome, looked) for outcome, _, looked, _ in await tries(stage, row["id"])]
    assert (told[0], told[-1]) == (("unknown", False), ("sent", True))
    await sound(stage)


async def test_f04_with_a_witness_an_album_is_found_and_its_text_follows(make_stage: MakeStage) -> None:
    stage = await make_stage(changed=CHANGES)
    stage.sandbox.faults.order("telegram", "sendMediaGroup", "reset_after", effect=True)
    long = LanguageVersion("ka", "გრძელი", "შესავალი.", "სიტყვა და სიტყვა. " * 120)
    release_id = await write(stage, photos=3, channels=("telegram",), versions=(long,))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("sent"), release_id), "telegram")
    assert [effect.kind for effect in stage.sandbox.effects("telegram", **POSTED)] == ["album", "message"]
    told = [outcome for outcome, _, _, _ in await tries(stage, row["id"])]
    assert told[0] == "unknown"
    assert told[-2:] == ["absent", "sent"]  # of the text, which was never begun before
    await sound(stage)
