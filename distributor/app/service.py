"""The roles of a process: worker, bot, web pages; started, and stopped in the opposite order.

May touch: whatever its roles touch. Drives the rounds that are not deliveries: checkpoints, looks at the channels.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import structlog

from distributor.app.parts import CannotStart, Parts, lane_of
from distributor.core.channel import Previewer
from distributor.queue.uptime import uptime
from distributor.queue.worker import Worker
from distributor.storage.deliveries import Deliveries

if TYPE_CHECKING:
    from distributor.web import Readiness

log = structlog.get_logger(__name__)

STALE_AFTER = 60.0  # seconds without a worker's heartbeat, or with something due and not taken, until /readyz says no
PATROL_SECONDS = 15.0  # between two looks whether it is time to look at a channel


class Service:
    """Roles running in this process. `start`, then `stop`."""

    def __init__(self, parts: Parts, roles: frozenset[str]) -> None:
        self.parts = parts
        self._roles = roles
        self._stops: list[Callable[[], Any]] = []
        self._rounds: list[asyncio.Task[None]] = []
        self.worker: Worker | None = None
        self.desk: Any = None
        self.url = ""

    async def start(self) -> None:
        """Start the roles; what had started is stopped again where one of them cannot."""
        try:
            if "worker" in self._roles:
                await self._start_worker()
            if "bot" in self._roles or ("web" in self._roles and self._webhook):
                await self._start_desk()
            if "web" in self._roles:
                await self._start_web()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop in the opposite order: nothing new comes in, then what is under way ends."""
        for task in self._rounds:
            task.cancel()
        await asyncio.gather(*self._rounds, return_exceptions=True)
        self._rounds.clear()
        for stop in reversed(self._stops):
            try:
                await stop()
            except Exception:
                log.exception("a part did not stop cleanly")
        self._stops.clear()

    @property
    def _webhook(self) -> bool:
        return self.parts.settings.telegram.mode == "webhook"

    async def _start_worker(self) -> None:
        parts, settings = self.parts, self.parts.settings.worker
        lanes = {
            name: lane_of(name, parts.settings.channels[name], channel, parts.media)
            for name, channel in parts.channels.items()
        }
        store = Deliveries(parts.database, parts.office.context.base_url)
        # Of this process alone, also after a restart with the same number: claims are known by it.
        name = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(3)}"
        self.worker = Worker(
            name,
            store,
            parts.queue,
            lanes,
            parts.events,
            parts.clock,
            lease=settings.lease_seconds,
            drain=settings.drain_seconds,
            guard=parts.office.restoring,
            uptime=uptime,
        )
        await self.worker.start()
        self._stops.append(self.worker.stop)
        self._rounds = [asyncio.create_task(self._sign()), asyncio.create_task(self._patrol(name))]

    async def _sign(self) -> None:
        """A signed checkpoint every so often, for as long as the worker runs."""
        while True:
            await asyncio.sleep(self.parts.settings.audit.checkpoint_minutes * 60)
            try:
                await self.parts.office.auditing.checkpoint()
            except Exception:
                log.exception("the audit checkpoint could not be signed; trying again later")

    async def _patrol(self, name: str) -> None:
        """Look at the channels and at what stands there, in one worker of all: the first by its name that lives."""
        office, watch = self.parts.office, self.parts.settings.watch
        while True:
            await asyncio.sleep(PATROL_SECONDS)
            try:
                if not await office.watching.leads(name):
                    continue
                await office.canary.look(watch.probe_every)
                if watch.posts:
                    await office.watching.look(watch.every, watch.costly_every or timedelta())
            except Exception:
                log.exception("the channels could not be looked at; trying again soon")

    async def _start_desk(self) -> None:
        from distributor.bot import Desk  # python-telegram-bot is loaded only where the bot runs

        settings = self.parts.settings.telegram
        if not settings.token.get_secret_value() or settings.desk_chat is None:
            raise CannotStart("the bot needs telegram.token and telegram.desk_chat in the settings")
        previewer = next(
            (
                cast(Previewer, self.parts.channels[name])
                for name, channel in self.parts.settings.channels.items()
                if channel.adapter == "telegram"
            ),
            None,
        )
        desk = Desk(
            self.parts.office,
            token=settings.token,
            api_url=settings.api_url,
            desk_chat=settings.desk_chat,
            mode=settings.mode,
            ca_file=str(settings.ca_file or ""),
            previewer=previewer,
            webhook_url=f"{self.parts.office.context.base_url}/hooks/telegram",
            webhook_secret=self.parts.settings.web.hook_secret,
        )
        await desk.start()
        self.desk = desk
        self._stops.append(desk.stop)

    async def _ready(self) -> Readiness:
        """Whether deliveries are brought, in every lane that somebody waits for."""
        from distributor.web import readiness

        there = await self.parts.queue.workers()
        served = frozenset(lane for lanes in there.values() for lane in lanes)
        return await readiness(self.parts.office, stale_after=STALE_AFTER, served=served)

    async def _start_web(self) -> None:
        from distributor.web import Server, build

        settings = self.parts.settings
        application = build(
            self.parts.office,
            self.parts.pages,
            hook=self.desk.accept if self.desk is not None and self._webhook else None,
            hook_secret=settings.web.hook_secret if self._webhook else None,
            secure_cookies=self.parts.office.context.base_url.startswith("https://"),
            ready=self._ready,
            trusted_proxies=tuple(str(network) for network in settings.web.trusted_proxies),
        )
        server = Server()
        await server.start(application, settings.web.host, settings.web.port)
        self._stops.append(server.stop)
        self.url = server.url
