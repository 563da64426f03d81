"""The proof of a release: which destinations have which version, who still shows an old one, and why.

Reads only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from distributor.core.outcome import Old
from distributor.core.refusal import Refused
from distributor.core.release import Action
from distributor.office.context import Context
from distributor.storage import Connection, coverage
from distributor.storage import releases as rows
from distributor.storage.coverage import Target
from distributor.storage.releases import ReleaseRow

PAGE = 100


class Status(StrEnum):
    """Where a destination stands towards what everybody should have."""

    CURRENT = "current"  # has the revision that stands
    GONE = "gone"  # withdrawn there, or told of the withdrawal
    LABELLED = "labelled"  # has it, and beside it something old stands, or may; what was sent says so there
    OLD = "old"  # shows an earlier version, or shows what was withdrawn
    DOUBT = "doubt"  # something may be there; nobody knows
    COMING = "coming"  # has nothing, and the revision is on its way
    NONE = "none"  # has nothing, and will get nothing


WRONG = frozenset({Status.OLD, Status.LABELLED, Status.DOUBT})


@dataclass(frozen=True, slots=True)
class Group:
    """Destinations in the same position. `shown` is the revision that stands there, 0 for none. `because` says why it
    is not the one that should, or not alone (a code, '' where it is), `code` what the delivery came to."""

    status: Status
    shown: int
    because: str
    code: str
    count: int


@dataclass(frozen=True, slots=True)
class ChannelCoverage:
    """One channel: destinations by status, and every position of those who have not what they should."""

    name: str
    counts: Mapping[Status, int]
    groups: tuple[Group, ...]
    acknowledged: int


@dataclass(frozen=True, slots=True)
class CoverageOf:
    """A release, what everybody should have of it, and who has."""

    release: ReleaseRow
    target: Target
    channels: tuple[ChannelCoverage, ...] = ()
    counts: Mapping[Status, int] = field(default_factory=dict)

    @property
    def old(self) -> int:
        """How many show an old version."""
        return self.counts.get(Status.OLD, 0)

    @property
    def labelled(self) -> int:
        """At how many something old stands, or may, beside what says that it is old."""
        return self.counts.get(Status.LABELLED, 0)

    @property
    def doubt(self) -> int:
        """At how many nobody knows what is shown."""
        return self.counts.get(Status.DOUBT, 0)

    @property
    def complete(self) -> bool:
        """True where nobody shows, or may show, what they should not."""
        return not any(self.counts.get(status, 0) for status in WRONG)


class Coverage:
    """Questions about who has what."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def of_release(self, release_id: str) -> CoverageOf:
        """Counts by channel, made inside the database however many destinations there are."""
        async with self._context.database.read() as connection:
            release, target = await self._target(connection, release_id)
            found = await coverage.groups(connection, target)
        channels = tuple(self._channel(name, target, found) for name in self._order(found))
        counts: Counter[Status] = Counter()
        for channel in channels:
            counts.update(channel.counts)
        return CoverageOf(release, target, channels, counts)

    async def holders(
        self, release_id: str, *, status: str = "", channel: str = "", after: int = 0, most: int = PAGE
    ) -> list[dict[str, Any]]:
        """Destinations by number, a page of them: destination_id, channel, address, label, kind, status, shown,
        because, state, code, reason, updated_at, delivery_id, acknowledged_at, left. `after` pages on."""
        async with self._context.database.read() as connection:
            _, target = await self._target(connection, release_id)
            wanted: dict[str, Any] = {"status": status, "channel": channel, "after": after, "most": most}
            found = await coverage.holders(connection, target, **wanted)
        return [row | {"because": self._because(row, target)} for row in found]

    async def _target(self, connection: Connection, release_id: str) -> tuple[ReleaseRow, Target]:
        release = await rows.get(connection, release_id)
        if release is None:
            raise Refused("unknown_release", id=release_id)
        stands = await rows.get_revision(connection, release_id, release.revision)
        if stands is None or not stands.approved_hash:
            return release, Target(release_id, 0, Action.PUBLISH)
        return release, Target(release_id, release.revision, stands.content.action)

    def _order(self, found: list[dict[str, Any]]) -> list[str]:
        """The channels in the order of the settings; those that are no longer configured at the end."""
        order = {name: place for place, name in enumerate(self._context.seats)}
        return sorted({row["channel"] for row in found}, key=lambda name: (order.get(name, len(order)), name))

    def _channel(self, name: str, target: Target, found: list[dict[str, Any]]) -> ChannelCoverage:
        mine = [row for row in found if row["channel"] == name]
        counts: Counter[Status] = Counter()
        positions: Counter[tuple[Status, int, str, str]] = Counter()
        for row in mine:
            status = Status(row["status"])
            counts[status] += row["count"]
            because = self._because(row, target)
            if because:
                positions[status, row["shown"], because, row["code"] or ""] += row["count"]
        groups = tuple(Group(*position, count) for position, count in positions.items())
        return ChannelCoverage(name, counts, groups, sum(row["acknowledged"] for row in mine))

    def _because(self, row: Mapping[str, Any], target: Target) -> str:
        """Why a destination has not what it should, or not alone: a code, '' where it has."""
        if row["status"] in (Status.CURRENT, Status.GONE):
            return ""
        if row["status"] == Status.LABELLED:
            return f"old_{row['left'] if row['left'] in set(Old) else Old.UNKNOWN}"
        if row["state"] is None:
            return self._nothing_promised(row, target)
        if row["state"] in ("queued", "waiting", "sending"):
            return "waits_earlier" if row["blocked"] else "under_way"
        ended = {"rejected": "dead_letter", "expired": "expired", "cancelled": "cancelled"}
        left = row["state"] == "cancelled" and row["code"] == "unsubscribed"
        return "unsubscribed" if left else ended.get(row["state"], "unknown")

    def _nothing_promised(self, row: Mapping[str, Any], target: Target) -> str:
        seat = self._context.seats.get(row["channel"])
        if row["destination_status"] in ("unsubscribed", "suspended"):
            return str(row["destination_status"])
        if seat is None:
            return "no_channel"
        return "not_promised" if target.action in seat.adapter.traits.actions else "cannot"
