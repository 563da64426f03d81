"""Plays an ordered fault on an HTTP call.

Takes the fault, the call's effect (a coroutine function that gives the true answer) and the platform's own form of a
429, and gives the answer the client gets. Touches the connection only to break it. Never runs an effect twice.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from distributor.sandbox.effects import Record
from distributor.sandbox.faults import Fault

Answer = Callable[[], Awaitable[web.Response]]

HTML = (
    "<!DOCTYPE html><html><head><title>Service Unavailable</title></head>"
    "<body><h1>Over capacity</h1><p>Please try again later.</p></body></html>"
)
IDS = frozenset({"id", "message_id", "post_id", "video_id", "upload_session_id", "media_key"})


def break_connection(request: web.BaseRequest) -> None:
    """Resets the TCP connection (RST, not FIN), so that the client sees a lost connection and no answer."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def without_ids(body: Any) -> Any:
    """The answer's JSON with every id of the created thing taken out (one level of wrapping and lists included)."""
    if isinstance(body, list):
        return [without_ids(item) for item in body]
    if not isinstance(body, dict):
        return body
    kept = {name: value for name, value in body.items() if name not in IDS}
    return {name: without_ids(value) if name in ("result", "data") else value for name, value in kept.items()}


def _broken(request: web.BaseRequest) -> web.Response:
    break_connection(request)
    return web.Response(status=500)  # never arrives: aiohttp wants something to have been returned


async def play(
    fault: Fault | None,
    request: web.BaseRequest,
    record: Record,
    answer: Answer,
    throttled: Callable[[int], web.Response],
) -> web.Response:
    """Gives the answer to a call under `fault` (None: the true answer)."""
    if fault is None:
        return await answer()
    if fault.kind == "latency":
        await record.pause(fault.seconds(0.2))
        return await answer()
    if fault.kind == "429":
        return throttled(int(fault.options.get("retry_after", 1)))
    if fault.kind in ("reset_before", "reset_after", "hang"):
        return await _lose(fault, request, record, answer)
    return await _spoil(fault, answer)


async def _lose(fault: Fault, request: web.BaseRequest, record: Record, answer: Answer) -> web.Response:
    """The kinds that end without an answer."""
    if fault.kind == "reset_after" and fault.effect(True):
        await answer()
    if fault.kind == "hang":
        if fault.effect(False):
            await answer()
        await record.pause(fault.seconds(30))
    return _broken(request)


async def _spoil(fault: Fault, answer: Answer) -> web.Response:
    """The kinds that answer, but wrongly."""
    happens = fault.effect(fault.kind in ("wrong_type", "empty", "no_id"))
    true_answer = await answer() if happens else None
    if fault.kind == "error":
        return web.json_response(fault.options.get("body", {}), status=int(fault.options.get("status", 500)))
    if fault.kind == "html":
        return web.Response(text=HTML, content_type="text/html", status=int(fault.options.get("status", 503)))
    if fault.kind == "wrong_type":
        return web.Response(text=HTML, content_type="text/html")
    if fault.kind == "empty":
        return web.Response(body=b"", content_type="application/json")
    if fault.kind == "no_id" and true_answer is not None:
        body = json.loads(true_answer.text or "null")
        return web.json_response(without_ids(body), status=true_answer.status)
    raise ValueError(f"fault {fault.kind!r} cannot be played over HTTP")
