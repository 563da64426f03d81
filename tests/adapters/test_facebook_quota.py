"""What Facebook's usage headers say is left, over real HTTP: slow down before the block, rest where it is reached."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from distributor.adapters.facebook import Facebook, FacebookSettings
from distributor.adapters.facebook_quota import Usage
from distributor.core.channel import Allowance, Channel
from distributor.core.outcome import Deferred, Rejected, Sent
from distributor.sandbox import Sandbox
from tests.adapters.support import Desk, Recorder

NOW = datetime(2026, 11, 5, 12, 0, 10, tzinfo=UTC)
APP, BUSINESS = "X-App-Usage", "X-Business-Use-Case-Usage"


@pytest_asyncio.fixture
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """A desk whose minute has just begun: calls are counted out by the minute."""
    made = Desk.at(folder)
    made.time.pass_by(60 - made.time().timestamp() % 60)
    yield made
    await made.aclose()


@asynccontextmanager
async def opened(desk: Desk) -> AsyncIterator[tuple[Sandbox, Facebook]]:
    """A sandbox with Facebook's limits, on the desk's clock, and the adapter before it."""
    async with Sandbox(limits=True, clock=lambda: desk.time().timestamp()) as sandbox:
        accounts = sandbox.accounts
        facts = {
            "api_url": sandbox.facebook.api_url,
            "page": accounts.facebook_page,
            "token": accounts.facebook_token,
        }
        page = Facebook("facebook", FacebookSettings.model_validate(facts), desk.surroundings)
        try:
            yield sandbox, page
        finally:
            await page.aclose()


@pytest_asyncio.fixture
async def pair(desk: Desk) -> AsyncIterator[tuple[Sandbox, Facebook]]:
    async with opened(desk) as made:
        yield made


Pair = tuple[Sandbox, Facebook]


async def post(desk: Desk, page: Facebook, title: str, **release: int) -> object:
    """Prepare and publish one release; the outcome that ended it."""
    job = await desk.claimed(page, title=title, **release)
    progress = Recorder()
    return await page.prepare(job, progress) or await page.publish(job, progress)


def left(channel: Channel) -> Allowance:
    """What is left, of a channel that knows."""
    allowance = channel.allowance()
    assert allowance is not None
    return allowance


def seconds(desk: Desk, allowance: Allowance) -> float:
    """From now to the allowance's end."""
    return (allowance.until - desk.time()).total_seconds()


def used_up_to(sandbox: Sandbox, calls: int) -> None:
    """Others have made so many calls of the page's hundred an hour."""
    sandbox.facebook.limit(100)
    for _ in range(calls):
        assert sandbox.facebook.counts.take()


async def test_nothing_is_said_before_the_first_answer_nor_below_80_percent(pair: Pair, desk: Desk) -> None:
    sandbox, page = pair
    assert page.allowance() is None
    used_up_to(sandbox, 78)
    assert isinstance(await post(desk, page, "ერთი"), Sent)
    assert page.allowance() is None


@pytest.mark.parametrize(("before", "calls"), [(79, 2), (84, 1), (89, 0), (93, 0)])
async def test_from_80_percent_on_a_few_calls_a_minute_are_left(
    pair: Pair, desk: Desk, before: int, calls: int
) -> None:
    """3 a minute from 80 percent, 2 from 85, 1 from 90; the post that was just answered is one of them."""
    sandbox, page = pair
    used_up_to(sandbox, before)
    assert isinstance(await post(desk, page, "ერთი"), Sent)
    assert left(page).calls == calls
    assert left(page).until.timestamp() % 60 == 0
    assert 0 < seconds(desk, left(page)) <= 60


async def test_the_calls_of_a_minute_are_counted_down_and_the_next_minute_has_new_ones(pair: Pair, desk: Desk) -> None:
    sandbox, page = pair
    used_up_to(sandbox, 79)
    found = []
    for number in range(4):
        assert isinstance(await post(desk, page, f"სათაური {number}"), Sent)
        found.append(left(page))
    assert [one.calls for one in found] == [2, 1, 0, 0]
    assert len({one.until for one in found}) == 1
    desk.time.pass_by(seconds(desk, found[3]))
    assert isinstance(await post(desk, page, "შემდეგი"), Sent)
    assert left(page) == Allowance(2, found[3].until + timedelta(minutes=1))


async def test_uploads_are_calls_too(pair: Pair, desk: Desk) -> None:
    sandbox, page = pair
    used_up_to(sandbox, 79)
    assert await page.prepare(await desk.claimed(page, photo_count=2), Recorder()) is None
    assert left(page).calls == 1


async def test_posts_at_the_same_time_are_all_counted(pair: Pair, desk: Desk) -> None:
    sandbox, page = pair
    used_up_to(sandbox, 79)
    outcomes = await asyncio.gather(*(post(desk, page, f"სათაური {number}") for number in range(3)))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert left(page).calls == 0


@pytest.mark.parametrize("share", ["call_count", "total_time", "total_cputime"])
@pytest.mark.parametrize("header", [APP, BUSINESS])
async def test_from_95_percent_of_any_share_on_the_lane_rests_a_minute(
    pair: Pair, desk: Desk, share: str, header: str
) -> None:
    sandbox, page = pair
    record = {"call_count": 3, "total_time": 3, "total_cputime": 3, share: 95}
    business = {page.own_address(): [{"type": "pages", **record}]}
    sandbox.facebook.headers = {header: json.dumps(record if header == APP else business)}
    assert isinstance(await post(desk, page, "ერთი"), Sent)
    assert left(page).calls == 0
    assert 58 < seconds(desk, left(page)) <= 60


async def test_a_time_to_regain_access_counts_in_minutes_whatever_the_percent(pair: Pair, desk: Desk) -> None:
    sandbox, page = pair
    record = {"type": "pages", "call_count": 10, "estimated_time_to_regain_access": 19}
    sandbox.facebook.business_usage = {page.own_address(): [record]}
    assert isinstance(await post(desk, page, "ერთი"), Sent)
    assert left(page).calls == 0
    assert 19 * 60 - 2 < seconds(desk, left(page)) <= 19 * 60


async def test_the_quota_used_up_is_told_before_any_refusal_and_the_refusal_agrees(pair: Pair, desk: Desk) -> None:
    sandbox, page = pair
    sandbox.facebook.limit(2, 600)
    for number in range(2):
        assert isinstance(await post(desk, page, f"სათაური {number}"), Sent)
    assert left(page).calls == 0
    desk.time.pass_by(seconds(desk, left(page)))
    assert page.allowance() is None  # the minute is over; what was said then is old
    outcome = await post(desk, page, "ერთით მეტი")
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.throttled) == ("throttled", True)
    assert outcome.retry_after == 9 * 60
    assert left(page).calls == 0
    assert abs(seconds(desk, left(page)) - outcome.retry_after) < 1
    desk.time.pass_by(outcome.retry_after)
    assert isinstance(await post(desk, page, "ერთით მეტი"), Sent)
    assert len(sandbox.effects("facebook", "post")) == 3


async def test_the_headers_of_a_refusal_for_another_reason_are_heard(pair: Pair, desk: Desk) -> None:
    sandbox, page = pair
    sandbox.facebook.usage = {"call_count": 97}
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=100)
    assert isinstance(await post(desk, page, "ერთი"), Rejected)
    assert left(page).calls == 0


@pytest.mark.parametrize("product", ["messenger", "instagram", "ads_insights"])
async def test_another_products_quota_does_not_hold_the_page_up(pair: Pair, desk: Desk, product: str) -> None:
    sandbox, page = pair
    other = {"type": product, "call_count": 100, "estimated_time_to_regain_access": 42}
    sandbox.facebook.business_usage = {page.own_address(): [other, {"type": "pages", "call_count": 5}]}
    assert isinstance(await post(desk, page, "ერთი"), Sent)
    assert page.allowance() is None


ODD = [
    "", "no json", "[]", "5", "null", '{"1": [5, null, []]}', '{"call_count": "many"}', '{"call_count": -3}',
    '{"call_count": true}', '{"call_count": 1e999}', '{"call_count": NaN}', '{"call_count": null}',
    '{"1": [{"type": "pages", "call_count": -1e999, "estimated_time_to_regain_access": 1e999}]}',
    '{"1": [{"type": 7, "estimated_time_to_regain_access": "soon"}]}', "[" * 3000,
    '{"call_count": 1' + "0" * 400 + "}", '{"call_count": 1' + "0" * 5000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
async def test_nonsense_headers_are_ignored_and_the_post_is_sent(pair: Pair, desk: Desk, odd: str) -> None:
    sandbox, page = pair
    sandbox.facebook.headers = {APP: odd, BUSINESS: odd}
    outcome = await post(desk, page, "ერთი")
    assert isinstance(outcome, Sent)
    assert outcome.receipt.detail == {}
    assert page.allowance() is None


@pytest.mark.parametrize("percent", [96, 91])
async def test_an_answer_without_headers_leaves_what_was_said_last_for_a_minute(
    pair: Pair, desk: Desk, percent: int
) -> None:
    sandbox, page = pair
    sandbox.facebook.usage = {"call_count": percent}
    assert isinstance(await post(desk, page, "ერთი"), Sent)
    sandbox.facebook.headers = {APP: "", BUSINESS: ""}
    assert isinstance(await post(desk, page, "ორი"), Sent)
    assert left(page).calls == 0
    desk.time.pass_by(61)
    assert page.allowance() is None


def _usage(now: datetime, **headers: Any) -> Usage:
    usage = Usage(lambda: now)
    usage.note({f"x-{name}-usage".replace("_", "-"): json.dumps(value) for name, value in headers.items()})
    return usage


def test_of_several_headers_the_worst_counts_and_the_newest_of_each() -> None:
    usage = _usage(NOW, app={"call_count": 81}, business_use_case={"1": [{"call_count": 91}]})
    assert usage.allowance() == Allowance(0, NOW + timedelta(seconds=50))
    usage.note({"x-business-use-case-usage": '{"1": {"type": "pages", "call_count": 2}}'})
    assert usage.allowance() == Allowance(1, NOW + timedelta(seconds=50))
    blocked = {"1": [{"estimated_time_to_regain_access": 3}, {"estimated_time_to_regain_access": 5}]}
    usage.note({"x-app-usage": '{"call_count": 99}', "x-business-use-case-usage": json.dumps(blocked)})
    assert usage.allowance() == Allowance(0, NOW + timedelta(minutes=5))
    assert _usage(NOW, page={"call_count": 95}).allowance() == Allowance(0, NOW + timedelta(seconds=60))


@pytest.mark.parametrize(("percent", "calls"), [(79.9, None), (80, 2), (84.9, 2), (85, 1), (94.9, 0)])
def test_percents_need_not_be_whole(percent: float, calls: int | None) -> None:
    """After one answer; 94.9 is not 95: one call a minute, and it has been made."""
    allowance = _usage(NOW, app={"call_count": percent}).allowance()
    assert allowance == (None if calls is None else Allowance(calls, NOW + timedelta(seconds=50)))


def test_a_wait_beyond_a_day_is_looked_at_again_after_a_day() -> None:
    blocked = {"1": [{"estimated_time_to_regain_access": 10**12}]}
    assert _usage(NOW, business_use_case=blocked).allowance() == Allowance(0, NOW + timedelta(days=1))
