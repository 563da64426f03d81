"""Wording that presumes guilt: words that call somebody guilty, and sentences that say it was done.

Pure. A word is softened only by the word beside it ('alleged murderer'); that a court, an office or a charge is named
in the same sentence softens nothing. A sentence that says it was done is softened by whose claim that is.
"""

from __future__ import annotations

from collections.abc import Iterator

from distributor.core.privacy_topics import ACCUSATION
from distributor.core.privacy_words import Found, PrivacyWords, Sentence
from distributor.core.rendering import Severity

_HEDGE_BEFORE = 3
# Words from those who are accused to what they are said to have done: a Georgian verb stands last, an English one soon.
_ACT_AFTER, _ACT_AFTER_ENGLISH = 14, 6
_PASSIVE_BEFORE = 2


def guilt(sentence: Sentence, words: PrivacyWords, *, named: bool) -> Iterator[Found]:
    """The first thing of this kind in a sentence. `named`: a full name stands in it."""
    tokens = sentence.tokens
    noun = _called(sentence, words)
    if noun >= 0:
        size = words.stems["guilty"].at(tokens, noun)
        others = tokens[:noun] + tokens[noun + size :]
        yield _found(sentence, noun, noun + size, stops=named or words.has(ACCUSATION, others))
        return
    if words.has("claims", tokens):
        return
    acts = words.stems["guilty_acts"]
    place = acts.first(tokens)
    if place >= 0:
        stops = named or words.has(ACCUSATION, tokens)
        yield _found(sentence, place, place + acts.at(tokens, place), stops=stops)
        return
    doer, act = _done(sentence, words)
    if act >= 0:
        stops = named or doer >= 0 or words.has(ACCUSATION, tokens)
        yield _found(sentence, act, act + 1, stops=stops)


def _called(sentence: Sentence, words: PrivacyWords) -> int:
    """The place of a word that calls somebody guilty and has no hedge right before it; -1 for none."""
    guilty, tokens = words.stems["guilty"], sentence.tokens
    for place in range(len(tokens)):
        if guilty.at(tokens, place) and not words.has("hedges", tokens[max(place - _HEDGE_BEFORE, 0) : place]):
            return place
    return -1


def _done(sentence: Sentence, words: PrivacyWords) -> tuple[int, int]:
    """Where an act is told of somebody accused ('the detainee killed', 'arrested a man who killed'), or as a fact that
    was established: the place of whoever did it and of the act, -1 for none."""
    tokens, acts, established = sentence.tokens, words.stems["acts"], words.stems["established"]
    accused = words.has(ACCUSATION, tokens)
    doer, since = -1, -1
    for place, token in enumerate(tokens):
        if words.stems["suspects"].at(tokens, place) or (accused and _who(sentence, words, place)):
            doer = -1 if words.has("passives", tokens[place + 1 : place + 2]) else place
        elif established.at(tokens, place):
            since = place
        elif acts.at(tokens, place) and not words.has("passives", tokens[max(place - _PASSIVE_BEFORE, 0) : place]):
            far = _ACT_AFTER if "ა" <= token.folded[0] <= "ჰ" else _ACT_AFTER_ENGLISH
            if doer >= 0 and place - doer <= far:
                return doer, place
            if since >= 0:
                return -1, place
    return -1, -1


def _who(sentence: Sentence, words: PrivacyWords, place: int) -> bool:
    """True for 'who' that is not said of an official."""
    before = sentence.tokens[max(place - 1, 0) : place]
    return bool(words.stems["doers"].at(sentence.tokens, place)) and not words.has("officials", before)


def _found(sentence: Sentence, start: int, end: int, *, stops: bool) -> Found:
    shown = " ".join(token.text for token in sentence.tokens[start:end])
    severity = Severity.BLOCKING if stops else Severity.WARNING
    return Found(severity, "privacy.presumed_guilt", shown, sentence.text)
