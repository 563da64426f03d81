"""An appeal for a missing person is never hours late: without a deadline of its own it has a short one, and it asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from distributor import locale
from distributor.core.ports import Wish
from distributor.core.release import Kind
from distributor.core.rendering import Problem, Severity
from distributor.office.operations import NEW_DEADLINE
from distributor.storage.deliveries import Deliveries
from tests.office.press_office import ADMINISTRATOR, EDITOR, START, PressOffice

SOON = timedelta(hours=2)


async def deadlines(office: PressOffice, release_id: str) -> dict[str, Any]:
    return {row["channel"]: row["deadline"] for row in await office.rows(release_id)}


async def test_an_appeal_without_a_deadline_has_two_hours_whatever_a_channel_allows(office: PressOffice) -> None:
    office.seat("telegram", deadline=timedelta(hours=83))
    release_id = await office.approved(kind=Kind.APPEAL)
    assert await deadlines(office, release_id) == {"website": START + SOON, "telegram": START + SOON}


async def test_the_two_hours_run_from_its_time_and_no_channel_that_allows_less_is_lengthened(
    office: PressOffice,
) -> None:
    office.seat("telegram", deadline=timedelta(minutes=30))
    at = START + timedelta(hours=5)
    release_id = await office.approved(kind=Kind.APPEAL, at=at)
    assert await deadlines(office, release_id) == {"website": at + SOON, "telegram": at + timedelta(minutes=30)}


async def test_an_appeal_with_a_deadline_keeps_it_and_news_keeps_its_channels(office: PressOffice) -> None:
    office.seat("telegram", deadline=timedelta(hours=83))
    mine = START + timedelta(hours=8)
    assert set((await deadlines(office, await office.approved(kind=Kind.APPEAL, deadline=mine))).values()) == {mine}
    news = await office.approved(kind=Kind.NEWS)
    assert await deadlines(office, news) == {"website": None, "telegram": START + timedelta(hours=83)}


async def test_the_office_says_how_long(office: PressOffice) -> None:
    office.reopen(appeal_deadline=timedelta(minutes=45))
    release_id = await office.approved(kind=Kind.APPEAL)
    assert set((await deadlines(office, release_id)).values()) == {START + timedelta(minutes=45)}


@pytest.mark.parametrize("way", ["the alarm's button", "one", "all"])
async def test_sent_all_the_same_it_has_as_long_again_and_others_a_day(office: PressOffice, way: str) -> None:
    appeal = await office.approved(kind=Kind.APPEAL)
    news = await office.approved(kind=Kind.NEWS, deadline=START + timedelta(hours=1))
    office.wait(hours=3)
    store = Deliveries(office.database, "")
    for name in ("website", "telegram"):
        assert (await store.claim(Wish(name, 10), "w", office.now, 30.0)).claimed == ()
    operations, boss = office.office.operations, office.people[ADMINISTRATOR]
    if way == "all":
        await operations.retry_all(boss)
    elif way == "one":
        await operations.retry([row["id"] for row in await office.rows()], boss)
    else:
        for alarm in await office.office.alarms.open():
            await office.office.alarms.resolve(alarm.id, office.people[EDITOR], "send")
    assert set((await deadlines(office, appeal)).values()) == {office.now + SOON}
    assert set((await deadlines(office, news)).values()) == {office.now + NEW_DEADLINE}


async def test_preflight_says_so(office: PressOffice) -> None:
    note = "note appeal_deadline"
    assert (await office.problems(kind=Kind.APPEAL))[note] == [{"minutes": "120"}]
    assert note not in await office.problems(kind=Kind.APPEAL, deadline=START + timedelta(hours=1))
    assert note not in await office.problems(kind=Kind.NEWS)


@pytest.mark.parametrize("language", ["ka", "en"])
def test_the_note_says_how_long(language: str) -> None:
    assert "120" in locale.problem_text(Problem(Severity.NOTE, "appeal_deadline", {"minutes": "120"}), language)
