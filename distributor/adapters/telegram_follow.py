"""Corrections and withdrawals: from what stands in a chat to what should, call by call.

Touches the Bot API and the delivery's progress, which keeps what stands after every call: whoever goes on after a stop
works out what is left. Edits and deletions may be repeated, and end as Deferred where their answer is lost; a new
message is begun before its first byte and ends as Unknown, and the witness, or a person, says whether it is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from distributor.adapters.telegram_edits import Edits
from distributor.adapters.telegram_errors import Change
from distributor.adapters.telegram_notices import ADDED, CORRECTION, WITHDRAWAL, index_of, lacks
from distributor.adapters.telegram_parts import done, in_doubt, kept_of, staged, unasked
from distributor.adapters.telegram_plan import (
    LABELLED,
    Drop,
    Edit,
    Op,
    Post,
    correcting,
    still_visible,
    telling,
    withdrawing,
)
from distributor.adapters.telegram_posting import Posting
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
    Standing,
    first_id,
    key_of,
    mark_of,
    slots_of,
    standing,
    still_old,
)
from distributor.core.channel import Action, Job, Progress
from distributor.core.outcome import Absent, CannotTell, Deferred, Finding, Outcome, Receipt, Rejected, Sent, old_stands

_MOST_CALLS = 200  # for one delivery; more would be a plan that never ends

_LACKS = Rejected("no_words", "what was approved has no words for this action: nothing was done; submit it anew")


class Follow:
    """What follows a publication, in one lane."""

    def __init__(self, edits: Edits, posting: Posting) -> None:
        self._edits = edits
        self._posting = posting

    async def run(self, job: Job, progress: Progress) -> Outcome:
        """Every call that is left. Where an earlier attempt was refused something in the end, that is asked again."""
        if lacks(job.rendering, job.action):
            return _LACKS
        now = standing(job, progress)
        if not plan(job, progress) and not isinstance(_end(job, now), Sent):
            await progress.save("stands", now.afresh().data())
        for _ in range(_MOST_CALLS):
            ops = plan(job, progress)
            if not ops:
                return _end(job, standing(job, progress))
            failed = await self._take(job, progress, ops[0], last=len(ops) == 1)
            if failed is not None:
                return failed
        return Rejected("no_end", "Telegram's answers lead in a circle: look at the posts and correct them by hand")

    async def _take(self, job: Job, progress: Progress, op: Op, *, last: bool) -> Outcome | None:
        now = standing(job, progress)
        if isinstance(op, Post):
            after = await self._posted(job, progress, now, op)
        else:
            after = await self._changed(job, progress, now, op)
        if not isinstance(after, Standing):
            return after
        if last:  # its outcome follows at once, and says the same; but a refusal says nothing of what stands
            progress.note("stands", after.data())
            last = not plan(job, progress) and isinstance(_end(job, after), Sent)
        if not last:
            await progress.save("stands", after.data())
        return None

    async def _changed(self, job: Job, progress: Progress, now: Standing, op: Edit | Drop) -> Standing | Outcome:
        slot, own, here = now.slots[op.at], not job.destination.token, now.chat == job.destination.address
        if isinstance(op, Drop):
            change: Change | Outcome = await self._edits.delete(now.chat, slot, own=own, here=here)
        else:
            items = [op.item[0]] if op.item else []
            change = await self._edits.edit(now.chat, slot, op, staged(items, progress), own=own, here=here)
            if isinstance(change, Deferred) and change.code == "stale_file":
                await self._posting.forget(items, progress)
        if isinstance(change, Change):
            return now.put(op.at, *after_call(slot, op, change))
        if isinstance(change, Deferred) and not change.throttled:
            await _keep_unsure(progress, now, op)
        return change

    async def _posted(self, job: Job, progress: Progress, now: Standing, op: Post) -> Standing | Outcome:
        """A new message; or what is known of it already."""
        step, kept = f"part:{op.index}", done(progress, op.index)
        if kept is None:
            await progress.begin(step)
            if (doubt := await in_doubt(progress, step, op.index)) is not None:
                return doubt
            messages = await self._posting.post(job, progress, step, op.part, first_id(job, progress))
            if not isinstance(messages, tuple):
                return messages
            kept = kept_of(messages)
            progress.note(step, kept)  # committed with what stands
        return now.moved(job.destination.address).with_more(messages_of(op, kept), _said(op, kept))

    async def look(self, job: Job, progress: Progress) -> Finding:
        """What came of an attempt whose end is not known. Only a new message can be in doubt, and none is begun
        before everything else is done."""
        if lacks(job.rendering, job.action):
            return Absent("nothing was done: the rendering has no words for it")
        ops = plan(job, progress)
        if not ops:
            end = _end(job, standing(job, progress))
            return end if isinstance(end, Sent) else Absent("all was done but what Telegram refused")
        op = ops[0]
        if not isinstance(op, Post) or done(progress, op.index) is not None:
            await _keep_unsure(progress, standing(job, progress), op)
            return Absent("what is left are edits and deletions, which may be repeated without a second effect")
        if unasked(progress, op.index):
            return Absent("it is looked for once all that may be repeated is done")
        where, witness = job.destination.label or job.destination.address, self._posting.watched(job)
        if witness is None:
            return CannotTell(f"Telegram keeps no history that a bot may read: look into {where} whether it is there")
        now = standing(job, progress)
        taken = frozenset(slot.id for slot in now.slots if slot.id)
        found = await witness.find(job, op.index, progress, part=op.part, reply_to=first_id(job, progress), taken=taken)
        if isinstance(found, CannotTell):
            return CannotTell(f"{found.reason}; look into {where} whether it is there")
        if not isinstance(found, tuple):
            return found
        kept = kept_of(found)
        progress.note(f"part:{op.index}", kept)
        after = now.moved(job.destination.address).with_more(messages_of(op, kept), _said(op, kept))
        await progress.save("stands", after.data())
        ended = None if plan(job, progress) else _end(job, after)
        return ended if isinstance(ended, Sent) else Absent("the message in doubt is there; what is left follows")


async def _keep_unsure(progress: Progress, now: Standing, op: Op) -> None:
    """An edit may have taken place or not. This delivery makes it again; but it may be cancelled before that, and the
    next correction must not take the old words for those that stand."""
    if isinstance(op, Edit):
        slot = now.slots[op.at].unsure(media=op.item is not None or op.blank)
        await progress.save("stands", now.put(op.at, slot).data())


def plan(job: Job, progress: Progress) -> list[Op]:
    """What is left to do, in order."""
    slots, doubt = standing(job, progress).slots, job.before is not None and job.before.doubt
    subscriber = bool(job.destination.token)  # who may have used it, and whom no edit or deletion reaches
    if job.action is Action.WITHDRAW:
        return withdrawing(slots, job.rendering, doubt=doubt or subscriber)
    ops = correcting(slots, job.rendering, doubt=doubt)
    labelled = (0, *(index_of(job.rendering, kind) for kind in LABELLED))  # the first part bears the label too
    told = any(done(progress, index) is not None for index in labelled)
    return ops if told or not subscriber else [*ops, *telling(job.rendering, ops)]


def after_call(slot: Slot, op: Edit | Drop, change: Change) -> tuple[Slot | None, str]:
    """A message after a call, and what is to be told of it."""
    if change is Change.REFUSED:
        letter, what = (KEPT, "delete") if isinstance(op, Drop) else (STUCK, "change")
        return slot.noted(letter), f"{slot.id}: Telegram does not let us {what} it"
    gone = change is Change.GONE
    if isinstance(op, Drop):
        return None, f"{slot.id}: was deleted by somebody before" if gone else f"{slot.id}: deleted"
    if gone:
        return slot.noted(GONE), f"{slot.id}: was deleted by somebody before"
    words = mark_of(op.words)
    if op.item is not None:
        place = HEAD if slot.place == TEXT else slot.place
        return replace(slot, place=place, media=key_of(op.item[0]), words=words), f"{slot.id}: edited"
    if op.blank:
        return replace(slot, media=BLANK, words=words), f"{slot.id}: replaced by a notice"
    return replace(slot, words=words), f"{slot.id}: replaced by a notice" if KEPT in slot.note else f"{slot.id}: edited"


def messages_of(op: Post, kept: Mapping[str, object]) -> list[Slot]:
    """The messages that a part became. Those that a person saw have no numbers."""
    ids = kept.get("ids")
    if isinstance(ids, list):
        return list(slots_of(op.part, ids, op.place))
    return list(slots_of(op.part, [0] * max(len(main_items(op.part.media)), 1), op.place, CLAIMED))


def _said(op: Post, kept: Mapping[str, object]) -> str:
    ids = kept.get("ids")
    numbers = ", ".join(map(str, ids)) if isinstance(ids, list) else "seen by a person"
    what = {ADDED: "further photos", CORRECTION: "labelled correction", WITHDRAWAL: "notice", TOLD: "notice"}
    return f"{numbers}: {what.get(op.place, 'further text')} posted"


def _end(job: Job, now: Standing) -> Outcome:
    """Sent, with everything that stands; but never where readers still see what had to go."""
    if job.action is Action.WITHDRAW:
        left = [slot for slot in now.slots if STUCK in slot.note and GONE not in slot.note]
    else:
        left = still_visible(now.slots, job.rendering)
    if left:
        base = _base(job, now.chat)
        which = ", ".join(_named(slot, base, now.chat) for slot in left)
        what = "what was withdrawn" if job.action is Action.WITHDRAW else "a photo or video that had to go"
        return Rejected("still_visible", f"{what} still stands in {which}: Telegram lets us not delete or change it")
    there = [slot for slot in now.slots if slot.stands]
    stands = json.dumps(replace(now, done=()).data(), separators=(",", ":"))
    detail = {"chat": now.chat, "stands": stands, "done": "; ".join(now.done)}
    if job.action is Action.CORRECT or not job.destination.token:  # a subscriber is told of a withdrawal, as by a mail
        detail |= old_stands(still_old(now.slots, doubt=job.before is not None and job.before.doubt))
    return Sent(Receipt(tuple(str(slot.id) for slot in there), tuple(_links(there, _base(job, now.chat))), detail))


def _named(slot: Slot, base: str, chat: str) -> str:
    if not slot.id:
        return f"a message of {chat} whose number nobody knows"
    return f"{base}/{slot.id}" if base else f"message {slot.id} of {chat}"


def _links(there: list[Slot], base: str) -> list[str]:
    """The public address of each message; of an album that of its first one."""
    firsts: list[Slot] = []
    for slot in there:
        if not slot.media or not firsts or firsts[-1].place != slot.place:
            firsts.append(slot)
    return [f"{base}/{slot.id}" for slot in firsts] if base else []


def _base(job: Job, chat: str) -> str:
    """What the public addresses of a chat's messages begin with; '' where they have none."""
    if chat.startswith("@"):
        return f"https://t.me/{chat[1:]}"
    links = job.before.receipt.links if job.before and job.before.receipt else ()
    return links[0].rpartition("/")[0] if links else ""
