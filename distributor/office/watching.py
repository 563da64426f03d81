"""The watch over what stands on our accounts: a post that we did not send, one of ours that is gone or was changed.

May touch: the platforms (reads only), alarms. Decides nothing: a person is asked, once for each finding. An account
that somebody else has taken over shows it here first.

What it does not see: a post with exactly the words of one of ours; one of ours that was put back to its own older
version; another picture under the same words; where the platform shows no whole history (Telegram), that something is
gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from distributor.core.channel import CannotRead, Post, Posts, Readable
from distributor.core.text import fingerprint
from distributor.office.alarms import Alarms
from distributor.office.context import Context
from distributor.storage import reports, watched
from distributor.storage.watched import Watched

log = structlog.get_logger(__name__)

WINDOW = timedelta(hours=48)  # how far back is read
MARGIN = timedelta(minutes=10)  # between our clock and the platform's
GRACE = timedelta(minutes=2)  # a post so young may be ours, its outcome still on its way
MOST = 5  # alarms of one look at a channel: a flood at the desk helps nobody, and the next look finds the others
MOST_OLDER = 50  # posts from before the window that the platform tells of: they were edited
READ_SECONDS = 60.0
ALIVE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person must look at. `what` is the alarm's kind."""

    what: str
    key: str
    params: dict[str, Any]


class Watching:
    """`look` again and again; each channel has its own turn. `every` 0 for never; `costly_every` for platforms where
    reading costs money."""

    def __init__(self, context: Context, alarms: Alarms) -> None:
        self._context = context
        self._alarms = alarms
        self._looked: dict[str, datetime] = {}

    async def leads(self, worker: str) -> bool:
        """True for one worker of all that live, the first by its name: one reader is enough."""
        now = self._context.clock()
        async with self._context.database.read() as connection:
            beats = await reports.heartbeats(connection)
        return worker == min((name for name, beat in beats.items() if abs(now - beat) < ALIVE), default="")

    async def look(self, every: timedelta, costly_every: timedelta) -> None:
        """Read back every channel whose turn it is. What cannot be read is logged and tried again in its turn."""
        for name, seat in self._context.seats.items():
            if not isinstance(seat.adapter, Readable) or not seat.adapter.own_address():
                continue
            interval, now = costly_every if seat.adapter.costly else every, self._context.clock()
            if not interval or abs(now - self._looked.get(name, datetime.min.replace(tzinfo=now.tzinfo))) < interval:
                continue
            self._looked[name] = now
            try:
                await self.look_at(name)
            except (CannotRead, TimeoutError) as error:
                log.warning("what stands there could not be read", channel=name, error=str(error))

    async def look_at(self, name: str) -> list[Finding]:
        """Read one channel back and compare; what is new is asked about."""
        adapter: Any = self._context.seats[name].adapter
        now = self._context.clock()
        async with self._context.database.read() as connection:
            own = await watched.own_since(connection, name)
        if not own:
            return []  # nothing was ever promised here
        since = max(now - WINDOW, min(own.values()))
        async with asyncio.timeout(READ_SECONDS):
            posts = await adapter.posts(since - MARGIN)
        if posts is None:
            return []
        # Read after the posts: what was sent meanwhile is known to be ours.
        older = [post.remote_id for post in posts.posts if post.at < since]
        async with self._context.database.read() as connection:
            ours = await watched.watched(connection, name, list(own), since, older[-MOST_OLDER:])
        found = list(compare(adapter, name, posts, ours, since, now))
        raised = 0
        for finding in found:
            if raised < MOST:
                raised += await self._alarms.raise_alarm(finding.what, f"channel:{name}", finding.key, finding.params)
        return found


def compare(
    adapter: Readable, channel: str, posts: Posts, ours: list[Watched], since: datetime, now: datetime
) -> Iterator[Finding]:
    """What differs between what stands there and what was sent."""
    by_id = {number: one for one in ours for number in one.ids}
    forms = {one.release_id: {adapter.form(text) for text in one.texts} for one in ours}
    known = {text for some in forms.values() for text in some}
    for post in posts.posts:
        mine = by_id.get(post.remote_id)
        if now - post.at < GRACE or (mine is None and post.at < since.replace(microsecond=0)):
            continue
        if mine is None and (not post.text or post.text not in known):
            yield Finding("foreign", _key("foreign", channel, post.remote_id), _params(channel, post))
        elif mine is not None and post.text and post.text not in forms[mine.release_id]:
            key = _key("changed", channel, post.remote_id, fingerprint(post.text)[:16])
            yield Finding("changed", key, _params(channel, post) | {"title": mine.title, "release": mine.release_id})
    if posts.complete:
        yield from _vanished(channel, posts, ours, forms, since, now)


def _vanished(
    channel: str, posts: Posts, ours: list[Watched], forms: dict[str, set[str]], since: datetime, now: datetime
) -> Iterator[Finding]:
    there, texts = {post.remote_id for post in posts.posts}, {post.text for post in posts.posts}
    for one in ours:
        if not since <= one.first < now - GRACE:
            continue  # it may stand before what was read, or not be shown yet
        gone = [number for number in one.stands if number not in there]
        # A platform may list what it made of ours under another number (a video): then its words are there.
        renumbered = len(gone) == len(one.stands) and forms[one.release_id] & texts
        if gone and not renumbered:
            params = {"channel": channel, "title": one.title, "release": one.release_id, "link": ""}
            yield Finding("vanished", _key("vanished", channel, gone[0]), params)


def _key(*parts: str) -> str:
    whole = ":".join(parts)
    return whole if len(whole) <= 160 else f"{parts[0]}:{parts[1]}:{fingerprint(whole)}"


def _params(channel: str, post: Post) -> dict[str, Any]:
    return {"channel": channel, "link": post.link, "text": post.text}
