"""People and what they may do.

Pure. Deny unless listed: a role may do what stands in the table, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is in the office. `none` is a person whose role was taken away."""

    NONE = "none"
    AUTHOR = "author"
    EDITOR = "editor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """Something a role may be allowed to do."""

    WRITE = "write"
    DECIDE = "decide"  # approve, reject, hold
    RESOLVE = "resolve"  # cases
    READ_LOG = "read_log"
    OPERATE = "operate"  # retry, pause, resume
    PEOPLE = "people"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.NONE: frozenset(),
    Role.AUTHOR: frozenset({Right.WRITE}),
    Role.EDITOR: frozenset({Right.WRITE, Right.DECIDE, Right.RESOLVE, Right.READ_LOG}),
    Role.ADMINISTRATOR: frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works in the office. `telegram_id` is None for one who has not joined by the bot."""

    id: int
    name: str
    role: Role
    telegram_id: int | None = None
    language: str = "ka"

    def may(self, right: Right) -> bool:
        """True where the role holds the right."""
        return right in RIGHTS[self.role]
