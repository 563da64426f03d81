"""What Telegram would refuse of a rendering, and what its readers would miss.

Pure. The limits stand in `telegram_render` and `telegram_text`, with their source.
"""

from __future__ import annotations

from collections.abc import Iterator

from distributor.adapters.telegram_notices import SHORT, posts_of
from distributor.adapters.telegram_render import ALBUM_LIMIT, PHOTO_BYTES, PHOTO_RATIO, PHOTO_SUM, main_items
from distributor.adapters.telegram_text import CAPTION_LIMIT, TEXT_LIMIT
from distributor.core.asset import MediaKind
from distributor.core.rendering import Placed, Problem, Rendering, Severity
from distributor.core.text import utf16_length


def check(rendering: Rendering, video_bytes: int) -> Iterator[Problem]:
    """What Telegram would refuse (blocking), and what readers would miss."""
    for part in rendering.parts:
        items = [item for item, _ in main_items(part.media)]
        if not items and not part.text.strip():
            yield _blocking("empty_text")
        caption = bool(items) or part.kind in SHORT
        limit = CAPTION_LIMIT if caption else TEXT_LIMIT
        length = utf16_length(part.text)
        if length > limit:
            code = "caption_too_long" if caption else "text_too_long"
            yield _blocking(code, length=length, limit=limit)
        if len(items) > ALBUM_LIMIT:
            yield _blocking("too_many_media", count=len(items), limit=ALBUM_LIMIT)
        for number, item in enumerate(items, 1):
            yield from _check_item(item, number, video_bytes)
        if part.fields.get("shortened"):
            yield Problem(Severity.WARNING, "text_shortened", {"limit": str(limit)})
    count = len(posts_of(rendering))  # without what is kept ready for the case that an edit is refused
    if count > 1:
        yield Problem(Severity.NOTE, "several_messages", {"count": str(count)})


def _check_item(item: Placed, number: int, video_bytes: int) -> Iterator[Problem]:
    made = item.rendition
    most = PHOTO_BYTES if item.kind is MediaKind.PHOTO else video_bytes
    if made.size > most:
        yield _blocking("media_too_large", number=number, size=made.size, limit=most)
    if item.kind is MediaKind.VIDEO:
        return
    if made.width + made.height > PHOTO_SUM:
        yield _blocking("photo_too_wide", number=number, sum=made.width + made.height, limit=PHOTO_SUM)
    if max(made.width, made.height) > PHOTO_RATIO * max(min(made.width, made.height), 1):
        yield _blocking("photo_ratio", number=number, limit=PHOTO_RATIO)


def _blocking(code: str, **params: int) -> Problem:
    return Problem(Severity.BLOCKING, code, {name: str(value) for name, value in params.items()})
