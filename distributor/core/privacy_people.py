"""People: full names near an accusation, minors, victims, and wording that presumes guilt.

Pure. The presumption of innocence and the law on personal data ask that a suspect is not called guilty and that
nobody can be recognised who need not be. Where a name is certain the release stops; where it may be one, or is said
in another sentence, it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from distributor.core.privacy_guilt import guilt
from distributor.core.privacy_names import Name, knower, names
from distributor.core.privacy_office import not_official, titled
from distributor.core.privacy_topics import ACCUSATION, MINORS, OBITUARIES, VICTIMS, aged_after, young_age
from distributor.core.privacy_words import Found, PrivacyWords, Sentence
from distributor.core.rendering import Severity

_CODES = {
    ACCUSATION: "privacy.named_accused",
    VICTIMS: "privacy.victim_named",
    MINORS: "privacy.minor_named",
}


def people(sentence: Sentence, words: PrivacyWords, year: int) -> Iterator[Found]:
    """Everything of this kind in a sentence; `year` is the present one."""
    found = list(names(sentence, words))
    here = (sentence.own | sentence.under) & _CODES.keys()
    mourned = _mourned(sentence)
    told: set[Name] = set()  # once: the word for a murder speaks of the accused and of the victim
    for topic in (ACCUSATION, VICTIMS):
        for name in not_official(sentence, words, found, topic) if topic in here else []:
            if name not in told:
                told.add(name)
                yield _finding(sentence, name, topic, stops=name.sure and not (topic == VICTIMS and mourned))
    yield from _minors(sentence, words, found, year)
    yield from _elsewhere(sentence, words, found, here)
    yield from guilt(sentence, words, named=any(name.sure for name in not_official(sentence, words, found, ACCUSATION)))


def _mourned(sentence: Sentence) -> bool:
    """True where the dead are named in public: an obituary, and no crime beside it."""
    around = sentence.own | sentence.near
    return OBITUARIES in around and ACCUSATION not in around | sentence.about


def _finding(sentence: Sentence, name: Name, topic: str, *, stops: bool) -> Found:
    severity = Severity.BLOCKING if stops else Severity.WARNING
    return Found(severity, _CODES[topic], name.shown, sentence.text)


def _minors(sentence: Sentence, words: PrivacyWords, found: list[Name], year: int) -> Iterator[Found]:
    tokens, known = sentence.tokens, knower(words)
    young = words.stems["minors"].first(tokens)
    place = young if young >= 0 else young_age(tokens, words, year)
    after = [name for name in found if aged_after(sentence, tokens[name.last], year)]
    in_names = {at for name in found if name.sure for at in range(name.first, name.last + 1)}
    alone = [at for at in range(len(tokens)) if at not in in_names and known.called(tokens, at)]
    adult = {at for at in alone if titled(sentence, words, range(at, at + 1), year)}
    called = [at for at in alone if at not in adult and not known.of_place(sentence, at)]
    aged = [at for at in called if aged_after(sentence, tokens[at], year)]
    if place < 0 and not after and not aged and MINORS not in sentence.under:
        return
    sure = [name for name in found if name.sure and not titled(sentence, words, name.places, year)]
    free = set(sure) - set(not_official(sentence, words, sure, MINORS))
    named = [name for name in sure if name not in free or _aged(sentence, words, name, year)]
    given = [tokens[at].text for at in aged or called]
    for shown in [name.shown for name in named] or given[:1]:
        yield Found(Severity.BLOCKING, "privacy.minor_named", shown, sentence.text)
    for name in [] if named or given else after:  # may be no name at all
        yield _finding(sentence, name, MINORS, stops=False)
    if place >= 0 and not named and not after and not given:
        yield Found(Severity.NOTE, "privacy.minor_mentioned", tokens[place].text, sentence.text)


def _aged(sentence: Sentence, words: PrivacyWords, name: Name, year: int) -> bool:
    """True where the age is the name's own: '16 წლის ლუკა ბერიძე', 'Luka Beridze, 14,'."""
    before = sentence.tokens[max(name.first - 2, 0) : name.first]
    return young_age(before, words, year) >= 0 or aged_after(sentence, sentence.tokens[name.last], year)


def _elsewhere(sentence: Sentence, words: PrivacyWords, found: list[Name], here: frozenset[str]) -> Iterator[Found]:
    """Names in a sentence that says nothing of the kind itself, while its neighbours or the release do."""
    around = [topic for topic in _CODES if topic in sentence.near]
    around += [topic for topic in (ACCUSATION, VICTIMS) if topic in sentence.about]
    if here or not around:
        return
    for name in not_official(sentence, words, found, around[0]):
        # Far from what is said of others a title is enough.
        if name.sure and (around[0] in sentence.near or not _titled(sentence, words, name)):
            yield _finding(sentence, name, around[0], stops=False)


def _titled(sentence: Sentence, words: PrivacyWords, name: Name) -> bool:
    before = sentence.tokens[max(name.first - 4, 0) : name.first]
    return words.has("officials", before) and not words.has("former", before)
