"""Signed webhooks (Standard Webhooks): every subscriber's own endpoint gets a message, and again until it takes it.

May touch: the endpoints of subscribers and the name service, past the guard (webhook_guard). Has no account of its
own. Repeatable: a message keeps its id over all attempts, by which a receiver knows it again.
"""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from distributor.adapters.site import download_profile
from distributor.adapters.webhook_answers import after_answer, after_error
from distributor.adapters.webhook_guard import Guard
from distributor.adapters.webhook_render import ASKED, NOTICES, body, message_type, render
from distributor.adapters.webhook_settings import WebhookSettings
from distributor.adapters.webhook_signing import as_secret, message_id, signatures, subscriber_key
from distributor.core.asset import Asset, Profile
from distributor.core.channel import Action, Allowance, Health, Job, Progress, Source, Traits
from distributor.core.outcome import Absent, Deferred, Finding, Outcome, Rejected, Scope, nothing_stood
from distributor.core.ports import Surroundings
from distributor.core.rendering import Problem, Rendering

__all__ = ["Webhook", "WebhookSettings"]

# Ten attempts over 75 hours, as Standard Webhooks recommends.
_MINUTE, _HOUR = 60.0, 3600.0
WAITS = (5.0, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR)

_READ = 2048  # bytes of a refusal, for people; nothing of an acceptance is read
_SHOWN = 200
_KEPT_BODIES = 16
_AGENT = "Distributor-Webhooks/1 (+https://www.standardwebhooks.com)"


class Webhook:
    """The channel (core.channel.Channel, core.channel.Endpoints)."""

    def __init__(self, name: str, settings: WebhookSettings, surroundings: Surroundings) -> None:
        self.name = name
        self.traits = Traits(
            bulk=True,
            repeatable=True,
            all_languages=True,
            prepares=False,
            actions=frozenset({Action.PUBLISH, Action.CORRECT}) | NOTICES,
            waits=WAITS,
        )
        self._settings = settings
        self._around = surroundings
        self._session: ClientSession | None = None
        self._opening = asyncio.Lock()
        self._bodies: dict[tuple[object, ...], bytes] = {}

    def own_address(self) -> str:
        """None: there are subscribers only."""
        return ""

    def address_fault(self, address: str) -> str:
        """Why a subscriber cannot have this address; '' where it may."""
        return self._settings.address_fault(address)

    def secret_of(self, token: str) -> str:
        """What the subscriber with this token verifies messages with."""
        return as_secret(subscriber_key(self._settings.secret.get_secret_value(), token))

    def profiles(self, asset: Asset) -> tuple[Profile, ...]:
        """The file on the website to which the message leads."""
        return (download_profile(asset),)

    def render(self, source: Source) -> Rendering | None:
        """One message with every language."""
        return render(source, self.name, self._around.time_zone)

    def check(self, rendering: Rendering) -> tuple[Problem, ...]:
        """Nothing: JSON takes whatever a release may hold."""
        return ()

    async def prepare(self, job: Job, progress: Progress) -> Outcome | None:
        """Nothing reaches the endpoint before the message itself."""
        return None

    async def publish(self, job: Job, progress: Progress) -> Outcome:
        """One call with one message."""
        if job.action in NOTICES and job.before is None:
            return nothing_stood()
        address = job.destination.address
        if fault := self.address_fault(address):
            scope = Scope.DELIVERY if fault == "private" else Scope.DESTINATION
            return Rejected("forbidden_address", f"not called: the address is not allowed ({fault})", scope)
        try:
            session = await self._open()
        except OSError as error:
            return Deferred("ca_file", f"ca_file cannot be used: {error.strerror or 'no PEM'}", scope=Scope.LANE)
        return await self._call(session, address, job)

    async def _call(self, session: ClientSession, address: str, job: Job) -> Outcome:
        message, payload = message_id(job.key), self._body(job)
        headers = self._headers(message, payload, job.destination.token)
        status, said, retry_after = 0, "", ""
        try:
            async with asyncio.timeout(self._settings.timeout):
                async with session.post(address, data=payload, headers=headers, allow_redirects=False) as answer:
                    status, retry_after = answer.status, answer.headers.get("Retry-After", "")
                    if status >= 300:
                        said = _words(await answer.content.read(_READ))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if not status:  # else what was answered counts, and not how its body ended
                return after_error(error)
        return after_answer(status, said, retry_after, message, job.attempt, self._around.clock())

    def _headers(self, message: str, payload: bytes, token: str) -> dict[str, str]:
        secrets = (self._settings.secret.get_secret_value(), self._settings.previous_secret.get_secret_value())
        keys = [subscriber_key(secret, token) for secret in secrets if secret]
        now = int(self._around.clock().timestamp())
        return {
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "webhook-id": message,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures(keys, message, now, payload),
        }

    def _body(self, job: Job) -> bytes:
        """Thousands of subscribers get the same bytes: they are made once, but for those with an address of his own."""
        if job.before and job.action in ASKED:
            return body(job, self._around.base_url)
        replaced = job.before.revision if job.before else None
        key = (job.release_id, job.revision, message_type(job), replaced, job.rendering.language, job.approved_at)
        if key not in self._bodies:
            while len(self._bodies) >= _KEPT_BODIES:
                self._bodies.pop(next(iter(self._bodies)))
            self._bodies[key] = body(job, self._around.base_url)
        return self._bodies[key]

    async def reconcile(self, job: Job, progress: Progress) -> Finding:
        """An endpoint cannot be asked, and need not be: the same message with the same id goes again."""
        return Absent("whether it arrived is not known; the same message, with the same id, is sent again")

    def allowance(self) -> Allowance | None:
        """Nothing: every endpoint is another's."""
        return None

    async def probe(self) -> Health:
        """What can be said without calling anybody: whether certificates can be checked, and what is dangerous."""
        problems, ok = [], True
        try:
            await asyncio.to_thread(self._context)
        except OSError as error:
            ok = False
            problems.append(f"ca_file cannot be used: {error.strerror or 'it holds no certificates in PEM'}")
        if self._settings.allow_private:
            problems.append(
                "allow_private is on: subscribers' addresses may lead into our own network. Never in service!"
            )
        if self._settings.allow_http:
            problems.append("allow_http is on: messages to http:// addresses can be read and changed on their way")
        facts = {"ports": ", ".join(map(str, self._settings.ports)), "timeout": f"{self._settings.timeout:g} s"}
        facts["keys"] = "two, while they are changed" if self._settings.previous_secret.get_secret_value() else "one"
        return Health(ok, "subscribers' endpoints; none is called by this check", tuple(problems), facts=facts)

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def _open(self) -> ClientSession:
        async with self._opening:
            if self._session is None:
                context = await asyncio.to_thread(self._context)
                guard = Guard(allow_private=self._settings.allow_private)
                # One connection for each call: what was checked is what is called. The lane bounds how many there are.
                connector = TCPConnector(
                    ssl=context,
                    resolver=guard,
                    socket_factory=guard.socket,
                    use_dns_cache=False,
                    force_close=True,
                    limit=0,
                )
                self._session = ClientSession(
                    connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False, trust_env=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                )  # fmt: skip
            return self._session

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.ca_file)


def _words(raw: bytes) -> str:
    """The beginning of what an endpoint said, in one line."""
    return " ".join(raw.decode(errors="replace").split())[:_SHOWN]
