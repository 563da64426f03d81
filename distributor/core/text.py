"""Text as a press office writes it: normalising, measuring, cutting, romanising.

Pure functions over strings. Never changes the case of content (Georgian has no capitals in ordinary
text; `str.upper()` would turn Mkhedruli into Mtavruli).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Mtavruli (U+1C90-1CBF) are the capitals of Mkhedruli (U+10D0-10FF), at a fixed distance.
_MTAVRULI = {code: code - 0x1C90 + 0x10D0 for code in (*range(0x1C90, 0x1CBB), 0x1CBD, 0x1CBE, 0x1CBF)}

# Characters that change the direction of text around them, or hide: they can make an approved text
# read differently on a channel. U+200D/U+200C stay: emoji and some scripts need them.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\u180e]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_HALF = re.compile("[\ud800-\udfff]")  # half a character, which JSON can carry and UTF-8 cannot

# The national system of romanisation of 2002, without the apostrophe. Two letters may share a Latin
# form (კარი / ქარი), which is why a slug always ends in the release's id.
_ROMAN = dict(
    zip(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        [
            "a",
            "b",
            "g",
            "d",
            "e",
            "v",
            "z",
            "t",
            "i",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "zh",
            "r",
            "s",
            "t",
            "u",
            "p",
            "k",
            "gh",
            "q",
            "sh",
            "ch",
            "ts",
            "dz",
            "ts",
            "ch",
            "kh",
            "j",
            "h",
        ],
        strict=True,
    )
)


def normalise(text: str) -> str:
    """NFC, line feeds only, Mtavruli folded to Mkhedruli, invisible characters removed.

    Direction-changing and control characters are kept, so that `faults_in` can name them: they are
    refused, not silently repaired.
    """
    lines = _HALF.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    folded = unicodedata.normalize("NFC", _INVISIBLE.sub("", lines).translate(_MTAVRULI))
    return folded.strip()


def storable(text: str) -> str:
    """A platform's words as every database can keep them: no NUL, no half characters. Nothing else is changed."""
    if text.isascii() and "\x00" not in text:
        return text  # nearly every code and id
    return _HALF.sub("\ufffd", text.replace("\x00", "\ufffd"))


def faults_in(text: str, *, one_line: bool = False) -> list[str]:
    """Codes of what makes this text unsafe to send: 'direction', 'control', 'line_break'."""
    found = []
    if _DIRECTION.search(text):
        found.append("direction")
    if _CONTROL.search(text):
        found.append("control")
    if one_line and re.search("[\r\n\u2028\u2029\x85]", text):
        found.append("line_break")
    return found


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, in which Telegram counts entity offsets."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)


def cut_at_word(text: str, limit: int, mark: str = "…") -> str:
    """The longest beginning of `text` of at most `limit` UTF-16 units that ends at a word, with `mark`
    where something was left out. A single word longer than the limit is cut between characters as people see
    them: no accent, flag or family is torn apart."""
    if utf16_length(text) <= limit:
        return text
    room = max(limit - utf16_length(mark), 0)
    used, end = 0, 0
    for index, char in enumerate(text):
        used += 2 if ord(char) > 0xFFFF else 1
        if used > room:
            break
        end = index + 1
    while 0 < end < len(text) and _one_character(text, end):
        end -= 1
    head = text[:end]
    if end < len(text) and not text[end].isspace():
        spaces = [match.start() for match in re.finditer(r"\s", head)]
        if spaces and spaces[-1] > 0:
            head = head[: spaces[-1]]
    return head.rstrip(" \n\t,;:–—-") + mark


def _one_character(text: str, at: int) -> bool:
    """True where the code points before and after this place show as one character (UAX #29, in short)."""
    before, char = text[at - 1], text[at]
    if "\u200d" in (before, char) or unicodedata.category(char).startswith("M"):
        return True
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":  # skin tones, tags of flags
        return True
    flags = re.search("[\U0001f1e6-\U0001f1ff]*$", text[max(at - 40, 0) : at])
    return "\U0001f1e6" <= char <= "\U0001f1ff" and flags is not None and len(flags[0]) % 2 == 1


def romanise(text: str) -> str:
    """Georgian letters in Latin ones; every other character unchanged."""
    return "".join(_ROMAN.get(char, char) for char in normalise(text))


def slug(title: str, release_id: str) -> str:
    """The last part of a release's permanent address: readable words, then the id that makes it unique."""
    plain = unicodedata.normalize("NFKD", romanise(title).casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")
    return f"{words}-{release_id}" if words else release_id


def fingerprint(*parts: str | bytes) -> str:
    """SHA-256, in hex, over the parts with their lengths, so that no two lists of parts collide."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


def guess_language(text: str) -> str:
    """ka, hy, ru or en, by the script that most letters are of. A guess, shown to the author, who may change it."""
    ranges = {"ka": (0x10A0, 0x10FF), "hy": (0x0530, 0x058F), "ru": (0x0400, 0x04FF), "en": (0x0041, 0x024F)}
    counts = {
        language: sum(1 for char in text if char.isalpha() and low <= ord(char) <= high)
        for language, (low, high) in ranges.items()
    }
    return max(counts, key=lambda language: counts[language]) if any(counts.values()) else "ka"
