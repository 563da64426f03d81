"""Text with entities, measured, joined, cut and split as Telegram counts: in UTF-16 units.

Pure. Never cuts inside a character (a surrogate pair, or letters and marks that are read as one), and never loses a
word in splitting.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from distributor.core.markup import Entity, merge
from distributor.core.text import utf16_length

# Bot API: sendMessage, sendPhoto; counted in UTF-16 units, which is never less than Telegram's own count.
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024

# A number and a full stop is a date or an item of a list more often than the end of a sentence.
_SENTENCE = re.compile(r"(?<!\d)[.!?…։。]+[\"'»”“’)\]]*(?=\s)")
_SPACE = re.compile(r"\s+")
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Flow:
    """Text and its entities; offsets and lengths in UTF-16 units of this text."""

    text: str = ""
    entities: tuple[Entity, ...] = ()

    @property
    def length(self) -> int:
        """UTF-16 units, which is what we hold Telegram's limits against: the safe side of its own count."""
        return utf16_length(self.text)


def styled(text: str, kind: str, href: str = "") -> Flow:
    """All of a text under one entity."""
    return Flow(text, (Entity(kind, 0, utf16_length(text), href),)) if text else Flow()


def join(flows: Iterable[Flow], gap: str = "\n\n") -> Flow:
    """The flows that hold something, one after the other."""
    text, entities = "", list[Entity]()
    for flow in flows:
        if not flow.text:
            continue
        text += gap if text else ""
        at = utf16_length(text)
        entities += [Entity(item.kind, item.offset + at, item.length, item.href) for item in flow.entities]
        text += flow.text
    return Flow(text, tuple(merge(entities)))


def slice_of(flow: Flow, start: int, end: int) -> Flow:
    """The characters from index `start` to `end`, without white space at either end; entities moved and clipped."""
    while start < end and flow.text[start].isspace():
        start += 1
    while end > start and flow.text[end - 1].isspace():
        end -= 1
    first = utf16_length(flow.text[:start])
    last = first + utf16_length(flow.text[start:end])
    kept = []
    for item in flow.entities:
        left, right = max(item.offset, first), min(item.offset + item.length, last)
        if left < right:
            kept.append(Entity(item.kind, left - first, right - left, item.href))
    return Flow(flow.text[start:end], tuple(kept))


def cut(flow: Flow, limit: int, mark: str = "…") -> Flow:
    """The longest beginning within `limit` units that ends at a word, with `mark` where something was left out."""
    if flow.length <= limit:
        return flow
    end = _furthest(flow.text, 0, limit - utf16_length(mark))
    if end <= 0:
        return Flow()
    if not flow.text[end].isspace():
        spaces = [match.start() for match in _SPACE.finditer(flow.text, 0, end) if match.start() > 0]
        end = spaces[-1] if spaces else end
    while end > 0 and flow.text[end - 1] in " \n\t,;:–—-":
        end -= 1
    head = slice_of(flow, 0, end)
    return Flow(head.text + mark, head.entities) if head.text else Flow()


def squeezed(head: list[Flow], middle: Flow, tail: list[Flow], limit: int) -> Flow:
    """The head whole, then of the tail what fits (its end first), and the middle cut at a word to what is left."""
    head = [cut(join(head), limit)]
    while tail and join([*head, *tail]).length > limit:
        tail = tail[1:]
    room = limit - join([*head, *tail]).length - 2  # the empty line between
    return join([*head, cut(middle, room) if room > 0 else Flow(), *tail])


def split(flow: Flow, limit: int) -> Iterator[Flow]:
    """Pieces of at most `limit` units: at a paragraph's end, else a line's, a sentence's, a word's, else between
    characters."""
    start, size = 0, len(flow.text)
    while start < size:
        if flow.text[start].isspace():  # it would be dropped, and must take no room
            start += 1
            continue
        end = _furthest(flow.text, start, limit)
        if end < size:
            end = _break(flow.text, start, end)
        piece = slice_of(flow, start, end)
        if piece.text:
            yield piece
        start = end


def _furthest(text: str, start: int, limit: int) -> int:
    """The greatest index so that text[start:index] has at most `limit` units and ends between characters."""
    end = start
    for used in accumulate(2 if ord(char) > 0xFFFF else 1 for char in text[start : start + max(limit, 0)]):
        if used > limit:
            break
        end += 1
    if end >= len(text):
        return len(text)
    whole = end
    while whole > start and _is_inside(text, whole):
        whole -= 1
    return whole if whole > start else end  # one endless cluster of marks: only the surrogate pair is kept whole


def _is_inside(text: str, index: int) -> bool:
    """True where text[index] is read as one with the character before it: marks, joined emoji, skin tones, and the
    second half of a flag."""
    char, before = text[index], text[index - 1]
    if unicodedata.category(char) in {"Mn", "Mc", "Me"} or _JOINER in (char, before):
        return True
    if 0x1F3FB <= ord(char) <= 0x1F3FF:
        return True
    flags = 0
    while index - 1 - flags >= 0 and 0x1F1E6 <= ord(text[index - 1 - flags]) <= 0x1F1FF:
        flags += 1
    return 0x1F1E6 <= ord(char) <= 0x1F1FF and flags % 2 == 1


def _break(text: str, start: int, end: int) -> int:
    """The best place to end a piece that may reach to `end`. A break in the first quarter would leave a stub."""
    early = start + (end - start) // 4
    window = text[start:end]
    for place in (
        start + window.rfind("\n\n"),
        start + window.rfind("\n"),
        max((match.end() for match in _SENTENCE.finditer(text, start, end)), default=0),
    ):
        if place > early:
            return place
    if text[end].isspace():
        return end
    spaces = [match.start() for match in _SPACE.finditer(text, start, end) if match.start() > start]
    return spaces[-1] if spaces else end
