"""Numbers that belong to somebody: personal numbers and telephones.

Pure. No checksum exists for a Georgian personal number, so the words around a number decide what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from distributor.core.privacy_words import Found, PrivacyWords, Sentence, Token, tokens_of
from distributor.core.rendering import Severity

_ELEVEN = re.compile(r"(?<![0-9A-Za-z+/])(?:[NnPp]|# ?)?(\d{11})(?![0-9A-Za-z/])(?!-\d)")
_ELEVEN_PARTS = re.compile(r"(?<![\w+/-])(\d(?:[ -]?\d){10})(?![\w/])(?!-\d)")
_FREE = r"(?<![\w+-])(?<!\d[.,/])"
_GAP = r"(?:[.·/_ ]| ?- ?)?"
_MOBILE = re.compile(
    rf"{_FREE}(?<!\d )(?:(?:\+|00)?995[ -]?)?(?:\(0\)|0|8)?[ -]?\(?5\d\d\)?"
    rf"(?:(?:{_GAP}\d\d){{3}}|{_GAP}\d{{3}}{_GAP}\d{{3}})(?!\w|[.,-]?\d|[ /](?!5\d\d)\d)"
)
_LANDLINE = re.compile(
    rf"{_FREE}(?:(?:\+|00)?995[ -]?\(?|\(?0[ -]?)(?:32|[34]\d\d)\)?(?:{_GAP}\d){{6,7}}(?!\w|[.,/]\d)"
)
_FOREIGN = re.compile(r"(?<!\w)\+(?!995)[1-9](?:[ ()./·-]{0,2}\d){7,14}(?!\w)")
# After a word for a telephone: digits in any grouping.
_TOLD = re.compile(r"([^\d\n+(]{0,30})(\(?\+?\d(?:[ .·/()_-]{0,3}\d){5,14})(?!\w|[.,:/-]?\d)")
_DATE = re.compile(r"(?<!\d)\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d|(?<!\d)(?:19|20)\d\d-\d\d-\d\d")
_LOCAL = re.compile(r"\d{3}[ -]\d\d[ -]\d\d|\d[ -]\d\d[ -]\d\d[ -]\d\d")  # a city's own
_GROUPED = re.compile(r"\d{3}([ .]?)\d{3}\1\d{3}")  # as amounts are

_BEFORE, _AFTER = 60, 30  # characters around a number in which the words that explain it are looked for
_PUBLIC = 100  # characters before a number in which it is said that the public may call it
_NEXT = 40  # characters from one number of a list to the next
_SHORT_LINE = 12  # words
_WORDS_BETWEEN = 2  # between a word for a telephone and its number
_NUMBER_WORDS = frozenset({"n", "no", "nr", "number", "ნომერი", "ნომრით", "ნომრის", "ნომერია", "ნომერზე"})


class _Line(Enum):
    """Whose a telephone number may be."""

    MOBILE = "a person's, nearly always"
    LANDLINE = "a person's or an office's"
    FOREIGN = "somebody's abroad"
    SHORT = "perhaps no telephone number"


def numbers(sentence: Sentence, words: PrivacyWords, *, invited: bool = False) -> Iterator[Found]:
    """Everything of this kind in a sentence; `invited` where the one before it asks readers to call."""
    yield from _personal(sentence, words)
    yield from _telephones(sentence, words, invited=invited)


def invites(sentence: Sentence, words: PrivacyWords, *, invited: bool) -> bool:
    """True where the next sentence may give a number for the public; a list of them goes on after short lines."""
    return words.has("public_phone", sentence.tokens) or (invited and len(sentence.tokens) <= _SHORT_LINE)


def _personal(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    text, seen = sentence.text, set[int]()
    for pattern in (_ELEVEN, _ELEVEN_PARTS):
        for match in pattern.finditer(text):
            digits = re.sub(r"\D", "", match[1])
            if match.start(1) in seen:
                continue
            told = words.has("personal_number", _around(text, range(*match.span())))
            alike = digits[0] <= "6" and digits == match[1] and not _of_a_file(text, range(*match.span()), words)
            counted = digits[0] != "0" and _amount(text, match.end(), words)
            if told or (alike and not counted):
                seen.add(match.start(1))
                yield Found(Severity.BLOCKING, "privacy.personal_number", f"{digits[:2]}•••••••{digits[-2:]}", text)


def _telephones(sentence: Sentence, words: PrivacyWords, *, invited: bool) -> Iterator[Found]:
    text, taken, public_to = sentence.text, list[range](), -1
    found = [*_lines(sentence, words), *_told_lines(sentence, words)]
    for place, line in sorted(found, key=lambda one: one[0].start):
        if any(place.start < other.stop and other.start < place.stop for other in taken):
            continue
        taken.append(place)
        public = place.start <= public_to or words.has("public_phone", _around(text, place, _PUBLIC, _NEXT))
        if public:
            public_to = place.stop + _NEXT
        digits = re.sub(r"\D", "", text[place.start : place.stop])
        national = _national(digits)
        severity = _severity(line, public=public, invited=invited)
        if severity is not None and not {digits, national, f"0{national}"} & words.allowed_numbers:
            yield Found(severity, "privacy.phone_number", f"{national[:3]}••••{national[-2:]}", text)


def _severity(line: _Line, *, public: bool, invited: bool) -> Severity | None:
    """What follows for a line; None where it may stand. An office that invites calls gives no one's own mobile."""
    if line in (_Line.MOBILE, _Line.FOREIGN):
        return Severity.WARNING if public else Severity.BLOCKING
    if public:
        return None
    return Severity.BLOCKING if line is _Line.LANDLINE and not invited else Severity.WARNING


def _lines(sentence: Sentence, words: PrivacyWords) -> Iterator[tuple[range, _Line]]:
    """Numbers in a form that hardly anything but a telephone number has."""
    text = sentence.text
    for pattern, line in ((_MOBILE, _Line.MOBILE), (_LANDLINE, _Line.LANDLINE), (_FOREIGN, _Line.FOREIGN)):
        for match in pattern.finditer(text):
            told = words.has("phone", _around(text, range(*match.span())))
            bare = match[0].strip()
            plain = _GROUPED.fullmatch(bare)
            if plain and (_amount(text, match.end(), words) or (bare.endswith("000") and not told)):
                continue
            if bare.isdecimal() and not told and _of_a_file(text, range(*match.span()), words):
                continue
            if line is _Line.LANDLINE and len(_national(re.sub(r"\D", "", match[0]))) != 9:
                continue
            yield range(*match.span()), line


def _told_lines(sentence: Sentence, words: PrivacyWords) -> Iterator[tuple[range, _Line]]:
    """Numbers after a word for a telephone, in whatever form."""
    stems = words.stems["phone"]
    for place, token in enumerate(sentence.tokens):
        match = _TOLD.match(sentence.text, token.end) if stems.at(sentence.tokens, place) else None
        if match is None or len(tokens_of(match[1])) > _WORDS_BETWEEN or _DATE.search(match[2]):
            continue
        digits, beside = re.sub(r"\D", "", match[2]), not match[1].strip(" .:#-")
        line = _Line.LANDLINE if beside and _LOCAL.fullmatch(match[2]) else _told_line(digits, beside=beside)
        if line is not None and not _amount(sentence.text, match.end(), words):
            yield range(match.start(2), match.end()), line


def _told_line(digits: str, *, beside: bool) -> _Line | None:
    """What digits after a word for a telephone are; `beside` where no word stands between."""
    national = _national(digits)
    if len(national) == 9 and national[0] == "5":
        return _Line.MOBILE
    if len(national) == 9 and national[0] in "34" and digits != national:
        return _Line.LANDLINE
    if (digits.startswith("00") and len(digits) > 9) or (len(digits) == 11 and digits[0] in "78"):
        return _Line.FOREIGN
    return _Line.SHORT if beside and 6 <= len(digits) <= 9 else None


def _national(digits: str) -> str:
    for prefix in ("00995", "995"):
        digits = digits.removeprefix(prefix)
    return digits[1:] if len(digits) > 9 and digits[0] in "08" else digits


def _around(text: str, place: range, before: int = _BEFORE, after: int = _AFTER) -> tuple[Token, ...]:
    """The words in so many characters before and after a number."""
    return tokens_of(text[max(place.start - before, 0) : place.start]) + tokens_of(
        text[place.stop : place.stop + after]
    )


def _amount(text: str, end: int, words: PrivacyWords) -> bool:
    """True where the word after the number counts something: lari, people, kilometres."""
    after = tokens_of(text[end : end + _AFTER])[:1]
    return words.has("amounts", after) or text[end : end + 2].strip()[:1] in {"₾", "$", "€", "%"}


def _of_a_file(text: str, number: range, words: PrivacyWords) -> bool:
    """True right after a word for a file or an account: 'case no. 01…', and not 'the account holder 01…'."""
    before = text[max(number.start - _BEFORE, 0) : number.start]
    tokens = tokens_of(before)
    somebody = tokens_of(text[number.stop : number.stop + _AFTER])[:2]
    if words.has("born", somebody) or words.has("residence", somebody):
        return False
    for place in range(len(tokens) - 1, max(len(tokens) - 4, -1), -1):
        if words.stems["case_number"].at(tokens, place):
            return not set(re.sub(r"\w", "", before[tokens[place].end :])) - set(" .:#")
        if tokens[place].folded not in _NUMBER_WORDS:
            return False
    return False
