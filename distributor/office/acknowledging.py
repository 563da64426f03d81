"""A reader's word that a correction, a withdrawal or a hold was read.

May touch: acknowledgements, the audit log. The token of the reader's own link is the proof; who holds none learns
nothing, not even whether a release exists.
"""

from __future__ import annotations

from typing import Any

from distributor.core.release import Action
from distributor.office.context import Context
from distributor.storage import Connection, acknowledgements, audit
from distributor.storage import releases as rows
from distributor.storage.acknowledgements import Reader

ASKED = frozenset({Action.CORRECT, Action.WITHDRAW, Action.HOLD})
"""What readers are asked to acknowledge."""

LISTED = 500


class Acknowledging:
    """Uses around acknowledgements."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def asked(self, token: str, release_id: str, revision: int) -> bool:
        """True where the link is one of ours: this reader was told of this revision. Reads only."""
        async with self._context.database.read() as connection:
            return await self._reader(connection, token, release_id, revision) is not None

    async def acknowledge(self, token: str, release_id: str, revision: int) -> bool:
        """Keep that it was read. False where the link is none of ours; twice is once."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            reader = await self._reader(connection, token, release_id, revision)
            if reader is None:
                return False
            if await acknowledgements.put(connection, release_id, revision, reader.id, now):
                data = {"revision": revision, "destination": reader.id, "channel": reader.channel}
                subject = f"release:{release_id}"
                await audit.append(connection, now, "subscriber", "notice.acknowledged", subject, data)
            await connection.commit()
        return True

    async def counts(self, release_id: str) -> dict[int, int]:
        """Revision → how many readers acknowledged it."""
        async with self._context.database.read() as connection:
            return await acknowledgements.counts(connection, release_id)

    async def of_release(self, release_id: str, most: int = LISTED) -> list[dict[str, Any]]:
        """The newest acknowledgements: revision, at, destination_id, channel, label, address."""
        async with self._context.database.read() as connection:
            return await acknowledgements.of_release(connection, release_id, most)

    async def _reader(self, connection: Connection, token: str, release_id: str, revision: int) -> Reader | None:
        found = await acknowledgements.reader(connection, token, release_id, revision)
        kept = await rows.get_revision(connection, release_id, revision) if found else None
        return found if kept and kept.content.action in ASKED else None
