"""Looking for our own posts on X: the account's timeline since a time, as texts that can be compared.

Reads only. Sources: X API v2, `GET /2/users/{id}/tweets` (newest first, 3,200 at most, 100 a page); links come back as
t.co with `entities.urls`, attached media as one more link, and &, <, > as entities of HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from distributor.adapters.x_client import Unreadable, XClient
from distributor.adapters.x_text import comparable, is_correction

MOST_PAGES = 10
_OWN_MEDIA = re.compile(r"/status/\d+/(photo|video)/\d+$")


@dataclass(frozen=True, slots=True)
class Post:
    """One of our posts: its id, its comparable text, the id of the post that its conversation began with, its time."""

    id: str
    text: str
    conversation: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Our posts, newest first. `complete`: read back to the time asked for."""

    posts: tuple[Post, ...]
    complete: bool

    def find(self, text: str) -> str:
        """The id of the newest post with this text, else an empty string."""
        wanted = comparable(text)
        return next((post.id for post in self.posts if post.text == wanted), "")

    def matching(self, texts: Iterable[str]) -> set[str]:
        """The ids of all posts with one of these texts."""
        wanted = {comparable(text) for text in texts}
        return {post.id for post in self.posts if post.text in wanted}

    def corrections(self, conversations: Collection[str]) -> set[str]:
        """The ids of our labelled corrections in these conversations; what else was answered there is not ours."""
        return {post.id for post in self.posts if post.conversation in conversations and is_correction(post.text)}


async def whoami(client: XClient) -> tuple[str, str]:
    """Id and handle of the account that the keys belong to."""
    user = (await client.get_me(user_auth=True)).data
    if user is None:
        raise Unreadable("X does not say whose keys these are")
    return str(user.id), str(user.username)


async def read(client: XClient, since: datetime) -> Timeline:
    """The account's posts since a time. Raises what the client raises."""
    user_id, account = await whoami(client)
    posts: list[Post] = []
    token = None
    for _ in range(MOST_PAGES):
        page = await client.get_users_tweets(
            user_id,
            start_time=since,
            max_results=100,
            pagination_token=token,
            tweet_fields=["created_at", "entities", "conversation_id"],
            user_auth=True,
        )
        if page.errors or not isinstance(page.meta, dict) or "result_count" not in page.meta:
            raise Unreadable("X gave no timeline")
        for post in page.data or []:
            text = _written(post.text, post.entities, account)
            posts.append(Post(str(post.id), text, str(post.conversation_id or post.id), post.created_at))
        token = page.meta.get("next_token")
        if not token:
            return Timeline(tuple(posts), complete=True)
    return Timeline(tuple(posts), complete=False)


def _written(text: str, entities: Any, account: str) -> str:
    """The text as it was written: links expanded, the link to attached media dropped."""
    urls = entities.get("urls", []) if isinstance(entities, dict) else []
    for url in urls:
        full = str(url.get("expanded_url", ""))
        own = url.get("media_key") or _OWN_MEDIA.search(full)
        text = text.replace(str(url.get("url", "")), "" if own else html.escape(full, quote=False))
    # A reply may come back with the handle that it answers in front.
    return comparable(re.sub(rf"^@{re.escape(account)}\s+", "", html.unescape(text), flags=re.IGNORECASE))
