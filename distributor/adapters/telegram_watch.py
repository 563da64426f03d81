"""What the witness saw posted and edited in the channel, for the watch over posts that are not ours.

Reads only, through the witness. A bot is told of no deletion and reads no history: what is missing proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from telegram import Message

from distributor.adapters.telegram_render import main_items
from distributor.adapters.telegram_slots import KEPT, STUCK, Slot
from distributor.adapters.telegram_witness import Witness
from distributor.core.channel import CannotRead, Post, Posts
from distributor.core.outcome import Receipt
from distributor.core.rendering import Rendering


def form(text: str) -> str:
    """A text as it is compared: one space between words."""
    return " ".join(text.split())


def words(rendering: Rendering) -> frozenset[str]:
    """Every text and caption; '' where an album has messages without one."""
    wordless = any(len(main_items(part.media)) > 1 for part in rendering.parts)
    return frozenset({*(form(part.text) for part in rendering.parts), *([""] if wordless else [])})


def kept(receipt: Receipt | None, progress: Mapping[str, Any]) -> frozenset[str]:
    """The numbers of messages that may have their older words: Telegram refused to change or to delete them; '' where
    nobody knows the number of one."""
    told = receipt.detail.get("stands") if receipt else None
    stands = json.loads(told) if told else progress.get("stands") or {"slots": []}
    slots = [Slot(*row) for row in stands["slots"]]
    left = [slot for slot in slots if not slot.id or STUCK in slot.note or KEPT in slot.note]
    return frozenset(str(slot.id) if slot.id else "" for slot in left)


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
    told = post.edit_date or post.date
    return Post(str(post.message_id), form(post.text or post.caption or ""), post.date, post.link or "", told)
