"""What may fill a gap, and what a filled template becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.core.data import from_data, to_data
from distributor.core.gaps import Gap, GapType, normal_value, value_fault
from distributor.core.markup import parse, plain
from distributor.core.release import Kind, Status
from distributor.core.template import FILLED_AT, Template, Wording, build
from distributor.core.template_faults import free_words, template_faults

REGIONS = frozenset({"GE-TB", "GE-KA"})
PLACE = Gap("place", GapType.LINE, {"en": "Place"}, limit=40)
FLOOD = Template(
    "flood",
    (Wording("en", "Flood in {place}", "Flood", "Leave {place}.", "Go **now** from {place}.", "Leave", "{place}"),),
    (PLACE, Gap("until", GapType.TIME, {"en": "Until"})),
    expires="until",
)
LINE = Gap("text", GapType.LINE)
VALUES = {"place.en": "Gori (old town)", "until": "2026-03-05T18:00:00+00:00", FILLED_AT: "2026-03-05T09:00:00+00:00"}
SHOWN = {"en": {"place": "Gori (old town)", "until": "6 pm"}}


@pytest.mark.parametrize(
    "value",
    [
        *("https://x.example", "www.x", "x.ge", "ვებ.გე", "t.me/x", "10.0.0.1", "@police", "#tag", "$GE", "see /start"),
        *("**bold**", "a_b", "`code`", "[x](y)", "<b>", "~x", "a|b", "{place}", "a\\b", "- item", "+ item", "= line"),
        *("two\nlines", "\u202eback", "\x07bell", "", "x" * 41),
    ],
)
def test_a_line_takes_no_link_no_mark_and_nothing_hidden(value: str) -> None:
    assert value_fault(PLACE, normal_value(PLACE, value), REGIONS)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "Gori. Leave your houses at once",
            "გორი! დატოვეთ სახლები",
            "Gori? run",
            "Gori (old town). Leave",
            "წყალი… გაიქეცით",
        ),
        *(
            "No. 5. Leave at once",
            "“Gori.” Leave",
            "გადით. მეტრო",
            "სახლი. გადით",
            "Leave. Run",
            "ხიდი. წადით",
            "ა. ბერიძის ქუჩა. გადით",
            "Գորի։ Գնացեք",
            "Gori... leave",
        ),
    ],
)
def test_a_line_takes_one_sentence_and_no_more(value: str) -> None:
    """Its place is beside the template's words, and a further sentence would stand in place of them."""
    assert value_fault(PLACE, normal_value(PLACE, value), REGIONS) == "gap_sentence"


def test_a_line_is_short_also_in_a_template_that_allowed_more_when_it_was_approved() -> None:
    assert value_fault(replace(PLACE, limit=300), "x" * 61, REGIONS) == "gap_long"
    assert value_fault(replace(PLACE, limit=300), "x" * 60, REGIONS) == ""
    assert (replace(PLACE, limit=300).at_most, replace(PLACE, limit=40).at_most) == (60, 40)


@pytest.mark.parametrize(
    "value",
    [
        *("ქ. თბილისი, ვაკე", "და/ან", "Gori (old town)", "05.03.2026", "3,5 km", "24/7", "No. 5!", "Gori."),
        *("გორი, ჭავჭავაძის გამზ. 5", "St. Mary's, Gori", "A. B. Street", "Gori (old town)."),
        *("აღმაშენებლის გამზ. მეტრო", "ადიგენის მუნიც. სოფელი უდე", "გორის რ-ნი. სოფ. ტყვიავი", "რუსთავის ქუჩ. ხიდი"),
        *("თავისუფლების მოედ. მეტრო", "Rustaveli Ave. metro", "Gori Munic. village", "ძვ. ხიდი, გზატკ. თავი"),
    ],
)
def test_a_line_takes_plain_words(value: str) -> None:
    assert value_fault(PLACE, normal_value(PLACE, value), REGIONS) == ""


@pytest.mark.parametrize(
    ("gap", "good", "bad"),
    [
        (Gap("a", GapType.REGION), ["GE-TB", "GE-TB, GE-KA"], ["", "GE-XX", "GE-TB,", "GE-TB;GE-KA"]),
        (Gap("a", GapType.NUMBER, low=1, high=9), ["1", "9"], ["0", "10", "", "x", "1.5", "٣", "1e3"]),
        (Gap("a", GapType.CHOICE, choices={"red": {}}), ["red"], ["blue", "", "re"]),
        (Gap("a", GapType.TIME), ["2026-03-05T18:00:00+04:00"], ["2026-03-05T18:00:00", "18:00", "", "soon"]),
    ],
)
def test_other_gaps_take_only_what_they_name(gap: Gap, good: list[str], bad: list[str]) -> None:
    assert [value_fault(gap, normal_value(gap, value), REGIONS) for value in good] == [""] * len(good)
    assert all(value_fault(gap, normal_value(gap, value), REGIONS) for value in bad)


@given(st.text(max_size=60))
def test_whatever_a_line_takes_reads_as_itself_and_nothing_else(value: str) -> None:
    kept = normal_value(PLACE, value)
    if value_fault(PLACE, kept, REGIONS):
        return
    made = build(FLOOD, 1, VALUES | {"place.en": kept}, {"en": SHOWN["en"] | {"place": kept}}, author_id=1)
    blocks = parse(made.versions[0].body)
    assert plain(blocks) == f"Go now from {kept}."
    assert not any(span.href for block in blocks for span in block.spans)


def test_a_filled_template_is_always_an_emergency_with_its_warning_and_its_end() -> None:
    made = build(FLOOD, 3, VALUES, SHOWN, author_id=7, status=Status.EXERCISE)
    assert (made.kind, made.status, made.template) == (Kind.EMERGENCY, Status.EXERCISE, "flood@3")
    assert made.versions[0].title == "Flood in Gori (old town)"
    assert made.filled == VALUES
    assert made.warning is not None
    assert made.warning.event == {"en": "Flood"}
    assert made.warning.area == {"en": "Gori (old town)"}
    assert made.deadline == made.warning.expires
    assert made.deadline is not None
    assert made.deadline.isoformat() == VALUES["until"]
    lasting = replace(FLOOD, expires="", lasts_minutes=90)
    ends = build(lasting, 1, VALUES, SHOWN, author_id=7).deadline
    assert ends is not None
    assert ends.isoformat() == "2026-03-05T10:30:00+00:00"


def test_a_template_survives_its_way_through_the_database_with_its_hash() -> None:
    assert from_data(Template, to_data(FLOOD)) == FLOOD
    assert from_data(Template, to_data(FLOOD)).hash == FLOOD.hash
    assert replace(FLOOD, topics=("fire",)).hash != FLOOD.hash


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": "Flood 1"}, "name"),
        ({"wordings": ()}, "language"),
        ({"gaps": ()}, "not declared"),
        ({"gaps": (*FLOOD.gaps, Gap("more", GapType.LINE))}, "not used"),
        ({"gaps": (*FLOOD.gaps, Gap("place", GapType.LINE))}, "stands twice"),
        ({"expires": "place"}, "no gap for a time"),
        ({"lasts_minutes": 5}, "one of the two"),
        ({"regions": ("GE-XX",)}, "no region GE-XX"),
        ({"wordings": (replace(FLOOD.wordings[0], body="[map](https://x.example/{place})"),)}, "address"),
        ({"wordings": (replace(FLOOD.wordings[0], body="t.me/{place}"),)}, "address"),
        ({"wordings": (replace(FLOOD.wordings[0], body="{place}.ge"),)}, "address"),
        ({"wordings": (replace(FLOOD.wordings[0], lead="a } brace {place}"),)}, "brace"),
        ({"wordings": (replace(FLOOD.wordings[0], event=""),)}, "title and event"),
        ({"gaps": (replace(PLACE, limit=61), FLOOD.gaps[1])}, "from 1 to 60"),
        ({"wordings": (replace(FLOOD.wordings[0], title="{place}"),)}, "en: title is mostly gaps: 0 own words"),
        ({"wordings": (replace(FLOOD.wordings[0], title="Flood: {place}, {place}"),)}, "en: title is mostly gaps"),
        ({"wordings": (replace(FLOOD.wordings[0], lead="1. {place}!"),)}, "en: lead is mostly gaps"),
        ({"wordings": (replace(FLOOD.wordings[0], body="Now: **{place}**"),)}, "en: body is mostly gaps: 1 own words"),
        (
            {"wordings": (replace(FLOOD.wordings[0], body="[{place}](https://of.many.words)"),)},
            "en: body is mostly gaps",
        ),
        ({"wordings": (replace(FLOOD.wordings[0], event="Flood in {place}"),)}, "en: event must be"),
        ({"wordings": (replace(FLOOD.wordings[0], instruction="Leave {place}"),)}, "en: instruction must be"),
    ],
)
def test_what_is_wrong_with_a_template_is_named(changed: dict[str, object], told: str) -> None:
    assert template_faults(FLOOD, REGIONS) == []
    faults = template_faults(replace(FLOOD, **changed), REGIONS)  # type: ignore[arg-type]
    assert any(told in fault for fault in faults), faults


def test_a_template_of_nothing_but_a_line_is_refused_text_by_text() -> None:
    """With it one alone could say anything at all."""
    alone = Template("any", (Wording("en", "{text}", "{text}", "{text}", "{text}", "{text}", "{text}"),), (LINE,))
    told = " ".join(template_faults(alone, REGIONS))
    for part in ("title", "event", "lead", "body", "instruction"):
        assert f"en: {part} " in told
    assert "{text}" in told
    assert "area" not in told  # the place in words is such a line


def test_closed_gaps_are_as_good_as_own_words() -> None:
    """A choice, a region, a time and a number say nothing that was not approved."""
    what = Gap("what", GapType.CHOICE, choices={"flood": {"en": "Flood"}})
    closed = replace(FLOOD, gaps=(what, FLOOD.gaps[1]), wordings=(Wording("en", "{what}", "{what}", body="{what}"),))
    assert template_faults(closed, REGIONS) == []


def test_where_free_words_may_stand_is_named() -> None:
    assert free_words(FLOOD) == [(PLACE, ["title", "lead", "body", "area"])]
