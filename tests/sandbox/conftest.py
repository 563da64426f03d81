"""Fixtures of the sandbox's own tests: a running sandbox, a real bot, signed clients, pictures, a video."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import aiohttp
import av
import pytest
from av.video.stream import VideoStream
from oauthlib.oauth1 import Client as OAuth1
from PIL import Image
from telegram import Bot
from yarl import URL

from distributor.sandbox import Accounts, Sandbox
from distributor.sandbox.telegram import DESK_TOKEN

WITNESS_TOKEN = "1000002:sandbox-witness-token"


def picture(
    width: int = 400, height: int = 300, colour: tuple[int, int, int] = (40, 90, 160), form: str = "JPEG"
) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, form)
    return buffer.getvalue()


def film(seconds: float = 1.0) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.thread_count = 1
        still = Image.new("RGB", (64, 48), (200, 60, 40))
        for number in range(round(seconds * 10)):
            frame: av.VideoFrame = av.VideoFrame.from_image(still)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, 10)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return buffer.getvalue()


@dataclass
class Answer:
    """What came back: status, JSON (or text), headers."""

    status: int
    body: Any
    headers: dict[str, str]


class Client:
    """Calls one platform over real HTTP; `sign` turns (method, url) into headers."""

    def __init__(self, session: aiohttp.ClientSession, base: str, sign: Callable[[str, str], dict[str, str]]) -> None:
        self.session, self.base, self.sign = session, base, sign

    async def __call__(self, method: str, path: str, **options: Any) -> Answer:
        url = URL(self.base + path).update_query(options.pop("params", None) or {})
        headers = self.sign(method, str(url)) | options.pop("headers", {})
        async with self.session.request(method, url, headers=headers, **options) as answer:
            text = await answer.text()
            try:
                body = json.loads(text)
            except ValueError:
                body = text
            return Answer(answer.status, body, dict(answer.headers))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    accounts = Accounts(
        bots=((DESK_TOKEN, "mia_desk_bot", "Distributor"), (WITNESS_TOKEN, "mia_witness_bot", "Witness"))
    )
    async with Sandbox(accounts=accounts) as running:
        yield running


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    api = sandbox.telegram.api_url
    async with Bot(DESK_TOKEN, base_url=f"{api}/bot", base_file_url=f"{api}/file/bot") as running:
        yield running


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


@pytest.fixture
def x(sandbox: Sandbox, web: aiohttp.ClientSession) -> Client:
    keys = sandbox.x.keys

    def sign(method: str, url: str) -> dict[str, str]:
        oauth = OAuth1(keys.consumer_key, keys.consumer_secret, keys.access_token, keys.access_token_secret)
        return {"Authorization": oauth.sign(url, method)[1]["Authorization"]}

    return Client(web, sandbox.x.api_url, sign)


@pytest.fixture
def graph(sandbox: Sandbox, web: aiohttp.ClientSession) -> Client:
    token = sandbox.accounts.facebook_token
    return Client(web, f"{sandbox.facebook.api_url}/v26.0", lambda method, url: {"Authorization": f"Bearer {token}"})


@pytest.fixture
def desk(sandbox: Sandbox, web: aiohttp.ClientSession) -> Client:
    """Raw Bot API calls, for what the library would not send."""
    return Client(web, f"{sandbox.telegram.api_url}/bot{DESK_TOKEN}", lambda method, url: {})


@pytest.fixture
def make_picture() -> Callable[..., bytes]:
    return picture


@pytest.fixture(scope="session")
def short_film() -> bytes:
    return film()
