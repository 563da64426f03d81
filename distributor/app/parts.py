"""What every role and every command works with: settings become parts.

May touch: whatever the settings name (database, queue, media folder); it opens them and starts nothing. Imports every
layer below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

from distributor.adapters import registry
from distributor.config import ChannelSettings, Settings, find_places, find_words
from distributor.core.asset import Media
from distributor.core.channel import Channel
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
from distributor.storage import Database
from distributor.storage.pages import NewsroomPages

log = structlog.get_logger(__name__)

# A channel without a deadline of its own: after a day a release is no longer news, and a person should decide.
DEADLINE = timedelta(hours=24)


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
        appeal_deadline=settings.office.appeal_deadline,
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


def lane_of(name: str, channel: ChannelSettings, adapter: Channel, media: Media) -> Lane:
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
        media=media,
    )


def _windows(*rates: Sequence[tuple[int, float]]) -> tuple[Window, ...]:
    return tuple(Window(count, seconds) for some in rates for count, seconds in some)
