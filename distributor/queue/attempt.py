"""One attempt: prepare, commit the intent, publish; and what an unexpected end of it means.

May touch: the adapter, the delivery's progress, the files of its rendering (reads them). Never repeats anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import structlog

from distributor.core.asset import Altered, Media
from distributor.core.channel import Action
from distributor.core.outcome import DOUBT, Deferred, Finding, Outcome, Receipt, Rejected, Sent, Unknown
from distributor.core.ports import Claimed, Clock
from distributor.core.rendering import Placed, Rendering
from distributor.core.text import storable
from distributor.queue.lane import Lane
from distributor.queue.progress import FenceLost, KeptProgress, NotKept

log = structlog.get_logger(__name__)

POISON_AFTER = 3  # attempts that our own code could not get through


Told = TypeVar("Told", bound=Outcome | Finding)


def plain(told: Told) -> Told:
    """The same, with words that every database and every hash can hold: a platform's answer may contain half a
    character (a lone surrogate) or a NUL, and an outcome that cannot be written down would be lost."""
    if isinstance(told, Sent):
        if _storable_already(told.receipt):
            return told
        receipt = told.receipt
        ids, links = (tuple(map(storable, items)) for items in (receipt.remote_ids, receipt.links))
        return replace(told, receipt=Receipt(ids, links, {storable(k): storable(v) for k, v in receipt.detail.items()}))
    words: dict[str, Any] = {name: storable(getattr(told, name)) for name in ("code", "reason") if hasattr(told, name)}
    return replace(told, **words)


def _storable_already(receipt: Receipt) -> bool:
    """Nearly every receipt is ASCII, and a million of them need no copy."""
    words = "".join((*receipt.remote_ids, *receipt.links, *receipt.detail, *receipt.detail.values()))
    return words.isascii() and "\x00" not in words


async def attempt(
    lane: Lane, claimed: Claimed, progress: KeptProgress, clock: Clock, begins: Callable[[], None]
) -> Outcome:
    """The outcome of one try. `begins` is called right before the publishing call. Raises FenceLost where the claim was
    taken over, CancelledError where it was stopped, both only before anything began."""
    job, channel = claimed.job, lane.channel
    left = False  # True from the moment at which a byte may have left
    if claimed.bytes_hash != claimed.rendering_hash:
        return Rejected("bytes_changed", "the rendering is not the one that was approved; nothing was sent")
    if lane.media is not None and (missing := await _missing(lane.media, claimed)) is not None:
        return missing
    if job.before is not None and not job.before.rendering.parts:
        return Rejected("unreadable", "what stands there cannot be read from our database any more: look there by hand")
    if job.action is not Action.PUBLISH and _is_late(claimed, clock):
        reason = "nothing of the release stands there, and the time after which it must not go out has passed"
        return Rejected("deadline", reason)
    try:
        if not progress.begun:
            ready = await channel.prepare(job, progress)
            if ready is not None:
                return ready
            if _is_late(claimed, clock):
                return Deferred("deadline", "the deadline passed while media was being prepared", retry_after=0.0)
            await progress.begin("publish")
        await progress.hold()
        if _is_late(claimed, clock):
            return Deferred("deadline", "the deadline passed before the call", retry_after=0.0)
        left = True  # nothing is awaited between the last look at the claim and the call
        begins()
        outcome = await channel.publish(progress.claimed.job, progress)
    except FenceLost:
        if not left:
            raise
        # Its first parts left. For the log alone: whoever took the claim over decides.
        outcome = Unknown("taken_over", "another worker took the claim over between two parts", progress.begun)
    except NotKept as error:
        # No attempt of the platform's, so it costs none.
        outcome = Deferred("storage", f"the database took no write: {error}", retry_after=5.0, throttled=True)
    except asyncio.CancelledError:
        if not left:
            raise
        outcome = Unknown("stopped", "the worker was stopped while the call was under way", progress.begun)
    except Exception as error:
        outcome = _unexpected(error, claimed, progress.begun if left else "")
    if isinstance(outcome, Unknown) and channel.traits.repeatable:
        outcome = Deferred(outcome.code, outcome.reason, doubt=True)
    if isinstance(outcome, Deferred) and outcome.doubt and progress.get(DOUBT) is None:
        await _keep_doubt(progress, outcome)
    return outcome


async def _missing(media: Media, claimed: Claimed) -> Rejected | Deferred | None:
    """Why not every file that is about to be sent is there as it was approved. What stands already is not asked for: a
    wrong word is corrected though an old photo of it is gone. An adapter that sends an old one again opens it itself,
    and one that was altered is as good as gone then (core.asset.Altered)."""
    if any(name.startswith("part:") for name in claimed.progress):
        return None  # some of it stands: what is left is the adapter's matter
    job = claimed.job
    stands = _files(job.before.rendering) if job.before else {}
    for digest, placed in _files(job.rendering).items():
        name = placed.name or placed.rendition.profile
        if digest in stands:
            continue
        try:
            await media.read(digest)
        except Altered:
            return Rejected("bytes_changed", f"the file of {name} is not the one that was approved; nothing was sent")
        except FileNotFoundError:
            return Rejected("media_missing", f"the file of {name} is not in the media store any more; nothing was sent")
        except (OSError, ValueError) as error:
            return Deferred("media_unreadable", f"the file of {name} cannot be read: {error}; nothing was sent")
    return None


def _files(rendering: Rendering) -> dict[str, Placed]:
    """Digest → the photo or video that it is."""
    return {placed.rendition.digest: placed for part in rendering.parts for placed in part.media}


async def _keep_doubt(progress: KeptProgress, outcome: Deferred) -> None:
    """Where it cannot be kept the outcome is recorded all the same; a claim that was taken over is its new owner's."""
    try:
        await progress.save(DOUBT, {"code": outcome.code})
    except (NotKept, FenceLost) as error:
        log.warning("a doubt could not be kept", delivery=progress.claimed.job.delivery_id, why=type(error).__name__)
        progress.note(DOUBT, {"code": outcome.code})


def _is_late(claimed: Claimed, clock: Clock) -> bool:
    return claimed.deadline is not None and clock() >= claimed.deadline


def _unexpected(error: Exception, claimed: Claimed, step: str) -> Outcome:
    """An error that the adapter did not map is a defect of ours: never a success, never a blind repeat."""
    log.exception("an attempt failed unexpectedly", delivery=claimed.job.delivery_id, step=step)
    reason = f"internal error: {type(error).__name__}"
    if step:
        return Unknown("internal", reason, step)
    if claimed.attempts + 1 >= POISON_AFTER:
        return Rejected("poison", f"{reason}, {claimed.attempts + 1} times; see the log")
    return Deferred("internal", reason)
