"""What stands in the own timeline, for the watch over posts that are not ours.

Reads only, and reading costs money: X counts every post that it gives. Sources: as `x_timeline`.
"""

from __future__ import annotations

from datetime import datetime

import tweepy

from distributor.adapters import x_timeline
from distributor.adapters.x_answers import after_prepare
from distributor.adapters.x_client import XClient
from distributor.core.channel import CannotRead, Post, Posts


async def posts(client: XClient, since: datetime, profile_url: str, now: datetime) -> Posts:
    """The account's posts since then."""
    try:
        timeline = await x_timeline.read(client, since)
    except tweepy.TweepyException as error:
        raise CannotRead(after_prepare(error, now).reason) from error
    found = (Post(post.id, post.text, post.at or since, f"{profile_url}/status/{post.id}") for post in timeline.posts)
    return Posts(tuple(found), timeline.complete)
