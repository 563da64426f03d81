"""What an approval promises: every delivery that follows from it, in the transaction that decides.

May touch: deliveries, destinations (own accounts), revisions' approvals. Recipients are expanded inside the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from distributor.core.channel import Action, calls_of
from distributor.core.delivery import Priority
from distributor.core.refusal import Refused
from distributor.core.release import Kind, ReleaseState, Revision
from distributor.core.rendering import Rendering
from distributor.office.context import Context, Seat
from distributor.storage import Connection, promises, subscribers
from distributor.storage import releases as rows
from distributor.storage.promises import Promise
from distributor.storage.releases import RevisionRow

_Made = list[tuple[int, Rendering]]


async def promise(context: Context, connection: Connection, revision: RevisionRow, now: datetime) -> int:
    """Write the approval of a frozen revision and every delivery that it promises. Returns how many.

    A first publication goes to whoever asked for it. A correction goes to those who have an earlier version or may have
    it, and replaces what is still queued where the channel still accepts it. A withdrawal cancels what is queued, and
    goes to everybody else. A hold and its lifting are told to those who have the release.
    """
    content, action = revision.content, revision.content.action
    beside = action in (Action.HOLD, Action.LIFT)
    hash_, number = revision.content_hash, content.number
    await rows.set_approved(connection, content.release_id, number, hash_, now, beside=beside)
    if action is Action.CORRECT:
        await promises.cancel_queued(connection, content.release_id, "superseded", "a later revision was approved", now)
    elif action is Action.WITHDRAW:
        await promises.cancel_queued(connection, content.release_id, "withdrawn", "the release was withdrawn", now)
    by_channel: dict[str, _Made] = {}
    for row_id, rendering in await rows.get_renderings(connection, content.release_id, number):
        by_channel.setdefault(rendering.channel, []).append((row_id, rendering))
    seats = {name: context.seats.get(name) for name in by_channel}
    if action is Action.PUBLISH:
        addresses = {name: seat.adapter.own_address() for name, seat in seats.items() if seat is not None}
        await subscribers.ensure_own(connection, {name: where for name, where in addresses.items() if where}, now)
    made = 0
    for name, renderings in by_channel.items():
        seat = seats[name]
        if seat is None or seat.withheld(content):
            raise Refused("changed_since")
        for part in _parts(renderings, seat):
            made += await _promise_part(context, connection, seat, revision, part, now)
    if action is Action.PUBLISH and not made:
        raise Refused("nobody_to_send_to")
    return made


async def _promise_part(
    context: Context, connection: Connection, seat: Seat, revision: RevisionRow, part: Promise, now: datetime
) -> int:
    content, hash_ = revision.content, revision.content_hash
    if content.action is Action.PUBLISH:
        facets = {
            "kind": [content.kind.value],
            "region": context.regions.with_parents(content.regions),
            "topic": context.topics.with_parents(content.topics),
        }
        return await promises.promise(connection, content, hash_, part, facets, _fixed(context, content, seat, now))
    made = 0
    if content.action in seat.adapter.traits.actions:
        fixed = _following(content, now)
        if content.action is Action.WITHDRAW and seat.adapter.traits.media_count:  # each message is deleted by itself
            most = await promises.most_calls(connection, content.release_id, part.rendering.channel)
            part = replace(part, calls=part.calls + most)
        made += await promises.promise_after(connection, content, hash_, part, fixed, out=True)
    if content.action is Action.CORRECT and seat.accepts(content, context.regions, context.topics):
        fixed = _fixed(context, content, seat, now)
        made += await promises.promise_after(connection, content, hash_, part, fixed, out=False)
    return made


def _fixed(context: Context, content: Revision, seat: Seat, now: datetime) -> dict[str, Any]:
    """Of a publication: it waits for schedule and embargo, and is given up at its deadline. An appeal always has one of
    its own, and no channel that keeps trying for days lengthens it."""
    starts = _later((content.at, content.embargo), now)
    due = max([now, *starts])
    own = content.deadline or (due + context.appeal_deadline if content.kind is Kind.APPEAL else None)
    limits = [limit for limit in (own, due + seat.deadline if seat.deadline else None) if limit]
    return {
        "action": Action.PUBLISH.value,
        "priority": Priority.of(content.kind),
        "due": due,
        "due_trusted": max([now, *_later((content.at,), now)]),
        "deadline": min(limits) if limits else None,
        "created_at": now,
    }


def _following(content: Revision, now: datetime) -> dict[str, Any]:
    """Of what follows a publication. It has no deadline: whoever has the old version must hear of it, however late. A
    withdrawal and a hold are urgent whatever the release is."""
    corrects = content.action in (Action.CORRECT, Action.LIFT)
    starts = _later((content.at, content.embargo), now) if corrects else []
    usual = Priority.of(content.kind)
    return {
        "action": content.action.value,
        "priority": usual if corrects else min(usual, Priority.URGENT),
        "due": max([now, *starts]),
        "due_trusted": max([now, *(_later((content.at,), now) if corrects else [])]),
        "deadline": None,
        "created_at": now,
    }


def _later(moments: Iterable[datetime | None], now: datetime) -> list[datetime]:
    return [moment for moment in moments if moment and moment > now]


def state_after(revision: Revision, now: datetime) -> ReleaseState:
    """Where a release stands after a revision of it was approved."""
    if revision.action is Action.WITHDRAW:
        return ReleaseState.WITHDRAWN
    waits = _later((revision.at, revision.embargo), now)
    return ReleaseState.APPROVED if waits else ReleaseState.DISTRIBUTING


def _parts(renderings: _Made, seat: Seat) -> list[Promise]:
    """One default rendering for a channel, in its preferred language; the others for subscribers who wish them."""
    order = {language: place for place, language in enumerate(seat.languages)}
    ranked = sorted(renderings, key=lambda item: order.get(item[1].language, len(order)))
    others = tuple(rendering.language for _, rendering in ranked[1:])
    traits = seat.adapter.traits
    return [
        Promise(
            row_id,
            rendering,
            others if place == 0 else (),
            traits.prepares and rendering.needs_preparing,
            calls_of(rendering, traits),
            place == 0,
        )
        for place, (row_id, rendering) in enumerate(ranked)
    ]
