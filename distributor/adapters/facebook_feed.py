"""Looking for our own post on a Facebook page: what the page published since a time, and a video by its id.

Reads only. Never follows `paging.next`, an address that Facebook may have put a token into: the cursor is enough.
Sources: Graph API, edge /{page}/published_posts (newest first, 100 at most a page) and node /{video}. The edge
/{page}/feed is not asked: it also gives what visitors post there and public posts that tag the page, and a citizen who
repeats a release must be taken neither for us nor for an intruder.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from distributor.adapters.facebook_graph import FacebookClient, GraphRefusal, Unreadable
from distributor.adapters.facebook_text import comparable

MOST_PAGES = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """The id of the post found, else an empty string. `complete`: everything was read back to the time asked for."""

    post: str
    complete: bool


async def look(client: FacebookClient, page: str, message: str, since: datetime, video: str) -> Seen:
    """Look for a post with this message. `video`: id of its video, else ''. Raises what the client raises."""
    if video and await _video_is_out(client, video, message):
        return Seen(video, complete=True)
    async for posts, complete in pages(client, page, since):
        found = _with(posts, [message])
        if found or complete is not None:
            return Seen(found[0] if found else "", complete=bool(found) or bool(complete))
    return Seen("", complete=False)


async def all_with(
    client: FacebookClient, page: str, messages: Sequence[str], since: datetime
) -> tuple[list[str], bool]:
    """The ids of all posts with one of these messages, newest first, and whether everything was read. Raises what the
    client raises."""
    found: list[str] = []
    async for posts, complete in pages(client, page, since):
        found += _with(posts, messages)
        if complete is not None:
            return found, complete
    return found, False


def _with(posts: list[dict[str, Any]], messages: Sequence[str]) -> list[str]:
    wanted = {comparable(message) for message in messages}
    return [
        str(post["id"]) for post in posts if post.get("id") and comparable(str(post.get("message") or "")) in wanted
    ]


async def pages(
    client: FacebookClient, page: str, since: datetime
) -> AsyncIterator[tuple[list[dict[str, Any]], bool | None]]:
    """The page's own posts, piece by piece; beside the last one whether it is the end (True) or more was kept back
    (False)."""
    args: dict[str, Any] = {
        "fields": "id,message,created_time,permalink_url",
        "since": str(int(since.timestamp())),
        "limit": "100",
    }
    for _ in range(MOST_PAGES):
        body = (await client.get(f"{page}/published_posts", **args)).body
        posts = body.get("data")
        if not isinstance(posts, list) or not all(isinstance(post, dict) for post in posts):
            raise Unreadable(200, "without a feed")
        paging = body.get("paging")
        paging = paging if isinstance(paging, dict) else {}
        after = (paging.get("cursors") or {}).get("after")
        if not paging.get("next") or not after:
            yield posts, not paging.get("next")
            return
        yield posts, None
        args["after"] = after


async def _video_is_out(client: FacebookClient, video: str, message: str) -> bool:
    """A video carries its description only after the phase `finish`."""
    try:
        body = (await client.get(video, fields="id,description,status")).body
    except GraphRefusal as refusal:
        if refusal.number == 100:  # no such object, or not visible yet: the feed decides
            return False
        raise
    return comparable(str(body.get("description") or "")) == comparable(message)
