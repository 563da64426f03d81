"""The states of a delivery: no transition outside the table, and Unknown never becomes anything by itself."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.core.delivery import (
    CLAIMABLE,
    DELIVERY_STEPS,
    FINAL,
    DeliveryState,
    Drop,
    Facts,
    Go,
    NotYet,
    Priority,
    after_finding,
    after_outcome,
    at_claim,
)
from distributor.core.outcome import (
    Absent,
    CannotTell,
    Deferred,
    Finding,
    LookAgain,
    Outcome,
    Receipt,
    Rejected,
    Scope,
    Sent,
    Unknown,
)
from distributor.core.policy import RetryPolicy
from distributor.core.release import RELEASE_STEPS, SENDABLE, Kind, ReleaseState

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
POLICY = RetryPolicy(most_attempts=4, most_looks=3)
State = DeliveryState

WORDS = st.text(max_size=8)
SENT = st.builds(Sent, st.builds(Receipt, st.tuples(WORDS)))
WAITS = st.none() | st.floats()
DEFERRED = st.builds(Deferred, WORDS, WORDS, WAITS, st.booleans(), st.sampled_from(Scope), st.sampled_from(["", "-1"]))
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    SENT, DEFERRED, st.builds(Rejected, WORDS, WORDS, st.sampled_from(Scope)), st.builds(Unknown, WORDS, WORDS)
)
FINDINGS: st.SearchStrategy[Finding] = st.one_of(
    SENT, st.builds(Absent, WORDS), st.builds(CannotTell, WORDS), st.builds(LookAgain, WORDS, st.floats())
)
TIMES = st.datetimes(datetime(2026, 3, 4), datetime(2026, 3, 7), timezones=st.just(UTC))  # noqa: DTZ001  # the zone follows


@given(OUTCOMES, st.integers(0, 10), st.none() | TIMES)
def test_an_outcome_leads_only_where_the_table_allows(
    outcome: Outcome, attempts: int, deadline: datetime | None
) -> None:
    following = after_outcome(outcome, attempts=attempts, now=NOW, deadline=deadline, policy=POLICY)
    assert following.state in DELIVERY_STEPS[State.SENDING]
    expected = {Sent: {State.SENT}, Rejected: {State.REJECTED}, Unknown: {State.UNKNOWN}}
    assert following.state in expected.get(type(outcome), {State.WAITING, State.REJECTED})
    assert (following.due is not None) == (following.state not in FINAL)
    if following.due is not None:
        assert following.due >= NOW
        assert following.due <= NOW + timedelta(days=8)


@given(FINDINGS, st.integers(0, 10))
def test_a_finding_leads_only_where_the_table_allows(finding: Finding, looks: int) -> None:
    following = after_finding(finding, looks=looks, now=NOW, policy=POLICY)
    assert following.state in DELIVERY_STEPS[State.UNKNOWN] | {State.UNKNOWN}
    assert (following.state is State.SENT) == isinstance(finding, Sent)
    assert (following.state is State.QUEUED) == isinstance(finding, Absent)
    assert (following.state is State.CASE) == (
        isinstance(finding, CannotTell) or (isinstance(finding, LookAgain) and looks + 1 >= POLICY.most_looks)
    )
    assert (following.due is not None) == (following.state in {State.UNKNOWN, State.QUEUED})


@given(OUTCOMES, st.integers(0, 200), st.none() | TIMES)
def test_rule_6_an_unknown_is_never_taken_for_sent_or_queued(
    outcome: Outcome, attempts: int, deadline: datetime | None
) -> None:
    following = after_outcome(outcome, attempts=attempts, now=NOW, deadline=deadline, policy=POLICY)
    assert following.state is not State.QUEUED
    assert (following.state is State.SENT) == isinstance(outcome, Sent)
    assert (following.state is State.UNKNOWN) == isinstance(outcome, Unknown)


FACTS = st.builds(
    Facts,
    release_state=st.sampled_from(ReleaseState),
    approved_hash=st.sampled_from(["", "h", "other"]),
    delivery_hash=st.sampled_from(["h", ""]),
    at=st.none() | TIMES,
    embargo=st.none() | TIMES,
    deadline=st.none() | TIMES,
    destination_active=st.booleans(),
    attempts=st.integers(0, 5),
)


@given(FACTS)
def test_rule_7_nothing_goes_unless_everything_still_holds(facts: Facts) -> None:
    verdict = at_claim(facts, NOW)
    holds = (
        facts.release_state in SENDABLE
        and facts.approved_hash == facts.delivery_hash != ""
        and facts.destination_active
        and all(moment is None or moment <= NOW for moment in (facts.at, facts.embargo))
        and (facts.deadline is None or facts.deadline > NOW)
    )
    assert (verdict == Go()) == holds
    if isinstance(verdict, Drop):
        assert verdict.code
        assert verdict.reason
        assert all(verdict.state in DELIVERY_STEPS[state] for state in CLAIMABLE)
    if isinstance(verdict, NotYet):
        assert verdict.until > NOW


def facts(**changed: object) -> Facts:
    fine = {
        "release_state": ReleaseState.DISTRIBUTING,
        "approved_hash": "h",
        "delivery_hash": "h",
        "at": None,
        "embargo": None,
        "deadline": None,
        "destination_active": True,
        "attempts": 0,
    }
    return Facts(**(fine | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "state", "code"),
    [
        ({"release_state": ReleaseState.WITHDRAWN}, State.CANCELLED, "withdrawn"),
        ({"release_state": ReleaseState.REJECTED}, State.CANCELLED, "rejected"),
        ({"release_state": ReleaseState.DRAFT}, State.CANCELLED, "draft"),
        ({"release_state": ReleaseState.SUBMITTED}, State.CANCELLED, "submitted"),
        ({"deadline": NOW}, State.EXPIRED, "deadline"),
        ({"approved_hash": ""}, State.CANCELLED, "approval_void"),
        ({"approved_hash": "other"}, State.CANCELLED, "approval_void"),
        ({"approved_hash": "", "delivery_hash": ""}, State.CANCELLED, "approval_void"),
        ({"destination_active": False}, State.CANCELLED, "unsubscribed"),
    ],
)
def test_each_reason_to_drop_a_delivery_has_its_code(changed: dict[str, object], state: State, code: str) -> None:
    verdict = at_claim(facts(**changed), NOW)
    assert isinstance(verdict, Drop)
    assert (verdict.state, verdict.code) == (state, code)


def test_a_held_release_keeps_its_promise_and_a_schedule_is_waited_for() -> None:
    assert isinstance(at_claim(facts(release_state=ReleaseState.HELD), NOW), NotYet)
    later = NOW + timedelta(hours=3)
    assert at_claim(facts(at=later), NOW) == NotYet(later)
    assert at_claim(facts(embargo=later), NOW) == NotYet(later)
    assert at_claim(facts(embargo=later), later) == Go()


def outcome_after(outcome: Outcome, attempts: int = 0, deadline: datetime | None = None) -> tuple[State, str, bool]:
    following = after_outcome(outcome, attempts=attempts, now=NOW, deadline=deadline, policy=POLICY)
    return following.state, following.code, following.costs_attempt


def test_attempts_are_counted_and_the_last_one_is_a_dead_letter() -> None:
    busy = Deferred("busy", "later")
    assert [outcome_after(busy, attempts)[0] for attempts in range(5)] == [State.WAITING] * 3 + [State.REJECTED] * 2
    assert outcome_after(busy, 3) == (State.REJECTED, "exhausted", True)


@pytest.mark.parametrize(
    "free",
    [
        Deferred("429", "slow down", 5, throttled=True),
        Deferred("401", "refused", scope=Scope.LANE),
        Deferred("moved", "moved", address="-1"),
    ],
)
def test_rule_9_a_throttle_a_refused_credential_and_a_move_cost_no_attempt(free: Deferred) -> None:
    for attempts in (0, 3, 1000):
        state, _, costs = outcome_after(free, attempts)
        assert (state, costs) == (State.WAITING, False)


def test_f07_the_wait_that_a_platform_names_is_kept_exactly() -> None:
    following = after_outcome(
        Deferred("429", "x", 17, throttled=True), attempts=0, now=NOW, deadline=NOW, policy=POLICY
    )
    assert following.due == NOW + timedelta(seconds=17)


def test_a_retry_beyond_the_deadline_waits_for_the_deadline_where_the_claim_expires_it() -> None:
    deadline = NOW + timedelta(seconds=5)
    following = after_outcome(Deferred("busy", "x", 60), attempts=0, now=NOW, deadline=deadline, policy=POLICY)
    assert following.due == deadline
    past = after_outcome(Deferred("busy", "x", 60), attempts=0, now=NOW, deadline=NOW - timedelta(1), policy=POLICY)
    assert past.due == NOW


def test_what_always_ends_unknown_and_is_never_there_becomes_a_dead_letter() -> None:
    gone = Absent("not there")
    found = [
        after_finding(gone, looks=0, now=NOW, policy=POLICY, attempts=made) for made in range(POLICY.most_attempts + 1)
    ]
    assert [one.state for one in found] == [State.QUEUED] * POLICY.most_attempts + [State.REJECTED]
    assert found[-1].code == "exhausted"
    assert found[1].due == NOW
    assert all(one.due is not None and one.due > NOW for one in found[2:-1])


@pytest.mark.parametrize("wait", [math.inf, -math.inf, math.nan, 1e300, -5.0])
def test_an_absurd_wait_never_breaks_the_clock(wait: float) -> None:
    for following in (
        after_outcome(Deferred("429", "x", wait, True), attempts=0, now=NOW, deadline=None, policy=POLICY),
        after_finding(LookAgain("x", wait), looks=0, now=NOW, policy=POLICY),
    ):
        assert following.due is not None
        assert NOW <= following.due <= NOW + timedelta(days=8)


def test_only_a_person_takes_a_delivery_out_of_a_final_state_and_never_out_of_sent() -> None:
    assert frozenset() == DELIVERY_STEPS[State.SENT]
    for state in FINAL - {State.SENT}:
        assert DELIVERY_STEPS[state] == {State.QUEUED}
    assert set(DELIVERY_STEPS) == set(State)
    assert State.SENDING not in DELIVERY_STEPS[State.UNKNOWN]
    assert all(State.SENDING not in DELIVERY_STEPS[state] for state in set(State) - CLAIMABLE)


def test_every_state_of_a_release_has_its_steps() -> None:
    assert set(RELEASE_STEPS) == set(ReleaseState)
    assert RELEASE_STEPS[ReleaseState.WITHDRAWN] == frozenset()
    for before, after in product(ReleaseState, SENDABLE):
        if after in RELEASE_STEPS[before] and before not in SENDABLE:
            assert before in {ReleaseState.SUBMITTED, ReleaseState.HELD}, "nothing leaves without an approval"


def test_an_emergency_goes_before_an_appeal_and_that_before_everything_else() -> None:
    order = sorted(Kind, key=Priority.of)
    assert order[:2] == [Kind.EMERGENCY, Kind.APPEAL]
    assert {Priority.of(kind) for kind in order[2:]} == {Priority.ROUTINE}


def test_waits_grow_up_to_a_quarter_of_an_hour_with_jitter() -> None:
    policy = RetryPolicy()
    waits = [(policy.due(NOW, attempts) - NOW).total_seconds() for attempts in range(1, 15)]
    for attempts, wait in enumerate(waits, 1):
        floor = min(2 * 2 ** (attempts - 1), 900)
        assert floor <= wait <= floor + 2
    assert len({policy.due(NOW, 3) for _ in range(20)}) > 1
    assert policy.due(NOW, 0) >= NOW + timedelta(seconds=2)
    assert policy.due(NOW, 5, 0) == NOW
    assert policy.due(NOW, 1000) <= NOW + timedelta(seconds=902)


@pytest.mark.parametrize("state", [ReleaseState.DISTRIBUTING, ReleaseState.HELD])
def test_by_a_clock_that_is_doubted_nothing_is_given_up_and_nothing_goes_late(state: ReleaseState) -> None:
    facts = Facts(state, "h", "h", None, None, NOW, True, 0, embargo_closed=True)
    waits = at_claim(facts, NOW)
    assert isinstance(waits, NotYet)
    assert waits.until > NOW
    assert isinstance(at_claim(replace(facts, embargo_closed=False), NOW), Drop)
