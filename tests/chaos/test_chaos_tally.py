"""The reckoning itself, over a real office and a real sandbox: what is doubled, lost, strange or open is seen."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from distributor.demo import Stage
from distributor.demo.stage import CHANNEL_CHAT, SUBSCRIBERS
from distributor.sandbox.telegram import DESK_TOKEN
from tests.chaos import desk as people
from tests.chaos.desk import Desk
from tests.chaos.plan import OWN_CHANNELS, Writing
from tests.chaos.tally import Tally, Watch
from tests.queue.acts import all_in, until

WRITING = Writing(0.0, 1, (*OWN_CHANNELS, "press"), photo=True, long=True)
PROMISED = len(OWN_CHANNELS) + len(SUBSCRIBERS)


class Brought:
    """A release on a stage, and the watch over it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.effects = stage.sandbox.record.effects
        self.desk = Desk(stage)
        self.watch = Watch(stage, self.desk.released)

    async def bring(self, *states: str) -> None:
        """Write, approve, and wait until every delivery is in one of the states."""
        await self.desk.prepare()
        await self.desk.bring_out(WRITING)
        await until(self.stage, all_in("sent", *states), seconds=30)

    async def tally(self, promised: int = PROMISED) -> Tally:
        """Count now."""
        return await self.watch.tally(promised)

    def posts(self) -> list[int]:
        """Where the channel's messages stand among the effects."""
        return [place for place, one in enumerate(self.effects) if one.details.get("chat_id") == CHANNEL_CHAT]


@pytest.fixture
async def brought(tmp_path: Path) -> AsyncIterator[Brought]:
    stage = Stage(tmp_path / "stage", roles=frozenset({"worker"}))
    await stage.start()
    yield Brought(stage)
    await stage.stop()


async def test_what_came_once_is_sound(brought: Brought) -> None:
    await brought.bring()
    tally = await brought.tally()
    assert len(brought.posts()) == 2  # a photo, and the whole text
    assert tally.findings == []
    assert tally.sound
    assert tally.line() == f"chaos: deliveries {PROMISED}, kills 0, lost 0, doubled 0, ambiguous 0"


async def test_a_mail_and_a_post_that_came_twice_are_seen(brought: Brought) -> None:
    await brought.bring()
    box = brought.stage.sandbox
    mail = box.mail.messages[0]
    await _send_again(box.smtp_host, box.smtp_port, mail.mail_from, mail.rcpt[0], mail.raw)
    words = brought.effects[brought.posts()[1]]["text"]
    async with aiohttp.ClientSession() as session:
        call = f"{box.telegram.api_url}/bot{DESK_TOKEN}/sendMessage"
        answer = await session.post(call, json={"chat_id": CHANNEL_CHAT, "text": words})
        assert answer.status == 200
    tally = await brought.tally()
    assert (tally.count("doubled"), tally.count("lost"), tally.sound) == (2, 0, False)
    assert {finding.words.partition(" ")[0] for finding in tally.findings} == {"press", "telegram"}
    for finding in tally.findings:
        assert "outcome sent" in (await brought.watch.history(finding.delivery or 0))[-1]


async def _send_again(host: str, port: int, sender: str, reader: str, raw: bytes) -> None:
    def send() -> None:
        with smtplib.SMTP(host, port) as relay:
            relay.sendmail(sender, [reader], raw)

    await asyncio.to_thread(send)


async def test_what_is_not_there_is_seen(brought: Brought) -> None:
    await brought.bring()
    gone = [next(place for place, one in enumerate(brought.effects) if one.platform == "x"), brought.posts()[1]]
    brought.effects[:] = [one for place, one in enumerate(brought.effects) if place not in gone]
    tally = await brought.tally()
    assert (tally.count("lost"), tally.count("doubled"), tally.sound) == (2, 0, False)
    assert {finding.words.partition(" ")[0] for finding in tally.findings} == {"x", "telegram"}


async def test_parts_in_another_order_and_effects_that_nobody_promised_are_seen(brought: Brought) -> None:
    await brought.bring()
    first, second = brought.posts()
    brought.effects[first], brought.effects[second] = brought.effects[second], brought.effects[first]
    brought.stage.sandbox.record.effect("facebook", "post", text="R000099 nobody wrote this")
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
