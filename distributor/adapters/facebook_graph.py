"""The line to Facebook: facebook-sdk's GraphAPI made safe, and run in threads of its own.

Touches the network through one requests session, towards `api_url` only; follows no redirect, reads no proxy and no
.netrc from the environment. The token travels in the Authorization header alone: facebook-sdk is given none, for it
would put it into query strings. Errors tell how far a call came. Never logs; no exception holds a request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import facebook as facebook_sdk
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from distributor.adapters.facebook_quota import Usage

Json = dict[str, Any]
Files = Mapping[str, tuple[str, bytes, str]]


class NotWritten(Exception):
    """The call failed before its first byte was written: it surely did not happen."""


class Lost(Exception):
    """The connection ended, or the time ran out, after the call was written: it may have happened."""


class Unreadable(Exception):
    """An answer came that is not what Graph sends: it may have happened. `status` is its HTTP status."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status} {words}")
        self.status = status


class GraphRefusal(facebook_sdk.GraphAPIError):  # type: ignore[misc]  # facebook-sdk ships no types
    """Graph's error object, with what facebook-sdk leaves out of it: the HTTP status and the headers."""

    def __init__(self, result: Json, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(result)
        self.status = status
        self.headers = headers
        error = result["error"]
        self.number = _number(error.get("code"))
        self.subcode = _number(error.get("error_subcode"))
        self.transient = bool(error.get("is_transient"))
        data = error.get("error_data")
        self.data: Json = data if isinstance(data, dict) else {}
        self.trace = str(error.get("fbtrace_id") or "")


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else None


@dataclass(frozen=True, slots=True)
class Access:
    """The page's token, and the app's secret where the app demands a proof. No repr, so that no log shows them."""

    token: str = field(repr=False)
    app_secret: str = field(repr=False, default="")

    def proof(self) -> Json:
        """`appsecret_proof`: HMAC-SHA256 of the token with the app's secret (Graph API, "Secure Graph API Calls")."""
        if not self.app_secret:
            return {}
        return {"appsecret_proof": hmac.new(self.app_secret.encode(), self.token.encode(), hashlib.sha256).hexdigest()}


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its JSON object, and the headers that tell how much of the quota is used."""

    body: Json
    headers: Mapping[str, str]


class _Bearer(requests.auth.AuthBase):
    """Sets the header on every request; being set, it keeps requests from looking into .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Graph(facebook_sdk.GraphAPI):  # type: ignore[misc]  # facebook-sdk ships no types
    """GraphAPI with our host, our version, proof instead of token, and errors by phase."""

    def __init__(
        self, api_url: str, version: str, access: Access, session: requests.Session, wait: tuple[float, float]
    ):
        super().__init__(timeout=wait, session=session)
        self.version = version  # the constructor knows versions up to 3.1 only
        self._api_url = api_url.rstrip("/")
        self._access = access

    def request(
        self,
        path: str,
        args: Json | None = None,
        post_args: Json | None = None,
        files: Files | None = None,
        method: str | None = None,
    ) -> Answer:
        """One call. Raises NotWritten, Lost, Unreadable, GraphRefusal."""
        method = "POST" if post_args is not None else method or "GET"
        proof = self._access.proof()
        failure: NotWritten | Lost
        try:
            response = self.session.request(
                method,
                f"{self._api_url}/{path}",
                params=args if method == "POST" else (args or {}) | proof,
                data=(post_args or {}) | proof if method == "POST" else None,
                files=files,
                timeout=self.timeout,
                allow_redirects=False,
            )
            headers = {name.lower(): value for name, value in response.headers.items()}
            return _read(response.status_code, response.content, headers)
        except requests.RequestException as error:
            failure = (NotWritten if _before_writing(error) else Lost)(_named(error))
        # Raised out here, so that it keeps no context: requests' errors hold the request with its header.
        raise failure


def _before_writing(error: BaseException | None) -> bool:
    """Whether no byte of the request left: no name, no connection, no trusted certificate."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidHeader | requests.exceptions.InvalidURL):
        return True
    never = (
        urllib3.exceptions.NewConnectionError,  # NameResolutionError is one of these
        urllib3.exceptions.ConnectTimeoutError,
        ssl.SSLCertVerificationError,
    )
    chain: list[Any] = [error]
    for _ in range(6):  # requests wraps urllib3's MaxRetryError, which has a `reason`
        current = chain[-1]
        if isinstance(current, never):
            return True
        inner = getattr(current, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((item for item in getattr(current, "args", ()) if isinstance(item, BaseException)), None)
        if inner is None:
            return False
        chain.append(inner)
    return False


def _named(error: requests.RequestException) -> str:
    return "no answer in time" if isinstance(error, requests.Timeout) else type(error).__name__


def _read(status: int, content: bytes, headers: Mapping[str, str]) -> Answer:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        raise GraphRefusal(body, status, headers)
    if not isinstance(body, dict) or not 200 <= status < 300:
        kind = headers.get("content-type", "no type")
        raise Unreadable(status, f"with {len(content)} bytes of {kind} instead of a Graph answer")
    return Answer(body, headers)


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: to connect, for an answer to a call, for an answer to an upload."""

    connect: float
    answer: float
    upload: float


class FacebookClient:
    """One page. Calls run in a few threads of their own, so that a slow Graph holds nobody else up. `usage` hears
    every answer, in the event loop."""

    def __init__(
        self,
        api_url: str,
        video_url: str,
        version: str,
        access: Access,
        waits: Waits,
        ca_file: str | None,
        threads: int,
        usage: Usage,
    ) -> None:
        self.usage = usage
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = _Bearer(access.token)
        self._session.verify = ca_file or True
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=threads, max_retries=0))
        self._waits = waits
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="facebook")
        self._plain = _Graph(api_url, version, access, self._session, (waits.connect, waits.answer))
        self._upload = _Graph(api_url, version, access, self._session, (waits.connect, waits.upload))
        self._video = _Graph(video_url, version, access, self._session, (waits.connect, waits.upload))

    async def get(self, path: str, **args: Any) -> Answer:
        """Read an object or an edge, such as '123/feed'."""
        return await self._run(self._waits.answer, lambda: self._plain.get_object(path, **args))

    async def post(self, path: str, **fields: Any) -> Answer:
        """Write to an edge."""
        target = f"{self._plain.version}/{path}"
        return await self._run(self._waits.answer, lambda: self._plain.request(target, post_args=fields))

    async def delete(self, path: str) -> Answer:
        """Delete a post, a photo or a video."""
        target = f"{self._plain.version}/{path}"
        return await self._run(self._waits.answer, lambda: self._plain.request(target, method="DELETE"))

    async def send_photo(self, path: str, photo: tuple[str, bytes, str], **fields: Any) -> Answer:
        """Write a photo (name, bytes, media type) with its fields to an edge."""
        target = f"{self._upload.version}/{path}"
        call = self._upload.request
        return await self._run(self._waits.upload, lambda: call(target, post_args=fields, files={"source": photo}))

    async def send_video(self, path: str, chunk: bytes = b"", **fields: Any) -> Answer:
        """One phase of a video's upload, at the host that takes videos; with a chunk in the phase 'transfer'."""
        target = f"{self._video.version}/{path}"
        files = {"video_file_chunk": ("chunk", chunk, "application/octet-stream")} if chunk else None
        return await self._run(self._waits.upload, lambda: self._video.request(target, post_args=fields, files=files))

    async def _run(self, wait: float, call: Callable[[], Answer]) -> Answer:
        running = asyncio.get_running_loop().run_in_executor(self._threads, call)
        try:
            # requests knows no total: its time-out is one of silence, which a dripping answer never breaks.
            answer = await asyncio.wait_for(running, 2 * (self._waits.connect + wait))
        except TimeoutError:
            raise Lost("no complete answer in time") from None
        except GraphRefusal as refusal:
            self.usage.note(refusal.headers)
            raise
        self.usage.note(answer.headers)
        return answer

    async def aclose(self) -> None:
        """Close the session; a call still under way ends by its own time-out, unheard."""
        self._session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
