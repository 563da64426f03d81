"""Letters that are not what they seem: Mtavruli capitals, invisible characters, mixed scripts, look-alike links.

Pure. A word of two scripts is found by no search and read by no voice; in a link it leads to somebody else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import urlsplit

from distributor.core.privacy_words import Found
from distributor.core.rendering import Severity

_WORD = re.compile(r"[^\W_]+")
_MTAVRULI = re.compile("[\u1c90-\u1cbf]+")
# Whatever nobody sees: Unicode's Default_Ignorable_Code_Point and the category Cf, but for signs of Arabic numbers and
# the like, which are seen, and for what changes the direction of a text, which is named by core.text already.
_HIDING = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_JOINERS = "\u200c\u200d"
# The flag of a part of a country is written in tag letters: GB-SCT.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_EMOJI_BESIDE_SYMBOLS = "‼⁉〰ℹ"  # signs of other categories that have a coloured form
_INDIC = {
    "DEVANAGARI",
    "BENGALI",
    "GURMUKHI",
    "GUJARATI",
    "ORIYA",
    "TAMIL",
    "TELUGU",
    "KANNADA",
    "MALAYALAM",
    "SINHALA",
}
_JOINING = frozenset(_INDIC | {"ARABIC", "SYRIAC", "MYANMAR", "KHMER", "TIBETAN", "MONGOLIAN"})
_VARYING = frozenset({"CJK", "MONGOLIAN", "MYANMAR"})
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC")
# Letters of other scripts that look like Latin ones (after Unicode's confusables, those that people meet).
_ALIKE = frozenset("АВЕЅІЈКМНОРСТУХЬаеоѕіјрсухһԁԛԝңΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυυ")
AS_LATIN = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеоѕіјрсухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυ", "ABESIJKMHOPCTYXaeosijpcyxhdqwABEZHIKMNOPTYXavopu"
)
_ABBREVIATED = re.compile(r"[A-Z0-9]{2,}[ა-ჰ]{1,6}")  # SMSით: an abbreviation with a Georgian ending


def letters(text: str) -> Iterator[Found]:
    """Everything of this kind in a text, as it was written."""
    for match in _MTAVRULI.finditer(text):
        yield Found(Severity.WARNING, "script.mtavruli", match[0][:30], match[0])
        break
    flags = [match.span() for match in _FLAG.finditer(text)]
    for match in _HIDING.finditer(text):
        if not _wanted(text, match.start()) and not any(start < match.start() < end for start, end in flags):
            near = " ".join(_HIDING.sub("", text[max(match.start() - 20, 0) : match.end() + 10]).split())
            yield Found(Severity.BLOCKING, "script.invisible", f"U+{ord(match[0]):04X}: {near}", text)
            break
    seen: set[str] = set()
    found = list(_WORD.finditer(text))
    for place, match in enumerate(found):
        word, kinds = match[0], scripts(match[0])
        if word in seen:
            continue
        if len(kinds) > 1 and not _ABBREVIATED.fullmatch(word):
            seen.add(word)
            yield Found(Severity.WARNING, "script.mixed", f"{word[:40]} ({', '.join(sorted(kinds)).lower()})", word)
        elif len(word) > 1 and set(word) <= _ALIKE and _alone(found, place, kinds):
            seen.add(word)
            yield Found(Severity.WARNING, "script.look_alike", f"{word[:40]} ({', '.join(kinds).lower()})", word)


def links(addresses: tuple[str, ...]) -> Iterator[Found]:
    """Links whose host mixes scripts, looks like another one, or hides one in punycode."""
    for address in dict.fromkeys(addresses):
        host = _host(address)
        labels = [_unpunycoded(label) for label in host.split(".")]
        if any(len(scripts(label)) > 1 or (label and set(label) & _ALIKE and not label.isascii()) for label in labels):
            yield Found(Severity.BLOCKING, "privacy.link_look_alike", host[:100], address)


def scripts(word: str) -> frozenset[str]:
    """The scripts that the letters of a word are of."""
    if word.isascii():
        return frozenset({"LATIN"}) if any(char.isalpha() for char in word) else frozenset()
    names = {unicodedata.name(char, "").split(" ")[0] for char in word if char.isalpha()}
    return frozenset(name for name in names if name in _SCRIPTS)


def _alone(found: list[re.Match[str]], place: int, kinds: frozenset[str]) -> bool:
    """True where no neighbour is of the same script: a Russian word among Russian ones is what it seems."""
    near = [found[at] for at in (place - 1, place + 1) if 0 <= at < len(found)]
    return not any(scripts(match[0]) == kinds and not set(match[0]) <= _ALIKE for match in near)


def _wanted(text: str, place: int) -> bool:
    """True for joiners and variants inside emoji and in scripts that need them."""
    before, char, after = text[max(place - 1, 0) : place], text[place], text[place + 1 : place + 2]
    if _SELECTORS.match(char):
        keycap = after == "\u20e3" and before in set("0123456789#*")
        return keycap or _emoji(before) or _script(before) in _VARYING
    if char not in _JOINERS:
        return False
    if char == "\u200d" and _emoji(after) and (_emoji(before) or before == "\ufe0f"):
        return True
    return _script(before) in _JOINING


def _emoji(char: str) -> bool:
    return bool(char) and (unicodedata.category(char)[0] == "S" or char in _EMOJI_BESIDE_SYMBOLS)


def _script(char: str) -> str:
    """The script of a letter, or of a sign that is written at one."""
    return unicodedata.name(char, "").split(" ")[0] if char else ""


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _unpunycoded(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
