"""What may stand of a release in one chat, timeline or feed after all that the log calls sent.

Pure. Exactly one list of posts; only where nobody knows the number of a message in Telegram it may stand, with what was
said of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distributor.core.rendering import Part, Rendering
from tests.chaos.shown import Item, less
from tests.chaos.story import UNREACHED, Promise

_LABELLED = {"telegram": "correction", "x": "reply", "facebook": "corrected"}
_PLAIN = {"telegram": ("message", "album", "photo", "video"), "x": ("post",), "facebook": ("post", "video")}


@dataclass(frozen=True, slots=True)
class Standing:
    """`rows`: the deliveries, in order. `items`: what stands now."""

    rows: Sequence[Promise]
    items: Sequence[Item]

    @property
    def sent(self) -> list[Promise]:
        """Those that had an effect."""
        return [row for row in self.rows if (row.state == "sent" and not row.nothing) or row.code == UNREACHED]

    def wanted(self) -> list[Item]:
        """What should stand."""
        items: list[Item] = []
        for row in self.sent:
            items = _after(row, items)
        return items


def _after(row: Promise, before: list[Item]) -> list[Item]:
    """What stands after a delivery where `before` stood before it."""
    if row.action == "withdraw":
        return []
    plain = items_of(row.rendering, *_PLAIN[row.channel])
    if row.action == "publish" or not before or row.channel == "telegram":
        return plain
    labelled = items_of(row.rendering, _LABELLED[row.channel])
    if row.channel == "facebook":
        return labelled
    how = next(part.fields["how"] for part in row.rendering.parts if part.kind == "reply")
    return [*before, *labelled] if how == "reply" else items_of(row.rendering, "repost")


def items_of(rendering: Rendering, *kinds: str) -> list[Item]:
    """The posts that the parts of some kinds become."""
    return [_item(part) for part in rendering.parts if part.kind in kinds]


def _item(part: Part) -> Item:
    return Item(part.text, tuple(one.rendition.digest for one in part.media if one.role == "main"))


def standing_faults(one: Standing, posted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is wrong there. `posted`: the words of every post that ever came there."""
    written = {part.text for row in one.rows if _left(row) for part in row.rendering.parts}
    for words, times in Counter(posted).items():
        if words not in written:
            yield "doubled", f"posted by nothing that was sent: {words[:60]!r}"
        elif times > 1:
            yield "doubled", f"posted {times} times: {words[:60]!r}"
    wanted, items = one.wanted(), list(one.items)
    if items == wanted or _excused(one, wanted):
        return
    missing, more = less(wanted, items), less(items, wanted)
    if missing:
        yield "lost", f"{len(missing)} of {len(wanted)} effects are not there: {missing[0].words[:60]!r}"
    if more:
        yield "doubled", f"{len(more)} effects stand that should not: {more[0].words[:60]!r}"
    if not missing and not more:
        yield "doubled", "its parts came in another order"


def _left(row: Promise) -> bool:
    """True where something of a delivery was sent."""
    return row.state == "sent" or row.began or bool(row.claimed) or row.code == UNREACHED


def _excused(one: Standing, wanted: Sequence[Item]) -> bool:
    """Telegram tells no numbers of what a person confirmed: it can be neither edited nor deleted. Then the notice must
    stand beside it, once."""
    if one.rows[0].channel != "telegram" or not any(row.asked for row in one.rows):
        return False
    last = one.sent[-1]
    claimed = [_item(part) for row in one.rows if row is not last for part in _claimed(row)]
    rest = less(one.items, claimed)
    if last.action == "withdraw":
        return rest == items_of(last.rendering, "withdrawal")
    notices = items_of(last.rendering, "correction")
    beside = less(rest, notices)
    return len(rest) - len(beside) == len(notices) == 1 and not less(beside, wanted)


def _claimed(row: Promise) -> Iterator[Part]:
    """The parts of which a person said that they are there."""
    for step in row.claimed:
        yield row.rendering.parts[int(step.partition(":")[2] or 0)]
