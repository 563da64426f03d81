"""An approval is over exactly these bytes, by a second person who may."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import product
from typing import Any

import pytest

from distributor.core.approval import ALLOWED_FROM, Decision, Standing, content_hash, refusal
from distributor.core.asset import Asset, MediaKind, Rendition
from distributor.core.markup import Entity
from distributor.core.people import RIGHTS, Person, Right, Role
from distributor.core.release import (
    RELEASE_STEPS,
    Action,
    Kind,
    LanguageVersion,
    MediaItem,
    Notice,
    ReleaseState,
    Revision,
    Status,
)
from distributor.core.rendering import Part, Placed, Preflight, Problem, Rendering, Severity
from distributor.core.warning import Warning
from tests.core.examples import RENDERING, REVISION, WHOLE

AUDIENCE = [("telegram", "@ministry"), ("press", "*")]


# Fields that the example leaves empty, with something that they may hold.
LATER: dict[str, Any] = {"notice": Notice(Action.CORRECT, {"ka": "შეცდომა"}, "why", ("a" * 64,))}


def changes(value: Any) -> list[Any]:
    """The value with each of its parts changed once, as deep as it goes."""
    if is_dataclass(value) and not isinstance(value, type):
        return [
            replace(value, **{field.name: other})
            for field in fields(value)
            for other in ([LATER[field.name]] if field.name in LATER else changes(getattr(value, field.name)))
        ]
    if isinstance(value, Enum):
        return [next(other for other in type(value) if other is not value)]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1]
    if isinstance(value, str):
        return [value + "x"]
    if isinstance(value, datetime):
        return [value + timedelta(microseconds=1), None]
    if isinstance(value, tuple):
        parts = [
            (*value[:place], other, *value[place + 1 :]) for place, part in enumerate(value) for other in changes(part)
        ]
        return [*parts, value[1:], (*value, *value[:1])]
    if isinstance(value, dict):
        entries = [value | {key: other} for key in value for other in changes(value[key])]
        return [*entries, {}, value | {"more": "x"}]
    return [1.0] if value is None else []


@pytest.mark.parametrize(
    "kind", [Revision, LanguageVersion, MediaItem, Asset, Warning, Rendering, Part, Placed, Rendition, Entity], ids=str
)
def test_the_examples_hold_every_kind_of_part(kind: type) -> None:
    def kinds(value: Any) -> set[type]:
        if is_dataclass(value) and not isinstance(value, type):
            return {type(value)}.union(*(kinds(getattr(value, field.name)) for field in fields(value)))
        return set().union(*map(kinds, value)) if isinstance(value, tuple) else set()

    assert kind in kinds(WHOLE) | kinds(RENDERING)


def test_f24_any_change_of_the_revision_gives_another_hash() -> None:
    before = content_hash(WHOLE, [RENDERING], AUDIENCE)
    changed = changes(WHOLE)
    assert len(changed) > 60
    hashes = [content_hash(other, [RENDERING], AUDIENCE) for other in changed]
    assert before not in hashes
    assert len(set(hashes)) == len(hashes)


def test_f24_any_change_of_a_rendering_gives_another_hash() -> None:
    before = content_hash(REVISION, [RENDERING], AUDIENCE)
    changed = changes(RENDERING)
    assert len(changed) > 30
    hashes = [content_hash(REVISION, [other], AUDIENCE) for other in changed]
    assert before not in hashes
    assert len(set(hashes)) == len(hashes)


def test_f24_any_change_of_the_audience_gives_another_hash_and_the_order_does_not() -> None:
    before = content_hash(REVISION, [RENDERING], AUDIENCE)
    assert content_hash(REVISION, [RENDERING], reversed(AUDIENCE)) == before
    others: list[list[tuple[str, str]]] = [
        [],
        AUDIENCE[:1],
        [("telegram", "@other"), AUDIENCE[1]],
        [*AUDIENCE, ("x", "mia")],
    ]
    assert all(content_hash(REVISION, [RENDERING], other) != before for other in others)
    second = replace(RENDERING, language="en")
    two = content_hash(REVISION, [RENDERING, second], AUDIENCE)
    assert two == content_hash(REVISION, [second, RENDERING], AUDIENCE) != before


AUTHOR, EDITOR = Person(1, "Nino", Role.AUTHOR), Person(2, "Giorgi", Role.EDITOR)
STANDING = Standing(ReleaseState.SUBMITTED, 3, 1, 1, "hash", False)


@pytest.mark.parametrize(
    ("person", "changed", "seen", "code"),
    [
        (EDITOR, {}, (3, "hash"), ""),
        (AUTHOR, {}, (3, "hash"), "not_editor"),
        (replace(EDITOR, role=Role.NONE), {}, (3, "hash"), "not_editor"),
        (replace(EDITOR, role=Role.ADMINISTRATOR), {}, (3, "hash"), ""),
        (replace(EDITOR, id=1), {}, (3, "hash"), "own_release"),
        (EDITOR, {"submitter_id": 2}, (3, "hash"), "own_release"),
        (EDITOR, {"state": ReleaseState.APPROVED}, (3, "hash"), "wrong_state"),
        (EDITOR, {}, (2, "hash"), "changed_since"),
        (EDITOR, {}, (3, "old"), "changed_since"),
        (EDITOR, {}, (3, ""), "changed_since"),
        (EDITOR, {"blocked": True}, (3, "hash"), "blocked"),
    ],
)
def test_f24_f25_f27_who_may_approve_what(
    person: Person, changed: dict[str, Any], seen: tuple[int, str], code: str
) -> None:
    assert refusal(person, Decision.APPROVE, replace(STANDING, **changed), *seen) == code


@pytest.mark.parametrize(("decision", "state"), list(product(Decision, ReleaseState)))
def test_a_decision_is_taken_only_from_its_states(decision: Decision, state: ReleaseState) -> None:
    allowed = {
        Decision.APPROVE: {ReleaseState.SUBMITTED},
        Decision.REJECT: {ReleaseState.SUBMITTED, ReleaseState.HELD},
        Decision.HOLD: {
            ReleaseState.SUBMITTED,
            ReleaseState.APPROVED,
            ReleaseState.DISTRIBUTING,
            ReleaseState.DISTRIBUTED,
        },
        Decision.RESUME: {ReleaseState.HELD},
    }[decision]
    code = refusal(EDITOR, decision, replace(STANDING, state=state), 3, "hash")
    assert code == ("" if state in allowed else "wrong_state")


@pytest.mark.parametrize("decision", Decision)
@pytest.mark.parametrize("role", Role)
def test_nobody_decides_without_the_right(decision: Decision, role: Role) -> None:
    standing = replace(STANDING, state=next(iter(ALLOWED_FROM[decision])))
    code = refusal(Person(9, "X", role), decision, standing, 3, "hash")
    assert (code == "") == (role in {Role.EDITOR, Role.ADMINISTRATOR})


def test_the_decisions_agree_with_the_steps_of_a_release() -> None:
    leads = {
        Decision.APPROVE: ReleaseState.APPROVED,
        Decision.REJECT: ReleaseState.REJECTED,
        Decision.HOLD: ReleaseState.HELD,
        Decision.RESUME: ReleaseState.SUBMITTED,
    }
    for decision, after in leads.items():
        assert all(after in RELEASE_STEPS[before] for before in ALLOWED_FROM[decision]), decision


def test_rights_are_denied_unless_listed() -> None:
    assert set(RIGHTS) == set(Role)
    table = {
        Role.NONE: set(),
        Role.AUTHOR: {Right.WRITE},
        Role.EDITOR: {Right.WRITE, Right.DECIDE, Right.RESOLVE, Right.READ_LOG},
        Role.ADMINISTRATOR: set(Right),
    }
    for role, right in product(Role, Right):
        assert Person(1, "X", role).may(right) == (right in table[role])


def test_only_a_blocking_problem_blocks() -> None:
    problems = tuple(Problem(severity, "x") for severity in (Severity.NOTE, Severity.WARNING))
    assert not Preflight((), problems).blocked
    assert Preflight((), (*problems, Problem(Severity.BLOCKING, "x"))).blocked


def test_kinds_and_statuses_are_those_of_the_domain() -> None:
    assert len(Kind) == 7
    assert {status.value for status in Status} == {"actual", "exercise", "test"}
    assert {kind.value for kind in MediaKind} == {"photo", "video"}


def test_shortened_approval_needs_one_editor_and_forgives_nothing_else() -> None:
    editor = Person(1, "e", Role.EDITOR)
    own = Standing(ReleaseState.SUBMITTED, 1, 1, 1, "h", False)
    short = replace(own, shortened=True)
    assert refusal(editor, Decision.APPROVE, own, 1, "h") == "own_release"
    assert refusal(editor, Decision.APPROVE, short, 1, "h") == ""
    assert refusal(Person(1, "a", Role.AUTHOR), Decision.APPROVE, short, 1, "h") == "not_editor"
    assert refusal(editor, Decision.APPROVE, short, 1, "other") == "changed_since"
    assert refusal(editor, Decision.APPROVE, replace(short, blocked=True), 1, "h") == "blocked"
    assert refusal(editor, Decision.APPROVE, replace(short, state=ReleaseState.HELD), 1, "h") == "wrong_state"
    assert refusal(editor, Decision.APPROVE, replace(short, answering=frozenset({1})), 1, "h") == "own_override"
