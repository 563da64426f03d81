"""When a clock is doubted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from distributor.core.clock import AHEAD, AWAY, ClockDoubt, ClockSigns, Sign, Uptime, at_start, differs

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("last", "embargo", "doubted"),
    [
        (HOUR, HOUR / 2, True),  # it ended while nobody watched
        (HOUR, HOUR * 2, False),  # before that: somebody watched
        (HOUR, -HOUR, False),  # it has not ended
        (AWAY - timedelta(seconds=1), timedelta(minutes=1), False),  # a restart
        (-HOUR, HOUR, False),  # the clock was set back since
    ],
)
def test_an_embargo_that_ended_while_nobody_watched_is_doubted(
    last: timedelta, embargo: timedelta, doubted: bool
) -> None:
    found = at_start(NOW, ClockSigns(NOW - last, None, (NOW - embargo,)))
    assert found == (ClockDoubt("away", last) if doubted else None)


def test_a_first_start_and_a_start_without_embargoes_are_not_doubted() -> None:
    assert at_start(NOW, ClockSigns(None, None, (NOW - HOUR,))) is None
    assert at_start(NOW, ClockSigns(NOW - 9 * HOUR)) is None


UP = timedelta(days=3)


def signs_of(boot: str, wall: timedelta, steady: timedelta, *embargoes: datetime) -> ClockSigns:
    """A sign of life that is so old by the wall's clock, and by the time since the machine started."""
    here = Sign(NOW - wall, Uptime(boot, UP - steady))
    return ClockSigns(NOW - wall, None, embargoes, here)


@pytest.mark.parametrize("leap", [timedelta(minutes=2), timedelta(minutes=4, seconds=59), 9 * HOUR])
def test_on_the_same_boot_a_leap_across_a_restart_is_seen_however_short_it_is(leap: timedelta) -> None:
    away = timedelta(seconds=20)
    for embargoes in ((), (NOW - leap / 2,)):
        signs = signs_of("a", away + leap, away, *embargoes)
        assert at_start(NOW, signs, Uptime("a", UP)) == ClockDoubt("jumped", leap)


def test_on_the_same_boot_an_absence_of_any_length_is_no_doubt_by_itself() -> None:
    """The machine's own clock was at work all the time: nothing leapt."""
    assert at_start(NOW, signs_of("a", 9 * HOUR, 9 * HOUR, NOW - HOUR), Uptime("a", UP)) is None
    drift = AHEAD - timedelta(seconds=1)
    assert at_start(NOW, signs_of("a", 9 * HOUR, 9 * HOUR - drift, NOW - HOUR), Uptime("a", UP)) is None
    assert at_start(NOW, signs_of("a", HOUR, 2 * HOUR, NOW - HOUR / 2), Uptime("a", UP)) is None, "it was set back"


@pytest.mark.parametrize(
    ("boot", "up"),
    [("b", Uptime("a", UP)), ("a", None), ("a", Uptime("a", UP - 10 * HOUR))],
    ids=["other", "no", "odd"],
)
def test_where_the_boot_tells_nothing_an_absence_is_doubted_as_ever(boot: str, up: Uptime | None) -> None:
    assert at_start(NOW, signs_of(boot, 9 * HOUR, 9 * HOUR, NOW - HOUR), up) == ClockDoubt("away", 9 * HOUR)


@pytest.mark.parametrize("by", [AHEAD * 2, -AHEAD * 2])
def test_a_clock_that_differs_from_the_servers_is_doubted_either_way(by: timedelta) -> None:
    for signs in (ClockSigns(None, NOW + by), ClockSigns(NOW, NOW + by, ())):
        assert at_start(NOW, signs) == differs(NOW, signs) == ClockDoubt("differs", abs(by))
    assert differs(NOW, ClockSigns(None, NOW + by / 2)) is None
    assert differs(NOW, ClockSigns()) is None
