"""People: full names near an accusation, minors, victims, and wording that presumes guilt.

Pure. The presumption of innocence and the law on personal data ask that a suspect is not called guilty and that
nobody can be recognised who need not be. Where a name is certain the release stops; where it may be one, it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from distributor.core.privacy_words import Found, PrivacyWords, Sentence, Token
from distributor.core.rendering import Severity

_ADULT = 18
_TITLE_BEFORE, _TITLE_AFTER = 6, 5
_AGE = re.compile(r"(\d{1,2})(?:-years?-old|-?წლის)")
_BORN_IN = re.compile(r"(?:19|20)\d\d")
_CASE = re.compile(r"ი|მ|მა|ს|ის|ით|ო|თან|სთან|ზე|სთვის|ისთვის|ისგან|სგან|მაც|საც|ც")
_ENDS = r"(?:ი|მ|მა|ს|ის|ით|ად|დ|ო|თან|სთან|ზე|ისა|ისთვის|სთვის|ისგან|სგან|მაც|საც|იც|ც|ა|ია)?"


@dataclass(frozen=True, slots=True)
class Name:
    """A full name among the words of a sentence, from `first` to `last`. `sure` where hardly anything else reads so."""

    first: int
    last: int
    sure: bool
    shown: str


def people(sentence: Sentence, words: PrivacyWords, year: int) -> Iterator[Found]:
    """Everything of this kind in a sentence; `year` is the present one."""
    found = list(names(sentence.tokens, words))
    yield from _accused(sentence, words, found)
    yield from _minors(sentence, words, found, year)
    if words.has("victims", sentence.tokens):
        for name in found:
            if name.sure and not _official(sentence.tokens, words, name):
                yield Found(Severity.BLOCKING, "privacy.victim_named", name.shown, sentence.text)
    yield from _guilty(sentence, words, found)


def _accused(sentence: Sentence, words: PrivacyWords, found: list[Name]) -> Iterator[Found]:
    here = words.has("accusation", sentence.tokens)
    if not here and not words.has("accusation", sentence.before):
        return
    for name in found:
        if _official(sentence.tokens, words, name):
            continue
        severity = Severity.BLOCKING if here and name.sure else Severity.WARNING
        if here or name.sure:
            yield Found(severity, "privacy.named_accused", name.shown, sentence.text)


def _minors(sentence: Sentence, words: PrivacyWords, found: list[Name], year: int) -> Iterator[Found]:
    young = words.stems["minors"].first(sentence.tokens)
    place = young if young >= 0 else _young_age(sentence.tokens, words, year)
    after = [name for name in found if _aged_after(sentence, name)]
    if place < 0 and not after:
        return
    named = [name for name in found if name.sure and not _official(sentence.tokens, words, name)]
    in_names = {at for name in found for at in range(name.first, name.last + 1)}
    knower = _knower(words)
    given = [one.text for at, one in enumerate(sentence.tokens) if at not in in_names and knower.given(one)]
    for shown in [name.shown for name in named] or given[:1]:
        yield Found(Severity.BLOCKING, "privacy.minor_named", shown, sentence.text)
    for name in [] if named or given else after:  # may be no name at all
        yield Found(Severity.WARNING, "privacy.minor_named", name.shown, sentence.text)
    if not named and not after and not given:
        yield Found(Severity.NOTE, "privacy.minor_mentioned", sentence.tokens[place].text, sentence.text)


def _young_age(tokens: tuple[Token, ...], words: PrivacyWords, year: int) -> int:
    """The place of an age below 18 (15 წლის, 15-year-old, aged 15, born in 2015), or -1."""
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
    young = int(word) < _ADULT if re.fullmatch(r"[0-9]{1,2}", word) else words.stems["young_numbers"].at(tokens, place)
    if not young:
        return 0
    after = words.stems["years_old"].at(tokens, place + 1) if place + 1 < len(tokens) else 0
    aged = place > 0 and tokens[place - 1].folded == "aged"
    return place + 1 + after if after or aged or "-year-old" in word else 0


def _aged_after(sentence: Sentence, name: Name) -> bool:
    """True for 'Luka Beridze, 14,': the way of newspapers."""
    after = sentence.text[sentence.tokens[name.last].end :]
    age = re.match(r" ?[,(] ?(\d{1,2})(?=[,).]|$)", after)
    return bool(age and int(age[1]) < _ADULT)


def _guilty(sentence: Sentence, words: PrivacyWords, found: list[Name]) -> Iterator[Found]:
    if words.has("hedges", sentence.tokens):
        return
    tokens = sentence.tokens
    somebody = words.has("accusation", tokens) or any(
        name.sure and not _official(tokens, words, name) for name in found
    )
    for subject in ("guilty", "guilty_acts"):
        stems = words.stems[subject]
        place = stems.first(tokens)
        if place < 0:
            continue
        shown = " ".join(token.text for token in tokens[place : place + stems.at(tokens, place)])
        yield Found(Severity.BLOCKING if somebody else Severity.WARNING, "privacy.presumed_guilt", shown, sentence.text)
        return


def _official(tokens: tuple[Token, ...], words: PrivacyWords, name: Name) -> bool:
    """True for somebody who speaks in office ('minister … said'), and not for an accused who holds one."""
    near = tokens[max(name.first - _TITLE_BEFORE, 0) : name.first] + tokens[name.last + 1 : name.last + _TITLE_AFTER]
    return words.has("officials", near) and words.has("speaking", tokens)


def names(tokens: tuple[Token, ...], words: PrivacyWords) -> Iterator[Name]:
    """Full names: a given name and a surname in either order; where a script has capitals, also two words with them."""
    known = _knower(words)
    shouted = _titled(tokens)
    place = 0
    while place + 1 < len(tokens):
        made = known.at(tokens, place, shouted=shouted)
        if made is None:
            place += 1
            continue
        after = tokens[made.last + 1 : made.last + 3]
        if not words.has("named_after", after):
            yield made
        place = made.last + 1


def _titled(tokens: tuple[Token, ...]) -> bool:
    """True for A Headline in Which Most Words Begin So: capitals say nothing there."""
    long = [token for token in tokens if len(token.text) > 3 and token.text[0].isalpha()]
    cased = [token for token in long if not _mkhedruli(token.text)]
    return len(cased) > 3 and sum(token.text[0].isupper() for token in cased) > 0.7 * len(cased)


def _mkhedruli(text: str) -> bool:
    return "\u10d0" <= text[0] <= "\u10ff"


class _Names:
    """Knows a name when it sees one."""

    def __init__(self, words: PrivacyWords) -> None:
        self._words = words
        self._sure = self._ending(words.sure_surname_ends)
        self._likely = self._ending(words.surname_ends)
        self._other = words.stems["not_names"]

    @staticmethod
    def _ending(ends: tuple[str, ...]) -> re.Pattern[str]:
        """Words of at least two letters before such an end; Georgian ones in any of their cases."""
        kinds = []
        for end in ends:
            folded = end.casefold()
            if not "ა" <= folded[0] <= "ჰ":
                kinds.append(f"{folded}s?")
            elif folded[-1] in "აეუ":  # the vowel may fall before the genitive and the instrumental
                kinds += [f"{folded}{_ENDS}", f"{folded[:-1]}(?:ის|ით|ისთვის|ისგან)"]
            else:
                kinds.append(f"{folded.removesuffix('ი')}{_ENDS}")
        return re.compile(f"[^\\W\\d_]{{2,}}(?:{'|'.join(kinds)})" if kinds else r"(?!)")

    def at(self, tokens: tuple[Token, ...], place: int, *, shouted: bool) -> Name | None:
        """The full name that begins here."""
        first, second = tokens[place], tokens[place + 1]
        if self._no_name(tokens, place) or self._no_name(tokens, place + 1):
            return None
        last, third = place + 1, tokens[place + 2] if place + 2 < len(tokens) else None
        if _capital(first) and _capital(second) and third and _capital(third) and not self._no_name(tokens, place + 2):
            last = place + 2  # a middle name or a father's
        ends = tokens[last]
        given = [self.given(token) for token in (first, second)]
        sure = [bool(self._sure.fullmatch(token.folded)) for token in (second, ends, first)]
        likely = [bool(self._likely.fullmatch(token.folded)) or _capital(token) for token in (second, first)]
        shown = _masked(tokens[place : last + 1], given)
        if (given[0] and (sure[0] or sure[1] or likely[0])) or (given[1] and (sure[2] or likely[1])):
            return Name(place, last, sure=True, shown=shown)
        # A surname that hardly anything else ends like makes a full name with whatever word stands before it.
        if (sure[0] or sure[1]) and _mkhedruli(first.text) is _mkhedruli(second.text) and len(first.text) > 1:
            return Name(place, last, sure=True, shown=shown)
        if not shouted and _capital(first) and _capital(second):
            return Name(place, last, sure=False, shown=shown)
        return None

    def given(self, token: Token) -> bool:
        """True for a given name, a Georgian one in any of its cases."""
        known, word = self._words.names, token.folded
        if word in known or not _mkhedruli(word):
            return word in known
        return any(word[:end] in known and _CASE.fullmatch(word[end:]) for end in range(3, len(word)))

    def _no_name(self, tokens: tuple[Token, ...], place: int) -> bool:
        token = tokens[place]
        return token.text[0].isdigit() or bool(self._other.at(tokens, place))


def _capital(token: Token) -> bool:
    """True for Giorgi and BERIDZE, not for MIA."""
    text = token.text
    if not text[0].isupper() or len(text) < 3 or not all(char.isalpha() or char in "-'’" for char in text):
        return False
    return not text.isupper() or len(text) > 4


@lru_cache(maxsize=8)
def _knower(words: PrivacyWords) -> _Names:
    return _Names(words)


def _masked(tokens: tuple[Token, ...], given: list[bool]) -> str:
    """A name as an office may print it: one word, and the first letter of each other."""
    whole = 1 if given == [False, True] else 0
    return " ".join(token.text if at == whole else f"{token.text[0]}•••" for at, token in enumerate(tokens))
