"""What nobody sees in a text: every such character stops a release, but where an emoji or a script is made of it."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from distributor.core.privacy_script import letters
from distributor.core.privacy_words import searched
from distributor.core.text import faults_in

# Signs of the category Cf that are seen: Arabic ones that stand around a number, and the like.
SEEN = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
# Default_Ignorable_Code_Point of Unicode that are of another category, or of none yet.
IGNORED = (
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0, 0x180B, 0x180C, 0x180D, 0x180F}
    | {*range(0xFE00, 0xFE10)}
    | {*range(0xFFF0, 0xFFF9)}
    | {*range(0xE0000, 0xE1000)}
)


def codes(text: str) -> list[str]:
    return [found.code for found in letters(text)]


def test_every_character_that_nobody_sees_stops_the_release() -> None:
    formats = {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"}
    silent = [
        f"U+{code:04X}"
        for code in sorted((formats - SEEN) | IGNORED)
        if codes(f"საიდუმ{chr(code)}ლო") != ["script.invisible"] and "direction" not in faults_in(chr(code))
    ]
    assert silent == []


def test_nothing_that_nobody_sees_parts_a_number() -> None:
    formats = {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"}
    parted = [f"U+{code:04X}" for code in sorted(formats | IGNORED) if searched(f"0100{chr(code)}1") != "01001"]
    assert parted == []


@pytest.mark.parametrize(
    "text",
    [
        "ოჯახი 👨\u200d👩\u200d👧 და ❤\ufe0f\u200d🔥",
        "🕵🏻\u200d♂\ufe0f, ☎\ufe0f, ⚠\ufe0f გაფრთხილება, ‼\ufe0f, ℹ\ufe0f",
        "1\ufe0f\u20e3 და #\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f შოტლანდია",
        "می\u200cخواهم",
        "क्\u200dष, শ্\u200cয",
        "葛\U000e0100城市, 辻\ufe00",
        "ᠠ\u180b",
    ],
)
def test_emoji_and_scripts_that_are_made_of_it_may_have_it(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "თბილისი\U000e0073\U000e0065\U000e0063\U000e0072\U000e0065\U000e0074",  # written in tag letters
        "🏴\U000e0073\U000e0065\U000e0063\U000e0072\U000e0065\U000e0074\U000e0020\U000e0061\U000e007f",  # too long
        "🏴\U000e0067\U000e0062",  # without an end
        "საბა\u200dძე",
        "0\ufe0f1\ufe0f0",
        "ab\ufe0fc",
        "ორი \u200d სიტყვა",
        "ხაზი\ufff9ზემოთ\ufffaქვემოთ\ufffb",
        "ខ\u17b4",
    ],
)
def test_anywhere_else_it_hides_something(text: str) -> None:
    assert codes(text) == ["script.invisible"]
