"""What stands of a release in a chat, message by message, and what each of them shows.

Pure. Made of what a publication left (its rendering, its receipt, its progress), or of what a correction kept under
'stands': in its progress after every call, and in its receipt at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from distributor.adapters.telegram_notices import CORRECTION, posts_of
from distributor.adapters.telegram_render import main_items
from distributor.core.channel import Before, Job, Progress
from distributor.core.data import digest, to_data
from distributor.core.outcome import Old
from distributor.core.rendering import Part, Placed

HEAD, TEXT, ADDED, TOLD = "head", "text", "added", "told"  # Slot.place, beside the kinds of telegram_notices
BLANK = "-"
"""Slot.media: the picture that says nothing, in place of one that had to go."""

UNSURE = "?"
"""Slot.media and Slot.words: an edit may have taken place or not."""

# Slot.note, one letter each
GONE = "g"  # somebody else deleted it
STUCK = "e"  # Telegram refused to edit it
KEPT = "d"  # Telegram refused to delete it: it is older than 48 hours
CLAIMED = "c"  # a person saw it there; its number is not known

_MARK = 16  # characters of a digest: enough to tell a few pictures and texts of one release from each other


@dataclass(frozen=True, slots=True)
class Slot:
    """One message. `id` 0: nobody knows its number. `media`: which picture or film it shows, '' for a text. `words`:
    a mark of its text or caption, '' where it has none."""

    id: int
    place: str
    media: str
    words: str
    note: str = ""

    @property
    def live(self) -> bool:
        """True where it can be edited, as far as we know."""
        return bool(self.id) and GONE not in self.note and STUCK not in self.note

    @property
    def stands(self) -> bool:
        """True where it is there, and its number is known."""
        return bool(self.id) and GONE not in self.note

    def unsure(self, *, media: bool) -> Slot:
        """Where it is not known whether its words, or its picture too, were changed: the next change is made anyway."""
        return replace(self, words=UNSURE, media=UNSURE if media else self.media)

    def noted(self, letter: str) -> Slot:
        """With one thing more known about it."""
        return self if letter in self.note else replace(self, note=self.note + letter)


@dataclass(frozen=True, slots=True)
class Standing:
    """All messages of a release in one chat, in order, and what this delivery did so far, in words."""

    chat: str
    slots: tuple[Slot, ...]
    done: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """As progress keeps it, and a receipt."""
        rows = [[slot.id, slot.place, slot.media, slot.words, slot.note] for slot in self.slots]
        return {"chat": self.chat, "slots": rows, "done": list(self.done)}

    def afresh(self) -> Standing:
        """As if Telegram had refused nothing: it may allow now what it did not allow before."""
        slots = (
            replace(one, note=one.note.replace(STUCK, "").replace(KEPT, "")) if one.id else one for one in self.slots
        )
        return Standing(self.chat, tuple(slots), self.done)

    def moved(self, chat: str) -> Standing:
        """In another chat, where the numbers of the old one mean nothing."""
        if chat == self.chat:
            return self
        return Standing(chat, tuple(replace(slot, id=0) for slot in self.slots), self.done)

    def put(self, at: int, slot: Slot | None, done: str = "") -> Standing:
        """With another message in a place, or with none there any more."""
        slots = (*self.slots[:at], *([slot] if slot else []), *self.slots[at + 1 :])
        return Standing(self.chat, slots, (*self.done, done) if done else self.done)

    def with_more(self, slots: Iterable[Slot], done: str) -> Standing:
        """With messages that came to it."""
        return Standing(self.chat, (*self.slots, *slots), (*self.done, done))


def still_old(slots: Iterable[Slot], *, doubt: bool) -> Old | None:
    """What may show the old version still, once all is done that can be."""
    there = [slot for slot in slots if GONE not in slot.note and slot.place != TOLD]
    if doubt or any(not slot.id and CLAIMED not in slot.note for slot in there):
        return Old.UNKNOWN
    return Old.REFUSED if any(STUCK in slot.note for slot in there) else None


def key_of(item: Placed) -> str:
    """The mark of a picture or film."""
    return item.rendition.digest[:_MARK]


def mark_of(part: Part | None) -> str:
    """The mark of a part's words; '' for no words."""
    if part is None or not part.text.strip():
        return ""
    return digest([part.text, to_data(part.entities)])[:_MARK]


def slots_of(part: Part, ids: Iterable[int], place: str, note: str = "") -> Iterator[Slot]:
    """The messages that a part became. The caption stands under the first of an album."""
    items = [item for item, _ in main_items(part.media)]
    for number, message in enumerate(ids):
        media = key_of(items[number]) if number < len(items) else ""
        yield Slot(message, place, media, "" if number else mark_of(part), note)


def standing(job: Job, progress: Progress) -> Standing:
    """What stands now: as this delivery kept it, or as it was before."""
    kept = progress.get("stands")
    if kept:
        return _read(kept, kept["done"])
    before = job.before
    if before is None:
        return Standing(job.destination.address, ())
    receipt = before.receipt
    told = json.loads(receipt.detail["stands"]) if receipt and "stands" in receipt.detail else None
    told = told or before.progress.get("stands")
    if told:
        return _later(_read(told, ()), before)
    chat = receipt.detail.get("chat", "") if receipt else ""
    return Standing(chat or job.destination.address, tuple(_published(before)))


def first_id(job: Job, progress: Progress) -> int | None:
    """The message that what follows answers: the first one known, where it is in the same chat."""
    now = standing(job, progress)
    if now.chat != job.destination.address:
        return None
    return next((slot.id for slot in now.slots if slot.stands), None)


def _read(kept: Mapping[str, Any], done: Iterable[str]) -> Standing:
    return Standing(kept["chat"], tuple(Slot(*row) for row in kept["slots"]), tuple(done))


def _later(then: Standing, before: Before) -> Standing:
    """As the next delivery takes it: an edit that was refused may be allowed now. A message that a person confirmed
    after the correction had kept its last state is there too."""
    slots = [replace(slot, note=slot.note.replace(STUCK, "").replace(CLAIMED, "")) for slot in then.slots]
    parts = before.rendering.parts
    for index, part in enumerate(parts):
        confirmed = "confirmed" in (before.progress.get(f"part:{index}") or {})
        if confirmed and part.kind == CORRECTION and all(slot.place != CORRECTION for slot in slots):
            slots.append(Slot(0, CORRECTION, "", mark_of(part)))
    return Standing(then.chat, tuple(slots))


def _published(before: Before) -> Iterator[Slot]:
    """The messages of a publication. The last part's ids stand in the receipt alone, the others' in progress; those
    of a part that a person confirmed nowhere."""
    posts = posts_of(before.rendering)
    kept = [_kept(before.progress, index) for index in range(len(posts))]
    known = {int(number) for part in kept if part for number in part.get("ids", ())}
    rest = [int(number) for number in (before.receipt.remote_ids if before.receipt else ())]
    rest = [number for number in rest if number not in known]
    for index, part in enumerate(posts):
        count = max(len(main_items(part.media)), 1)
        found = kept[index]
        ids = [int(number) for number in found.get("ids", ())] if found else rest[:count]
        if found is None:
            rest = rest[count:]
        ids = ids if len(ids) == count else [0] * count
        yield from slots_of(part, ids, TEXT if index else HEAD)


def _kept(progress: Mapping[str, Any], index: int) -> dict[str, Any] | None:
    """What is kept of a part, as telegram_parts.done reads it."""
    found: dict[str, Any] | None = progress.get(f"part:{index}")
    begun = progress.get("publish") if index == 0 else None
    return found or (begun if begun and "confirmed" in begun else None)
