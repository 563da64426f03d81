"""python-telegram-bot's transport over aiohttp: kept connections, streamed uploads, and errors that name their phase.

Touches the Bot API's address only. The bot's token is known to this file alone: python-telegram-bot is given a
placeholder, and the token is put into the address at the last moment, so that no log line, exception, traceback or
repr of that library can hold it. Never repeats a request and never follows a redirect.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
from pydantic import SecretStr
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData
from yarl import URL

from distributor.adapters.telegram_failures import MaybeDone, NoAnswer, NotWritten, OddAnswer, Throttled, TooLarge

PLACEHOLDER = "kept-by-the-transport"
"""What python-telegram-bot holds in place of the token. No colon: it would escape one in the address of a file."""

_SLOWEST_UPLOAD = 32 * 1024  # bytes a second; an upload below this is given up

# Raised by aiohttp while it looks for a connection, before a byte of the request is written (aiohttp client.py,
# `_connect_and_send_request`): name lookup, TCP, TLS, the wait for a place in the pool, and addresses it cannot read.
_BEFORE_WRITING = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)

_JSON_ERRORS = frozenset({400, 401, 403, 404, 409, 413, 429})
"""Statuses with which the Bot API refuses a call that it understood, and did not carry out."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `connect` covers name, TCP, TLS and the wait for a place in the pool; `read` the wait for the
    answer once all is written; `write` is granted to every upload, beside the time that its size needs."""

    connect: float = 10.0
    read: float = 30.0
    write: float = 30.0


class AiohttpRequest(BaseRequest):
    """`telegram.request.BaseRequest` over one aiohttp session, opened at the first call."""

    __slots__ = ("_ca_file", "_session", "_timeouts", "_token", "connections")

    def __init__(
        self,
        token: SecretStr,
        *,
        timeouts: Timeouts | None = None,
        ca_file: Path | None = None,
        connections: int = 64,
    ) -> None:
        self._token = token
        self._timeouts = timeouts or Timeouts()
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None
        self.connections = connections

    @property
    def read_timeout(self) -> float | None:
        """Seconds to wait for an answer, which long polling lengthens by its own wait."""
        return self._timeouts.read

    async def initialize(self) -> None:
        """Open the session, where none is open."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self.connections,
                    # A connection that idled is closed early by us: written to one that the server is just
                    # closing, a request would end as MaybeDone, which a person has to resolve.
                    keepalive_timeout=10,
                    ssl=_trust(self._ca_file),
                ),
                headers={"User-Agent": self.USER_AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
            )

    async def shutdown(self) -> None:
        """Close every connection. A later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """One request: status and body of an answer that is the Bot API's.

        Raises NotWritten, NoAnswer, MaybeDone, OddAnswer, TooLarge or Throttled; refusals with other codes are
        returned, and python-telegram-bot raises its own exceptions for them.
        """
        timeouts = Timeouts(
            connect=_given(connect_timeout, self._timeouts.connect),
            read=_given(read_timeout, self._timeouts.read),
            write=_given(write_timeout, self._timeouts.write),
        )
        answer = await self._exchange(url, method, request_data, timeouts)
        if isinstance(answer, TelegramError):
            # Raised here and not where it was caught: the chain of aiohttp's own exceptions names the address.
            raise answer
        status, body = answer
        if method == "GET" and status == 200:
            return status, body  # a file
        return status, self._judged(status, body)

    async def _exchange(
        self, url: str, method: str, data: RequestData | None, timeouts: Timeouts
    ) -> tuple[int, bytes] | TelegramError:
        try:
            await self.initialize()
            form, size = _form(data)
            target = self._real(url)
        except OSError as error:
            return NotWritten(f"a file, to upload or of authorities, cannot be read: {_words(error)}")
        except ValueError:
            return NotWritten("the address of the Bot API in the settings is none")
        try:
            session = cast(aiohttp.ClientSession, self._session)
            limits = aiohttp.ClientTimeout(
                total=timeouts.connect + timeouts.write + timeouts.read + size / _SLOWEST_UPLOAD,
                connect=timeouts.connect,
                sock_read=timeouts.read,
            )
            async with session.request(method, target, data=form, timeout=limits, allow_redirects=False) as response:
                return response.status, self._cleaned(method, response.status, await response.read())
        except _BEFORE_WRITING as error:
            return NotWritten(f"no connection to Telegram: {self._clean(_words(error))}")
        except TimeoutError:
            return NoAnswer(f"no answer from Telegram within {timeouts.read:g} s after the request was written")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return MaybeDone(f"the connection to Telegram was lost: {self._clean(_words(error))}")

    def _judged(self, status: int, body: bytes) -> bytes:
        """The body, where it is an answer of the Bot API; else an exception that says what it is instead."""
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if status == 413:
            raise TooLarge("Request Entity Too Large (413)")
        if not isinstance(answer, dict):
            kind = "no body" if not body else "JSON of another shape" if answer is not None else "no JSON"
            raise OddAnswer(f"status {status} with {kind} instead of an answer")
        if 200 <= status < 300 and answer.get("ok") is True and "result" in answer:
            return body
        description = str(answer.get("description") or "")
        if status not in _JSON_ERRORS or answer.get("ok") is not False:
            raise OddAnswer(f"status {status}: {description or 'an answer of another shape'}")
        if status == 429:
            raise Throttled(timedelta(seconds=_wait(answer)))
        return body

    def _real(self, url: str) -> URL:
        return URL(url.replace(PLACEHOLDER, self._token.get_secret_value(), 1), encoded=True)

    def _cleaned(self, method: str, status: int, body: bytes) -> bytes:
        """An answer without the token: a server in between may repeat the address that it was asked for. A file is
        given as it is."""
        if method == "GET" and status == 200:
            return body
        return body.replace(self._token.get_secret_value().encode(), b"[token]")

    def _clean(self, text: str) -> str:
        return text.replace(self._token.get_secret_value(), "[token]")


def open_bot(
    token: SecretStr,
    api_url: str,
    *,
    timeouts: Timeouts | None = None,
    ca_file: Path | None = None,
    local_mode: bool = False,
    connections: int = 64,
) -> Bot:
    """A bot over this transport that knows a placeholder instead of its token.

    Needs no `initialize()` for calls of the Bot API; `await bot.shutdown()` does nothing then, so close with `close`.
    """
    request = AiohttpRequest(token, timeouts=timeouts, ca_file=ca_file, connections=connections)
    return Bot(
        PLACEHOLDER,
        base_url=f"{api_url.rstrip('/')}/bot",
        base_file_url=f"{api_url.rstrip('/')}/file/bot",
        request=request,
        get_updates_request=request,
        local_mode=local_mode,
    )


async def close(bot: Bot) -> None:
    """Release the connections of a bot that `open_bot` made."""
    await bot.request.shutdown()


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    """True for the system's authorities; with a file, those and the file's."""
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=ca_file)
    return context


def _form(data: RequestData | None) -> tuple[aiohttp.FormData | aiohttp.BytesPayload | None, int]:
    """The body, and how many bytes of files it will carry. Open files are streamed, never read as a whole.

    Without files it is JSON, which the Bot API takes too ("Making requests"): form encoding makes nine bytes of a
    Georgian letter, and an eighth of what a send costs. Structures stay JSON within a string, as in a form: the Bot
    API server decodes a string before it looks into it (td/net/HttpReader.cpp, parse_json_parameters).
    """
    parameters = {} if data is None else data.json_parameters
    if data is None or not parameters:
        return None, 0
    if not data.contains_files:
        return aiohttp.BytesPayload(json.dumps(parameters).encode(), content_type="application/json"), 0
    form, size = aiohttp.FormData(), 0
    for name, value in parameters.items():
        form.add_field(name, value)
    for name, (filename, content, media_type) in data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=media_type)
        size += len(content) if isinstance(content, bytes) else Path(content.name).stat().st_size
    return form, size


def _given(value: Any, otherwise: float) -> float:
    """A call's own time-out, where it brings one."""
    return otherwise if value is BaseRequest.DEFAULT_NONE or value is None else float(value)


def _wait(answer: dict[str, Any]) -> float:
    """The seconds of a 429. One that names none, which the Bot API does not send, waits a minute."""
    parameters = answer.get("parameters")
    value = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(value) if isinstance(value, int | float) and value >= 0 else 60.0


def _words(error: BaseException) -> str:
    """What went wrong, in the words of the operating system or of aiohttp, without addresses that carry a path."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.strerror or type(error.os_error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
