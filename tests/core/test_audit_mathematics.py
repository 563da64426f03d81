"""The audit log's mathematics, against RFC 6962."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.core.audit import GENESIS, Event, checkpoint_text, leaf, root
from distributor.core.data import canonical

# The leaves and roots of certificate-transparency's own tests for RFC 6962 (merkletree/merkle_tree_test.cc).
LEAVES = [
    bytes.fromhex(value)
    for value in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_rfc_6962(size: int) -> None:
    hashes = [hashlib.sha256(b"\x00" + value).digest() for value in LEAVES[:size]]
    assert root(hashes) == ROOTS[size - 1]


def test_the_empty_tree_hashes_nothing() -> None:
    assert root([]) == hashlib.sha256(b"").hexdigest()


def test_a_leaf_is_marked_as_a_leaf() -> None:
    row = {"delivery": 1, "reason": "ქ"}
    assert leaf(row) == hashlib.sha256(b"\x00" + canonical(row)).digest()


def plain(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + plain(leaves[:k]) + plain(leaves[k:])).digest()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
def test_roots_of_any_size_follow_the_definition(leaves: list[bytes]) -> None:
    assert root(leaves) == plain(leaves).hex()


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=20, unique=True), st.data())
def test_a_swapped_removed_or_repeated_leaf_gives_another_root(leaves: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(leaves) - 2))
    swapped = leaves.copy()
    swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    others = [swapped, leaves[:-1], leaves[:place] + leaves[place + 1 :], [*leaves, leaves[-1]]]
    assert root(leaves) not in [root(other) for other in others]


EVENT = Event(2, 1_700_000_000_000_000, "person:1", "release.approve", "release:x", {"a": 1}, "f" * 64)


def test_f40_any_change_of_an_event_changes_its_hash_and_the_stored_hash_is_not_part_of_it() -> None:
    before = EVENT.computed()
    others = {"seq": 3, "at": 1, "actor": "x", "kind": "x", "subject": "x", "data": {"a": 2}, "previous": GENESIS}
    assert set(others) == {field.name for field in fields(Event)} - {"hash"}
    hashes = {replace(EVENT, **{name: value}).computed() for name, value in others.items()}  # type: ignore[arg-type]
    assert len(hashes | {before}) == len(others) + 1
    assert replace(EVENT, hash=before).computed() == before
    assert before == "c0c198ed7a1483e28197b198dc315cad5f625d9d858d20cfcbd1733bc5a7de2f"


def test_a_checkpoint_signs_who_how_many_what_and_when() -> None:
    assert checkpoint_text("შსს", 7, "ab", 9).decode() == "distributor-checkpoint-v1\nშსს\n7\nab\n9\n"
