"""Calls to a site's REST API, and the few ways in which they end.

May touch: the site. Follows no redirect, keeps no cookie; every call ends within its time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from distributor.adapters.wordpress_settings import WordPressSettings

Json = dict[str, Any]


class NotReached(Exception):
    """No answer. Whether the call had an effect is not known; each of ours may be made again."""


class Refusal(Exception):
    """An answer outside 2xx. `code` is WordPress's own, '' where the answer was not WordPress's JSON."""

    def __init__(self, status: int, code: str, message: str, retry_after: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class Unreadable(Exception):
    """2xx, but not what the API answers: HTML, nothing, or no JSON."""


ERRORS = (NotReached, Refusal, Unreadable)  # all that a call raises, beside an OSError of a file of ours


class Client:
    """One site, as one user."""

    def __init__(self, settings: WordPressSettings) -> None:
        self._settings = settings
        self._session: ClientSession | None = None
        self._opening = asyncio.Lock()

    async def get(self, path: str, **query: str) -> Any:
        """Read."""
        return await self._call("GET", path, query=query)

    async def post(self, path: str, given: Json) -> Json:
        """Create or change, by JSON."""
        return _table(await self._call("POST", path, data=json.dumps(given).encode(), kind="application/json"))

    async def delete(self, path: str, *, force: bool) -> Json:
        """Delete, for good with `force`."""
        return _table(await self._call("DELETE", path, query={"force": "true"} if force else {}))

    async def upload(self, file: Path, kind: str, name: str) -> Json:
        """Put a file into the library. OSError where it cannot be read."""
        with await asyncio.to_thread(file.open, "rb") as handle:
            named = {"Content-Disposition": f'attachment; filename="{name}"'}
            return _table(await self._call("POST", "wp/v2/media", data=handle, kind=kind, headers=named))

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        data: Any = None,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        session = await self._open()
        told = {**({"Content-Type": kind} if kind else {}), **(headers or {})}
        whole = self._settings.upload_timeout if headers else self._settings.answer_timeout
        try:
            async with asyncio.timeout(self._settings.connect_timeout + whole):
                url = f"{self._settings.api_url}/{path}"
                async with session.request(
                    method, url, params=query or {}, data=data, headers=told, allow_redirects=False
                ) as answer:
                    return _read(answer, await answer.read())
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise NotReached(_named(error)) from None

    async def _open(self) -> ClientSession:
        async with self._opening:
            if self._session is None:
                settings = self._settings
                try:
                    context = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_file)
                except OSError as error:
                    raise NotReached(f"ca_file cannot be used: {error.strerror or 'it holds no PEM'}") from None
                who = f"{settings.user}:{settings.application_password.get_secret_value()}".encode()
                basic = f"Basic {base64.b64encode(who).decode()}"
                # Kept from one step to the next, but not until the site has closed it: a POST is not repeated here.
                connector = TCPConnector(ssl=context, keepalive_timeout=2.0)
                self._session = ClientSession(
                    connector=connector, cookie_jar=DummyCookieJar(),
                    timeout=ClientTimeout(total=None, sock_connect=settings.connect_timeout),
                    headers={"Accept": "application/json", "User-Agent": "Distributor/1", "Authorization": basic},
                )  # fmt: skip
            return self._session


def _read(answer: aiohttp.ClientResponse, raw: bytes) -> Any:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if 200 <= answer.status < 300:
        if not isinstance(body, dict | list):
            raise Unreadable(f"{answer.status} with {answer.content_type} that is no JSON")
        return body
    known = body if isinstance(body, dict) and isinstance(body.get("code"), str) else {}
    code, message = str(known.get("code", "")), " ".join(str(known.get("message", "")).split())[:300]
    raise Refusal(answer.status, code, message, answer.headers.get("Retry-After", ""))


def _table(body: Any) -> Json:
    if not isinstance(body, dict):
        raise Unreadable("a list where one thing was asked for")
    return body


def _named(error: Exception) -> str:
    """The kind of the error: its text may hold an address."""
    if isinstance(error, TimeoutError):
        return "no answer within the time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "the site's certificate is not in order"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the site's name leads nowhere"
    return type(error).__name__
