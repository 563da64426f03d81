"""Where a release stands, as the desk, the console and the command line show it.

Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.core.rendering import Rendering
from distributor.office.context import Context
from distributor.storage import people as people_rows
from distributor.storage import releases as rows
from distributor.storage import reports
from distributor.storage.releases import ReleaseRow, RevisionRow
from distributor.storage.reports import DeliveryFilter

LISTED_REASONS = 20


@dataclass(frozen=True, slots=True)
class ChannelStanding:
    """One channel of a release: how many deliveries stand where, public links, and what is wrong."""

    name: str
    counts: dict[str, int]
    links: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()  # code and reason


@dataclass(frozen=True, slots=True)
class ReleaseStanding:
    """A release with its newest frozen revision (None before the first submission) and its deliveries; `proposed` is
    the one that would follow it and waits for a decision."""

    release: ReleaseRow
    author: Person | None
    revision: RevisionRow | None
    decisions: list[dict[str, Any]] = field(default_factory=list)
    channels: tuple[ChannelStanding, ...] = ()
    proposed: RevisionRow | None = None


class Reading:
    """Questions about what happened."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def standing(self, release_id: str) -> ReleaseStanding:
        """Everything that the status message shows."""
        async with self._context.database.read() as connection:
            release = await rows.get(connection, release_id)
            if release is None:
                raise Refused("unknown_release", id=release_id)
            author = await people_rows.get(connection, release.author_id)
            revision = await rows.get_revision(connection, release_id, release.revision)
            proposed = await rows.get_revision(connection, release_id, release.proposed) if release.proposed else None
            decided = await rows.decisions_of(connection, release_id)
            counts = await reports.by_channel(connection, release_id, release.revision)
            channels = []
            for name, states in counts.items():
                wanted = DeliveryFilter(release_id=release_id, channel=name, most=LISTED_REASONS)
                listed = await reports.list_deliveries(connection, wanted)
                mine = [row for row in listed if row["revision"] == release.revision]
                channels.append(_channel(name, states, mine))
        order = {name: place for place, name in enumerate(self._context.seats)}
        channels.sort(key=lambda channel: order.get(channel.name, len(order)))
        return ReleaseStanding(release, author, revision, decided, tuple(channels), proposed)

    async def renderings(self, release_id: str, number: int | None = None) -> list[Rendering]:
        """The frozen renderings of a revision; without a number, of what is to be decided over, else of the newest."""
        async with self._context.database.read() as connection:
            release = await rows.get(connection, release_id)
            if release is None:
                raise Refused("unknown_release", id=release_id)
            wanted = release.decided_over if number is None else number
            return [rendering for _, rendering in await rows.get_renderings(connection, release_id, wanted)]

    async def releases(self, state: str = "", most: int = 50) -> list[ReleaseRow]:
        """Releases, the last changed first."""
        async with self._context.database.read() as connection:
            return await rows.newest(connection, state=state, most=most)

    async def deliveries(self, wanted: DeliveryFilter) -> list[dict[str, Any]]:
        """Deliveries, the newest first (columns as in storage.reports.list_deliveries)."""
        async with self._context.database.read() as connection:
            return await reports.list_deliveries(connection, wanted)


def _channel(name: str, states: dict[str, int], listed: list[dict[str, Any]]) -> ChannelStanding:
    links: dict[str, None] = {}
    reasons: dict[tuple[str, str], None] = {}
    for row in listed:
        # Subscribers' receipts are theirs; public links come from the channel's own account.
        if row["receipt"] and row["destination_kind"] == "own":
            links.update(dict.fromkeys(row["receipt"].get("links", [])))
        if row["reason"] and row["state"] not in {"sent"}:
            reasons[row["code"], row["reason"]] = None
    return ChannelStanding(name, states, tuple(links), tuple(reasons)[:3])
