"""The composition root: settings become running parts, and stop again.

The only place that knows which class serves which port. Arguments are passed; nothing is found by magic, and nothing
happens at import.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import structlog

from distributor.adapters import registry
from distributor.config import ChannelSettings, Settings, find_places, find_words
from distributor.core.channel import Channel, Previewer
from distributor.core.policy import RetryPolicy
from distributor.core.ports import Clock, Events, Queue, Surroundings, Window
from distributor.media.service import MediaLibrary
from distributor.office.auditing import SigningKey
from distributor.office.context import Context, Seat
from distributor.office.links import LinkAsker
from distributor.office.office import Office
from distributor.queue.forms import queue_and_events
from distributor.queue.lane import Lane
from distributor.queue.mark import mark_keepers
from distributor.queue.worker import Worker
from distributor.storage import Database
from distributor.storage.deliveries import Deliveries
from distributor.storage.pages import NewsroomPages

log = structlog.get_logger(__name__)

# A channel without a deadline of its own: after a day a release is no longer news, and a person should decide.
DEADLINE = timedelta(hours=24)
STALE_AFTER = 60.0  # seconds without a worker's heartbeat, or with something due and not taken, until /readyz says no

PATROL_SECONDS = 15.0  # between two looks whether it is time to look at a channel

ROLES = frozenset({"bot", "worker", "web"})


class CannotStart(Exception):
    """The service cannot start; the text says what to do."""


def utc_now() -> datetime:
    """The present."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Parts:
    """What every role and every command works with."""

    settings: Settings
    database: Database
    media: MediaLibrary
    queue: Queue
    events: Events
    pages: NewsroomPages
    channels: Mapping[str, Channel]
    office: Office
    clock: Clock

    async def close(self) -> None:
        """Release everything, in the opposite order of opening."""
        for channel in self.channels.values():
            await channel.aclose()
        await self.office.restoring.aclose()
        await self.events.aclose()
        await self.queue.aclose()
        await self.media.aclose()
        await self.database.close()


async def open_parts(settings: Settings, settings_file: Path | None, clock: Clock = utc_now) -> Parts:
    """Open the database (bringing its schema up to date) and make the parts. Starts nothing."""
    database = Database(settings.storage.url.get_secret_value())
    await database.open()
    await database.migrate()
    media = MediaLibrary(settings.storage.media)
    pages = NewsroomPages(database)
    language = settings.office.languages[0]
    surroundings = Surroundings(
        media=media,
        pages=pages,
        clock=clock,
        base_url=settings.office.base_url.rstrip("/"),
        office_name=settings.office.name_in(language),
        time_zone=settings.office.time_zone,
    )
    channels = {
        name: registry.build(channel.adapter, name, channel.own, surroundings)
        for name, channel in settings.channels.items()
    }
    queue, events = queue_and_events(settings.queue.url.get_secret_value())
    context = Context(
        database=database,
        media=media,
        seats={name: _seat(name, settings.channels[name], channels[name]) for name in channels},
        clock=clock,
        wake=queue.wake,
        events=events,
        office_name=surroundings.office_name,
        base_url=surroundings.base_url,
        languages=settings.office.languages,
        time_zone=settings.office.time_zone,
        regions=find_places("regions", settings_file),
        topics=find_places("topics", settings_file),
        exercise=settings.office.exercise,
        words=find_words(settings_file),
        links=_links(settings),
    )
    marks = mark_keepers(settings.audit.key_file, settings.queue.url.get_secret_value())
    office = Office(context, SigningKey(settings.audit.key_file), marks)
    return Parts(settings, database, media, queue, events, pages, channels, office, clock)


def _links(settings: Settings) -> LinkAsker | None:
    wanted = settings.preflight
    return LinkAsker(allow_private=wanted.allow_private_links) if wanted.check_links else None


def _seat(name: str, channel: ChannelSettings, adapter: Channel) -> Seat:
    return Seat(
        name=name,
        adapter=adapter,
        languages=channel.languages,
        kinds=frozenset(kind.value for kind in channel.accepts.kinds),
        regions=frozenset(channel.accepts.regions),
        topics=frozenset(channel.accepts.topics),
        deadline=channel.deadline or max(DEADLINE, timedelta(seconds=1.1 * sum(adapter.traits.waits))),
        live=channel.live,
        label=channel.title,
        token_expires=_midnight(channel.token_expires),
    )


def _midnight(day: date | None) -> datetime | None:
    """The beginning of a day, in UTC."""
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _lane(name: str, channel: ChannelSettings, adapter: Channel) -> Lane:
    # A channel with an account of its own has one destination: that destination's rates are the lane's.
    own = bool(adapter.own_address())
    return Lane(
        name=name,
        channel=adapter,
        windows=_windows(channel.rates, channel.destination_rates if own else ()),
        destination_windows=() if own else _windows(channel.destination_rates),
        concurrency=channel.concurrency,
        live=channel.live,
        policy=RetryPolicy.scheduled(adapter.traits.waits),
    )


def _windows(*rates: Sequence[tuple[int, float]]) -> tuple[Window, ...]:
    return tuple(Window(count, seconds) for some in rates for count, seconds in some)


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
        lanes = {name: _lane(name, parts.settings.channels[name], channel) for name, channel in parts.channels.items()}
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

    async def _start_web(self) -> None:
        from distributor.web import Server, build, readiness

        settings = self.parts.settings
        application = build(
            self.parts.office,
            self.parts.pages,
            hook=self.desk.accept if self.desk is not None and self._webhook else None,
            hook_secret=settings.web.hook_secret if self._webhook else None,
            secure_cookies=self.parts.office.context.base_url.startswith("https://"),
            ready=lambda: readiness(self.parts.office, stale_after=STALE_AFTER),
            trusted_proxies=tuple(str(network) for network in settings.web.trusted_proxies),
        )
        server = Server()
        await server.start(application, settings.web.host, settings.web.port)
        self._stops.append(server.stop)
        self.url = server.url
