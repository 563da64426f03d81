"""A word that was wrong: read from a message what is to be put in its place, and put it there.

Pure. "wrong → right", or two lines. Nothing is replaced that does not stand there exactly as written, so that no word
is changed by accident.
"""

from __future__ import annotations

from dataclasses import replace

from distributor.core.refusal import Refused
from distributor.core.release import LanguageVersion, MediaItem
from distributor.core.text import normalise

_ARROWS = ("→", "->", "=>")


def wrong_and_right(text: str) -> tuple[str, str]:
    """What stands there, and what should. Refused('bad_replacement') where the message does not say both."""
    clean = normalise(text).strip()
    for arrow in _ARROWS:
        if clean.count(arrow) == 1:
            wrong, _, right = clean.partition(arrow)
            break
    else:
        lines = [line.strip() for line in clean.split("\n") if line.strip()]
        if len(lines) != 2:
            raise Refused("bad_replacement")
        wrong, right = lines
    wrong, right = wrong.strip(), right.strip()
    if not wrong or not right or wrong == right:
        raise Refused("bad_replacement")
    return wrong, right


def reworded(
    versions: tuple[LanguageVersion, ...], media: tuple[MediaItem, ...], wrong: str, right: str
) -> tuple[tuple[LanguageVersion, ...], tuple[MediaItem, ...], int]:
    """Every place where the words stand, in all languages, alternative texts, captions and credits; and how many there
    were. Refused('words_not_found') where there is none."""
    count = 0

    def put(text: str) -> str:
        nonlocal count
        count += text.count(wrong)
        return text.replace(wrong, right)

    fixed = tuple(
        replace(version, title=put(version.title), lead=put(version.lead), body=put(version.body))
        for version in versions
    )
    items = tuple(
        replace(
            item,
            alt={language: put(text) for language, text in item.alt.items()},
            credit=put(item.credit),
            caption={language: put(text) for language, text in item.caption.items()},
        )
        for item in media
    )
    if not count:
        raise Refused("words_not_found", words=wrong[:80])
    return fixed, items, count


def differences(before: str, after: str, around: int = 24) -> tuple[str, str] | None:
    """The middle in which two texts differ, with a little around it, cut at spaces; None where they do not."""
    if before == after:
        return None
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    first = max(start - around, 0)
    if first:
        first = before.find(" ", first, start) + 1 or start
    return _excerpt(before, first, len(before) - end, around), _excerpt(after, first, len(after) - end, around)


def _excerpt(text: str, first: int, last: int, around: int) -> str:
    end = min(last + around, len(text))
    if end < len(text):
        end = text.rfind(" ", last, end)
        end = last if end < 0 else end
    return ("…" if first else "") + " ".join(text[first:end].split()) + ("…" if end < len(text) else "")
