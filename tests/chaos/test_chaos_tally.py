"""The reckoning itself, over a real office and a real sandbox: what is doubled, lost, strange or open is seen. What
follows a publication has its tests next door."""

from __future__ import annotations

import aiohttp
import pytest

from distributor.demo.stage import CHANNEL_CHAT, SUBSCRIBERS
from distributor.sandbox.telegram import DESK_TOKEN
from tests.chaos import desk as people
from tests.chaos.brought import PROMISED, Brought
from tests.queue.acts import all_in, until


async def test_what_came_once_is_sound(brought: Brought) -> None:
    await brought.bring()
    tally = await brought.tally()
    assert len(brought.chat) == 2  # a photo, and the whole text
    assert tally.findings == []
    assert tally.sound
    assert tally.line() == f"chaos: deliveries {PROMISED}, kills 0, lost 0, doubled 0, ambiguous 0"


async def test_a_mail_and_a_post_that_came_twice_are_seen(brought: Brought) -> None:
    await brought.bring()
    box = brought.stage.sandbox
    await brought.send_again(box.mail.messages[0])
    words = list(brought.chat.values())[1].text
    async with aiohttp.ClientSession() as session:
        call = f"{box.telegram.api_url}/bot{DESK_TOKEN}/sendMessage"
        answer = await session.post(call, json={"chat_id": CHANNEL_CHAT, "text": words})
        assert answer.status == 200
    tally = await brought.tally()
    assert (tally.count("doubled"), tally.count("lost"), tally.sound) == (2, 0, False)
    assert {finding.words.partition(" ")[0] for finding in tally.findings} == {"press", "telegram"}
    for finding in tally.findings:
        assert "outcome sent" in (await brought.watch.history(finding.delivery or 0))[-1]


async def test_what_is_not_there_is_seen(brought: Brought) -> None:
    await brought.bring()
    brought.stage.sandbox.x.posts.all[0].deleted = True
    brought.chat.popitem()
    tally = await brought.tally()
    assert (tally.count("lost"), tally.count("doubled"), tally.sound) == (2, 0, False)
    assert {finding.words.partition(" ")[0] for finding in tally.findings} == {"x", "telegram"}


async def test_parts_in_another_order_and_effects_that_nobody_promised_are_seen(brought: Brought) -> None:
    await brought.bring()
    first, second = brought.chat
    brought.chat[first], brought.chat[second] = brought.chat[second], brought.chat[first]
    brought.stage.sandbox.facebook.page.add_post({"message": "R000099 nobody wrote this"})
    tally = await brought.tally(PROMISED + 1)
    assert sorted(finding.words.rpartition(";")[2].strip() for finding in tally.findings) == [
        "('facebook', 'R000099'): 1 effects that nobody promised",
        f"{PROMISED + 1} deliveries were approved, {PROMISED} exist",
        "its parts came in another order",
    ]


async def test_an_open_case_is_lost_until_a_person_has_looked_and_told_the_truth(
    brought: Brought, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = brought.stage.sandbox.faults
    faults.order("smtp", "smtp.data", "reset_after", address=SUBSCRIBERS[0][0])
    faults.order("smtp", "smtp.data", "hang", seconds=0.1, address=SUBSCRIBERS[1][0])
    await brought.bring("case")
    tally = await brought.tally()
    assert (tally.count("lost"), tally.ambiguous) == (2, 2)
    monkeypatch.setattr(people, "LOOKS_AFTER", 0.0)
    await brought.desk.answer_cases(brought.watch, lambda: 0.0)  # a worker is stopped: nobody answers
    assert brought.desk.answered == 0
    await brought.desk.answer_cases(brought.watch, lambda: people.QUIET_FOR)
    assert brought.desk.answered == 2
    await until(brought.stage, all_in("sent"))
    cases = await brought.watch.ask("SELECT resolution FROM cases ORDER BY resolution")
    assert [case["resolution"] for case in cases] == ["not_there", "there"]
    tally = await brought.tally()
    assert (tally.findings, tally.ambiguous, tally.sound) == ([], 2, True)


async def test_a_log_that_was_altered_is_no_sound_run(brought: Brought) -> None:
    await brought.bring()
    async with brought.stage.parts.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE attempts SET code = 'other' WHERE id = 1")
        await connection.commit()
    tally = await brought.tally()
    assert tally.findings == []
    assert "audit log" in tally.faults[0]
    assert not tally.sound
