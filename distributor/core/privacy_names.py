"""Full names among the words of a sentence.

Pure. Georgian has no capitals, so a name shows by its given name and by the end of its surname, in any case and in
the plural; where a script has capitals, two words with them may be a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from distributor.core.privacy_stems import Token
from distributor.core.privacy_words import PrivacyWords, Sentence

_CASE = re.compile(r"ი|მ|მა|ს|ის|ით|ო|თან|სთან|ზე|სთვის|ისთვის|ისგან|სგან|მაც|საც|ც")
_CASES = (
    r"(?:ი|მ|მა|ს|ის|ით|ად|დ|ო|თან|სთან|ზე|ისა|ისთვის|სთვის|ისგან|სგან|მაც|საც|იც|ც|ა|ია"
    r"|ებ(?:ი|მა|ს|ის|ით|ო|თან|ზე|ისთვის|ისგან|მაც|საც|იც|ია)?)"
)
_FALLEN = r"(?:ის|ით|ისთვის|ისგან|ებ(?:ი|მა|ს|ის|ით|ო|თან|ზე|ისთვის|ისგან|მაც|საც|იც|ია)?)"
_GENITIVE = ("ის", "ას", "ოს", "უს", "ისა")
_SYNCOPE = "თლის"  # წერეთელი, of his
_APART = re.compile(r"[\s_*)„“”\"«»']*(,?)\s*[„“”\"«»]*")
_PLACED = ("ში", "ზე", "დან", "თან", "მდე", "კენ")  # 'Nino, at home': no surname
_SMALL = frozenset({"from", "with", "after", "over", "into", "than", "that", "near", "amid", "during", "against"})
_GATE = ("accusation", "suspects", "victims", "minors", "guilty", "acts", "speaking", "born", "years_old")
_LIST_ITEM = 4  # words of a line that may be a name and nothing else


@dataclass(frozen=True, slots=True)
class Name:
    """A full name among the words of a sentence, from `first` to `last`. `sure` where hardly anything else reads so."""

    first: int
    last: int
    sure: bool
    shown: str

    @property
    def places(self) -> range:
        """The places of its words."""
        return range(self.first, self.last + 1)


def names(sentence: Sentence, words: PrivacyWords) -> Iterator[Name]:
    """Full names: a given name and a surname in either order; where a script has capitals, also two words with them."""
    known, tokens = knower(words), sentence.tokens
    shouted, bare = _titled(tokens), len(tokens) <= _LIST_ITEM and bool(sentence.under)
    place = 0
    while place + 1 < len(tokens):
        made = known.at(sentence, place, shouted=shouted, bare=bare)
        if made is None:
            place += 1
            continue
        if not _place_name(sentence, words, made.last):
            yield made
        place = made.last + 1


def _titled(tokens: tuple[Token, ...]) -> bool:
    """True for A Headline in Which All Longer Words Begin So: capitals say nothing there."""
    long = [token for token in tokens if len(token.text) > 3 and token.text[0].isalpha()]
    cased = [token for token in long if not _mkhedruli(token.text)]
    return len(cased) > 3 and all(token.text[0].isupper() or token.folded in _SMALL for token in cased)


def _place_name(sentence: Sentence, words: PrivacyWords, last: int) -> bool:
    """True for a street or a school that is called after somebody; not for 'Giorgi Beridze, school director'."""
    tokens, kinds = sentence.tokens, words.stems["named_after"]
    name = tokens[last]
    for place in (last + 1, last + 2):
        if place >= len(tokens) or _apart(sentence, place - 1) != "":
            return False
        if kinds.at(tokens, place):
            return name.folded.endswith(_GENITIVE) if _mkhedruli(name.text) else True
        if not _mkhedruli(name.text) and not _capital(tokens[place]):
            return False
    return False


def _mkhedruli(text: str) -> bool:
    return "\u10d0" <= text[0] <= "\u10ff"


class Knower:
    """Knows a name when it sees one."""

    def __init__(self, words: PrivacyWords) -> None:
        self._words = words
        self._sure = _ending(words.sure_surname_ends)
        self._likely = _ending(words.surname_ends, cased=True)
        self._rare = _ending(words.rare_surname_ends, shortest=3, cased=True)
        self._other = [words.stems[subject] for subject in ("not_names", "named_after")]
        self._gate = [words.stems[subject] for subject in _GATE]
        self._no_given = tuple(words.no_given_ends)

    def at(self, sentence: Sentence, place: int, *, shouted: bool, bare: bool) -> Name | None:
        """The full name that begins here. `bare`: the line is an item of a list, and hardly more than a name."""
        tokens = sentence.tokens
        if self._no_name(tokens, place) or self._no_name(tokens, place + 1):
            return None
        if self._initial(sentence, place):
            return Name(place, place + 1, sure=False, shown=_masked(tokens[place : place + 2], [False, False]))
        comma = _apart(sentence, place)
        given = [self.given(token) for token in tokens[place : place + 2]]
        if comma is None or (comma and not (given[1] and self._sure.fullmatch(tokens[place].folded))):
            return None  # only a surname stands before a comma and the given name
        third = tokens[place + 2] if place + 2 < len(tokens) and _apart(sentence, place + 1) == "" else None
        if third and self._no_name(tokens, place + 2):
            third = None
        if given == [False, True] and third and self._surname(third) and not _capital(tokens[place]):
            return None  # 'the detained' before a name: the name begins one word later
        called_twice = all(given) and third is not None and self._surname(third)
        middle = third and (called_twice or all(map(_capital, tokens[place : place + 3])))  # or a father's name
        last = place + 2 if middle else place + 1
        sure = self._sure_name(tokens, place, last, given)
        capitals = not shouted and _capital(tokens[place]) and _capital(tokens[place + 1])
        if not (sure or capitals or self._foreign(tokens, place, bare=bare)):
            return None
        return Name(place, last, sure=sure, shown=_masked(tokens[place : last + 1], given))

    def _sure_name(self, tokens: tuple[Token, ...], place: int, last: int, given: list[bool]) -> bool:
        first, second, ends = tokens[place], tokens[place + 1], tokens[last]
        if given[0] and (self._surname(second) or self._surname(ends)):
            return True
        if given[1] and self._before(tokens, place):
            return True
        # A surname that hardly anything else ends like makes a full name with whatever word stands before it.
        sure = any(self._sure.fullmatch(token.folded) for token in (second, ends))
        return sure and _mkhedruli(first.text) is _mkhedruli(second.text) and len(first.text) > 1

    def _initial(self, sentence: Sentence, place: int) -> bool:
        """True for 'G. Beridze': the way of the office is the other half."""
        first, second = sentence.tokens[place : place + 2]
        gap = sentence.text[first.end : second.start]
        return len(first.text) == 1 and gap in {".", ". "} and bool(self._sure.fullmatch(second.folded))

    def _before(self, tokens: tuple[Token, ...], place: int) -> bool:
        """True where a surname stands before its given name; not before 'Giorgi B.', the way of the office."""
        first, initial = tokens[place], place + 2 < len(tokens) and len(tokens[place + 2].text) == 1
        if self._sure.fullmatch(first.folded):
            return True
        return self._surname(first) and not (initial or first.folded.endswith(_PLACED) or self._of_gate(tokens, place))

    def given(self, token: Token) -> bool:
        """True for a given name, a Georgian one in any of its cases."""
        known, word = self._words.names, token.folded
        if word in known or not _mkhedruli(word):
            return word in known
        return any(word[:end] in known and _CASE.fullmatch(word[end:]) for end in range(3, len(word)))

    def called(self, tokens: tuple[Token, ...], place: int) -> bool:
        """True where a given name stands alone."""
        return self.given(tokens[place]) and not self._no_name(tokens, place)

    def of_place(self, sentence: Sentence, place: int) -> bool:
        """True where a given name is half of a place's: 'Ilia Chavchavadze school', 'წმინდა ნინოს სახელობის სკოლა'."""
        tokens, words = sentence.tokens, self._words
        kinds, follows = words.stems["named_after"], tokens[place + 1 : place + 3]
        before = tokens[max(place - 1, 0) : place]
        if len(follows) < 2 or words.has("minors", before) or words.has("years_old", before):
            return False
        if kinds.at(follows, 0):
            return bool(kinds.at(follows, 1)) and _place_name(sentence, words, place)
        surname = self._surname(follows[0]) or follows[0].folded.endswith(_SYNCOPE)
        return surname and not self._no_name(tokens, place + 1) and _place_name(sentence, words, place + 1)

    def _surname(self, token: Token) -> bool:
        word = token.folded
        return _capital(token) or bool(self._likely.fullmatch(word) or self._sure.fullmatch(word))

    def _foreign(self, tokens: tuple[Token, ...], place: int, *, bare: bool) -> bool:
        """True for Georgian words that may be a name of which one half is unknown here."""
        first, second = tokens[place].folded, tokens[place + 1].folded
        if not _mkhedruli(first) or not _mkhedruli(second) or len(first) < 3:
            return False
        if first in self._words.names:
            half = len(second) > 3 and not second.endswith(_PLACED)
        else:
            ends = self._rare.fullmatch(second) or (bare and self._likely.fullmatch(second))
            half = bool(ends) and not first.endswith(self._no_given)
        return half and not self._of_gate(tokens, place) and not self._of_gate(tokens, place + 1)

    def _of_gate(self, tokens: tuple[Token, ...], place: int) -> bool:
        return _mkhedruli(tokens[place].text) and any(stems.at(tokens, place) for stems in self._gate)

    def _no_name(self, tokens: tuple[Token, ...], place: int) -> bool:
        """True for a number and for a word that is none, but not for a surname that begins like one (Bagh-davadze)."""
        word = tokens[place].folded
        if word[0].isdigit():
            return True
        hits = [stems for stems in self._other if stems.at(tokens, place)]
        if not hits or not _mkhedruli(word) or not self._sure.fullmatch(word):
            return bool(hits)
        return any(re.fullmatch(rf"{_CASES}?", stems.rest(word)) for stems in hits)


def _ending(ends: tuple[str, ...], *, shortest: int = 2, cased: bool = False) -> re.Pattern[str]:
    """Words that end so, after at least `shortest` letters; Georgian ones in any case, also the second of a double
    surname. `cased` leaves out the bare stem, which adjectives and places have."""
    kinds, often = [], "" if cased else "?"
    for end in ends:
        folded = end.casefold()
        if not "ა" <= folded[0] <= "ჰ":
            kinds.append(f"{folded}(?:['’]?s)?")
        elif folded[-1] in "აეუ":  # the vowel may fall before the genitive, the instrumental and the plural
            kinds += [f"{folded}{_CASES}?", f"{folded[:-1]}{_FALLEN}"]
        else:
            kinds.append(f"{folded.removesuffix('ი')}{_CASES}{often if folded.endswith('ი') else '?'}")
    letters = rf"(?:[^\W\d_]+-)*+[^\W\d_]{{{shortest},}}"
    return re.compile(f"{letters}(?:{'|'.join(kinds)})(?:-{_CASES})?" if kinds else r"(?!)")


def _apart(sentence: Sentence, place: int) -> str | None:
    """What parts a word from the next: a comma, or nothing but spaces and quotation marks; None for anything else."""
    gap = _APART.fullmatch(sentence.text, sentence.tokens[place].end, sentence.tokens[place + 1].start)
    return gap and gap[1]


def _capital(token: Token) -> bool:
    """True for Giorgi and BERIDZE, not for MIA."""
    text = token.text
    if not text[0].isupper() or len(text) < 3 or not all(char.isalpha() or char in "-'’" for char in text):
        return False
    return not text.isupper() or len(text) > 4


@lru_cache(maxsize=8)
def knower(words: PrivacyWords) -> Knower:
    """The one for these words."""
    return Knower(words)


def _masked(tokens: tuple[Token, ...], given: list[bool]) -> str:
    """A name as an office may print it: one word, and the first letter of each other."""
    whole = 1 if given == [False, True] else 0
    return " ".join(token.text if at == whole else f"{token.text[0]}•••" for at, token in enumerate(tokens))
