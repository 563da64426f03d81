"""What a simulated channel has to do for a delivery: the calls that are left, from what stands and what is done.

Pure. As the real adapters do: new posts where nothing stands, edits and deletions by the ids of what does, a labelled
notice where the ids are not known or where nothing can be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from distributor.core.channel import Action, Job, Progress
from distributor.core.outcome import Receipt
from tests.simulation.habits import Follows, Kind


@dataclass(frozen=True, slots=True)
class Post:
    """A new message, irrevocable unless the platform knows its key. `label` is what it tells readers."""

    index: int
    label: Action


@dataclass(frozen=True, slots=True)
class Change:
    """An edit of a message that stands (`index`: the part that it shall show), or its deletion (-1)."""

    target: str
    index: int


Op = Post | Change


def plan(kind: Kind, job: Job, progress: Progress) -> list[Op]:
    """The calls that are left, in their order."""
    return [op for op in _all(kind, job) if not is_done(progress, op)]


def _all(kind: Kind, job: Job) -> Iterator[Op]:
    if job.action is Action.PUBLISH or (job.action is Action.CORRECT and job.before is None):
        yield from (Post(index, Action.PUBLISH) for index in range(kind.parts))
    elif job.before is None:
        return
    elif kind.follows is not Follows.EDITS:
        yield Post(kind.notice if job.action is Action.CORRECT else 0, job.action)
    else:
        known = known_ids(job)
        corrects = job.action is Action.CORRECT
        yield from (Change(target, part_of(target) if corrects else -1) for target in known)
        lacks = job.before.doubt or not {part_of(target) for target in known}.issuperset(range(kind.parts))
        has_notice = any(part_of(target) == kind.notice for target in known)
        if lacks and (corrects or kind.replaces) and not (corrects and has_notice):
            yield Post(kind.notice if corrects else 0, job.action)


def blind(kind: Kind, job: Job) -> bool:
    """True where something that has to go may stand, nobody knows its id, and nothing else can be done of it."""
    if kind.follows is not Follows.EDITS or job.action is not Action.WITHDRAW or job.before is None or kind.replaces:
        return False
    return job.before.doubt or len(known_ids(job)) < kind.parts


def is_done(progress: Progress, op: Op) -> bool:
    """Kept as done, or said so by a person."""
    if isinstance(op, Change):
        return op.target in (progress.get("changed") or {}).get("ids", ())
    return posted(progress, op.index) is not None


def posted(progress: Progress, index: int) -> dict[str, Any] | None:
    """What is kept of a part that is there: its id, or a person's word."""
    kept = progress.get(f"part:{index}")
    if kept:
        return kept
    begun = progress.get("publish") if index == 0 else None
    return begun if begun and "confirmed" in begun else None


def known_ids(job: Job) -> list[str]:
    """The ids of what stands before a job: a correction's receipt or progress names what it found, and what it made."""
    if job.before is None:
        return []
    ids = set(job.before.receipt.remote_ids if job.before.receipt else ())
    for name, kept in job.before.progress.items():
        ids |= {kept["id"]} if name.startswith("part:") and "id" in kept else set()
        ids |= set(kept["ids"]) if name == "stands" else set()
    return sorted(ids)


def part_of(remote: str) -> int:
    """The part that a message is of."""
    return int(remote.rpartition(":")[2])


def receipt_of(kind: Kind, job: Job, progress: Progress) -> Receipt:
    """Everything that stands after a job, as far as its ids are known."""
    if job.before is None and job.action not in (Action.PUBLISH, Action.CORRECT):
        return Receipt((), detail={"nothing": "stood there"})
    stood = known_ids(job) if job.action is Action.CORRECT and kind.follows is Follows.EDITS else []
    made = [f"{job.key}:{op.index}" for op in _all(kind, job) if isinstance(op, Post)]
    made = [remote for remote in made if "confirmed" not in (posted(progress, part_of(remote)) or {})]
    ids = (*stood, *made)
    return Receipt(ids, tuple(f"https://platform.example/{remote}" for remote in ids))
