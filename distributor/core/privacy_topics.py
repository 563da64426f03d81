"""What a sentence is about (an accusation, a victim, a minor), and what the sentences around it are about.

Pure. A name and the word that makes it somebody's secret often stand apart: in a list under its heading, in the next
sentence, in the title. So each sentence learns what is said around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from distributor.core.privacy_stems import Token
from distributor.core.privacy_words import PrivacyWords, Sentence

ACCUSATION, VICTIMS, MINORS = "accusation", "victims", "minors"
OBITUARIES = "obituaries"
_ADULT, _OLDEST_IN_MONTHS = 18, 36
_SHORT_LINE = 12  # words of a line that may be an item of a list without a sign before it
_AGE = re.compile(r"(\d{1,2})(?:-years?-old|-?წლის)")
_MONTHS = re.compile(r"(\d{1,2})(?:-months?-old|-?თვის)")
_BORN_IN = re.compile(r"(?:19|20)\d\d")
_AGE_AFTER = re.compile(
    r" ?(?:[,(] ?(\d{1,2})(?: წლის\w*| years?(?: old)?)?(?=[,).]|$)"
    r"|\( ?(?:b\. ?|born (?:in )?)?((?:19|20)\d\d)(?: ?წ(?:ელს|\.|(?=\)))(?: ?დ(?:აბადებულ\w*|\.))?)? ?\))"
)
_ITEM = re.compile(r"\s*(?:[•*·▪◦-]|\d{1,2}[.)]) ")


def topics(sentence: Sentence, words: PrivacyWords, year: int) -> frozenset[str]:
    """Which of the topics a sentence names."""
    tokens = sentence.tokens
    said = {subject for subject in (ACCUSATION, VICTIMS, MINORS, OBITUARIES) if words.has(subject, tokens)}
    if young_age(tokens, words, year) >= 0:
        said.add(MINORS)
    return frozenset(said)


def in_context(
    sentences: Sequence[Sentence], own: Sequence[frozenset[str]], about: frozenset[str]
) -> Iterator[Sentence]:
    """The sentences of one text, each with its topics and those around it; `about` are those of the whole release."""
    under = frozenset[str]()
    for at, sentence in enumerate(sentences):
        under = _under(sentences, own, at, under)
        near = frozenset[str]().union(*own[max(at - 1, 0) : at], *own[at + 1 : at + 2])
        yield replace(sentence, own=own[at], under=under, near=near, about=about)


def _under(kept: Sequence[Sentence], own: Sequence[frozenset[str]], at: int, before: frozenset[str]) -> frozenset[str]:
    """The topics of the list in which a sentence stands; `before` are those of the sentence before it."""
    if at == 0:
        return frozenset()
    last = kept[at - 1].text.rstrip()
    # A semicolon carries on what a colon or an item began; alone it only parts two clauses.
    if last.endswith(":") or (last.endswith(";") and (before or ": " in last)):
        return before | own[at - 1]
    if not kept[at].opens:
        return before
    line = kept[at].text.strip()
    if _ITEM.match(line):
        return before if _ITEM.match(kept[at - 1].text) else before | own[at - 1]
    short = len(kept[at].tokens) <= _SHORT_LINE and line[-1] not in ".!?"
    return before if short else frozenset()


def young_age(tokens: tuple[Token, ...], words: PrivacyWords, year: int) -> int:
    """The place of an age below 18 (15 წლის, 8 თვის, 15-year-old, aged 15, born in 2015), or -1."""
    born = words.stems["born"]
    for place, token in enumerate(tokens):
        if _BORN_IN.fullmatch(token.folded) and year - int(token.folded) < _ADULT:
            near = tokens[max(place - 2, 0) : place + 3]
            if any(born.at(near, at) for at in range(len(near))):
                return place
        end = _age_ends(tokens, words, place)
        if end and not words.has("not_ages", tokens[end : end + 2]):
            return place
    return -1


def _age_ends(tokens: tuple[Token, ...], words: PrivacyWords, place: int) -> int:
    """Where an age below 18 that begins here is over; 0 where none does."""
    word = tokens[place].folded
    joined = _AGE.fullmatch(word)
    if joined:
        return place + 1 if int(joined[1]) < _ADULT else 0
    if _MONTHS.fullmatch(word):
        return place + 1
    figure = int(word) if len(word) < 3 and word.isdecimal() else None
    young = figure < _ADULT if figure is not None else words.stems["young_numbers"].at(tokens, place)
    follows = place + 1 < len(tokens)
    before = tokens[place - 1].folded if place else ""
    after = words.stems["years_old"].at(tokens, place + 1) if follows and young else 0
    if not after and follows and (young or (figure or _OLDEST_IN_MONTHS) < _OLDEST_IN_MONTHS):
        # "the nine months of the year" are statistics
        after = 0 if before.startswith("წლის") else words.stems["months_old"].at(tokens, place + 1)
    aged = young and (before == "aged" or "-year-old" in word)
    return place + 1 + after if after or aged else 0


def aged_after(sentence: Sentence, token: Token, year: int) -> bool:
    """True for 'Luka Beridze, 14,', 'ლუკა (14)', 'ლუკა ბერიძე (2012 წ.)': the ways of newspapers."""
    age = _AGE_AFTER.match(sentence.text, token.end)
    if age is None:
        return False
    return int(age[1]) < _ADULT if age[1] else year - int(age[2]) < _ADULT
