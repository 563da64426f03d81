"""The catalogues against the code: nothing that people read lacks words in a language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest

from distributor import locale
from distributor.core.approval import Decision
from distributor.core.asset import REFUSALS
from distributor.core.channel import Action
from distributor.core.delivery import DeliveryState
from distributor.core.people import Role
from distributor.core.release import Kind, ReleaseState, Status
from distributor.core.rendering import Severity
from distributor.locale.catalogues import ordered

ROOT = Path(__file__).resolve().parents[2] / "distributor"
SPEAKING = ("core", "office", "adapters", "bot", "web", "cli", "queue", "demo")
ENUMS: dict[str, type[StrEnum]] = {
    "action": Action,
    "decision": Decision,
    "kind": Kind,
    "release": ReleaseState,
    "role": Role,
    "severity": Severity,
    "state": DeliveryState,
    "status": Status,
}


def entries(language: str) -> dict[str, list[str]]:
    """Every id with its sentences."""
    found: dict[str, list[str]] = {}
    for message in locale.read_catalogue(language):
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            found[key] = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return found


def calls() -> Iterator[tuple[str, str, list[ast.expr]]]:
    """Every call in the speaking parts: where, the name of what is called, its arguments."""
    for part in SPEAKING:
        for path in sorted((ROOT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    function = node.func
                    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", name, node.args


def literal(arguments: list[ast.expr], place: int) -> str:
    """The text that is written as an argument, or ''."""
    found = arguments[place] if len(arguments) > place else None
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else ""


def wanted() -> Iterator[tuple[str, str]]:
    """Every id that the code asks for, and where."""
    for name, members in ENUMS.items():
        yield from ((f"{name}.{member.value}", members.__name__) for member in members)
    yield from ((f"problem.media.{code}", "core.asset.REFUSALS") for code in REFUSALS)
    prefixes = {key.split(".")[0] for key in entries("en")}
    for where, name, arguments in calls():
        if name == "Refused" and literal(arguments, 0):
            yield f"refused.{literal(arguments, 0)}", where
        elif name in {"Problem", "add"} and literal(arguments, 1):
            yield f"problem.{literal(arguments, 1)}", where
        elif name == "_blocking" and literal(arguments, 0):
            yield f"problem.{literal(arguments, 0)}", where
        elif name in {"get", "many"}:
            key = literal(arguments, 0)
            if key.split(".")[0] in prefixes and "." in key:
                yield key, where


def test_everything_that_the_code_says_has_an_entry() -> None:
    asked = list(wanted())
    assert len(asked) > 150  # the search itself works
    have = entries("en")
    assert sorted({f"{key} ({where})" for key, where in asked if key not in have}) == []


def test_codes_returned_by_the_core_and_the_office_have_an_entry() -> None:
    have = entries("en")
    missing = set()
    for file in ("core/approval.py", "office/approvals.py", "office/operations.py", "office/people.py"):
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and node.value.value:
                code = node.value.value
                if isinstance(code, str) and f"refused.{code}" not in have:
                    missing.add(f"{file}: {code}")
    assert missing == set()


def test_every_language_has_the_same_entries() -> None:
    assert set(entries("ka")) == set(entries("en"))


@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_no_entry_is_empty_and_none_has_capital_georgian_letters(language: str) -> None:
    for key, sentences in entries(language).items():
        assert sentences, key
        for sentence in sentences:
            assert sentence.strip(), key
            assert not re.search("[\u1c90-\u1cbf]", sentence), key


def test_both_languages_have_the_same_placeholders() -> None:
    english = entries("en")
    for key, sentences in entries("ka").items():
        names = [{name for _, name, _, _ in Formatter().parse(one) if name is not None} for one in sentences]
        other = [{name for _, name, _, _ in Formatter().parse(one) if name is not None} for one in english[key]]
        assert set().union(*names) == set().union(*other), key
        assert all(re.fullmatch("[a-z_]+", name) for found in names for name in found), key


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_refused_file_is_told_with_the_same_parameters_in_every_language(code: str) -> None:
    names = {name for _, name, _, _ in Formatter().parse(REFUSALS[code]) if name}
    for language in locale.LANGUAGES:
        (sentence,) = entries(language)[f"problem.media.{code}"]
        assert {name for _, name, _, _ in Formatter().parse(sentence) if name} == names


@pytest.mark.parametrize("language", locale.LANGUAGES)
def test_the_catalogues_are_in_order(language: str) -> None:
    written = locale.catalogue_path(language).read_text("utf-8")
    assert written == ordered(language), "run: python -m distributor.locale"
