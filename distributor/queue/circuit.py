"""A lane's health as one process knows it: its rest, and the circuit that opens after failures in a row.

Pure; the caller gives the time (monotonic seconds).
"""

from __future__ import annotations

from dataclasses import dataclass

OPENS_AFTER = 5  # failures in a row
FIRST_REST, LONGEST_REST = 5.0, 300.0
PROBE_SECONDS = 60.0  # after which a probe that nobody answered for gives its place free
PROBE_LOOK = 1.0  # at most, until who waits for a probe's end asks again


def open_seconds(failures: int) -> float:
    """How long the circuit stays open after so many failures in a row; 0 while they are too few."""
    if failures < OPENS_AFTER:
        return 0.0
    return min(FIRST_REST * 2.0 ** min(failures - OPENS_AFTER, 10), LONGEST_REST)


@dataclass(slots=True)
class Health:
    """One lane's rest and circuit."""

    rest_until: float = float("-inf")
    open_until: float = float("-inf")
    probe_until: float = float("-inf")
    probe: str = ""  # the mark of the grant that probes
    failures: int = 0

    @property
    def broken(self) -> bool:
        """The circuit is open, or half open: no more than a probe goes."""
        return self.failures >= OPENS_AFTER

    def obstacle(self, now: float) -> float:
        """Seconds before anybody may ask for leave; 0 where it may be asked for now."""
        wait = self.rest_until - now
        if self.broken:
            wait = max(wait, self.open_until - now, min(self.probe_until - now, PROBE_LOOK))
        return max(wait, 0.0)

    def rest(self, seconds: float, now: float) -> None:
        """Nothing goes for so long; a longer rest stands."""
        self.rest_until = max(self.rest_until, now + seconds)

    def probes(self, mark: str, now: float) -> None:
        """This grant is the probe."""
        self.probe, self.probe_until = mark, now + PROBE_SECONDS

    def unused(self, mark: str) -> None:
        """A grant was given back whole: where it was the probe, its place is free."""
        if mark == self.probe:
            self.probe, self.probe_until = "", float("-inf")

    def failed(self, now: float) -> float:
        """One more failure; the seconds for which the circuit is open. What fails while it is open began before, and
        lengthens nothing: of sixty calls under way when a platform falls over, five count."""
        if self.broken and now < self.open_until:
            return self.open_until - now
        self.failures += 1
        seconds = open_seconds(self.failures)
        if seconds:
            self.open_until = now + seconds
            self.probe, self.probe_until = "", float("-inf")
        return seconds

    def healed(self) -> bool:
        """The platform answered. True where that closed the circuit."""
        was_broken = self.broken
        self.failures, self.open_until = 0, float("-inf")
        self.probe, self.probe_until = "", float("-inf")
        return was_broken
