"""What is left to do until a chat shows what it should: the next calls, worked out from what stands there.

Pure. Worked out anew after every call, so that a delivery that was stopped goes on, and one that Telegram refused
something takes the next best way. New messages come last: all before them can be repeated without a second effect.

How a correction changes a post:
- A photo that is no longer wanted is deleted; where that is refused it is replaced by a picture that says nothing.
- Photos stay in their messages as far as the order allows; otherwise each message gets the photo of its place.
- A photo too many for the messages there are (nothing can be added to an album) is posted as an answer, labelled.
- A text becomes a photo by an edit. A photo that becomes a text keeps its message and gets the empty picture, since
  no edit takes a picture away; where other texts stand already, or the new one is too long, it is deleted instead.
- Texts too many are deleted, or say no more than that the release was corrected; further texts are answers.
- Where a number is unknown, or an edit was refused, the labelled correction follows.
- Nobody is told of an edit or a deletion by Telegram. Subscribers may have used what they got: a correction answers
  what it edited with its label, and a withdrawal says what was withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from distributor.adapters.telegram_notices import ADDED, CORRECTION, NOTICE, WITHDRAWAL, index_of, posts_of
from distributor.adapters.telegram_render import main_items
from distributor.adapters.telegram_slots import (
    BLANK,
    CLAIMED,
    GONE,
    HEAD,
    KEPT,
    STUCK,
    TEXT,
    TOLD,
    Slot,
    key_of,
    mark_of,
)
from distributor.adapters.telegram_text import CAPTION_LIMIT
from distributor.core.rendering import Part, Placed, Rendering
from distributor.core.text import utf16_length

Pair = tuple[Placed, Placed | None]
"""A photo, or a film with its thumbnail."""

LABELLED = (ADDED, CORRECTION)
"""Part.kind of the new messages by which a reader learns that there is a correction."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Change a message: to another picture (`item`), to none (`blank`), or its words alone. `words` None: it has none
    any more."""

    at: int
    words: Part | None
    item: Pair | None = None
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete a message."""

    at: int


@dataclass(frozen=True, slots=True)
class Post:
    """A new message: the only step that must not be repeated. `index` of the rendering's part, whose words it has."""

    index: int
    part: Part
    place: str


Op = Edit | Drop | Post


def withdrawing(slots: Sequence[Slot], rendering: Rendering, *, doubt: bool) -> list[Op]:
    """A withdrawal: everything is deleted, or else says that it was withdrawn. `doubt`: readers are told in any case,
    for something else may stand there, or they may have used it."""
    notice, alone = (rendering.parts[index_of(rendering, kind)] for kind in (NOTICE, WITHDRAWAL))
    ops: list[Op] = []
    captioned: set[str] = set()
    for at, slot in enumerate(slots):
        if not slot.stands or slot.place == WITHDRAWAL:
            continue
        words = None if slot.media and slot.place in captioned else notice
        captioned.add(slot.place if slot.media else "")
        ops += _removal(at, slot, words)
    unknown = any((not slot.id and CLAIMED not in slot.note) or STUCK in slot.note for slot in slots)
    if (doubt or unknown) and all(slot.place != WITHDRAWAL for slot in slots):
        ops.append(Post(index_of(rendering, WITHDRAWAL), alone, WITHDRAWAL))
    return ops


def correcting(slots: Sequence[Slot], rendering: Rendering, *, doubt: bool) -> list[Op]:
    """A correction: the messages show the new version."""
    shown = _Shown(slots, rendering)
    ops = [*shown.media(), *shown.texts()]
    ops.sort(key=lambda op: not _removes(op, slots))  # stable: what has to disappear goes first
    number, alone = index_of(rendering, CORRECTION), rendering.parts[index_of(rendering, CORRECTION)]
    there = [at for at, slot in enumerate(slots) if slot.place == CORRECTION and slot.stands]
    # One that can be edited no more says what was right before: another one follows it.
    there = [at for at in there if slots[at].live or slots[at].words == mark_of(alone)]
    ops += [Edit(at, alone) for at in there if slots[at].words != mark_of(alone)]
    ops += shown.more()
    claimed = any(slot.place == CORRECTION and CLAIMED in slot.note for slot in slots)
    if (doubt or any(map(_unresolved, slots))) and not there and not claimed:
        ops.append(Post(number, alone, CORRECTION))
    return ops


def telling(rendering: Rendering, ops: Sequence[Op]) -> list[Op]:
    """What a correction that edits says of itself, after all else: its label, where nothing labelled comes anyway."""
    index = index_of(rendering, ADDED)
    labelled = any(isinstance(op, Post) and op.place in (HEAD, *LABELLED) for op in ops)
    return [] if labelled else [Post(index, rendering.parts[index], TOLD)]


def still_visible(slots: Sequence[Slot], rendering: Rendering) -> list[Slot]:
    """After a correction: messages that show a picture which had to go, and that Telegram lets nobody change."""
    wanted = {key_of(item) for item, _ in main_items(posts_of(rendering)[0].media)}
    return [slot for slot in slots if slot.media not in {"", BLANK, *wanted} and GONE not in slot.note]


def _unresolved(slot: Slot) -> bool:
    """A message of which it is not known that it shows the new version."""
    if slot.place in (CORRECTION, TOLD):
        return False
    return (not slot.id and CLAIMED not in slot.note) or GONE in slot.note or STUCK in slot.note


def _removal(at: int, slot: Slot, words: Part | None) -> Iterator[Op]:
    """The next step to make a message disappear; nothing where that is reached, or out of reach. A picture is replaced
    by one that says nothing, a text by `words`."""
    if not slot.stands:
        return
    if KEPT not in slot.note:
        yield Drop(at)
    elif slot.live and ((slot.media and slot.media != BLANK) or slot.words != mark_of(words)):
        yield Edit(at, words, blank=bool(slot.media))


def _removes(op: Op, slots: Sequence[Slot]) -> bool:
    """True where something disappears that readers see: a picture."""
    if isinstance(op, Post):
        return False
    return bool(slots[op.at].media) and (isinstance(op, Drop) or op.blank or op.item is not None)


class _Shown:
    """Which message shows what of the new version."""

    def __init__(self, slots: Sequence[Slot], rendering: Rendering) -> None:
        self._slots = slots
        self._rendering = rendering
        self._posts = posts_of(rendering)
        self._label = rendering.parts[index_of(rendering, ADDED)]
        self._pictures = [at for at, slot in enumerate(slots) if slot.media and slot.place in (HEAD, ADDED)]
        self._texts = [at for at, slot in enumerate(slots) if not slot.media and slot.place in (HEAD, TEXT)]
        self._wanted = list(self._posts)  # the parts that are messages of their own
        self._carrier: int | None = None  # a message without a picture of its own that has the first part's words
        items = main_items(self._posts[0].media)
        self._taken, self._homeless = _assigned(slots, self._pictures, items)
        if items and not self._pictures and not self._texts:  # nothing is left of the post: it is made anew
            self._homeless = []
        elif items:
            self._wanted = self._wanted[1:]
            if not self._pictures and self._texts and slots[self._texts[0]].live:
                self._taken[self._texts.pop(0)] = self._homeless.pop(0)
        elif not any(slots[at].live for at in self._texts) and self._fits():
            self._carrier = next((at for at in self._pictures if slots[at].live), None)
            self._wanted = self._wanted[1:] if self._carrier is not None else self._wanted

    def _fits(self) -> bool:
        return len(self._posts) == 1 and utf16_length(self._posts[0].text) <= CAPTION_LIMIT

    def _captions(self) -> dict[int, Part]:
        """Which picture carries the first part's words, and which the label of those that were added: the first of
        each album that is left. Where only added ones are left, they carry the words."""
        left = [at for at in sorted(self._taken) if GONE not in self._slots[at].note]
        beside = [at for at in left if self._slots[at].place == ADDED]
        own = [at for at in left if at not in beside]
        found = {beside[0]: self._label} if beside else {}
        return found | ({(own or beside)[0]: self._posts[0]} if left else {})

    def media(self) -> Iterator[Op]:
        """Every message that shows a picture, and those that shall."""
        captions = self._captions()
        for at in sorted({*self._pictures, *self._taken}):
            slot, words = self._slots[at], captions.get(at)
            if at in self._taken:
                item = self._taken[at]
                if slot.live and slot.media != key_of(item[0]):
                    yield Edit(at, words, item)
                elif slot.live and slot.words != mark_of(words):
                    yield Edit(at, words)
            elif at == self._carrier:
                if slot.media != BLANK or slot.words != mark_of(self._posts[0]):
                    yield Edit(at, self._posts[0], blank=slot.media != BLANK)
            else:
                yield from _removal(at, slot, None)

    def texts(self) -> Iterator[Op]:
        """The texts that stand, one for each part in order; those left over disappear."""
        for place, at in enumerate(self._texts):
            slot = self._slots[at]
            if place >= len(self._wanted):
                yield from _removal(at, slot, self._label)
            elif slot.live and slot.words != mark_of(self._wanted[place]):
                yield Edit(at, self._wanted[place])

    def more(self) -> Iterator[Op]:
        """What finds no message to stand in. The whole text is posted anew only where all is known of the old one:
        otherwise the labelled correction stands for it."""
        shift = len(self._posts) - len(self._wanted)
        anew = not shift and not self._texts
        if not anew or not any(map(_unresolved, self._slots)):
            for place in range(len(self._texts), len(self._wanted)):
                index = shift + place
                yield Post(index, self._wanted[place], TEXT if index else HEAD)
        if self._homeless:
            media = tuple(item for pair in self._homeless for item in pair if item is not None)
            yield Post(index_of(self._rendering, ADDED), replace(self._label, media=media), ADDED)


def _assigned(
    slots: Sequence[Slot], pictures: Sequence[int], items: Sequence[Pair]
) -> tuple[dict[int, Pair], list[Pair]]:
    """Message → the picture that it shall show, and the pictures for which there is no message."""
    taken: dict[int, Pair] = {}
    rest = list(items)
    for at in pictures:
        same = next((pair for pair in rest if key_of(pair[0]) == slots[at].media), None)
        if same is not None and not slots[at].live:  # nothing can be done to it, and nothing has to
            taken[at] = same
            rest.remove(same)
    live = [at for at in pictures if slots[at].live]
    found: dict[int, Pair] = {}
    homeless: list[Pair] = []
    have, want = [slots[at].media for at in live], [key_of(item) for item, _ in rest]
    for _, start, end, first, last in SequenceMatcher(None, have, want, autojunk=False).get_opcodes():
        found |= dict(zip(live[start:end], rest[first:last], strict=False))
        homeless += rest[first + end - start : last]
    if homeless:  # each message shows the photo of its place, so that those that follow are the last ones
        found, homeless = dict(zip(live, rest, strict=False)), rest[len(live) :]
    return taken | found, homeless
