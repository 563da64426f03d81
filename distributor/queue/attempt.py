"""One attempt: prepare, commit the intent, publish; and what an unexpected end of it means.

May touch: the adapter and the delivery's progress. Never repeats anything.
"""

from __future__ import annotations

import asyncio

import structlog

from distributor.core.channel import Channel
from distributor.core.outcome import Deferred, Outcome, Rejected, Unknown
from distributor.core.ports import Claimed, Clock
from distributor.queue.progress import FenceLost, KeptProgress

log = structlog.get_logger(__name__)

POISON_AFTER = 3  # attempts that our own code could not get through


async def attempt(channel: Channel, claimed: Claimed, progress: KeptProgress, clock: Clock) -> Outcome:
    """The outcome of one try. Raises FenceLost where the claim was taken over, CancelledError before anything began."""
    job = claimed.job
    if job.rendering.hash != claimed.rendering_hash:
        return Rejected("bytes_changed", "the rendering is not the one that was approved; nothing was sent")
    try:
        if not progress.begun:
            ready = await channel.prepare(job, progress)
            if ready is not None:
                return ready
            if claimed.deadline is not None and clock() >= claimed.deadline:
                return Deferred("deadline", "the deadline passed while media was being prepared", retry_after=0.0)
            await progress.begin("publish")
        outcome = await channel.publish(progress.claimed.job, progress)
    except FenceLost:
        if progress.begun:
            log.warning("the claim was taken over while publishing", delivery=job.delivery_id, step=progress.begun)
        raise
    except asyncio.CancelledError:
        if not progress.begun:
            raise
        outcome = Unknown("stopped", "the worker was stopped while the call was under way", progress.begun)
    except Exception as error:
        outcome = _unexpected(error, claimed, progress)
    if isinstance(outcome, Unknown) and channel.traits.repeatable:
        return Deferred(outcome.code, outcome.reason)
    return outcome


def _unexpected(error: Exception, claimed: Claimed, progress: KeptProgress) -> Outcome:
    """An error that the adapter did not map is a defect of ours: never a success, never a blind repeat."""
    log.exception("an attempt failed unexpectedly", delivery=claimed.job.delivery_id, step=progress.begun)
    reason = f"internal error: {type(error).__name__}"
    if progress.begun:
        return Unknown("internal", reason, progress.begun)
    if claimed.attempts + 1 >= POISON_AFTER:
        return Rejected("poison", f"{reason}, {claimed.attempts + 1} times; see the log")
    return Deferred("internal", reason)
