"""Is it alive, is it ready, and the figures.

Reads only. Readiness comes from the workers' heartbeats and the age of the oldest due delivery: a page that
answers proves nothing about a worker that is dead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from distributor.core.ports import EVERY
from distributor.office.office import Office
from distributor.office.restoring import CODE as RESTORED
from distributor.storage import alarms, reports
from distributor.web.requests_seen import SEEN
from distributor.web.site import SITE

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether deliveries are being brought; `reasons` in sentences where not."""

    ok: bool
    reasons: tuple[str, ...] = ()
    facts: dict[str, float] = field(default_factory=dict)


Ready = Callable[[], Awaitable[Readiness]]
READY: web.AppKey[Ready] = web.AppKey("ready")


async def readiness(office: Office, *, stale_after: float, served: frozenset[str] = frozenset()) -> Readiness:
    """Look at heartbeats and at what is due. `stale_after` in seconds, for both. `served`: the lanes that some worker
    serves, as far as the queue knows; empty where it does not."""
    now = office.context.clock()
    lanes = await office.operations.lanes()
    whole = lanes.pop(EVERY, None)
    going = [name for name, lane in lanes.items() if not lane.paused or (lane.until is not None and lane.until <= now)]
    going = [] if whole else going
    async with office.context.database.read() as connection:
        beats = await reports.heartbeats(connection)
        oldest = await reports.oldest_due(connection, going)
        last = await reports.last_attempt(connection)
    beat_age = min(((now - beat).total_seconds() for beat in beats.values()), default=float("inf"))
    ages = {name: (now - due).total_seconds() for name, due in oldest.items()}
    due_age = max([0.0, *ages.values()])
    reasons = []
    if whole and whole.code == RESTORED:
        reasons.append(f"nothing is sent: {whole.reason}; reconcile it with: distributor recover")
    if beat_age > stale_after:
        reasons.append("no worker has given a sign of life; start one, or look at its log")
    # A long mail run waits for its own rate: as long as attempts end, somebody takes what is due.
    idle = (now - last).total_seconds() if last else float("inf")
    if due_age > stale_after and idle > stale_after:
        reasons.append(f"a delivery has been due for {due_age:.0f} seconds and nobody takes it")
    for name in sorted(served and ages.keys() - served):
        if ages[name] > stale_after:
            reasons.append(f"no worker serves {name}, where a delivery has been due for {ages[name]:.0f} seconds")
    return Readiness(not reasons, tuple(reasons), {"heartbeat_age": beat_age, "oldest_due_age": due_age})


@routes.get("/healthz")
async def healthz(_request: web.Request) -> web.StreamResponse:
    """This process answers."""
    return web.json_response({"alive": True})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.StreamResponse:
    """Deliveries are being brought: 200; else 503 with the reasons."""
    found = await request.app[READY]()
    async with request.app[SITE].office.context.database.read() as connection:
        waiting = await alarms.count_open(connection)
    body = {"ready": found.ok, "reasons": list(found.reasons), "alarms": waiting}
    return web.json_response(body, status=200 if found.ok else 503)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.StreamResponse:
    """Prometheus' text format, made anew from the database at each call."""
    office = request.app[SITE].office
    registry = CollectorRegistry()
    async with office.context.database.read() as connection:
        counts = await reports.counts(connection)
        waiting = await alarms.count_open(connection)
    states = Gauge("distributor_deliveries", "Deliveries by channel and state", ["channel", "state"], registry=registry)
    for (channel, state), count in counts.items():
        states.labels(channel, state).set(count)
    paused = Gauge("distributor_lane_paused", "1 while a lane is paused", ["channel"], registry=registry)
    for name, lane in (await office.operations.lanes()).items():
        paused.labels(name).set(1 if lane.paused else 0)
    open_alarms = Gauge("distributor_alarms", "Alarms that wait for an answer", ["kind"], registry=registry)
    for kind, count in waiting.items():
        open_alarms.labels(kind).set(count)
    found = await request.app[READY]()
    Gauge("distributor_ready", "1 while deliveries are being brought", registry=registry).set(1 if found.ok else 0)
    for name, value in found.facts.items():
        Gauge(f"distributor_{name}_seconds", name.replace("_", " "), registry=registry).set(value)
    body = generate_latest(registry) + generate_latest(request.app[SEEN].registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
