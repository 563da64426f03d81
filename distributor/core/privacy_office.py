"""Who is named because of an office: a minister who speaks, an inspector who arrests.

Pure. The title alone frees nobody of an accusation, for officials are accused and killed too. The words of a name's own
clause decide: what is nearer to the name, the speaking or what makes the name a secret. Among children
a title is enough.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from distributor.core.privacy_names import Name, knower
from distributor.core.privacy_stems import Token
from distributor.core.privacy_topics import MINORS, aged_after, young_age
from distributor.core.privacy_words import PrivacyWords, Sentence

_TITLE_BEFORE, _TITLE_AFTER = 6, 5
_FORMER_BEFORE, _ATTRIBUTE_BEFORE, _PASSIVE_AFTER = 4, 2, 4
_LATER_CLAUSES, _FARTHEST = 6, 60  # clauses after a name's own, and words of one, that can be about the name
_OF = frozenset({"of", "for", "and"})  # within a title: Minister of Internal Affairs
_BREAK = re.compile(r"[,:()„“”\"«»]| - ")
_ERGATIVE = ("მ", "მა", "მაც")
_MANY = ("თა", "ებს", "ების", "ებთან", "ებზე", "ებისთვის", "ებისგან", "ებმა")


def not_official(sentence: Sentence, words: PrivacyWords, found: Sequence[Name], topic: str) -> list[Name]:
    """The names without those of officials who speak or act in office, whom the topic's words are not said of."""
    clauses = _clauses(sentence, words) if found else []
    return [name for name in found if not _official(sentence, words, name, topic, clauses)]


def titled(sentence: Sentence, words: PrivacyWords, name: range, year: int) -> bool:
    """True where a title stands right before a name, and neither an age nor a word for a minor beside it: an adult
    among children. `name` are the places of its words."""
    tokens, first, after = sentence.tokens, name.start, name.stop
    place = first - 1
    while place >= max(first - _TITLE_BEFORE, 0) and not words.stems["officials"].at(tokens, place):
        if not (tokens[place].text[0].isupper() or tokens[place].folded in _OF):
            return False
        place -= 1
    if place < max(first - _TITLE_BEFORE, 0) or _BREAK.search(sentence.text[tokens[place].end : tokens[first].start]):
        return False
    beside = (*tokens[max(first - 2, 0) : first], *tokens[after : after + 1])
    young = words.has(MINORS, [token for token in beside if not _of_many(token)])
    aged = any(
        young_age(some, words, year) >= 0 for some in (tokens[max(first - 3, 0) : first], tokens[after : after + 2])
    )
    return not young and not aged and not aged_after(sentence, tokens[after - 1], year)


def _official(sentence: Sentence, words: PrivacyWords, name: Name, topic: str, clauses: Sequence[range]) -> bool:
    tokens = sentence.tokens
    first, last = name.first, name.last
    known = knower(words)
    own = [] if known.given(tokens[first]) else [tokens[first]]  # 'General Beridze'
    near = (*tokens[max(first - _TITLE_BEFORE, 0) : first], *own, *tokens[last + 1 : last + _TITLE_AFTER])
    if not words.has("officials", near) or words.has("former", tokens[max(first - _FORMER_BEFORE, 0) : first]):
        return False
    at = bisect_right(clauses, first, key=lambda clause: clause.start) - 1
    mine = _near(clauses[at], name)
    if _attributed(sentence, words, name, topic, mine):
        return False
    if _acts(sentence, words, name, mine):
        return True
    later = clauses[at + 1 : at + 1 + _LATER_CLAUSES]
    told_of = [clause for clause in later if not words.stems["relatives"].at(tokens, clause.start)]
    for clause in (mine, *(_near(clause, name) for clause in told_of)):
        said = _distance(sentence, words, name, clause, "speaking")
        of_it = [one for one in clause if not _of_many(tokens[one]) and not tokens[one].folded.endswith("ის")]
        told = _distance(sentence, words, name, of_it, topic)
        if said or told:
            return bool(said and (not told or said < told))
    return False


def _near(clause: range, name: Name) -> range:
    """The part of a clause that is near enough to a name to be said of it; a text without a comma is one clause."""
    return range(max(clause.start, name.first - _FARTHEST), min(clause.stop, name.last + _FARTHEST))


def _attributed(sentence: Sentence, words: PrivacyWords, name: Name, topic: str, clause: range) -> bool:
    """True where the topic's word stands right before the name ('the accused, Judge X'), or a passive right after."""
    tokens, stems = sentence.tokens, words.stems[topic]
    for place in range(max(name.first - _ATTRIBUTE_BEFORE, 0), name.first):
        others = _of_many(tokens[place]) or (place < name.first - 1 and tokens[place].folded.endswith("ის"))
        if stems.at(tokens, place) and not others and (place in clause or words.stems["suspects"].at(tokens, place)):
            return True
    after = tokens[name.last + 1 : name.last + 1 + _PASSIVE_AFTER]
    return bool(after) and bool(words.stems["passives"].at(after, 0)) and stems.among(after)


def _acts(sentence: Sentence, words: PrivacyWords, name: Name, clause: range) -> bool:
    """True for 'Officer X arrested the suspect', and in Georgian for the case of those who act, beside a duty."""
    tokens, word = sentence.tokens, sentence.tokens[name.last].folded
    after, duties = name.last + 1, words.stems["duties"]
    if "ა" <= word[0] <= "ჰ":
        mine = tokens[clause.start : clause.stop]
        return word.endswith(_ERGATIVE) and duties.among(mine) and not words.has("acts", mine)
    if after + 1 >= len(tokens) or not duties.at(tokens, after):
        return False
    return bool(words.stems["objects"].at(tokens, after + 1)) or tokens[after + 1].text[0].isdigit()


def _of_many(token: Token) -> bool:
    """True for a plural in a case: 'met the accused' is not said of the name."""
    return token.folded.endswith(_MANY)


def _distance(sentence: Sentence, words: PrivacyWords, name: Name, clause: Iterable[int], subject: str) -> int:
    """How far from the name the nearest word of the subject stands in a clause; 0 where none does."""
    stems, tokens = words.stems[subject], sentence.tokens
    near = [
        name.first - place if place < name.first else place - name.last
        for place in clause
        if not name.first <= place <= name.last and stems.at(tokens, place)
    ]
    return min(near, default=0)


def _clauses(sentence: Sentence, words: PrivacyWords) -> list[range]:
    """A sentence in parts, by its signs and by 'that' and 'რომ'."""
    tokens, begins = sentence.tokens, [0]
    for place in range(1, len(tokens)):
        gap = sentence.text[tokens[place - 1].end : tokens[place].start]
        if _BREAK.search(gap) or words.stems["clauses"].at(tokens, place):
            begins.append(place)
    return [range(start, end) for start, end in zip(begins, [*begins[1:], len(tokens)], strict=True)]
