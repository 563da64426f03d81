"""The desk hears of what stops all channels: once, and with what to do."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from distributor.core.clock import ClockDoubt
from distributor.core.ports import EMBARGO, EVERY
from distributor.demo.stage import ADMINISTRATOR, DESK_CHAT, EDITOR
from distributor.storage.deliveries import Deliveries
from tests.bot.people import Desk


def alerts(desk: Desk) -> list[str]:
    return [m["text"] for m in desk.telegram.messages(DESK_CHAT) if "A channel is paused" in (m.get("text") or "")]


async def test_one_stop_is_one_alert_and_an_administrators_button_ends_it(desk: Desk) -> None:
    await desk.office.operations.stop(desk.person(ADMINISTRATOR), "wrong figures")
    alert = await desk.reads(DESK_CHAT, "all channels", button="o:")
    assert "wrong figures" in alert["text"]
    assert "distributor channels start" in alert["text"]
    assert (await desk.press(EDITOR, alert, "o:"))["show_alert"]
    await desk.press(ADMINISTRATOR, alert, "o:")
    await desk.reads(DESK_CHAT, "works again")
    assert EVERY not in await desk.office.operations.lanes()
    assert len(alerts(desk)) == 1


async def test_f20_a_restored_database_is_one_alert_without_a_button(desk: Desk) -> None:
    assert await desk.office.restoring.look()
    async with desk.office.context.database.transaction() as connection:
        last = "(SELECT max(seq) FROM audit_events)"
        await connection.execute(text(f"DELETE FROM audit_events WHERE seq = {last}"))  # noqa: S608  # words of ours
        await connection.commit()
    for _ in range(2):
        assert not await desk.office.restoring.look()
    alert = await desk.reads(DESK_CHAT, "distributor recover")
    assert not alert.get("reply_markup", {}).get("inline_keyboard")
    await desk.office.restoring.recover(desk.person(ADMINISTRATOR))
    await desk.reads(DESK_CHAT, "works again")
    assert len(alerts(desk)) == 1


async def test_closed_embargoes_are_an_alert_unless_the_clocks_alarm_speaks_of_them(desk: Desk) -> None:
    operations, boss = desk.office.operations, desk.person(ADMINISTRATOR)
    await operations.pause(EMBARGO, boss, "we wait for the ministry")
    alert = await desk.reads(DESK_CHAT, "every embargo", button="o:")
    assert "channels resume '*embargo'" in alert["text"]
    await desk.press(ADMINISTRATOR, alert, "o:")
    await desk.reads(DESK_CHAT, "works again")
    store, now = Deliveries(desk.office.context.database, ""), desk.office.context.clock()
    await store.doubt_clock(ClockDoubt("jumped", timedelta(days=1)), "w", now)
    alarm = await desk.reads(DESK_CHAT, "It jumped ahead at once: 1 day", button="l:")
    await desk.press(ADMINISTRATOR, alarm, "Leave closed")
    await desk.reads(DESK_CHAT, "left closed by", button="o:")
    assert len(alerts(desk)) == 2
