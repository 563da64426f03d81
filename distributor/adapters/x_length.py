"""A text's length as X counts it, and cutting and splitting by it. Pure.

Length by twitter-text, version 3: 280 weighted characters; U+0000-10FF weigh 1 (Mkhedruli among them), most others 2
(Mtavruli, "…"), an emoji 2, a link 23 whatever its length.
"""

from __future__ import annotations

import re
import unicodedata

from twitter_text import extract_urls_with_indices, parse_tweet

LIMIT = 280  # weighted
_MARK = "…"
_JOINED = re.compile("[\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")  # what belongs to the sign before it


def weight(text: str) -> int:
    """The length as X counts it."""
    return int(parse_tweet(text).weightedLength) if text else 0


def fit(text: str, limit: int) -> str:
    """The longest beginning that weighs at most `limit` and ends at a word, with "…" where something was left out."""
    if weight(text) <= limit:
        return text
    ends = [match.start() for match in re.finditer(r"\s+", text) if match.start() > 0]
    best = _longest(text, ends, limit) or _longest(text, _between_signs(text), limit)
    return _trimmed(text[:best]) + _MARK


def split(text: str, limit: int, most: int) -> list[str]:
    """The text in posts of at most `limit`: at a paragraph where one fits whole, else at a word with "…"."""
    posts: list[str] = []
    rest = text
    while weight(rest) > limit and len(posts) < most - 1:
        breaks = [match.start() for match in re.finditer(r"\n\n", rest)]
        whole = _longest(rest, breaks, limit, mark="")
        if whole and weight(rest[:whole]) * 2 >= limit:
            posts.append(rest[:whole].rstrip())
            rest = rest[whole:].strip()
            continue
        head = fit(rest, limit)
        posts.append(head)
        rest = rest[len(head) - len(_MARK) :].lstrip(" \n\t,;:–—-")
    return [*posts, fit(rest, limit)]


def _longest(text: str, ends: list[int], limit: int, mark: str = _MARK) -> int:
    """The last of the rising `ends` at which the beginning, with the mark, is not too heavy; 0 where none is."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if weight(_trimmed(text[: ends[middle]]) + mark) <= limit:
            low = middle + 1
        else:
            high = middle
    return ends[low - 1] if low else 0


def _trimmed(text: str) -> str:
    return text.rstrip(" \n\t,;:–—-")


def _between_signs(text: str) -> list[int]:
    """Where one word may be cut: not before a mark that joins, nor after U+200D."""
    return [
        at
        for at in range(1, len(text))
        if not _JOINED.match(text[at]) and text[at - 1] != "\u200d" and not unicodedata.combining(text[at])
    ]


def comparable(text: str) -> str:
    """A text as it is compared with the timeline's: NFC, one space between words, links without scheme or end slash."""
    folded = unicodedata.normalize("NFC", text)
    out, at = [], 0
    for found in extract_urls_with_indices(folded):
        start, end = found["indices"]
        out += [folded[at:start], re.sub(r"^https?://", "", found["url"]).rstrip("/")]
        at = end
    return " ".join("".join([*out, folded[at:]]).split())
