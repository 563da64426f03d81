"""Number plates, of any country and in any dress.

Pure. Georgia's own form (AB-123-CD) is known anywhere; a foreign one is known in a sentence with a vehicle in it, and
right after a word for a plate any short run of letters and digits is one. Letters that look Latin are read so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from distributor.core.privacy_script import AS_LATIN
from distributor.core.privacy_words import Found, PrivacyWords, Sentence, tokens_of
from distributor.core.rendering import Severity

_SIGN = r"(?: ?[-·•._] ?| )?"
_ENDING = r"(?:-[ა-ჰ]{1,6}|(?<![ა-ჰ])[ა-ჰ]{1,6})?(?!\w|-\d)"  # AB123CDს
_FREE = r"(?<![\w-])"
_GEORGIAN = re.compile(
    rf"{_FREE}([A-Z]{{2}}{_SIGN}\d{{3}}{_SIGN}[A-Z]{{2}}|[a-z]{{2}}[-·•_]\d{{3}}[-·•_][a-z]{{2}}){_ENDING}"
)
_OLD = re.compile(rf"{_FREE}([A-Z]{{3}})([ -]?)(\d{{3}}){_ENDING}")
# Azerbaijan's and Armenia's, Russia's, and Georgia's in Georgian letters or small ones.
_ABROAD = re.compile(
    rf"{_FREE}(\d\d{_SIGN}[A-Z]{{2}}{_SIGN}\d{{3}}|[A-Z] ?\d{{3}} ?[A-Z]{{2}} ?\d{{2,3}}|[ა-ჰ]{{2}}-\d{{3}}-[ა-ჰ]{{2}}"
    rf"|[a-z]{{2}}\d{{3}}[a-z]{{2}})"
    rf"{_ENDING}"
)
_GAP = r"(?: ?[-·•./_*] ?| )?"
_L, _D = r"[^\W\d_]{1,3}", r"\d{1,4}"
_ANY = re.compile(
    rf"{_FREE}((?:{_L}{_GAP})?{_L}{_GAP}{_D}(?:{_GAP}{_L}(?:{_GAP}{_D})?)?|{_D}{_GAP}{_L}(?:{_GAP}{_D}(?:{_GAP}{_L})?)?)"
    rf"{_ENDING}"
)
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_FEWEST, _MOST, _DIGITS = 5, 9, 3  # letters and digits of a plate, and how many of them are digits
_BETWEEN = 3  # words between a word for a plate and the plate
_OWN_LENGTHS = [2, 3, 2]
_SMALL = frozenset(
    ("of", "in", "on", "at", "to", "no", "is", "by", "or", "as", "an", "და", "ან", "კი", "თუ", "ის", "ეს")
)


def plates(sentence: Sentence, words: PrivacyWords) -> Iterator[Found]:
    """Every plate in a sentence, once."""
    text, taken = sentence.text.translate(AS_LATIN), list[range]()
    for match, severity, shown in (*_named(sentence, words, text), *_known(sentence, words, text)):
        place = range(match.start(1), match.end())
        if not any(place.start < other.stop and other.start < place.stop for other in taken):
            taken.append(place)
            yield Found(severity, "privacy.number_plate", shown, sentence.text)


def _known(sentence: Sentence, words: PrivacyWords, text: str) -> Iterator[tuple[re.Match[str], Severity, str]]:
    """Plates of known forms."""
    told = words.has("plate", sentence.tokens)
    of_flights = not told and words.has("flights", sentence.tokens)
    for match in _GEORGIAN.finditer(text) if not of_flights else ():
        plain = "".join(_PIECE.findall(match[1]))
        yield match, Severity.BLOCKING, f"{plain[:2]}-•••-{plain[-2:]}"
    for match in _OLD.finditer(text):
        if not _no_plate(match[1], words) and (told or match[2] == "-"):
            yield match, Severity.BLOCKING if told else Severity.WARNING, f"{match[1]}-•••"
    for match in _ABROAD.finditer(text):
        joined = "-" in match[1] and not "ა" <= match[1][0] <= "ჰ"
        if told or joined:
            yield match, Severity.BLOCKING if told else Severity.WARNING, f"{match[1][:2].strip()}-•••"


def _named(sentence: Sentence, words: PrivacyWords, text: str) -> Iterator[tuple[re.Match[str], Severity, str]]:
    """What stands right after a word for a plate."""
    stems = words.stems["plate_names"]
    for place in range(len(sentence.tokens)):
        length = stems.at(sentence.tokens, place)
        if not length:
            continue
        for token in sentence.tokens[place + length : place + length + _BETWEEN + 1]:
            match = _plate_at(text, token.start, words, beside=token is sentence.tokens[place + length])
            if match:
                yield match, Severity.BLOCKING, f"{match[1][:2].strip()}-•••"
                break


def _plate_at(text: str, start: int, words: PrivacyWords, *, beside: bool) -> re.Match[str] | None:
    """The plate that begins here: with spaces in it, or else without."""
    space = text.find(" ", start)
    for end in (len(text), space if space >= 0 else len(text)):
        match = _ANY.match(text, start, end)
        if match and _like_a_plate(match[1], words, beside=beside):
            return match
    return None


def _like_a_plate(run: str, words: PrivacyWords, *, beside: bool) -> bool:
    """True for letters and digits that no number, unit or model reads like. `run` is what `_ANY` found, `beside` the
    word for a plate: there a joined MIA-123 is one."""
    pieces = _PIECE.findall(run)
    letters = [piece for piece in pieces if not piece.isdigit()]
    count, digits = sum(map(len, pieces)), sum(len(piece) for piece in pieces if piece.isdigit())
    if not _FEWEST <= count <= _MOST or digits < _DIGITS:
        return False
    joined = not re.search(r"\w \w", run)
    if len(pieces) == 2 and pieces[0] == letters[0] and _no_sign(letters[0], words, beside=beside and joined):
        return False
    if len(pieces) == 2 and pieces[1] == letters[0]:  # 123 AB, and not 120-მდე or 150 GEL
        return beside and re.fullmatch("[A-Z]{2,3}", letters[0]) is not None and not _unit(letters[0], words)
    if joined or all(letter.isupper() for letter in letters):
        return True
    small = letters[0].casefold() in _SMALL or _unit(letters[-1], words)
    return [*map(len, pieces)] == _OWN_LENGTHS and not small


def _no_sign(letters: str, words: PrivacyWords, *, beside: bool) -> bool:
    """True for letters before a number that are no part of a plate: No 123, მე-123, a model."""
    return letters.casefold() in {"n", "no", "მე"} or (not beside and _no_plate(letters, words))


def _unit(letters: str, words: PrivacyWords) -> bool:
    return words.has("amounts", tokens_of(letters))


def _no_plate(letters: str, words: PrivacyWords) -> bool:
    return letters.casefold() in {word.casefold() for word in words.not_plates}
