"""The few words of a post beside the release's own, by language. Pure data, and part of what is approved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """`correction` stands before the office's words, `corrected` where it has none. `exercise` and `test` stand before
    the title of what is not the real thing."""

    correction: str
    corrected: str
    exercise: str
    test: str


_ENGLISH = Words("Correction", "This release was corrected.", "EXERCISE", "TEST")

_WORDS = {
    "en": _ENGLISH,
    "ka": Words("შესწორება", "ეს მასალა შესწორდა.", "სწავლება", "ტესტი"),
    "ru": Words("Исправление", "Это сообщение исправлено.", "УЧЕНИЯ", "ТЕСТ"),
}


def words(language: str) -> Words:
    """The words in a language; in English where there are none."""
    return _WORDS.get(language, _ENGLISH)
