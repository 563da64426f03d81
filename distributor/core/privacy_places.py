"""Addresses: a street with a number, a flat, a house of a quarter.

Pure. A street is no secret and an office's own address is none; where somebody lives is. A number after a street may
as well be an age or a count, so it must be marked (№ 5), be the street's own by its case, or end its phrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from distributor.core.privacy_words import Found, PrivacyWords, Sentence
from distributor.core.rendering import Severity

_HOUSE = re.compile(r"(?:n|no)?\d{1,4}(?:[a-zა-ჰ]|-?(?!მდე)[a-zა-ჰ]{2,3})?")
_MARKED = re.compile(r"(?:n|no)\d{1,4}.*")
_AT = re.compile(r"(?:n|no)?\d{1,4}[ა-ჰ]?-?თან")
_ORDINAL = re.compile(r"მე-\d{1,3}|\d{1,3}-(?:ე|ლი)")
_LOCATIVE = re.compile(r"(ზე|ში|დან|თან|ზედ|მდე)$")
_BY_NUMBER = re.compile(r"ნომერ(?:ში|თან|იდან)")
# Streets are called after people, and often only so: "წერეთლის N 25-ში".
_NAME_OF_STREET = re.compile(r"\w{2,}(?:ძის|შვილის|ელის|თლის|ეგის|ავას|იას|უას|იანის)")
_DOING = re.compile(r"\w{3,}(?:მა|[აეოუ]მ)")  # an office that does something: it acts, and nobody receives there
_SIGNS = {"n", "no"}
_BESIDE = 6  # words between an address and the venue that is there
_TOGETHER = 3  # words between two addresses of one list
_AROUND = 6  # words in which a flat follows its street


@dataclass(frozen=True, slots=True)
class _Place:
    """An address among the words of a sentence, from `first` to `last`."""

    first: int
    last: int
    shown: str

    def far(self, place: int) -> int:
        """How many words stand between."""
        return max(self.first - place, place - self.last, 0)


def addresses(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    """Every address in a sentence, but for one beside which an office is said to receive, or a road to be closed."""
    tokens, homely = sentence.tokens, words.has("residence", sentence.tokens)
    places = list(_places(sentence, words, homely=homely))
    if not places:
        return
    venues = [] if homely else [place for place in range(len(tokens)) if _venue(sentence, words, place)]
    acts = [
        place
        for place in range(len(tokens))
        if words.stems["searches"].at(tokens, place) or words.stems["accusation"].at(tokens, place)
    ]
    freed = -len(tokens)
    for place in places:
        beside = [far for far in map(place.far, venues) if far <= _BESIDE]
        beside += [place.far(freed)] if place.far(freed) <= _TOGETHER else []
        if beside and min(beside) < min(map(place.far, acts), default=len(tokens)):
            freed = place.last
        else:
            at_it = not homely and not acts and _beside_it(sentence, place)
            severity = Severity.WARNING if at_it else Severity.BLOCKING
            yield Found(severity, "privacy.home_address", place.shown, sentence.text)


def _beside_it(sentence: Sentence, place: _Place) -> bool:
    """True for '40-თან': something happened in the street, before the house."""
    return any(_AT.fullmatch(token.folded) for token in sentence.tokens[place.first : place.last + 2])


def _venue(sentence: Sentence, words: PrivacyWords, place: int) -> bool:
    """True for a word that makes an address beside it no secret, and not for an office that only acts there."""
    tokens = sentence.tokens
    if not words.stems["venues"].at(tokens, place) or words.has("staff", tokens[place : place + 2]):
        return False
    of_staff = words.has("staff", tokens[max(place - 4, 0) : max(place - 1, 0)])  # officers of the Tbilisi department
    return not of_staff and not _DOING.fullmatch(tokens[place].folded)


def _places(sentence: Sentence, words: PrivacyWords, *, homely: bool) -> Iterator[_Place]:
    """Every address; `homely` where the sentence says that somebody lives somewhere."""
    tokens = sentence.tokens
    streets, flats = words.stems["streets"], words.stems["flats"]
    searched = words.has("searches", tokens)
    for place, token in enumerate(tokens):
        name = tokens[place - 1].text if place else ""
        if streets.at(tokens, place):
            before = _before(sentence, words, place, homely=homely)
            if before >= 0 or _after(sentence, words, place, strict=True):
                first = before if before >= 0 else max(place - 1, 0)
                yield _Place(first, place + (before < 0), f"{name} {token.text} ••".strip())
        elif length := flats.at(tokens, place):
            if _flat(sentence, words, range(place, place + length), homely=homely):
                yield _Place(max(place - 1, 0), min(place + 1, len(tokens) - 1), f"{token.text} ••")
        elif _NAME_OF_STREET.fullmatch(token.folded) and _only_named(sentence, place, searched=homely or searched):
            yield _Place(place, place + 1, f"{token.text} ••")


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
    if marked or "#" in gap or not strict or _MARKED.fullmatch(tokens[number].folded):
        return True
    follows = tokens[number + 1 : number + 2]
    if follows and _BY_NUMBER.fullmatch(follows[0].folded):
        return True
    rest = sentence.text[tokens[number].end : tokens[number].end + 3]
    if _LOCATIVE.search(tokens[place].folded) or (", " in gap and rest.strip()[:1] not in (*".;)", "")):
        return False
    if re.match(r"[:%]|[.,]\d", rest):
        return False
    if tokens[number].folded.isdecimal():
        return not follows or rest[:1] in ",.;)" or words.has("flats", follows)
    return not (follows and follows[0].folded.endswith("-მდე"))  # from 12 to 24: a part of a street


def _flat(sentence: Sentence, words: PrivacyWords, named: range, *, homely: bool) -> bool:
    """True where these words for a flat have a number: 'flat 5', 'მე-7 კორპუსში', 'ბ. 5'. An initial stands
    before numbers too, and houses are counted, so these need a street or a quarter before them, or a dweller."""
    tokens = sentence.tokens
    place = named.start
    earlier = tokens[max(place - _AROUND, 0) : place]
    near = any(words.has(subject, earlier) for subject in ("streets", "flats", "quarters"))
    if _after(sentence, words, named.stop - 1, strict=False) and not (len(named) == 1 and _counted(sentence, place)):
        return near or len(tokens[place].text) > 1
    if not earlier:
        return False
    if _ORDINAL.fullmatch(earlier[-1].folded):
        return near or homely
    return earlier[-1].folded.isdecimal() and len(earlier[-1].text) <= 3 and words.has("quarters", earlier)


def _counted(sentence: Sentence, place: int) -> bool:
    """True for '12 ბინის 45 მაცხოვრებელი': a number before and another after."""
    tokens = sentence.tokens
    return place > 0 and tokens[place - 1].folded.isdecimal() and tokens[place + 1].folded.isdecimal()


def _only_named(sentence: Sentence, place: int, *, searched: bool) -> bool:
    """True for 'წერეთლის N 25-ში', and where somebody lives or is searched for 'წერეთლის 25-ში'."""
    tokens, number = sentence.tokens, place + 1
    if number < len(tokens) and tokens[number].folded in _SIGNS:
        number += 1
    if number >= len(tokens) or not _HOUSE.fullmatch(tokens[number].folded):
        return False
    gap = sentence.text[tokens[place].end : tokens[place + 1].start]
    marked = number > place + 1 or "#" in gap or _MARKED.fullmatch(tokens[number].folded)
    return bool((marked or searched) and not set(gap) - set(" #") and _LOCATIVE.search(tokens[number].folded))


def _before(sentence: Sentence, words: PrivacyWords, place: int, *, homely: bool) -> int:
    """Where '12 Rustaveli Avenue' begins: a number, one to three names, the street; -1 where it is none. Written small,
    the street must end its phrase or have somebody who lives there: 12 Georgian street artists."""
    tokens = sentence.tokens
    small = not tokens[place].text[:1].isupper()
    rest = sentence.text[tokens[place].end : tokens[place].end + 1]
    if small and not (homely or rest[:1] in ",.;)"):
        return -1
    for back in range(2, 5):
        number = place - back
        if number < 0 or not tokens[number + 1].text[:1].isupper():
            return -1
        if small and words.stems["not_names"].at(tokens, number + 1):
            return -1
        if _HOUSE.fullmatch(tokens[number].folded) and tokens[number].text[:1].isdigit():
            between = sentence.text[tokens[number].end : tokens[place].start]
            return -1 if set(between) & set(".;:()") else number
    return -1
