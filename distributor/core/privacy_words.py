"""The words that the privacy gate knows, and how a text is taken apart for them.

Pure. The words are data of the office, one list for each language; every list is asked of every text, for a Georgian
release may quote an English one. Georgian and English both change at the end of a word, so an entry is a beginning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

from distributor.core.privacy_stems import Stems
from distributor.core.privacy_stems import Token as Token  # the others take it from here, with the sentences
from distributor.core.rendering import Severity
from distributor.core.text import normalise

_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_END = re.compile(r"(?<![.!?])[.!?]++(?=\s)|[;\n]")  # possessive: a row of dots is read once
_NUMBERED = re.compile(r"(?:^|\n) {0,2}\d{1,2}$")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-") | {ord("№"): "# "}
# What nobody sees, besides the category Cf (privacy_script names it).
_HIDDEN = dict.fromkeys(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2065, 0x2800, 0x3164),
        *(*range(0xFE00, 0xFE10), 0xFFA0, *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000)),
    )
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in the form in which it is searched; `opens` where it begins a line. The topics (`privacy_topics`):
    `own` its own, `under` of the list that it is an item of, `near` of its neighbours, `about` of the release."""

    text: str
    tokens: tuple[Token, ...]
    opens: bool = True
    own: frozenset[str] = frozenset()
    under: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """Something that the gate stops or shows. `shown` is masked: enough to find it, not enough to use it. `exact` is
    the sentence around it, to which an override is bound."""

    severity: Severity
    code: str
    shown: str
    exact: str


@dataclass(frozen=True)
class PrivacyWords:
    """What the gate knows, by subject. Each subject is explained in the file of words itself. `languages` are those
    that have a file."""

    languages: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    personal_number: tuple[str, ...] = ()
    case_number: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    phone: tuple[str, ...] = ()
    public_phone: tuple[str, ...] = ()
    public_numbers: tuple[str, ...] = ()
    plate: tuple[str, ...] = ()
    plate_names: tuple[str, ...] = ()
    not_plates: tuple[str, ...] = ()
    flights: tuple[str, ...] = ()
    streets: tuple[str, ...] = ()
    flats: tuple[str, ...] = ()
    quarters: tuple[str, ...] = ()
    residence: tuple[str, ...] = ()
    venues: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    given_names: tuple[str, ...] = ()
    surname_ends: tuple[str, ...] = ()
    sure_surname_ends: tuple[str, ...] = ()
    rare_surname_ends: tuple[str, ...] = ()
    no_given_ends: tuple[str, ...] = ()
    not_names: tuple[str, ...] = ()
    named_after: tuple[str, ...] = ()
    officials: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    speaking: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    passives: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    relatives: tuple[str, ...] = ()
    doers: tuple[str, ...] = ()
    accusation: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    minors: tuple[str, ...] = ()
    years_old: tuple[str, ...] = ()
    months_old: tuple[str, ...] = ()
    young_numbers: tuple[str, ...] = ()
    not_ages: tuple[str, ...] = ()
    born: tuple[str, ...] = ()
    victims: tuple[str, ...] = ()
    obituaries: tuple[str, ...] = ()
    guilty: tuple[str, ...] = ()
    guilty_acts: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    established: tuple[str, ...] = ()
    hedges: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    @classmethod
    def together(cls, lists: Iterable[PrivacyWords]) -> PrivacyWords:
        """Several lists as one."""
        kept = tuple(lists)
        names = [item.name for item in fields(cls)]
        return cls(**{name: tuple(word for some in kept for word in getattr(some, name)) for name in names})

    def __hash__(self) -> int:
        """Made once: the words are the key of what is kept, and there are thousands."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, item.name) for item in fields(self)))

    @cached_property
    def stems(self) -> dict[str, Stems]:
        """Each subject, ready to be looked for."""
        return {item.name: Stems(getattr(self, item.name)) for item in fields(self)}

    @cached_property
    def short(self) -> frozenset[str]:
        """Abbreviations, after whose full stop a sentence goes on."""
        return frozenset(word.casefold().rstrip(".") for word in self.abbreviations)

    @cached_property
    def allowed_numbers(self) -> frozenset[str]:
        """Digits of the telephone numbers that anybody may read."""
        return frozenset(re.sub(r"\D", "", number) for number in self.public_numbers)

    @cached_property
    def names(self) -> frozenset[str]:
        """Given names, folded."""
        return frozenset(name.casefold() for name in self.given_names)

    def has(self, subject: str, tokens: Sequence[Token]) -> bool:
        """True where a word of the subject is among these."""
        return self.stems[subject].among(tokens)


def searched(text: str) -> str:
    """A text as it is searched: one form of each character, digit, dash and space, nothing invisible, no Mtavruli."""
    shown = "".join(char for char in normalise(text).translate(_HIDDEN) if unicodedata.category(char) != "Cf")
    same = unicodedata.normalize("NFKC", shown.translate(_DASHES)).translate(_DASHES)
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in same)


def tokens_of(text: str) -> tuple[Token, ...]:
    """The words and numbers of a text that went through `searched`."""
    found = _TOKEN.finditer(text)
    return tuple(Token(item[0], item[0].casefold(), item.start(), item.end()) for item in found)


def sentences(text: str, words: PrivacyWords) -> Iterator[Sentence]:
    """The sentences of a text that went through `searched`. A name's initial and an abbreviation end none."""
    start, opens = 0, True
    for end in [*_ends(text, words), len(text)]:
        piece = text[start:end]
        found = tokens_of(piece)
        if found:
            yield Sentence(piece, found, opens)
            opens = False
        opens = opens or "\n" in piece
        start = end


def _ends(text: str, words: PrivacyWords) -> Iterator[int]:
    for match in _END.finditer(text):
        if match[0] == ".":
            last = re.search(r"[^\W_]+$", text[max(match.start() - 30, 0) : match.start()])
            if last and ((len(last[0]) == 1 and last[0].isalpha()) or last[0].casefold() in words.short):
                continue
            if _NUMBERED.search(text[max(match.start() - 6, 0) : match.start()]):
                continue  # "1. " before an item of a list
        yield match.end()
