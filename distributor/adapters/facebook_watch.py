"""What stands in the page's feed, for the watch over posts that are not ours.

Reads only. Sources: as `facebook_feed`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from distributor.adapters.facebook_answers import ERRORS, after_prepare
from distributor.adapters.facebook_feed import pages
from distributor.adapters.facebook_graph import FacebookClient
from distributor.adapters.facebook_text import comparable
from distributor.core.channel import CannotRead, Post, Posts


async def posts(client: FacebookClient, page: str, since: datetime, web_url: str) -> Posts:
    """The page's posts since then. A video stands in the feed under another id than its own; by its words it is
    known."""
    found: list[Post] = []
    complete: bool | None = None
    try:
        async for some, end in pages(client, page, since):
            found += [_post(item, since, web_url) for item in some if item.get("id")]
            complete = end
    except ERRORS as error:
        raise CannotRead(after_prepare(error).reason) from error
    return Posts(tuple(found), bool(complete))


def _post(item: dict[str, Any], since: datetime, web_url: str) -> Post:
    number = str(item["id"])
    link = str(item.get("permalink_url") or f"{web_url.rstrip('/')}/{number}")
    return Post(number, comparable(str(item.get("message") or "")), _moment(item.get("created_time"), since), link)


def _moment(value: object, otherwise: datetime) -> datetime:
    """Graph writes '2026-03-05T09:00:00+0000'; what cannot be read counts as old enough."""
    try:
        found = datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return otherwise
    return found.astimezone(UTC)
