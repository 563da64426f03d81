"""Subscribers of a channel of webhooks: which addresses are taken, and who may see a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.adapters.webhook import WAITS
from distributor.app import lane_of
from distributor.core.refusal import Refused
from distributor.demo import Stage
from distributor.demo.stage import ADMINISTRATOR, AUTHOR
from distributor.locale import refusal_text
from distributor.sandbox.telegram import DESK_TOKEN

ADDRESS = "https://cms.radio.example/hooks/press"
HOOKS = {"channels.hooks.adapter": "webhook", "channels.hooks.secret": "a-channel-secret-by-chance-0123456789"}

BULLETIN = {"channels.bulletin.adapter": "telegram", "channels.bulletin.token": DESK_TOKEN}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path, roles=frozenset(), changes=HOOKS | BULLETIN)
    await made.start()
    yield made
    await made.stop()


REFUSED = [
    ("hooks", "news@radio.example", "endpoint_scheme"),
    ("hooks", "http://radio.example/", "endpoint_scheme"),
    ("hooks", "https://user:word@radio.example/", "endpoint_form"),
    ("hooks", "https://radio.example:8443/", "endpoint_port"),
    ("hooks", "https://[::1]/", "endpoint_private"),
    ("press", ADDRESS, "bad_address"),
    ("telegram", ADDRESS, "no_subscribers_here"),
    ("bulletin", ADDRESS, "endpoint_chat"),
    ("bulletin", "somebody@news.example", "endpoint_chat"),
]


async def test_an_address_must_be_one_of_its_channel(stage: Stage) -> None:
    for channel, address, code in REFUSED:
        with pytest.raises(Refused) as refused:
            await stage.parts.office.subscriptions.add(channel, address, None)
        assert refused.value.code == code
        assert all(code not in refusal_text(refused.value, language) for language in ("ka", "en"))


@pytest.mark.parametrize("address", ["501", "-1001234567890", "@radio_desk"])
async def test_a_chat_may_subscribe_to_a_telegram_list(stage: Stage, address: str) -> None:
    subscriptions = stage.parts.office.subscriptions
    await subscriptions.add("bulletin", address, None, label="Radio", trusted=True)
    (found,) = await subscriptions.everyone("bulletin")
    assert (found["address"], found["label"]) == (address, "Radio")
    with pytest.raises(Refused) as refused:
        await subscriptions.secret("bulletin", address, None)
    assert refused.value.code == "no_such_endpoint"


async def test_each_endpoint_has_a_key_of_its_own_and_showing_it_is_logged(stage: Stage) -> None:
    subscriptions = stage.parts.office.subscriptions
    for address in (ADDRESS, "https://other.example/"):
        await subscriptions.add("hooks", address, stage.people[ADMINISTRATOR])
    first = await subscriptions.secret("hooks", ADDRESS, stage.people[ADMINISTRATOR])
    assert first.startswith("whsec_")
    assert first == await subscriptions.secret("hooks", ADDRESS, None)
    assert first != await subscriptions.secret("hooks", "https://other.example/", None)
    events = [line async for line in stage.parts.office.auditing.export()]
    shown = [event for event in events if event.get("kind") == "subscriber.secret_shown"]
    assert len(shown) == 3
    assert first not in str(events)
    for channel, address, person, code in (
        ("hooks", ADDRESS, AUTHOR, "not_administrator"),
        ("hooks", "https://nobody.example/", ADMINISTRATOR, "no_such_endpoint"),
        ("press", "news@tbilisi-daily.example", ADMINISTRATOR, "no_such_endpoint"),
    ):
        with pytest.raises(Refused) as refused:
            await subscriptions.secret(channel, address, stage.people[person])
        assert refused.value.code == code


async def test_the_lane_has_the_schedule_of_its_channel_and_time_for_it(stage: Stage) -> None:
    lanes = {
        name: lane_of(name, stage.settings.channels[name], stage.parts.channels[name], stage.parts.media)
        for name in ("hooks", "press")
    }
    assert [lane.policy.most_attempts for lane in lanes.values()] == [10, 100]
    seats = stage.parts.office.context.seats
    assert seats["hooks"].deadline is not None
    assert seats["hooks"].deadline > timedelta(seconds=sum(WAITS))
    assert seats["press"].deadline == timedelta(hours=24)
