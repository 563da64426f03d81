"""What X's answers say is left, over real HTTP: heard at the end points that publishing needs, by X's own clock."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import pytest_asyncio

from distributor.adapters.x import X, XSettings
from distributor.adapters.x_quota import NEEDED, Quotas, wait
from distributor.core.channel import Allowance, Channel
from distributor.core.outcome import Deferred, Sent
from distributor.sandbox import Sandbox
from distributor.sandbox.x_rates import APP_DAY, DAY, ENDPOINTS, USER_DAY, USER_QUARTER
from tests.adapters.support import Desk, Recorder, Time
from tests.sandbox.test_specs import spec

NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)


@asynccontextmanager
async def opened(desk: Desk, clock: Callable[[], float] = time.time) -> AsyncIterator[tuple[Sandbox, X]]:
    """A sandbox with X's real limits, and the adapter before it."""
    async with Sandbox(limits=True, clock=clock) as sandbox:
        keys = sandbox.accounts.x_keys
        settings = XSettings.model_validate({
            "api_url": sandbox.x.api_url,
            "account": "mia_sandbox",
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "access_token": keys.access_token,
            "access_token_secret": keys.access_token_secret,
        })  # fmt: skip
        x = X("x", settings, desk.surroundings)
        try:
            yield sandbox, x
        finally:
            await x.aclose()


@pytest_asyncio.fixture
async def pair(desk: Desk) -> AsyncIterator[tuple[Sandbox, X]]:
    async with opened(desk) as made:
        yield made


Pair = tuple[Sandbox, X]


async def post(desk: Desk, x: X, title: str, **release: int) -> object:
    """Prepare and publish one release; the outcome that ended it."""
    job = await desk.claimed(x, title=title, **release)
    progress = Recorder()
    return await x.prepare(job, progress) or await x.publish(job, progress)


def left(channel: Channel) -> Allowance:
    """What is left, of a channel that knows."""
    allowance = channel.allowance()
    assert allowance is not None
    return allowance


def seconds(desk: Desk, allowance: Allowance) -> float:
    """From now to the allowance's end."""
    return (allowance.until - desk.time()).total_seconds()


async def test_nothing_is_known_before_the_first_post_and_each_post_is_counted(pair: Pair, desk: Desk) -> None:
    _, x = pair
    assert x.allowance() is None
    for number in (1, 2):
        assert isinstance(await post(desk, x, f"სათაური {number}"), Sent)
        assert left(x).calls == 100 - number
        assert 895 < seconds(desk, left(x)) <= 902


async def test_what_others_posted_is_told_too(pair: Pair, desk: Desk) -> None:
    sandbox, x = pair
    assert isinstance(await post(desk, x, "ერთი"), Sent)
    sandbox.x.quotas["tweets.create"].windows[USER_QUARTER].used += 40  # another worker's, or another program's
    assert isinstance(await post(desk, x, "ორი"), Sent)
    assert left(x).calls == 100 - 1 - 40 - 1


async def test_with_none_left_it_says_so_before_any_429_and_the_429_agrees(pair: Pair, desk: Desk) -> None:
    sandbox, x = pair
    sandbox.x.limit("tweets.create", 2, 40)
    for number in (1, 2):
        assert isinstance(await post(desk, x, f"სათაური {number}"), Sent)
    told = left(x)
    assert told.calls == 0
    assert 37 < seconds(desk, told) <= 42
    outcome = await post(desk, x, "მესამე")
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.throttled) == ("throttled", True)
    assert outcome.retry_after is not None
    assert left(x).calls == 0
    assert abs(seconds(desk, left(x)) - outcome.retry_after) < 0.5
    assert len(sandbox.effects("x", "post")) == 2


async def test_after_the_time_given_x_takes_the_post(desk: Desk) -> None:
    """Waiting exactly as long as the allowance says earns no 429; then only the day's count still holds."""
    async with opened(desk, lambda: desk.time().timestamp()) as (sandbox, x):
        sandbox.x.limit("tweets.create", 1, 200)  # less than what OAuth allows our clock to be off
        assert isinstance(await post(desk, x, "ერთი"), Sent)
        assert left(x).calls == 0
        desk.time.pass_by(seconds(desk, left(x)))
        assert left(x).calls == 9_999
        assert isinstance(await post(desk, x, "ორი"), Sent)
        assert sandbox.calls("x", "tweets.create") == 2


@pytest.mark.parametrize("window", [APP_DAY, USER_DAY])
async def test_a_day_used_up_outlasts_the_quarter(pair: Pair, desk: Desk, window: str) -> None:
    sandbox, x = pair
    sandbox.x.limit("tweets.create", 1)
    sandbox.x.limit("tweets.create", 1, DAY, window)
    assert isinstance(await post(desk, x, "ერთი"), Sent)
    assert left(x).calls == 0
    assert DAY - 5 < seconds(desk, left(x)) <= DAY + 2


async def test_of_two_windows_that_have_calls_left_the_scarcer_is_told(pair: Pair, desk: Desk) -> None:
    sandbox, x = pair
    sandbox.x.limit("tweets.create", 8, DAY, USER_DAY)
    assert isinstance(await post(desk, x, "ერთი"), Sent)
    assert (left(x).calls, seconds(desk, left(x)) > 900) == (7, True)


@pytest.mark.parametrize("ahead", [240, -240])
async def test_a_clock_that_differs_from_ours_makes_no_difference(desk: Desk, ahead: int) -> None:
    """X's clock may be minutes off ours (farther, and OAuth would refuse): the wait comes from its own Date."""
    async with opened(desk, lambda: time.time() + ahead) as (sandbox, x):
        sandbox.x.limit("tweets.create", 1)
        assert isinstance(await post(desk, x, "ერთი"), Sent)
        assert 895 < seconds(desk, left(x)) <= 902
        outcome = await post(desk, x, "ორი")
        assert isinstance(outcome, Deferred)
        assert outcome.retry_after is not None
        assert 895 < outcome.retry_after <= 902


async def test_uploads_and_timeline_reads_are_not_taken_for_posts(pair: Pair, desk: Desk) -> None:
    sandbox, x = pair
    job = await desk.claimed(x, photo_count=2)
    assert await x.prepare(job, Recorder()) is None
    assert x.allowance() is None  # uploads are counted apart, and there are enough of them
    assert isinstance(await post(desk, x, "ერთი"), Sent)
    for method in ("users.me", "users.tweets"):
        sandbox.x.limit(method, 1)
    await x.reconcile(job, Recorder())
    assert sandbox.x.quotas["users.tweets"].windows[USER_QUARTER].used == 1
    assert left(x).calls == 99


@pytest.mark.parametrize("method", ["media.initialize", "media.append", "media.finalize", "media.metadata"])
async def test_an_upload_end_point_with_none_left_counts(pair: Pair, desk: Desk, method: str) -> None:
    sandbox, x = pair
    sandbox.x.limit(method, 1, 120)
    assert isinstance(await post(desk, x, "ერთი", photo_count=1), Sent)
    assert left(x).calls == 0
    assert 115 < seconds(desk, left(x)) <= 122


async def test_a_video_that_waits_for_its_processing_hears_the_status_end_point(pair: Pair, desk: Desk) -> None:
    sandbox, x = pair
    sandbox.x.limit("media.status", 2, 120)
    assert isinstance(await post(desk, x, "ვიდეო", videos=1), Sent)
    assert left(x).calls == 0


@pytest.mark.parametrize(
    "odd",
    [
        {f"{USER_QUARTER}-remaining": "many"},
        {f"{USER_QUARTER}-remaining": "-1"},
        {f"{USER_QUARTER}-remaining": ""},
        {f"{USER_QUARTER}-remaining": "9" * 5000},
        {f"{USER_QUARTER}-reset": ""},
        {f"{USER_QUARTER}-reset": "soon"},
        {f"{USER_QUARTER}-reset": "0"},
        {f"{USER_QUARTER}-reset": "1705420800000"},  # milliseconds
        {f"{USER_QUARTER}-reset": "9" * 300},
    ],
)
async def test_nonsense_headers_are_ignored_and_the_post_is_sent(pair: Pair, desk: Desk, odd: dict[str, str]) -> None:
    sandbox, x = pair
    sandbox.x.headers = {f"{APP_DAY}-remaining": ""} | odd
    assert isinstance(await post(desk, x, "ერთი"), Sent)
    assert x.allowance() is None
    sandbox.x.headers = {}
    assert isinstance(await post(desk, x, "ორი"), Sent)
    assert left(x).calls == 98
    sandbox.x.headers = odd
    assert isinstance(await post(desk, x, "სამი"), Sent)
    assert left(x).calls == 98  # what was understood last stays until its time is over


@pytest.mark.parametrize("date", ["no date", "Thu, 32 Nov 2026 12:00:00 GMT"])
async def test_without_a_date_that_can_be_read_our_clock_counts(pair: Pair, desk: Desk, date: str) -> None:
    sandbox, x = pair
    sandbox.x.headers = {"Date": date}
    assert isinstance(await post(desk, x, "ერთი"), Sent)
    assert 895 < seconds(desk, left(x)) <= 902


async def test_a_429_that_shows_calls_left_still_means_none(pair: Pair, desk: Desk) -> None:
    sandbox, x = pair
    sandbox.faults.order("x", "tweets.create", "429", retry_after=70)
    sandbox.x.headers = {f"{USER_QUARTER}-remaining": "57"}
    outcome = await post(desk, x, "ერთი")
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after is not None
    assert 68 < outcome.retry_after <= 70
    assert left(x).calls == 0
    assert abs(seconds(desk, left(x)) - outcome.retry_after) < 0.5


def _headers(remaining: int, reset: float, name: str = USER_QUARTER, date: datetime | None = NOW) -> dict[str, str]:
    told = {f"{name}-limit": "100", f"{name}-remaining": str(remaining), f"{name}-reset": str(int(reset))}
    return told | ({"date": format_datetime(date, usegmt=True)} if date else {})


def test_answers_that_overtake_each_other_do_not_raise_the_count() -> None:
    quotas, reset = Quotas(lambda: NOW), NOW.timestamp() + 600
    for remaining in (4, 5, 3, 9):
        quotas.note("POST", "/2/tweets", 201, _headers(remaining, reset))
    assert quotas.allowance() == Allowance(3, NOW + timedelta(seconds=600))
    quotas.note("POST", "/2/tweets", 201, _headers(99, reset + 900))
    assert quotas.allowance() == Allowance(99, NOW + timedelta(seconds=1500))


def test_a_clock_a_day_off_is_corrected_by_the_date() -> None:
    there = NOW + timedelta(days=1)
    headers = _headers(0, there.timestamp() + 30, date=there)
    assert wait(headers, NOW) == 30
    quotas = Quotas(lambda: NOW)
    quotas.note("POST", "/2/tweets", 201, headers)
    assert quotas.allowance() == Allowance(0, NOW + timedelta(seconds=30))
    assert wait({name: value for name, value in headers.items() if name != "date"}, NOW) == 86_430


@pytest.mark.parametrize("reset", [-1, 0, 25 * 3600 + 1])
def test_a_reset_gone_by_or_too_far_away_is_no_answer(reset: int) -> None:
    headers = _headers(0, NOW.timestamp() + reset)
    assert wait(headers, NOW) is None
    quotas = Quotas(lambda: NOW)
    quotas.note("POST", "/2/tweets", 429, headers)
    assert quotas.allowance() is None


def test_f18_a_clock_that_jumps_leaves_no_allowance_that_ends_never() -> None:
    time = Time()
    quotas = Quotas(time)
    quotas.note("POST", "/2/tweets", 201, _headers(0, time().timestamp() + 60, date=None))
    time.pass_by(86_400)
    assert quotas.allowance() is None


def test_the_end_points_heard_are_those_of_xs_description() -> None:
    paths = spec("x/openapi.json")["paths"]
    for point in NEEDED:
        verb, path = point.split(" ")
        assert verb.lower() in paths[path], point
    publishing = {method for method in ENDPOINTS if method.startswith("media.")} | {"tweets.create"}
    assert {f"{verb} {path}" for verb, path in (ENDPOINTS[method] for method in publishing)} == NEEDED
