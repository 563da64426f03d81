"""The watch over our accounts: what is not ours, what is gone, what was changed; and nothing of our own doing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from telegram import Bot

from distributor.core.approval import Decision
from distributor.core.channel import CannotRead
from distributor.demo import Stage
from distributor.demo.stage import AUTHOR, CHANNEL_CHAT, EDITOR
from distributor.office.watching import MOST
from distributor.sandbox.telegram import DESK_TOKEN, WITNESS_TOKEN
from distributor.storage.alarms import Alarm
from distributor.storage.schema import deliveries, pages
from tests.faults.engine import tell, working
from tests.queue.acts import TEXT, all_in, approve, until, write

CHANNELS = ("x", "facebook", "telegram")
EACH = pytest.mark.parametrize("channel", CHANNELS)


class Time:
    """The present, which a test may move."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """UTC."""
        return datetime.now(UTC) + self.ahead


class Office:
    """A stage without a worker of its own, and the time."""

    def __init__(self, stage: Stage, time: Time) -> None:
        self.stage = stage
        self.time = time

    async def publish(self, *channels: str, photos: int = 0) -> str:
        """A release, brought by a worker that then ends; its id."""
        release = await write(self.stage, channels=channels, photos=photos)
        await approve(self.stage, release)
        async with working(self.stage):
            await until(self.stage, all_in("sent"), release)
        return release

    async def look(self, *channels: str) -> list[Alarm]:
        """A few minutes later: the open alarms that the watch has raised."""
        self.time.ahead += timedelta(minutes=5)
        for channel in channels:
            await self.stage.parts.office.watching.look_at(channel)
        found = await self.stage.parts.office.alarms.open()
        return [alarm for alarm in found if alarm.kind != "clock"]

    async def post_as_somebody_else(self, channel: str, text: str = "Send money to this address") -> None:
        """Somebody who has the account posts."""
        box = self.stage.sandbox
        if channel == "x":
            box.x.posts.create({"text": text})
        elif channel == "facebook":
            box.facebook.page.add_post({"message": text})
        else:
            await box.telegram.say(AUTHOR, text, CHANNEL_CHAT)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Three channels that can be read back."""
    changes = {"channels.telegram.witness_token": WITNESS_TOKEN}
    time = Time()
    stage = Stage(tmp_path / "stage", roles=frozenset(), changes=changes, clock=time)
    await stage.start()
    yield Office(stage, time)
    await stage.stop()


@pytest.mark.parametrize("photos", [0, 2])
async def test_what_we_sent_raises_nothing_with_photos_or_without(office: Office, photos: int) -> None:
    await office.publish(*CHANNELS, photos=photos)
    assert await office.look(*CHANNELS) == []
    assert await office.look(*CHANNELS) == []


@EACH
async def test_a_post_that_is_not_ours_is_asked_about_once(office: Office, channel: str) -> None:
    await office.publish(channel)
    await office.post_as_somebody_else(channel)
    (alarm,) = await office.look(channel)
    assert (alarm.kind, alarm.subject, alarm.params["text"]) == (
        "foreign",
        f"channel:{channel}",
        "Send money to this address",
    )
    assert alarm.params["link"].startswith("http")
    await office.stage.parts.office.alarms.resolve(alarm.id, office.stage.people[EDITOR], "ours")
    assert await office.look(channel) == []


async def test_what_visitors_post_on_our_facebook_page_is_not_asked_about(office: Office) -> None:
    await office.publish("facebook")
    page = office.stage.sandbox.facebook.page
    page.visit("Where may I ask about my brother?")
    page.visit("Thanks to the rescuers", tags=True)
    assert await office.look("facebook") == []


async def test_a_young_post_may_be_ours_and_is_left_alone_for_a_moment(office: Office) -> None:
    await office.publish("x")
    await office.post_as_somebody_else("x")
    assert await office.stage.parts.office.watching.look_at("x") == []
    assert len(await office.look("x")) == 1


async def test_what_stood_there_before_the_service_came_is_not_foreign(office: Office) -> None:
    await office.post_as_somebody_else("x", "An old post")
    await office.post_as_somebody_else("facebook", "An old post")
    for channel in ("x", "facebook"):
        assert await office.stage.parts.office.watching.look_at(channel) == []  # nothing was ever promised there
    await asyncio.sleep(1.1)  # the platforms write whole seconds
    await office.publish("x", "facebook")
    assert await office.look("x", "facebook") == []


@pytest.mark.parametrize("channel", ["x", "facebook"])
async def test_one_of_ours_that_is_gone_is_asked_about(office: Office, channel: str) -> None:
    release = await office.publish(channel)
    box = office.stage.sandbox
    if channel == "x":
        box.x.posts.delete(box.x.posts.standing()[0].id)
    else:
        box.facebook.page.delete(box.facebook.page.standing()[0].id)
    (alarm,) = await office.look(channel)
    assert (alarm.kind, alarm.params["release"]) == ("vanished", release)
    assert len(await office.look(channel)) == 1


async def test_one_of_ours_that_was_changed_is_asked_about(office: Office) -> None:
    release = await office.publish("facebook")
    page = office.stage.sandbox.facebook.page
    page.update(page.standing()[0].id, {"message": "Something else"})
    (alarm,) = await office.look("facebook")
    assert (alarm.kind, alarm.params["text"], alarm.params["release"]) == ("changed", "Something else", release)


async def test_a_telegram_post_of_ours_that_was_edited_is_asked_about_however_old_it_is(office: Office) -> None:
    """Whoever has the bot's token, or is an administrator of the channel; the witness is told of the edit."""
    await office.publish("telegram")
    assert await office.look("telegram") == []
    office.time.ahead += timedelta(days=40)
    box = office.stage.sandbox
    (post,) = box.telegram.messages(CHANNEL_CHAT)
    async with Bot(DESK_TOKEN, base_url=f"{box.telegram.api_url}/bot") as thief:
        await thief.edit_message_text("Send money to this address", CHANNEL_CHAT, post["message_id"])
    (alarm,) = await office.look("telegram")
    assert (alarm.kind, alarm.params["title"]) == ("changed", TEXT.title)
    assert alarm.params["text"] == "Send money to this address"
    assert len(await office.look("telegram")) == 1, "once"


async def test_an_edited_caption_of_somebody_elses_old_post_is_none_of_ours(office: Office) -> None:
    await office.post_as_somebody_else("telegram", "From the time before")
    office.time.ahead += timedelta(hours=1)
    await office.publish("telegram")
    box = office.stage.sandbox
    post = box.telegram.messages(CHANNEL_CHAT)[0]
    async with Bot(DESK_TOKEN, base_url=f"{box.telegram.api_url}/bot") as bot:
        await bot.edit_message_text("From the time before, mended", CHANNEL_CHAT, post["message_id"])
    assert await office.look("telegram") == []


async def test_our_own_newsroom_is_watched_too(office: Office) -> None:
    release = await office.publish("newsroom")
    assert await office.look("newsroom") == []
    async with office.stage.parts.database.transaction() as connection:
        page = (await connection.execute(select(pages.c.page))).scalar_one()
        page["languages"]["ka"]["text"] = "Something else"
        await connection.execute(update(pages).values(page=page))
        await connection.commit()
    (alarm,) = await office.look("newsroom")
    assert (alarm.kind, alarm.params["release"]) == ("changed", release)
    await tell(office.stage, "DELETE FROM pages")
    assert [alarm.kind for alarm in await office.look("newsroom")] == ["changed", "vanished"]


async def test_our_own_correction_is_no_finding(office: Office) -> None:
    release = await office.publish("x", "facebook", "telegram", "newsroom")
    parts, people = office.stage.parts.office, office.stage.people
    await parts.aftercare.begin_correction(release, people[AUTHOR])
    corrected = replace(TEXT, body="გუშინ დილით ორი ტურისტი იპოვეს.")
    await parts.drafts.change(release, people[AUTHOR], versions=(corrected,))
    made = await parts.drafts.submit(release, people[AUTHOR])
    await parts.approvals.decide(
        people[EDITOR].id, Decision.APPROVE, release, made.release.decided_over, made.content_hash
    )
    async with working(office.stage):
        await until(office.stage, all_in("sent"), release)
    assert await office.look("x", "facebook", "telegram", "newsroom") == []


async def test_our_own_withdrawal_is_no_finding(office: Office) -> None:
    release = await office.publish("x", "facebook", "newsroom")
    parts, people = office.stage.parts.office, office.stage.people
    made = await parts.aftercare.withdraw(release, people[AUTHOR], "wrong")
    number, seen = made.release.decided_over, made.content_hash
    await parts.approvals.decide(people[EDITOR].id, Decision.APPROVE, release, number, seen)
    async with working(office.stage):
        await until(office.stage, all_in("sent"), release)
    assert await office.look("x", "facebook", "newsroom") == []


async def test_what_is_not_told_yet_is_known_by_its_words(office: Office) -> None:
    """An outcome that is unknown: the post is there, and no receipt names it."""
    office.stage.sandbox.faults.order("x", "tweets.create", "reset_after", effect=True)
    release = await write(office.stage, channels=("x",))
    await approve(office.stage, release)
    async with working(office.stage):
        await until(office.stage, lambda rows: any(row["state"] in {"unknown", "sent"} for row in rows), release)
    assert await office.look("x") == []


async def test_a_flood_is_not_poured_over_the_desk(office: Office) -> None:
    await office.publish("x")
    for number in range(MOST + 2):
        await office.post_as_somebody_else("x", f"Number {number}")
    assert len(await office.look("x")) == MOST
    assert len(await office.look("x")) == MOST + 2


async def test_an_account_that_cannot_be_read_raises_nothing_and_ends_nothing(office: Office) -> None:
    await office.publish(*CHANNELS)
    box = office.stage.sandbox.faults
    box.order("x", "users.me", "error", status=503, times=None)
    box.order("facebook", "feed.read", "error", status=503, times=None)
    box.order("telegram", "getUpdates", "error", status=500, times=None)
    for channel in CHANNELS:
        with pytest.raises(CannotRead):
            await office.stage.parts.office.watching.look_at(channel)
    every = timedelta(minutes=5)
    await office.stage.parts.office.watching.look(every, every)
    assert await office.look() == []


async def test_each_channel_has_its_turn_and_what_costs_money_only_where_it_is_wanted(office: Office) -> None:
    await office.publish("x", "facebook")
    record = office.stage.sandbox.record

    def reads(platform: str, method: str) -> int:
        return sum(call.method == method for call in record.calls if call.platform == platform)

    watching, every = office.stage.parts.office.watching, timedelta(minutes=5)
    for _ in range(2):
        await watching.look(every, timedelta())
    assert (reads("x", "users.tweets"), reads("facebook", "feed.read")) == (0, 1)
    office.time.ahead += every
    await watching.look(every, every)
    assert (reads("x", "users.tweets"), reads("facebook", "feed.read")) == (1, 2)


async def test_one_worker_of_all_that_live_reads(office: Office) -> None:
    watching = office.stage.parts.office.watching
    assert not await watching.leads("b")
    async with working(office.stage, "b"):
        assert await watching.leads("b")
        async with working(office.stage, "a"):
            assert (await watching.leads("a"), await watching.leads("b")) == (True, False)
    office.time.ahead += timedelta(minutes=2)
    assert not await watching.leads("a")  # neither gives a sign of life any more


@EACH
async def test_what_of_us_cannot_be_read_any_more_is_asked_about_and_hides_nothing_else(
    office: Office, channel: str
) -> None:
    """A rendering that is gone: nobody can say any more what was approved."""
    await office.publish(channel)
    async with office.stage.parts.database.transaction() as connection:
        await connection.execute(update(deliveries).values(rendering_id=10**9))
        await connection.commit()
    await office.post_as_somebody_else(channel)
    found = await office.look(channel)
    assert [alarm.kind for alarm in found] == ["foreign", "foreign"]
    assert "Send money to this address" in [alarm.params["text"] for alarm in found]
