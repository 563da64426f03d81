"""Which words of a release may stand at an account, and when: those of what was approved and sent last, and of whatever
may have taken effect since.

Pure, but for the adapter's own reading of its renderings. A look may fall between an edit and its outcome: until a
delivery is known to be sent, and for a moment after, the words before it and its own are both right.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from distributor.core.channel import Readable
from distributor.storage.watched import Put, Watched

GRACE = timedelta(minutes=2)  # what is so young may not be shown yet, or its outcome is still on its way
_SHOWS = frozenset({"publish", "correct"})


class Expected:
    """One release at one account."""

    def __init__(self, adapter: Readable, release: Watched) -> None:
        self.release = release
        self.ids = frozenset(number for put in release.puts for number in put.ids)
        self._puts = release.puts
        self._words = [adapter.words(put.rendering) for put in release.puts]
        self._kept = [_kept(adapter, put) for put in release.puts]
        self._ever = frozenset(text for words in self._words for text in words)

    def right(self, number: str, text: str, at: datetime) -> bool:
        """True where this text may stand under one of the release's ids, as of a time; '' for an id that nobody told
        us: of an outcome that is unknown, or a platform that numbers anew what it made of ours."""
        if not text:
            return bool(number) and "" in self._ever and not self.withdrawn(at)
        last = self._last(at)
        return any(text in self._words[place] for place in self._standing(last, number))

    def ever(self, text: str) -> bool:
        """True where it is a text that this release once had there, or may have had."""
        return bool(text) and text in self._ever

    def withdrawn(self, at: datetime) -> bool:
        """True where it was certainly gone by then."""
        last = self._last(at)
        return last is not None and self._puts[last].action == "withdraw"

    def _last(self, at: datetime) -> int | None:
        """The place of the newest delivery that had certainly replaced what stood before it."""
        for place in reversed(range(len(self._puts))):
            put = self._puts[place]
            if put.action in {*_SHOWS, "withdraw"} and put.sent_at is not None and put.sent_at < at - GRACE:
                return place
        return None

    def _standing(self, last: int | None, number: str) -> set[int]:
        """The places of the deliveries whose words may be there: from the last certain one on, whatever may still come
        to pass, and what a correction let stand."""
        first = last or 0
        places = {place for place, put in enumerate(self._puts) if place >= first or put.pending}
        older = [place for place in range(first) if self._puts[place].action in _SHOWS]
        while older and number in self._kept[first]:
            first = older.pop()
            places.add(first)
        return places


def _kept(adapter: Readable, put: Put) -> frozenset[str]:
    return adapter.kept(put.receipt, put.progress) if put.action == "correct" else frozenset()
