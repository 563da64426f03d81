"""Subscribers of a channel: add, list, unsubscribe.

May touch: destinations, subscriptions, the audit log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from distributor.core.channel import Addressed, Endpoints
from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.core.release import Kind
from distributor.core.text import faults_in, normalise
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.storage import audit
from distributor.storage import subscribers as rows

# A mailbox as far as it can be judged without sending: something, an at sign, a domain with a dot; no spaces,
# no brackets, nothing that a header could be broken with.
_MAILBOX = re.compile(r"[^\s<>()\[\],;:\\\"@\x00-\x1f]{1,64}@[^\s<>()\[\],;:\\\"@\x00-\x1f]{1,190}\.[^\s<>@.]{2,63}")

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?")  # BCP 47: a language, perhaps with its script


class Subscriptions:
    """Uses around subscribers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def add(
        self,
        channel: str,
        address: str,
        person: Person | None,
        *,
        label: str = "",
        language: str = "",
        facets: Mapping[str, Iterable[str]] | None = None,
        trusted: bool | None = None,
    ) -> int:
        """Add a subscriber, or replace what one asked for. `facets`: region, topic, kind → codes; none is all.
        `trusted`: may have a text before its embargo ends; None leaves that as it is."""
        if person is not None and not person.may(Right.OPERATE):
            raise Refused("not_administrator")
        wanted = {facet: list(values) for facet, values in (facets or {}).items() if values}
        clean = normalise(address)
        self._check(channel, clean, label, wanted)
        if language and not _LANGUAGE.fullmatch(language):
            raise Refused("unknown_language", language=language)
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found = await rows.put(connection, channel, clean, normalise(label), language, wanted, now, trusted)
            data: dict[str, Any] = {"channel": channel, "facets": wanted, "language": language}
            data["trusted"] = await rows.is_trusted(connection, found)
            await audit.append(connection, now, actor(person), "subscriber.added", f"destination:{found}", data)
            await connection.commit()
        return found

    def _check(self, channel: str, address: str, label: str, facets: Mapping[str, list[str]]) -> None:
        context = self._context
        if channel not in context.seats:
            raise Refused("unknown_channel", name=channel, known=", ".join(context.seats))
        if context.seats[channel].adapter.own_address():
            raise Refused("no_subscribers_here", name=channel)
        adapter = context.seats[channel].adapter
        if isinstance(adapter, Addressed):
            if fault := adapter.address_fault(address):
                raise Refused(f"endpoint_{fault}", address=address)
        elif not _MAILBOX.fullmatch(address):
            raise Refused("bad_address", address=address)
        if faults_in(label, one_line=True):
            raise Refused("bad_address", address=label)
        known = {
            "region": set(context.regions.by_code),
            "topic": set(context.topics.by_code),
            "kind": {kind.value for kind in Kind},
        }
        for facet, values in facets.items():
            for value in values:
                if value not in known.get(facet, set()):
                    raise Refused(f"unknown_{facet}", name=value)

    async def everyone(self, channel: str = "") -> list[dict[str, Any]]:
        """Subscribers with their facets."""
        async with self._context.database.read() as connection:
            return await rows.subscribers(connection, channel)

    async def secret(self, channel: str, address: str, person: Person | None) -> str:
        """What a subscriber's endpoint verifies our calls with. That it was shown is in the log, and it is not."""
        if person is not None and not person.may(Right.OPERATE):
            raise Refused("not_administrator")
        seat = self._context.seats.get(channel)
        found = next((row for row in await self.everyone(channel) if row["address"] == normalise(address)), None)
        if seat is None or not isinstance(seat.adapter, Endpoints) or found is None:
            raise Refused("no_such_endpoint", name=channel, address=address)
        async with self._context.database.transaction(logged=True) as connection:
            subject, now = f"destination:{found['id']}", self._context.clock()
            await audit.append(connection, now, actor(person), "subscriber.secret_shown", subject, {"channel": channel})
            await connection.commit()
        return seat.adapter.secret_of(str(found["token"]))

    async def by_token(self, token: str) -> dict[str, Any] | None:
        """The subscriber behind an unsubscribe link."""
        async with self._context.database.read() as connection:
            return await rows.by_token(connection, token)

    async def unsubscribe(self, token: str) -> bool:
        """The subscriber's own wish (RFC 8058 POST, or the page's button). False for an unknown token; twice is one."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found = await rows.by_token(connection, token)
            if found is None:
                return False
            if found["status"] != "unsubscribed":
                await rows.set_status(connection, found["id"], "unsubscribed", "by the subscriber")
                subject = f"destination:{found['id']}"
                await audit.append(
                    connection, now, "subscriber", "subscriber.left", subject, {"channel": found["channel"]}
                )
            await connection.commit()
        return True
