"""Text: normalising, measuring, cutting, romanising. Georgian is never given capitals."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distributor.core.text import (
    cut_at_word,
    faults_in,
    fingerprint,
    guess_language,
    normalise,
    romanise,
    slug,
    storable,
    utf16_length,
)

ANY = st.text(st.characters(exclude_categories=[]), max_size=60)


@given(ANY)
@example("half \ud83d a character")
@example("e\u200b\u0301")
def test_normalising_is_nfc_idempotent_and_can_always_be_written(text: str) -> None:
    once = normalise(text)
    assert once == normalise(once)
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


def test_mtavruli_becomes_mkhedruli_letter_by_letter() -> None:
    mkhedruli = "".join(chr(code) for code in (*range(0x10D0, 0x10FB), 0x10FD, 0x10FE, 0x10FF))
    assert normalise(mkhedruli.upper()) == mkhedruli
    assert mkhedruli.upper() != mkhedruli, "or nothing would have been tested"
    assert normalise(mkhedruli) == mkhedruli


def test_line_ends_become_line_feeds_and_hidden_characters_go() -> None:
    assert normalise("a\r\nb\rc") == "a\nb\nc"
    assert normalise("  თბი\u00adლი\u200bსი\ufeff ") == "თბილისი"
    assert normalise("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧", "the joiner of an emoji is not hidden"
    assert normalise("e\u200b\u0301") == "é"


@pytest.mark.parametrize("char", list("\u202e\u202a\u2066\u2069\u200f\u061c"))
def test_f38_a_change_of_direction_is_kept_by_normalising_so_that_it_is_named(char: str) -> None:
    assert faults_in(normalise(f"a{char}b")) == ["direction"]


def test_f34_line_breaks_and_control_characters_are_faults_of_a_title() -> None:
    assert faults_in("a\r\nb", one_line=True) == ["control", "line_break"]
    assert faults_in("a\nb", one_line=True) == ["line_break"]
    assert faults_in("a\nb") == []
    assert faults_in("a\tb") == []
    assert faults_in("a\u2028b", one_line=True) == ["control", "line_break"]
    assert faults_in("a\x00b") == ["control"]
    assert faults_in("a\x85b", one_line=True) == ["control", "line_break"]


def test_lengths_are_counted_as_telegram_counts_them() -> None:
    assert utf16_length("აბ") == 2
    assert utf16_length("👮") == 2
    assert utf16_length("👨\u200d👩") == 5


@given(st.text(max_size=80), st.integers(1, 60))
def test_a_cut_text_is_never_longer_than_its_limit_and_is_a_beginning(text: str, limit: int) -> None:
    cut = cut_at_word(text, limit)
    assert utf16_length(cut) <= max(limit, 1)
    if cut != text:
        assert cut.endswith("…")
        assert text.startswith(cut[:-1])


def test_f38_a_text_one_too_long_is_split_at_a_word_and_one_that_fits_is_left() -> None:
    assert cut_at_word("ორი ტურისტი იპოვეს", 18) == "ორი ტურისტი იპოვეს"
    assert cut_at_word("ორი ტურისტი იპოვეს", 17) == "ორი ტურისტი…"
    assert cut_at_word("ერთი, ორი", 8) == "ერთი…"
    assert cut_at_word("ერთიგრძელისიტყვა", 5) == "ერთი…"
    assert cut_at_word("👮👮👮", 4) == "👮…", "no half of an emoji"


@pytest.mark.parametrize(
    "joined",
    ["👨\u200d👩\u200d👧\u200d👦", "🇬🇪", "👍🏽", "e\u0301", "❤\ufe0f", "1\ufe0f\u20e3"],
    ids=["family", "flag", "skin", "accent", "heart", "keycap"],
)
def test_a_character_of_several_code_points_is_kept_whole_or_left_out(joined: str) -> None:
    text = "აბგ" + joined + "დევზთი"
    for limit in range(4, utf16_length(text)):
        head = cut_at_word(text, limit).removesuffix("…")
        assert head in {"აბგ"} or head.startswith("აბგ" + joined), ascii(head)


def test_the_national_romanisation_has_no_apostrophe() -> None:
    assert romanise("თბილისი") == "tbilisi"
    assert romanise("ჭყონდიდი ღვინო ხაჭაპური ჯვარი ძმა") == "chqondidi ghvino khachapuri jvari dzma"
    assert romanise("აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ") == (
        "abgdevztiklmnop" + "zh" + "rstupk" + "gh" + "q" + "sh" + "ch" + "ts" + "dz" + "ts" + "ch" + "kh" + "j" + "h"
    )


def test_a_slug_ends_in_the_id_so_that_words_that_collide_do_not() -> None:
    assert slug("კარი", "aaaaaaaaaa") == "kari-aaaaaaaaaa"
    assert romanise("კარი") == romanise("ქარი")
    assert slug("კარი", "aaaaaaaaaa") != slug("ქარი", "bbbbbbbbbb")
    assert slug("Ღ — !", "x1") == slug("ღ", "x1")
    assert slug("!!!", "x1") == "x1"
    assert slug("Café in Batumi", "x1") == "cafe-in-batumi-x1"


@given(ANY)
def test_a_slug_is_always_fit_for_an_address(title: str) -> None:
    made = slug(title, "0123456789")
    assert made.endswith("0123456789")
    assert len(made) <= 91
    assert all(char.isascii() and (char.isalnum() or char == "-") for char in made)
    assert "--" not in made


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_fingerprints_of_different_lists_differ(one: list[str], other: list[str]) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


def test_the_language_is_guessed_by_its_script() -> None:
    assert guess_language("მაშველებმა iPhone იპოვეს") == "ka"
    assert guess_language("Rescuers found two tourists") == "en"
    assert guess_language("Спасатели") == "ru"
    assert guess_language("Փրկարարները") == "hy"
    assert guess_language("112 !") == "ka"


@given(ANY)
@example("half \ud83d a character\x00")
def test_what_is_storable_can_be_written_and_is_as_long_as_before(text: str) -> None:
    kept = storable(text)
    assert "\x00" not in kept
    kept.encode()
    assert len(kept) == len(text)
    assert storable(kept) == kept
