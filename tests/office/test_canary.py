"""The canary: a channel that is unwell is told once, a token's end several days before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distributor import locale
from distributor.demo import Stage
from distributor.demo.stage import EDITOR
from distributor.office.alarm_words import sentence
from distributor.storage.alarms import Alarm
from tests.office.test_watching import Time

HOUR = timedelta(hours=1)


@pytest.fixture
async def time() -> Time:
    """The present, in the test's hand."""
    return Time()


@pytest.fixture
async def stage(tmp_path: Path, time: Time) -> AsyncIterator[Stage]:
    """Channels, and nobody at work. The token of the Facebook page ends in 20 days, as the settings say."""
    ends = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    changes = {"channels.facebook.token_expires": ends}
    made = Stage(tmp_path / "stage", roles=frozenset(), changes=changes, clock=time)
    await made.start()
    yield made
    await made.stop()


async def look(stage: Stage, time: Time) -> list[Alarm]:
    """An hour later."""
    time.ahead += HOUR
    await stage.parts.office.canary.look(HOUR, again=0.0)
    return await stage.parts.office.alarms.open()


async def test_channels_that_are_well_say_nothing_and_are_asked_only_when_it_is_time(stage: Stage, time: Time) -> None:
    assert await look(stage, time) == []
    calls = len(stage.sandbox.record.calls)
    await stage.parts.office.canary.look(HOUR)
    assert len(stage.sandbox.record.calls) == calls


async def test_a_channel_that_is_unwell_is_told_once_and_again_only_after_it_was_well(stage: Stage, time: Time) -> None:
    stage.sandbox.facebook.revoked = True
    (alarm,) = await look(stage, time)
    assert (alarm.kind, alarm.subject) == ("channel_unwell", "channel:facebook")
    assert "session has been invalidated" in alarm.params["problems"]
    assert [one.id for one in await look(stage, time)] == [alarm.id]
    await stage.parts.office.alarms.resolve(alarm.id, stage.people[EDITOR], "seen")
    assert await look(stage, time) == []
    stage.sandbox.facebook.revoked = False
    assert await look(stage, time) == []
    stage.sandbox.facebook.revoked = True
    (again,) = await look(stage, time)
    assert again.key != alarm.key
    stage.sandbox.facebook.revoked = False
    assert await look(stage, time) == [], "what is well again closes its alarm"


async def test_one_failure_is_the_networks_and_is_not_told(stage: Stage, time: Time) -> None:
    stage.sandbox.faults.order("facebook", "me.get", "error", status=503)
    assert await look(stage, time) == []


async def test_a_tokens_end_is_told_14_7_3_and_1_days_before(stage: Stage, time: Time) -> None:
    for _ in range(22):
        time.ahead += timedelta(days=1) - HOUR
        assert len(await look(stage, time)) <= 1, "the newest one only"
    keys = [key async for key in raised(stage)]
    assert [key.rpartition(":")[2] for key in keys] == ["14", "7", "3", "1"]


async def test_an_end_that_only_the_platform_knows_is_told_with_what_ends(stage: Stage, time: Time) -> None:
    stage.sandbox.facebook.token.data_access_expires_at = int((time() + timedelta(days=6)).timestamp())
    (alarm,) = await look(stage, time)
    assert (alarm.kind, alarm.params["cause"], alarm.params["days"]) == ("token_expires", "access", 5)
    context = stage.parts.office.context
    assert sentence(alarm, context, "en").startswith("Facebook: the app’s access to data expires on ")
    assert "წვდომას ვადა გასდის" in sentence(alarm, context, "ka")
    stage.sandbox.facebook.token.data_access_expires_at = 0
    assert await look(stage, time) == [], "what was renewed closes its alarm"


async def raised(stage: Stage) -> AsyncIterator[str]:
    """The keys of all alarms about tokens, in order."""
    async for line in stage.parts.office.auditing.export():
        if line.get("kind") == "alarm.raised" and line["data"]["kind"] == "token_expires":
            yield line["data"]["key"]


@pytest.mark.parametrize("language", locale.LANGUAGES)
async def test_an_alarm_that_was_raised_before_there_were_causes_still_reads_as_a_sentence(
    stage: Stage, language: str
) -> None:
    params = {"channel": "facebook", "days": 5, "when": "2026-03-05T12:00:00+00:00"}
    await stage.parts.office.alarms.raise_alarm("token_expires", "channel:facebook", "token:facebook", params)
    (alarm,) = await stage.parts.office.alarms.open()
    says = sentence(alarm, stage.parts.office.context, language)
    assert locale.texts(language).get("alarm.token_expires.token") in says
    assert "alarm." not in says


async def test_an_alarm_that_lacks_a_parameter_shows_the_rest_of_its_sentence(stage: Stage) -> None:
    params = {"channel": "facebook", "cause": "from_the_future"}
    await stage.parts.office.alarms.raise_alarm("token_expires", "channel:facebook", "token:facebook", params)
    (alarm,) = await stage.parts.office.alarms.open()
    assert "… expires on …, in … d. Renew" in sentence(alarm, stage.parts.office.context, "en")


async def test_a_worker_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distributor.app.service.PATROL_SECONDS", 0.05)
    ends = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    made = Stage(tmp_path / "stage", roles=frozenset({"worker"}), changes={"channels.x.token_expires": ends})
    await made.start()
    try:
        for _ in range(100):
            if found := await made.parts.office.alarms.open():
                break
            await asyncio.sleep(0.05)
        assert [(alarm.kind, alarm.params["channel"], alarm.params["days"]) for alarm in found] == [
            ("token_expires", "x", 2)
        ]
    finally:
        await made.stop()
