"""The links of a text, asked whether they lead anywhere.

May touch: the addresses of links, by HTTP, and what it remembers of their answers for some minutes. All of a release
are asked within one deadline, a few at a time. An inner network is never asked, whatever name leads there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

import aiohttp
from yarl import URL

from distributor.adapters.webhook_guard import Forbidden, Guard
from distributor.core.rendering import Problem, Severity

AT_ONCE = 4
MOST = 20  # of one release; more are named as not asked
REDIRECTS = 3
KEPT = 500
_AGAIN = {"alive": 600.0, "dead": 120.0, "unchecked": 60.0}  # seconds for which an answer counts
_GONE = frozenset({404, 410})
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of asking: 'alive', 'dead' or 'unchecked', and why as a code or 'HTTP 404'."""

    state: str
    why: str = ""


class LinkAsker:
    """Asks, and remembers. `seconds` is the deadline for all links of a release together."""

    def __init__(
        self, *, allow_private: bool = False, seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allow_private = allow_private
        self._seconds = seconds
        self._clock = clock
        self._known: dict[str, tuple[float, Verdict]] = {}

    async def problems(self, addresses: Iterable[str]) -> list[Problem]:
        """What is wrong with these addresses; those that are no web addresses are left alone."""
        return list(_told(await self.ask(addresses)))

    async def ask(self, addresses: Iterable[str]) -> dict[str, Verdict]:
        """Every web address with its verdict, within the deadline."""
        wanted = [address for address in dict.fromkeys(addresses) if urlsplit(address).scheme in {"http", "https"}]
        verdicts = dict.fromkeys(wanted, Verdict("unchecked", "too_many"))
        fresh: list[str] = []
        for address in wanted[:MOST]:
            until, known = self._known.get(address, (0.0, Verdict("unchecked", "timeout")))
            verdicts[address] = known
            if until <= self._clock():
                verdicts[address] = Verdict("unchecked", "timeout")
                fresh.append(address)
        if fresh:
            verdicts |= await self._all(fresh)
        return verdicts

    async def _all(self, addresses: list[str]) -> dict[str, Verdict]:
        turns = asyncio.Semaphore(AT_ONCE)
        guard = Guard(allow_private=self._allow_private)
        connector = aiohttp.TCPConnector(resolver=guard, socket_factory=guard.socket, force_close=True)
        found: dict[str, Verdict] = {}

        async def one(session: aiohttp.ClientSession, address: str) -> None:
            async with turns:
                found[address] = await _follow(session, urldefrag(address).url)
                self._keep(address, found[address])

        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": "Distributor link check"},
        ) as session:
            tasks = [asyncio.create_task(one(session, address)) for address in addresses]
            try:
                await asyncio.wait(tasks, timeout=self._seconds)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return found

    def _keep(self, address: str, verdict: Verdict) -> None:
        if len(self._known) >= KEPT:
            del self._known[next(iter(self._known))]
        self._known[address] = (self._clock() + _AGAIN[verdict.state], verdict)


async def _follow(session: aiohttp.ClientSession, address: str) -> Verdict:
    """HEAD, then GET where a server will not say; redirects by hand, so that each is checked as the first was."""
    try:
        for _ in range(REDIRECTS + 1):
            status, location = await _status(session, address)
            if status not in _MOVED or not location:
                return _verdict(status)
            address = urljoin(address, location)
            if urlsplit(address).scheme not in {"http", "https"}:
                return Verdict("unchecked", "redirects")
        return Verdict("unchecked", "redirects")
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
        return _failed(error)


async def _status(session: aiohttp.ClientSession, address: str) -> tuple[int, str]:
    for method in ("HEAD", "GET"):
        # The body is never read: leaving the block closes the connection.
        async with session.request(method, URL(address), allow_redirects=False) as answer:
            status, location = answer.status, answer.headers.get("Location", "")
        if status < 400:
            break
    return status, location


def _verdict(status: int) -> Verdict:
    if status < 400:
        return Verdict("alive")
    return Verdict("dead" if status in _GONE else "unchecked", f"HTTP {status}")


def _failed(error: Exception) -> Verdict:
    causes: list[BaseException | None] = [error, error.__cause__, getattr(error, "os_error", None)]
    if any(isinstance(cause, Forbidden) for cause in causes):
        return Verdict("unchecked", "inner")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Verdict("dead", "no_name")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Verdict("dead", "refused")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Verdict("dead", "certificate")
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return Verdict("dead", "no_address")
    return Verdict("unchecked", "timeout" if isinstance(error, TimeoutError) else "connection")


def _told(verdicts: dict[str, Verdict]) -> Iterator[Problem]:
    for address, verdict in verdicts.items():
        params = {"address": address[:200], "answer": verdict.why}
        if verdict.state == "dead":
            yield Problem(Severity.WARNING, "dead_link", params)
        elif verdict.state == "unchecked":
            yield Problem(Severity.NOTE, "link_unchecked", params)
