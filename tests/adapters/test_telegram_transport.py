"""The transport: which phase a failure fell into, files that stream, and a token that nobody gets to see."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from telegram import Bot, InputFile
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError, TimedOut

from distributor.adapters.telegram_failures import MaybeDone, NoAnswer, NotWritten, OddAnswer, Throttled, TooLarge
from distributor.adapters.telegram_transport import Timeouts, close, open_bot
from distributor.log import _CAPS
from distributor.sandbox import Sandbox
from tests.adapters.telegram_stage import CHANNEL, TOKEN

CANARY = "1000001:canary-AAE-secret"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """The platforms."""
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    """A bot over the transport."""
    bot = open_bot(SecretStr(TOKEN), sandbox.telegram.api_url, timeouts=Timeouts(1, 0.3, 1))
    yield bot
    await close(bot)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server that treats one connection after another so; all of them are over at the end."""
    treated: set[asyncio.Task[None]] = set()

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        treated.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(treat, "127.0.0.1", 0, ssl=context) as server:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*treated)


def answering(answer: bytes | None, context: ssl.SSLContext | None = None) -> AbstractAsyncContextManager[str]:
    """A server that reads the head of a request and gives these bytes, or that never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()  # until the other side gives up
        else:
            writer.write(answer)
            await writer.drain()

    return listening(serve, context)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset_before", MaybeDone),
        ("reset_after", MaybeDone),
        ("html", OddAnswer),
        ("wrong_type", OddAnswer),
        ("empty", OddAnswer),
        ("429", Throttled),
    ],
)
async def test_a_failure_names_its_phase(sandbox: Sandbox, bot: Bot, kind: str, error: type[TelegramError]) -> None:
    sandbox.faults.order("telegram", "sendMessage", kind)
    with pytest.raises(error):
        await bot.send_message(CHANNEL, "ა")


@pytest.mark.parametrize("body", ["[1]", "7", '{"ok":true}', '{"ok":false}', '{"result":{}}'])
async def test_json_of_another_shape_is_no_answer(body: str) -> None:
    async with answering(reply("200 OK", body)) as url:
        bot = open_bot(SecretStr(CANARY), url)
        with pytest.raises(OddAnswer):
            await bot.send_message(CHANNEL, "ა")
        await close(bot)


async def test_a_silence_after_writing_is_a_time_out_that_may_be_done(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.faults.order("telegram", "sendMessage", "hang", seconds=3)
    with pytest.raises(NoAnswer) as lost:
        await bot.send_message(CHANNEL, "ა")
    assert isinstance(lost.value, TimedOut)
    assert isinstance(lost.value, MaybeDone)


async def test_a_place_in_the_pool_that_does_not_come_is_not_written(sandbox: Sandbox) -> None:
    bot = open_bot(SecretStr(TOKEN), sandbox.telegram.api_url, timeouts=Timeouts(0.2, 5, 5), connections=1)
    sandbox.faults.order("telegram", "sendMessage", "latency", seconds=0.8)
    first = asyncio.create_task(bot.send_message(CHANNEL, "ა"))
    await asyncio.sleep(0.1)
    with pytest.raises(NotWritten):
        await bot.send_message(CHANNEL, "ბ")
    await first
    await close(bot)
    assert [post["text"] for post in sandbox.telegram.messages(CHANNEL)] == ["ა"]


async def test_a_tls_server_that_is_not_trusted_gets_nothing(sandbox: Sandbox) -> None:
    bot = open_bot(SecretStr(TOKEN), sandbox.telegram.api_url.replace("http:", "https:"))
    with pytest.raises(NotWritten):
        await bot.send_message(CHANNEL, "ა")
    await close(bot)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody has signed but itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return paths


async def test_an_authority_of_ones_own_is_trusted_only_where_its_file_is_named(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    me = {"ok": True, "result": {"id": 7, "is_bot": True, "first_name": "desk", "username": "desk_bot"}}
    async with answering(reply("200 OK", json.dumps(me)), context) as url:
        stranger = open_bot(SecretStr(CANARY), url)
        with pytest.raises(NotWritten, match="certificate"):
            await stranger.get_me()
        friend = open_bot(SecretStr(CANARY), url, ca_file=cert)
        assert (await friend.get_me()).username == "desk_bot"
        nobody = open_bot(SecretStr(CANARY), url, ca_file=tmp_path / "missing.pem")
        with pytest.raises(NotWritten, match="No such file"):
            await nobody.get_me()
        for bot in (stranger, friend, nobody):
            await close(bot)


async def test_a_redirect_is_not_followed() -> None:
    async with answering(reply("307 Temporary Redirect", "", "Location: http://127.0.0.1:1/\r\n")) as url:
        bot = open_bot(SecretStr(CANARY), url)
        with pytest.raises(OddAnswer):
            await bot.get_me()
        await close(bot)


async def test_413_is_a_refusal() -> None:
    async with answering(reply("413 Request Entity Too Large", "")) as url:
        bot = open_bot(SecretStr(CANARY), url)
        with pytest.raises(TooLarge):
            await bot.get_me()
        await close(bot)


async def test_refusals_are_the_librarys_own_exceptions(bot: Bot, sandbox: Sandbox) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(-1, "ა")
    wrong = open_bot(SecretStr("1:wrong"), sandbox.telegram.api_url)
    with pytest.raises(InvalidToken):
        await wrong.get_me()
    await close(wrong)


async def test_the_wait_of_a_429_is_kept_exactly(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.faults.order("telegram", "sendMessage", "429", retry_after=41)
    with pytest.raises(Throttled) as throttled:
        await bot.send_message(CHANNEL, "ა")
    assert throttled.value.retry_after.total_seconds() == 41


async def test_connections_are_used_again(sandbox: Sandbox, bot: Bot) -> None:
    for word in "აბგ":
        await bot.send_message(CHANNEL, word)
    session: Any = bot.request._session  # type: ignore[attr-defined]
    assert sum(len(connections) for connections in session.connector._conns.values()) == 1


async def test_a_large_file_is_streamed_and_not_read_into_memory(tmp_path: Path) -> None:
    size = 48_000_000
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(size)
    received = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while received < length and (piece := await reader.read(1 << 16)):
            received += len(piece)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{"ok":true,"result":true}')
        await writer.drain()

    async with listening(serve) as url:
        bot = open_bot(SecretStr(CANARY), url)
        tracemalloc.start()
        with path.open("rb") as handle:
            await bot.send_video(CHANNEL, InputFile(handle, "film.mp4", read_file_handle=False))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await close(bot)
    assert received > size
    assert peak < 8_000_000


async def test_a_file_comes_back_by_the_transport(sandbox: Sandbox, bot: Bot) -> None:
    await sandbox.telegram.send_document(501, b"0123456789", name="a.bin")
    update = (await bot.get_updates(allowed_updates=["message"]))[0]
    assert update.message is not None
    assert update.message.document is not None
    file = await update.message.document.get_file()
    assert bytes(await file.download_as_bytearray()) == b"0123456789"


def reply(status: str, body: str, headers: str = "") -> bytes:
    """The bytes of an HTTP answer."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def everything(error: BaseException) -> str:
    """All that a logger could make of an exception: text, repr, arguments, causes, and the locals of every frame but
    this file's own, where the canary is planted."""
    seen: list[str] = []
    chain: BaseException | None = error
    while chain is not None:
        frames = chain.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        told = traceback.TracebackException(type(chain), chain, frames, capture_locals=True)
        seen += [*told.stack.format(), str(chain), repr(chain), repr(chain.args)]
        chain = chain.__cause__ or chain.__context__
    return "\n".join(seen)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"nonsense\r\n\r\n",
        reply("200 OK", "<html>"),
        reply("302 Found", "", f"Location: /bot{CANARY}/x\r\n"),
        reply("401 Unauthorized", json.dumps({"ok": False, "description": f"Unauthorized {CANARY}"})),
        reply("404 Not Found", json.dumps({"ok": False, "description": f"no /bot{CANARY}/sendMessage"})),
        reply("404 Not Found", f"<html>The requested URL /bot{CANARY}/sendMessage was not found</html>"),
        reply("502 Bad Gateway", json.dumps({"ok": False, "description": f"/bot{CANARY}/sendMessage"})),
    ],
)
async def test_the_token_is_in_no_log_and_no_exception(
    answer: bytes | None, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    for name in ("", *_CAPS):  # a service that ran in this process before has quieted them
        caplog.set_level(logging.DEBUG, logger=name or None)
    async with answering(answer) as url:
        bot = open_bot(SecretStr(CANARY), url, timeouts=Timeouts(1, 0.2, 0.2))
        with pytest.raises(TelegramError) as failed:
            await bot.send_message(CHANNEL, "ა")
        await close(bot)
    texts = [everything(failed.value), repr(bot), str(bot), repr(bot.request), caplog.text, bot.token, bot.base_url]
    texts += [repr(record.__dict__) for record in caplog.records]
    assert len(caplog.records) > 0
    assert not [text for text in texts if "canary" in text]


async def test_the_token_is_in_no_exception_of_a_dead_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for url in ("http://127.0.0.1:1", "http://telegram.invalid", "http://[::1"):
        bot = open_bot(SecretStr(CANARY), url)
        with pytest.raises(NetworkError) as failed:
            await bot.get_me()
        with pytest.raises(TelegramError) as refused:
            await bot.initialize()
        await close(bot)
        assert isinstance(failed.value, NotWritten)
        assert "canary" not in everything(failed.value) + everything(refused.value)
    assert "canary" not in caplog.text
