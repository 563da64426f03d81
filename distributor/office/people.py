"""Who works here: invitations, joining, roles.

May touch: people, invitations, sessions, the audit log. A role changes only together with its audit event.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from distributor.core.people import Person, Right, Role
from distributor.core.refusal import Refused
from distributor.core.text import faults_in, normalise
from distributor.office.context import Context
from distributor.storage import audit, tokens
from distributor.storage import people as rows

INVITATION_LASTS = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A single-use way in. `token` is shown once and kept nowhere; a link is t.me/<bot>?start=<token>."""

    token: str
    role: Role
    expires: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """A person who has just joined, and who had invited them (None: the command line)."""

    person: Person
    issuer_id: int | None


def actor(person: Person | None) -> str:
    """How the audit log names who did it."""
    return f"person:{person.id}" if person else "system"


class People:
    """Uses around people."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def invite(self, role: Role, issuer: Person | None, name: str = "") -> Invitation:
        """A single-use invitation. `issuer` None is the operator at the command line."""
        if issuer is not None and not issuer.may(Right.PEOPLE):
            raise Refused("not_administrator")
        if role is Role.NONE:
            raise Refused("unknown_role")
        now = self._context.clock()
        # 'i_' tells the bot which kind of deep link it is; 128 bits follow. Telegram allows 64 of [A-Za-z0-9_-].
        token = f"i_{secrets.token_urlsafe(16)}"
        expires = now + INVITATION_LASTS
        values = {
            "token_hash": tokens.token_hash(token),
            "role": role.value,
            "name": normalise(name),
            "issuer_id": issuer.id if issuer else None,
            "created_at": now,
            "expires_at": expires,
        }
        async with self._context.database.transaction(logged=True) as connection:
            await rows.add_invitation(connection, values)
            data = {"role": role.value, "name": normalise(name), "expires": expires.isoformat()}
            await audit.append(connection, now, actor(issuer), "person.invited", "people", data)
            await connection.commit()
        return Invitation(token, role, expires)

    async def join(self, token: str, telegram_id: int, name: str, language: str = "ka") -> Joined:
        """Use an invitation. Refused where it is unknown, used or expired; `issuer` in the refusal's params is the
        id of who must be told."""
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            found = await rows.get_invitation(connection, tokens.token_hash(token))
            code = _fault(found, now)
            if code or found is None:
                data = {"telegram_id": telegram_id, "code": code}
                await audit.append(connection, now, f"telegram:{telegram_id}", "invitation.refused", "people", data)
                await connection.commit()
                raise Refused(code, issuer=str(found["issuer_id"] or "") if found else "")
            role = Role(found["role"])
            clean = normalise(found["name"] or name)
            if not clean or faults_in(clean, one_line=True):
                raise Refused("bad_name")
            person = await rows.by_telegram(connection, telegram_id)
            if person is None:
                person = await rows.add(connection, clean, role, telegram_id, language, now)
            else:
                await rows.change(connection, person.id, role=role.value)
                person = Person(person.id, person.name, role, telegram_id, person.language)
            if not await rows.use_invitation(connection, found["id"], person.id, now):
                raise Refused("invitation_used")
            data = {"role": role.value, "invitation": found["id"], "name": person.name}
            await audit.append(connection, now, f"person:{person.id}", "person.joined", f"person:{person.id}", data)
            await connection.commit()
        return Joined(person, found["issuer_id"])

    async def set_role(self, person_id: int, role: Role, by: Person | None) -> Person:
        """Change a role; with it every console session of the person ends."""
        if by is not None and not by.may(Right.PEOPLE):
            raise Refused("not_administrator")
        now = self._context.clock()
        async with self._context.database.transaction(logged=True) as connection:
            person = await rows.get(connection, person_id)
            if person is None:
                raise Refused("unknown_person")
            await rows.change(connection, person_id, role=role.value)
            await tokens.end_sessions_of(connection, person_id)
            data = {"before": person.role.value, "after": role.value}
            await audit.append(connection, now, actor(by), "person.role", f"person:{person_id}", data)
            await connection.commit()
        return Person(person.id, person.name, role, person.telegram_id, person.language)

    async def set_language(self, person: Person, language: str) -> None:
        """In which language the bot speaks to a person."""
        if language not in {"ka", "en"}:
            raise Refused("unknown_language", language=language)
        async with self._context.database.transaction(logged=True) as connection:
            await rows.change(connection, person.id, language=language)
            await connection.commit()

    async def by_telegram(self, telegram_id: int) -> Person | None:
        """The person behind a Telegram account, from the database, each time: roles change."""
        async with self._context.database.read() as connection:
            return await rows.by_telegram(connection, telegram_id)

    async def get(self, person_id: int) -> Person | None:
        """One person."""
        async with self._context.database.read() as connection:
            return await rows.get(connection, person_id)

    async def everyone(self) -> list[Person]:
        """All people."""
        async with self._context.database.read() as connection:
            return await rows.everyone(connection)


def _fault(found: dict[str, object] | None, now: datetime) -> str:
    if found is None:
        return "invitation_unknown"
    if found["used_at"] is not None:
        return "invitation_used"
    expires = found["expires_at"]
    return "invitation_expired" if isinstance(expires, datetime) and expires <= now else ""
