"""Lists of the beginnings of words, and whether a word of a text is among them.

Pure. Every list is asked of every word, so a list remembers what a word was to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Flag, auto

_REMEMBERED = 2000  # words; a long release has about a thousand


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number of a sentence. `folded` is what is compared."""

    text: str
    folded: str
    start: int
    end: int


class _Fit(Flag):
    """What a word is to a list."""

    NONE = 0
    WORD = auto()
    OPENS = auto()


class Stems:
    """Entries of a list: `word` is the beginning of a word, `=word` the whole word, `two words` one after the other,
    `!word` an exception. All are compared casefolded."""

    def __init__(self, entries: Iterable[str]) -> None:
        folded = [entry.casefold() for entry in entries]
        self._not = tuple(entry[1:] for entry in folded if entry.startswith("!"))
        wanted = [entry.split() for entry in folded if not entry.startswith("!")]
        self._whole = frozenset(parts[0][1:] for parts in wanted if len(parts) == 1 and parts[0].startswith("="))
        self._begin = tuple(parts[0] for parts in wanted if len(parts) == 1 and not parts[0].startswith("="))
        self._phrases = [parts for parts in wanted if len(parts) > 1]
        self._openings = tuple(parts[0].removeprefix("=") for parts in self._phrases)
        self._known: dict[str, _Fit] = {}

    def at(self, tokens: Sequence[Token], place: int) -> int:
        """How many words from this place on are an entry; 0 for none."""
        fit = self._fit(tokens[place].folded)
        if fit is _Fit.NONE:
            return 0
        for phrase in self._phrases if fit & _Fit.OPENS else ():
            here = tokens[place : place + len(phrase)]
            if len(here) == len(phrase) and all(map(_fits, phrase, here)):
                return len(phrase)
        return int(bool(fit & _Fit.WORD))

    def first(self, tokens: Sequence[Token]) -> int:
        """The place of the first entry among the words, -1 for none."""
        for place, token in enumerate(tokens):
            if self._known.get(token.folded) is not _Fit.NONE and self.at(tokens, place):
                return place
        return -1

    def rest(self, word: str) -> str:
        """What follows the longest beginning of a word that is an entry; nothing where the whole word is one."""
        begun = [len(entry) for entry in self._begin if word.startswith(entry)]
        return word[max(begun, default=len(word)) :]

    def _fit(self, word: str) -> _Fit:
        """What a word alone says, remembered: a text's words are asked of every list, and again and again."""
        known = self._known.get(word)
        if known is None:
            known = _Fit.NONE
            if not (self._not and word.startswith(self._not)):
                known |= _Fit.OPENS if self._openings and word.startswith(self._openings) else _Fit.NONE
                known |= _Fit.WORD if word in self._whole or word.startswith(self._begin) else _Fit.NONE
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            self._known[word] = known
        return known

    def among(self, tokens: Sequence[Token]) -> bool:
        """True where one of the words is an entry."""
        return self.first(tokens) >= 0


def _fits(part: str, token: Token) -> bool:
    return token.folded == part[1:] if part.startswith("=") else token.folded.startswith(part)
