"""Subscribers of a channel: add, list, unsubscribe.

May touch: destinations, subscriptions, the audit log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

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
    ) -> int:
        """Add a subscriber, or replace what one asked for. `facets`: region, topic, kind → codes; none is all."""
        if person is not None and not person.may(Right.OPERATE):
            raise Refused("not_administrator")
        wanted = {facet: list(values) for facet, values in (facets or {}).items() if values}
        clean = normalise(address)
        self._check(channel, clean, label, wanted)
        if language and not _LANGUAGE.fullmatch(language):
            raise Refused("unknown_language", language=language)
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found = await rows.put(connection, channel, clean, normalise(label), language, wanted, now)
            data = {"channel": channel, "facets": wanted, "language": language}
            await audit.append(connection, now, actor(person), "subscriber.added", f"destination:{found}", data)
            await connection.commit()
        return found

    def _check(self, channel: str, address: str, label: str, facets: Mapping[str, list[str]]) -> None:
        context = self._context
        if channel not in context.seats:
            raise Refused("unknown_channel", name=channel, known=", ".join(context.seats))
        if context.seats[channel].adapter.own_address():
            raise Refused("no_subscribers_here", name=channel)
        if not _MAILBOX.fullmatch(address) or faults_in(label, one_line=True):
            raise Refused("bad_address", address=address)
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
