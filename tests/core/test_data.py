"""The domain as canonical JSON: a hash made today is made again in ten years."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from distributor.core.approval import hashed
from distributor.core.data import aware, canonical, digest, from_data, from_micros, to_data, to_micros
from distributor.core.release import Revision, new_release_id
from distributor.core.rendering import Rendering
from tests.core.examples import NOW, RENDERING, REVISION

NAIVE = datetime(2026, 3, 5, 13, 0)  # noqa: DTZ001  # the point of the tests


def test_a_revision_and_a_rendering_survive_storing() -> None:
    assert from_data(Revision, to_data(REVISION)) == REVISION
    assert from_data(Rendering, to_data(RENDERING)) == RENDERING
    assert from_data(Rendering, to_data(RENDERING)).hash == RENDERING.hash


def test_hashes_are_those_of_the_first_version_and_stay_so() -> None:
    assert canonical({"b": 1, "a": ["ქ", None, True]}) == '{"a":["ქ",null,true],"b":1}'.encode()
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    # Whoever changes this has changed what earlier approvals stand for.
    assert digest(hashed(REVISION)) == "58eed4ef569a0d51245cf17d2aaca9bafbda9898aa4c42abd4c180644ff5eb04"
    assert RENDERING.hash == "c39c966265e1f8b91ab3a190229238b7693052b29c09d3c67e55ab8bb2b68698"


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_equal_data_gives_equal_bytes_whatever_the_order(data: dict[str, Any]) -> None:
    assert canonical(data) == canonical(dict(reversed(data.items())))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"x": value})


def test_foreign_data_is_refused() -> None:
    with pytest.raises(ValidationError):
        from_data(Revision, {"release_id": "x"})


def test_naive_times_are_refused_at_every_border() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        aware(NAIVE)
    with pytest.raises(ValueError, match="without a zone"):
        to_micros(NAIVE)
    for name in ("at", "embargo", "deadline"):
        with pytest.raises(ValueError, match="without a zone"):
            replace(REVISION, **{name: NAIVE})  # type: ignore[arg-type]
        with pytest.raises(ValidationError, match="without a zone"):
            from_data(Revision, to_data(REVISION) | {name: "2026-03-05T13:00:00"})


def test_the_same_moment_in_another_zone_is_the_same_revision() -> None:
    tbilisi = NOW.astimezone(ZoneInfo("Asia/Tbilisi"))
    assert digest(to_data(replace(REVISION, at=tbilisi))) == digest(to_data(REVISION))
    assert replace(REVISION, at=tbilisi).at.tzinfo is UTC  # type: ignore[union-attr]


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=4)))).filter(lambda moment: 1 < moment.year < 9999))
def test_microseconds_are_exact(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment
    assert from_micros(to_micros(moment)).tzinfo is UTC


def test_ids_of_releases_are_fifty_bits_without_letters_that_are_misread() -> None:
    made = {new_release_id() for _ in range(500)}
    assert len(made) == 500
    assert all(len(one) == 10 and not set(one) - set("0123456789abcdefghjkmnpqrstvwxyz") for one in made)


def test_every_field_of_a_revision_is_in_its_data() -> None:
    assert set(to_data(REVISION)) == {field.name for field in fields(Revision)}
