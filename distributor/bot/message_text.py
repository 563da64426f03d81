"""From a message's words to a language version: title, lead, body, and the language.

Pure. The first line is the title; the paragraph after it the lead, where more paragraphs follow; the rest is the body,
with its formatting as Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from telegram import MessageEntity

from distributor.core.markup import Entity, from_entities
from distributor.core.release import LanguageVersion
from distributor.core.text import normalise, utf16_length

TITLE_AT_MOST = 300  # a longer first line is a paragraph, not a title
_GAP = re.compile(r"\n[ \t]*\n\s*")
_SCRIPTS = {"ka": re.compile("[\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2f]"), "ru": re.compile("[\u0400-\u04ff]")}
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_KINDS = {"pre": "code"}


def guess_language(text: str) -> str:
    """By the script that most letters are of: Georgian ka, Cyrillic ru, anything else en."""
    counts = {language: len(letters.findall(text)) for language, letters in _SCRIPTS.items()}
    counts["en"] = len(_LATIN.findall(text))
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else "en"


def version_of(text: str, entities: Iterable[MessageEntity], language: str = "") -> LanguageVersion:
    """The language version that a message means. The title is empty where the message has none."""
    marks = [Entity(_KINDS.get(item.type, item.type), item.offset, item.length, item.url or "") for item in entities]
    chosen = language or guess_language(text)
    head, _, _ = text.partition("\n")
    title = _one_line(head)
    if len(title) > TITLE_AT_MOST or not any(char.isalnum() for char in title):
        return LanguageVersion(chosen, "", "", from_entities(text, marks).strip())
    start = len(head) + 1
    start += len(text[start:]) - len(text[start:].lstrip())
    rest = text[start:]
    gap = _GAP.search(rest)
    lead = ""
    if gap is not None and rest[gap.end() :].strip():
        lead, start = _one_line(rest[: gap.start()]), start + gap.end()
    return LanguageVersion(chosen, title, lead, from_entities(text[start:], _after(marks, text, start)).strip())


def _after(marks: list[Entity], text: str, start: int) -> list[Entity]:
    """The entities of the text from a character on, counted from there."""
    cut = utf16_length(text[:start])
    kept = []
    for mark in marks:
        begin, end = max(mark.offset - cut, 0), mark.offset + mark.length - cut
        if end > begin:
            kept.append(Entity(mark.kind, begin, end - begin, mark.href))
    return kept


def _one_line(text: str) -> str:
    return " ".join(normalise(text).split())
