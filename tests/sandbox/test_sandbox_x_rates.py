"""The simulated X's rates: three windows, told by every answer of their end point, counted from real calls."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from oauthlib.oauth1 import Client as OAuth1

from distributor.adapters.x_quota import WINDOWS
from distributor.sandbox import Sandbox
from distributor.sandbox.x_rates import APP_DAY, ENDPOINTS, LIMITS, USER_DAY, USER_QUARTER
from tests.sandbox.conftest import Client
from tests.sandbox.test_specs import spec


class Clock:
    """The sandbox's time, which a test may move, and which may differ from ours."""

    def __init__(self, ahead: float = 0) -> None:
        self.ahead = ahead

    def __call__(self) -> float:
        return time.time() + self.ahead


def client(sandbox: Sandbox, web: aiohttp.ClientSession, clock: Clock) -> Client:
    keys = sandbox.x.keys

    def sign(method: str, url: str) -> dict[str, str]:
        secrets = (keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret)
        oauth = OAuth1(*secrets, timestamp=str(int(clock())))
        return {"Authorization": oauth.sign(url, method)[1]["Authorization"]}

    return Client(web, sandbox.x.api_url, sign)


@pytest.fixture
async def strict() -> AsyncIterator[tuple[Sandbox, Clock]]:
    clock = Clock()
    async with Sandbox(limits=True, clock=clock) as running:
        yield running, clock


def told(headers: dict[str, str], window: str) -> tuple[int, int]:
    """How many a window holds, and how many are left."""
    return int(headers[f"{window}-limit"]), int(headers[f"{window}-remaining"])


async def test_a_post_tells_the_users_quarter_and_the_apps_day(
    strict: tuple[Sandbox, Clock], web: aiohttp.ClientSession
) -> None:
    sandbox, clock = strict
    x = client(sandbox, web, clock)
    answers = [await x("POST", "/2/tweets", json={"text": f"{n}"}) for n in range(2)]
    assert [told(answer.headers, USER_QUARTER) for answer in answers] == [(100, 99), (100, 98)]
    assert [told(answer.headers, APP_DAY) for answer in answers] == [(10_000, 9_999), (10_000, 9_998)]
    assert f"{USER_DAY}-limit" not in answers[0].headers  # no plan of today has one
    for window, seconds in ((USER_QUARTER, 900), (APP_DAY, 86_400)):
        (reset,) = {int(answer.headers[f"{window}-reset"]) for answer in answers}
        assert seconds - 2 < reset - clock() <= seconds + 1


async def test_each_end_point_has_counts_of_its_own(strict: tuple[Sandbox, Clock], web: aiohttp.ClientSession) -> None:
    sandbox, clock = strict
    x = client(sandbox, web, clock)
    await x("POST", "/2/tweets", json={"text": "one"})
    body = {"media_type": "image/jpeg", "total_bytes": 10}
    begun = await x("POST", "/2/media/upload/initialize", json=body)
    me = await x("GET", "/2/users/me")
    assert told(begun.headers, USER_QUARTER) == (1_875, 1_874)
    assert told(begun.headers, APP_DAY) == (180_000, 179_999)
    assert told(me.headers, USER_QUARTER) == (75, 74)
    assert f"{APP_DAY}-limit" not in me.headers


@pytest.mark.parametrize(("window", "seconds"), [(USER_QUARTER, 900), (APP_DAY, 86_400), (USER_DAY, 86_400)])
async def test_a_window_used_up_refuses_until_its_reset(
    strict: tuple[Sandbox, Clock], web: aiohttp.ClientSession, window: str, seconds: int
) -> None:
    sandbox, clock = strict
    sandbox.x.limit("tweets.create", 2, seconds, window)
    x = client(sandbox, web, clock)
    answers = [await x("POST", "/2/tweets", json={"text": f"{n}"}) for n in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 429]
    assert [told(answer.headers, window)[1] for answer in answers] == [1, 0, 0]
    assert len(sandbox.effects("x", "post")) == 2
    clock.ahead += int(answers[2].headers[f"{window}-reset"]) - clock()
    again = await x("POST", "/2/tweets", json={"text": "after the reset"})
    assert (again.status, told(again.headers, window)[1]) == (201, 1)


async def test_a_429_on_order_says_that_none_is_left_and_keeps_the_other_windows(
    strict: tuple[Sandbox, Clock], web: aiohttp.ClientSession
) -> None:
    sandbox, clock = strict
    sandbox.faults.order("x", "tweets.create", "429", retry_after=120)
    refused = await client(sandbox, web, clock)("POST", "/2/tweets", json={"text": "one"})
    assert (refused.status, told(refused.headers, USER_QUARTER)[1], told(refused.headers, APP_DAY)[1]) == (
        429,
        0,
        9_999,
    )
    assert 118 < int(refused.headers[f"{USER_QUARTER}-reset"]) - clock() <= 120


async def test_the_date_is_that_of_the_platforms_clock_and_headers_may_be_ordered(web: aiohttp.ClientSession) -> None:
    clock = Clock(ahead=3600)
    async with Sandbox(clock=clock) as sandbox:
        sandbox.x.headers = {f"{USER_QUARTER}-remaining": "many", f"{USER_QUARTER}-reset": ""}
        answer = await client(sandbox, web, clock)("POST", "/2/tweets", json={"text": "one"})
    assert abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - clock()) < 3
    assert answer.headers[f"{USER_QUARTER}-remaining"] == "many"
    assert f"{USER_QUARTER}-reset" not in answer.headers


async def test_without_limits_the_counts_are_real_but_far_away(sandbox: Sandbox, x: Any) -> None:
    left = [told((await x("POST", "/2/tweets", json={"text": f"{n}"})).headers, USER_QUARTER)[1] for n in range(2)]
    assert left[0] - left[1] == 1
    assert left[1] > 900_000


def test_the_end_points_are_those_of_xs_description_and_its_headers_are_ours() -> None:
    """X's OpenAPI description names no rate header today; one that it names some day must be one that we read."""
    api = spec("x/openapi.json")
    assert set(LIMITS) == set(ENDPOINTS)
    for verb, path in ENDPOINTS.values():
        assert verb.lower() in api["paths"][path], (verb, path)
    described = {
        header.lower()
        for operations in api["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict)
        for answer in operation.get("responses", {}).values()
        for header in answer.get("headers", {})
    }
    read = {f"{window}-{what}" for window in WINDOWS for what in ("limit", "remaining", "reset")}
    assert {header for header in described if "-limit-" in header} <= read
    assert (USER_QUARTER, APP_DAY, USER_DAY) == WINDOWS
    assert "limit" not in json.dumps(list(described))  # when this fails, X describes its headers: compare their meaning
