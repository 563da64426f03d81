"""The arithmetic of quotas and circuits, by property and by example; no clock but the one given."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.core.ports import Window
from distributor.queue.circuit import OPENS_AFTER, Health, open_seconds
from distributor.queue.limits import Ledger, Spent, pace, share, slack

WINDOWS = st.lists(
    st.builds(Window, st.integers(1, 30), st.sampled_from([0.2, 1.0, 3.0, 60.0])), min_size=1, max_size=3
)
# (seconds passed since the last, most, least, seconds after which the calls begin, calls given back)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 0.05, 0.3, 1.0, 5.0]),
        st.integers(1, 9),
        st.integers(1, 3),
        st.sampled_from([0.0, 0.0, 0.02, 0.7]),
        st.integers(0, 2),
    ),
    max_size=60,
)


@given(WINDOWS, STEPS)
def test_no_window_ever_holds_more_than_its_count(
    windows: list[Window], steps: list[tuple[float, int, int, float, int]]
) -> None:
    spent, now, made = Spent(), 100.0, []
    for number, (passed, most, least, late, back) in enumerate(steps):
        now += passed
        most = max(most, least)
        calls, wait = spent.room(windows, now, most, least)
        assert calls == 0 or least <= calls <= most
        assert (calls == 0) == (wait > 0)
        if not calls:
            now += wait + 1e-6
            assert spent.room(windows, now, least, least)[0] == least or len(windows) > 1
            continue
        spent.spend(str(number), calls, now)
        now += late  # as long as this worker is busy nothing else is taken
        spent.began(str(number), calls, now)
        given_back = min(back, calls - 1)
        assert spent.refund(str(number), given_back) == calls - given_back
        made += [(now, calls - given_back, calls)]
    for window in windows:
        for first, (at, *_) in enumerate(made):
            inside = [entry for entry in made[first:] if entry[0] < at + window.seconds]
            alone = len(inside) == 1 and inside[0][2] > window.count  # larger than the window: it went alone
            assert alone or sum(calls for _, calls, _ in inside) <= window.count


def test_a_window_is_a_little_longer_here_than_at_the_platform() -> None:
    assert (slack(1.0), slack(86400.0)) == (0.01, 0.5)
    spent = Spent()
    assert spent.room([Window(1, 1.0)], 5.0, 1, 1) == (1, 0.0)
    spent.spend("a", 1, 5.0)
    assert spent.room([Window(1, 1.0)], 6.009, 1, 1)[0] == 0
    assert spent.room([Window(1, 1.0)], 6.0101, 1, 1)[0] == 1


@pytest.mark.parametrize(("count", "seconds", "size"), [(30, 1.0, 3), (1000, 1.0, 100), (11, 2.0, 2)])
def test_short_large_windows_are_taken_in_tenths(count: int, seconds: float, size: int) -> None:
    window = Window(count, seconds)
    paced = pace(window)
    assert paced is not None
    assert paced.size == size
    spent = Spent()
    assert spent.room([window], 0.0, count, 1) == (size, 0.0)
    spent.spend("a", size, 0.0)
    calls, wait = spent.room([window], 0.0, count, 1)
    assert calls == 0
    assert wait <= seconds / 10


@pytest.mark.parametrize("window", [Window(9, 1.0), Window(20, 60.0), Window(10000, 86400.0)])
def test_others_go_in_one_burst(window: Window) -> None:
    assert pace(window) is None
    assert Spent().room([window], 0.0, window.count, 1) == (window.count, 0.0)


def test_a_fair_share_never_adds_up_to_more_than_the_whole() -> None:
    for workers in range(1, 9):
        for count in (1, 3, 7, 50):
            part = share(Window(count, 2.0), workers)
            assert part.count / part.seconds * workers <= count / 2.0 + 1e-9
            assert part.count >= 1


def test_ten_thousand_calls_a_day_taken_one_by_one_stay_quick_and_bounded() -> None:
    windows = [Window(100, 900.0), Window(10000, 86400.0)]
    spent, now, given_out, started = Spent(), 0.0, 0, time.perf_counter()
    while now < 3 * 86400.0:
        calls, wait = spent.room(windows, now, 1, 1)
        if calls:
            spent.spend(str(now), calls, now)
            given_out += calls
        now += max(wait, 8.0)
    seconds = time.perf_counter() - started
    assert 0.98 * 28800 < given_out <= 30000
    assert len(spent.entries(now)) <= 10000
    assert seconds < 5, seconds


def test_a_ledger_forgets_destinations_whose_windows_have_passed() -> None:
    ledger = Ledger()
    for number in range(50_000):
        now = number / 100
        spent = ledger.of(f"lane/{number}", now)
        assert spent.room([Window(1, 1.0)], now, 1, 1)[0] == 1
        spent.spend("m", 1, now)
    assert len(ledger._keys) < 5000


def test_what_counts_no_more_can_be_given_back_without_harm() -> None:
    assert Spent().refund("none", 3) == 0


def test_what_begins_long_after_its_leave_counts_again() -> None:
    """An upload that takes longer than the window: the post at its end is a call like any other."""
    spent, windows = Spent(), [Window(2, 1.0)]
    for mark in ("first", "second"):
        assert spent.room(windows, 0.0, 1, 1)[0] == 1
        spent.spend(mark, 1, 0.0)
    assert spent.room(windows, 5.0, 2, 1)[0] == 2, "both have left the window"
    assert spent.began("first", 1, 5.0) == math.inf
    assert spent.room(windows, 5.0, 2, 1)[0] == 1
    assert spent.began("second", 1, 5.0) == math.inf
    assert spent.room(windows, 5.5, 1, 1)[1] == pytest.approx(0.5 + slack(1.0))


def test_the_rest_of_a_circuit_doubles_up_to_five_minutes() -> None:
    assert [open_seconds(failures) for failures in range(3, 13)] == [0, 0, 5, 10, 20, 40, 80, 160, 300, 300]


def test_a_probe_has_its_place_for_a_minute() -> None:
    health = Health()
    for _ in range(OPENS_AFTER):
        health.failed(10.0)
    assert health.obstacle(14.0) == 1.0
    assert health.obstacle(15.0) == 0.0
    health.probes("p", 15.0)
    assert health.obstacle(74.5) == 0.5
    assert health.obstacle(75.0) == 0.0
    health.probes("q", 75.0)
    health.unused("p")
    assert health.obstacle(76.0) == 1.0
    health.unused("q")
    assert health.obstacle(76.0) == 0.0
    assert health.failed(76.0) == 10.0
    assert health.failed(80.0) == 6.0
    assert health.healed()
    assert not health.healed()
    assert health.obstacle(80.0) == 0.0
