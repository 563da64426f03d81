"""The sandbox's endpoints: they verify as Standard Webhooks says, take a message once, and are seen on the page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import aiohttp
import pytest

from distributor.sandbox import Sandbox

KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
EVIL = "<script>alert(1)</script>"


def body(**data: Any) -> bytes:
    said = {"ka": {"title": f"სათაური {EVIL}", "notice": "შეცდომა"}}
    told = {"pubStatus": "canceled", "main_language": "ka", "languages": said, "url": "javascript:alert(2)"} | data
    return json.dumps({"type": "release.withdrawn", "data": told}).encode()


async def post(sandbox: Sandbox, web: aiohttp.ClientSession, raw: bytes, at: float = 0, **headers: str) -> int:
    stamp = str(int(time.time() + at))
    signed = base64.b64encode(hmac.digest(KEY, f"msg_1.{stamp}.".encode() + raw, hashlib.sha256)).decode()
    told = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": f"v1,xx v1,{signed}"} | headers
    async with web.post(f"{sandbox.webhook.api_url}/radio", data=raw, headers=told, allow_redirects=False) as answer:
        return answer.status


async def test_a_message_is_verified_taken_once_and_shown(sandbox: Sandbox, web: aiohttp.ClientSession) -> None:
    sandbox.webhook.secrets["radio"] = SECRET
    assert [await post(sandbox, web, body()) for _ in range(2)] == [204, 204]
    assert (len(sandbox.effects("webhook")), sandbox.webhook.repeats) == (1, ["msg_1"])
    async with web.get(sandbox.http_url) as answer:
        page = await answer.text()
    for shown in ("release.withdrawn", "canceled", "შეცდომა", "signature verified", "1 message taken"):
        assert shown in page
    assert EVIL not in page
    assert "javascript:" not in page


@pytest.mark.parametrize(
    ("headers", "at", "status"),
    [
        ({"webhook-signature": "v1,AAAA"}, 0, 401),
        ({"webhook-signature": ""}, 0, 401),
        ({"webhook-id": "msg_2"}, 0, 401),
        ({}, -400, 400),
        ({}, 400, 400),
        ({"webhook-id": ""}, 0, 400),
    ],
)
async def test_what_is_not_signed_by_us_and_now_is_not_taken(
    sandbox: Sandbox, web: aiohttp.ClientSession, headers: dict[str, str], at: float, status: int
) -> None:
    sandbox.webhook.secrets["radio"] = SECRET
    assert await post(sandbox, web, body(), at, **headers) == status
    assert not sandbox.webhook.events
