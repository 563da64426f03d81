"""Alarms at the desk: said once, said again, answered by a button or elsewhere, and closed with the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from distributor.demo.stage import ADMINISTRATOR, AUTHOR, DESK_CHAT, EDITOR
from tests.bot.people import Desk, open_desk


class Time:
    """The present, which a test may move."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """UTC."""
        return datetime.now(UTC) + self.ahead


@pytest_asyncio.fixture
async def timed(tmp_path: Path) -> AsyncIterator[tuple[Desk, Time]]:
    """A desk whose clock is in the test's hand."""
    time = Time()
    desk = await open_desk(tmp_path, clock=time)
    yield desk, time
    await desk.stage.stop()


def said(desk: Desk) -> list[dict[str, Any]]:
    """The bot's messages at the desk about the channel that is unwell."""
    return [m for m in desk.telegram.messages(DESK_CHAT) if "does not work" in (m.get("text") or "")]


async def raised(desk: Desk, **options: Any) -> None:
    """An alarm about the Telegram channel."""
    params = {"channel": "telegram", "problems": "no answer"}
    await desk.office.alarms.raise_alarm("channel_unwell", "channel:telegram", "unwell:1", params, **options)


async def test_an_alarm_is_said_once_and_its_button_closes_it(desk: Desk) -> None:
    await raised(desk)
    message = await desk.reads(DESK_CHAT, "Telegram does not work: no answer", button="l:")
    assert (await desk.press(AUTHOR, message, "l:"))["show_alert"]
    await desk.press(EDITOR, message, "l:")
    closed = await desk.reads(DESK_CHAT, "Seen: Giorgi")
    assert closed["message_id"] == message["message_id"]
    assert not closed["buttons"]
    assert len(said(desk)) == 1
    assert [line["data"]["code"] for line in await desk.refusals()] == ["not_editor"]


async def test_it_is_said_again_until_somebody_answers_elsewhere(timed: tuple[Desk, Time]) -> None:
    desk, time = timed
    await raised(desk, chase=timedelta(minutes=10))
    first = await desk.reads(DESK_CHAT, "does not work", button="l:")
    while (await desk.office.alarms.open())[0].message_id is None:  # noqa: ASYNC110  # the desk has sent it, and keeps it
        await asyncio.sleep(0.02)
    time.ahead = timedelta(minutes=11)
    second = await desk.reads(DESK_CHAT, "said 2 times", button="l:")
    assert second["message_id"] != first["message_id"]
    (alarm,) = await desk.office.alarms.open("channel_unwell")
    await desk.office.alarms.resolve(alarm.id, desk.person(ADMINISTRATOR), "seen")
    closed = await desk.reads(DESK_CHAT, "Seen: Tamar")
    assert closed["message_id"] == second["message_id"]
    assert [bool(message["buttons"]) for message in said(desk)] == [False, False]
