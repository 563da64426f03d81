"""The desk's sentences: each that the code asks for stands in both catalogues, and a message's words are understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from telegram import MessageEntity

from distributor import bot
from distributor.bot.message_text import guess_language, version_of
from distributor.bot.panels import DATA_AT_MOST, data, meant
from distributor.core.approval import Decision
from distributor.locale import texts

CODE = "\n".join(path.read_text(encoding="utf-8") for path in Path(bot.__file__).parent.glob("*.py"))
ASKED = sorted(set(re.findall(r'"(bot\.[a-z_.!]+[a-z_])"', CODE)))
REFUSED = sorted(
    {
        code
        for path in Path(bot.__file__).parents[1].rglob("*.py")
        for code in re.findall(r'Refused\("([a-z_]+)"', path.read_text(encoding="utf-8"))
        if path.parent.name in {"office", "bot"}
    }
)


@pytest.mark.parametrize("language", ["ka", "en"])
def test_every_sentence_that_the_desk_asks_for_is_there(language: str) -> None:
    found = texts(language)
    built = [f"bot.{part}.{decision.value}" for part in ("decided", "pressed") for decision in Decision]
    built += [f"bot.command.{name}" for name in ("help", "mine", "new", "language", "log", "invite")]
    assert len(ASKED) > 60
    assert [msgid for msgid in [*ASKED, *built] if not found.has(msgid)] == []
    assert [code for code in REFUSED if not found.has(f"refused.{code}")] == []


@pytest.mark.parametrize(
    ("text", "language"),
    [("თბილისში ხანძარი", "ka"), ("Пожар в Тбилиси", "ru"), ("Fire in Tbilisi", "en"), ("112", "en")],
)
def test_the_language_is_guessed_from_the_script(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_entities_after_an_emoji_in_the_title_stay_on_their_words() -> None:
    text = "🚒 Fire\n\nBold lead\n\nA bold word."
    at = len("🚒 Fire\n\nBold lead\n\nA ") + 1  # the emoji counts twice, in UTF-16
    version = version_of(text, [MessageEntity("bold", at, 4)])
    assert (version.title, version.lead, version.body) == ("🚒 Fire", "Bold lead", "A **bold** word.")


def test_a_single_paragraph_after_the_title_is_the_body() -> None:
    version = version_of("Title\nOnly paragraph.", [])
    assert (version.lead, version.body) == ("", "Only paragraph.")


def test_callback_data_fits_into_telegrams_64_bytes_whatever_the_codes_are() -> None:
    code = "რეგიონის-ძალიან-გრძელი-კოდი-რომელიც-არ-ეტევა"
    carried = data("0123456789", "ro", code)
    assert len(carried.encode()) <= DATA_AT_MOST
    assert meant(carried.split(":", 3)[3], ["other", code]) == code
    assert meant("nothing", ["other", code]) == ""
