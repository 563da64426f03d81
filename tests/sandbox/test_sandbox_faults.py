"""Faults on order: each kind at each platform, what the client sees, and whether the effect took place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from telegram import Bot, InputMediaPhoto
from telegram.error import BadRequest

from distributor.sandbox import Sandbox
from distributor.sandbox.faults import KINDS, METHODS, ONLY_FOR

CHANNEL, DESK = -100300, -100200
CALLS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "telegram": ("desk", "sendMessage", "/sendMessage", {"json": {"chat_id": CHANNEL, "text": "x"}}),
    "x": ("x", "tweets.create", "/2/tweets", {"json": {"text": "x"}}),
    "facebook": ("graph", "feed.create", "/me/feed", {"data": {"message": "x"}}),
}


@pytest.fixture(params=sorted(CALLS))
def publish(request: pytest.FixtureRequest) -> tuple[str, str, Callable[[], Any]]:
    """(platform, method, a call that publishes) of every HTTP platform."""
    client, method, path, options = CALLS[request.param]
    call = request.getfixturevalue(client)
    return request.param, method, lambda: call("POST", path, **options)


@pytest.mark.parametrize(
    ("kind", "options", "effects"),
    [
        ("reset_before", {}, 0),
        ("reset_after", {}, 1),
        ("reset_after", {"effect": False}, 0),
        ("hang", {"seconds": 0.02}, 0),
        ("hang", {"seconds": 0.02, "effect": True}, 1),
    ],
)
async def test_connections_that_end_without_an_answer(
    sandbox: Sandbox, publish: tuple[str, str, Callable[[], Any]], kind: str, options: dict[str, Any], effects: int
) -> None:
    platform, method, call = publish
    sandbox.faults.order(platform, method, kind, **options)
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await call()
    assert len(sandbox.effects(platform)) == effects


async def test_a_hang_outlasts_the_clients_patience(sandbox: Sandbox, graph: Any) -> None:
    sandbox.faults.order("facebook", "feed.create", "hang", seconds=30, effect=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await graph("POST", "/me/feed", data={"message": "x"})
    assert len(sandbox.effects("facebook")) == 1


@pytest.mark.parametrize(
    ("kind", "options", "status", "content", "effects"),
    [
        ("error", {"status": 502, "body": {"a": 1}}, 502, "application/json", 0),
        ("error", {"status": 500, "effect": True}, 500, "application/json", 1),
        ("html", {}, 503, "text/html", 0),
        ("html", {"status": 504, "effect": True}, 504, "text/html", 1),
        ("wrong_type", {}, 200, "text/html", 1),
        ("wrong_type", {"effect": False}, 200, "text/html", 0),
        ("empty", {}, 200, "application/json", 1),
    ],
)
async def test_answers_that_are_wrong(
    sandbox: Sandbox,
    publish: tuple[str, str, Callable[[], Any]],
    kind: str,
    options: dict[str, Any],
    status: int,
    content: str,
    effects: int,
) -> None:
    platform, method, call = publish
    sandbox.faults.order(platform, method, kind, **options)
    answer = await call()
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (status, content)
    assert len(sandbox.effects(platform)) == effects
    if kind == "empty":
        assert answer.body == ""


async def test_an_answer_without_an_id(sandbox: Sandbox, publish: tuple[str, str, Callable[[], Any]]) -> None:
    platform, method, call = publish
    sandbox.faults.order(platform, method, "no_id")
    answer = await call()
    assert answer.status in (200, 201)
    created = answer.body.get("result", answer.body.get("data", answer.body))
    assert not {"id", "message_id"} & created.keys()
    assert len(sandbox.effects(platform)) == 1


async def test_throttling_in_each_platforms_words(sandbox: Sandbox, desk: Any, x: Any, graph: Any) -> None:
    for platform, (_, method, _, _) in CALLS.items():
        sandbox.faults.order(platform, method, "429", retry_after=120)
    told = await desk("POST", "/sendMessage", json={"chat_id": CHANNEL, "text": "x"})
    assert (told.status, told.body["parameters"]) == (429, {"retry_after": 120})
    told = await x("POST", "/2/tweets", json={"text": "x"})
    assert told.status == 429
    assert 119 <= int(told.headers["x-rate-limit-reset"]) - sandbox.record.clock() <= 121
    told = await graph("POST", "/me/feed", data={"message": "x"})
    assert told.body["error"]["code"] == 32
    assert '"estimated_time_to_regain_access": 2' in told.headers["X-Business-Use-Case-Usage"]
    assert sandbox.effects() == []


async def test_latency_answers_late_but_truly(sandbox: Sandbox, publish: tuple[str, str, Callable[[], Any]]) -> None:
    platform, method, call = publish
    sandbox.faults.order(platform, method, "latency", seconds=0.05)
    began = asyncio.get_running_loop().time()
    assert (await call()).status in (200, 201)
    assert asyncio.get_running_loop().time() - began >= 0.05
    assert len(sandbox.effects(platform)) == 1


async def test_an_album_posted_in_part(sandbox: Sandbox, bot: Bot, make_picture: Any) -> None:
    sandbox.faults.order("telegram", "sendMediaGroup", "partial_album", posted=2)
    with pytest.raises(BadRequest, match=r"(?i)failed to send message #3"):
        await bot.send_media_group(CHANNEL, [InputMediaPhoto(make_picture()) for _ in range(3)])
    assert len(sandbox.telegram.messages(CHANNEL)) == 2
    assert len(sandbox.effects("telegram", "album")) == 1


@pytest.mark.parametrize(("code", "effect"), [(1, True), (2, False), (190, False), (368, False)])
async def test_graph_errors(sandbox: Sandbox, graph: Any, code: int, effect: bool) -> None:
    sandbox.faults.order("facebook", "feed.create", "graph_error", code=code, subcode=99, effect=effect)
    error = (await graph("POST", "/me/feed", data={"message": "x"})).body["error"]
    assert (error["code"], error["error_subcode"], error["is_transient"]) == (code, 99, code in (1, 2))
    assert error["fbtrace_id"]
    assert len(sandbox.effects("facebook")) == effect


async def test_telegram_errors(sandbox: Sandbox, desk: Any) -> None:
    options: dict[str, Any] = {
        "error_code": 400,
        "description": "Bad Request: moved",
        "parameters": {"migrate_to_chat_id": -1},
    }
    sandbox.faults.order("telegram", "*", "telegram_error", chat_id=DESK, **options)
    assert (await desk("POST", "/sendMessage", json={"chat_id": CHANNEL, "text": "x"})).status == 200
    told = await desk("POST", "/sendMessage", json={"chat_id": DESK, "text": "x"})
    assert told.body == {"ok": False, **options}


async def test_when_and_how_often(sandbox: Sandbox, desk: Any) -> None:
    sandbox.faults.order("telegram", "sendMessage", "html", times=2, after=1)

    async def send() -> int:
        return int((await desk("POST", "/sendMessage", json={"chat_id": DESK, "text": "x"})).status)

    assert [await send() for _ in range(4)] == [200, 503, 503, 200]
    sandbox.faults.order("telegram", "*", "html", times=None)
    assert [await send() for _ in range(3)] == [503, 503, 503]
    sandbox.faults.clear()
    assert await send() == 200


async def test_orders_over_http_and_words_that_no_table_knows(sandbox: Sandbox, web: aiohttp.ClientSession) -> None:
    url = f"{sandbox.http_url}/sandbox/faults"
    order = {"platform": "x", "method": "tweets.create", "kind": "429", "retry_after": 3}
    async with web.post(url, json=order) as answer:
        assert answer.status == 201
    async with web.get(url) as answer:
        assert (await answer.json())["ordered"][0]["retry_after"] == 3
    for wrong in (
        {"platform": "x", "method": "tweets.creat", "kind": "429"},
        {"platform": "x", "method": "tweets.create", "kind": "graph_error"},
        {"platform": "x", "method": "tweets.create", "kind": "429", "retry": 3},
        {"platform": "y", "method": "*", "kind": "429"},
        {"method": "*"},
    ):
        async with web.post(url, json=wrong) as answer:
            assert answer.status == 400
    async with web.delete(url) as answer:
        assert (await answer.json())["ordered"] == []


def test_every_method_of_the_tables_is_one_that_a_platform_has(sandbox: Sandbox) -> None:
    telegram = {*sandbox.telegram.methods.table, "sendMediaGroup", "file.download"}
    assert METHODS["telegram"] == telegram
    assert METHODS["x"] == set(sandbox.x.quotas)
    assert set().union(*ONLY_FOR.values()) == set(KINDS)


async def test_stopping_ends_what_hangs(desk: Any, sandbox: Sandbox) -> None:
    sandbox.faults.order("telegram", "sendMessage", "hang", seconds=60)
    call = asyncio.create_task(desk("POST", "/sendMessage", json={"chat_id": DESK, "text": "x"}))
    poll = asyncio.create_task(desk("POST", "/getUpdates", json={"timeout": 60}))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(2):
        await sandbox.stop()
        await asyncio.gather(call, poll, return_exceptions=True)
