"""What a text is made of: blocks of styled spans, and entities over them; and which links may be followed.

Pure data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from distributor.core.text import faults_in


class Style(StrEnum):
    """How a span looks."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strikethrough"
    CODE = "code"


class BlockKind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters with the same styles; `href` where it is a link."""

    text: str
    styles: frozenset[Style] = frozenset()
    href: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item or quotation. `ordinal` numbers the items of an ordered list, else 0."""

    kind: BlockKind
    spans: tuple[Span, ...]
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class Entity:
    """A style or link over part of a text; offset and length in UTF-16 units, as Telegram counts."""

    kind: str  # bold, italic, strikethrough, code, text_link
    offset: int
    length: int
    href: str = ""


# RFC 3986 knows none of these in an address; a platform would cut it there, or show another one.
_UNFIT = re.compile(r"[\s<>\"]")


def safe_link(href: str) -> str:
    """The address where it may be followed, else an empty string. One that hides something is never followed."""
    href = href.strip()
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    if _UNFIT.search(href) or faults_in(href, one_line=True):
        return ""
    if parts.scheme in {"http", "https"} and parts.netloc:
        return href
    return href if parts.scheme in {"mailto", "tel"} and parts.path else ""
