"""The privacy gate's numbers and places over sentences as offices write them, with the packaged words."""

from __future__ import annotations

import time

import pytest

from distributor.config import packaged_words
from distributor.core.privacy import Said, findings
from distributor.core.rendering import Problem, Severity
from tests.core.privacy_examples import ORDINARY as ALSO_ORDINARY
from tests.core.privacy_numbers_examples import FOUND, ORDINARY

YEAR = 2026
MINE = {f"privacy.{code}" for code in ("personal_number", "phone_number", "number_plate", "home_address")}


def look(text: str, field: str = "lead") -> list[Problem]:
    found = findings([Said(text, "ka", field, markdown=field == "body")], packaged_words(), YEAR)
    return [problem for problem in found if problem.code in MINE]


@pytest.mark.parametrize("text", [*ORDINARY, *ALSO_ORDINARY])
def test_an_ordinary_sentence_passes(text: str) -> None:
    assert look(text) == []


def test_ordinary_sentences_pass_together_too() -> None:
    assert look("\n\n".join(ORDINARY), "body") == []
    assert look(" ".join(ORDINARY), "body") == []


@pytest.mark.parametrize(("text", "code", "stops"), FOUND)
def test_what_must_not_go_out_is_found(text: str, code: str, stops: bool) -> None:
    found = [problem for problem in look(text) if problem.code == f"privacy.{code}"]
    assert found
    assert any(problem.blocks for problem in found) is stops


@pytest.mark.parametrize(("text", "code", "stops"), FOUND)
def test_what_is_shown_does_not_give_the_thing_away(text: str, code: str, stops: bool) -> None:
    for problem in look(text):
        assert sum(char.isdigit() for char in problem.params["excerpt"]) <= 5
        assert text not in str(problem.params)


@pytest.mark.parametrize(
    "text",
    [
        "გაქვთ კითხვა? დაგვიკავშირდით. ტელ.: 032 2 35 67 89.",
        "სამინისტროს პრესსამსახური\n\nტელ.: 032 2 35 67 89",
        "საკონტაქტო ნომრები: (032) 2 41 00 00; (032) 2 35 67 89.",
    ],
)
def test_a_landline_after_words_that_invite_to_call_is_only_shown(text: str) -> None:
    (problem,) = look(text, "body")
    assert (problem.code, problem.severity) == ("privacy.phone_number", Severity.WARNING)


@pytest.mark.parametrize("sign", ["ა", "5", "A", "1 ", "N", "-", "ab1"])
def test_a_long_text_costs_little(sign: str) -> None:
    sentences = " ".join(text for text, _, _ in FOUND)
    for text in (sentences[:6000], sign * 6000, f"სახელმწიფო ნომრით {sign * 5900}", f"ტელ. {sign * 5900}"):
        began = time.perf_counter()
        look(text, "body")
        assert time.perf_counter() - began < 0.5  # some 30 ms; the machine may be busy
