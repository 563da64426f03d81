"""The privacy gate over sentences as offices write them, with the packaged words."""

from __future__ import annotations

import time

import pytest

from distributor.config import packaged_words
from distributor.core.privacy import OVERRIDABLE, Said, findings, links_in, overridden, said
from distributor.core.privacy_words import PrivacyWords, searched, sentences, tokens_of
from distributor.core.release import Action, Kind, LanguageVersion, Notice, Revision
from distributor.core.rendering import Problem, Severity
from distributor.core.warning import Warning
from tests.core import privacy_people_examples as of_people
from tests.core import privacy_press_examples as of_press
from tests.core.privacy_examples import FOUND, ORDINARY

YEAR = 2026


def look(text: str, field: str = "lead", words: PrivacyWords | None = None) -> list[Problem]:
    item = Said(text, "ka", field, markdown=field == "body")
    return list(findings([item], words or packaged_words(), YEAR))


def test_every_word_of_a_revision_is_looked_at_once() -> None:
    warning = Warning(event={"ka": "წყალდიდობა"}, area={"ka": "გორი"}, instruction={"ka": "რეკეთ: 599 12 34 56"})
    version = LanguageVersion("ka", "სათაური", "დასაწყისი", "ტექსტი")
    notice = Notice(Action.CORRECT, {"ka": "შესწორდა"}, "the office's own")
    revision = Revision("r", 1, 1, Kind.EMERGENCY, (version,), warning=warning, notice=notice)
    texts = [item.text for item in said(revision)]
    assert sorted(texts) == sorted(set(texts))
    assert {"სათაური", "დასაწყისი", "ტექსტი", "წყალდიდობა", "გორი", "რეკეთ: 599 12 34 56", "შესწორდა"} == set(texts)
    assert len(list(findings(said(revision), packaged_words(), YEAR))) == 1


@pytest.mark.parametrize("text", [*ORDINARY, *of_people.ORDINARY, *of_people.ORDINARY_TEXTS, *of_press.ORDINARY])
def test_an_ordinary_sentence_passes(text: str) -> None:
    found = look(text, "body" if "\n\n" in text else "lead")
    assert [problem for problem in found if problem.severity is not Severity.NOTE] == []


def test_ordinary_sentences_pass_together_too() -> None:
    found = look("\n\n".join([*ORDINARY, *of_people.ORDINARY]), "body")
    wrong = [problem for problem in found if problem.severity is not Severity.NOTE]
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "სასამართლომ 10 წლის ვადით თავისუფლების აღკვეთა შეუფარდა.",
        "სამსახური 17 წლის წინ დაარსდა და 15 წლის იუბილეს აღნიშნავს.",
        "2026 წლის 12 მარტს გამოძიება დაიწყო.",
        "A 5-year sentence ended; the 10-year-old bridge was closed 3 years ago.",
    ],
)
def test_a_time_is_no_age(text: str) -> None:
    assert look(text) == []


@pytest.mark.parametrize(("text", "code", "stops"), [*FOUND, *of_people.FOUND, *of_press.FOUND])
def test_what_must_not_go_out_is_found(text: str, code: str, stops: bool) -> None:
    found = look(text, "body" if "\n\n" in text else "lead")
    mine = [problem for problem in found if problem.code == f"privacy.{code}"]
    assert mine, found
    assert any(problem.blocks for problem in mine) is stops


@pytest.mark.parametrize(("text", "code", "stops"), [*FOUND, *of_people.FOUND, *of_press.FOUND])
def test_what_is_shown_does_not_give_the_thing_away(text: str, code: str, stops: bool) -> None:
    for problem in look(text):
        shown = problem.params["excerpt"]
        digits = sum(char.isdigit() for char in shown)
        assert digits <= 5
        assert text not in str(problem.params)
        assert not {"ბერიძე", "Beridze", "გელაშვილი", "Gelashvili", "კვარაცხელია"} & set(shown.split())


@pytest.mark.parametrize(
    "text",
    [
        "პირადი ნომერი: **01001**012345",
        "პირადი ნომერი 010\u200b01012345",
        "პირადი ნომერი 010\u206301\u034f012345",
        "პირადი ნომერი ０１００１０１２３４５",
        "პირადი ნომერი 01001&#48;12345 და 01001012345",
        "[დარეკეთ](tel:+995577123456)",
        "დარეკეთ: 577\u00a012\u00a034\u00a056",
        "პირადი\nნომერი 01001012345",
    ],
)
def test_a_number_is_found_in_any_dress(text: str) -> None:
    numbers = {"privacy.personal_number", "privacy.phone_number"}
    assert any(problem.blocks for problem in look(text, "body") if problem.code in numbers)


def test_the_same_thing_is_named_once_and_in_each_place() -> None:
    texts = [Said("ტელ. 577 12 34 56, 577 12 34 56", "ka", field) for field in ("lead", "title")]
    found = list(findings(texts, packaged_words(), YEAR))
    assert [problem.params["field"] for problem in found] == ["lead", "title"]


def test_every_item_of_a_list_is_read_under_its_heading() -> None:
    text = "დაკავებულები არიან:\n\n- გიორგი ბერიძე;\n- ნიკა ლომიძე;\n- Ahmet Kaplan\n\nწყარო: ნინო კახიძე."
    named = [(item.params["excerpt"], item.blocks) for item in look(text, "body")]
    assert named == [("გიორგი ბ•••", True), ("ნიკა ლ•••", True), ("Ahmet K•••", True), ("ნინო კ•••", False)]


def test_the_texts_of_a_release_know_of_each_other() -> None:
    title = Said("პოლიციამ ერთი პირი დააკავა", "ka", "title")
    body = Said("გიორგი ბერიძე ბათუმში ცხოვრობს.", "ka", "body", markdown=True)
    photo = Said("ფოტო: ნინო კახიძე", "", "credit", "1")
    alone = list(findings([body, photo], packaged_words(), YEAR))
    together = list(findings([title, body, photo], packaged_words(), YEAR))
    assert alone == []
    assert [(item.code, item.params["field"], item.blocks) for item in together] == [
        ("privacy.named_accused", "body", False)
    ]


def test_names_are_shown_one_by_one() -> None:
    shown = [
        item.params["excerpt"] for item in look("Arrested: Giorgi Beridze, Nika Lomidze and Mayor Levan Gelashvili.")
    ]
    assert shown == ["Giorgi B•••", "Nika L•••", "Levan G•••"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("მკვლელობის ბრალდებით დააკავეს გიორგი ბერიძე.", "გიორგი ბ•••"), ("ნინომ ლუკა (14) იპოვა.", "ლუკა")],
)
def test_a_name_is_told_once_and_it_is_the_right_one(text: str, shown: str) -> None:
    assert [item.params["excerpt"] for item in look(text)] == [shown]


def test_an_emergency_need_not_wait_for_the_gate() -> None:
    """Six thousand characters take about 20 ms; the limit leaves room for a slow machine, not for a slow rule."""
    words = packaged_words()
    for text in ((" ".join([*ORDINARY, *of_people.ORDINARY]))[:6000], "a;" * 3000, "- გიორგი ბერიძე\n" * 370):
        started = time.process_time()
        list(findings([Said(text, "ka", "body", markdown=True)], words, YEAR))
        assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "." * 60_000,
        "killed Minister Giorgi Beridze, " * 1900,
        "დაზარალებულთა დახმარებისთვის სიგელები გადაეცათ: " + "კაპიტანი გიორგი ბერიძე, " * 500,
    ],
    ids=["dots", "ministers", "captains"],
)
def test_the_time_grows_as_the_text_does(text: str) -> None:
    started = time.process_time()
    list(findings([Said(text, "ka", "lead")], packaged_words(), YEAR))
    assert time.process_time() - started < 1.5  # a quarter of a second at most; the machine may be busy


def test_an_override_belongs_to_the_words_that_were_read() -> None:
    (problem,) = look("ოფიცრის ნომერია 577 12 34 56.")
    given = {problem.key: ("public on the office's page", 7)}
    answered = overridden(problem, given)
    assert (answered.blocks, answered.override, answered.override_by) == (False, "public on the office's page", 7)
    assert answered.key == problem.key
    for other in ("ოფიცრის ნომერია 577 99 34 56.", "მოწმის ნომერია 577 12 34 56."):
        (changed,) = look(other)
        assert overridden(changed, given).blocks
    (elsewhere,) = look("ოფიცრის ნომერია 577 12 34 56.", "title")
    assert overridden(elsewhere, given).blocks


def test_no_technical_problem_can_be_overridden() -> None:
    problem = Problem(Severity.BLOCKING, "title_too_long", {"length": "400"})
    assert overridden(problem, {problem.key: ("never mind", 7)}) == problem
    assert all(code.startswith("privacy.") for code in OVERRIDABLE)


def test_initials_abbreviations_and_lines_end_no_sentence() -> None:
    words = packaged_words()
    text = "დაკავებულია გ. ბერიძე, ქ. თბილისში. ტელ. 5. The end."
    assert [len(item.tokens) for item in sentences(searched(text), words)] == [5, 2, 2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("შსს აცხადებს ᲛᲜᲘᲨᲕᲜᲔᲚᲝᲕᲐᲜᲡ", "script.mtavruli"),
        ("საიდუმ\u2063ლო", "script.invisible"),
        ("საბა\u200dძე", "script.invisible"),
        ("The MIА press office", "script.mixed"),  # its А is Cyrillic
        ("საპаტრულო პოლიცია", "script.mixed"),
        ("The АВС company", "script.look_alike"),  # Cyrillic altogether
    ],
)
def test_letters_that_are_not_what_they_seem(text: str, code: str) -> None:
    assert [problem.code for problem in look(text)] == [code]


@pytest.mark.parametrize(
    "text",
    ["ოჯახი 👨\u200d👩\u200d👧 ❤\ufe0f\u200d🔥", "SMSით, COVID-ის", "Хор МВД России", "mia.gov.ge", "می\u200cخواهم"],
)
def test_letters_that_are_what_they_seem(text: str) -> None:
    assert look(text) == []


@pytest.mark.parametrize("address", ["https://mіa.gov.ge/x", "https://xn--ma-nmc.gov.ge/", "https://росо.example"])
def test_a_link_to_a_look_alike_stops_the_release(address: str) -> None:
    for field, text in (("body", f"[გვერდი](<{address}>)"), ("lead", f"იხ. {address}.")):
        assert "privacy.link_look_alike" in [problem.code for problem in look(text, field) if problem.blocks]


def test_links_are_those_of_the_text_and_bare_ones() -> None:
    said = [
        Said("see https://a.example/x?y=1.", "en", "lead"),
        Said("[b](https://b.example) (https://c.example/d)", "en", "body", markdown=True),
    ]
    assert links_in(said) == ("https://a.example/x?y=1", "https://b.example", "https://c.example/d")


def test_an_office_adds_its_own_words() -> None:
    more = PrivacyWords.together(
        [packaged_words(), PrivacyWords(public_numbers=("577 12 34 56",), guilty=("ხულიგან",))]
    )
    assert look("მოწმის ნომერია +995 577 12 34 56.", words=more) == []
    assert [problem.code for problem in look("ხულიგანი დააკავეს.", words=more)] == ["privacy.presumed_guilt"]


def test_a_language_without_words_is_told_once() -> None:
    texts = [
        Said("Спасены туристы", "ru", "title"),
        Said("Задержан Иван Петров.", "ru", "lead"),
        Said("", "hy", "lead"),
    ]
    (told,) = findings([*texts, Said("სათაური", "ka", "title")], packaged_words(), YEAR)
    assert (told.severity, told.code, told.params) == (Severity.WARNING, "privacy.no_words", {"language": "ru"})


def test_an_exception_is_no_entry() -> None:
    stems = packaged_words().stems["guilty"]
    assert stems.among(tokens_of("მკვლელმა"))
    assert not stems.among(tokens_of("მკვლელობის"))
