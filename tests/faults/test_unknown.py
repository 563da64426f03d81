"""Faults 4, 6, 42, 43, 44, 45: what nobody can know is a state of its own, and a person or a look ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from distributor.core.release import LanguageVersion
from distributor.demo import Stage
from distributor.demo.stage import EDITOR
from tests.faults.engine import count_events, lane_of, seen, sound, tries
from tests.queue.acts import all_in, approve, one, rows, until, write

POSTED: dict[str, Any] = {"chat_id": -100300}


async def lost_answer(stage: Stage, effect: bool, **content: Any) -> tuple[str, int]:
    """A Telegram post of which the answer was lost, at the desk; release and delivery."""
    stage.sandbox.faults.order("telegram", "sendMessage", "reset_after", effect=effect)
    release_id = await write(stage, channels=("telegram",), **content)
    await approve(stage, release_id)
    row = one(await until(stage, all_in("case"), release_id), "telegram")
    return release_id, row["id"]


async def test_f04_no_answer_after_the_request_was_written_is_a_case_and_no_second_call(stage: Stage) -> None:
    heard: list[str] = []

    async def hear(_topic: str, subject: str) -> None:
        heard.append(subject)

    stage.parts.events.listen(frozenset({"case"}), hear)
    _, delivery = await lost_answer(stage, effect=True)
    told = [(outcome, looked) for outcome, _, looked, _ in await tries(stage, delivery)]
    assert told == [("unknown", False), ("cannot_tell", True)]
    assert stage.sandbox.calls("telegram", "sendMessage") == 1
    await seen(lambda: heard == [str(delivery)])
    (case,) = await stage.parts.office.operations.open_cases()
    assert case["delivery_id"] == delivery
    await sound(stage)


async def test_f04_it_is_there_ends_the_case_as_sent(stage: Stage) -> None:
    release_id, delivery = await lost_answer(stage, effect=True)
    buttons = await stage.parts.office.operations.case_buttons(delivery)
    await stage.parts.office.operations.press_case(buttons.there, EDITOR)
    await until(stage, all_in("sent"), release_id)
    await asyncio.sleep(0.2)
    assert len(stage.sandbox.effects("telegram", **POSTED)) == 1
    standing = await stage.parts.office.reading.standing(release_id)
    assert standing.release.state.value == "distributed"
    await sound(stage)


async def test_f04_it_is_not_there_sends_it_once_more(stage: Stage) -> None:
    release_id, delivery = await lost_answer(stage, effect=False)
    buttons = await stage.parts.office.operations.case_buttons(delivery)
    await stage.parts.office.operations.press_case(buttons.not_there, EDITOR)
    await until(stage, all_in("sent"), release_id)
    await asyncio.sleep(0.2)
    assert stage.sandbox.calls("telegram", "sendMessage") == 2
    assert len(stage.sandbox.effects("telegram", **POSTED)) == 1
    await sound(stage)


@pytest.mark.parametrize("there", [True, False])
async def test_f04_a_case_over_the_second_message_never_repeats_the_first(stage: Stage, there: bool) -> None:
    stage.sandbox.faults.order("telegram", "sendMessage", "reset_after", effect=there)
    long = LanguageVersion("ka", "გრძელი", "შესავალი.", "სიტყვა და სიტყვა. " * 120)
    release_id = await write(stage, photos=1, channels=("telegram",), versions=(long,))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("case"), release_id), "telegram")
    assert row["step"] == "part:1"
    assert [effect.kind for effect in stage.sandbox.effects("telegram", **POSTED)].count("message") == 1 + there
    await stage.parts.office.operations.resolve(row["id"], there, stage.people[EDITOR])
    await until(stage, all_in("sent"), release_id)
    assert [effect.kind for effect in stage.sandbox.effects("telegram", **POSTED)].count("message") == 2


async def test_f06_x_says_duplicate_after_a_time_out_the_timeline_decides(stage: Stage) -> None:
    stage.sandbox.faults.order("x", "tweets.create", "reset_after")
    release_id = await write(stage, channels=("x",))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("sent"), release_id), "x")
    assert row["code"] == "reconciled"
    assert stage.sandbox.calls("x", "tweets.create") == 1
    assert [told[0] for told in await tries(stage, row["id"])] == ["unknown", "sent"]


@pytest.mark.parametrize("kind", ["wrong_type", "empty", "no_id"])
async def test_f42_an_answer_of_200_without_sense_is_unknown_never_sent(stage: Stage, kind: str) -> None:
    stage.sandbox.faults.order("telegram", "sendMessage", kind)
    stage.sandbox.faults.order("x", "tweets.create", kind)
    release_id = await write(stage, channels=("telegram", "x"))
    await approve(stage, release_id)
    found = await until(stage, lambda got: {row["state"] for row in got} == {"case", "sent"}, release_id)
    assert one(found, "telegram")["state"] == "case"
    for channel in ("telegram", "x"):
        first = (await tries(stage, one(found, channel)["id"]))[0]
        assert first[0] == "unknown", channel
        assert len(stage.sandbox.effects(channel)) == 1, channel


async def test_f43_an_album_posted_in_part_is_a_case_never_a_repeat(stage: Stage) -> None:
    stage.sandbox.faults.order("telegram", "sendMediaGroup", "partial_album", posted=2)
    release_id = await write(stage, photos=3, channels=("telegram",))
    await approve(stage, release_id)
    row = one(await until(stage, all_in("case"), release_id), "telegram")
    await asyncio.sleep(0.2)
    assert stage.sandbox.calls("telegram", "sendMediaGroup") == 1
    assert (await tries(stage, row["id"]))[0][:2] == ("unknown", "album_failed")


async def test_f44_some_recipients_refused_each_has_its_own_outcome(stage: Stage) -> None:
    refused, later = "desk@kakheti-radio.example", "editors@caucasus-wire.example"
    stage.sandbox.faults.order("smtp", "smtp.rcpt", "smtp_error", times=None, code=550, text="no such", address=refused)
    stage.sandbox.faults.order("smtp", "smtp.rcpt", "smtp_error", code=451, text="greylisted", address=later)
    lane_of(stage, "press")
    release_id = await write(stage, channels=("press",))
    await approve(stage, release_id)
    found = await until(stage, all_in("sent", "rejected"), release_id)
    states = {row["address"]: (row["state"], row["attempts"]) for row in found}
    assert states == {
        "news@tbilisi-daily.example": ("sent", 1),
        refused: ("rejected", 1),
        later: ("sent", 2),
    }
    assert len(stage.sandbox.mail.messages) == 2
    assert await count_events(stage, "destination.suspended") == 1
    again = await write(stage, channels=("press",))
    assert await approve(stage, again) == 2  # the refused address gets nothing more


async def test_f45_connection_lost_after_the_final_dot_is_unknown_for_that_recipient_only(stage: Stage) -> None:
    address = "desk@kakheti-radio.example"
    stage.sandbox.faults.order("smtp", "smtp.data", "reset_after", address=address)
    release_id = await write(stage, channels=("press",))
    await approve(stage, release_id)
    found = await until(stage, all_in("sent", "case"), release_id)
    assert {row["address"] for row in found if row["state"] == "case"} == {address}
    assert len(stage.sandbox.mail.messages) == 3
    assert len(await rows(stage, release_id)) == 3
