"""Signing in to the console: a one-time link, then a session.

May touch: signins, sessions, people (read), the audit log. Tokens are kept as SHA-256 only.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from distributor.core.people import Person, Right
from distributor.core.refusal import Refused
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.storage import audit, tokens
from distributor.storage import people as people_rows

LINK_LASTS = timedelta(minutes=10)
SESSION_LASTS = timedelta(hours=12)


class SignIn:
    """Uses around console sessions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def link(self, person: Person) -> str:
        """A single-use address that signs this person in; good for ten minutes."""
        if not person.may(Right.READ_LOG):
            raise Refused("not_editor")
        now = self._context.clock()
        token = secrets.token_urlsafe(32)
        async with self._context.database.transaction(logged=True) as connection:
            await tokens.add_signin(connection, token, person.id, now, now + LINK_LASTS)
            await audit.append(connection, now, actor(person), "signin.link", f"person:{person.id}", {})
            await connection.commit()
        return f"{self._context.base_url}/admin/enter?token={token}"

    async def enter(self, token: str) -> tuple[Person, str]:
        """Use a link: the person, and the session's token for the cookie. Refused where the link is used or old."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            person_id = await tokens.use_signin(connection, token, now)
            person = await people_rows.get(connection, person_id) if person_id else None
            if person is None or not person.may(Right.READ_LOG):
                await audit.append(connection, now, "system", "signin.refused", "console", {})
                await connection.commit()
                raise Refused("signin_invalid")
            session = secrets.token_urlsafe(32)
            await tokens.add_session(connection, session, person.id, now, now + SESSION_LASTS)
            await audit.append(connection, now, actor(person), "signin.entered", f"person:{person.id}", {})
            await connection.commit()
        return person, session

    async def who(self, session: str) -> Person | None:
        """The person behind a session, with the role of this moment; None where it ended or the right is gone."""
        async with self._context.database.read() as connection:
            person_id = await tokens.session_person(connection, session, self._context.clock())
            person = await people_rows.get(connection, person_id) if person_id else None
        return person if person is not None and person.may(Right.READ_LOG) else None

    async def leave(self, session: str) -> None:
        """Sign out."""
        async with self._context.database.transaction(logged=True) as connection:
            await tokens.end_session(connection, session)
            await connection.commit()
