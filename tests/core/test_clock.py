"""When a clock is doubted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from distributor.core.clock import AHEAD, AWAY, ClockDoubt, ClockSigns, at_start, differs

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


@pytest.mark.parametrize("by", [AHEAD * 2, -AHEAD * 2])
def test_a_clock_that_differs_from_the_servers_is_doubted_either_way(by: timedelta) -> None:
    for signs in (ClockSigns(None, NOW + by), ClockSigns(NOW, NOW + by, ())):
        assert at_start(NOW, signs) == differs(NOW, signs) == ClockDoubt("differs", abs(by))
    assert differs(NOW, ClockSigns(None, NOW + by / 2)) is None
    assert differs(NOW, ClockSigns()) is None
