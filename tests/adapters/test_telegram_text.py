"""Cutting and splitting text with entities, counted as Telegram counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.adapters.telegram_text import Flow, cut, join, slice_of, split, styled
from distributor.core.markup import Entity, parse, with_entities
from distributor.core.text import utf16_length

WORDS = st.text(alphabet="აბგდ ab.\n🚒👨\u200d👩🇬🇪é́🏽", max_size=300)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """Any text with entities that begin and end between characters."""
    text = draw(WORDS)
    places = st.integers(0, len(text))
    entities = []
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(places), draw(places)))
        offset = utf16_length(text[:start])
        entities.append(Entity("bold", offset, utf16_length(text[:end]) - offset))
    return Flow(text, tuple(item for item in entities if item.length))


def under(flow: Flow) -> str:
    """The characters under any entity, in the order of the text."""
    units = flow.text.encode("utf-16-le")
    places = {place for item in flow.entities for place in range(item.offset, item.offset + item.length)}
    return b"".join(units[place * 2 : place * 2 + 2] for place in sorted(places)).decode("utf-16-le")


def bare(text: str) -> str:
    """Without white space, which a split may drop."""
    return "".join(text.split())


@given(flows(), st.integers(8, 120))
def test_a_split_loses_no_word_and_no_style_and_keeps_every_limit(flow: Flow, limit: int) -> None:
    pieces = list(split(flow, limit))
    assert all(0 < piece.length <= limit for piece in pieces)
    assert bare("".join(piece.text for piece in pieces)) == bare(flow.text)
    assert bare("".join(under(piece) for piece in pieces)) == bare(under(flow))
    assert all(piece.text == piece.text.strip() for piece in pieces)


@given(flows(), st.integers(2, 120))
def test_a_cut_is_a_beginning_within_the_limit(flow: Flow, limit: int) -> None:
    short = cut(flow, limit)
    assert short.length <= limit
    assert all(item.offset + item.length <= short.length for item in short.entities)
    assert flow.text.strip().startswith(short.text.removesuffix("…").strip())


def test_a_split_prefers_paragraphs_then_lines_then_sentences_then_words() -> None:
    def ends(text: str, limit: int = 40) -> list[str]:
        return [piece.text for piece in split(Flow(text), limit)]

    assert ends("პირველი აბზაცი აქ არის.\n\nმეორე აბზაცი აქ არის. ბოლო.") == [
        "პირველი აბზაცი აქ არის.",
        "მეორე აბზაცი აქ არის. ბოლო.",
    ]
    assert ends("• პირველი პუნქტი აქ არის\n• მეორე პუნქტი აქ არის") == [
        "• პირველი პუნქტი აქ არის",
        "• მეორე პუნქტი აქ არის",
    ]
    assert ends("წინადადება ერთი არის. წინადადება ორი არის.") == ["წინადადება ერთი არის.", "წინადადება ორი არის."]
    assert ends("ხუთი მარტი, 2026 წელი, 17. საათი და წუთი") == ["ხუთი მარტი, 2026 წელი, 17. საათი და წუთი"]
    assert ends("ერთი ორი სამი ოთხი ხუთი ექვსი შვიდი რვა ცხრა") == ["ერთი ორი სამი ოთხი ხუთი ექვსი შვიდი რვა", "ცხრა"]


@pytest.mark.parametrize("whole", ["👨\u200d👩\u200d👧", "🇬🇪", "👍🏽", "ა\u0301", "❤\ufe0f"])
def test_what_is_read_as_one_character_is_never_cut(whole: str) -> None:
    text = "x" + whole * 50
    for piece in split(Flow(text), 20):
        assert not piece.text.removeprefix("x").replace(whole, "")
    assert not cut(Flow(text), 20).text.removeprefix("x").removesuffix("…").replace(whole, "")


def test_a_caption_too_long_by_one_is_cut_at_a_word_f38() -> None:
    flow = Flow("სიტყვა " * 146 + "აბ")  # 1024 units
    assert flow.length == 1024
    assert cut(flow, 1024) == flow
    longer = cut(Flow(flow.text + "გ"), 1024)
    assert longer.text.endswith("სიტყვა…")
    assert longer.length <= 1024


def test_an_entity_over_a_break_goes_on_in_the_next_piece() -> None:
    flow = Flow(*with_entities(parse("🚒 **ერთი ორი სამი ოთხი** ხუთი")))
    first, second, *_ = split(flow, 14)
    assert (first.text, second.text) == ("🚒 ერთი ორი", "სამი ოთხი ხუთი")
    assert first.entities == (Entity("bold", 3, 8),)
    assert second.entities == (Entity("bold", 0, 9),)


def test_joining_moves_offsets_by_utf16_units() -> None:
    flow = join([styled("🚒", "bold"), Flow(), styled("ა", "text_link", "https://police.example")])
    assert flow.text == "🚒\n\nა"
    assert flow.entities == (Entity("bold", 0, 2), Entity("text_link", 4, 1, "https://police.example"))
    assert slice_of(flow, 2, 4) == styled("ა", "text_link", "https://police.example")
