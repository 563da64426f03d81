"""Numbers that belong to somebody: personal numbers, telephones, number plates.

Pure. No checksum exists for a Georgian personal number, so the words around a number decide what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from distributor.core.privacy_words import Found, PrivacyWords, Sentence, Token, tokens_of
from distributor.core.rendering import Severity

_ELEVEN = re.compile(r"(?<![0-9A-Za-z+/])(?:[NnPp]|# ?)?(\d{11})(?![0-9A-Za-z/])(?!-\d)")
_ELEVEN_PARTS = re.compile(r"(?<![\w+/-])(\d(?:[ -]?\d){10})(?![\w/])(?!-\d)")
_GAP = r"[ .-]?"
_MOBILE = re.compile(
    rf"(?<![\w+/.,-])(?<!\d )(?:(?:\+|00)?995[ -]?)?(?:\(0\)|0|8)?[ -]?\(?5\d\d\)?"
    rf"(?:(?:{_GAP}\d\d){{3}}|{_GAP}\d{{3}}{_GAP}\d{{3}})(?!\w|[.,/-]?\d| \d)"
)
_LANDLINE = re.compile(
    r"(?<![\w+/.,-])(?:(?:\+|00)995[ -]?\(?|\(?0)(?:32|[34]\d\d)[ )-]*\d(?:[ -]?\d){4,6}(?!\w|[.,/]\d)"
)
_FOREIGN = re.compile(r"(?<!\w)\+(?!995)[1-9](?:[ ()-]{0,2}\d){7,14}(?!\w)")
_SHORT = re.compile(r"[^\w\n]{0,4}(\d{1,3}(?:[ -]?\d{2,3}){2,3})(?!\w|[.,/]\d)")
_PLATE = re.compile(r"(?<![\w-])([A-Z]{2}[ -]?\d{3}[ -]?[A-Z]{2}|[a-z]{2}-\d{3}-[a-z]{2})(?![\w-]*\d)(?!\w)")
_OLD_PLATE = re.compile(r"(?<![\w-])([A-Z]{3})([ -]?)(\d{3})(?![\w]|-?\d)")

_BEFORE, _AFTER = 60, 30  # characters around a number in which the words that explain it are looked for


def numbers(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    """Everything of this kind in a sentence."""
    yield from _personal(sentence, words)
    yield from _telephones(sentence, words)
    yield from _plates(sentence, words)


def _personal(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    seen: set[int] = set()
    for pattern in (_ELEVEN, _ELEVEN_PARTS):
        for match in pattern.finditer(sentence.text):
            digits, around = re.sub(r"\D", "", match[1]), _around(sentence.text, match.start(), match.end())
            if match.start(1) in seen:
                continue
            told = words.has("personal_number", around)
            alike = digits[0] <= "6" and digits == match[1] and not words.has("case_number", around)
            if told or (alike and not _amount(sentence.text, match.end(), words)):
                seen.add(match.start(1))
                yield Found(
                    Severity.BLOCKING, "privacy.personal_number", f"{digits[:2]}•••••••{digits[-2:]}", sentence.text
                )


def _telephones(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    taken: list[range] = []
    public = words.has("public_phone", sentence.tokens)
    for pattern, severity in (
        (_MOBILE, Severity.BLOCKING),
        (_LANDLINE, Severity.WARNING),
        (_FOREIGN, Severity.BLOCKING),
    ):
        for match in pattern.finditer(sentence.text):
            place, digits = range(match.start(), match.end()), re.sub(r"\D", "", match[0])
            if any(place.start in other for other in taken) or _amount(sentence.text, match.end(), words):
                continue
            if digits.endswith("000") and pattern is _MOBILE and not match[0].startswith("+"):
                continue  # an amount, not a number
            if pattern is _LANDLINE and len(_national(digits)) != 9:
                continue
            taken.append(place)
            if _allowed(digits, words) or (public and severity is Severity.WARNING):
                continue
            milder = Severity.WARNING if public else severity
            yield _phone(milder, digits, sentence)
    for token in _told(sentence, words, "phone"):
        near = _SHORT.match(sentence.text, token.end)
        if near and not any(near.start(1) in other for other in taken) and not public:
            digits = re.sub(r"\D", "", near[1])
            if 6 <= len(digits) <= 9 and not _allowed(digits, words):
                yield _phone(Severity.WARNING, digits, sentence)


def _phone(severity: Severity, digits: str, sentence: Sentence) -> Found:
    national = _national(digits)
    return Found(severity, "privacy.phone_number", f"{national[:3]}••••{national[-2:]}", sentence.text)


def _national(digits: str) -> str:
    for prefix in ("00995", "995"):
        digits = digits.removeprefix(prefix)
    return digits[1:] if len(digits) > 9 and digits[0] in "08" else digits


def _allowed(digits: str, words: PrivacyWords) -> bool:
    return bool({digits, _national(digits), f"0{_national(digits)}"} & words.allowed_numbers)


def _plates(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    told = words.has("plate", sentence.tokens)
    other = {word.casefold() for word in words.not_plates}
    for match in _PLATE.finditer(sentence.text):
        plain = re.sub("[ -]", "", match[1])
        yield Found(Severity.BLOCKING, "privacy.number_plate", f"{plain[:2]}-•••-{plain[-2:]}", sentence.text)
    for match in _OLD_PLATE.finditer(sentence.text):
        if match[1].casefold() in other:
            continue
        if told or match[2] == "-":
            severity = Severity.BLOCKING if told else Severity.WARNING
            yield Found(severity, "privacy.number_plate", f"{match[1]}-•••", sentence.text)


def _around(text: str, start: int, end: int) -> tuple[Token, ...]:
    return tokens_of(text[max(start - _BEFORE, 0) : start]) + tokens_of(text[end : end + _AFTER])


def _amount(text: str, end: int, words: PrivacyWords) -> bool:
    """True where the word after the number counts something: lari, people, kilometres."""
    after = tokens_of(text[end : end + _AFTER])[:1]
    return words.has("amounts", after) or text[end : end + 2].strip()[:1] in {"₾", "$", "€", "%"}


def _told(sentence: Sentence, words: PrivacyWords, subject: str) -> Iterator[Token]:
    stems = words.stems[subject]
    for place, token in enumerate(sentence.tokens):
        if stems.at(sentence.tokens, place):
            yield token
