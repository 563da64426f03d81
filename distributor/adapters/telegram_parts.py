"""What a delivery's progress keeps of the parts of a post, and the receipt that they make.

Pure. A part is kept under 'part:N' as `ids` and `links` once it is there, or as `confirmed` by a person's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from telegram import Message

from distributor.adapters.telegram_notices import posts_of
from distributor.adapters.telegram_slots import first_id
from distributor.core.channel import RESTORED, Job, Progress
from distributor.core.outcome import Outcome, Receipt, Sent, Unknown
from distributor.core.rendering import Placed


def done(progress: Progress, index: int) -> dict[str, Any] | None:
    """What is known of a part that is there: its ids, or a person's word ('confirmed') that it is."""
    kept = progress.get(f"part:{index}")
    if kept:
        return kept
    begun = progress.get("publish") if index == 0 else None
    return begun if begun and "confirmed" in begun else None


def missing(job: Job, progress: Progress) -> int | None:
    """The first part that is not known to be there; None where all are."""
    return next((index for index in range(len(posts_of(job.rendering))) if done(progress, index) is None), None)


def kept_of(messages: Sequence[Message]) -> dict[str, Any]:
    """What progress keeps of a part that became these messages."""
    return {"ids": [message.message_id for message in messages], "links": _links(messages)}


def ids_of(job: Job, progress: Progress) -> list[int]:
    """The message ids of every part that is there, in order."""
    found = [done(progress, index) or {} for index in range(len(posts_of(job.rendering)))]
    return [int(number) for part in found for number in part.get("ids", ())]


def answers(job: Job, index: int, progress: Progress) -> int | None:
    """The message that a part answers: the first one whose id is known, for a notice about a release that of the
    release; None where it answers none."""
    if "reply_to" not in job.rendering.parts[index].fields:
        return None
    there = ids_of(job, progress)
    return there[0] if there else first_id(job, progress)


def receipt(job: Job, progress: Progress) -> Sent:
    """All parts are there: their ids and links, in order."""
    found = [done(progress, index) or {} for index in range(len(posts_of(job.rendering)))]
    links = tuple(str(link) for part in found for link in part.get("links", ()))
    ids = tuple(str(number) for number in ids_of(job, progress))
    return Sent(Receipt(ids, links, {"chat": job.destination.address}))


def unasked(progress: Progress, index: int) -> bool:
    """True where a backup was restored, and nobody has looked yet whether this part was posted since it was taken."""
    kept = progress.get(RESTORED)
    return kept is not None and index not in kept["asked"]


async def ask(progress: Progress, index: int) -> None:
    """Commit that this part is looked for now."""
    kept = progress.get(RESTORED)
    if kept is not None and index not in kept["asked"]:
        await progress.save(RESTORED, {"asked": [*kept["asked"], index]})


async def in_doubt(progress: Progress, step: str, index: int) -> Unknown | None:
    """Where a part may have been posted since the backup: the outcome that has it looked for. None: it is posted now.
    The caller has begun `step`, so that a person who is asked is asked about this part."""
    if not unasked(progress, index):
        return None
    await ask(progress, index)
    reason = "a backup was restored: it may have been posted since, and is looked for first"
    return Unknown(RESTORED, reason, step)


def staged(items: list[Placed], progress: Progress) -> Mapping[str, str]:
    """Rendition digest → file id, of what the staging chat has."""
    kept = {item.rendition.digest: progress.get(f"media:{item.rendition.digest}") or {} for item in items}
    return {digest: value["file_id"] for digest, value in kept.items() if value.get("file_id")}


def placed_in(outcome: Outcome, index: int, count: int) -> Outcome:
    """The outcome, saying which of several messages it speaks of."""
    if count == 1 or isinstance(outcome, Sent):
        return outcome
    there = f"; the {index} before it are there" if index > 1 else "; the first is there" if index else ""
    return replace(outcome, reason=f"message {index + 1} of {count}: {outcome.reason}{there}")


def _links(messages: Sequence[Message]) -> list[str]:
    """The public address of the first message (of an album, it shows all); none in a chat without a @name."""
    first = messages[0]
    return [f"https://t.me/{first.chat.username}/{first.message_id}"] if first.chat.username else []
