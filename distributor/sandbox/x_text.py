"""X's count of a post's text: the weighted length of twitter-text, version 3.

Counts by itself after the published configuration (weights in hundredths, 280 at most, a link counts 23, an emoji
sequence counts 2); only links and emoji are found by the twitter-text-parser package. Pure.
"""

from __future__ import annotations

import unicodedata

from twitter_text import extract_emojis_with_indices, extract_urls_with_indices

AT_MOST = 280
LINK_LENGTH = 23
LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
FORBIDDEN = frozenset("\ufffe\ufeff\uffff")


def links(text: str) -> list[tuple[int, int, str]]:
    """(start, end, address) of every link, in code points."""
    return [(*found["indices"], str(found["url"])) for found in extract_urls_with_indices(text)]


def weighted_length(text: str) -> int:
    """The length that X counts, of the NFC form of `text`."""
    text = unicodedata.normalize("NFC", text)
    spans = {start: (end, LINK_LENGTH * 100) for start, end, _ in links(text)}
    for found in extract_emojis_with_indices(text):
        start, end = found["indices"]
        spans.setdefault(start, (end, 200))
    weight, at = 0, 0
    while at < len(text):
        if at in spans:
            end, more = spans[at]
            weight, at = weight + more, max(end, at + 1)
            continue
        point = ord(text[at])
        weight += 100 if any(first <= point <= last for first, last in LIGHT) else 200
        at += 1
    return weight // 100
