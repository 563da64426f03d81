"""The desk survives: restarts, a Telegram that throttles or refuses, cases, paused lanes, the webhook's door."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from distributor.bot import Desk as Bot
from distributor.bot.memory import Memory
from distributor.core.release import ReleaseState
from distributor.demo.stage import ADMINISTRATOR, AUTHOR, CHANNEL_CHAT, DESK_CHAT, EDITOR
from tests.bot.people import TEXT, Desk, data_of, ended, open_desk


async def restarted(desk: Desk) -> None:
    """The service stops, and another process begins where it was."""
    await desk.stage.stop_service()
    await desk.stage.start_service()


async def test_a_restart_in_the_midst_of_a_question_loses_nothing(desk: Desk, photos: list[bytes]) -> None:
    card, release = await desk.draft(photos=photos[:1])
    await desk.press(AUTHOR, card, f"a:{release.id}:media")
    await desk.reads(AUTHOR, "Photo or video 1 of 1", button="q:skip")
    await desk.stage.stop_service()
    await desk.say(AUTHOR, "A fire engine")  # written while nobody listens
    await desk.stage.start_service()
    await desk.reads(AUTHOR, "Who made it", button="q:skip")
    found = await desk.office.drafts.get(release.id)
    assert found.draft.media[0].alt == {"en": "A fire engine"}


async def test_a_restart_between_submission_and_approval_keeps_the_buttons(desk: Desk) -> None:
    card, release = await desk.submitted()
    await restarted(desk)
    answer = await desk.press(EDITOR, card, "d:")
    assert "Approved" in answer["text"]
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    shown = await desk.reads(DESK_CHAT, "✅ distributed")
    assert shown["message_id"] == card["message_id"]


async def test_a_release_submitted_elsewhere_gets_its_card_too(desk: Desk) -> None:
    _, release = await desk.draft()
    await desk.stage.service.desk.stop()
    await desk.office.drafts.submit(release.id, desk.person(AUTHOR))  # by the command line, say
    await restarted(desk)
    await desk.reads(DESK_CHAT, "Fire put out", button="d:")


async def test_an_album_whose_process_died_before_its_last_part_is_made_after_the_restart(
    desk: Desk, photos: list[bytes]
) -> None:
    await desk.telegram.send_photos(AUTHOR, photos[:3], TEXT)
    await desk.stage.stop_service()
    await desk.stage.start_service()
    await desk.reads(AUTHOR, "Fire put out", button="a:")
    (release,) = await desk.mine()
    assert len(release.draft.media) == 3


async def test_a_throttled_card_is_waited_for_and_sent_once(desk: Desk) -> None:
    desk.stage.sandbox.faults.order("telegram", "sendMessage", "429", retry_after=1, chat_id=DESK_CHAT)
    await desk.submitted()
    cards = [message for message in desk.telegram.messages(DESK_CHAT) if data_of(message, "d:")]
    assert len(cards) == 1


async def test_polling_goes_on_after_telegram_was_away(desk: Desk) -> None:
    desk.stage.sandbox.faults.order("telegram", "getUpdates", "html", times=2)
    await desk.draft()


async def test_an_error_in_one_press_is_told_plainly_and_the_next_is_handled(desk: Desk, photos: list[bytes]) -> None:
    card, release = await desk.draft(photos=photos[:1])
    desk.stage.sandbox.faults.order("telegram", "sendPhoto", "html")
    await desk.press(AUTHOR, card, f"a:{release.id}:media")
    told = await desk.reads(AUTHOR, "something went wrong")
    assert "Traceback" not in told["text"]
    await desk.press(AUTHOR, card, f"a:{release.id}:media")
    await desk.reads(AUTHOR, "Photo or video 1 of 1", button="q:skip")


async def test_an_update_of_an_unknown_shape_stops_nothing(desk: Desk) -> None:
    bot: Bot = desk.stage.service.desk
    await bot.accept({"update_id": 8, "message": {"message_id": "?"}})
    await desk.draft()


async def test_a_file_that_telegram_fails_to_hand_over_is_named_and_the_words_are_kept(
    desk: Desk, photos: list[bytes]
) -> None:
    desk.stage.sandbox.faults.order("telegram", "file.download", "error", status=500)
    await desk.telegram.send_photos(AUTHOR, photos[:1], TEXT)
    told = await desk.reads(AUTHOR, "could not be fetched")
    assert "photo-1.jpg" in told["text"]
    await desk.reads(AUTHOR, "Fire put out", button="a:")


async def test_an_update_handled_again_after_a_crash_makes_no_second_draft(desk: Desk) -> None:
    await desk.draft()
    person = desk.person(AUTHOR)
    memory = Memory(desk.office.context)
    await memory.remember(AUTHOR, person.id, {})  # the crash came before the draft was noted
    await desk.say(AUTHOR, TEXT)
    await ended_update(desk)
    assert len(await desk.mine()) == 1


async def ended_update(desk: Desk) -> None:
    """Wait until everything received is handled."""
    await desk.say(AUTHOR, "/mine")
    await desk.reads(AUTHOR, "Your newest releases")


async def test_the_webhook_is_named_to_telegram_with_its_secret(tmp_path: Path) -> None:
    changes = {
        "telegram.mode": "webhook",
        "web.hook_secret": "hook-secret-0123456789abcdef",
        "office.base_url": "https://news.example.ge",
    }
    desk = await open_desk(tmp_path, changes=changes)
    try:
        queue = desk.telegram.updates.queues[desk.telegram.default_bot.id]
        async with asyncio.timeout(5):
            while not queue.url:
                await desk.telegram.record.changed.wait(0.05)
        assert queue.url.endswith("/hooks/telegram")
        assert queue.secret == "hook-secret-0123456789abcdef"
        assert queue.allowed == ["message", "callback_query"]
    finally:
        desk.telegram.updates.set_webhook(desk.telegram.default_bot, "", "", None, False)
        await desk.stage.stop()


async def test_a_case_is_asked_once_and_ended_by_a_persons_press(desk: Desk) -> None:
    card, release = await desk.submitted()
    desk.stage.sandbox.faults.order("telegram", "sendMessage", "reset_after", chat_id=CHANNEL_CHAT)
    await desk.press(EDITOR, card, "d:")
    case = await desk.reads(DESK_CHAT, "Was it published", button="c:")
    assert "Telegram" in case["text"]
    assert data_of(case, "It is there")
    answer = await desk.press(AUTHOR, case, "c:")
    assert "editor" in answer["text"]
    await desk.press(EDITOR, case, "It is there")
    await desk.reads(DESK_CHAT, "confirmed by Giorgi")
    await ended(desk, release.id, lambda row: row.state is ReleaseState.DISTRIBUTED)
    assert len(desk.telegram.messages(CHANNEL_CHAT)) == 1
    asked = [m for m in desk.telegram.messages(DESK_CHAT) if "Was it published" in (m.get("text") or "")]
    assert len(asked) == 1


async def test_a_paused_lane_alerts_the_desk_once_and_resumes_by_its_button(desk: Desk) -> None:
    await desk.office.operations.pause("newsroom", desk.person(ADMINISTRATOR), "key refused")
    alert = await desk.reads(DESK_CHAT, "A channel is paused", button="o:")
    assert "distributor channels resume newsroom" in alert["text"]
    assert (await desk.press(EDITOR, alert, "o:"))["show_alert"]
    await desk.press(ADMINISTRATOR, alert, "o:")
    await desk.reads(DESK_CHAT, "works again")
    assert not (await desk.office.operations.lanes())["newsroom"].paused
    alerts = [m for m in desk.telegram.messages(DESK_CHAT) if "A channel is paused" in (m.get("text") or "")]
    assert len(alerts) == 1


async def test_f30_the_webhooks_door_takes_an_update_once_and_refuses_what_is_none(desk: Desk) -> None:
    bot: Bot = desk.stage.service.desk
    person = desk.telegram.world.people[AUTHOR].to_json()
    message = {"message_id": 900, "date": 1, "chat": {"id": AUTHOR, "type": "private"}, "from": person, "text": TEXT}
    update: dict[str, Any] = {"update_id": 7, "message": message}
    for _ in range(3):
        await bot.accept(update)
    await desk.reads(AUTHOR, "Fire put out", button="a:")
    assert len(await desk.mine()) == 1
    for wrong in ({}, {"update_id": "7"}, {"update_id": True}, {"update_id": -7}):
        with pytest.raises(ValueError, match="number"):
            await bot.accept(wrong)
