"""The line to X: tweepy's asynchronous client with our host, our time-outs and errors that tell how far a call came.

Touches the network through one aiohttp session, towards `api_url` only; follows no redirect. Keeps tweepy's signing
(OAuth 1.0a, RFC 5849), models and exceptions. Never logs a header, and hands no exception on that holds one.
"""

from __future__ import annotations

import json as json_module
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import tweepy
from oauthlib.oauth1 import Client as Signer
from tweepy.asynchronous import AsyncClient
from yarl import URL

from distributor.adapters.x_quota import Quotas

Json = dict[str, Any]

# These write signature base strings and headers, with our tokens in them, when the root logger is at DEBUG.
_TALKATIVE = ("oauthlib.oauth1.rfc5849", "oauthlib.oauth1.rfc5849.signature", "tweepy.asynchronous.client")


class NotWritten(tweepy.TweepyException):  # type: ignore[misc]  # tweepy ships no types
    """The call failed before its first byte was written: it surely did not happen."""


class Lost(tweepy.TweepyException):  # type: ignore[misc]  # tweepy ships no types
    """The connection ended, or the time ran out, after the call was written: it may have happened."""


class Unreadable(tweepy.TweepyException):  # type: ignore[misc]  # tweepy ships no types
    """An answer came that is not what X sends: it may have happened."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The four secrets of OAuth 1.0a. No repr, so that no log shows them."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: to connect, for an answer to a call, for an answer to an upload of one chunk."""

    connect: float
    answer: float
    upload: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer apart from its request, so that exceptions which keep it hold no Authorization header."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def parsed(self) -> Json:
        """The JSON object of the body; ValueError where it is none. X's problem documents count too."""
        found = json_module.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found

    async def json(self) -> Json:
        """What tweepy reads."""
        return self.parsed()


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO


_QUIET = _Quiet()


@dataclass(slots=True)
class _Phase:
    """How far one request came; aiohttp's tracing fills it in just before the first byte leaves."""

    written: bool = False


def _tracing() -> aiohttp.TraceConfig:
    async def writing(_session: Any, context: Any, _params: Any) -> None:
        # aiohttp repeats GET and DELETE where a kept connection breaks; with the same nonce, which X takes for a replay
        # and answers with 401, as if our keys were revoked.
        if context.trace_request_ctx.written:
            raise aiohttp.ServerDisconnectedError("the connection broke; a call is signed for one try")
        context.trace_request_ctx.written = True

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(writing)
    return config


class XClient(AsyncClient):  # type: ignore[misc]  # tweepy ships no types
    """One account of X. `access_level` and `limits` are of the newest answer's headers; `quotas` hears every answer."""

    def __init__(
        self, api_url: str, keys: Keys, waits: Waits, quotas: Quotas, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(
            consumer_key=keys.consumer_key,
            consumer_secret=keys.consumer_secret,
            access_token=keys.access_token,
            access_token_secret=keys.access_token_secret,
        )
        for name in _TALKATIVE:
            logging.getLogger(name).addFilter(_QUIET)
        self.access_level = ""
        self.limits: dict[str, str] = {}
        self.quotas = quotas
        self._api_url = api_url.rstrip("/")
        self._waits = waits
        self._tls = tls
        self._own_session: aiohttp.ClientSession | None = None  # made at the first call, in its event loop

    async def aclose(self) -> None:
        """Close the session."""
        if self._own_session is not None:
            await self._own_session.close()
            self._own_session = None

    async def request(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        json: Json | None = None,
        user_auth: bool = False,
        data: aiohttp.FormData | None = None,
    ) -> Answer:
        """One signed call. `data` is a multipart body, which OAuth 1.0a does not sign (RFC 5849, 3.4.1.3).

        Raises NotWritten, Lost, Unreadable, or tweepy's exception for the status.
        """
        query = "&".join(f"{_coded(name)}={_coded(value)}" for name, value in sorted((params or {}).items()))
        url = f"{self._api_url}{route}" + (f"?{query}" if query else "")
        headers = {"User-Agent": self.user_agent} | ({"Content-Type": "application/json"} if json is not None else {})
        signer = Signer(self.consumer_key, self.consumer_secret, self.access_token, self.access_token_secret)
        url, headers, _ = signer.sign(url, method, headers=headers)
        answer = await self._exchange(method, url, headers, json, data)
        self._note(answer)
        self.quotas.note(method, route, answer.status, answer.headers)
        if 200 <= answer.status < 300:
            return _checked(answer)
        raise _refusal(answer)

    async def send_json(self, method: str, route: str, **call: Any) -> Json:
        """A call that tweepy has no method for; the JSON object of its answer."""
        return (await self.request(method, route, user_auth=True, **call)).parsed()

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], json: Json | None, data: aiohttp.FormData | None
    ) -> Answer:
        phase = _Phase()
        wait = self._waits.answer if data is None else self._waits.upload
        timeout = aiohttp.ClientTimeout(total=wait + self._waits.connect, sock_connect=self._waits.connect)
        try:
            async with self._open().request(
                method,
                URL(url, encoded=True),
                json=json,
                data=data,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                trace_request_ctx=phase,
            ) as response:
                body = await response.read()
                return Answer(response.status, response.reason or "", dict(_lower(response.headers)), body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = (Lost if phase.written else NotWritten)(_named(error))
        # Raised out here, so that it keeps no context: aiohttp's errors may hold the request's headers.
        raise failure

    def _open(self) -> aiohttp.ClientSession:
        if self._own_session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls or True)
            self._own_session = aiohttp.ClientSession(connector=connector, trace_configs=[_tracing()])
        return self._own_session

    def _note(self, answer: Answer) -> None:
        self.access_level = answer.headers.get("x-access-level", self.access_level)
        self.limits = {name: value for name, value in answer.headers.items() if "-limit-" in name}

    def _construct_response(self, response: Json, data_type: Any = None) -> Any:
        try:
            return super()._construct_response(response, data_type=data_type)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(f"the answer is not what X sends: {type(error).__name__}") from None


def _coded(value: Any) -> str:
    """Percent-encoded as RFC 5849 signs it, so that the URL signed is the URL sent."""
    return quote(str(value), safe="-._~")


def _lower(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items()]


def _named(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    words = str(error) if isinstance(error, aiohttp.ClientConnectorError | OSError) else ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _checked(answer: Answer) -> Answer:
    try:
        answer.parsed()
    except ValueError:
        kind = answer.headers.get("content-type", "no type")
        raise Unreadable(f"{answer.status} with {len(answer.body)} bytes of {kind} instead of a JSON object") from None
    return answer


_STATUS = {
    400: tweepy.BadRequest,
    401: tweepy.Unauthorized,
    403: tweepy.Forbidden,
    404: tweepy.NotFound,
    429: tweepy.TooManyRequests,
}


def _refusal(answer: Answer) -> Exception:
    """tweepy's exception for a status; a body that is not JSON (an HTML error page) counts as empty."""
    try:
        body = answer.parsed()
    except ValueError:
        body = {}
    errors = body.get("errors")
    body["errors"] = [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    if not isinstance(body.get("detail", ""), str):
        del body["detail"]
    kind = _STATUS.get(answer.status, tweepy.TwitterServerError if answer.status >= 500 else tweepy.HTTPException)
    error: Exception = kind(answer, response_json=body)
    return error
