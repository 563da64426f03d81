"""The simulated Facebook's quota: percent told by every answer, counted from real calls in a window that slides."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp
import pytest

from distributor.sandbox import Sandbox
from tests.sandbox.conftest import Answer, Client


class Clock:
    """The sandbox's time, which a test may move."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def client(sandbox: Sandbox, web: aiohttp.ClientSession) -> Client:
    token = sandbox.accounts.facebook_token
    return Client(web, f"{sandbox.facebook.api_url}/v26.0", lambda method, url: {"Authorization": f"Bearer {token}"})


def app(answer: Answer) -> int:
    """Percent of the app's calls."""
    return int(json.loads(answer.headers["X-App-Usage"])["call_count"])


def page(sandbox: Sandbox, answer: Answer) -> tuple[str, int, int]:
    """Product, percent of its calls, minutes until access is regained: what is told of the page."""
    ((business, (record,)),) = json.loads(answer.headers["X-Business-Use-Case-Usage"]).items()
    assert business == sandbox.facebook.page_id
    return record["type"], record["call_count"], record["estimated_time_to_regain_access"]


async def test_the_share_rises_with_every_call_of_whatever_kind(web: aiohttp.ClientSession) -> None:
    async with Sandbox(limits=True) as sandbox:
        graph = client(sandbox, web)
        answers = [await graph("GET", "/me") for _ in range(3)]
        answers.append(await graph("POST", "/me/feed", data={"message": "one"}))
        assert [app(answer) for answer in answers] == [0, 1, 1, 2]  # of 200 an hour
        assert page(sandbox, answers[3]) == ("pages", 2, 0)


async def test_a_quota_used_up_refuses_and_says_when_access_is_regained(web: aiohttp.ClientSession) -> None:
    clock = Clock()
    async with Sandbox(limits=True, clock=clock) as sandbox:
        sandbox.facebook.limit(3, 600)
        graph = client(sandbox, web)
        good = [await graph("POST", "/me/feed", data={"message": f"{n}"}) for n in range(3)]
        assert [page(sandbox, answer)[1:] for answer in good] == [(33, 0), (66, 0), (100, 0)]
        clock.ahead += 130
        refused = await graph("POST", "/me/feed", data={"message": "fourth"})
        assert (refused.status, refused.body["error"]["code"]) == (400, 80001)
        assert page(sandbox, refused)[1:] == (133, 8)  # the refused call counts too, so two have to pass
        assert len(sandbox.effects("facebook", "post")) == 3
        clock.ahead += 480
        assert (await graph("POST", "/me/feed", data={"message": "fourth"})).status == 200


async def test_without_limits_calls_are_counted_and_nothing_is_refused(sandbox: Sandbox, graph: Any) -> None:
    answers = [await graph("GET", "/me") for _ in range(3)]
    assert {(answer.status, app(answer)) for answer in answers} == {(200, 0)}
    assert sandbox.facebook.counts.headers()["X-App-Usage"] == answers[0].headers["X-App-Usage"]
    sandbox.facebook.limit(4)
    assert app(await graph("GET", "/me")) == 25


@pytest.mark.parametrize("name", ["X-App-Usage", "X-Business-Use-Case-Usage"])
async def test_headers_on_order(sandbox: Sandbox, graph: Any, name: str) -> None:
    sandbox.facebook.headers = {name: "nonsense"}
    assert (await graph("GET", "/me")).headers[name] == "nonsense"
    sandbox.facebook.headers = {name: ""}
    assert name not in (await graph("GET", "/me")).headers
    sandbox.facebook.headers = {}
    sandbox.facebook.usage = {"call_count": 96}
    sandbox.facebook.business_usage = {"1": [{"type": "pages", "call_count": 97}]}
    answer = await graph("GET", "/me")
    assert (app(answer), json.loads(answer.headers["X-Business-Use-Case-Usage"])["1"][0]["call_count"]) == (96, 97)
