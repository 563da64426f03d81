"""What must be true of corrections, withdrawals and holds, whatever went wrong. Part of `invariants`.

Pure. The truth is what the platforms show and what the journal says was committed; a case, or a person's wrong word,
is the only excuse for what nobody could know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from distributor.core.channel import Action
from tests.simulation.facts import Facts
from tests.simulation.habits import KINDS, Fate, Follows
from tests.simulation.platform import Standing

# Why what follows may be cancelled though it is the newest: the reader left, or the lane is none for an exercise.
_MAY_CANCEL = {"unsubscribed", "live_withheld"}


def stands(facts: Facts) -> Iterator[str]:
    """At every destination that has something of a release, the newest revision is there, or nothing after a
    withdrawal, unless what was to bring that about ended with a reason."""
    actions = {(entry.was, entry.fence): entry.step for entry in facts.approvals}
    for (release, destination), rows in facts.destinations.items():
        number = facts.newest[release]
        action = actions.get((release, number), "")
        channel, name = rows[0]["channel"], f"{release} at {rows[0]['channel']} {facts.readers[destination][0]}"
        if action not in KINDS[channel].traits.actions or not _has_something(facts, rows):
            continue
        newest = [row for row in rows if row["revision"] == number and row["action"] in (action, Action.PUBLISH.value)]
        if action == Action.WITHDRAW:  # one that is repeated goes where the first has not done its work
            newest = [row for row in rows if row["action"] == action][-1:]
        if not newest and facts.readers[destination][1] == "active":
            yield f"{name} has something, and nothing of revision {number} ({action}) was promised"
        for row in newest:
            if row["state"] == "cancelled" and row["code"] not in _MAY_CANCEL:
                yield f"{name}: delivery {row['id']} is of the newest revision and was cancelled ({row['code']})"
            elif row["state"] == "sent":
                yield from (f"{name}: {found}" for found in _shown(facts, rows, row))


def _has_something(facts: Facts, rows: list[Mapping[str, Any]]) -> bool:
    """Readers there saw something of it, or see it now."""
    return any(facts.shows(row) for row in rows)


def _shown(facts: Facts, rows: list[Mapping[str, Any]], newest: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with what readers see, after the newest was called sent."""
    if facts.mistaken(newest["id"]):
        return
    withdrawn = newest["action"] == Action.WITHDRAW.value
    if KINDS[newest["channel"]].follows is Follows.NOTICES:
        if not facts.shows(newest):
            yield f"delivery {newest['id']} is called sent, and its readers were told nothing"
        return
    for remote, there in facts.platform.stands.items():
        if not _of(there, newest, rows) or _excused(facts, there):
            continue
        if withdrawn and not there.gone and there.label is not Action.WITHDRAW:
            yield f"{remote} stands after the withdrawal {newest['id']}"
        elif not withdrawn and (there.gone or there.revision != newest["revision"]):
            what = "is gone" if there.gone else f"shows revision {there.revision}"
            yield f"{remote} {what} after delivery {newest['id']} of {newest['revision']}"


def _of(there: Standing, newest: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> bool:
    return there.release_id == newest["release_id"] and there.delivery_id in {row["id"] for row in rows}


def _excused(facts: Facts, there: Standing) -> bool:
    """Nobody could know of it, or of its id: whether it is there was a person's matter."""
    return facts.ever(there.delivery_id, "case") or facts.mistaken(there.delivery_id)


def only_those(facts: Facts) -> Iterator[str]:
    """What follows a publication is promised to nobody who certainly got nothing, and no such reader sees it."""
    labels = {effect.delivery_id: effect.label for effect in facts.platform.effects}
    for rows in facts.destinations.values():
        for place, row in enumerate(rows):
            promised = facts.changes_of[row["id"]][0]
            follows = row["action"] != Action.PUBLISH.value
            if follows and not any(_may_have(facts, earlier["id"], promised.n) for earlier in rows[:place]):
                yield f"delivery {row['id']} ({row['action']}) was promised to one who had nothing"
            label = labels.get(row["id"], Action.PUBLISH)
            if label is not Action.PUBLISH and not any(_reached(facts, earlier["id"]) for earlier in rows[:place]):
                yield f"delivery {row['id']} told one who had nothing ({label})"


def _may_have(facts: Facts, delivery: int, before: int) -> bool:
    """Did a delivery that far, in the order of commits, reach somebody, or might it?"""
    past = [entry for entry in facts.changes_of[delivery] if entry.n < before]
    return _reached(facts, delivery) or bool(past and past[-1].became == "sending")


def _reached(facts: Facts, delivery: int) -> bool:
    """Or it may have: a repeatable call without an answer is simply repeated, until it is given up; only the platform
    knows then."""
    unanswered = any(call.fate in (Fate.CALL_LOST, Fate.HANGS) for call in facts.calls_of[delivery])
    return unanswered or facts.shows(facts.by_id[delivery]) or facts.ever(delivery, "unknown", "case")


def ends(facts: Facts) -> Iterator[str]:
    """Whoever was told of a hold, and to wait for what comes of it, is told: the end, a withdrawal or the new text."""
    kinds = (Action.LIFT.value, Action.WITHDRAW.value, Action.CORRECT.value)
    for (release, destination), rows in facts.destinations.items():
        where, status = facts.readers[destination]
        if status != "active" or KINDS[rows[0]["channel"]].follows is not Follows.NOTICES:
            continue
        for hold in rows:
            if hold["action"] != Action.HOLD.value or not facts.shows(hold):
                continue
            told = max(entry.n for entry in facts.changes_of[hold["id"]] if entry.what == "claim")
            later = [entry for entry in facts.approvals if entry.was == release and entry.n > told]
            first = next((entry.fence for entry in later if entry.step in kinds), 0)
            after = [row for row in rows if row["revision"] == first]
            name = f"{release} at {where} was told of the hold {hold['id']}"
            if first and not after:
                yield f"{name}, and of its end nothing was promised"
            silent = [row for row in after if row["state"] == "sent" and not facts.shows(row)]
            if silent and not any(facts.mistaken(row["id"]) for row in silent):
                yield f"{name}, and nobody told him of its end"


def over(facts: Facts) -> Iterator[str]:
    """After a withdrawal was committed nothing of its release is claimed any more but the withdrawal itself: only what
    was under way then may still arrive."""
    for entry in facts.approvals:
        if entry.step != Action.WITHDRAW.value:
            continue
        for row in facts.rows:
            if row["release_id"] == entry.was and row["action"] != Action.WITHDRAW.value:
                late = [change for change in facts.changes_of[row["id"]] if change.what == "claim"]
                if any(change.n > entry.n for change in late):
                    yield f"delivery {row['id']} ({row['action']}) was claimed after {entry.was} was withdrawn"


def no_exercise(facts: Facts) -> Iterator[str]:
    """No exercise and no test reaches a lane that is live."""
    for call in facts.platform.calls:
        if facts.kept_back(facts.by_id[call.delivery_id]):
            yield f"delivery {call.delivery_id} of an exercise called {call.channel}, which is live"


INVARIANTS: dict[str, Callable[[Facts], Iterator[str]]] = {
    "what stands": stands,
    "only those who have it": only_those,
    "the end of a hold": ends,
    "nothing after a withdrawal": over,
    "exercises": no_exercise,
}
