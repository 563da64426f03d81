"""Addresses: a street with a number, a flat.

Pure. A street is no secret and an office's own address is none; where somebody lives is. A number after a street may
as well be an age or a count, so it must be marked (№ 5), be the street's own by its case, or end its phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from distributor.core.privacy_words import Found, PrivacyWords, Sentence
from distributor.core.rendering import Severity

_HOUSE = re.compile(r"\d{1,4}(?:[a-zა-ჰ]|-?[a-zა-ჰ]{2}|/\d{1,3})?")
_LOCATIVE = re.compile(r"(ზე|ში|დან|თან|ზედ|მდე)$")
_SIGNS = {"n", "no"}


def addresses(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    """Every address in a sentence, but for one where the office receives, or of which it says that it is closed."""
    homely = words.has("residence", sentence.tokens)
    if not homely and words.has("venues", sentence.tokens):
        return
    streets, flats = words.stems["streets"], words.stems["flats"]
    for place, token in enumerate(sentence.tokens):
        if streets.at(sentence.tokens, place) and (
            _after(sentence, words, place, strict=True) or _before(sentence, place)
        ):
            name = sentence.tokens[place - 1].text if place else ""
            yield _found(f"{name} {token.text} ••".strip(), sentence)
        elif flats.at(sentence.tokens, place) and _after(sentence, words, place, strict=False):
            yield _found(f"{token.text} ••", sentence)


def _found(shown: str, sentence: Sentence) -> Found:
    return Found(Severity.BLOCKING, "privacy.home_address", shown, sentence.text)


def _after(sentence: Sentence, words: PrivacyWords, place: int, *, strict: bool) -> bool:
    """True where a house's number follows."""
    tokens, number = sentence.tokens, place + 1
    marked = number < len(tokens) and tokens[number].folded in _SIGNS
    number += marked
    if number >= len(tokens) or not _HOUSE.fullmatch(tokens[number].folded):
        return False
    gap = sentence.text[tokens[place].end : tokens[number - marked].start]
    if set(gap) - set(" .,#"):
        return False
    if marked or "#" in gap or not strict:
        return True
    if _LOCATIVE.search(tokens[place].folded) or ", " in gap:
        return False
    rest = sentence.text[tokens[number].end :]
    if re.match(r"[:%]|[.,]\d", rest):
        return False
    follows = tokens[number + 1 : number + 2]
    bare = tokens[number].folded.isdecimal()
    return not bare or not follows or rest[:1] in ",.;)" or words.has("flats", follows)


def _before(sentence: Sentence, place: int) -> bool:
    """True for '12 Rustaveli Avenue': a number, one to three names, the street."""
    tokens = sentence.tokens
    if not tokens[place].text[:1].isupper():
        return False
    for back in range(2, 5):
        number = place - back
        if number < 0 or not tokens[number + 1].text[:1].isupper():
            return False
        if _HOUSE.fullmatch(tokens[number].folded) and tokens[number].text[:1].isdigit():
            between = sentence.text[tokens[number].end : tokens[place].start]
            return not set(between) & set(".;:()")
    return False
