"""The watch over what stands on our accounts: a post that we did not send, one of ours that is gone or was changed,
words that were withdrawn or replaced and stand there again. Our own website is compared whole (watching_pages).

May touch: the platforms (reads only), alarms. Decides nothing: a person is asked, once for each finding. An account
that somebody else has taken over shows it here first.

What it does not see: a copy with exactly the words of one that stands; another picture under the same words; where
the platform shows no whole history (Telegram), that something is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from distributor.core.channel import CannotRead, Post, Posts, Readable
from distributor.core.paged import Paged
from distributor.core.text import fingerprint
from distributor.office.alarms import Alarms
from distributor.office.context import Context
from distributor.office.watching_pages import Difference, PageWatch
from distributor.office.watching_words import GRACE, Expected
from distributor.storage import reports, watched
from distributor.storage.watched import Watched

log = structlog.get_logger(__name__)

WINDOW = timedelta(hours=48)  # how far back is read
MARGIN = timedelta(minutes=10)  # between our clock and the platform's
MOST = 5  # alarms of one look at a channel: a flood at the desk helps nobody, and a later look finds the others
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
        self._pages: dict[str, PageWatch] = {}

    async def leads(self, worker: str) -> bool:
        """True for one worker of all that live, the first by its name: one reader is enough."""
        now = self._context.clock()
        async with self._context.database.read() as connection:
            beats = await reports.heartbeats(connection)
        return worker == min((name for name, beat in beats.items() if abs(now - beat) < ALIVE), default="")

    async def look(self, every: timedelta, costly_every: timedelta) -> None:
        """Read back every channel whose turn it is. What cannot be read is logged and tried again in its turn."""
        for name, seat in self._context.seats.items():
            if not isinstance(seat.adapter, Readable | Paged) or not seat.adapter.own_address():
                continue
            costly = isinstance(seat.adapter, Readable) and seat.adapter.costly
            interval, now = costly_every if costly else every, self._context.clock()
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
        if isinstance(adapter, Paged):
            watch = self._pages.setdefault(name, PageWatch(self._context.database))
            found = [_of_page(name, one) for one in await watch.look(name, adapter, own, now)]
        else:
            found = await self._posts(name, adapter, own, now)
        raised = 0
        for finding in found:
            if raised < MOST:
                raised += await self._alarms.raise_alarm(finding.what, f"channel:{name}", finding.key, finding.params)
        return found

    async def _posts(self, name: str, adapter: Readable, own: dict[int, datetime], now: datetime) -> list[Finding]:
        since = max(now - WINDOW, min(own.values()))
        async with asyncio.timeout(READ_SECONDS):
            posts = await adapter.posts(since - MARGIN)
        if posts is None:
            return []
        # Read after the posts: what was sent meanwhile is known to be ours.
        older = [post.remote_id for post in posts.posts if post.at < since]
        async with self._context.database.read() as connection:
            ours = await watched.watched(connection, name, list(own), since, older[-MOST_OLDER:])
        return list(compare(adapter, name, posts, ours, since, now))


def compare(
    adapter: Readable, channel: str, posts: Posts, ours: list[Watched], since: datetime, now: datetime
) -> Iterator[Finding]:
    """What differs between what stood there when it was read, `now`, and what was sent."""
    releases = [Expected(adapter, one) for one in ours]
    owners = {number: one for one in releases for number in one.ids}
    owners |= {number: one for one in releases for put in one.release.puts for number in put.named}
    for post in posts.posts:
        mine = owners.get(post.remote_id)
        if now - post.at < GRACE or (mine is None and post.at < since.replace(microsecond=0)):
            continue
        finding = _strange(channel, post, releases, now) if mine is None else _other(channel, post, mine, now)
        if finding is not None:
            yield finding
    if posts.complete:
        yield from _vanished(channel, posts, releases, since, now)


def _strange(channel: str, post: Post, releases: list[Expected], now: datetime) -> Finding | None:
    """What is to be said of a post under an id that nobody told us."""
    at = post.told or now
    if any(one.right("", post.text, at) for one in releases):
        return None
    once = next((one for one in releases if one.ever(post.text)), None)
    if once is not None:
        return Finding("returned", _key("returned", channel, post.remote_id), _params(channel, post) | _named(once))
    return Finding("foreign", _key("foreign", channel, post.remote_id), _params(channel, post))


def _other(channel: str, post: Post, mine: Expected, now: datetime) -> Finding | None:
    """What is to be said of one of ours."""
    at = post.told or now
    if mine.right(post.remote_id, post.text, at):
        return None
    what = "returned" if mine.withdrawn(at) else "changed"
    key = _key(what, channel, post.remote_id, fingerprint(post.text)[:16])
    return Finding(what, key, _params(channel, post) | _named(mine))


def _vanished(
    channel: str, posts: Posts, releases: list[Expected], since: datetime, now: datetime
) -> Iterator[Finding]:
    there, texts = {post.remote_id for post in posts.posts}, {post.text for post in posts.posts}
    for one in releases:
        stands, last = one.release.stands, max((put.sent_at for put in one.release.puts if put.sent_at), default=now)
        if not since <= one.release.first < now - GRACE or last >= now - GRACE:
            continue  # it may stand before what was read, or not be shown yet
        gone = [number for number in stands if number not in there]
        # A platform may list what it made of ours under another number (a video): then its words are there.
        renumbered = len(gone) == len(stands) and any(one.right("", text, now) for text in texts)
        if gone and not renumbered:
            params = {"channel": channel, "link": ""} | _named(one)
            yield Finding("vanished", _key("vanished", channel, gone[0]), params)


def _of_page(channel: str, one: Difference) -> Finding:
    """A page as a finding: asked about once for each way in which it was changed."""
    key = _key(one.what, channel, one.release_id, fingerprint(f"{one.link} {one.mark}")[:16])
    params = {"channel": channel, "link": one.link, "text": one.text, "part": one.part}
    return Finding(one.what, key, params | {"title": one.title or one.release_id, "release": one.release_id})


def _named(one: Expected) -> dict[str, Any]:
    return {"title": one.release.title, "release": one.release.release_id}


def _key(*parts: str) -> str:
    whole = ":".join(parts)
    return whole if len(whole) <= 160 else f"{parts[0]}:{parts[1]}:{fingerprint(whole)}"


def _params(channel: str, post: Post) -> dict[str, Any]:
    return {"channel": channel, "link": post.link, "text": post.text}
