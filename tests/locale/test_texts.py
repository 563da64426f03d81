"""What people read: sentences with their parameters, dates and sizes as their language writes them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from distributor import locale
from distributor.core.asset import MediaRefused
from distributor.core.refusal import Refused
from distributor.core.rendering import Problem, Severity


def problem(code: str, **params: str) -> Problem:
    return Problem(Severity.BLOCKING, code, params)


def test_a_date_is_written_as_the_language_writes_it() -> None:
    when = datetime(2026, 3, 5, 20, 30, tzinfo=UTC)
    assert locale.moment(when, "ka", "Asia/Tbilisi") == "6 მარტი, 2026, 00:30"
    assert locale.moment(when, "en", "Asia/Tbilisi") == "6 March 2026, 00:30"
    with pytest.raises(ValueError, match="zone"):
        locale.moment(when.replace(tzinfo=None), "ka", "Asia/Tbilisi")


def test_a_language_without_a_catalogue_reads_the_fallback() -> None:
    assert locale.texts("hy").get("state.sent") == locale.texts("en").get("state.sent")


def test_a_missing_parameter_leaves_the_sentence_and_is_logged_without_any_value() -> None:
    with capture_logs() as lines:
        shown = locale.texts("ka").get("refused.unknown_release", wrong="a person's words")
    assert shown == locale.texts("ka").get("refused.unknown_release", id="…")
    assert [(line["msgid"], line["given"]) for line in lines] == [("refused.unknown_release", ["wrong"])]


def test_an_unknown_code_is_shown_as_it_is() -> None:
    assert locale.problem_text(problem("from_the_future"), "ka") == "problem.from_the_future"
    assert locale.code_text("from_the_future", "ka") == ""
    assert locale.code_text("withdrawn", "ka") == "მასალა გამოთხოვილია"


@pytest.mark.parametrize("language", ["ka", "en"])
def test_why_a_delivery_was_not_made_is_told_in_the_readers_language(language: str) -> None:
    ours = [
        "superseded",
        "withdrawn",
        "lifted",
        "held_again",
        "live_withheld",
        "approval_void",
        "restored",
        "post_gone",
    ]
    for code in ours:
        assert locale.why_text(code, "the same in English", language) == locale.code_text(code, language) != ""
    for code in ("where_unknown", "still_visible", "not_deleted", "not_editable"):
        sentence = locale.code_text(code, language)
        assert sentence
        assert locale.why_text(code, "see https://t.me/mia/7", language) == f"{sentence} (see https://t.me/mia/7)"
    assert locale.why_text("from_the_future", "as it was given", language) == "as it was given"
    assert locale.why_text("withdrawn", "", language) == locale.code_text("withdrawn", language)
    assert locale.why_text("", "", language) == ""


def test_a_problem_names_languages_numbers_and_times_in_words() -> None:
    assert "ინგლისური" in locale.problem_text(problem("no_title", language="en"), "ka")
    assert "English" in locale.problem_text(problem("no_title", language="en"), "en")
    assert "4\N{NO-BREAK SPACE}096" in locale.problem_text(problem("text_too_long", length="5000", limit="4096"), "ka")
    late = problem("deadline_passed", deadline="2026-03-05T10:00:00+00:00")
    assert "5 მარტი, 2026, 14:00" in locale.problem_text(late, "ka")


def test_sizes_are_told_in_units_that_people_know() -> None:
    assert locale.size_text(9_500_000, "ka") == "9,5 მბ"
    assert locale.size_text(9_500_000, "en") == "9.5 MB"
    assert locale.size_text(800, "en") == "800 bytes"
    told = locale.problem_text(problem("mail.too_large", size="7200000", limit="5000000", language="ka"), "en")
    assert "7.2 MB" in told
    assert "5 MB" in told


def test_a_refused_file_is_told_alone_and_with_its_place_in_the_release() -> None:
    refused = MediaRefused("too_large", {"size": 60_000_000, "limit": 50_000_000})
    params = {name: str(value) for name, value in refused.params.items()}
    alone = locale.problem_text(problem(f"media.{refused.code}", **params), "ka")
    assert alone.startswith("ფაილი ძალიან დიდია: 60 მბ")
    placed = locale.problem_text(problem("media.too_large", item="3", name="a.jpg", why="too_large", **params), "ka")
    assert placed == f"ფაილი 3 (a.jpg): {alone}"


def test_a_refusal_is_told_in_the_persons_language() -> None:
    refused = Refused("unknown_release", id="abc")
    assert "abc" in locale.refusal_text(refused, "ka")
    assert locale.refusal_text(refused, "ka") != locale.refusal_text(refused, "en")


def test_the_words_of_a_person_are_never_taken_for_a_placeholder(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        shown = locale.texts("en").get("refused.unknown_release", id="{id.__class__} {0}")
    assert "{id.__class__} {0}" in shown
