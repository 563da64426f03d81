"""Single-use buttons: why a press is refused, whoever made the button, and the note of it in the log.

May touch: nonces, people (reads), the audit log. Decides nothing beyond the button itself: what a person may do stands
with each use.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Any

from distributor.core.people import Person
from distributor.core.refusal import Refused
from distributor.office.context import Context
from distributor.office.people import actor
from distributor.storage import Connection, audit, tokens
from distributor.storage import people as people_rows

Nonce = dict[str, Any]


def nonce_fault(nonce: Nonce | None, purposes: Container[str], person: Person | None, now: datetime) -> str:
    """Why a token may not be used, as a code; '' where it may. `purposes`: what such a button may be made for."""
    if nonce is None or nonce["purpose"] not in purposes:
        return "forged_button"
    if person is None:
        return "not_a_member"
    if nonce["person_id"] is not None and nonce["person_id"] != person.id:
        return "not_your_button"
    if nonce["used_at"] is not None:
        return "already_pressed"
    return "button_expired" if nonce["expires_at"] <= now else ""


async def taken(
    connection: Connection, token: str, telegram_id: int, purpose: str, now: datetime
) -> tuple[Person, Nonce]:
    """Use a button up: who pressed, and what it was bound to. Raises Refused; the caller's transaction must then end,
    so that a press that comes to nothing uses nothing up."""
    person = await people_rows.by_telegram(connection, telegram_id)
    nonce = await tokens.get_nonce(connection, token)
    code = nonce_fault(nonce, (purpose,), person, now)
    if code or nonce is None or person is None:
        raise Refused(code)
    if not await tokens.use_nonce(connection, token, person.id, now):
        raise Refused("already_pressed")
    return person, nonce


async def note_refused(context: Context, token: str, telegram_id: int, code: str, purpose: str) -> None:
    """Write a refused press down, in a transaction of its own: what the press began is undone."""
    async with context.database.transaction(logged=True) as connection:
        person = await people_rows.by_telegram(connection, telegram_id)
        nonce = await tokens.get_nonce(connection, token)
        subject = f"{purpose}:{nonce['subject']}" if nonce and nonce["purpose"] == purpose else "desk"
        await note(connection, context.clock(), telegram_id, person, subject, {"code": code})
        await connection.commit()


async def note(
    connection: Connection, now: datetime, telegram_id: int, person: Person | None, subject: str, data: dict[str, Any]
) -> None:
    """The same in the caller's transaction."""
    who = actor(person) if person else f"telegram:{telegram_id}"
    await audit.append(connection, now, who, "press.refused", subject, data)
