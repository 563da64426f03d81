"""What was asked of the web server: the access log and the request counter.

May touch: the log. Writes no query string, no token, no header and no body; an address without a route is not written
at all, for it may hold anything.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, Counter

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def route_of(request: web.Request) -> str:
    """The route's pattern ('/unsubscribe/{token}'), or 'none'."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


class RequestsSeen:
    """Counts and logs each request once. `registry` belongs to this application alone."""

    def __init__(self, trusted_proxies: Sequence[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self._count = Counter(
            "distributor_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._trusted = [ipaddress.ip_network(network) for network in trusted_proxies]

    @property
    def middleware(self) -> Middleware:
        """The outermost middleware."""

        @web.middleware
        async def see(request: web.Request, handler: Handler) -> web.StreamResponse:
            started = time.monotonic()
            status = 500
            try:
                response = await handler(request)
                status = response.status
                return response
            except web.HTTPException as answer:
                status = answer.status
                raise
            finally:
                self._note(request, status, time.monotonic() - started)

        return see

    def _note(self, request: web.Request, status: int, seconds: float) -> None:
        route = route_of(request)
        # Methods that nobody defined would make a new series each.
        method = request.method if request.method in {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} else "other"
        self._count.labels(method, route, str(status)).inc()
        path = route if "token" in request.match_info or route == "none" else request.path
        log.info(
            "request", method=method, path=path, status=status, ms=round(seconds * 1000, 1), client=self.client(request)
        )

    def client(self, request: web.Request) -> str:
        """Who asked. X-Forwarded-For is believed only where a trusted proxy wrote it, from the right."""
        here = request.remote or ""
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for claimed in reversed([part.strip() for part in forwarded if part.strip()]):
            if not self._trusts(here) or _address(claimed) is None:
                break
            here = claimed
        return here

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._trusted)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


SEEN: web.AppKey[RequestsSeen] = web.AppKey("seen", RequestsSeen)
