"""Regions and topics: who asked for the whole gets its parts, never the other way round."""

from __future__ import annotations

from distributor.core.places import Place, Places

PLACES = Places(
    {
        place.code: place
        for place in (
            Place("GE", {"ka": "საქართველო"}),
            Place("GE-TB", {"ka": "თბილისი", "en": "Tbilisi"}, "GE"),
            Place("GE-TB-VA", {"en": "Vake"}, "GE-TB"),
            Place("GE-KA", {}, "GE"),
            Place("loop-a", {}, "loop-b"),
            Place("loop-b", {}, "loop-a"),
        )
    }
)


def test_parents_are_added_once_each() -> None:
    assert PLACES.with_parents(["GE-TB-VA"]) == ["GE-TB-VA", "GE-TB", "GE"]
    assert PLACES.with_parents(["GE-TB", "GE-KA"]) == ["GE-TB", "GE", "GE-KA"]
    assert PLACES.with_parents([]) == []


def test_an_unknown_code_stays_and_a_circle_ends() -> None:
    assert PLACES.with_parents(["XX"]) == ["XX"]
    assert PLACES.with_parents(["loop-a"]) == ["loop-a", "loop-b"]


def test_children_are_those_directly_below() -> None:
    assert [place.code for place in PLACES.children("GE")] == ["GE-TB", "GE-KA"]
    assert [place.code for place in PLACES.children()] == ["GE"]


def test_a_name_falls_back_to_another_language_and_then_to_the_code() -> None:
    assert PLACES.name("GE-TB", "en") == "Tbilisi"
    assert PLACES.name("GE", "en") == "საქართველო"
    assert PLACES.name("GE-KA", "en") == "GE-KA"
    assert PLACES.name("XX", "en") == "XX"
