"""The bot's memory as the desk uses it: each call one transaction over `storage.desk`.

May touch: updates, conversations, album_parts, status_messages, through the storage. Nothing is kept in the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from distributor.office.context import Context
from distributor.storage import desk

State = dict[str, Any]

ALBUM_QUIET = timedelta(seconds=1)  # after its last part an album counts as complete
UPDATES_KEPT = timedelta(days=3)  # Telegram repeats nothing that is older than a day
NOBODY = 0  # the desk as a whole, where a conversation belongs to no person


class Memory:
    """What the desk remembers."""

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._clock = context.clock

    async def receive(self, updates: Sequence[State]) -> list[State]:
        """Keep updates, all in one transaction; those that had not come before, in order."""
        fresh = []
        async with self._database.transaction() as connection:
            for update in updates:
                if await desk.receive(connection, int(update["update_id"]), update, self._clock()):
                    fresh.append(update)
            await connection.commit()
        return fresh

    async def processed(self, update_id: int) -> None:
        """An update is done with."""
        async with self._database.transaction() as connection:
            await desk.processed(connection, update_id, self._clock())
            await connection.commit()

    async def unprocessed(self) -> list[State]:
        """What was received before and not done with, oldest first; old numbers are forgotten."""
        async with self._database.transaction() as connection:
            await desk.forget_updates(connection, self._clock() - UPDATES_KEPT)
            found = await desk.unprocessed(connection)
            await connection.commit()
        return sorted(found, key=lambda update: abs(int(update["update_id"])))

    async def conversation(self, chat: int, person: int) -> State:
        """What a person is in the midst of in a chat."""
        async with self._database.read() as connection:
            return await desk.conversation(connection, chat, person)

    async def remember(self, chat: int, person: int, state: State) -> None:
        """Keep it; an empty state forgets it. Values that are None are left out."""
        kept = {name: value for name, value in state.items() if value is not None}
        async with self._database.transaction() as connection:
            await desk.set_conversation(connection, chat, person, kept, self._clock())
            await connection.commit()

    async def keep_part(self, chat: int, group: str, message_id: int, update: State) -> None:
        """Keep one message of an album."""
        async with self._database.transaction() as connection:
            await desk.add_album_part(connection, chat, group, message_id, update, self._clock())
            await connection.commit()

    async def complete_albums(self) -> list[State]:
        """Albums whose last part is old enough, each as an update of our own with a negative number.

        They move from the parts to the updates in one transaction: a crash loses none and makes none twice.
        """
        made = []
        async with self._database.transaction() as connection:
            albums = await desk.take_complete_albums(connection, self._clock() - ALBUM_QUIET)
            for album in sorted(albums, key=lambda parts: int(parts[0]["update_id"])):
                number = -int(album[0]["update_id"])
                update = {"update_id": number, "album": [part["message"] for part in album]}
                if await desk.receive(connection, number, update, self._clock()):
                    made.append(update)
            if albums:
                await connection.commit()
        return made

    async def keep_message(self, chat: int, message_id: int, subject: str, role: str, shown: str = "") -> None:
        """Remember a message of ours."""
        async with self._database.transaction() as connection:
            await desk.add_status_message(connection, chat, message_id, subject, role, shown, self._clock())
            await connection.commit()

    async def messages(self, subject: str) -> Sequence[State]:
        """Our messages about a subject, oldest first: chat_id, message_id, role, shown."""
        async with self._database.read() as connection:
            return await desk.status_messages_of(connection, subject)

    async def shown(self, chat: int, message_id: int, fingerprint: str) -> None:
        """A message now shows this."""
        async with self._database.transaction() as connection:
            await desk.set_shown(connection, chat, message_id, fingerprint)
            await connection.commit()

    async def forget_message(self, chat: int, message_id: int) -> None:
        """A message will not be edited any more."""
        async with self._database.transaction() as connection:
            await desk.forget_status_message(connection, chat, message_id)
            await connection.commit()
