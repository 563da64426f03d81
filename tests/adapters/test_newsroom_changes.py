"""What a correction note lists: each change once, in few words, and never what stood there before."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.adapters.newsroom_changes import LONGEST, changes
from distributor.core.markup import html, parse
from distributor.core.release import Kind, LanguageVersion, Revision

ID = "abcdefghjk"
EN = LanguageVersion("en", "A fire is out", "", "First.\n\nSecond.")


def revision_of(bodies: Sequence[str], **content: Any) -> Revision:
    """A release of these paragraphs."""
    version = LanguageVersion("ka", "T", "", "\n\n".join(bodies))
    return Revision(ID, 1, 1, Kind.NEWS, (version,), **content)


def kinds(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    """What changed between two texts."""
    found = changes(revision_of(before), revision_of(after), "ka")
    return [(one["what"].removeprefix("paragraph_"), one["number"]) for one in found]


def test_paragraphs_are_compared_by_what_they_say_and_where_they_lead() -> None:
    assert kinds(["a", "b", "c"], ["a", "c"]) == [("removed", "2")]
    assert kinds(["a", "c"], ["a", "b", "c"]) == [("added", "2")]
    assert kinds(["a", "b"], ["a", "x"]) == [("changed", "2")]
    assert kinds(["[here](https://one.example)"], ["[here](https://two.example)"]) == [("changed", "1")]
    assert kinds(["a", "b"], ["b", "a"]) in ([("removed", "1"), ("added", "2")], [("added", "1"), ("removed", "2")])
    labelled = changes(revision_of(["a"]), revision_of(["a"], regions=("GE-TB",)), "ka")
    assert [one["what"] for one in labelled] == ["labels"]
    more = dataclasses.replace(revision_of(["a"]), versions=(LanguageVersion("ka", "T", "", "a"), EN))
    assert [one["what"] for one in changes(revision_of(["a"]), more, "en")] == ["language_added"]
    assert [one["what"] for one in changes(more, revision_of(["a"]), "ka")] == ["language_removed"]


WORDS = st.lists(st.text("abcdef ", min_size=1, max_size=300).filter(str.strip), max_size=6)


@given(WORDS, WORDS)
@settings(max_examples=100, deadline=None)
def test_equal_texts_have_no_changes_and_no_change_is_long(before: list[str], after: list[str]) -> None:
    assert kinds(after, after) == []
    found = changes(revision_of(before), revision_of(after), "ka")
    were, are = ([html([block]) for block in parse("\n\n".join(bodies))] for bodies in (before, after))
    assert bool(found) == (were != are)
    assert all(len(one["now"]) <= LONGEST + 1 for one in found)
