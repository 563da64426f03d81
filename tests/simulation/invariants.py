"""What must be true of every run, whatever went wrong in it. Each check says what it found, a sentence a finding.

Pure: reads what a run left behind. No check trusts the engine: the journal says what was committed and when, the
platforms say what readers see, and a person's wrong words are the only excuse for a double.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise, zip_longest
from math import inf

from distributor.core.data import from_micros
from distributor.core.delivery import DELIVERY_STEPS, FINAL, DeliveryState
from distributor.core.ports import Window
from distributor.core.release import SENDABLE
from distributor.queue.grip import SURE
from tests.simulation import afterwards
from tests.simulation.facts import Facts
from tests.simulation.habits import KINDS
from tests.simulation.in_time import expired_in_time
from tests.simulation.journal import Entry
from tests.simulation.plan import LEASE
from tests.simulation.platform import Call

# What may leave in which states of its release, where they are others than for a publication.
_LEAVES = {"withdraw": {"withdrawn"}, "hold": {"held"}}
SLACK = 0.1  # seconds: between a claim's answer and the first byte, beside what the engine allows itself
# A loss of the queue's server shows a moment before it is known, and its counts are whole again a while after.
_BEFORE, _AFTER = 1.0, 8.0


def check(facts: Facts) -> list[str]:
    """Every finding, as 'invariant: sentence'."""
    return [f"{name}: {found}" for name, find in INVARIANTS.items() for found in find(facts)]


def ended(facts: Facts) -> Iterator[str]:
    """Every promise is sent, rejected with a reason, expired or cancelled; no case is open; releases know it."""
    for row in facts.rows:
        if row["state"] not in FINAL:
            yield f"delivery {row['id']} is {row['state']} ({row['code']} {row['reason']})"
        elif row["state"] != "sent" and not row["code"]:
            yield f"delivery {row['id']} is {row['state']} without a reason"
        elif row["state"] == "sent" and row["receipt"] is None:
            yield f"delivery {row['id']} is sent without a receipt"
    yield from (f"case {number} is open" for number in facts.open_cases)
    theirs = {row["release_id"] for row in facts.rows}
    yield from (
        f"release {name} is still {state}"
        for name, state in facts.releases.items()
        if name in theirs and state not in {"distributed", "withdrawn"}
    )


def once(facts: Facts) -> Iterator[str]:
    """No destination got the same publish twice, unless a person said wrongly that it was not there."""
    for (number, part), times in facts.effects.items():
        if times > 1 + facts.misled[number, part, False]:
            yield f"delivery {number} part {part} is there {times} times"


def told(facts: Facts) -> Iterator[str]:
    """What is called sent is there, unless a person said so wrongly; what is there is told of."""
    for row in facts.rows:
        number, channel = row["id"], row["channel"]
        if facts.mistaken(number):
            continue
        for part in facts.promised_parts(row) if row["state"] == "sent" else ():
            if not facts.effects[number, part]:
                yield f"delivery {number} part {part} is called sent and is not there"
        parts = range(KINDS[channel].parts + 1)
        unsaid = [part for part in parts if facts.effects[number, part] and f"part:{part}" not in row["progress"]]
        if row["state"] != "sent" and not KINDS[channel].traits.repeatable:
            yield from (
                f"delivery {number} part {part} is there, and the delivery is called {row['state']}" for part in unsaid
            )
    known = {(row["delivery_id"], row["number"]) for row in facts.attempts if not row["looked"]}
    for call in facts.platform.calls:
        if (call.delivery_id, call.attempt) not in known:
            yield f"delivery {call.delivery_id}: attempt {call.attempt} called the platform and is not in the log"


def allowed(facts: Facts) -> Iterator[str]:
    """Rule 7: at each claim, and where a call follows from a begin at that begin, the release may leave. A correction
    of several changes goes on to its end once the first has left, and may ask for its claim again between them."""
    called = {number: [call.at for call in calls] for number, calls in facts.calls_of.items()}
    for number, entries in facts.changes_of.items():
        under_way = 0  # the claim of which a change has left
        for entry, following in zip_longest(entries, entries[1:]):
            until = following.at if following else inf
            leaves = any(entry.at <= at <= until for at in called.get(number, ()))
            first = entry.what == "begin" and entry.step == "publish" and leaves and entry.fence != under_way
            if first and entry.facts["action"] != "publish":
                under_way = entry.fence
            if entry.what == "claim" or first:
                for reason in _reasons(entry):
                    yield f"delivery {number}, {entry.what} at {entry.at:.3f}: {reason}"


def _reasons(entry: Entry) -> Iterator[str]:
    facts, now = entry.facts, from_micros(entry.facts["now"])
    if facts["release"] not in _LEAVES.get(facts["action"], SENDABLE):
        yield f"the release is {facts['release']}"
    if facts["late"]:
        yield "its deadline has passed"
    if entry.what == "begin":
        return
    if not facts["approved"]:
        yield "no approval stands"
    if facts["reader"] != "active":
        yield f"the destination is {facts['reader']}"
    if facts["paused"]:
        yield "the lane is paused"
    times = facts["times"][:1] if facts["trusted"] else facts["times"]
    for moment in () if facts["action"] in _LEAVES else times:
        if moment is not None and datetime.fromisoformat(moment) > now:
            yield f"its time is {moment}"


def fresh(facts: Facts) -> Iterator[str]:
    """A byte leaves only under a claim that is the caller's own, and was looked at a moment ago: so nothing leaves
    later than that after a withdrawal, a hold or a deadline, and nothing after another has taken the delivery over."""
    for call in facts.platform.calls:
        asked = [entry for entry in facts.changes_of[call.delivery_id] if entry.what in {"claim", "begin"}]
        before = [entry for entry in asked if entry.at <= call.at]
        if not before or before[-1].worker != call.by:
            yield f"delivery {call.delivery_id}: {call.by} called at {call.at:.3f} under a claim not its own"
        elif not call.change and call.at - before[-1].at > LEASE * SURE + SLACK:
            yield f"delivery {call.delivery_id}: called {call.at - before[-1].at:.1f} s after its claim"


def ordered(facts: Facts) -> Iterator[str]:
    """Order within a release and destination: nothing is claimed before what comes earlier is final, nothing earlier
    leaves later, but where a person sent a dead letter again. What waits for a person's answer holds up a publication
    alone: those who may have the release get what follows. And what waits for the end of a hold does not keep the hold
    back."""
    for entry in facts.journal:
        for earlier, state in entry.facts.get("behind", ()):
            passes = (state == "case" and entry.facts["action"] != "publish") or (
                state in ("queued", "waiting") and entry.facts["action"] == "hold"
            )
            if entry.what == "claim" and not passes:
                yield f"delivery {entry.delivery} was claimed at {entry.at:.3f} before {earlier} was final"
    first = {number: calls[0].at for number, calls in facts.calls_of.items()}
    last = {number: calls[-1].at for number, calls in facts.calls_of.items()}
    for group in facts.destinations.values():
        called = [row["id"] for row in group if row["id"] in first and row["action"] != "hold"]
        for earlier, later in pairwise(called):
            asked = earlier in facts.retried or facts.ever(earlier, "case", before=first[later])
            if last[earlier] > first[later] and not asked:
                yield f"delivery {earlier} was called at {last[earlier]:.3f}, after {later}"


def urgent_first(facts: Facts) -> Iterator[str]:
    """No claim takes something less urgent while something more urgent of the lane may go. Lanes in which single
    destinations rest are left out: what waits for its destination may be overtaken there."""
    together: dict[float, set[int]] = defaultdict(set)
    for entry in facts.journal:
        if entry.what == "claim":
            together[entry.at].add(entry.delivery)
    for entry in facts.journal:
        if entry.what != "claim" or facts.by_id[entry.delivery]["channel"] in facts.plan.reader_windows:
            continue
        for other in set(entry.facts["overtaken"]) - together[entry.at]:
            if facts.kept_back(facts.by_id[other]):
                continue  # no claim takes it, it is dropped
            yield f"delivery {entry.delivery} was claimed at {entry.at:.3f} before the more urgent {other}"


def within_quota(facts: Facts) -> Iterator[str]:
    """No window sees more calls than its count, at the platform, while the count that all workers share was whole."""
    for name, windows in facts.plan.windows.items():
        calls = [call for call in facts.platform.calls if call.channel == name]
        yield from _exceeded(facts, name, windows, calls)
    for name, windows in facts.plan.reader_windows.items():
        by_reader: dict[int, list[Call]] = defaultdict(list)
        for call in facts.platform.calls:
            if call.channel == name:
                by_reader[facts.by_id[call.delivery_id]["destination_id"]].append(call)
        for reader, calls in by_reader.items():
            yield from _exceeded(facts, f"{name}, destination {reader}", windows, calls)


def _exceeded(facts: Facts, name: str, windows: Sequence[Window], calls: Sequence[Call]) -> Iterator[str]:
    # Without a shared count each process has its own.
    sources = [calls] if facts.plan.shared else [[c for c in calls if c.by == by] for by in {c.by for c in calls}]
    for window in windows:
        for source in sources:
            for place in range(len(source) - window.count):
                first, beyond = source[place].at, source[place + window.count].at
                counted = source[place : place + window.count + 1]
                excused = _in_trouble(facts, first, beyond) or any(_blind(facts, call) for call in counted)
                if beyond - first < window.seconds and not excused:
                    yield f"{name}: {window.count + 1} calls within {beyond - first:.3f} s from {first:.3f}"


def _in_trouble(facts: Facts, first: float, last: float) -> bool:
    return any(first < until + _AFTER and last > start - _BEFORE for start, until in facts.absences)


def _blind(facts: Facts, call: Call) -> bool:
    """A process that was stopped may find itself cut off from the queue's server, and goes on within its fair part;
    where it ends before it is back, nobody else learns what it spent (queue.redis)."""
    return any(who == call.by and until <= call.at < until + _BEFORE for who, until in facts.freezes)


def by_the_table(facts: Facts) -> Iterator[str]:
    """Every change of state stands in the table of the core, but for a late receipt, which proves what nobody knew."""
    proved = {row["delivery_id"] for row in facts.attempts if row["late"] and row["outcome"] == "sent"}
    for entry in facts.journal:
        same = entry.what == "approve" or entry.was in {"", entry.became}
        if same or (entry.became == "sent" and entry.delivery in proved):
            continue
        if DeliveryState(entry.became) not in DELIVERY_STEPS[DeliveryState(entry.was)]:
            yield f"delivery {entry.delivery} went from {entry.was} to {entry.became} at {entry.at:.3f}"


def logged(facts: Facts) -> Iterator[str]:
    """The audit log verifies."""
    if facts.log:
        yield facts.log


INVARIANTS: dict[str, Callable[[Facts], Iterator[str]]] = {
    "every promise ends": ended,
    "nothing twice": once,
    "nothing untold": told,
    "only what is allowed": allowed,
    "only under a fresh claim": fresh,
    "order": ordered,
    "the urgent first": urgent_first,
    "quotas": within_quota,
    "deadlines": expired_in_time,
    "states": by_the_table,
    "the log verifies": logged,
    **afterwards.INVARIANTS,
}
