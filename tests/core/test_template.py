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
from distributor.core.template import FILLED_AT, Template, Wording, build, template_faults

REGIONS = frozenset({"GE-TB", "GE-KA"})
PLACE = Gap("place", GapType.LINE, {"en": "Place"}, limit=40)
FLOOD = Template(
    "flood",
    (Wording("en", "Flood in {place}", "Flood", "Leave {place}.", "Go **now** from {place}.", "Leave", "{place}"),),
    (PLACE, Gap("until", GapType.TIME, {"en": "Until"})),
    expires="until",
)
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
    "value", ["ქ. თბილისი, ვაკე", "და/ან", "Gori (old town)", "05.03.2026", "3,5 km", "24/7", "No. 5!"]
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
    ],
)
def test_what_is_wrong_with_a_template_is_named(changed: dict[str, object], told: str) -> None:
    assert template_faults(FLOOD, REGIONS) == []
    faults = template_faults(replace(FLOOD, **changed), REGIONS)  # type: ignore[arg-type]
    assert any(told in fault for fault in faults), faults
