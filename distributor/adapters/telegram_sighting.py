"""Does a post in a channel show what a part of a rendering would have shown?

Pure. Compares what readers see: words, styles, links, and the kinds of photos and videos in their order. What Telegram
does by itself makes no difference: it finds links, names and numbers in a text, joins and splits styles, trims them at
white space, and writes the address of a site with a slash at its end. Where it did more to a text than that, the post
is not known again, which ends with a person looking and never with a second post.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from telegram import Message
from yarl import URL

from distributor.adapters.telegram_render import main_items
from distributor.core.asset import MediaKind
from distributor.core.rendering import Part

# Found in a text by the server itself (Bot API, MessageEntity).
_FOUND_BY_TELEGRAM = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"})
_WEB = ("http://", "https://")  # other links a text may lose on the way: they are not compared

Marks = frozenset[tuple[str, str, int]]


def groups(posts: Iterable[Message]) -> list[tuple[Message, ...]]:
    """Posts as readers see them, in order: the items of an album together. Without what was forwarded, or posted by
    way of an inline bot: we do neither."""
    found: dict[str, list[Message]] = {}
    for post in sorted(posts, key=lambda one: one.message_id):
        if post.forward_origin is None and post.via_bot is None:
            found.setdefault(post.media_group_id or f"single {post.message_id}", []).append(post)
    return [tuple(group) for group in found.values()]


def has_words(group: Sequence[Message], part: Part) -> bool:
    """True where one of the posts says what the part says, whatever pictures go with it."""
    wanted = (part.text.strip(), _wanted_marks(part))
    return any(_words(post) == wanted for post in group)


def shows(group: Sequence[Message], part: Part, reply_to: int | None) -> bool:
    """True where the posts are what the part would have become. `reply_to`: the message that it answers, if any; the
    answer may have lost it, where the message was deleted (allow_sending_without_reply).

    A part without words is never known again: pictures alone tell too little.
    """
    first, *others = group
    answered = first.reply_to_message.message_id if first.reply_to_message else None
    return (
        bool(part.text.strip())
        and [_kind(post) for post in group] == _wanted_kinds(part)
        and has_words([first], part)
        and not any(_words(post)[0] for post in others)
        and answered in (reply_to, None)
    )


def media_count(group: Sequence[Message]) -> int:
    """Photos, videos and other files."""
    return sum(_kind(post) != "" for post in group)


def _wanted_kinds(part: Part) -> list[str]:
    return [item.kind.value for item, _ in main_items(part.media)] or [""]


def _kind(post: Message) -> str:
    """'photo', 'video', another word for another attachment, '' for a text. A silent film comes back as an
    animation."""
    if post.photo:
        return MediaKind.PHOTO.value
    if post.video or post.animation:
        return MediaKind.VIDEO.value
    return "other" if post.effective_attachment else ""


def _words(post: Message) -> tuple[str, Marks]:
    text = post.text or post.caption or ""
    entities = post.entities or post.caption_entities
    found = ((item.type, item.url or "", item.offset, item.length) for item in entities)
    return text.strip(), _marks(text, found)


def _wanted_marks(part: Part) -> Marks:
    return _marks(part.text, ((item.kind, item.href, item.offset, item.length) for item in part.entities))


def _marks(text: str, entities: Iterable[tuple[str, str, int, int]]) -> Marks:
    """Which UTF-16 unit is under which style or link; white space is under none."""
    solid = [not char.isspace() for char in text for _ in range(2 if ord(char) > 0xFFFF else 1)]
    return frozenset(
        (kind, _address(href), at)
        for kind, href, offset, length in entities
        if kind not in _FOUND_BY_TELEGRAM and (kind != "text_link" or href.lower().startswith(_WEB))
        for at in range(offset, min(offset + length, len(solid)))
        if solid[at]
    )


def _address(href: str) -> str:
    """An address in one form, whichever way its host and its letters were written."""
    try:
        return str(URL(href)).rstrip("/")
    except ValueError:
        return href
