"""What the witness saw posted and edited in the channel, for the watch over posts that are not ours.

Reads only, through the witness. A bot is told of no deletion and reads no history: what is missing proves nothing.
"""

from __future__ import annotations

from datetime import datetime

from telegram import Message

from distributor.adapters.telegram_witness import Witness
from distributor.core.channel import CannotRead, Post, Posts


def form(text: str) -> str:
    """A text as it is compared: one space between words."""
    return " ".join(text.split())


async def posts(witness: Witness | None, since: datetime) -> Posts | None:
    """The channel's posts since then, and every older one that was edited, as they were last seen; None without a
    witness."""
    if witness is None:
        return None
    seen = await witness.seen()
    if not isinstance(seen, list):
        raise CannotRead(seen.reason)
    found = [post for post in seen if (post.edit_date or post.date >= since) and _says_something(post)]
    return Posts(tuple(_post(post) for post in found), complete=False)


def _says_something(post: Message) -> bool:
    """False for what Telegram itself notes in a channel, such as a message that was pinned."""
    return bool(post.text or post.caption or post.effective_attachment) and not post.pinned_message


def _post(post: Message) -> Post:
    return Post(str(post.message_id), form(post.text or post.caption or ""), post.date, post.link or "")
