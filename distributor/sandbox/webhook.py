"""Subscribers' endpoints: each address below /webhook/ belongs to one newsroom, which takes signed messages.

Keeps what came in, in memory. It verifies as Standard Webhooks says (id, timestamp, body; five minutes), knows a
message again by its id and then does nothing, and answers 204. A secret is put into `secrets` by whoever subscribes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from distributor.sandbox.effects import Record
from distributor.sandbox.faults import Fault, Faults
from distributor.sandbox.http_faults import play

TOLERANCE = 300.0
"""Seconds by which a timestamp may differ from the receiver's clock."""


@dataclass(frozen=True)
class Event:
    """A message that was taken. `verified` is False where the endpoint has no secret to verify with."""

    number: int
    endpoint: str
    id: str
    at: datetime
    verified: bool
    body: dict[str, Any]


class Webhook:
    """The endpoints of the simulated newsrooms."""

    def __init__(self, record: Record, faults: Faults) -> None:
        self.api_url = ""
        self.record = record
        self.faults = faults
        self.secrets: dict[str, str] = {}
        """endpoint → `whsec_…`."""
        self.events: list[Event] = []
        self.repeats: list[str] = []
        """Ids of messages that came again."""

    def routes(self) -> list[web.RouteDef]:
        """The routes, below the sandbox's root."""
        return [web.post("/webhook/{name}", self.deliver)]

    def of(self, endpoint: str) -> list[dict[str, Any]]:
        """The bodies that an endpoint took, in order."""
        return [event.body for event in self.events if event.endpoint == endpoint]

    async def deliver(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        name, raw = request.match_info["name"], await request.read()
        self.record.call("webhook", "deliver", endpoint=name, headers=dict(request.headers))
        fault = self.faults.take("webhook", "deliver", address=name)
        if fault is not None and fault.kind == "redirect":
            location = str(fault.options.get("location", "/"))
            return web.Response(status=int(fault.options.get("status", 302)), headers={"Location": location})
        if fault is not None and fault.kind == "drip":
            return await self._drip(fault, request)

        async def answer() -> web.Response:
            return self._take(name, request, raw)

        return await play(fault, request, self.record, answer, _throttled)

    def _take(self, name: str, request: web.Request, raw: bytes) -> web.Response:
        message, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        secret = self.secrets.get(name, "")
        if not message or not timestamp.isdigit() or abs(self.record.clock() - int(timestamp)) > TOLERANCE:
            return web.json_response({"error": "no id, or a timestamp that is too old or too new"}, status=400)
        if secret and not verified(secret, message, timestamp, raw, request.headers.get("webhook-signature", "")):
            return web.json_response({"error": "no signature fits"}, status=401)
        if any((event.endpoint, event.id) == (name, message) for event in self.events):
            self.repeats.append(message)
            return web.Response(status=204)
        try:
            body = json.loads(raw)
        except ValueError:
            return web.json_response({"error": "no JSON"}, status=400)
        event = Event(self.record.number(), name, message, self.record.now(), bool(secret), body)
        self.events.append(event)
        self.record.effect(
            "webhook", "event", endpoint=name, id=message, type=body.get("type"), verified=event.verified
        )
        return web.Response(status=204)

    async def _drip(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        """A byte now and then, for as long as the client listens: in the head of an answer, or in its body."""
        if fault.options.get("part", "head") == "head" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not request.transport.is_closing() and not self.record.stopping.is_set():
                await self.record.pause(fault.seconds(0.05))
                request.transport.write(b"z")
            return web.Response()
        answer = web.StreamResponse(status=int(fault.options.get("status", 200)))
        await answer.prepare(request)
        while not self.record.stopping.is_set():
            try:
                await answer.write(b"z")
            except (ConnectionError, RuntimeError):  # the client hung up
                break
            await self.record.pause(fault.seconds(0.05))
        return answer


def verified(secret: str, message: str, timestamp: str, body: bytes, header: str) -> bool:
    """Whether one of the signatures fits."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(right).decode()}"
    return any(hmac.compare_digest(wanted, one) for one in header.split())


def _throttled(seconds: int) -> web.Response:
    return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": str(seconds)})
