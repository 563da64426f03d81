"""A person's decision over exactly these bytes.

Pure. The content hash covers every rendering, every original, the audience and the times: any change after approval
gives another hash, and the approval no longer stands. No bypass exists here, and none may be added elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from distributor.core.data import digest, to_data
from distributor.core.people import Person, Right
from distributor.core.release import Action, ReleaseState, Revision
from distributor.core.rendering import Rendering


class Decision(StrEnum):
    """What an editor may decide over a submitted release."""

    APPROVE = "approve"
    REJECT = "reject"
    HOLD = "hold"
    RESUME = "resume"  # lift a hold


# Fields that revisions have had since their first version. A later one is hashed only where it says something, so that
# the hash of whatever was approved before it stays what it was.
_ALWAYS_HASHED = frozenset(
    {
        *("release_id", "number", "author_id", "kind", "versions", "status", "regions", "topics", "media", "channels"),
        *("at", "embargo", "deadline"),
    }
)


def hashed(revision: Revision) -> dict[str, Any]:
    """What of a revision enters its content hash."""
    data: dict[str, Any] = to_data(revision)
    return {name: value for name, value in data.items() if value or name in _ALWAYS_HASHED}


def content_hash(
    revision: Revision,
    renderings: Iterable[Rendering],
    audience: Iterable[tuple[str, str]],
    overrides: Iterable[tuple[str, str]] = (),
) -> str:
    """SHA-256, in hex, over what will be shown, to whom, and when.

    `audience`: pairs (channel, address) of own accounts, or (channel, '*') with subscribers, who are chosen by the
    revision's kind, regions and topics, which are hashed too. `overrides`: the keys of blocking findings that somebody
    answers for, with the reasons: who approves the content approves these too.
    """
    answered = sorted(overrides)
    return digest(
        {
            "revision": hashed(revision),
            "renderings": sorted((item.channel, item.language, item.hash) for item in renderings),
            "media": [item.asset.digest for item in revision.media],
            "audience": sorted(audience),
        }
        | ({"overrides": answered} if answered else {})
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
    action: Action = Action.PUBLISH  # of the revision that is decided over
    proposed: bool = False  # the revision follows one that is out
    shortened: bool = False  # it is, word for word, what a template makes that two people approved beforehand
    hands: frozenset[int] = frozenset()  # who wrote in it
    answering: frozenset[int] = frozenset()  # who gave reasons for blocking findings in it


ALLOWED_FROM: dict[Decision, frozenset[ReleaseState]] = {
    Decision.APPROVE: frozenset({ReleaseState.SUBMITTED}),
    Decision.REJECT: frozenset({ReleaseState.SUBMITTED, ReleaseState.HELD}),
    Decision.HOLD: frozenset(
        {ReleaseState.SUBMITTED, ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.DISTRIBUTED}
    ),
    Decision.RESUME: frozenset({ReleaseState.HELD}),
}

# What is out, or on its way, may be corrected and withdrawn; the proposal is decided over while it stays so.
FOLLOWED_FROM = frozenset(
    {ReleaseState.APPROVED, ReleaseState.DISTRIBUTING, ReleaseState.DISTRIBUTED, ReleaseState.HELD}
)
# A withdrawal also once more, for what an earlier one could not reach.
WITHDRAWN_FROM = FOLLOWED_FROM | {ReleaseState.WITHDRAWN}
_OVER_A_PROPOSAL = frozenset({Decision.APPROVE, Decision.REJECT})


def allowed_from(decision: Decision, *, proposed: bool, action: Action = Action.PUBLISH) -> frozenset[ReleaseState]:
    """The states of a release in which a decision may be made; `proposed`: over a revision that follows one, and what
    that would do."""
    if proposed and decision in _OVER_A_PROPOSAL:
        return WITHDRAWN_FROM if action is Action.WITHDRAW else FOLLOWED_FROM
    return ALLOWED_FROM[decision]


def refusal(person: Person, decision: Decision, standing: Standing, seen_revision: int, seen_hash: str) -> str:
    """Why this person may not decide so, as a stable code; empty where they may.

    `seen_revision` and `seen_hash` are what the pressed button was bound to.
    """
    if not person.may(Right.DECIDE):
        return "not_editor"
    # A withdrawal needs two people too, of whom one proposes it; whoever wrote the release may be the second.
    own = {standing.submitter_id}
    if standing.action is Action.PUBLISH:
        own |= {standing.author_id, *standing.hands}
    elif standing.action is not Action.WITHDRAW:
        own |= standing.hands  # of the correction, whoever wrote the release
    if decision is Decision.APPROVE and person.id in own and not standing.shortened:
        return "own_proposal" if standing.action is Action.WITHDRAW else "own_release"
    if decision is Decision.APPROVE and person.id in standing.answering:
        return "own_override"
    if standing.state not in allowed_from(decision, proposed=standing.proposed, action=standing.action):
        return "wrong_state"
    if seen_revision != standing.revision or seen_hash != standing.content_hash:
        return "changed_since"
    if decision is Decision.APPROVE and standing.blocked:
        return "blocked"
    return ""
