"""What is left to do until a chat shows what it should: whatever stands there, and whatever Telegram refuses."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from distributor.adapters.telegram_errors import Change
from distributor.adapters.telegram_follow import after_call, messages_of
from distributor.adapters.telegram_notices import ADDED, CORRECTION, NOTICE, WITHDRAWAL, posts_of
from distributor.adapters.telegram_plan import Drop, Edit, Op, Post, correcting, still_visible, withdrawing
from distributor.adapters.telegram_render import main_items
from distributor.adapters.telegram_slots import (
    BLANK,
    GONE,
    HEAD,
    KEPT,
    STUCK,
    TEXT,
    Slot,
    key_of,
    mark_of,
    slots_of,
    standing,
)
from distributor.core.asset import MediaKind, Rendition
from distributor.core.channel import Action, Before, Destination, Job
from distributor.core.outcome import Receipt
from distributor.core.rendering import Part, Placed, Rendering
from tests.adapters.support import Recorder

NOTICES = (Part(NOTICE, "withdrawn"), Part(WITHDRAWAL, "withdrawn: title"))
Answer = Callable[[Op], Change]


def item(number: int) -> Placed:
    """A photo that was never stored."""
    return Placed(Rendition("a", "p", f"{number:064x}"[::-1], "image/jpeg", 9, 100, 100, None), MediaKind.PHOTO)


def version(photos: Sequence[int], texts: Sequence[str]) -> Rendering:
    """A rendering with these photos; the first text is the caption, where there are any."""
    kind = "message" if not photos else "photo" if len(photos) == 1 else "album"
    head = Part(kind, texts[0], media=tuple(map(item, photos)))
    return Rendering("public", "ka", (head, *(Part("message", text, fields={"reply_to": "0"}) for text in texts[1:])))


def correction(photos: Sequence[int], texts: Sequence[str]) -> Rendering:
    """A correction to these."""
    made = version(photos, texts)
    return replace(made, parts=(*made.parts, Part(ADDED, "corrected"), Part(CORRECTION, "corrected: all of it")))


def published(rendering: Rendering) -> list[Slot]:
    """What stands after a publication."""
    slots: list[Slot] = []
    for index, part in enumerate(posts_of(rendering)):
        first = len(slots) + 1
        slots += slots_of(part, range(first, first + max(len(part.media), 1)), TEXT if index else HEAD)
    return slots


def carried_out(
    slots: list[Slot], rendering: Rendering, answer: Answer, *, doubt: bool = False
) -> tuple[list[Slot], list[Op]]:
    """The chat after every call, and the calls. Each answer is the test's."""
    plan = withdrawing if any(part.kind == NOTICE for part in rendering.parts) else correcting
    made: list[Op] = []
    while ops := plan(slots, rendering, doubt=doubt):
        op = ops[0]
        made.append(op)
        assert len(made) < 60, "it never ends"
        if isinstance(op, Post):
            assert not [other for other in ops if not isinstance(other, Post)], "a new message before the others"
            first = 10 + max([0, *(slot.id for slot in slots)])
            slots = [
                *slots,
                *messages_of(op, {"ids": list(range(first, first + max(len(main_items(op.part.media)), 1)))}),
            ]
            continue
        assert slots[op.at].stands
        slot, _ = after_call(slots[op.at], op, answer(op))
        slots = [*slots[: op.at], *([slot] if slot else []), *slots[op.at + 1 :]]
    return slots, made


def always(_op: Op) -> Change:
    """Telegram does what it is asked."""
    return Change.DONE


def photos_of(slots: Sequence[Slot]) -> list[str]:
    """The photos that readers see, in order."""
    return [slot.media for slot in slots if slot.media not in ("", BLANK) and GONE not in slot.note]


def texts_of(slots: Sequence[Slot]) -> list[str]:
    """The marks of the words that readers see."""
    return [slot.words for slot in slots if slot.words and GONE not in slot.note]


def chosen(dice: random.Random) -> tuple[list[int], list[str]]:
    """Some photos out of twelve, and some texts."""
    photos = dice.sample(range(12), dice.randint(0, 10))
    return photos, [dice.choice("abcdef") * dice.choice([1, 1, 1025]) for _ in range(dice.randint(1, 4))]


@pytest.mark.parametrize("tens", range(40))
def test_whatever_stood_the_new_version_is_shown(tens: int) -> None:
    for seed in range(tens * 10, tens * 10 + 10):
        _corrected_thrice(random.Random(seed))  # noqa: S311  # a seed has to give the same again


def _corrected_thrice(dice: random.Random) -> None:
    slots = published(version(*chosen(dice)))
    for _ in range(3):  # a correction of a correction too
        photos, texts = chosen(dice)
        texts = [text[:9] if number == 0 and photos else text for number, text in enumerate(texts)]
        target = correction(photos, texts)
        slots, _ = carried_out(slots, target, always)
        assert photos_of(slots) == [key_of(item(number)) for number in photos]
        wanted = [mark_of(part) for part in posts_of(target)]
        both = {slot.place == ADDED for slot in slots if slot.media} == {True, False}
        added = [mark_of(target.parts[-2])] if both else []
        assert sorted(texts_of(slots)) == sorted(wanted + added)
        assert not still_visible(slots, target)
        assert len({slot.id for slot in slots}) == len(slots)


@pytest.mark.parametrize("tens", range(100))
def test_whatever_telegram_refuses_it_ends_and_what_had_to_go_is_gone_or_named(tens: int) -> None:
    for seed in (404, 1532, *range(tens * 10, tens * 10 + 10)):
        _corrected_against_refusals(random.Random(seed))  # noqa: S311  # a seed has to give the same again


def _corrected_against_refusals(dice: random.Random) -> None:
    slots = published(version(*chosen(dice)))
    slots = [replace(slot, id=0) if dice.random() < 0.1 else slot for slot in slots]
    photos, texts = chosen(dice)
    target = correction(photos, [texts[0][:9], *texts[1:]])

    def answer(_op: Op) -> Change:
        return dice.choices([Change.DONE, Change.REFUSED, Change.GONE], [6, 3, 1])[0]

    after, made = carried_out(slots, target, answer)
    wanted = {key_of(item(number)) for number in photos}
    named = {slot.media for slot in still_visible(after, target)}
    assert set(photos_of(after)) <= wanted | named
    odd = [
        slot for slot in after if slot.place != CORRECTION and (not slot.id or GONE in slot.note or STUCK in slot.note)
    ]
    told = [op for op in made if isinstance(op, Post) and op.part.kind == CORRECTION]
    assert len(told) == bool(odd), "the labelled correction, where and only where something is not sure"
    posted = [op.index for op in made if isinstance(op, Post)]
    assert len(posted) == len(set(posted)), "no part is posted twice"


@pytest.mark.parametrize("seed", range(40))
def test_a_withdrawal_leaves_nothing_but_notices(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # a seed has to give the same again
    slots = published(version(*chosen(dice)))
    after, made = carried_out(slots, Rendering("public", "ka", NOTICES), always)
    assert (after, len(made)) == ([], len(slots))

    def old(op: Op) -> Change:
        return Change.REFUSED if isinstance(op, Drop) else Change.DONE

    after, made = carried_out(slots, Rendering("public", "ka", NOTICES), old)
    assert photos_of(after) == []
    assert set(texts_of(after)) == {mark_of(NOTICES[0])}
    assert [slot.id for slot in after] == [slot.id for slot in slots]
    assert all(KEPT in slot.note for slot in after)
    captions = [slot.words for slot in after if slot.media]
    assert sum(map(bool, captions)) == bool(captions), "of an album one item has the words"


def test_nothing_is_done_where_everything_is_as_it_should_be() -> None:
    target = correction([1, 2], ["a", "b"])
    assert correcting(published(target), target, doubt=False) == []


def test_photos_stay_in_their_messages_where_only_one_goes_or_comes_in_its_place() -> None:
    slots = published(version([1, 2, 3, 4], ["a"]))
    assert correcting(slots, correction([1, 3, 4], ["a"]), doubt=False) == [Drop(1)]
    (swap,) = correcting(slots, correction([1, 2, 9, 4], ["a"]), doubt=False)
    assert isinstance(swap, Edit)
    assert swap.at == 2


def test_what_has_to_disappear_goes_first() -> None:
    slots = published(version([1, 2], ["a", "b"]))
    ops = correcting(slots, correction([1], ["c", "d"]), doubt=True)
    assert [type(op) for op in ops] == [Drop, Edit, Edit, Post]


def test_where_a_photo_can_be_neither_changed_nor_deleted_the_labelled_correction_has_the_text_alone() -> None:
    stuck = [Slot(1, HEAD, "0123456789abcdef", "words", STUCK + KEPT)]
    (op,) = correcting(stuck, correction([], ["short"]), doubt=False)
    assert isinstance(op, Post)
    assert op.part.kind == CORRECTION


# ---- what a publication left ----


def left(progress: Mapping[str, Any], ids: Sequence[int] | None) -> list[tuple[int, str]]:
    """Number and place of the messages that a publication of two photos and two texts left."""
    receipt = Receipt(tuple(map(str, ids))) if ids is not None else None
    rendering = version([1, 2], ["a", "b", "c"])
    at = datetime(2026, 3, 5, tzinfo=UTC)
    before = Before(1, rendering, receipt, progress, at, at, "k", "k")
    job = Job(
        delivery_id=1,
        action=Action.CORRECT,
        key="k",
        rendering=correction([1, 2], ["a", "b", "c"]),
        destination=Destination(1, "public", "@public_desk"),
        release_id="abcdefghjk",
        revision=2,
        slug="s",
        permanent_url="",
        attempt=1,
        approved_at=at,
        before=before,
    )
    return [(slot.id, slot.place) for slot in standing(job, Recorder()).slots]


def test_the_numbers_of_a_publication_are_told_apart() -> None:
    there = {"part:0": {"ids": [1, 2]}, "part:1": {"ids": [3]}}
    assert left(there, [1, 2, 3, 4]) == [(1, HEAD), (2, HEAD), (3, TEXT), (4, TEXT)]
    assert left({}, [1, 2, 3, 4]) == [(1, HEAD), (2, HEAD), (3, TEXT), (4, TEXT)], "a backup without its progress"


def test_what_a_person_confirmed_has_no_number_and_takes_nobody_elses() -> None:
    confirmed = {"part:0": {"confirmed": "person:3"}, "part:1": {"ids": [3]}}
    assert left(confirmed, [3, 4]) == [(0, HEAD), (0, HEAD), (3, TEXT), (4, TEXT)]
    begun = {"publish": {"confirmed": "person:3"}, "part:1": {"ids": [3]}}
    assert left(begun, [3, 4]) == [(0, HEAD), (0, HEAD), (3, TEXT), (4, TEXT)]
    last = {"part:0": {"ids": [1, 2]}, "part:1": {"ids": [3]}, "part:2": {"confirmed": "person:3"}}
    assert left(last, []) == [(1, HEAD), (2, HEAD), (3, TEXT), (0, TEXT)]


def test_of_a_publication_without_a_receipt_what_is_not_kept_may_stand() -> None:
    assert left({"part:0": {"ids": [1, 2]}}, None) == [(1, HEAD), (2, HEAD), (0, TEXT), (0, TEXT)]
    assert left({}, None) == [(0, HEAD), (0, HEAD), (0, TEXT), (0, TEXT)]
