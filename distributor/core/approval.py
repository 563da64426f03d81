"""A person's decision over exactly these bytes.

Pure. The content hash covers every rendering, every original, the audience and the times: any change after approval
gives another hash, and the approval no longer stands. No bypass exists here, and none may be added elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from distributor.core.data import digest, to_data
from distributor.core.people import Person, Right
from distributor.core.release import ReleaseState, Revision
from distributor.core.rendering import Rendering


class Decision(StrEnum):
    """What an editor may decide over a submitted release."""

    APPROVE = "approve"
    REJECT = "reject"
    HOLD = "hold"
    RESUME = "resume"  # lift a hold


def content_hash(revision: Revision, renderings: Iterable[Rendering], audience: Iterable[tuple[str, str]]) -> str:
    """SHA-256, in hex, over what will be shown, to whom, and when.

    `audience`: pairs (channel, address) of own accounts, or (channel, '*') with subscribers, who are chosen by the
    revision's kind, regions and topics, which are hashed too.
    """
    return digest(
        {
            "revision": to_data(revision),
            "renderings": sorted((item.channel, item.language, item.hash) for item in renderings),
            "media": [item.asset.digest for item in revision.media],
            "audience": sorted(audience),
        }
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a decision is checked against: the release as it is now, in the transaction that decides."""

    state: ReleaseState
    revision: int
    author_id: int
    submitter_id: int
    content_hash: str
    blocked: bool


ALLOWED_FROM: dict[Decision, frozenset[ReleaseState]] = {
    Decision.APPROVE: frozenset({ReleaseState.SUBMITTED}),
    Decision.REJECT: frozenset({ReleaseState.SUBMITTED, ReleaseState.HELD}),
    Decision.HOLD: frozenset(
        {ReleaseState.SUBMITTED, ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.DISTRIBUTED}
    ),
    Decision.RESUME: frozenset({ReleaseState.HELD}),
}


def refusal(person: Person, decision: Decision, standing: Standing, seen_revision: int, seen_hash: str) -> str:
    """Why this person may not decide so, as a stable code; empty where they may.

    `seen_revision` and `seen_hash` are what the pressed button was bound to.
    """
    if not person.may(Right.DECIDE):
        return "not_editor"
    if decision is Decision.APPROVE and person.id in {standing.author_id, standing.submitter_id}:
        return "own_release"
    if standing.state not in ALLOWED_FROM[decision]:
        return "wrong_state"
    if seen_revision != standing.revision or seen_hash != standing.content_hash:
        return "changed_since"
    if decision is Decision.APPROVE and standing.blocked:
        return "blocked"
    return ""
